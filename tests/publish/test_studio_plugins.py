"""The plugins of docs/td/publish-plugins.md, loaded through the setting."""

import json
import os
import re
import threading
from pathlib import Path

import pytest
import requests
from doubles.command_line import account_variables, run_command
from run_options import TIMEOUT_SECONDS

from ft_dcc.errors import Cancelled, PluginBroken, UserFixableError, ValueMismatch
from ft_dcc.publish import slots
from ft_dcc.publish.models import PublishRequest, derived_id
from ft_dcc.publish.publisher import Publisher, publish
from ft_dcc.session import SERVER_LOCATION_ID

DOCS = Path(__file__).resolve().parents[2] / "docs" / "td" / "publish-plugins.md"


def code_of(name):
    return re.search(rf"```python\n# {name}\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.S)[1]


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    folder = tmp_path / "plugins"
    folder.mkdir()
    monkeypatch.setenv("FT_DCC_PLUGINS", str(folder))

    def put(name, text=None):
        path = folder / name
        path.write_text(code_of(name) if text is None else text, encoding="utf-8")
        return path

    return put


def test_documented_check_rejects_and_repairs(session, host, task, task_path, jobs, plugin):
    plugin("validate_asset_name.py")
    with pytest.raises(ValueMismatch, match="The asset name is Animation; expected animation"):
        publish(PublishRequest(task_path), session, host, jobs=jobs)
    check = Publisher(session, host, jobs=jobs).validate(PublishRequest(task_path))
    (problem,) = check.problems
    assert (problem.found, problem.expected, problem.repair) == (
        "Animation",
        "animation",
        "Write the name in small letters",
    )
    assert check.repair(problem) is None
    published = check.publish()
    asset = session.query(f"select name from Asset where id is '{published.first.asset_id}'").one()
    assert asset["name"] == "animation"


def test_documented_extractor_adds_its_component(session, host, task, task_path, jobs, plugin):
    plugin("extract_cut_list.py")
    published = publish(PublishRequest(task_path, review="Dailies"), session, host, jobs=jobs)
    names = sorted(component.name for component in published.first.components)
    assert names == ["cut-list", "ftrackreview-mp4", "thumbnail"]
    location = session.query(
        f"select url from ComponentLocation where component.version_id is '{published.first.version_id}' "
        f"and component.name is 'cut-list' and location_id is '{SERVER_LOCATION_ID}'"
    ).one()
    cut = json.loads(requests.get(location["url"]["url"], timeout=TIMEOUT_SECONDS).content)
    assert cut == {"source": "bars", "frames": "1001-1012", "fps": "24"}


def test_cancel_rolls_back_a_studios_component(session, host, task, task_path, jobs, plugin):
    plugin("extract_cut_list.py")
    cancel, seen = threading.Event(), []

    def on_progress(progress):
        if progress.step == "upload cut-list":
            (job,) = jobs.iterdir()
            text = (job / "journal.jsonl").read_text("utf-8")
            seen.append(re.search(r'"ft_dcc.version_id": "([0-9a-f-]{36})"', text)[1])
            cancel.set()

    with pytest.raises(Cancelled):
        publish(PublishRequest(task_path), session, host, on_progress=on_progress, jobs=jobs, cancel=cancel)
    ids = ", ".join(f"'{derived_id(seen[0], name)}'" for name in ("ftrackreview-mp4", "thumbnail", "cut-list"))
    assert session.query(f"select id from Component where id in ({ids})").all() == []
    assert list(jobs.iterdir()) == []


def test_duplicate_component_name_is_rejected(session, host, task, task_path, jobs, plugin):
    plugin("extract_film.py", code_of("extract_cut_list.py").replace('"cut-list"', '"thumbnail"'))
    with pytest.raises(PluginBroken, match="has a component 'thumbnail' already"):
        publish(PublishRequest(task_path), session, host, jobs=jobs)


CLASS = "import pyblish.api\nclass ValidateName(pyblish.api.InstancePlugin):\n"
CHECK = "    order = 1\n    def process(self, instance):\n        instance.data['frameStart']\n"


@pytest.mark.parametrize(
    ("text", "reason", "has_job"),
    [
        ("import studio_tools_of_nobody\n", "studio_tools_of_nobody", False),
        (f"{CLASS}    families = 'camera'\n", "The publish plugin ValidateName in .* is not valid for pyblish", False),
        # A mistake in a check is no problem of the user.
        (f"{CLASS}{CHECK}", r"ValidateName \(.*\) failed: KeyError: 'frameStart'", True),
    ],
)
def test_broken_plugin_stops_the_publish_and_is_named(
    session, host, task, task_path, jobs, plugin, text, reason, has_job
):
    path = plugin("validate_name.py", text)
    with pytest.raises(PluginBroken, match=reason) as caught:
        publish(PublishRequest(task_path), session, host, jobs=jobs)
    assert (str(path) in str(caught.value), jobs.exists()) == (True, has_job)


def test_plugin_that_calls_sys_exit_or_changes_the_folder_is_contained(
    session, host, task, task_path, jobs, plugin, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    plugin(
        "check_licence.py",
        "import os, sys, pyblish.api\n"
        "class CollectFolder(pyblish.api.ContextPlugin):\n"
        "    order = 0\n"
        "    def process(self, context):\n"
        "        os.chdir(os.path.dirname(os.getcwd()))\n"
        "class ValidateLicence(pyblish.api.InstancePlugin):\n"
        "    order = 1\n"
        "    def process(self, instance):\n"
        "        sys.exit('no licence')\n",
    )
    with pytest.raises(PluginBroken, match=r"ValidateLicence \(.*\) called sys\.exit\('no licence'\)"):
        publish(PublishRequest(task_path), session, host, jobs=jobs)
    assert Path.cwd() == tmp_path
    plugin("check_licence.py", "raise SystemExit('no licence')\n")
    with pytest.raises(PluginBroken, match=r"check_licence\.py cannot be imported: SystemExit: no licence"):
        publish(PublishRequest(task_path), session, host, jobs=jobs)


def test_every_slot_is_documented_with_key_type_and_writer():
    page = DOCS.read_text(encoding="utf-8")
    for name, slot in vars(slots).items():
        if isinstance(slot, slots.Slot):
            row = re.search(rf"^\| `{name}` \| `(.*?)` \| (\w+) \| (.*?) \|$", page, re.M)
            assert row is not None, name
            kind = name.capitalize() if slot.kind is object else slot.kind.__name__
            assert row.groups() == (slot.key, kind, slot.writer)


def test_levels_of_checks_and_settings_of_plugins_by_task_type_are_in_the_report(
    session, host, task, task_path, jobs, plugin, tmp_path, monkeypatch
):
    plugin(
        "validate_take.py",
        "import pyblish.api\nfrom ft_dcc.publish.slots import SHOT, STUDIO\n"
        "class ValidateTake(pyblish.api.InstancePlugin):\n"
        "    order, label, studio_settings = 1, 'Take', {'take': 1}\n"
        "    def process(self, instance):\n"
        "        assert not instance, SHOT.get(instance.context).id\n"
        "        raise ValueError(f'Take {STUDIO.get(instance.context)[\"take\"]} is not the last one.')\n",
    )
    (tmp_path / "own.toml").write_text('[studio]\ntake = 3\n[checks.Take]\nAnimation = "warning"', encoding="utf-8")
    monkeypatch.setenv("FT_DCC_USER_SETTINGS", str(tmp_path / "own.toml"))
    published = publish(PublishRequest(task_path), session, host, jobs=jobs)
    report = json.loads((published.job / "report.json").read_text("utf-8"))
    assert (published.first.changes, report["checks"]) == (("Take: Take 3 is not the last one",), {"Take": "warning"})
    (tmp_path / "own.toml").write_text('[checks.take]\nLayout = "off"', encoding="utf-8")
    with pytest.raises(UserFixableError, match="Take 1 is not the last one"):
        publish(PublishRequest(task_path), session, host, jobs=jobs)
    (tmp_path / "own.toml").write_text('[checks]\nValidateTake = "off"', encoding="utf-8")
    published = publish(PublishRequest(task_path), session, host, jobs=jobs)
    report = json.loads((published.job / "report.json").read_text("utf-8"))
    assert (published.first.changes, report["checks"]) == ((), {"Take": "off"})


def test_a_defect_of_a_plugin_is_reported_with_its_line_and_traceback(
    session, host, task, task_path, jobs, plugin, studio_server, paint
):
    path = plugin(
        "extract_list.py",
        "import pyblish.api\n\n\nclass ValidateList(pyblish.api.InstancePlugin):\n    order = 1\n"
        "    def process(self, instance):\n        return self._read(instance)\n"
        "    def _read(self, instance):\n        return instance.data['list']\n",
    )
    with pytest.raises(PluginBroken, match=rf"{path}, line 9\) failed: KeyError: 'list'"):
        publish(PublishRequest(task_path), session, host, jobs=jobs)
    (report,) = jobs.glob("*/report.json")
    assert "line 9, in _read" in json.loads(report.read_text("utf-8"))["tracebacks"][0]["traceback"]
    environ = {**os.environ, **account_variables(studio_server, jobs)}
    frames = paint("1001-1002").pattern
    options = ("--task", task["id"], "--fps", "24", "--dry-run")
    assert "_read" not in run_command("publish", frames, *options, environ=environ).stderr
    assert "line 9, in _read" in run_command("publish", frames, *options, "--debug", environ=environ).stderr
