import sys
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from doubles.machine import add_program, machine_in
from doubles.programs import write_program

from ft_dcc.errors import Error, HostMissing, SettingInvalid
from ft_dcc.install import installation
from ft_dcc.install.host_discovery import (
    find_programs,
    installation_version,
    program_at,
    python_of_version,
    require_program,
)

PROGRAMS = {
    ("maya", "linux"): "usr/autodesk/maya2025/bin/maya",
    ("maya", "darwin"): "Applications/Autodesk/maya2025/Maya.app/Contents/bin/maya",
    ("maya", "win32"): "Program Files/Autodesk/Maya2025/bin/maya.exe",
    ("nuke", "linux"): "usr/local/Nuke15.1v2/Nuke15.1",
    ("nuke", "darwin"): "Applications/Nuke15.1v2/Nuke15.1v2.app/Contents/MacOS/Nuke15.1",
    ("nuke", "win32"): "Program Files/Nuke15.1v2/Nuke15.1.exe",
}


@pytest.mark.parametrize(("host", "platform"), PROGRAMS)
def test_a_program_is_found_in_the_folder_of_its_installer(tmp_path, host, platform):
    machine = machine_in(tmp_path, platform)
    path = add_program(machine, PROGRAMS[host, platform])
    (found,) = find_programs(host, machine)
    assert (found.path, str(found)) == (path, {"maya": "Maya 2025", "nuke": "Nuke 15"}[host])
    assert found.python == {"maya": (3, 11), "nuke": (3, 10)}[host]


def test_files_beside_a_program_are_ignored(tmp_path):
    machine = machine_in(tmp_path, "linux")
    add_program(machine, "usr/local/Nuke15.1v2/Nuke15.1")
    add_program(machine, "usr/local/Nuke15.1v2/Nuke15.1.desktop")
    assert len(find_programs("nuke", machine)) == 1


def test_the_newest_of_several_versions_is_used(tmp_path):
    machine = machine_in(tmp_path, "linux", MAYA_LOCATION=str(tmp_path / "opt" / "maya2023"))
    for path in ("usr/autodesk/maya2025/bin/maya", "usr/autodesk/maya2024/bin/maya", "opt/maya2023/bin/maya"):
        add_program(machine, path)
    assert [program.version for program in find_programs("maya", machine)] == ["2023", "2024", "2025"]
    assert require_program("maya", machine).version == "2025"
    assert find_programs("maya", machine)[0].path == tmp_path / "opt" / "maya2023" / "bin" / "maya"


def test_a_missing_program_is_reported_with_the_searched_paths(tmp_path):
    with pytest.raises(HostMissing) as caught:
        require_program("nuke", machine_in(tmp_path, "darwin"))
    assert str(caught.value) == (
        "Nuke was not found in /Applications/Nuke*v*/Nuke*v*.app/Contents/MacOS/Nuke*.*. Give its path with --program."
    )
    with pytest.raises(HostMissing, match="does not exist"):
        program_at("maya", tmp_path / "maya")


@pytest.mark.skipif(sys.platform == "win32", reason="the program has no suffix on the simulated Linux")
def test_the_version_of_blender_is_read_from_its_output(tmp_path):
    program = add_program(machine_in(tmp_path, "linux"), "opt/anything/blender")
    write_program(program, "print('Blender 4.2.3 LTS')")
    machine = machine_in(tmp_path, "linux", PATH=str(program.parent))
    assert [(found.version, found.python) for found in find_programs("blender", machine)] == [("4.2", (3, 11))]
    write_program(program, "raise SystemExit(1)")
    assert find_programs("blender", machine) == []


def test_all_nuke_releases_of_a_version_share_an_installation():
    assert [installation_version("nuke", text) for text in ("15", "15.1", "15.1v2")] == ["15", "15", "15"]
    assert installation_version("blender", "4.2") == "4.2"


def test_unsupported_versions_are_refused():
    assert python_of_version("maya", "2027") == (3, 13)
    with pytest.raises(SettingInvalid) as caught:
        python_of_version("maya", "2022")
    assert str(caught.value) == "Maya 2022 runs Python 3.7, and ft-dcc needs 3.9. Use Maya 2023 or later."
    with pytest.raises(SettingInvalid, match="Supported versions: 13, 14, 15, 16, 17"):
        python_of_version("nuke", "12")


def registry(keys):
    """Return the module winreg of a Windows with these keys of the machine and their values."""

    @contextmanager
    def open_key(root, key):
        if root != "machine" or key not in keys:
            raise FileNotFoundError(2, "The system cannot find the file specified")
        yield key

    def inside(key):
        return [name.rpartition("\\")[2] for name in keys if name.startswith(f"{key}\\")]

    def value(key, name):
        if name not in keys[key]:
            raise FileNotFoundError(2, "The system cannot find the file specified")
        return keys[key][name], 1

    calls = {"OpenKey": open_key, "QueryInfoKey": lambda key: (len(inside(key)), 0, 0), "QueryValueEx": value}
    calls["EnumKey"] = lambda key, index: inside(key)[index]
    return SimpleNamespace(HKEY_LOCAL_MACHINE="machine", HKEY_CURRENT_USER="user", **calls)


def test_programs_on_other_drives_are_found_by_the_registry(tmp_path, monkeypatch):
    machine, drive = machine_in(tmp_path, "win32"), tmp_path / "D"
    maya, nuke = drive / "Maya2025" / "bin" / "maya.exe", drive / "Nuke15.1v2" / "Nuke15.1.exe"
    for program in (maya, nuke):
        program.parent.mkdir(parents=True)
        program.touch()
    uninstall = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall"
    keys = {
        r"SOFTWARE\Autodesk\Maya\2025\Setup\InstallPath": {"MAYA_INSTALL_LOCATION": str(maya.parents[1])},
        uninstall: {},
        rf"{uninstall}\Nuke15.1v2": {"InstallLocation": f'"{nuke.parent}"'},
        rf"{uninstall}\Other": {"DisplayName": "Other"},
    }
    monkeypatch.setitem(sys.modules, "winreg", registry(keys))
    assert [(each.version, each.path) for each in find_programs("maya", machine)] == [("2025", maya)]
    assert [(each.version, each.path) for each in find_programs("nuke", machine)] == [("15", nuke)]


@pytest.mark.parametrize(
    ("prefix", "is_refused"),
    [
        (r"C:\Program Files\WindowsApps\PythonSoftwareFoundation.Python.3.12_3.12.2544.0_x64__qbz5n2kfra8p0", True),
        (r"C:\Users\ada\AppData\Local\Programs\Python\Python312", False),
        ("/usr", False),
    ],
)
def test_the_python_of_the_microsoft_store_does_not_install(tmp_path, monkeypatch, prefix, is_refused):
    monkeypatch.setattr(sys, "base_prefix", prefix)
    expected = "This Python is that of the Microsoft Store" if is_refused else "Maya was not found"
    with pytest.raises(Error, match=expected):
        installation.install("maya", machine_in(tmp_path, "win32"))
