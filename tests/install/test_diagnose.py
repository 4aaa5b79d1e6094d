from __future__ import annotations

import json
import sys

import attrs
import pytest
from doubles.machine import add_program, machine_in

from ft_dcc.install.diagnose import diagnose

MAYA = "usr/autodesk/maya2025/bin/maya"


@pytest.fixture
def maya(tmp_path):
    """Return a machine with a Maya 2025 whose Python is this one."""
    machine = machine_in(tmp_path, "linux")
    python = add_program(machine, MAYA).with_name("mayapy")
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S -W ignore "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    return machine


needs_a_shell = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for mayapy is a shell script")


def diagnosis(host, machine):
    (found,) = diagnose(host, machine)
    return found.name, found.text, found.is_good


def test_a_missing_host_is_information(tmp_path):
    assert diagnosis("maya", machine_in(tmp_path, "win32")) == ("Maya", "not found", None)


def test_a_host_without_the_suite_is_reported_with_the_install_command(maya):
    assert diagnosis("maya", maya) == (
        "Maya 2025",
        f"ft-dcc is not installed. Run: ft-dcc install maya  ({maya.root / MAYA})",
        None,
    )


def test_a_host_with_a_too_old_python_is_reported(tmp_path):
    machine = machine_in(tmp_path, "linux")
    add_program(machine, "usr/autodesk/maya2022/bin/maya")
    assert diagnosis("maya", machine)[1].startswith("its Python 3.7 is too old for ft-dcc, which needs 3.9")


@needs_a_shell
def test_a_complete_installation_that_can_be_imported_is_good(maya, install_whole):
    (done,) = install_whole("maya", maya)
    version = "{}.{}.{}".format(*sys.version_info[:3])
    assert diagnosis("maya", maya) == (
        "Maya 2025",
        f"ft-dcc {done.record.release} in {done.folder}, runs Python {version}  ({maya.root / MAYA})",
        True,
    )


@needs_a_shell
def test_an_import_error_in_the_host_is_reported(maya, install_whole):
    (done,) = install_whole("maya", maya)
    broken = done.folder / "vendored" / "ft_dcc" / "frames.py"
    text = broken.read_text(encoding="utf-8")
    # The size is unchanged, so only the import fails.
    broken.write_text("import nowhere\n" + "#" * (len(text.encode()) - 15), encoding="utf-8")
    name, words, is_good = diagnosis("maya", maya)
    assert (name, is_good) == ("Maya 2025", False)
    assert "cannot be loaded: ModuleNotFoundError: No module named 'nowhere'. Run: ft-dcc install maya" in words


def test_missing_files_and_another_release_are_reported(maya, install):
    (done,) = install("maya", maya)
    record = done.folder / "installed.json"
    there = json.loads(record.read_text(encoding="utf-8"))
    record.write_text(json.dumps({**there, "release": "0.0.9"}), encoding="utf-8")
    assert "ft-dcc 0.0.9 is installed, this is " in diagnosis("maya", maya)[1]
    (done.folder / "scripts" / "userSetup.py").unlink()
    assert diagnosis("maya", maya)[1:] == (
        f"missing or changed in {done.folder}: scripts/userSetup.py. Run: ft-dcc install maya",
        False,
    )
    record.write_text("{", encoding="utf-8")
    assert diagnosis("maya", maya)[2] is False


def test_two_installations_for_one_host_are_reported(maya, install):
    install("maya", maya)
    install("maya", maya, version="2025")
    assert "ft-dcc is installed twice: " in diagnosis("maya", maya)[1]


def test_an_installation_that_nuke_does_not_load_is_reported(tmp_path, install_whole):
    machine = machine_in(tmp_path, "linux")
    add_program(machine, "usr/local/Nuke16.0v1/Nuke16.0")
    (done,) = install_whole("nuke", machine)
    assert diagnosis("nuke", machine)[2] is True
    (machine.home / ".nuke" / "init.py").write_text("import nuke\n", encoding="utf-8")
    assert diagnosis("nuke", machine)[1].startswith(f"missing or changed in {done.folder}: ")
    (machine.home / ".nuke" / "init.py").unlink()
    on_path = attrs.evolve(machine, environment={"NUKE_PATH": f"/elsewhere:{done.folder}"})
    assert install_whole("nuke", on_path)[0].record.beside == {}
    assert diagnosis("nuke", on_path)[2] is True
    assert diagnosis("nuke", machine)[1:] == (f"Nuke does not load {done.folder}. Add it to NUKE_PATH", False)


def test_an_installation_without_a_host_is_reported(maya, install):
    (done,) = install("maya", maya, version="2026")
    (maya.root / MAYA).unlink()
    assert (
        diagnosis("maya", maya)[1]
        == f"ft-dcc {done.record.release} is installed in {done.folder}, but its program was not found"
    )
