"""The start of Nuke with the folder on NUKE_PATH, in a process of its own, as an installation lays it out."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from doubles.nuke import sample_script
from doubles.nuke.program import running
from doubles.programs import run_process
from doubles.pythons import need_python

from ft_dcc.contract.checks import MENU
from ft_dcc.renders.renders import read_renders

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "hosts" / "nuke" / "ft_dcc_nuke"
ITEMS = [
    *("Publish for review…", "Publish again", "Publish renders of selected Writes", "Add the tab to selected Writes"),
    *("Remove the tab from selected Writes", "Renders", *MENU[2:]),
]
CALLS = {"beforeRender": 1, "beforeFrameRender": 1, "afterFrameRender": 1, "afterRender": 1}


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "ft-dcc"
    shutil.copytree(PACKAGE / "startup", folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(PACKAGE, folder / "ft_dcc_nuke", ignore=shutil.ignore_patterns("startup", "__pycache__"))
    return folder


def start(folder, *arguments, python=sys.executable, options=(), packages=(), **variables):
    path = os.pathsep.join(map(str, (ROOT, ROOT / "tests", *packages)))
    environment = {**os.environ, "NUKE_PATH": str(folder), "PYTHONPATH": path, **variables}
    done = run_process(python, *options, "-m", "doubles.nuke.start", *arguments, env=environment)
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout), "stderr": done.stderr}


def test_the_start_with_a_window_adds_the_menu_and_loads_no_core_module(folder):
    report = start(folder)
    assert (report["errors"], report["loaded"], report["stderr"]) == ([], [], "")
    assert (report["menus"], report["items"], report["misuses"]) == (["ft-dcc"], ITEMS, [])
    assert report["calls"] == {**CALLS, "onUserCreate": 1, "beforeBackgroundRender": 1}
    assert report["path"] == [str(folder / "vendored")]


def test_hiero_which_has_no_nodes_gets_nothing(folder):
    report = start(folder, "--hiero")
    assert (report["errors"], report["loaded"], report["stderr"]) == ([], [], "")
    assert (report["menus"], report["calls"], report["misuses"]) == ([], {}, [])


def test_the_start_in_a_terminal_registers_callbacks_and_no_menu(folder):
    report = start(folder, "-t")
    assert (report["errors"], report["loaded"], report["stderr"]) == ([], [], "")
    assert (report["menus"], report["calls"], report["misuses"]) == ([], CALLS, [])


def test_it_starts_beside_other_plugins_and_twice(folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "init.py").write_text("import nuke\nnuke.addBeforeRender(print)\n", encoding="utf-8")
    report = start(os.pathsep.join(map(str, (folder, other, folder))))
    assert report["errors"] == [] and report["calls"]["beforeRender"] == 2 and report["items"] == ITEMS
    assert report["path"] == [str(folder / "vendored")]


BROKEN = ("import no_such_module", "raise SystemExit(3)", "def (")


@pytest.mark.parametrize("broken", BROKEN)
def test_with_a_broken_core_nuke_starts_and_the_menu_reports_the_error(folder, broken):
    (folder / "ft_dcc").mkdir()
    (folder / "ft_dcc" / "__init__.py").write_text(broken, encoding="utf-8")
    report = start(folder, "--press", "About")
    assert (report["errors"], report["items"], report["calls"]["beforeRender"]) == ([], ITEMS, 1)
    (message,) = report["messages"]
    assert message.startswith("ft-dcc cannot be loaded: ")
    assert message.endswith(". Install it again: ft-dcc install nuke. The Script Editor has the details.")
    # The error is reported only when the command runs.
    assert report["stderr"].startswith("Traceback ") and report["calls"]["beforeBackgroundRender"] == 1


def test_an_incomplete_folder_is_reported_without_stopping_the_start(folder):
    shutil.rmtree(folder / "ft_dcc_nuke")
    for name, words in (("init.py", "ft-dcc could not be started"), ("menu.py", "ft-dcc could not add its menu")):
        done = run_process(sys.executable, "-I", "-S", folder / name)
        assert (done.returncode, done.stdout) == (0, "")
        why = "ModuleNotFoundError: No module named 'ft_dcc_nuke'"
        assert done.stderr == f"{words}: {why}. Install it again: ft-dcc install nuke.\n"


@pytest.mark.parametrize(("version", "nuke"), [("3.9", "14.0v5"), ("3.10", "15.1v3")])
def test_a_farm_render_is_recorded_in_the_python_of_each_nuke(folder, tmp_path, monkeypatch, version, nuke):
    python = need_python(version)
    monkeypatch.setenv("FT_DCC_RENDERS", str(tmp_path / "renders"))
    program = sample_script.build(tmp_path, is_gui=False)
    write = program.find("Write1")
    with running(program):
        from ft_dcc_nuke import tab

        tab.add(write, "always")
    program.root.save(tmp_path / "comp.nk")
    # The packages are pure Python, so those of this environment serve the other Python, too.
    packages = [folder for folder in sys.path if folder.endswith("site-packages")]
    arguments = ("--version", nuke, "-x", str(tmp_path / "comp.nk"), "-F", "1001-1012")
    report = start(folder, *arguments, python=python, packages=packages)
    assert (report["errors"], report["misuses"], report["stderr"], report["messages"]) == ([], [], "", [])
    (render,) = read_renders()
    assert render.is_complete and render.execution.program == f"Nuke {nuke}"


SCRIPTS = ["init.py", "menu.py"]


@pytest.mark.parametrize("version", ["2.7", "3.7"])
def test_an_unsupported_python_is_reported_in_one_sentence(folder, version):
    python = need_python(version)
    outputs = [run_process(python, folder / name, check=True).stderr for name in SCRIPTS]
    assert outputs == [f"ft-dcc needs Nuke 14 or later: this Nuke runs Python {version}.\n", ""]
