"""Installing into a real Blender with a home of its own: ``FT_DCC_BLENDER=blender`` names the program.

A normal run has the zip and the packages tested in tests/blender.
"""

import os
import shutil
from pathlib import Path

import pytest
from doubles.machine import machine_in

from ft_dcc.install import deployment, installation, layouts, release_build
from ft_dcc.install.diagnose import diagnose

PROGRAM = os.environ.get("FT_DCC_BLENDER", "")


@pytest.fixture
def machine(tmp_path, monkeypatch):
    if not PROGRAM:
        pytest.skip("FT_DCC_BLENDER names no Blender to install into")
    found = shutil.which(PROGRAM) or PROGRAM
    # Blender finds its own folders by HOME.
    machine = machine_in(tmp_path, "linux", PATH=str(Path(found).parent), HOME=str(tmp_path / "home" / "ada"))
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    # An old Blender needs packages for its Python.
    monkeypatch.delenv("PIP_NO_INDEX")
    return machine


def test_a_real_blender_loads_the_release_of_a_deployment(machine, tmp_path):
    share = tmp_path / "Freigabe für alle"
    deployment.deploy(share, release_build.Order(hosts=("blender",), systems=()))
    start = share / "blender" / "startup" / "ft_dcc_start.py"
    # An older Blender ignores the variable, and must not lose its own modules because of it.
    environment = {**machine.environment, "BLENDER_SYSTEM_SCRIPTS": str(share / "blender")}
    loads, details = layouts.runs_deployment(Path(shutil.which(PROGRAM) or PROGRAM), start, environment)
    assert loads, details
    assert details.startswith("runs Python 3.")
    assert list((share / "leases").iterdir()) == []


def test_install_enables_and_uninstall_disables_in_a_real_blender(machine, install_whole):
    (done,) = install_whole("blender", machine)
    # An extension's wheels are unpacked elsewhere; its own folder has the same name as the core.
    (core,) = machine.home.rglob("ft_dcc/publish/publisher.py")
    # An older core of the same version lacks what the add-on of today imports.
    core.write_text("", encoding="utf-8")
    install_whole("blender", machine)
    assert core.stat().st_size > 1000
    (found,) = diagnose("blender", machine)
    assert found.is_good, found.text
    assert " runs Python 3." in found.text
    removed = installation.uninstall("blender", machine)
    assert (removed, done.folder.exists()) == ({done.folder: []}, False)
    (found,) = diagnose("blender", machine)
    assert "ft-dcc is not installed" in found.text
