import errno
import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from doubles.machine import add_program, files_in, machine_in
from doubles.programs import run_process, write_program
from run_options import TIMEOUT_SECONDS

from ft_dcc.errors import HostMissing, InstallFailed, StorageError
from ft_dcc.install import installation, vendored

ROOT = Path(__file__).resolve().parents[2]
MODULES = {
    "linux": "home/ada/maya",
    "darwin": "Users/ada/Library/Preferences/Autodesk/maya",
    "win32": "Users/ada/Documents/maya",
}
LOAD = """
import sys
sys.path.append(sys.argv[1])
import attrs, certifi, charset_normalizer, clique, filelock, platformdirs, pyblish.api, requests, tomli, websocket
import ft_dcc.publish.publisher, ft_dcc.session
print(requests.__file__)
"""


def test_maya_gets_a_module_for_each_system(machine, tmp_path, install):
    (done,) = install("maya", machine, version="2025")
    modules = tmp_path / MODULES[machine.platform] / "2025" / "modules"
    assert done.folder == modules / "ft-dcc"
    assert (modules / "ft_dcc.mod").read_text(encoding="utf-8") == (
        f"+ MAYAVERSION:2022 ft-dcc {vendored.release()} ./ft-dcc\nscripts: scripts\n\n"
        f"+ MAYAVERSION:2025 ft-dcc {vendored.release()} ./ft-dcc\nscripts: scripts\n"
    )
    for name in ("scripts/userSetup.py", "scripts/ft_dcc_maya/host.py", "vendored/certifi/cacert.pem"):
        assert (done.folder / name).is_file()
    assert not (done.folder / "scripts" / "ft_dcc_maya" / "module").exists()


def test_one_installation_serves_all_compatible_maya_versions(tmp_path, install):
    machine = machine_in(tmp_path, "linux", MAYA_APP_DIR=str(tmp_path / "elsewhere"))
    add_program(machine, "usr/autodesk/maya2026/bin/maya")
    (done,) = install("maya", machine)
    assert done.folder == tmp_path / "elsewhere" / "modules" / "ft-dcc"
    assert done.record.versions[-3:] == ("2025", "2026", "2027")


def test_nuke_gets_a_folder_and_the_line_that_names_it(machine, tmp_path, install):
    add_program(machine, "usr/local/Nuke16.0v1/Nuke16.0")
    (done,) = install("nuke", machine, version="16")
    init = machine.home / ".nuke" / "init.py"
    assert done.folder == machine.data / "nuke"
    assert init.read_text("utf-8").endswith(f"\nimport nuke\n\nnuke.pluginAddPath({done.folder.as_posix()!r})\n")
    for name in ("init.py", "menu.py", "ft_dcc_nuke/__init__.py", "vendored/clique/__init__.py"):
        assert (done.folder / name).is_file()


def test_an_existing_init_py_is_not_changed(machine, install):
    init = machine.home / ".nuke" / "init.py"
    init.parent.mkdir()
    init.write_text("import nuke\n", encoding="utf-8")
    (done,) = install("nuke", machine, version="16")
    assert init.read_text(encoding="utf-8") == "import nuke\n"
    assert f"or this line to {init}: nuke.pluginAddPath({done.folder.as_posix()!r})" in done.hints[0]
    init.write_text(f"import nuke\nnuke.pluginAddPath({done.folder.as_posix()!r})\n", encoding="utf-8")
    assert install("nuke", machine, version="16")[0].hints[:-1] == ()
    installation.uninstall("nuke", machine)
    assert list((machine.home / ".nuke").rglob("*")) == [init]


@pytest.mark.parametrize("host", ["maya", "nuke", "blender"])
def test_a_repeated_installation_is_removed_completely(machine, install, host):
    (machine.home / "mine.txt").write_text("mine", encoding="utf-8")
    before, version = files_in(machine.home), {"maya": "2025", "nuke": "16", "blender": "4.2"}[host]
    (first,) = install(host, machine, version=version)
    after = files_in(machine.home)
    stale = first.folder / "stale.py"
    record = json.loads((first.folder / "installed.json").read_text(encoding="utf-8"))
    (first.folder / "installed.json").write_text(
        json.dumps({**record, "files": {**record["files"], "stale.py": 0}}), encoding="utf-8"
    )
    stale.touch()
    # What the host's Python makes of it is ours, too.
    cache = first.folder / "__pycache__"
    cache.mkdir()
    (cache / "init.cpython-311.pyc").touch()
    install(host, machine, version=version)
    assert files_in(machine.home) == after
    assert list(installation.uninstall(host, machine).values()) == [[]]
    assert files_in(machine.home) == before
    assert installation.uninstall(host, machine) == {}


def test_the_earlier_installation_comes_back_when_the_new_one_cannot_take_its_name(machine, install, monkeypatch):
    (first,) = install("nuke", machine, version="16")
    before, rename, failed = files_in(machine.home), Path.rename, []

    def held(path, target):
        if Path(target) == first.folder and not failed:
            failed.append(path)
            raise OSError(errno.EINVAL, "Another program uses it")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", held)
    with pytest.raises(StorageError, match=r"Another program uses it\. Close the program"):
        install("nuke", machine, version="16")
    assert (len(failed), files_in(machine.home)) == (1, before)


def test_an_add_on_is_made_where_temporary_files_are_on_another_disk(machine, install, monkeypatch):
    def across_disks(path, target):
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(installation, "rename", lambda source, target: shutil.copytree(source, target))
    monkeypatch.setattr(Path, "rename", across_disks)
    monkeypatch.setattr(Path, "replace", across_disks)
    (done,) = install("blender", machine, version="4.2")
    assert (done.folder / "blender_manifest.toml").is_file()


def test_files_of_others_are_neither_replaced_nor_removed(machine, install):
    (done,) = install("maya", machine, version="2025")
    (done.folder / "scripts" / "mine.py").write_text("mine = 1", encoding="utf-8")
    module_file = done.folder.parent / "ft_dcc.mod"
    module_file.write_text("+ changed 1 ./ft-dcc\n", encoding="utf-8")
    with pytest.raises(InstallFailed, match=r"ft_dcc\.mod exists and is not a file of ft-dcc"):
        install("maya", machine, version="2025")
    (left,) = installation.uninstall("maya", machine).values()
    assert left == [module_file, done.folder]
    assert [path.name for path in done.folder.rglob("*") if path.is_file()] == ["mine.py"]
    with pytest.raises(InstallFailed, match="exists and is not an installation of ft-dcc"):
        install("maya", machine, version="2025")


def test_install_on_a_share_prints_the_variable_to_set(machine, tmp_path, install):
    share = tmp_path / "share with spaces"
    (maya,) = install("maya", machine, to=share, version="2025")
    (nuke,) = install("nuke", machine, to=share, version="16")
    install("blender", machine, to=share, version="4.2")
    assert maya.hints[0] == f"Add {share} to MAYA_MODULE_PATH"
    assert nuke.hints[0].startswith(f"Add {share / 'ft-dcc-nuke'} to NUKE_PATH, or this line")
    assert installation.uninstall("maya", machine) == {}
    assert [len(installation.uninstall(host, machine, to=share)) for host in ("nuke", "blender", "maya")] == [1, 1, 1]
    assert not share.exists()


def test_install_for_a_missing_host_lists_the_searched_paths(machine, install):
    for host in ("maya", "nuke", "blender"):
        with pytest.raises(HostMissing, match=rf"{host.title()} was not found in .* --version, .* --to\."):
            install(host, machine)


def test_blender_gets_an_extension_or_an_add_on(machine, install):
    (new,) = install("blender", machine, version="4.2")
    assert new.folder.parts[-4:] == ("4.2", "extensions", "user_default", "ft_dcc")
    manifest = (new.folder / "blender_manifest.toml").read_text(encoding="utf-8")
    wheels = sorted(path.name for path in (new.folder / "wheels").iterdir())
    assert wheels and all(f'"./wheels/{name}"' in manifest and name.endswith("-none-any.whl") for name in wheels)
    (share,) = install("blender", machine, to=machine.root / "share")
    assert (share.folder.name, share.record.versions[0]) == ("ft_dcc", "4.2")
    if vendored.minimum_python() <= (3, 10):
        (old,) = install("blender", machine, version="3.6")
        assert old.folder.parts[-4:] == ("3.6", "scripts", "addons", "ft_dcc_blender")


@pytest.mark.skipif(sys.platform == "win32", reason="the program has no suffix on the simulated Linux")
def test_the_packages_of_a_blender_are_those_for_the_python_that_it_runs(tmp_path, all_wheels, monkeypatch):
    program = add_program(machine_in(tmp_path, "linux"), "usr/bin/blender")
    write_program(program, "print('Blender 3.4.1'); print('FT_DCC Python 3.11')")
    asked = []

    def make_wheels(folder, python, *, with_ffmpeg):
        asked.append(python)
        named = tmp_path / "qt.py-1.4.2-py3-none-any.whl"
        shutil.copy(next(wheel for wheel in all_wheels if wheel.name.startswith("Qt_py-")), named)
        return [named, next(wheel for wheel in all_wheels if wheel.name.startswith("certifi-"))]

    monkeypatch.setattr(vendored, "make_wheels", make_wheels)
    (done,) = installation.install(
        "blender", machine_in(tmp_path, "linux", PATH=str(program.parent)), with_ffmpeg=False
    )
    assert asked == [(3, 11)]
    assert (done.folder / "vendored" / "certifi").is_dir()
    assert not (done.folder / "vendored" / "Qt.py").exists()


def test_a_blender_with_a_preferences_folder_is_installed_into(machine, install):
    config = {
        "linux": ".config/blender",
        "darwin": "Library/Application Support/Blender",
        "win32": "AppData/Roaming/Blender Foundation/Blender",
    }[machine.platform]
    (machine.home / config / "5.0").mkdir(parents=True)
    (done,) = install("blender", machine)
    assert done.folder == machine.home / config / "5.0" / "extensions" / "user_default" / "ft_dcc"


def test_the_suite_can_be_imported_from_the_installation_alone_which_has_no_compiled_modules(tmp_path, install_whole):
    (done,) = install_whole("maya", machine_in(tmp_path, "linux"), version="2025")
    found = run_process(sys.executable, "-I", "-S", "-W", "ignore", "-c", LOAD, done.folder / "vendored")
    assert found.returncode == 0, found.stderr
    assert found.stdout.startswith(str(done.folder))
    names = list(done.record.files)
    assert [name for name in names if name.endswith((".so", ".pyd", ".dylib", ".pyc"))] == []
    assert "vendored/tests/__init__.py" not in names and "vendored/charset_normalizer/md.py" in names


def test_install_for_an_older_python_downloads_older_packages(tmp_path, install):
    if vendored.minimum_python() <= (3, 9):
        pytest.skip("the packages of this environment take Python 3.9")
    with pytest.raises(InstallFailed) as caught:
        install("maya", machine_in(tmp_path, "linux"), version="2023")
    assert "the host has 3.9, and pip could not download older ones: ERROR: " in str(caught.value)
    assert "from an ft-dcc that is installed with Python 3.9." in str(caught.value)


def test_install_into_an_unwritable_folder_is_an_error_and_changes_nothing(tmp_path, install):
    machine = machine_in(tmp_path, "linux")
    (machine.home / "maya").write_text("a file where a folder would be", encoding="utf-8")
    with pytest.raises(StorageError, match="cannot be changed"):
        install("maya", machine, version="2025")
    assert list(files_in(machine.home)) == ["maya"]


START = """
import sys
from pathlib import Path
sys.path.append(sys.argv[1])
from ft_dcc.accounts.local_server import ensure_local_studio
print(ensure_local_studio(Path(sys.argv[2])).server)
"""


def test_a_host_starts_the_local_studio_with_the_python_that_installed_it(tmp_path, install_whole):
    import requests

    (done,) = install_whole("maya", machine_in(tmp_path, "linux"), version="2025")
    # Not one package of the server is in what a host gets.
    assert not [name for name in done.record.files if name.startswith("vendored/sqlalchemy/")]
    command = [sys.executable, "-I", "-S", "-W", "ignore", "-c", START, str(done.folder / "vendored")]
    environment = {**os.environ, "FT_DCC_LOCAL_STUDIO_IDLE": "0.1"}
    found = run_process(*command, tmp_path / "studio", env=environment)
    assert found.returncode == 0, found.stderr
    assert requests.get(f"{found.stdout.strip()}/health", timeout=TIMEOUT_SECONDS).status_code == 200


def test_an_installation_that_would_serve_fewer_versions_is_refused(tmp_path, install):
    machine, share = machine_in(tmp_path, "linux"), tmp_path / "share"
    (first,) = install("maya", machine, to=share)
    module_file = (share / "ft_dcc.mod").read_text(encoding="utf-8")
    with pytest.raises(InstallFailed) as caught:
        install("maya", machine, to=share, version="2027")
    assert "and would then serve Maya 2027 only." in str(caught.value)
    assert "--force" in str(caught.value)
    assert "ft-dcc deploy" in str(caught.value)
    assert (share / "ft_dcc.mod").read_text(encoding="utf-8") == module_file
    (second,) = install("maya", machine, to=share, version="2027", may_lose_versions=True)
    assert (first.record.versions[-1], second.record.versions) == ("2027", ("2027",))
    assert install("maya", machine, to=share)[0].record.versions == first.record.versions


def test_an_installation_on_a_share_names_the_versions_that_it_does_not_serve(tmp_path, install, monkeypatch):
    monkeypatch.setattr(vendored, "minimum_python", lambda: (3, 11))
    (done,) = install("maya", machine_in(tmp_path, "linux"), to=tmp_path / "share")
    deploy = f"For all versions, run: ft-dcc deploy {tmp_path / 'share'}"
    assert f"It does not serve Maya 2023, 2024. {deploy}" in done.hints
