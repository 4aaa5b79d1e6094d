"""The zip file of the extension, installed in a Blender with nothing but its bundled packages."""

import json
import os
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import imageio_ffmpeg
import pytest
from doubles.programs import run_process

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "hosts" / "blender" / "build_extension.py"
# The packages that Blender bundles.
BUNDLED_PACKAGES = ("bpy", "numpy", "requests", "urllib3", "certifi", "idna", "charset_normalizer")

# The parts of a script that runs in one Blender; each adds what it finds.
START = """
import importlib, json, os, sys, threading, types, bpy, addon_utils
from pathlib import Path
module, file, folder = sys.argv[-3:]
ours = lambda: sorted(name for name in sys.modules if name.startswith((module, "ft_dcc")))
if module.startswith("bl_ext"):
    bpy.ops.extensions.package_install_files(filepath=file, repo="user_default", enable_on_install=True)
else:
    bpy.ops.preferences.addon_install(filepath=file)
    bpy.ops.preferences.addon_enable(module=module)
found = {}
"""
INSTALL = """
import attrs, ft_dcc, pyblish
count = lambda: len([name for name in dir(bpy.types) if name.startswith(("FT_DCC_", "FTDCC_"))])
homes = [part.__file__ for part in (ft_dcc, attrs, pyblish, sys.modules[module])]
found["install"] = {"homes": homes, "counts": [count()]}
for _ in range(2):
    bpy.ops.preferences.addon_disable(module=module)
    found["install"]["counts"].append(count())
    bpy.ops.preferences.addon_enable(module=module)
    found["install"]["counts"].append(count())
"""
# Blender enables the add-on again after it was used, and it publishes from its new modules.
PUBLISH = """
account = dict(zip(("server", "user", "key"), json.loads(os.environ["FT_DCC_TEST_ACCOUNT"])))
part = lambda name: importlib.import_module(module + "." + name)
publish = found["publish"] = {"published": [], "left behind": []}
for number in range(2):
    part("demo_scene").build(Path(folder, "demo.blend"))
    controller = part("ui.controller").CONTROLLER
    bpy.ops.ft_dcc.sign_in(**account)
    assert controller.wait(600) and not controller.error, controller.error
    choices = bpy.context.window_manager.ft_dcc
    choices.task = os.environ["FT_DCC_TEST_TASK"]
    bpy.ops.ft_dcc.use_shot_settings()
    bpy.context.scene.render.resolution_x, bpy.context.scene.render.resolution_y = 128, 72
    choices.frames, choices.start, choices.end, choices.shading = "CUSTOM", 1001, 1003, "SOLID"
    bpy.ops.ft_dcc.publish()
    publish["published"].append(controller.published[0][1].version)
    publish["count"] = len(ours())
    addon_utils.disable(module)
    publish["left behind"].append(ours())
    assert addon_utils.enable(module) is not None
    assert "registration" in " ".join(ours())
"""
DISABLE_IN_USE = """
counts = lambda: [sum(name.split(".")[0] == "ft_dcc" for name in sys.modules),
                  sum(name.startswith(module) for name in sys.modules)]
import ft_dcc
used = found["in use"] = {"enabled": counts()}
core, is_over = ft_dcc, threading.Event()
thread = threading.Thread(target=is_over.wait, name="ft-dcc publish")
thread.start()
addon_utils.disable(module)
used["while a thread runs"] = counts()
is_over.set()
thread.join()
addon_utils.enable(module)
# The same add-on as a classic one, which uses the core of the extension.
for name in ("classic", "classic.registration", "classic.scene.input_guard"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["classic"].__addon_enabled__ = True
addon_utils.disable(module)
used["another one is enabled"] = counts()
used["is the same core"] = sys.modules["ft_dcc"] is core
sys.modules["classic"].__addon_enabled__ = False
addon_utils.enable(module)
"""
END = """
addon_utils.disable(module)
if module.startswith("bl_ext"):
    repositories = [each.module for each in bpy.context.preferences.extensions.repos]
    bpy.ops.extensions.package_uninstall(repo_index=repositories.index("user_default"), pkg_id="ft_dcc")
else:
    # The operator redraws the preferences.
    with bpy.context.temp_override(area=bpy.context.window_manager.windows[0].screen.areas[0]):
        bpy.ops.preferences.addon_remove(module=module)
# All but what Blender itself keeps about its extensions.
files = [path for path in Path(bpy.utils.resource_path("USER")).rglob("*") if path.is_file()]
found["files"] = [str(path) for path in files if ".cache" not in path.parts]
found["enabled"] = [name for name in bpy.context.preferences.addons.keys() if "ft_dcc" in name]
vendored = [name for name, each in sys.modules.items() if "vendored" in str(getattr(each, "__file__", ""))]
found["left behind"] = ours() + vendored
print("FOUND" + json.dumps(found))
"""


@pytest.fixture(scope="module")
def zips(tmp_path_factory):
    done = run_process(sys.executable, BUILD, "--to", tmp_path_factory.mktemp("zips"))
    if "No matching distribution" in done.stderr or "Could not find a version" in done.stderr:
        pytest.skip("no package index can be reached")
    assert done.returncode == 0, done.stderr
    return [Path(line) for line in done.stdout.splitlines()]


@pytest.fixture
def bare_python(bpy, tmp_path):
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
        return run_process(sys.executable, "-S", *arguments, env={**env, **more}, cwd=tmp_path)

    return run


@pytest.fixture
def publish_environment(studio_server, project_task, small_shot, tmp_path):
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


def found_by(done):
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout.partition("FOUND")[2].splitlines()[0])
    publish = found.pop("publish")
    assert publish.pop("count") > 100
    assert publish == {"published": [1, 2], "left behind": [[], []]}
    assert (found.pop("left behind"), found.pop("files"), found.pop("enabled")) == ([], [], [])
    return found


def test_the_extension_has_all_dependencies_publishes_again_after_disabling_and_leaves_no_module(
    zips, bare_python, publish_environment, tmp_path
):
    script, arguments = START + INSTALL + PUBLISH + DISABLE_IN_USE + END, ("bl_ext.user_default.ft_dcc", str(zips[0]))
    found = found_by(bare_python("-c", script, *arguments, str(tmp_path), **publish_environment))
    assert all("extensions" in Path(home).parts for home in found["install"]["homes"]), found["install"]["homes"]
    there, *rest = found["install"]["counts"]
    assert there > 10
    assert rest == [0, there, 0, there]
    # The modules stay while a thread, or another installation, uses them.
    used = found["in use"]
    core, own = used["enabled"]
    assert min(core, own) > 20
    assert used["while a thread runs"] == [core, own]
    core, own = used["another one is enabled"]
    assert (core > 20, own, used["is the same core"]) == (True, 0, True)


def test_disabling_the_classic_add_on_leaves_no_module_and_it_publishes_again(zips, publish_environment, tmp_path):
    program = os.environ.get("FT_DCC_BLENDER", "")
    if not program:
        pytest.skip("FT_DCC_BLENDER names no installed Blender")
    # The add-on must import its own copies of its dependencies.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment = {**inherited, **publish_environment, "BLENDER_USER_RESOURCES": str(tmp_path / "blender")}
    command = [program, "-b", "--python-exit-code", "3", "--python-expr", START + PUBLISH + END]
    done = run_process(*command, "--", "ft_dcc_blender", zips[1], tmp_path, env=environment)
    assert found_by(done) == {}


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
