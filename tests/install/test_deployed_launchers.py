"""Launchers that start hosts from a deployment: its Rez package, and its plugin of ftrack Connect."""

import json
import re
import shutil
from types import SimpleNamespace

import pytest
from doubles.programs import run_process
from doubles.releases import SmallReleases

from ft_dcc.install import deployed_files

HOSTS = {"maya": ["MAYA_MODULE_PATH"], "nuke": ["NUKE_PATH"], "blender": ["BLENDER_SYSTEM_SCRIPTS"]}


@pytest.fixture(scope="module")
def share(tmp_path_factory):
    share = tmp_path_factory.mktemp("share") / "Freigabe für 'alle' $(exit 3); & 100% {x}"
    with pytest.MonkeyPatch.context() as patch:
        SmallReleases(patch).deploy(share)
    return share


class RezVariable:
    def __init__(self, values):
        self._values = values

    def append(self, value):
        self._values.append(value)


class RezEnvironment:
    """``env`` as Rez gives it to ``commands``; any other use of it is an error."""

    def __init__(self):
        object.__setattr__(self, "values", {})

    def __getattr__(self, name):
        assert name.isupper(), name
        return RezVariable(self.values.setdefault(name, []))

    def __setattr__(self, name, value):
        assert name.isupper() and isinstance(value, str), name
        self.values[name] = value


def test_the_rez_package_selects_its_release_by_paths_relative_to_itself(share, tmp_path):
    moved = tmp_path / "mounted elsewhere"
    shutil.copytree(share, moved)
    definition = deployed_files.rez_package(moved, "1.0.0")
    names = {}
    exec(compile(definition.read_text(encoding="utf-8"), str(definition), "exec"), names)  # noqa: S102 - as Rez does
    assert (names["name"], names["version"]) == ("ft_dcc", "1.0.0")
    environment = RezEnvironment()
    names.update(env=environment, this=SimpleNamespace(root=str(definition.parent)))
    names["commands"]()
    expected = {variable: [str(moved / host)] for host, variables in HOSTS.items() for variable in variables}
    assert environment.values == {"FT_DCC_RELEASE": "1.0.0", **expected}


HOOK = """
import json, runpy, sys
import ftrack_api, ftrack_api.event.base, ftrack_api.event.hub

class NoServer(ftrack_api.Session):
    def __init__(self):
        self._event_hub = ftrack_api.event.hub.EventHub("https://example.invalid", "ada", "key")

    event_hub = property(lambda self: self._event_hub)
    def __del__(self): pass

session, plugin = NoServer(), sys.argv[1]
register = runpy.run_path(plugin + "/hook/discover_ft_dcc.py")["register"]
register(session)
register("the storage of locations calls every plugin with something else")
answers = []
for topic, identifier, version in json.loads(sys.argv[2]):
    data = {
        "application": {"identifier": identifier, "version": version, "label": "Any"},
        "integration": {"name": None, "version": None, "env": {"SHOW": "film"}, "launch_arguments": []},
        "context": {"selection": [{"entityId": "1a2b", "entityType": "task"}]} if topic == "launch" else {},
    }
    event = ftrack_api.event.base.Event(topic="ftrack.connect.application." + topic, data=data)
    answers.append(session.event_hub.publish(event, synchronous=True))
    assert data["integration"] == {"name": None, "version": None, "env": {"SHOW": "film"}, "launch_arguments": []}
print(json.dumps(answers))
"""


def ask_hook(python, share, *events):
    plugin = share / "connect" / deployed_files.CONNECT_PLUGIN
    done = run_process(python, "-W", "ignore", "-c", HOOK, plugin, json.dumps(events))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_connect_hook_adds_the_variables_of_each_host_and_starts_older_blenders_by_a_script(share, official_python):
    events = [("launch", "maya_2025", "2025"), ("launch", "nuke_15.1v2", "15.1v2"), ("launch", "blender_4.2", "4.2")]
    events += [("launch", "nuke-studio_15.1v2", "15.1v2"), ("launch", "blender_3.6", "3.6.1")]
    *answers, (studio,), (older,) = ask_hook(official_python, share, *events)
    assert studio["integration"]["name"] == "ft-dcc-nuke"
    script = share / "blender" / "startup" / "ft_dcc_start.py"
    assert older["integration"]["launch_arguments"] == ["--python", str(script)]
    assert script.is_file()
    for (host, variables), (answer,) in zip(HOSTS.items(), answers):
        assert answer["integration"] == {
            "name": f"ft-dcc-{host}",
            "version": "1.0.0",
            "env": {"SHOW": "film", **dict.fromkeys(variables, str(share / host)), "FTRACK_CONTEXTID.set": "1a2b"},
            "launch_arguments": [],
        }


def test_the_connect_hook_is_discovered_for_its_hosts_only_also_without_a_release(share, official_python, tmp_path):
    shutil.copytree(share / "connect", tmp_path / "connect")
    maya, houdini = ask_hook(
        official_python, tmp_path, ("discover", "maya_2026", "2026"), ("discover", "houdini", "20")
    )
    assert maya == [{"integration": {"name": "ft-dcc-maya", "version": "unknown"}}]
    assert houdini == []


PROGRAMS = {
    "maya": {
        "linux": ("/usr/autodesk/maya2025/bin/maya", "2025"),
        "darwin": ("/Applications/Autodesk/maya2025/Maya.app", "2025"),
        "windows": ("C:/Program Files/Autodesk/Maya2025/bin/maya.exe", "2025"),
    },
    "nuke": {
        "linux": ("/usr/local/Nuke15.1v2/Nuke15.1", "15.1v2"),
        "darwin": ("/Applications/Nuke15.1v2/Nuke15.1v2.app", "15.1v2"),
        "windows": ("C:/Program Files/Nuke15.1v2/Nuke15.1.exe", "15.1v2"),
    },
    "blender": {
        "linux": ("/opt/blender-4.2.1-linux-x64/blender", "4.2.1"),
        "darwin": ("/Applications/Blender.app", None),
        "windows": ("C:/Program Files/Blender Foundation/Blender 4.2/blender.exe", "4.2"),
    },
}


@pytest.mark.parametrize("host", list(PROGRAMS))
def test_the_launch_configuration_finds_the_host_on_each_system(share, host):
    yaml = pytest.importorskip("yaml")
    plugin = share / "connect" / deployed_files.CONNECT_PLUGIN
    found = yaml.safe_load((plugin / "launch" / f"ft-dcc-{host}.yaml").read_text(encoding="utf-8"))
    assert (found["type"], found["integrations"]) == ("launch_config", {"ft-dcc": [f"ft-dcc-{host}"]})
    assert found["applicationIdentifier"].startswith(f"{host}_")
    for system, (path, version) in PROGRAMS[host].items():
        search = found["search_path"][system]
        parts = [*search["prefix"], *search["expression"]]
        # Connect matches each part of the path with an expression; the first one is the root.
        names = path.replace("C:/", "C:\\/").split("/")
        assert parts[0].rstrip("/") == names[0]
        assert [bool(re.match(part, name)) for part, name in zip(parts[1:], names[1:])] == [True] * (len(names) - 1)
        assert len(parts) == len(names)
        if version is not None:
            assert re.search(search["version_expression"], path)["version"] == version


def test_the_folder_of_the_connect_plugin_has_a_name_and_a_version(share):
    (plugin,) = (share / "connect").iterdir()
    assert re.fullmatch(r".+?-\d+\.\d+\.\d+", plugin.name)
    assert list((plugin / "hook").glob("*.py"))
