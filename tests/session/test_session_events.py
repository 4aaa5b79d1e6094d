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
from ft_dcc.session.events.event import Event
from ft_dcc.session.symbol import COMPONENT_ADDED_TO_LOCATION_TOPIC as COMPONENT_ADDED

OpenSession = Callable[..., Session]

PLUGIN = """
from ft_dcc.session.entity_types.schema import make_type

def register(session, received, studio="none"):
    for topic in ("ready", "reset", "configure-location"):
        session.event_hub.subscribe(f"topic=ftrack.api.session.{topic}", lambda event: received.append(event))
    received.append(studio)

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


def test_plugins_receive_ready_and_reset(open_session: OpenSession, plugin_folder: Path):
    received: list[Any] = []
    arguments = {"received": received, "studio": "north", "unknown": 1}
    session = open_session(plugin_paths=[str(plugin_folder)], plugin_arguments=arguments)
    assert received.pop(0) == "north"
    assert [event["topic"] for event in received] == [
        "ftrack.api.session.configure-location",
        "ftrack.api.session.ready",
    ]
    assert received[1]["data"]["session"] is session
    session.reset()
    assert [event["topic"] for event in received[2:]] == [
        "ftrack.api.session.configure-location",
        "ftrack.api.session.reset",
    ]


def test_subscribed_types_are_constructed_before_the_session_is_ready(open_session: OpenSession, tmp_path: Path):
    lines = (
        "def register(session, received):",
        "    topic = 'topic=ftrack.api.session'",
        "    receive = lambda event: received.append(event['data']['schema']['id'])",
        "    session.event_hub.subscribe(f'{topic}.construct-entity-type', receive)",
        "    session.event_hub.subscribe(f'{topic}.ready', lambda event: received.append('ready'))",
    )
    (tmp_path / "listens.py").write_text("\n".join(lines), encoding="utf-8")
    received: list[str] = []
    session = open_session(plugin_paths=[str(tmp_path)], plugin_arguments={"received": received})
    assert received == [*session.types, "ready"]


def test_plugin_path_may_be_a_single_folder(open_session: OpenSession, plugin_folder: Path):
    received: list[Any] = []
    open_session(plugin_paths=str(plugin_folder), plugin_arguments={"received": received})
    assert received[0] == "none"


def test_plugin_paths_are_read_from_the_environment(
    open_session: OpenSession, plugin_folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FTRACK_EVENT_PLUGIN_PATH", str(plugin_folder))
    received: list[Any] = []
    open_session(plugin_arguments={"received": received})
    assert received[0] == "none"


def test_broken_plugin_is_logged_and_the_session_starts(
    open_session: OpenSession, plugin_folder: Path, caplog: pytest.LogCaptureFixture
):
    (plugin_folder / "a_broken.py").write_text("import no_such_module", encoding="utf-8")
    received: list[Any] = []
    session = open_session(plugin_paths=[plugin_folder], plugin_arguments={"received": received})
    assert "a_broken.py" in caplog.text
    assert received[0] == "none"
    assert session.query("User").first() is not None


def test_plugin_constructs_an_entity_class(open_session: OpenSession, plugin_folder: Path, project_shot: Any):
    session = open_session(plugin_paths=[plugin_folder], plugin_arguments={"received": []})
    shot = session.get("Shot", project_shot["id"])
    assert shot.shout() == "SH010!"
    assert shot["parent"]["name"] == "sq010"
    assert not hasattr(session.types["Task"], "shout")


def test_two_plugins_for_one_type_are_refused(open_session: OpenSession):
    session = open_session()
    session.types = type(session.types)(
        lambda: [{"id": "Prop", "primary_key": ["id"], "properties": {}}], session.events.construct_entity_type
    )
    for answer in (int, float):
        session.event_hub.subscribe(
            "topic=ftrack.api.session.construct-entity-type", lambda event, answer=answer: answer
        )
    with pytest.raises(EntityTypeError, match="2 plugins construct Prop; only one can"):
        session.types["Prop"]


def test_constructed_class_must_be_an_entity(open_session: OpenSession):
    session = open_session()
    session.event_hub.subscribe("topic=ftrack.api.session.construct-entity-type", lambda event: int)
    with pytest.raises(EntityTypeError, match="A plugin constructs Scope as <class 'int'>"):
        session.events.construct_entity_type({"id": "Scope"}, [])


def test_session_without_subscribers_has_no_hub_and_an_unconnected_hub_no_websocket(studio_server):
    script = (
        "import sys, ft_dcc.session\n"
        "with ft_dcc.session.Session(*sys.argv[1:]) as session:\n"
        "    session.query('User').first()\n"
        "    names = 'websocket', 'ft_dcc.session.events.hub', 'ft_dcc.session.plugins'\n"
        "    print([name for name in names if name in sys.modules])\n"
        "    print(session.event_hub.connected, 'websocket' in sys.modules)\n"
    )
    credentials = [studio_server.server_url, studio_server.api_key, studio_server.api_user]
    done = subprocess.run(
        [sys.executable, "-c", script, *credentials], capture_output=True, encoding="utf-8", check=True
    )
    assert done.stdout == "[]\nFalse False\n"


def test_hub_is_created_unconnected(session: Session):
    assert session.event_hub is session.event_hub
    assert session.event_hub.connected is False
    assert session.event_hub.get_server_url() == session.server_url


def test_session_connects_its_hub_in_the_background(open_session: OpenSession):
    session = open_session(auto_connect_event_hub=True)
    received: list[Any] = []
    session.event_hub.subscribe("topic=test.session.started", lambda event: received.append(event["data"]))
    session.event_hub.publish(Event("test.session.started", data=1))
    assert session.event_hub.wait_until_connected()
    while not received:
        session.event_hub.wait(0.05)
    assert received == [1]


def test_closed_session_has_no_thread(open_session: OpenSession):
    session = open_session(auto_connect_event_hub=True)
    session.event_hub.wait_until_connected()
    assert "ft_dcc event hub" in [thread.name for thread in threading.enumerate()]
    session.close()
    assert session.event_hub.connected is False
    assert "ft_dcc event hub" not in [thread.name for thread in threading.enumerate()]
    session.close()


def test_location_events_are_published_if_the_hub_is_connected(
    open_session: OpenSession, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.WARNING)
    session = open_session()
    session.events.publish(COMPONENT_ADDED, component_id="c", location_id="l")
    received: list[Any] = []
    session.event_hub.subscribe(f"topic={COMPONENT_ADDED}", lambda event: received.append(event["data"]))
    session.events.publish(COMPONENT_ADDED, component_id="c", location_id="l")
    session.event_hub.connect()
    session.events.publish(COMPONENT_ADDED, component_id="c", location_id="l")
    while not received:
        session.event_hub.wait(0.05)
    assert received == [{"component_id": "c", "location_id": "l"}]
    assert caplog.messages == []
