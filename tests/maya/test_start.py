import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from doubles.maya.start import modules
from doubles.programs import run_process
from doubles.pythons import need_python
from run_options import TIMEOUT_SECONDS

from ft_dcc.contract.checks import MENU

ROOT = Path(__file__).resolve().parents[2]
ITEMS = [*MENU, "Show as a panel", "Add a button to the shelf"]


def start(module, *arguments, python=sys.executable):
    environment = {**os.environ, "MAYA_MODULE_PATH": str(module), "PYTHONPATH": str(ROOT / "tests")}
    done = run_process(python, "-m", "doubles.maya.start", *arguments, env=environment, timeout=TIMEOUT_SECONDS)
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout.splitlines()[-1]), "stderr": done.stderr}


@pytest.mark.parametrize("year", ["2023", "2027"])
def test_the_start_adds_the_menu_and_loads_no_core_module(module, year):
    report = start(module, "--year", year)
    assert (report["error"], report["menus"], report["items"], report["misuses"]) == (None, ["ftDccMenu"], ITEMS, [])
    # No name stays in __main__.
    assert (report["buttons"], report["loaded"], report["names"]) == (["mine"], ["ft_dcc_maya"], [])
    # cmds.about and cmds.evalDeferred.
    assert report["calls_at_start"] == 2
    # It comes after the paths of Maya.
    (path,) = report["path"]
    assert Path(path) == module / "ft-dcc" / "vendored"


def test_the_start_without_a_window_adds_nothing(module):
    report = start(module, "--batch")
    assert (report["error"], report["menus"], report["messages"], report["calls_at_start"]) == (None, [], [], 1)


def test_maya_starts_when_the_package_cannot_be_imported(module):
    (module / "ft-dcc" / "scripts" / "ft_dcc_maya" / "__init__.py").write_text("import nowhere", encoding="utf-8")
    report = start(module)
    assert report["error"] is None
    assert "ft-dcc could not be started: ModuleNotFoundError: No module named 'nowhere'" in report["stderr"]


BROKEN = ["raise SystemExit(1)", "def", "import a_package_that_is_missing"]


@pytest.mark.parametrize("broken", BROKEN)
def test_with_a_broken_core_maya_starts_and_the_menu_reports_the_error(module, broken):
    core = module / "ft-dcc" / "scripts" / "ft_dcc"
    core.mkdir()
    (core / "__init__.py").write_text(broken, encoding="utf-8")
    report = start(module, "--press", "Publish for review…")
    assert (report["error"], report["items"]) == (None, ITEMS)
    (message,) = report["messages"]
    assert message.startswith("ft-dcc cannot be loaded: ")
    assert message.endswith(". Install it again: ft-dcc install maya. The Script Editor has the details.")


@pytest.mark.parametrize("year", ["2022", "2023", "2024", "2025", "2026", "2027", "2028"])
def test_each_supported_maya_finds_the_module_once(module, year):
    found = list(modules(module, int(year)))
    assert found == ([] if year == "2028" else [(module / "ft-dcc" / "scripts").resolve()])


def test_other_setup_scripts_run_when_ours_is_broken(module, tmp_path):
    (module / "ft-dcc" / "scripts" / "ft_dcc_maya" / "__init__.py").write_text("def", encoding="utf-8")
    theirs = tmp_path / "theirs"
    (theirs / "scripts").mkdir(parents=True)
    (theirs / "theirs.mod").write_text("+ theirs 1.0 .\n\nscripts: scripts\n", encoding="utf-8")
    (theirs / "scripts" / "userSetup.py").write_text("their_name = 1\n", encoding="utf-8")
    report = start(f"{theirs}{os.pathsep}{module}")
    assert (report["error"], report["names"]) == (None, ["their_name"])
    assert "ft-dcc could not be started: SyntaxError: " in report["stderr"]


def test_the_plugin_adds_the_menu_once_also_after_an_error_of_others(module, tmp_path):
    theirs = tmp_path / "theirs"
    (theirs / "scripts").mkdir(parents=True)
    (theirs / "theirs.mod").write_text("+ theirs 1.0 .\n\nscripts: scripts\n", encoding="utf-8")
    (theirs / "scripts" / "userSetup.py").write_text("1 / 0", encoding="utf-8")
    # Theirs runs first, because it is found last.
    folders = f"{module}{os.pathsep}{theirs}"
    assert start(folders)["menus"] == []
    report = start(folders, "--plugins")
    assert (report["menus"], report["items"], report["misuses"]) == (["ftDccMenu"], ITEMS, [])
    assert len(report["path"]) == 1


def test_the_plugin_of_a_broken_installation_is_loaded_and_reports_it(module):
    (module / "ft-dcc" / "scripts" / "ft_dcc_maya" / "__init__.py").write_text("import nowhere", encoding="utf-8")
    report = start(module, "--plugins")
    assert report["menus"] == [] and report["stderr"].count("ft-dcc could not be started") == 2


def test_an_incomplete_module_is_reported_without_stopping_the_start(module):
    shutil.rmtree(module / "ft-dcc" / "scripts" / "ft_dcc_maya")
    script = module / "ft-dcc" / "scripts" / "userSetup.py"
    done = run_process(sys.executable, "-I", "-S", script)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == (
        "ft-dcc could not be started: ModuleNotFoundError: No module named 'ft_dcc_maya'. "
        "Install it again: ft-dcc install maya.\n"
    )


@pytest.mark.parametrize("version", ["2.7", "3.7"])
def test_an_unsupported_python_is_reported_in_one_sentence(module, version):
    script = module / "ft-dcc" / "scripts" / "userSetup.py"
    done = run_process(need_python(version), script)
    sentence = f"ft-dcc needs Maya 2023 or later: this Maya runs Python {version}.\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, "", sentence)
