"""Output in narrow windows, through pipes and in limited encodings."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys

import pytest

from ft_dcc.cli.publish import version_line
from ft_dcc.cli.terminal.output import Output, format_table, problem_line
from ft_dcc.cli.terminal.progress import progress_display
from ft_dcc.errors import ValidationIssue, ValueMismatch
from ft_dcc.publish.models import PublishedVersion, PublishRequest
from ft_dcc.publish.progress import Progress

NAME = "Aufnahme_Straße_mit_langem_Namen_v012"


def report_progress(on_progress):
    on_progress(Progress("encode", NAME, 48, 48, "frames", seconds=2.0))
    on_progress(Progress("upload ftrackreview-mp4", NAME, 5 * 2**20, 10 * 2**20, "bytes", seconds=2.0))


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_each_progress_bar_fits_in_one_line_of_a_narrow_window(capsys, monkeypatch, columns):
    for name, value in {"COLUMNS": str(columns), "TERM": "xterm", "FORCE_COLOR": "1", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    with progress_display() as on_progress:
        report_progress(on_progress)
    # A carriage return counts as a new line here.
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().err).replace("\r", "\n")
    *_, encode, upload = [line for line in shown.splitlines() if line.strip()]
    assert max(map(len, shown.splitlines())) <= columns
    assert encode.startswith("encode A")
    assert "48/48" in encode
    assert encode.rstrip().endswith("24.0 frames/s, 0 s left")
    assert "5.0/10.0 MiB 2.5 MiB/s, 2 s left" in upload


def test_without_a_terminal_progress_is_printed_as_unwrapped_lines(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    with progress_display() as on_progress:
        report_progress(on_progress)
    assert capsys.readouterr().err.splitlines() == [
        f"encode {NAME}: 48 of 48 frames, 24.0 frames/s, 0 s left",
        f"upload ftrackreview-mp4 {NAME}: 5242880 of 10485760 bytes, 2.5 MiB/s, 2 s left",
    ]


LINE_BREAKS = ["\n", "\r\n", "\r", "\v", "\u2028"]


@pytest.mark.parametrize("line_break", LINE_BREAKS)
def test_a_name_with_a_line_break_takes_one_line_of_progress(capsys, line_break):
    with progress_display() as on_progress:
        on_progress(Progress("encode", f"Camera{line_break}1", 48, 48, "frames"))
    assert capsys.readouterr().err == "encode Camera 1: 48 of 48 frames\n"


def test_the_bar_of_a_name_with_a_line_break_takes_one_line(capsys, monkeypatch):
    for name, value in {"COLUMNS": "80", "TERM": "xterm", "FORCE_COLOR": "1", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    with progress_display() as on_progress:
        on_progress(Progress("encode", "Camera\n1", 48, 48, "frames"))
    assert "encode Camera 1 " in capsys.readouterr().err


@pytest.mark.parametrize(
    "terminal", [{}, {"TERM": "xterm", "FORCE_COLOR": "1", "COLUMNS": "80"}], ids=["lines", "bars"]
)
def test_brackets_in_a_name_are_not_read_as_a_style(capsys, monkeypatch, terminal):
    for name, value in terminal.items():
        monkeypatch.setenv(name, value)
    with progress_display() as on_progress:
        on_progress(Progress("encode", "take[red][/a].mov", 48, 48, "frames"))
    assert "encode take[red][/a].mov" in capsys.readouterr().err


@pytest.mark.parametrize("line_break", LINE_BREAKS)
def test_a_problem_of_a_name_with_a_line_break_is_one_line(capsys, line_break):
    problem = ValidationIssue("Frames", f"Camera{line_break}1", f"Frame 3 of a{line_break}b is missing.")
    Output().message(problem_line(problem))
    assert capsys.readouterr().err == "Camera 1: Frames: Frame 3 of a b is missing.\n"


def test_each_version_of_a_report_is_one_line_and_the_json_report_keeps_the_name(capsys):
    version = PublishedVersion("Camera\n1", "v", 3, "a", (), None, None, (), "http://localhost/x")
    Output().result([version_line(version), "second"], {})
    assert capsys.readouterr().out == "Camera 1: version 3  http://localhost/x\nsecond\n"
    Output(as_json=True).result([version_line(version)], {"source": version.source})
    assert json.loads(capsys.readouterr().out) == {"source": "Camera\n1"}


def test_each_row_of_a_plan_is_one_line():
    table = format_table([{"source": "Camera\n1", "asset": "Comp"}, {"source": "b", "asset": "Comp"}])
    assert table.splitlines() == ["SOURCE    ASSET", "Camera 1  Comp", "b         Comp"]


_CLOSED_STDERR = """
from ft_dcc.cli.terminal.output import Output
from ft_dcc.cli.terminal.progress import progress_display
from ft_dcc.publish.progress import Progress
if {is_message_first}:
    Output().message("before")
with progress_display() as on_progress:
    for done in range(5):
        on_progress(Progress("upload", "sh010", done, 4, "frames"))
Output().message("after")
Output().result("published", {{}})
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows reports a closed pipe in another way")
@pytest.mark.parametrize("is_message_first", [False, True])
@pytest.mark.parametrize("terminal", [{}, {"FORCE_COLOR": "1", "TERM": "xterm"}], ids=["lines", "bars"])
def test_progress_is_dropped_after_the_reader_of_stderr_closed_it(terminal, is_message_first):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        command = [sys.executable, "-c", _CLOSED_STDERR.format(is_message_first=is_message_first)]
        environ = {**os.environ, **terminal}
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=writer, env=environ, text=True, check=False)
    finally:
        os.close(writer)
    assert (done.returncode, done.stdout) == (0, "published\n")


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "ascii"])
def test_a_report_is_valid_json_in_every_encoding(monkeypatch, encoding):
    report = {"comment": "日本語 ß \N{CLAPPER BOARD}"}
    stdout = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(stdout, encoding=encoding))
    Output(as_json=True).result("", report)
    assert json.loads(stdout.getvalue().decode(encoding)) == report
    assert ("日本語" in stdout.getvalue().decode(encoding)) == (encoding == "utf-8")


def test_surrogates_of_an_ascii_locale_are_decoded():
    """Decode arguments as Python receives them in an ASCII locale."""
    request = PublishRequest(
        "id", "/raw/Stra\udcc3\udc9fe.%04d.png", "Mädchen \udce9", "h\udcc3\udca4llo", note="\ud83d"
    )
    assert (request.comment, request.note, request.review) == ("hällo", "?", ("Mädchen \ufffd",))
    assert request.source == ("/raw/Stra\udcc3\udc9fe.%04d.png",)


def test_the_report_of_a_refusal_has_the_fields_of_its_check_and_the_job(capsys):
    error = ValueMismatch("frame rate", found="24", expected="25")
    error.problem = ValidationIssue("Frame rate", "sh010", str(error), "24", "25", "Set it")
    error.details["job"] = "20260101-000000"
    Output(as_json=True).fail(error)
    report = json.loads(capsys.readouterr().out)["error"]
    (problem,) = report["problems"]
    assert (report["class"], report["job"]) == ("ValueMismatch", "20260101-000000")
    assert {name: problem[name] for name in ("check", "found", "expected", "repair")} == {
        "check": "Frame rate",
        "found": "24",
        "expected": "25",
        "repair": "Set it",
    }
