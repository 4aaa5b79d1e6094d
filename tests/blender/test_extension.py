"""The zip file of the extension, installed in a Blender with nothing but its bundled packages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "hosts" / "blender" / "build_extension.py"
# The packages that Blender bundles.
BUNDLED_PACKAGES = ("bpy", "numpy", "requests", "urllib3", "certifi", "idna", "charset_normalizer")

INSTALL = """
import json, os, sys, bpy
bpy.ops.extensions.package_install_files(filepath=sys.argv[1], repo="user_default", enable_on_install=True)
import attrs, ft_dcc, pyblish
module = "bl_ext.user_default.ft_dcc"
count = lambda: len([name for name in dir(bpy.types) if name.startswith(("FT_DCC_", "FTDCC_"))])
homes = [part.__file__ for part in (ft_dcc, attrs, pyblish, sys.modules[module])]
found = {"homes": homes, "counts": [count()]}
for _ in range(2):
    bpy.ops.preferences.addon_disable(module=module)
    found["counts"].append(count())
    bpy.ops.preferences.addon_enable(module=module)
    found["counts"].append(count())
bpy.ops.preferences.addon_disable(module=module)
print("FOUND" + json.dumps(found))
"""


@pytest.fixture(scope="module")
def zips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("zips")
    command = [sys.executable, str(BUILD), "--to", str(folder)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, timeout=240)
    if "No matching distribution" in done.stderr or "Could not find a version" in done.stderr:
        pytest.skip("no package index can be reached")
    assert done.returncode == 0, done.stderr
    return [Path(line) for line in done.stdout.splitlines()]


@pytest.fixture
def bare_python(bpy, tmp_path):
    """Return a function that runs Python with only the packages that Blender bundles."""
    if bpy.app.version < (4, 2):
        pytest.skip("extensions came with Blender 4.2")
    packages, site = tmp_path / "packages", Path(str(distribution("bpy").locate_file("")))
    packages.mkdir()
    for name in BUNDLED_PACKAGES:
        if (site / name).exists():
            (packages / name).symlink_to(site / name)
    resources = tmp_path / "resources"
    resources.mkdir()
    env = {**os.environ, "PYTHONPATH": str(packages), "BLENDER_USER_RESOURCES": str(resources)}

    def run(*arguments):
        command = [sys.executable, "-S", *arguments]
        return subprocess.run(
            command, capture_output=True, encoding="utf-8", check=False, timeout=240, env=env, cwd=tmp_path
        )

    return run


def test_the_extension_installs_with_all_of_its_dependencies(zips, bare_python):
    done = bare_python("-c", INSTALL, str(zips[0]))
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout.partition("FOUND")[2].splitlines()[0])
    assert all("extensions" in Path(home).parts for home in found["homes"]), found["homes"]
    there, *rest = found["counts"]
    assert there > 10
    assert rest == [0, there, 0, there]


def test_the_extension_passes_blenders_validation(zips, bare_python, bpy):
    version = "{}.{}".format(*bpy.app.version)
    tool = Path(str(distribution("bpy").locate_file("bpy"))) / version / "scripts/addons_core/bl_pkg/cli/blender_ext.py"
    done = bare_python(str(tool), "validate", str(zips[0]))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_classic_add_on_contains_its_dependencies(zips):
    with zipfile.ZipFile(zips[1]) as archive:
        names = set(archive.namelist())
    assert {f"ft_dcc_blender/{name}" for name in ("__init__.py", "LICENSE", "vendored/ft_dcc/__init__.py")} <= names
    assert "ft_dcc_blender/vendored/attrs/__init__.py" in names
    others = ("ft_dcc_blender", "ft_dcc_maya", "ft_dcc_nuke", "ft_dcc_qt", "Qt.py", "types_")
    assert not any(name.startswith(f"ft_dcc_blender/vendored/{other}") for name in names for other in others)


def test_manifest_add_on_and_project_have_the_same_version(zips):
    tomllib = pytest.importorskip("tomllib", reason="tomllib came with Python 3.11")

    import ft_dcc_blender

    with zipfile.ZipFile(zips[0]) as archive:
        manifest = tomllib.loads(archive.read("blender_manifest.toml").decode("utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert manifest["version"] == ".".join(map(str, ft_dcc_blender.bl_info["version"])) == project
    assert set(manifest["permissions"]) == {"network", "files", "clipboard"}
    assert any(name.endswith(f"ft_dcc-{project}-py3-none-any.whl") for name in manifest["wheels"])
