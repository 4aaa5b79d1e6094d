"""Who hears of what on the event hub: keys that are revoked, projects that are not one's own, and what is loaded."""

from __future__ import annotations

import io
import json
import os
import random
import sqlite3
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
import requests
import websocket
from doubles.two_projects import OPEN, PRIVATE, Operations, fill, open_database

from ft_dcc.server.admin.service import open_admin
from ft_dcc.server.auth.access_rules import access_rule
from ft_dcc.server.bootstrap import open_server_context

# The number of generated operations, or "all" of them; the seed chooses which.
_OPERATIONS = os.environ.get("FT_DCC_EVENT_OPERATIONS", "250")
_SEED = os.environ.get("FT_DCC_EVENT_SEED", "11")
FIRST_PROJECT, OTHER = ({"__entity_type__": "Project", "id": name, "name": name} for name in ("film", "other"))


def lines(*entities: Any) -> io.BytesIO:
    return io.BytesIO(b"".join(json.dumps(entity).encode() + b"\n" for entity in entities))


class EventClient:
    """A client of the event hub that subscribes to all updates; its socket is closed after the test."""

    opened: ClassVar[list[websocket.WebSocket]] = []

    def __init__(self, server: Any, user: str, key: str) -> None:
        self.headers = {"ftrack-user": user, "ftrack-api-key": key}
        greeting = requests.get(f"{server.url}/socket.io/1/", headers=self.headers, timeout=60).text
        address = f"{server.url.replace('http', 'ws')}/socket.io/1/websocket/{greeting.split(':')[0]}"
        self.socket = websocket.create_connection(address, timeout=60)
        self.opened.append(self.socket)
        data = {"subscriber": {"id": "one"}, "subscription": "topic=ftrack.update"}
        self.send({"topic": "ftrack.meta.subscribe", "data": data})

    def send(self, event: Any) -> None:
        self.socket.send(f"5:7+::{json.dumps({'name': 'ftrack.event', 'args': [event]})}")
        while not (packet := self.socket.recv()).startswith("6:::7+"):
            assert packet in ("1::", "2::")

    def receive(self, *kinds: str) -> list[tuple[str, str]]:
        """Return what the next update is about that has entities of these kinds: projects and folders."""
        while True:
            if (packet := self.socket.recv()) == "2::":
                continue
            data = json.loads(packet[4:])["args"][0]["data"]
            above = {found["entityId"] for entity in data["entities"] for found in entity["parents"]}
            assert set(data["parents"]) == above
            wanted = kinds or ("Project", "Folder")
            if received := [found for found in data["entities"] if found["entity_type"] in wanted]:
                return [(found["action"], found["entityId"]) for found in received]

    def receive_until(self, entity_id: str) -> list[dict[str, Any]]:
        """Return the data of all events before the one about this entity."""
        found = []
        while f'"{entity_id}"' not in (packet := self.socket.recv()):
            found += [json.loads(packet[4:])["args"][0]["data"]] if packet.startswith("5:") else []
        return found


@pytest.fixture(scope="module")
def server(start_module_server: Any, tmp_path_factory: Any) -> Any:
    server = start_module_server(tmp_path_factory.mktemp("rights") / "data")
    with open_admin(server.data) as owner:
        owner.load(lines(FIRST_PROJECT, OTHER))
    return server


@pytest.fixture(autouse=True)
def close_listeners() -> Iterator[None]:
    yield
    while EventClient.opened:
        EventClient.opened.pop().shutdown()


def make(server: Any, name: str, *projects: str) -> EventClient:
    """Create a user who is limited to these projects and subscribes to all events."""
    with open_admin(server.data) as owner:
        owner.run("user", name=name, role="User", projects=list(projects))
        return EventClient(server, name, owner.run("key", user=name)["FTRACK_API_KEY"])


def create(server: Any, *entities: dict[str, Any]) -> None:
    operations = [
        {"action": "create", "entity_type": entity["__entity_type__"], "entity_data": entity} for entity in entities
    ]
    answer = requests.post(f"{server.url}/api", json=operations, headers=server.headers, timeout=30)
    assert isinstance(answer.json(), list), answer.text


def folder(name: str, parent: str) -> dict[str, str]:
    return {"__entity_type__": "Folder", "id": name, "name": name, "parent_id": parent}


def test_updates_reach_users_with_access_to_the_project(server: Any) -> None:
    anna, bo = make(server, "anna", "film"), make(server, "bo", "film", "other")
    everybody = EventClient(server, server.credentials.api_user, server.credentials.api_key)
    create(server, folder("secret", "other"), folder("public", "film"))
    assert anna.receive() == [("add", "public")]
    assert bo.receive() == everybody.receive() == [("add", "secret"), ("add", "public")]
    # A role that is widened counts at once.
    with open_admin(server.data) as owner:
        owner.run("user", name="anna", role="User", projects=["other"])
    create(server, folder("more", "other"))
    assert anna.receive() == [("add", "more")]


def test_old_values_of_a_moved_entity_reach_users_of_its_former_project_only(server: Any) -> None:
    new, both = make(server, "new", "film"), make(server, "both", "film", "other")
    create(server, folder("before the move", "other"))
    data = {"__entity_type__": "Folder", "name": "after the move", "parent_id": "film"}
    move = [{"action": "update", "entity_type": "Folder", "entity_key": ["before the move"], "entity_data": data}]
    requests.post(f"{server.url}/api", json=move, headers=server.headers, timeout=30).raise_for_status()
    create(server, folder("end of the move", "film"))
    told = {client: client.receive_until("end of the move")[-1]["entities"][0]["changes"] for client in (new, both)}
    assert told[both]["name"] == {"old": "before the move", "new": "after the move"}
    assert told[new]["name"] == {"old": None, "new": "after the move"}
    assert {change["old"] for change in told[new].values()} == {None}


def test_updates_of_a_project_that_became_private_are_hidden(server: Any) -> None:
    with open_admin(server.data) as owner:
        owner.load(lines({"__entity_type__": "Project", "id": "open", "name": "open"}))
        owner.run("user", name="carl", role="User", projects=[])
        carl = EventClient(server, "carl", owner.run("key", user="carl")["FTRACK_API_KEY"])
    create(server, folder("o1", "open"))
    assert carl.receive() == [("add", "o1")]
    data = {"__entity_type__": "Project", "is_private": True}
    change = [{"action": "update", "entity_type": "Project", "entity_key": ["open"], "entity_data": data}]
    requests.post(f"{server.url}/api", json=change, headers=server.headers, timeout=30)
    create(server, folder("o2", "open"))
    create(server, folder("f1", "film"))
    assert carl.receive() == [("add", "f1")]


@pytest.mark.parametrize("way", ["revoked", "reset", "switched off"])
def test_clients_with_an_invalid_key_are_disconnected(server: Any, way: str) -> None:
    name = f"user {way}"
    listener = make(server, name)
    if way == "revoked":
        with open_admin(server.data) as owner:
            owner.run("revoke", user=name, key="all")
    else:
        reset = [{"action": "reset_remote", "reset_type": "api_key"}]
        switch = _switching_off(server, name)
        headers = listener.headers if way == "reset" else server.headers
        requests.post(
            f"{server.url}/api", json=reset if way == "reset" else switch, headers=headers, timeout=30
        ).raise_for_status()
    with pytest.raises(websocket.WebSocketException):
        while listener.socket.recv():
            pass


def _switching_off(server: Any, name: str) -> list[Any]:
    ask = [{"action": "query", "expression": f'User where username is "{name}"'}]
    (user,) = requests.post(f"{server.url}/api", json=ask, headers=server.headers, timeout=30).json()[0]["data"]
    data = {"__entity_type__": "User", "is_active": False}
    return [{"action": "update", "entity_type": "User", "entity_key": [user["id"]], "entity_data": data}]


def test_a_user_created_on_the_command_line_is_published(server: Any) -> None:
    listener = EventClient(server, server.credentials.api_user, server.credentials.api_key)
    with open_admin(server.data) as owner:
        user_id = owner.run("user", name="told", role=None, projects=[])["user_id"]
    assert listener.receive("User") == [("add", user_id)]


def test_loaded_entities_are_published_and_audited(server: Any) -> None:
    listener = EventClient(server, server.credentials.api_user, server.credentials.api_key)
    with open_admin(server.data) as owner:
        owner.load(lines(folder("loaded", "film"), {"__entity_type__": "Project", "id": "film", "color": "#fff"}))
    assert sorted(listener.receive()) == [("add", "loaded"), ("update", "film")]
    with sqlite3.connect(f"file:{server.data / 'studio.db'}?mode=ro", uri=True) as database:
        found = database.execute("SELECT username, action, attributes FROM ft_dcc_audit WHERE entity_id = 'loaded'")
        assert found.fetchall() == [("admin", "load", "id name parent_id")]


def stays_private(schema: Any, operation: dict[str, Any]) -> bool:
    """Return whether no part of what an operation changes belongs to everyone or to another project."""
    entity_type, values = schema[operation["entity_type"]], operation.get("entity_data", {}).values()
    # A configuration is deleted with its values in all projects, and a calendar event without a project is everyone's.
    is_shared = access_rule(schema, entity_type).is_public or entity_type.family == "CustomConfigurationBase"
    return not is_shared and None not in values


@pytest.fixture(scope="module")
def filled(start_module_server: Any, tmp_path_factory: Any) -> tuple[Any, list[dict[str, Any]]]:
    """Start a server with an open and a private project, and return it with operations on all of the private one."""
    data = tmp_path_factory.mktemp("bridges") / "data"
    data.mkdir()
    with open_server_context(data) as studio:
        with open_database(studio) as connection:
            fill(connection, studio.schema, studio.store.tables, {OPEN: "of-open", PRIVATE: "of-private"})
            connection.execute(studio.store.tables.by_family["ReviewSession"].update().values(end_date=None))
        made = Operations(studio.schema, studio.store.tables, PRIVATE, own=PRIVATE)
        operations = [each for each in (*made.creates(), *made.changes()) if stays_private(studio.schema, each)]
    if _OPERATIONS != "all":
        operations = random.Random(_SEED).sample(operations, int(_OPERATIONS))
    server = start_module_server(data)
    with open_admin(data) as owner:
        owner.load(
            lines(
                *(
                    {"__entity_type__": "User", "id": name, "username": name, "is_active": True}
                    for name in ("of-open", "of-private")
                )
            )
        )
    # What is deleted cannot be changed afterwards.
    return server, sorted(operations, key=lambda found: found["action"] == "delete")


def join(server: Any, name: str, role: str, project: str) -> EventClient:
    """Give a user this role in the project alone, and subscribe to all updates."""
    with open_admin(server.data) as owner:
        owner.run("user", name=name, role=role, projects=[project])
        return EventClient(server, name, owner.run("key", user=name)["FTRACK_API_KEY"])


def test_no_event_tells_users_of_another_project_about_a_generated_change(filled: Any) -> None:
    server, operations = filled
    outside = [join(server, name, name, OPEN) for name in ("User", "Project Manager", "Reviewer")]
    author, inside = join(server, "of-open", "User", OPEN), join(server, "of-private", "User", PRIVATE)
    accepted = 0
    with requests.Session() as admin:
        for operation in operations:
            answer = admin.post(f"{server.url}/api", json=[operation], headers=server.headers, timeout=30)
            accepted += isinstance(answer.json(), list)
    create(server, folder("last", OPEN), folder("last-private", PRIVATE))
    told = {entity["entity_type"] for data in inside.receive_until("last-private") for entity in data["entities"]}
    assert accepted > len(operations) / 4 and len(told) > 10, (accepted, told)
    for client in (*outside, author):
        told_to_others = [entity for data in client.receive_until("last") for entity in data["entities"]]
        private = [each for each in told_to_others if each["entityId"].startswith(PRIVATE) or "secret" in str(each)]
        assert private == []
