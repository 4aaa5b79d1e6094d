"""Start the hosts of a studio from one share: the doubles of Maya and Nuke in each Python, and bpy."""

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import attrs
import pytest
from doubles.programs import run_process
from doubles.pythons import need_python
from doubles.releases import EVERYTHING, SmallReleases

from ft_dcc.install import deployment, release_build

ROOT = Path(__file__).resolve().parents[2]
SYSTEMS = {
    "linux": ("linux", "x86_64", "linux-x86_64"),
    "windows": ("win32", "AMD64", "windows-x86_64"),
    "macos": ("darwin", "arm64", "macos-arm64"),
}
# The double needs the core, and the host must load its own: the paths of the double are removed before the start.
START = """
import importlib, json, platform, sys
module, paths, machine = sys.argv.pop(1), json.loads(sys.argv.pop(1)), json.loads(sys.argv.pop(1))
sys.path[:0] = paths
double = importlib.import_module(module)
sys.path[:] = [path for path in sys.path if path not in paths[1:]]
for name in [name for name in sys.modules if name.partition(".")[0] in ("ft_dcc", "attr", "attrs")]:
    del sys.modules[name]
sys.platform, platform.machine = machine[0], lambda: machine[1]
double.main()
sys.stderr.write(json.dumps([path for path in sys.path if "releases" in path]))
"""
HOST_PROCESS = """
import sys
sys.path.append(sys.argv[1])
import ft_dcc_release
print(ft_dcc_release.activate(sys.argv[2], sys.argv[3]), flush=True)
for line in sys.stdin:
    import ft_dcc.late
    print(ft_dcc.late.CONTENT, flush=True)
"""


@pytest.fixture(scope="module")
def finished_share(tmp_path_factory):
    share = tmp_path_factory.mktemp("share") / "Freigabe für Künstler"
    with pytest.MonkeyPatch.context() as patch:
        SmallReleases(patch, with_adapters=True).deploy(share, **EVERYTHING)
    return share


def environment(share):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("FT_DCC_", "PYTHON"))}
    # Coverage of child processes starts by itself, and needs a path that they do not have.
    clean.pop("COVERAGE_PROCESS_START", None)
    return {**clean, "MAYA_MODULE_PATH": str(share / "maya"), "NUKE_PATH": str(share / "nuke")}


def start(host, share, *options, python=sys.executable, system="linux", **variables):
    paths = [str(ROOT / "tests"), str(ROOT), str(Path(attrs.__file__).parents[1])]
    machine = json.dumps(SYSTEMS[system][:2])
    command = [python, "-I", "-S", "-W", "ignore", "-c", START, f"doubles.{host}.start", json.dumps(paths), machine]
    own = {**environment(share), **variables}
    done = run_process(*command, *options, env=own)
    assert done.returncode == 0, done.stderr
    *messages, folders = done.stderr.splitlines()
    below = [Path(path).relative_to(share / "releases").as_posix() for path in json.loads(folders)]
    return json.loads(done.stdout), [path for path in below if not path.endswith("vendored")], messages


@pytest.mark.parametrize(
    ("version", "folder", "system"),
    [("3.9", "py3.9", "linux"), ("3.11", "py3.11", "macos"), ("3.13", "py3.11", "windows")],
)
def test_maya_and_nuke_of_every_python_and_system_start_from_one_share(finished_share, version, folder, system):
    share, python = finished_share, need_python(version)
    for host, menus in (("maya", ["ftDccMenu"]), ("nuke", ["ft-dcc"])):
        report, folders, messages = start(host, share, python=python, system=system)
        assert (report["menus"], report["misuses"], messages) == (menus, [], [])
        assert report.get("error") is None
        assert report.get("errors", []) == []
        assert folders == [f"1.0.0/packages/{folder}", f"1.0.0/systems/{SYSTEMS[system][2]}"]


def test_hosts_without_a_window_start_from_the_share(finished_share):
    for host, option in (("maya", "--batch"), ("nuke", "-t")):
        report, folders, messages = start(host, finished_share, option)
        assert (report["menus"], report["misuses"], messages, len(folders)) == ([], [], [], 2)


def test_the_plugin_of_the_share_starts_maya_once(finished_share):
    report, folders, messages = start("maya", finished_share, "--plugins")
    assert (report["menus"], report["misuses"], messages, len(folders)) == (["ftDccMenu"], [], [], 2)


@pytest.mark.parametrize("version", ["2.7", "3.7"])
def test_a_host_whose_python_is_too_old_for_ft_dcc_gets_one_line(finished_share, version):
    python = need_python(version)
    for script, text in (
        ("maya/scripts/userSetup.py", "ft-dcc needs Maya 2023"),
        ("nuke/init.py", "ft-dcc needs Nuke"),
        ("nuke/menu.py", ""),
    ):
        done = run_process(python, finished_share / script)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (0, "", 1 if text else 0)
        assert done.stderr.startswith(text)


def break_release(share, how):
    release = share / "releases" / "1.0.0"
    facts = json.loads((release / "release.json").read_text(encoding="utf-8"))
    if how == "no current":
        (share / "current.json").unlink()
    elif how == "bad current":
        (share / "current.json").write_text("{", encoding="utf-8")
    elif how == "wrong name":
        (share / "current.json").write_text('{"release": "../elsewhere"}', encoding="utf-8")
    elif how == "missing":
        release.rename(release.with_name("elsewhere"))
    elif how == "half-written":
        (release / "release.json").write_text('{"release": "1.0.0", "hosts": {}, ', encoding="utf-8")
    elif how == "no facts":
        (release / "release.json").write_text('{"hosts": {}}', encoding="utf-8")
    elif how == "no packages":
        (release / "packages").rename(release / "elsewhere")
    elif how == "newer packages":
        facts["packages"] = ["py3.99"]
        (release / "release.json").write_text(json.dumps(facts), encoding="utf-8")
    elif how == "not served":
        facts["hosts"]["maya"]["2025"] = facts["hosts"]["nuke"]["15"] = "it was deployed without it"
        (release / "release.json").write_text(json.dumps(facts), encoding="utf-8")
    elif how == "no adapter":
        for path in release.rglob("ft_dcc_*"):
            if path.is_dir():
                path.rename(path.with_name("elsewhere_" + path.name))


@pytest.mark.parametrize(
    ("how", "hosts", "message"),
    [
        # Without hosts, only the loader is called, which they share.
        ("no current", [], "current.json is missing above"),
        ("bad current", [], "current.json cannot be read"),
        ("wrong name", [], "'../elsewhere' is not the name of a release"),
        ("missing", [], "release.json cannot be read: No such file"),
        ("half-written", [], "release.json cannot be read"),
        ("no facts", [], "release.json is damaged"),
        ("no packages", [], "py3.11 is missing"),
        ("newer packages", [], "release 1.0.0 needs Python 3.99, and "),
        ("not served", ["maya", "nuke"], "release 1.0.0 does not serve "),
        ("no adapter", ["maya", "nuke"], "could not be started: ModuleNotFoundError"),
    ],
)
def test_a_broken_deployment_is_one_line_and_the_host_starts_with_the_menus_of_others(
    finished_share, share, how, hosts, message, monkeypatch, capsys
):
    shutil.copytree(finished_share, share, ignore=shutil.ignore_patterns("py3.9", "py3.10"))
    break_release(share, how)
    if not hosts:
        path = share / "maya" / "scripts" / "ft_dcc_release.py"
        spec = importlib.util.spec_from_file_location("ft_dcc_release", path)
        loader = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(loader)
        # The adapter of this environment would be another installation.
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        assert not loader.activate("maya", "2025")
        assert message in capsys.readouterr().err
    for host in hosts:
        report, _, messages = start(host, share)
        assert (report["menus"], report.get("error"), report.get("errors", [])) == ([], None, [])
        assert report.get("buttons", ["mine"]) == ["mine"]
        # Nuke's init.py and menu.py both report an adapter that cannot be imported.
        assert len(messages) == (2 if (host, how) == ("nuke", "no adapter") else 1), messages
        assert message in messages[0]


def test_a_running_host_keeps_its_release_during_upgrade_rollback_and_prune(releases, share):
    releases.deploy(share, "one")
    with host_process(share, "maya", "2025") as old:
        for content in ("two", "three"):
            releases.deploy(share, content)
        assert deployment.status(share)[0].users == ("Maya 2025",)
        assert deployment.prune(share, keep_days=0)[1]["1.0.0"] == "used by 1 running hosts: Maya 2025"
        assert ask(old) == "one"
        deployment.rollback(share)
        with host_process(share, "nuke", "16") as new:
            assert ask(new) == "two"
    assert list((share / "leases").iterdir()) == []
    releases.deploy(share, "four")
    assert deployment.prune(share, keep_days=0)[0] == ["1.0.0", "1.0.0-3"]


def test_a_host_with_a_newer_python_than_its_version_has_is_served(releases, share):
    releases.missing = {(3, 10)}
    releases.deploy(share, only=("2025", "15"))
    # Some distributions build Blender 3.4 with Python 3.11.
    assert deployment.status(share)[0].facts.hosts["nuke"]["15"].endswith("packages for Python 3.10")
    with host_process(share, "nuke", "15") as nuke:
        assert ask(nuke) == "one"


def test_a_host_can_be_pinned_to_a_release_by_the_environment(releases, share):
    releases.deploy(share, "one")
    releases.deploy(share, "two")
    with host_process(share, "maya", "2025", FT_DCC_RELEASE="1.0.0") as pinned:
        assert ask(pinned) == "one"


def test_a_share_where_leases_cannot_be_written_serves_hosts(releases, share):
    releases.deploy(share)
    (share / "leases").rmdir()
    (share / "leases").touch()
    with host_process(share, "maya", "2025") as reader:
        assert ask(reader) == "one"


def test_another_installation_takes_precedence_and_is_named(releases, share, tmp_path):
    releases.deploy(share)
    own = tmp_path / "own" / "ft_dcc_maya"
    own.mkdir(parents=True)
    (own / "__init__.py").write_text("", encoding="utf-8")
    code = HOST_PROCESS.replace("import sys\n", f"import sys; sys.path.append({str(own.parent)!r})\n", 1)
    done = run_process(sys.executable, "-I", "-S", "-c", code, share / "maya" / "scripts", "maya", "2025", input="")
    assert done.stdout.split() == ["False"]
    assert done.stderr == (
        f"ft-dcc is not loaded: another installation is used: {own}. To use the studio's, run: ft-dcc uninstall maya\n"
    )


def host_process(share, host, version, **variables):
    folder = share / {"maya": "maya/scripts", "nuke": "nuke"}[host]
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", HOST_PROCESS, str(folder), host, version],
        env={**environment(share), **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stdout.readline() == "True\n"
    return process


def ask(process):
    process.stdin.write("import\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


BLENDER = """
import sys
sys.path = [path for path in sys.path if "hosts" not in path]
sys.path[:0] = {hidden!r}
import bpy
import ft_dcc_blender, ft_dcc.frames
print(hasattr(bpy.types.WindowManager, "ft_dcc"), ft_dcc.frames.__file__, ft_dcc_blender.__file__)
print([name for name in bpy.context.preferences.addons.keys() if "ft_dcc" in name])
"""


def test_blender_enables_the_add_on_of_the_release_and_no_preferences_change(share, tmp_path, monkeypatch):
    bpy = importlib.util.find_spec("bpy")
    if bpy is None:
        pytest.skip("bpy is not installed")
    done = deployment.deploy(share, release_build.Order(hosts=("blender",), only=("5.0",), systems=()))
    assert done.facts.served == [("blender", "5.0")]
    packages = tmp_path / "packages"
    packages.mkdir()
    for name in ("bpy", "numpy", "numpy.libs"):
        path = Path(bpy.origin).parents[1] / name
        if path.exists():
            (packages / name).symlink_to(path)
    folders = {"BLENDER_SYSTEM_SCRIPTS": str(share / "blender"), "BLENDER_USER_RESOURCES": str(tmp_path / "user")}
    command = [sys.executable, "-I", "-S", "-W", "ignore", "-c", BLENDER.format(hidden=[str(packages)])]
    found = run_process(*command, env={**environment(share), **folders})
    assert (found.returncode, found.stderr) == (0, "")
    registered, addons = found.stdout.splitlines()[-2:]
    release = share / "releases" / done.name / "packages" / done.facts.packages[0]
    core, adapter = release / "ft_dcc" / "frames.py", release / "ft_dcc_blender" / "__init__.py"
    assert registered == f"True {core} {adapter}"
    assert addons == "[]"
