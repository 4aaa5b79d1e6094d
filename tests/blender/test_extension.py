"""The zip file of the extension, installed in a Blender with nothing but its bundled packages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import imageio_ffmpeg
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
found["left behind"] = sorted(name for name in sys.modules if name.startswith((module, "ft_dcc")))
print("FOUND" + json.dumps(found))
"""

# Blender enables the add-on again after it was used, and it publishes from its new modules.
PUBLISH_AFTER_DISABLING = """
import importlib, json, os, sys, bpy, addon_utils
from pathlib import Path
module, other, folder = sys.argv[-3:]
if module.startswith("bl_ext"):
    bpy.ops.extensions.package_install_files(filepath=other, repo="user_default", enable_on_install=True)
else:
    bpy.ops.preferences.addon_install(filepath=other)
    bpy.ops.preferences.addon_enable(module=module)
account = dict(zip(("server", "user", "key"), json.loads(os.environ["FT_DCC_TEST_ACCOUNT"])))
ours = lambda: sorted(name for name in sys.modules if name.startswith((module, "ft_dcc")))
part = lambda name: importlib.import_module(module + "." + name)
found = {"published": [], "left behind": []}
for number in range(2):
    part("demo_scene").build(Path(folder, "demo.blend"))
    controller = part("ui.controller").CONTROLLER
    bpy.ops.ft_dcc.sign_in(**account)
    assert controller.wait(60) and not controller.error, controller.error
    choices = bpy.context.window_manager.ft_dcc
    choices.task = os.environ["FT_DCC_TEST_TASK"]
    bpy.ops.ft_dcc.use_shot_settings()
    bpy.context.scene.render.resolution_x, bpy.context.scene.render.resolution_y = 128, 72
    choices.frames, choices.start, choices.end, choices.shading = "CUSTOM", 1001, 1003, "SOLID"
    bpy.ops.ft_dcc.publish()
    found["published"].append(controller.published[0][1].version)
    count = len(ours())
    addon_utils.disable(module)
    found["left behind"].append(ours())
    assert addon_utils.enable(module) is not None
    assert "registration" in " ".join(ours())
found["count"] = count
addon_utils.disable(module)
found["vendored"] = [name for name, each in sys.modules.items() if "vendored" in str(getattr(each, "__file__", ""))]
print("FOUND" + json.dumps(found))
"""

DISABLE_IN_USE = """
import json, sys, threading, types, bpy, addon_utils
bpy.ops.extensions.package_install_files(filepath=sys.argv[1], repo="user_default", enable_on_install=True)
module = "bl_ext.user_default.ft_dcc"
counts = lambda: [sum(name.split(".")[0] == "ft_dcc" for name in sys.modules),
                  sum(name.startswith(module) for name in sys.modules)]
import ft_dcc
found = {"core": ft_dcc, "enabled": counts()}
is_over = threading.Event()
thread = threading.Thread(target=is_over.wait, name="ft-dcc publish")
thread.start()
addon_utils.disable(module)
found["while a thread runs"] = counts()
is_over.set()
thread.join()
addon_utils.enable(module)
# The same add-on as a classic one, which uses the core of the extension.
for name in ("classic", "classic.registration", "classic.scene.input_guard"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["classic"].__addon_enabled__ = True
addon_utils.disable(module)
found["another one is enabled"] = counts()
found["is the same core"] = sys.modules["ft_dcc"] is found.pop("core")
sys.modules["classic"].__addon_enabled__ = False
addon_utils.enable(module)
addon_utils.disable(module)
found["nothing is enabled"] = counts()
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

    def run(*arguments, **more):
        command = [sys.executable, "-S", *arguments]
        return subprocess.run(
            command, capture_output=True, encoding="utf-8", check=False, timeout=240, env={**env, **more}, cwd=tmp_path
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
    assert found["left behind"] == []


@pytest.fixture
def publish_environment(studio_server, project_task, small_shot, tmp_path):
    """Return the environment of a Blender that publishes to the shared server."""
    account = [studio_server.server_url, studio_server.api_user, studio_server.api_key]
    # The zip files for all platforms have no ffmpeg.
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "ffmpeg").symlink_to(imageio_ffmpeg.get_ffmpeg_exe())
    return {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "FT_DCC_JOBS": str(tmp_path / "jobs"),
        "FT_DCC_TEST_ACCOUNT": json.dumps(account),
        "FT_DCC_TEST_TASK": "/".join(part["name"] for part in project_task["link"]),
        "HOME": str(tmp_path),
    }


def require_published_twice(done):
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout.partition("FOUND")[2].splitlines()[0])
    assert found.pop("count") > 100
    assert found == {"published": [1, 2], "left behind": [[], []], "vendored": []}


def test_disabling_the_extension_leaves_no_module_and_it_publishes_again(
    zips, bare_python, publish_environment, tmp_path
):
    arguments = ("bl_ext.user_default.ft_dcc", str(zips[0]), str(tmp_path))
    require_published_twice(bare_python("-c", PUBLISH_AFTER_DISABLING, *arguments, **publish_environment))


def test_modules_stay_while_a_thread_or_another_installation_uses_them(zips, bare_python):
    done = bare_python("-c", DISABLE_IN_USE, str(zips[0]))
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout.partition("FOUND")[2].splitlines()[0])
    core, own = found["enabled"]
    assert min(core, own) > 20
    assert found["while a thread runs"] == [core, own]
    core, own = found["another one is enabled"]
    assert (core > 20, own, found["is the same core"]) == (True, 0, True)
    assert found["nothing is enabled"] == [0, 0]


def test_disabling_the_classic_add_on_leaves_no_module_and_it_publishes_again(zips, publish_environment, tmp_path):
    program = os.environ.get("FT_DCC_BLENDER", "")
    if not program:
        pytest.skip("FT_DCC_BLENDER names no installed Blender")
    # The add-on must import its own copies of its dependencies.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment = {**inherited, **publish_environment, "BLENDER_USER_RESOURCES": str(tmp_path)}
    command = [program, "-b", "--python-exit-code", "3", "--python-expr", PUBLISH_AFTER_DISABLING]
    done = subprocess.run(
        [*command, "--", "ft_dcc_blender", str(zips[1]), str(tmp_path)],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=240,
    )
    require_published_twice(done)


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
