"""``ft-dcc accept`` as a studio runs it, on the doubles: installed for the run, started, asked, and answered."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-ins for the programs are shell scripts")


def stand_in(path, module):
    """A program of this name that is the double; what it may import of ours comes from the installation alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # The doubles need the core, and PYTHONPATH is taken from the programs that are started.
    search = os.pathsep.join(map(str, (ROOT / "tests", ROOT)))
    path.write_text(f'#!/bin/sh\nPYTHONPATH="{search}" exec "{sys.executable}" -m {module} "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def maya(tmp_path):
    program = stand_in(tmp_path / "maya2025" / "bin" / "maya", "doubles.maya.mayapy")
    stand_in(program.with_name("mayapy"), "doubles.maya.mayapy")
    return program


@pytest.fixture
def nuke(tmp_path):
    return stand_in(tmp_path / "Nuke16.0v1" / "Nuke16.0", "doubles.nuke.terminal")


def accept(tmp_path, *arguments):
    from ft_dcc.media.ffmpeg import find

    command = [sys.executable, "-m", "ft_dcc.cli.main", "accept", *map(str, arguments), "--no-ffmpeg"]
    # The hosts' own Pythons have no ffmpeg of ours here, and none is copied: it is large.
    environment = {**os.environ, "FT_DCC_FFMPEG": str(find()), "FT_DCC_LOCAL_STUDIO": str(tmp_path / "studio")}
    done = subprocess.run(
        [*command, "--to", str(tmp_path / "answers")],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=240,
    )
    return done, {path.name: json.loads(path.read_text("utf-8")) for path in (tmp_path / "answers").glob("*.json")}


def outcomes(answer, outcome):
    return [each["name"] for each in answer["checks"] if each["outcome"] == outcome]


def test_maya_answers_in_its_window(maya, tmp_path):
    done, answers = accept(tmp_path, "maya", "--program", maya, "--window")
    assert done.returncode == 0, done.stdout + done.stderr
    ((name, answer),) = answers.items()
    assert name == f"maya-2025-{sys.platform}-window.json"
    assert (outcomes(answer, "failed"), outcomes(answer, "skipped")) == ([], ["escape", "no window"])
    assert "ok     publish\n" in done.stdout
    # A real Maya's own words on its flags are compared with the double's table.
    assert "offScreen" in answer["facts"]["flags"]["playblast"]


def test_mayapy_answers_and_says_what_it_cannot_do(maya, tmp_path, ordered):
    done, answers = accept(tmp_path, "maya", "--program", maya, "--task", ordered)
    assert done.returncode == 0, done.stdout + done.stderr
    (answer,) = answers.values()
    assert outcomes(answer, "passed") == ["scene", "task", "settings", "publish of files", "no window"]
    assert outcomes(answer, "failed") == []


def test_nuke_answers_in_a_terminal(nuke, tmp_path, ordered):
    done, answers = accept(tmp_path, "nuke", "--program", nuke, "--task", ordered)
    assert done.returncode == 0, done.stdout + done.stderr
    (answer,) = answers.values()
    assert (outcomes(answer, "failed"), outcomes(answer, "skipped")) == ([], ["menu", "escape", "menu twice"])


def test_a_program_that_ends_without_an_answer_is_told_with_its_last_words(tmp_path, ordered):
    program = tmp_path / "Nuke16.0v1" / "Nuke16.0"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'Could not obtain a license.'\nexit 100\n", encoding="utf-8")
    program.chmod(0o755)
    done, answers = accept(tmp_path, "nuke", "--program", program, "--task", ordered)
    assert (done.returncode, answers) == (1, {})
    assert "Nuke 16 ended without an answer. Its last words: Could not obtain a license." in done.stderr


def test_a_program_that_is_not_there_is_told(tmp_path):
    done, _ = accept(tmp_path, "maya", "--program", tmp_path / "maya2025" / "bin" / "maya")
    assert done.returncode == 1
    assert "is not there. Name the program of Maya itself." in done.stderr
