"""What is printed can be read: in a narrow window, through a pipe, and where the encoding has not every sign."""

from __future__ import annotations

import io
import json
import re
import sys

import pytest

from ft_dcc.cli.output import Output
from ft_dcc.cli.progress import shown_progress
from ft_dcc.publish.progress import Progress
from ft_dcc.publish.records import PublishRequest

NAME = "Aufnahme_Straße_mit_langem_Namen_v012"


def tell_all(on_progress):
    on_progress(Progress("encode", NAME, 48, 48, "frames", seconds=2.0))
    on_progress(Progress("upload ftrackreview-mp4", NAME, 5 * 2**20, 10 * 2**20, "bytes", seconds=2.0))


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_each_bar_is_one_line_of_a_narrow_window_and_says_how_much_is_done(capsys, monkeypatch, columns):
    for name, value in {"COLUMNS": str(columns), "TERM": "xterm", "FORCE_COLOR": "1", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    with shown_progress() as on_progress:
        tell_all(on_progress)
    # Going back to the beginning of a line is a new one here.
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().err).replace("\r", "\n")
    *_, encode, upload = [line for line in shown.splitlines() if line.strip()]
    assert max(map(len, shown.splitlines())) <= columns
    assert encode.startswith("encode A")
    assert "48/48" in encode
    assert encode.rstrip().endswith("24.0 frames/s, 0 s left")
    assert "5.0/10.0 MiB 2.5 MiB/s, 2 s left" in upload


def test_nobody_watches_and_each_step_is_a_line_however_long(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    with shown_progress() as on_progress:
        tell_all(on_progress)
    assert capsys.readouterr().err.splitlines() == [
        f"encode {NAME}: 48 of 48 frames, 24.0 frames/s, 0 s left",
        f"upload ftrackreview-mp4 {NAME}: 5242880 of 10485760 bytes, 2.5 MiB/s, 2 s left",
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "ascii"])
def test_a_report_is_json_in_every_encoding(monkeypatch, encoding):
    report = {"comment": "日本語 ß \N{CLAPPER BOARD}"}
    stdout = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(stdout, encoding=encoding))
    Output(as_json=True).result("", report)
    assert json.loads(stdout.getvalue().decode(encoding)) == report
    assert ("日本語" in stdout.getvalue().decode(encoding)) == (encoding == "utf-8")


def test_what_the_locale_could_not_read_goes_to_the_server_as_it_was_meant():
    """So does a command line reach Python where the locale knows ASCII alone."""
    request = PublishRequest(
        "id", "/raw/Stra\udcc3\udc9fe.%04d.png", "Mädchen \udce9", "h\udcc3\udca4llo", note="\ud83d"
    )
    assert (request.comment, request.note, request.review) == ("hällo", "?", ("Mädchen \ufffd",))
    assert request.source == ("/raw/Stra\udcc3\udc9fe.%04d.png",)
