from __future__ import annotations

import threading
import time
from collections.abc import Iterator
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

REPLIES = "topic=ftrack.meta.reply"


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


def test_a_handshake_gives_a_name_and_the_way_to_speak(studio_server: Credentials, shake_hands):
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
def test_a_handshake_without_a_good_key_gives_nothing(studio_server: Credentials, changed: dict[str, str], shake_hands):
    response = shake_hands(studio_server, **changed)
    assert response.status_code == 401
    assert response.json()["error_code"] == "api_credentials_invalid"


def test_a_name_opens_one_connection_only(studio_server: Credentials, shake_hands, open_socket):
    sid = shake_hands(studio_server).text.split(":")[0]
    open_socket(studio_server, sid).close()
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        open_socket(studio_server, sid)
    assert caught.value.status_code == 403


def test_a_name_that_was_never_given_opens_nothing(studio_server: Credentials, open_socket):
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


def test_an_event_comes_back_with_exactly_what_clients_know(peer: Any, studio_server: Credentials):
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


def test_an_event_with_nothing_but_a_topic_is_made_whole(peer: Any):
    peer.subscribe("topic=test.whole")
    peer.send({"topic": "test.whole", "id": 5, "source": "x", "data": None})
    got = peer.event()
    assert sorted(got) == ["data", "id", "inReplyToEvent", "sent", "source", "target", "topic"]
    assert (len(got["id"]), got["data"], got["target"]) == (32, {}, "")


def test_an_acknowledgement_comes_only_where_it_is_asked_for(peer: Any):
    assert peer.ask({"topic": "test.ack"}) == {"success": True}
    peer.send({"topic": "test.ack"})
    assert peer.ask({"topic": "test.ack"}) == {"success": True}


def test_a_subscription_is_refused_with_its_reason(peer: Any):
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


def test_a_client_has_a_limited_number_of_subscriptions(peer: Any):
    answers = [peer.subscribe("topic=a", f"s{number}")["success"] for number in range(501)]
    assert answers == [True] * 500 + [False]


def test_who_unsubscribes_hears_nothing_more(peer: Any):
    peer.subscribe("topic=test.gone", "s1")
    leave = {"topic": "ftrack.meta.unsubscribe", "data": {"subscriber": {"id": "s1"}}}
    assert peer.ask(leave) == {"success": True}
    assert peer.ask({"topic": "test.gone"}) == {"success": True}
    assert peer.ask(leave) == {"success": False, "message": "The subscriber s1 is not subscribed."}


def test_an_event_is_sent_once_to_a_client_with_many_subscribers(peer: Any):
    peer.subscribe("topic=test.once", "s1")
    peer.subscribe("topic=test.*", "s2")
    peer.send({"topic": "test.once"})
    assert peer.event()["topic"] == "test.once"
    assert peer.ask({"topic": "x"}) == {"success": True}


def test_a_target_chooses_among_those_who_subscribed(connect: Any):
    ann, bob = connect(), connect()
    ann.subscribe("topic=test.target", "ann", role="painter")
    bob.subscribe("topic=test.target", "bob", role="animator")
    bob.subscribe("topic=test.end", "bob2")
    ann.send({"topic": "test.target", "target": "role=painter", "id": "1"})
    ann.send({"topic": "test.end"})
    assert ann.event()["id"] == "1"
    assert bob.event()["topic"] == "test.end"


def test_a_reply_finds_whoever_asked(connect: Any):
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


def test_a_target_that_makes_no_sense_is_refused(peer: Any):
    peer.subscribe("topic=test.bad")
    answer = peer.ask({"topic": "test.bad", "target": "not a target"})
    assert answer["success"] is False
    assert "wanted an operator" in answer["message"]
    assert peer.ask({"topic": "test.bad", "target": 5})["message"] == "The target of an event is an expression."


@pytest.mark.parametrize("topic", ["ftrack.meta.disconnected", "ftrack.meta.connected", "ftrack.meta.anything"])
def test_nobody_can_tell_others_that_they_are_disconnected(peer: Any, topic: str):
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
def test_a_packet_that_makes_no_sense_harms_nobody(peer: Any, packet: str):
    peer.socket.send(packet)
    assert peer.ask({"topic": "x"}) == {"success": True}


def test_half_a_character_harms_nobody(peer: Any):
    peer.subscribe("topic=test.half")
    peer.send({"topic": "test.half", "data": "\ud800"})
    assert peer.event()["data"] == "\ud800"


def test_bytes_end_the_connection(peer: Any):
    peer.socket.send_binary(b"5:::")
    assert peer.is_closed()


def test_a_packet_that_is_too_large_ends_the_connection(peer: Any):
    peer.send({"topic": "x", "data": "a" * (1 << 20)})
    assert peer.is_closed()


def test_events_of_one_client_arrive_in_their_order(connect: Any):
    ann, bob = connect(), connect()
    bob.subscribe("topic=test.order")
    for number in range(1000):
        ann.send({"topic": "test.order", "data": number})
    assert [bob.event()["data"] for _ in range(1000)] == list(range(1000))


def test_heartbeats_are_sent_and_expected(own_server: Credentials, monkeypatch: pytest.MonkeyPatch, open_peer):
    monkeypatch.setattr(listener, "HEARTBEAT_SECONDS", 0.02)
    monkeypatch.setattr(listener, "SILENCE_SECONDS", 0.2)
    peer = open_peer(own_server)
    assert [peer.socket.recv() for _ in range(3)] == ["2::", "2::", "2::"]
    assert peer.is_closed()


def test_a_client_that_does_not_listen_is_let_go_and_stops_nobody(
    own_server: Credentials, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, open_peer
):
    monkeypatch.setattr(listener, "_MOST_WAITING", 100)
    deaf, busy, good = open_peer(own_server), open_peer(own_server), open_peer(own_server)
    for peer in (deaf, good):
        peer.subscribe("topic=test.flood")
    for number in range(400):
        assert busy.ask({"topic": "test.flood", "data": [number, "a" * 50_000]}) == {"success": True}
        assert good.event()["data"][0] == number
    assert "A client of admin takes its events too slowly and is let go." in caplog.messages
    for peer in (deaf, busy, good):
        peer.socket.shutdown()
