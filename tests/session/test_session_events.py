from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ft_dcc.errors import EntityTypeError
from ft_dcc.session import Session
from ft_dcc.session.event import Event
from ft_dcc.session.symbol import COMPONENT_ADDED_TO_LOCATION_TOPIC as COMPONENT_ADDED

OpenSession = Callable[..., Session]

PLUGIN = """
from ft_dcc.session.schema import make_type

def register(session, heard, studio="none"):
    for topic in ("ready", "reset", "configure-location"):
        session.event_hub.subscribe(f"topic=ftrack.api.session.{topic}", lambda event: heard.append(event))
    heard.append(studio)

    def construct(event):
        schema = event["data"]["schema"]
        return type("Shot", (make_type(schema),), {"__slots__": (), "shout": lambda self: self["name"].upper() + "!"})

    session.event_hub.subscribe(
        "topic=ftrack.api.session.construct-entity-type and data.schema.id=Shot", construct
    )
"""


@pytest.fixture
def plugin_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "plugins"
    folder.mkdir()
    (folder / "studio_plugin.py").write_text(PLUGIN, encoding="utf-8")
    return folder


def test_plugins_hear_that_the_session_is_ready_and_reset(open_session: OpenSession, plugin_folder: Path):
    heard: list[Any] = []
    arguments = {"heard": heard, "studio": "north", "unknown": 1}
    session = open_session(plugin_paths=[str(plugin_folder)], plugin_arguments=arguments)
    assert heard.pop(0) == "north"
    assert [event["topic"] for event in heard] == ["ftrack.api.session.configure-location", "ftrack.api.session.ready"]
    assert heard[1]["data"]["session"] is session
    session.reset()
    assert [event["topic"] for event in heard[2:]] == [
        "ftrack.api.session.configure-location",
        "ftrack.api.session.reset",
    ]


def test_who_listens_for_entity_types_meets_each_before_the_session_is_ready(open_session: OpenSession, tmp_path: Path):
    lines = (
        "def register(session, heard):",
        "    topic = 'topic=ftrack.api.session'",
        "    hear = lambda event: heard.append(event['data']['schema']['id'])",
        "    session.event_hub.subscribe(f'{topic}.construct-entity-type', hear)",
        "    session.event_hub.subscribe(f'{topic}.ready', lambda event: heard.append('ready'))",
    )
    (tmp_path / "listens.py").write_text("\n".join(lines), encoding="utf-8")
    heard: list[str] = []
    session = open_session(plugin_paths=[str(tmp_path)], plugin_arguments={"heard": heard})
    assert heard == [*session.types, "ready"]


def test_one_folder_of_plugins_may_stand_alone(open_session: OpenSession, plugin_folder: Path):
    heard: list[Any] = []
    open_session(plugin_paths=str(plugin_folder), plugin_arguments={"heard": heard})
    assert heard[0] == "none"


def test_the_environment_names_plugins(open_session: OpenSession, plugin_folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FTRACK_EVENT_PLUGIN_PATH", str(plugin_folder))
    heard: list[Any] = []
    open_session(plugin_arguments={"heard": heard})
    assert heard[0] == "none"


def test_a_broken_plugin_is_named_and_the_session_starts(
    open_session: OpenSession, plugin_folder: Path, caplog: pytest.LogCaptureFixture
):
    (plugin_folder / "a_broken.py").write_text("import no_such_module", encoding="utf-8")
    heard: list[Any] = []
    session = open_session(plugin_paths=[plugin_folder], plugin_arguments={"heard": heard})
    assert "a_broken.py" in caplog.text
    assert heard[0] == "none"
    assert session.query("User").first() is not None


def test_a_plugin_constructs_the_class_of_an_entity_type(
    open_session: OpenSession, plugin_folder: Path, project_shot: Any
):
    session = open_session(plugin_paths=[plugin_folder], plugin_arguments={"heard": []})
    shot = session.get("Shot", project_shot["id"])
    assert shot.shout() == "SH010!"
    assert shot["parent"]["name"] == "sq010"
    assert not hasattr(session.types["Task"], "shout")


def test_two_plugins_cannot_construct_one_entity_type(open_session: OpenSession):
    session = open_session()
    session.types = type(session.types)(
        lambda: [{"id": "Prop", "primary_key": ["id"], "properties": {}}], session.events.construct_entity_type
    )
    for answer in (int, float):
        session.event_hub.subscribe(
            "topic=ftrack.api.session.construct-entity-type", lambda event, answer=answer: answer
        )
    with pytest.raises(EntityTypeError, match="2 plugins construct Prop, and only one can"):
        session.types["Prop"]


def test_a_class_that_is_no_entity_is_refused(open_session: OpenSession):
    session = open_session()
    session.event_hub.subscribe("topic=ftrack.api.session.construct-entity-type", lambda event: int)
    with pytest.raises(EntityTypeError, match="A plugin constructs Scope as <class 'int'>"):
        session.events.construct_entity_type({"id": "Scope"}, [])


def test_a_session_that_nobody_listens_to_starts_without_a_hub(studio_server):
    script = (
        "import sys, ft_dcc.session\n"
        "with ft_dcc.session.Session(*sys.argv[1:]) as session:\n"
        "    session.query('User').first()\n"
        "    print([n for n in ('websocket', 'ft_dcc.session.hub', 'ft_dcc.session.plugins') if n in sys.modules])\n"
    )
    credentials = [studio_server.server_url, studio_server.api_key, studio_server.api_user]
    done = subprocess.run(
        [sys.executable, "-c", script, *credentials], capture_output=True, encoding="utf-8", check=True
    )
    assert done.stdout == "[]\n"


def test_the_hub_is_there_and_not_connected(session: Session):
    assert session.event_hub is session.event_hub
    assert session.event_hub.connected is False
    assert session.event_hub.get_server_url() == session.server_url


def test_a_session_can_connect_its_hub_while_it_starts(open_session: OpenSession):
    session = open_session(auto_connect_event_hub=True)
    heard: list[Any] = []
    session.event_hub.subscribe("topic=test.session.started", lambda event: heard.append(event["data"]))
    session.event_hub.publish(Event("test.session.started", data=1))
    assert session.event_hub.wait_until_connected()
    while not heard:
        session.event_hub.wait(0.05)
    assert heard == [1]


def test_a_session_that_is_closed_leaves_no_thread(open_session: OpenSession):
    session = open_session(auto_connect_event_hub=True)
    session.event_hub.wait_until_connected()
    assert "ft_dcc event hub" in [thread.name for thread in threading.enumerate()]
    session.close()
    assert session.event_hub.connected is False
    assert "ft_dcc event hub" not in [thread.name for thread in threading.enumerate()]
    session.close()


def test_a_component_in_a_location_is_told_to_everybody_who_can_be_reached(
    open_session: OpenSession, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.WARNING)
    session = open_session()
    session.events.tell_everybody(COMPONENT_ADDED, component_id="c", location_id="l")
    heard: list[Any] = []
    session.event_hub.subscribe(f"topic={COMPONENT_ADDED}", lambda event: heard.append(event["data"]))
    session.events.tell_everybody(COMPONENT_ADDED, component_id="c", location_id="l")
    session.event_hub.connect()
    session.events.tell_everybody(COMPONENT_ADDED, component_id="c", location_id="l")
    while not heard:
        session.event_hub.wait(0.05)
    assert heard == [{"component_id": "c", "location_id": "l"}]
    assert caplog.messages == []
