from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import uvicorn
import websocket

from ft_dcc.server import events, listener
from ft_dcc.server.access import Caller
from ft_dcc.server.app import make_app
from ft_dcc.server.events import Events
from ft_dcc.server.folder import Credentials
from ft_dcc.server.opening import credentials_at, opened
from ft_dcc.session import Session

REPLIES = "topic=ftrack.meta.reply"


def shake_hands(credentials: Credentials, **changed: str) -> requests.Response:
    headers = {"ftrack-user": credentials.api_user, "ftrack-api-key": credentials.api_key, **changed}
    return requests.get(f"{credentials.server_url}/socket.io/1/", headers=headers, timeout=10)


def open_socket(credentials: Credentials, sid: str) -> websocket.WebSocket:
    address = credentials.server_url.replace("http://", "ws://")
    return websocket.create_connection(f"{address}/socket.io/1/websocket/{sid}", timeout=20, skip_utf8_validation=True)


class Peer:
    """A client that speaks packets: what it sees is what is on the wire."""

    def __init__(self, credentials: Credentials) -> None:
        self.socket = open_socket(credentials, shake_hands(credentials).text.split(":")[0])
        assert self.socket.recv() == "1::"

    def send(self, payload: object, identifier: str = "") -> None:
        self.socket.send(f"5:{identifier}::{json.dumps({'name': 'ftrack.event', 'args': [payload]})}")

    def receive(self) -> str:
        while (packet := self.socket.recv()) == "2::":
            pass
        return str(packet)

    def ask(self, payload: object) -> dict[str, Any]:
        """Send an event and return what its acknowledgement says."""
        self.send(payload, "7+")
        prefix, _, outcome = self.receive().partition("7+")
        assert prefix == "6:::"
        return json.loads(outcome)[0]

    def subscribe(self, expression: str, identifier: str = "s1", **metadata: str) -> dict[str, Any]:
        subscriber = {"id": identifier, **metadata}
        data = {"subscriber": subscriber, "subscription": expression}
        return self.ask({"topic": "ftrack.meta.subscribe", "data": data})

    def event(self) -> dict[str, Any]:
        packet = self.receive()
        assert packet.startswith("5:::")
        body = json.loads(packet[4:])
        assert body["name"] == "ftrack.event"
        (payload,) = body["args"]
        return payload

    def is_closed(self) -> bool:
        """Whether the server ends the connection."""
        try:
            while self.socket.recv_data()[0] != websocket.ABNF.OPCODE_CLOSE:
                pass
        except (OSError, websocket.WebSocketException):
            pass
        return True


Connect = Callable[[], Peer]


@pytest.fixture
def connect(studio_server: Credentials) -> Iterator[Connect]:
    opened_peers: list[Peer] = []

    def connect() -> Peer:
        opened_peers.append(Peer(studio_server))
        return opened_peers[-1]

    yield connect
    for peer in opened_peers:
        peer.socket.close()


@pytest.fixture
def peer(connect: Connect) -> Peer:
    return connect()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Credentials]:
    """A server in this process, so that a test can change its limits."""
    with opened(tmp_path) as studio:
        config = uvicorn.Config(make_app(studio), port=0, log_config=None, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield credentials_at(studio, f"http://127.0.0.1:{port}")
        server.should_exit = True
        thread.join()


def test_a_handshake_gives_a_name_and_the_way_to_speak(studio_server: Credentials):
    response = shake_hands(studio_server)
    sid, heartbeat, silence, transports = response.text.split(":")
    assert (response.status_code, heartbeat, silence, transports) == (200, "16", "60", "websocket")
    assert len(sid) == 32
    assert response.headers["cache-control"] == "no-store"


def test_a_handshake_takes_the_credentials_from_the_address_too(studio_server: Credentials):
    query = {"api_user": studio_server.api_user, "api_key": studio_server.api_key}
    response = requests.get(
        f"{studio_server.server_url}/socket.io/1/",
        params=query,
        headers={"Origin": "https://page.example.com"},
        timeout=10,
    )
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == "https://page.example.com"


@pytest.mark.parametrize("changed", [{"ftrack-api-key": "wrong"}, {"ftrack-user": "nobody"}, {"ftrack-api-key": ""}])
def test_a_handshake_without_a_good_key_gives_nothing(studio_server: Credentials, changed: dict[str, str]):
    response = shake_hands(studio_server, **changed)
    assert response.status_code == 401
    assert response.json()["error_code"] == "api_credentials_invalid"


def test_a_name_opens_one_connection_only(studio_server: Credentials):
    sid = shake_hands(studio_server).text.split(":")[0]
    open_socket(studio_server, sid).close()
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        open_socket(studio_server, sid)
    assert caught.value.status_code == 403


def test_a_name_that_was_never_given_opens_nothing(studio_server: Credentials):
    with pytest.raises(websocket.WebSocketBadStatusException):
        open_socket(studio_server, "4d4f185e96a7b")


def test_a_ticket_is_good_for_a_short_while(monkeypatch: pytest.MonkeyPatch):
    hub, caller = Events(), Caller("1", "ann")
    assert hub.redeem_ticket(hub.issue_ticket(caller) or "") == caller
    monkeypatch.setattr(events, "_TICKET_SECONDS", -1)
    assert hub.redeem_ticket(hub.issue_ticket(caller) or "") is None


def test_there_are_never_more_tickets_than_the_house_has_room_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(events, "_MOST_TICKETS", 2)
    hub, caller = Events(), Caller("1", "ann")
    assert [bool(hub.issue_ticket(caller)) for _ in range(3)] == [True, True, False]


def test_an_event_comes_back_with_exactly_what_clients_know(peer: Peer, studio_server: Credentials):
    assert peer.subscribe("topic=test.keys") == {"success": True}
    sent = {
        "id": "e1",
        "topic": "test.keys",
        "data": {"n": [1, None, "ä"]},
        "sent": None,
        "source": {"id": "hub1", "host": "ws01", "user": {"username": "somebody else"}},
        "target": "",
        "inReplyToEvent": None,
        "colour": "red",
    }
    peer.send(sent)
    got = peer.event()
    assert got.pop("source")["user"].pop("username") == studio_server.api_user
    assert got == {
        "id": "e1",
        "topic": "test.keys",
        "data": {"n": [1, None, "ä"]},
        "sent": None,
        "target": "",
        "inReplyToEvent": None,
    }


def test_an_event_with_nothing_but_a_topic_is_made_whole(peer: Peer):
    peer.subscribe("topic=test.whole")
    peer.send({"topic": "test.whole", "id": 5, "source": "x", "data": None})
    got = peer.event()
    assert sorted(got) == ["data", "id", "inReplyToEvent", "sent", "source", "target", "topic"]
    assert (len(got["id"]), got["data"], got["target"]) == (32, {}, "")


def test_an_acknowledgement_comes_only_where_it_is_asked_for(peer: Peer):
    assert peer.ask({"topic": "test.ack"}) == {"success": True}
    peer.send({"topic": "test.ack"})
    assert peer.ask({"topic": "test.ack"}) == {"success": True}


def test_a_subscription_is_refused_with_its_reason(peer: Peer):
    assert peer.subscribe("topic=a", "twice") == {"success": True}
    assert peer.subscribe("topic=b", "twice") == {
        "success": False,
        "message": "The subscriber twice is subscribed already. Unsubscribe it first.",
    }
    assert peer.subscribe("topic")["success"] is False
    assert peer.subscribe("")["message"].startswith("The subscription is empty.")
    assert peer.subscribe("(" * 5000)["message"].startswith("The subscription is nested more than 50 levels deep.")
    assert peer.subscribe("a=b or " * 3000 + "a=b", "long")["message"].startswith("A subscription has at most 16 KiB.")
    assert peer.ask({"topic": "ftrack.meta.subscribe", "data": {"subscription": "topic=a"}}) == {
        "success": False,
        "message": "A subscriber is a mapping with an id.",
    }


def test_a_client_has_a_limited_number_of_subscriptions(peer: Peer):
    answers = [peer.subscribe("topic=a", f"s{number}")["success"] for number in range(501)]
    assert answers == [True] * 500 + [False]


def test_who_unsubscribes_hears_nothing_more(peer: Peer):
    peer.subscribe("topic=test.gone", "s1")
    leave = {"topic": "ftrack.meta.unsubscribe", "data": {"subscriber": {"id": "s1"}}}
    assert peer.ask(leave) == {"success": True}
    assert peer.ask({"topic": "test.gone"}) == {"success": True}
    assert peer.ask(leave) == {"success": False, "message": "The subscriber s1 is not subscribed."}


def test_an_event_is_sent_once_to_a_client_with_many_subscribers(peer: Peer):
    peer.subscribe("topic=test.once", "s1")
    peer.subscribe("topic=test.*", "s2")
    peer.send({"topic": "test.once"})
    assert peer.event()["topic"] == "test.once"
    assert peer.ask({"topic": "x"}) == {"success": True}


def test_a_target_chooses_among_those_who_subscribed(connect: Connect):
    ann, bob = connect(), connect()
    ann.subscribe("topic=test.target", "ann", role="painter")
    bob.subscribe("topic=test.target", "bob", role="animator")
    bob.subscribe("topic=test.end", "bob2")
    ann.send({"topic": "test.target", "target": "role=painter", "id": "1"})
    ann.send({"topic": "test.end"})
    assert ann.event()["id"] == "1"
    assert bob.event()["topic"] == "test.end"


def test_a_reply_finds_whoever_asked(connect: Connect):
    ann, bob = connect(), connect()
    ann.subscribe(REPLIES, "hub-of-ann")
    bob.subscribe(REPLIES, "hub-of-bob")
    bob.subscribe("topic=test.question", "s1")
    ann.send({"topic": "test.question", "id": "q1", "source": {"id": "hub-of-ann"}})
    question = bob.event()
    bob.send(
        {
            "topic": "ftrack.meta.reply",
            "target": f"id={question['source']['id']}",
            "inReplyToEvent": question["id"],
            "data": 42,
        }
    )
    reply = ann.event()
    assert (reply["topic"], reply["inReplyToEvent"], reply["data"]) == ("ftrack.meta.reply", "q1", 42)
    assert bob.ask({"topic": "x"}) == {"success": True}


def test_a_target_that_makes_no_sense_is_refused(peer: Peer):
    peer.subscribe("topic=test.bad")
    answer = peer.ask({"topic": "test.bad", "target": "not a target"})
    assert answer["success"] is False
    assert "wanted an operator" in answer["message"]
    assert peer.ask({"topic": "test.bad", "target": 5})["message"] == "The target of an event is an expression."


@pytest.mark.parametrize("topic", ["ftrack.meta.disconnected", "ftrack.meta.connected", "ftrack.meta.anything"])
def test_nobody_can_tell_others_that_they_are_disconnected(peer: Peer, topic: str):
    peer.subscribe("topic=ftrack.meta.*")
    assert peer.ask({"topic": topic})["success"] is False


@pytest.mark.parametrize(
    "packet",
    [
        "",
        "x",
        "9:::",
        "5:",
        "5:::",
        "5:::{",
        "5:::[]",
        "5:::" + "[" * 100_000,
        '5:::{"args": []}',
        '5:::{"args": [1]}',
        '5:::{"args": [{}, {}]}',
        '5:::{"args": [{"topic": ""}]}',
        '5:::{"args": [{"topic": "a", "data": NaN}]}',
        "0::",
        "2:::",
        "3:::hello",
        "8::",
    ],
)
def test_a_packet_that_makes_no_sense_harms_nobody(peer: Peer, packet: str):
    peer.socket.send(packet)
    assert peer.ask({"topic": "x"}) == {"success": True}


def test_half_a_character_harms_nobody(peer: Peer):
    peer.subscribe("topic=test.half")
    peer.send({"topic": "test.half", "data": "\ud800"})
    assert peer.event()["data"] == "\ud800"


def test_bytes_end_the_connection(peer: Peer):
    peer.socket.send_binary(b"5:::")
    assert peer.is_closed()


def test_a_packet_that_is_too_large_ends_the_connection(peer: Peer):
    peer.send({"topic": "x", "data": "a" * (1 << 20)})
    assert peer.is_closed()


def test_events_of_one_client_arrive_in_their_order(connect: Connect):
    ann, bob = connect(), connect()
    bob.subscribe("topic=test.order")
    for number in range(1000):
        ann.send({"topic": "test.order", "data": number})
    assert [bob.event()["data"] for _ in range(1000)] == list(range(1000))


def test_heartbeats_are_sent_and_expected(own_server: Credentials, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(listener, "HEARTBEAT_SECONDS", 0.02)
    monkeypatch.setattr(listener, "SILENCE_SECONDS", 0.2)
    peer = Peer(own_server)
    assert [peer.socket.recv() for _ in range(3)] == ["2::", "2::", "2::"]
    assert peer.is_closed()


def test_a_client_that_does_not_listen_is_let_go_and_stops_nobody(
    own_server: Credentials, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(listener, "_MOST_WAITING", 100)
    deaf, busy, good = Peer(own_server), Peer(own_server), Peer(own_server)
    for peer in (deaf, good):
        peer.subscribe("topic=test.flood")
    for number in range(400):
        assert busy.ask({"topic": "test.flood", "data": [number, "a" * 50_000]}) == {"success": True}
        assert good.event()["data"][0] == number
    assert "A client of admin takes its events too slowly and is let go." in caplog.messages
    for peer in (deaf, busy, good):
        peer.socket.shutdown()


def updates(peer: Peer) -> list[dict[str, Any]]:
    """Return what the next ``ftrack.update`` says of entities."""
    return peer.event()["data"]["entities"]


def test_an_update_is_told_with_old_and_new_values_and_where_the_entity_lies(
    session: Session, project: Any, project_shot: Any, project_task: Any, peer: Peer, studio_server: Credentials
):
    sequence = project_shot["parent"]
    approved = session.query('Status where name is "Approved"').one()
    before = project_task["status_id"]
    peer.subscribe("topic=ftrack.update and source.user.username=admin")
    project_task["status"] = approved
    session.commit()
    event = peer.event()
    assert event["topic"] == "ftrack.update"
    assert event["source"]["user"]["username"] == studio_server.api_user
    assert event["data"] == {
        "entities": [
            {
                "entity_type": "Task",
                "entityType": "task",
                "entityId": project_task["id"],
                "action": "update",
                "keys": ["statusid"],
                "changes": {"statusid": {"old": before, "new": approved["id"]}},
                "objectTypeId": "11c137c0-ee7e-4f9c-91c5-8c77cec22b2c",
                "parentId": project_shot["id"],
                "parents": [
                    lies("Task", "task", project_task["id"], project_shot["id"]),
                    lies("Shot", "task", project_shot["id"], sequence["id"]),
                    lies("Sequence", "task", sequence["id"], project["id"]),
                    lies("Project", "show", project["id"], None),
                ],
            }
        ],
        "user": {"userid": event["source"]["user"]["id"], "name": "admin"},
        "parents": [project_task["id"], project_shot["id"], sequence["id"], project["id"]],
        "clientToken": None,
        "pushToken": None,
    }


def lies(entity_type: str, kind: str, entity_id: str, parent_id: str | None) -> dict[str, str | None]:
    return {"entityId": entity_id, "entityType": kind, "entity_type": entity_type, "parentId": parent_id}


def test_what_is_created_changed_and_deleted_is_one_event_each(session: Session, project: Any, peer: Peer):
    peer.subscribe("topic=ftrack.update")
    shot = session.create("Shot", {"name": "sh010", "parent": project})
    shot["description"] = "made in the same batch"
    session.commit()
    (added,) = updates(peer)
    assert (added["action"], added["entity_type"], added["parentId"]) == ("add", "Shot", project["id"])
    assert added["changes"]["name"] == {"old": None, "new": "sh010"}
    assert added["changes"]["description"] == {"old": None, "new": "made in the same batch"}
    assert added["changes"]["showid"] == {"old": None, "new": project["id"]}
    shot["custom_attributes"]["fstart"] = 1001
    session.commit()
    (changed,) = updates(peer)
    assert (changed["action"], changed["entityType"], changed["entityId"]) == ("update", "task", shot["id"])
    assert changed["changes"] == {"fstart": {"old": None, "new": "1001"}}
    task = session.create("Task", {"name": "anim", "parent": shot})
    session.commit()
    assert [entity["entity_type"] for entity in updates(peer)] == ["Task"]
    session.delete(shot)
    session.commit()
    gone = {entity["entityId"]: entity for entity in updates(peer)}
    assert {entity["action"] for entity in gone.values()} == {"remove"}
    assert gone[task["id"]]["changes"]["parent_id"] == {"old": shot["id"], "new": None}
    assert [parent["entityId"] for parent in gone[task["id"]]["parents"]] == [task["id"], shot["id"], project["id"]]


def test_a_version_lies_in_its_asset(session: Session, project_shot: Any, peer: Peer):
    kind = session.query("AssetType").first()
    asset = session.create("Asset", {"name": "playblast", "type": kind, "parent": project_shot})
    session.commit()
    peer.subscribe("topic=ftrack.update")
    version = session.create("AssetVersion", {"asset": asset, "comment": "first"})
    component = session.create("FileComponent", {"name": "film", "version": version, "file_type": ".mp4"})
    session.commit()
    told = {entity["entityId"]: entity for entity in updates(peer)}
    assert told[version["id"]]["entityType"] == "assetversion"
    assert told[version["id"]]["changes"]["version"] == {"old": None, "new": 1}
    assert told[component["id"]]["entityType"] == "component"
    assert [parent["entityType"] for parent in told[component["id"]]["parents"]] == [
        "component",
        "assetversion",
        "asset",
        "task",
        "task",
        "show",
    ]


def test_what_is_put_into_a_list_and_taken_out_is_told(session: Session, project: Any, project_shot: Any, peer: Peer):
    category = session.query("ListCategory").first()
    session.create("TypedContextList", {"name": "today", "project": project, "category": category})
    session.commit()
    found = session.query(f'TypedContextList where project_id is "{project["id"]}"').one()
    peer.subscribe("topic=ftrack.update")
    found["items"].append(project_shot)
    session.commit()
    (added,) = updates(peer)
    assert (added["entityType"], added["action"]) == ("listobject", "add")
    assert added["changes"]["listid"] == {"old": None, "new": found["id"]}
    assert added["changes"]["entityid"] == {"old": None, "new": project_shot["id"]}
    found["items"].remove(project_shot)
    session.commit()
    (removed,) = updates(peer)
    assert (removed["entityType"], removed["action"]) == ("listobject", "remove")
    assert removed["changes"]["listid"] == {"old": found["id"], "new": None}


def test_what_is_refused_or_changes_nothing_is_not_told(studio_server: Credentials, project: Any, peer: Peer):
    peer.subscribe("topic=ftrack.update")
    headers = {"ftrack-user": studio_server.api_user, "ftrack-api-key": studio_server.api_key}

    def post(operations: list[dict[str, Any]], **more: str) -> Any:
        address = f"{studio_server.server_url}/api"
        return requests.post(address, json=operations, headers={**headers, **more}, timeout=10).json()

    def rename(name: str) -> dict[str, Any]:
        data = {"__entity_type__": "Project", "full_name": name}
        return {"action": "update", "entity_type": "Project", "entity_key": [project["id"]], "entity_data": data}

    assert "exception" in post([rename("refused"), {"action": "fly"}])
    post([rename(project["full_name"])])
    post([rename("told")], **{"ftrack-Clienttoken": "client-1", "ftrack-pushtoken": "push-1"})
    data = peer.event()["data"]
    assert data["entities"][0]["changes"] == {"fullname": {"old": project["full_name"], "new": "told"}}
    assert (data["clientToken"], data["pushToken"]) == ("client-1", "push-1")


def test_many_changes_come_in_several_events(session: Session, project: Any, peer: Peer):
    peer.subscribe("topic=ftrack.update")
    for number in range(501):
        session.create("Shot", {"name": f"sh{number:04}", "parent": project})
    session.commit()
    assert [len(updates(peer)), len(updates(peer))] == [500, 1]


def test_a_passphrase_is_told_to_nobody(session: Session, project: Any, peer: Peer):
    peer.subscribe("topic=ftrack.update")
    session.create("ReviewSession", {"name": "dailies", "project": project, "passphrase": "open sesame"})
    session.commit()
    (added,) = updates(peer)
    assert added["entityType"] == "reviewsession"
    assert "passphrase" not in added["keys"]
    assert "open sesame" not in json.dumps(added)


def test_commits_are_told_in_their_order(session: Session, project_shot: Any, peer: Peer, studio_server: Credentials):
    peer.subscribe("topic=ftrack.update")
    headers = {"ftrack-user": studio_server.api_user, "ftrack-api-key": studio_server.api_key}

    def write(name: str) -> None:
        for number in range(20):
            data = {"__entity_type__": "Shot", "description": f"{name}{number}"}
            update = {"action": "update", "entity_type": "Shot", "entity_key": [project_shot["id"]]}
            answer = requests.post(
                f"{studio_server.server_url}/api", json=[{**update, "entity_data": data}], headers=headers, timeout=30
            )
            assert answer.status_code == 200

    writers = [threading.Thread(target=write, args=(name,)) for name in ("a", "b", "c", "d")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    told = [updates(peer)[0]["changes"]["description"] for _ in range(80)]
    assert [change["old"] for change in told[1:]] == [change["new"] for change in told[:-1]]
