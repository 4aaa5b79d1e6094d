"""Output in narrow windows, through pipes and in limited encodings, and the end by one Ctrl-C."""

import io
import json
import os
import re
import subprocess
import sys

import pytest
from doubles.programs import run_process

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


@pytest.fixture
def set_terminal(monkeypatch):
    def set_columns(columns):
        for name, value in {"COLUMNS": str(columns), "TERM": "xterm", "FORCE_COLOR": "1", "NO_COLOR": "1"}.items():
            monkeypatch.setenv(name, value)

    return set_columns


@pytest.mark.parametrize("columns", [60, 200])
def test_each_progress_bar_fits_in_one_line_of_a_narrow_window(capsys, set_terminal, columns):
    set_terminal(columns)
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


@pytest.mark.parametrize("is_terminal", [False, True], ids=["lines", "bars"])
def test_a_name_with_a_line_break_takes_one_line_and_brackets_in_it_are_no_style(capsys, set_terminal, is_terminal):
    if is_terminal:
        set_terminal(80)
    for name, shown in (("Camera\n1", "Camera 1"), ("take[red][/a].mov", "take[red][/a].mov")):
        with progress_display() as on_progress:
            on_progress(Progress("encode", name, 48, 48, "frames"))
        assert f"encode {shown}{' ' if is_terminal else ': 48 of 48 frames'}" in capsys.readouterr().err


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r", "\v", "\u2028"])
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
@pytest.mark.parametrize(
    ("is_message_first", "terminal"),
    [(True, {}), (False, {"FORCE_COLOR": "1", "TERM": "xterm"})],
    ids=["lines", "bars"],
)
def test_progress_is_dropped_after_the_reader_of_stderr_closed_it(is_message_first, terminal):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        command = [sys.executable, "-c", _CLOSED_STDERR.format(is_message_first=is_message_first)]
        environ = {**os.environ, **terminal}
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=writer, env=environ, text=True, check=False)
    finally:
        os.close(writer)
    assert (done.returncode, done.stdout) == (0, "published\n")


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_a_report_is_valid_json_in_every_encoding(monkeypatch, encoding):
    report = {"comment": "日本語 ß \N{CLAPPER BOARD}"}
    stdout = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(stdout, encoding=encoding))
    Output(as_json=True).result("", report)
    assert json.loads(stdout.getvalue().decode(encoding)) == report
    assert ("日本語" in stdout.getvalue().decode(encoding)) == (encoding == "utf-8")


def test_surrogates_of_an_ascii_locale_are_decoded():
    request = PublishRequest(
        "id", "/raw/Stra\udcc3\udc9fe.%04d.png", "Mädchen \udce9", comment="h\udcc3\udca4llo", note="\ud83d"
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
    fields = [problem[name] for name in ("check", "found", "expected", "repair")]
    assert fields == ["Frame rate", "24", "25", "Set it"]


def test_control_characters_of_other_people_reach_no_terminal(capsys):
    hostile = "a\x1b]0;owned\x07b\x9b31m\u202e\u200fc\nd"
    Output().message(hostile)
    Output().result(hostile, {})
    Output(as_json=True).result("", {"text": hostile})
    printed = capsys.readouterr()
    assert re.findall("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u200f]", printed.out + printed.err) == []
    assert json.loads(printed.out.partition("{")[1] + printed.out.partition("{")[2]) == {"text": hostile}
    assert printed.err.count("\n") == 1


COMMAND = """
import signal, socket, sys, threading, time
from ft_dcc.cli import main

class Loses:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)

def in_a_destructor(output):
    Loses()
    time.sleep(100)

def unheard(output):
    # As when it comes right before a system call that waits: that is not interrupted, and returns after its time.
    def press():
        time.sleep(0.1)
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()
    silent, kept = socket.socketpair()
    silent.recv(1)

main.command.command(name="lose")(globals()[sys.argv[1]])
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(main.run(["lose"]))
"""
LATE = pytest.param(
    "unheard", marks=pytest.mark.skipif(sys.platform == "win32", reason="a system call that waits hears nothing there")
)


@pytest.mark.parametrize("place", ["in_a_destructor", LATE])
def test_a_lost_ctrl_c_is_resent_and_ends_the_command(place):
    done = run_process(sys.executable, "-c", COMMAND, place)
    assert (done.returncode, done.stderr.strip()) == (130, "Stopped.")
