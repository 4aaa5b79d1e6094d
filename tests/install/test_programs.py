from __future__ import annotations

import sys

import pytest
from doubles.machine import add_program, machine_in

from ft_dcc.errors import HostMissing, SettingInvalid
from ft_dcc.install.programs import find_programs, named_version, need_program, need_version, program_at

PROGRAMS = {
    ("maya", "linux"): "usr/autodesk/maya2025/bin/maya",
    ("maya", "darwin"): "Applications/Autodesk/maya2025/Maya.app/Contents/bin/maya",
    ("maya", "win32"): "Program Files/Autodesk/Maya2025/bin/maya.exe",
    ("nuke", "linux"): "usr/local/Nuke15.1v2/Nuke15.1",
    ("nuke", "darwin"): "Applications/Nuke15.1v2/Nuke15.1v2.app/Contents/MacOS/Nuke15.1",
    ("nuke", "win32"): "Program Files/Nuke15.1v2/Nuke15.1.exe",
}


@pytest.mark.parametrize(("host", "platform"), PROGRAMS)
def test_a_program_is_found_where_its_installer_puts_it(tmp_path, host, platform):
    machine = machine_in(tmp_path, platform)
    path = add_program(machine, PROGRAMS[host, platform])
    (found,) = find_programs(host, machine)
    assert (found.path, str(found)) == (path, {"maya": "Maya 2025", "nuke": "Nuke 15"}[host])
    assert found.python == {"maya": (3, 11), "nuke": (3, 10)}[host]


def test_what_lies_beside_a_program_is_none(tmp_path):
    machine = machine_in(tmp_path, "linux")
    add_program(machine, "usr/local/Nuke15.1v2/Nuke15.1")
    add_program(machine, "usr/local/Nuke15.1v2/Nuke15.1.desktop")
    assert len(find_programs("nuke", machine)) == 1


def test_several_versions_are_found_and_the_newest_is_taken(tmp_path):
    machine = machine_in(tmp_path, "linux", MAYA_LOCATION=str(tmp_path / "opt" / "maya2023"))
    for path in ("usr/autodesk/maya2025/bin/maya", "usr/autodesk/maya2024/bin/maya", "opt/maya2023/bin/maya"):
        add_program(machine, path)
    assert [program.version for program in find_programs("maya", machine)] == ["2023", "2024", "2025"]
    assert need_program("maya", machine).version == "2025"
    assert need_program("maya", machine, "2023").path == tmp_path / "opt" / "maya2023" / "bin" / "maya"


def test_a_missing_program_is_told_with_where_it_was_looked_for(tmp_path):
    with pytest.raises(HostMissing) as caught:
        need_program("nuke", machine_in(tmp_path, "darwin"), "15")
    assert str(caught.value) == (
        "Nuke 15 was not found. Looked at /Applications/Nuke*v*/Nuke*v*.app/Contents/MacOS/Nuke*.*. "
        "Name the program with --program."
    )
    with pytest.raises(HostMissing, match="is not there"):
        program_at("maya", tmp_path / "maya")


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")
def test_blender_is_asked_for_its_version(tmp_path):
    program = add_program(machine_in(tmp_path, "linux"), "opt/anything/blender")
    program.write_text("#!/bin/sh\necho 'Blender 4.2.3 LTS'\n", encoding="utf-8")
    program.chmod(0o755)
    machine = machine_in(tmp_path, "linux", PATH=str(program.parent))
    assert [(found.version, found.python) for found in find_programs("blender", machine)] == [("4.2", (3, 11))]
    program.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    assert find_programs("blender", machine) == []


def test_one_nuke_of_a_year_is_like_another():
    assert [named_version("nuke", text) for text in ("15", "15.1", "15.1v2")] == ["15", "15", "15"]
    assert named_version("blender", "4.2") == "4.2"


def test_versions_that_cannot_be_served_are_refused():
    assert need_version("maya", "2027") == (3, 13)
    with pytest.raises(SettingInvalid) as caught:
        need_version("maya", "2022")
    assert str(caught.value) == "Maya 2022 runs Python 3.7, and ft-dcc needs 3.9. Take Maya 2023 or later."
    with pytest.raises(SettingInvalid, match="Known are 13, 14, 15, 16, 17"):
        need_version("nuke", "12")
