import json
import sys

import attrs
import pytest
from doubles.machine import add_program, machine_in
from doubles.programs import write_program
from doubles.releases import SmallReleases

from ft_dcc.install import deployment, release_build, vendored
from ft_dcc.install.diagnose import diagnose
from ft_dcc.install.host_discovery import HOSTS

MAYA = "usr/autodesk/maya2025/bin/maya"


@pytest.fixture
def maya(tmp_path):
    machine = machine_in(tmp_path, "linux")
    python = add_program(machine, MAYA).with_name("mayapy")
    isolated = "import subprocess, sys; command = [sys.executable, '-I', '-S', '-W', 'ignore', *sys.argv[1:]]\n"
    write_program(python, f"{isolated}sys.exit(subprocess.run(command).returncode)")
    return machine


needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="mayapy has no suffix on the simulated Linux")


def diagnosis(host, machine):
    (found,) = diagnose(host, machine)
    return found.name, found.text, found.is_good


def test_a_host_that_is_missing_without_the_suite_or_too_old_is_information(tmp_path, maya):
    assert diagnosis("maya", machine_in(tmp_path / "empty", "win32")) == ("Maya", "not found", None)
    advice = f"ft-dcc is not installed. Run: ft-dcc install maya  ({maya.root / MAYA})"
    assert diagnosis("maya", maya) == ("Maya 2025", advice, None)
    machine = machine_in(tmp_path / "old", "linux")
    add_program(machine, "usr/autodesk/maya2022/bin/maya")
    assert diagnosis("maya", machine)[1].startswith("its Python 3.7 is too old for ft-dcc, which needs 3.9")


@needs_posix
def test_a_complete_installation_that_can_be_imported_is_good(maya, install_whole):
    (done,) = install_whole("maya", maya)
    version = "{}.{}.{}".format(*sys.version_info[:3])
    text = f"ft-dcc {done.record.release} in {done.folder}, runs Python {version}  ({maya.root / MAYA})"
    assert diagnosis("maya", maya) == ("Maya 2025", text, True)


@needs_posix
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
    text = f"missing or changed in {done.folder}: scripts/userSetup.py. Run: ft-dcc install maya"
    assert diagnosis("maya", maya)[1:] == (text, False)
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
    text = f"ft-dcc {done.record.release} is installed in {done.folder}, but its program was not found"
    assert diagnosis("maya", maya)[1] == text


def on_share(machine, share, host):
    separator = ";" if machine.platform == "win32" else ":"
    variable = {HOSTS[host].variable: f"/elsewhere{separator}{share / host}"}
    return attrs.evolve(machine, environment={**machine.environment, **variable})


@needs_posix
def test_a_deployment_counts_as_installed_with_its_release(maya, tmp_path, monkeypatch):
    share = tmp_path / "share with spaces"
    deployment.deploy(share, release_build.Order(only=("2025", "16"), systems=()))
    version = "{}.{}.{}".format(*sys.version_info[:3])
    name = vendored.release()
    what = f"ft-dcc {name}, release {name} of the deployment in {share}, runs Python {version}  ({maya.root / MAYA})"
    assert diagnosis("maya", on_share(maya, share, "maya")) == ("Maya 2025", what, True)
    add_program(maya, "usr/local/Nuke16.0v1/Nuke16.0")
    assert diagnosis("nuke", on_share(maya, share, "nuke"))[2] is True
    next(share.rglob("publisher.py")).unlink()
    text, is_good = diagnosis("maya", on_share(maya, share, "maya"))[1:]
    assert (is_good, "publish/publisher.py. Run: ft-dcc deploy" in text) == (False, True)


def test_a_deployment_that_does_not_serve_a_program_says_why(machine, tmp_path, monkeypatch):
    share = tmp_path / "share"
    SmallReleases(monkeypatch).deploy(share, only=("2026", "3.6"))
    add_program(machine, "usr/autodesk/maya2025/bin/maya")
    environment = {**machine.environment, "MAYA_LOCATION": str(tmp_path / "usr" / "autodesk" / "maya2025")}
    name = "maya.exe" if machine.platform == "win32" else "maya"
    add_program(machine, f"usr/autodesk/maya2025/bin/{name}")
    machine = on_share(attrs.evolve(machine, environment=environment), share, "maya")
    found = diagnosis("maya", machine)
    assert found[0] == "Maya 2025"
    assert "does not serve it: it was deployed without it. Run: ft-dcc deploy" in found[1]
    assert found[2] is False
    (share / "releases" / "1.0.0").rename(share / "elsewhere")
    (share / "releases").mkdir(exist_ok=True)
    assert diagnosis("maya", machine)[1].startswith(f"the deployment in {share} cannot be used: ")


def test_an_installation_that_hides_a_deployment_is_reported(maya, tmp_path, monkeypatch, install):
    install("maya", maya)
    share = tmp_path / "share"
    SmallReleases(monkeypatch).deploy(share)
    _, text, is_good = diagnosis("maya", on_share(maya, share, "maya"))
    assert "hides the deployment. Run: ft-dcc uninstall maya" in text
    assert is_good is False


@needs_posix
def test_an_installation_on_the_path_of_the_host_counts_as_installed(maya, tmp_path, install_whole):
    share = tmp_path / "share"
    (done,) = install_whole("maya", maya, to=share)
    on_path = attrs.evolve(maya, environment={"MAYA_MODULE_PATH": str(share)})
    assert diagnosis("maya", on_path)[1].startswith(f"ft-dcc {done.record.release} in {done.folder}, runs Python")
    add_program(maya, "usr/local/Nuke16.0v1/Nuke16.0")
    (done,) = install_whole("nuke", maya, to=share)
    on_path = attrs.evolve(maya, environment={"NUKE_PATH": str(done.folder)})
    assert diagnosis("nuke", on_path)[2] is True
