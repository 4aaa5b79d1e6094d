"""Run these tests with the other versions of Blender's Python module that the add-on supports.

``FT_DCC_BPY_VERSIONS=DIR`` creates an environment for each version in DIR, with the Pythons of this machine, and keeps
it.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from doubles.programs import run_process
from doubles.pythons import need_python

ROOT = Path(__file__).resolve().parents[2]
FOLDER = os.environ.get("FT_DCC_BPY_VERSIONS", "")
# The newest patch release of each long-term support, and the newest release, with the Python that each is built for.
VERSIONS = {"4.2.23": "3.11", "4.5.15": "3.11", "5.2.*": "3.13"}
REQUIREMENTS = ("pytest", "pytest-timeout", "numpy", "pillow", "hypothesis", "opentimelineio", "playwright")
PATHS = ("", "tests", *(f"hosts/{host}" for host in ("blender", "maya", "nuke", "qt")))
TIMEOUT_SECONDS = 3600


@pytest.fixture(params=VERSIONS)
def python(request):
    if not FOLDER:
        pytest.skip("FT_DCC_BPY_VERSIONS names no folder for the environments")
    folder = Path(FOLDER, request.param.replace("*", "x")).absolute()
    program = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not (folder / "is-whole").exists():
        subprocess.run([need_python(VERSIONS[request.param]), "-m", "venv", "--clear", str(folder)], check=True)
        requirements = (f"{ROOT}[cli,media,server]", f"bpy=={request.param}", *REQUIREMENTS)
        subprocess.run([str(program), "-m", "pip", "install", "--quiet", *requirements], check=True)
        (folder / "is-whole").touch()
    return program


@pytest.mark.timeout(TIMEOUT_SECONDS)
def test_the_add_on_passes_its_tests_with_each_supported_bpy(python):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(str(ROOT / path) for path in PATHS)}
    # The inner run tests neither a window nor other versions.
    for name in ("FT_DCC_BPY_VERSIONS", "FT_DCC_BLENDER"):
        environment.pop(name, None)
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/blender"]
    done = run_process(*command, env=environment, cwd=ROOT, timeout=TIMEOUT_SECONDS)
    print(done.stdout[-300:])
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
