"""``ft-dcc accept`` on the doubles of Maya and Nuke."""

from __future__ import annotations

import json
import os
import sys

import pytest
from doubles.host_programs import make_maya, make_nuke
from doubles.programs import run_process, write_program


@pytest.fixture
def maya(tmp_path):
    return make_maya(tmp_path)


@pytest.fixture
def nuke(tmp_path):
    return make_nuke(tmp_path)


def accept(tmp_path, *arguments):
    from ft_dcc.media.ffmpeg import find

    command = [sys.executable, "-m", "ft_dcc.cli.main", "accept", *map(str, arguments), "--no-ffmpeg"]
    # The hosts' own Pythons have no ffmpeg of ours here, and none is copied: it is large.
    environment = {**os.environ, "FT_DCC_FFMPEG": str(find()), "FT_DCC_LOCAL_STUDIO": str(tmp_path / "studio")}
    done = run_process(*command, "--to", tmp_path / "answers", env=environment, timeout=240)
    return done, {path.name: json.loads(path.read_text("utf-8")) for path in (tmp_path / "answers").glob("*.json")}


def outcomes(answer, outcome):
    return [each["name"] for each in answer["checks"] if each["outcome"] == outcome]


def test_maya_with_a_window_passes_the_checks(maya, tmp_path):
    done, answers = accept(tmp_path, "maya", "--program", maya, "--window")
    assert done.returncode == 0, done.stdout + done.stderr
    ((name, answer),) = answers.items()
    assert name == f"maya-2025-{sys.platform}-window.json"
    assert (outcomes(answer, "failed"), outcomes(answer, "skipped")) == (
        [],
        ["escape", "scene file", "no window", "panel"],
    )
    assert "ok     publish\n" in done.stdout
    # A real Maya's own words on its flags are compared with the double's table.
    assert "offScreen" in answer["facts"]["flags"]["playblast"]
    page = (tmp_path / "answers" / f"maya-2025-{sys.platform}-window.html").read_text("utf-8")
    assert "frame 2 of the image plane" not in page and "frame 1002 of the image plane" in page
    assert page.count("data:image/png;base64,") > 8 and "images" not in answer
    assert "checks passed." in done.stdout


def test_mayapy_passes_the_checks_and_skips_those_of_a_view(maya, tmp_path, task_id):
    done, answers = accept(tmp_path, "maya", "--program", maya, "--task", task_id)
    assert done.returncode == 0, done.stdout + done.stderr
    (answer,) = answers.values()
    skipped = [
        "menu",
        "escape",
        "drawings",
        "background",
        "panel",
    ]
    assert (outcomes(answer, "failed"), outcomes(answer, "skipped")) == ([], skipped)


def test_nuke_in_a_terminal_passes_the_checks(nuke, tmp_path, task_id):
    done, answers = accept(tmp_path, "nuke", "--program", nuke, "--task", task_id)
    assert done.returncode == 0, done.stdout + done.stderr
    (answer,) = answers.values()
    assert outcomes(answer, "failed") == []
    assert outcomes(answer, "skipped") == ["menu", "escape"]


def test_a_program_that_ends_without_results_is_reported_with_its_last_output(tmp_path, task_id):
    code = "print('Could not obtain a license.'); raise SystemExit(100)"
    program = write_program(tmp_path / "Nuke16.0v1" / "Nuke16.0", code)
    done, answers = accept(tmp_path, "nuke", "--program", program, "--task", task_id)
    assert (done.returncode, answers) == (1, {})
    assert "Nuke 16 ended without results. Its last output: Could not obtain a license." in done.stderr


def test_a_missing_program_is_reported(tmp_path):
    done, _ = accept(tmp_path, "maya", "--program", tmp_path / "maya2025" / "bin" / "maya")
    assert done.returncode == 1
    assert "does not exist. Give the path of the Maya program." in done.stderr
