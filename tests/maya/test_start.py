from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from doubles.maya.start import modules
from doubles.pythons import need_python

ROOT = Path(__file__).resolve().parents[2]
ITEMS = ["Publish for review…", "Publish again", "Review sessions", "Queue", "Settings", "About"]


def start(module, *arguments, python=sys.executable):
    environment = {**os.environ, "MAYA_MODULE_PATH": str(module), "PYTHONPATH": str(ROOT / "tests")}
    command = [python, "-m", "doubles.maya.start", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout.splitlines()[-1]), "stderr": done.stderr}


@pytest.mark.parametrize("year", ["2023", "2025", "2027"])
def test_the_menu_is_there_after_the_start(module, year):
    report = start(module, "--year", year)
    assert (report["error"], report["menus"], report["items"], report["misuses"]) == (None, ["ftDccMenu"], ITEMS, [])
    assert report["buttons"] == ["mine", "ft-dcc"]


def test_the_start_loads_nothing_and_leaves_no_name_behind(module):
    report = start(module)
    assert report["loaded"] == ["ft_dcc_maya"]
    assert report["names"] == []
    # One question, and one thing put off.
    assert report["calls_at_start"] == 2


def test_what_came_along_is_found_after_everything_of_mayas(module):
    (path,) = start(module)["path"]
    assert Path(path) == module / "ft-dcc" / "vendored"


def test_without_a_window_nothing_happens(module):
    report = start(module, "--batch")
    assert (report["error"], report["menus"], report["said"], report["calls_at_start"]) == (None, [], [], 1)


def test_a_package_that_cannot_be_imported_does_not_stop_the_start(module):
    (module / "ft-dcc" / "scripts" / "ft_dcc_maya" / "__init__.py").write_text("import nowhere", encoding="utf-8")
    report = start(module)
    assert report["error"] is None
    assert "ft-dcc could not be started: ModuleNotFoundError: No module named 'nowhere'" in report["stderr"]


BROKEN = ["raise SystemExit(1)", "def", "1 / 0", "raise RuntimeError('no')", "import a_package_that_is_missing"]


@pytest.mark.parametrize("broken", BROKEN)
def test_with_a_broken_core_maya_starts_and_the_menu_says_what_is_wrong(module, broken):
    core = module / "ft-dcc" / "scripts" / "ft_dcc"
    core.mkdir()
    (core / "__init__.py").write_text(broken, encoding="utf-8")
    report = start(module, "--press", "Publish for review…")
    assert (report["error"], report["items"]) == (None, ITEMS)
    (said,) = report["said"]
    assert said.startswith("ft-dcc cannot be loaded: ")
    assert said.endswith(". Install it again: ft-dcc install maya. The Script Editor has the details.")


def test_a_core_that_takes_long_to_load_does_not_delay_the_start(module, tmp_path):
    core, marker = module / "ft-dcc" / "scripts" / "ft_dcc", tmp_path / "loaded"
    core.mkdir()
    (core / "__init__.py").write_text(f"open({str(marker)!r}, 'w').close()\nraise ImportError", encoding="utf-8")
    report = start(module)
    assert (report["items"], marker.exists()) == (ITEMS, False)
    start(module, "--press", "About")
    assert marker.exists()


@pytest.mark.parametrize("year", ["2022", "2023", "2024", "2025", "2026", "2027", "2028"])
def test_each_maya_finds_the_module_once_and_a_later_one_finds_none(module, year):
    found = list(modules(module, int(year)))
    assert found == ([] if year == "2028" else [(module / "ft-dcc" / "scripts").resolve()])


def test_another_artists_setup_runs_although_ours_is_broken(module, tmp_path):
    (module / "ft-dcc" / "scripts" / "ft_dcc_maya" / "__init__.py").write_text("def", encoding="utf-8")
    theirs = tmp_path / "theirs"
    (theirs / "scripts").mkdir(parents=True)
    (theirs / "theirs.mod").write_text("+ theirs 1.0 .\n\nscripts: scripts\n", encoding="utf-8")
    (theirs / "scripts" / "userSetup.py").write_text("their_name = 1\n", encoding="utf-8")
    report = start(f"{theirs}{os.pathsep}{module}")
    assert (report["error"], report["names"]) == (None, ["their_name"])
    assert "ft-dcc could not be started: SyntaxError: " in report["stderr"]


def test_a_module_that_is_not_whole_does_not_stop_the_start(module):
    shutil.rmtree(module / "ft-dcc" / "scripts" / "ft_dcc_maya")
    script = module / "ft-dcc" / "scripts" / "userSetup.py"
    done = subprocess.run([sys.executable, "-I", "-S", str(script)], capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == (
        "ft-dcc could not be started: ModuleNotFoundError: No module named 'ft_dcc_maya'. "
        "Install it again: ft-dcc install maya.\n"
    )


@pytest.mark.parametrize("version", ["2.7", "3.7"])
def test_an_older_python_gets_one_sentence(module, version):
    script = module / "ft-dcc" / "scripts" / "userSetup.py"
    done = subprocess.run([need_python(version), str(script)], capture_output=True, encoding="utf-8", check=False)
    sentence = f"ft-dcc needs Maya 2023 or later: this Maya runs Python {version}.\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, "", sentence)
