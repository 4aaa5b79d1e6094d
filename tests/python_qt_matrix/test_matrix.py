"""Run the tests of adapters and dialog with the Python and Qt versions of Maya and Nuke.

``FT_DCC_PAIRS=DIR`` creates the environments in DIR, with the Pythons of this machine, and keeps them there. They have
the programs' versions of Python and Qt, not their builds: changes that a host makes to them are not covered.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from doubles.programs import run_process
from doubles.pythons import need_python

ROOT = Path(__file__).resolve().parents[2]
FOLDER = os.environ.get("FT_DCC_PAIRS", "")
HOSTS = ("blender", "maya", "nuke", "qt")
# Sources: Autodesk's and Foundry's release notes, and the VFX Reference Platform of each year.
ENVIRONMENTS = {
    "Maya 2023, Nuke 14": ("3.9", "PySide2==5.15.2.1"),
    "Maya 2024, Nuke 15": ("3.10", "PySide2==5.15.2.1"),
    "Maya 2025 and 2026, Nuke 16": ("3.11", "PySide6-Essentials==6.5.3"),
    "Maya 2027": ("3.13", "PySide6-Essentials==6.8.3"),
}
SUITES = ("tests/maya", "tests/nuke", "tests/qt", "tests/acceptance/test_nuke.py")


@pytest.fixture(params=ENVIRONMENTS)
def python(request):
    if not FOLDER:
        pytest.skip("FT_DCC_PAIRS names no folder for the environments")
    version, qt = ENVIRONMENTS[request.param]
    environment_folder = Path(FOLDER, f"{version}-{qt}")
    program = environment_folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not (environment_folder / "is-whole").exists():
        subprocess.run([need_python(version), "-m", "venv", "--clear", str(environment_folder)], check=True)
        requirements = [f"{ROOT}[cli,media,server]", qt, "pytest", "pytest-timeout", "numpy", "hypothesis"]
        subprocess.run([str(program), "-m", "pip", "install", "--quiet", *requirements], check=True)
        (environment_folder / "is-whole").touch()
    return program


def run(python, *arguments, **more):
    search = os.pathsep.join(map(str, (ROOT, ROOT / "tests", *(ROOT / "hosts" / host for host in HOSTS))))
    environment = {**os.environ, "PYTHONPATH": search, "QT_QPA_PLATFORM": "offscreen", **more}
    return run_process(python, *arguments, env=environment, cwd=ROOT)


@pytest.mark.timeout(1800)
def test_adapters_and_dialog_pass_on_the_python_and_qt_of_the_host(python):
    suites = [name for name in SUITES if (ROOT / name).exists()]
    done = run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *suites)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


@pytest.mark.timeout(600)
def test_the_installation_for_each_python_needs_no_network(python, tmp_path):
    versions = {"3.9": "2023", "3.10": "2024", "3.11": "2025", "3.13": "2027"}
    year = versions[run(python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])").stdout.strip()]
    requirements = ("-m", "ft_dcc.cli.main", "install", "maya", "--version", year, "--to", tmp_path, "--no-ffmpeg")
    done = run(python, *requirements, PIP_NO_INDEX="1")
    assert done.returncode == 0, done.stderr
    load = "import sys; sys.path.append(sys.argv[1]); import ft_dcc.publish.publisher, ft_dcc.session"
    vendored = tmp_path / "ft-dcc" / "vendored"
    done = run(python, "-I", "-S", "-W", "ignore", "-c", load, vendored)
    assert done.returncode == 0, done.stderr
