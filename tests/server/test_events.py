import json
import math
import threading
from contextlib import ExitStack

import pytest
import requests
import uvicorn
import websocket
from doubles.event_loop import run_coroutine
from run_options import TIMEOUT_SECONDS, wait_until

from ft_dcc.server.app import make_app
from ft_dcc.server.context import open_server_context, write_credentials
from ft_dcc.server.events import connection, hub
from ft_dcc.server.events.connection import HandshakeIdentity, HubClient
from ft_dcc.server.events.hub import EventHub
from ft_dcc.server.identity import Caller

REPLIES = "topic=ftrack.meta.reply"


@pytest.fixture
def own_server(tmp_path):
    """Start a server in this process, so that a test can change its limits."""
    with open_server_context(tmp_path) as studio:
        config = uvicorn.Config(make_app(studio), port=0, log_config=None, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        wait_until(lambda: server.started, "the start of the server")
        port = server.servers[0].sockets[0].getsockname()[1]
        yield write_credentials(studio, f"http://127.0.0.1:{port}")
        server.should_exit = True
        thread.join()


def test_a_handshake_returns_a_socket_id_and_the_transport(studio_server, shake_hands):
    response = shake_hands(studio_server)
    sid, heartbeat, silence, transports = response.text.split(":")
    assert (response.status_code, heartbeat, silence, transports) == (200, "16", "60", "websocket")
    assert len(sid) == 32
    # The official client gives up after 15 seconds without a packet.
    assert connection.HEARTBEAT_INTERVAL_SECONDS < 15
    assert response.headers["cache-control"] == "no-store"


def test_a_handshake_accepts_credentials_in_the_query(studio_server):
    query = {"api_user": studio_server.api_user, "api_key": studio_server.api_key}
    address, origin = f"{studio_server.server_url}/socket.io/1/", {"Origin": "https://page.example.com"}
    response = requests.get(address, params=query, headers=origin, timeout=TIMEOUT_SECONDS)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == "https://page.example.com"


def test_a_handshake_with_a_wrong_key_is_refused(studio_server, shake_hands):
    for changed in ({"ftrack-api-key": "wrong"}, {"ftrack-user": "nobody"}, {"ftrack-api-key": ""}):
        response = shake_hands(studio_server, **changed)
        assert (response.status_code, response.json()["error_code"]) == (401, "api_credentials_invalid")


def test_a_socket_id_opens_one_connection(studio_server, shake_hands, open_socket):
    sid = shake_hands(studio_server).text.split(":")[0]
    open_socket(studio_server, sid).close()
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        open_socket(studio_server, sid)
    assert caught.value.status_code == 403


def test_a_socket_id_expires(monkeypatch: pytest.MonkeyPatch):
    events, caller = EventHub(), HandshakeIdentity(Caller("1", "ann"), None)
    assert events.identities.redeem(events.issue_socket_id(caller) or "") == caller
    monkeypatch.setattr(hub, "_SOCKET_ID_LIFETIME_SECONDS", -1)
    events = EventHub()
    assert events.identities.redeem(events.issue_socket_id(caller) or "") is None


def test_socket_ids_are_limited_and_those_of_one_user_leave_room_for_others(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hub, "_MAX_SOCKET_IDS", 3)
    monkeypatch.setattr(hub, "_MAX_SOCKET_IDS_PER_USER", 2)
    events = EventHub()
    ann, ben = (HandshakeIdentity(Caller(name, name), None) for name in ("ann", "ben"))
    assert [bool(events.issue_socket_id(ann)) for _ in range(3)] == [True, True, False]
    assert [bool(events.issue_socket_id(ben)) for _ in range(2)] == [True, False]


def test_flood_of_one_user_waits_and_disconnects_no_subscriber(start_server, open_socket_client):
    change = "from ft_dcc.server.events import connection, hub; connection._MAX_QUEUED_PACKETS = 100;"
    server = start_server(change=f"{change} hub.MAX_PUBLISHED_AT_ONCE = 50")
    subscriber, flooder = open_socket_client(server.credentials), open_socket_client(server.credentials)
    subscriber.subscribe("topic=flood")
    # The buffers of the subscriber's connection hold them all: how fast it reads does not matter.
    for number in range(200):
        flooder.send({"topic": "flood", "data": {"number": number}})
    assert [subscriber.event()["data"]["number"] for _ in range(200)] == list(range(200))
    for peer in (subscriber, flooder):
        peer.socket.close()


def test_an_event_has_exactly_the_fields_that_clients_know(socket_client, studio_server):
    assert socket_client.subscribe("topic=test.keys") == {"success": True}
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
    socket_client.send(sent)
    got = socket_client.event()
    assert got.pop("source")["user"].pop("username") == studio_server.api_user
    assert got == {name: value for name, value in sent.items() if name not in ("source", "colour")}


def test_missing_fields_of_an_event_are_added(socket_client):
    socket_client.subscribe("topic=test.whole")
    socket_client.send({"topic": "test.whole", "id": 5, "source": "x", "data": None})
    got = socket_client.event()
    assert sorted(got) == ["data", "id", "inReplyToEvent", "sent", "source", "target", "topic"]
    assert (len(got["id"]), got["data"], got["target"]) == (32, {}, "")


def test_an_acknowledgement_is_sent_only_on_request(socket_client):
    assert socket_client.ask({"topic": "test.ack"}) == {"success": True}
    socket_client.send({"topic": "test.ack"})
    assert socket_client.ask({"topic": "test.ack"}) == {"success": True}


def test_an_invalid_subscription_is_refused_with_the_reason(socket_client):
    assert socket_client.subscribe("topic=a", "twice") == {"success": True}
    for expression, name, message in (
        ("topic=b", "twice", "The subscriber twice is subscribed already. Unsubscribe it first."),
        ("topic", "s1", ""),
        ("", "s1", "The subscription is empty."),
        ("(" * 5000, "s1", "The subscription is nested more than 50 levels deep."),
        ("a=b or " * 3000 + "a=b", "long", "A subscription has at most 16 KiB."),
    ):
        answer = socket_client.subscribe(expression, name)
        assert (answer["success"], answer["message"][: len(message)]) == (False, message)
    answer = socket_client.ask({"topic": "ftrack.meta.subscribe", "data": {"subscription": "topic=a"}})
    assert answer == {"success": False, "message": "The subscriber has no id. Send a mapping with an id."}


def test_a_client_has_a_limited_number_of_subscriptions(socket_client):
    answers = [socket_client.subscribe("topic=a", f"s{number}")["success"] for number in range(501)]
    assert answers == [True] * 500 + [False]


def test_an_unsubscribed_client_gets_no_events(socket_client):
    socket_client.subscribe("topic=test.gone", "s1")
    leave = {"topic": "ftrack.meta.unsubscribe", "data": {"subscriber": {"id": "s1"}}}
    assert socket_client.ask(leave) == {"success": True}
    assert socket_client.ask({"topic": "test.gone"}) == {"success": True}
    assert socket_client.ask(leave) == {"success": False, "message": "The subscriber s1 is not subscribed."}


def test_an_event_is_sent_once_to_a_client_with_many_subscribers(socket_client):
    socket_client.subscribe("topic=test.once", "s1")
    socket_client.subscribe("topic=test.*", "s2")
    socket_client.send({"topic": "test.once"})
    assert socket_client.event()["topic"] == "test.once"
    assert socket_client.ask({"topic": "x"}) == {"success": True}


def test_a_target_selects_subscribers(connect):
    ann, bob = connect(), connect()
    ann.subscribe("topic=test.target", "ann", role="painter")
    bob.subscribe("topic=test.target", "bob", role="animator")
    bob.subscribe("topic=test.end", "bob2")
    ann.send({"topic": "test.target", "target": "role=painter", "id": "1"})
    ann.send({"topic": "test.end"})
    assert ann.event()["id"] == "1"
    assert bob.event()["topic"] == "test.end"


def test_a_reply_reaches_the_client_that_asked(connect):
    ann, bob = connect(), connect()
    ann.subscribe(REPLIES, "hub-of-ann")
    bob.subscribe(REPLIES, "hub-of-bob")
    bob.subscribe("topic=test.question", "s1")
    ann.send({"topic": "test.question", "id": "q1", "source": {"id": "hub-of-ann"}})
    question = bob.event()
    target = f"id={question['source']['id']}"
    bob.send({"topic": "ftrack.meta.reply", "target": target, "inReplyToEvent": question["id"], "data": 42})
    reply = ann.event()
    assert (reply["topic"], reply["inReplyToEvent"], reply["data"]) == ("ftrack.meta.reply", "q1", 42)
    assert bob.ask({"topic": "x"}) == {"success": True}


def test_expressions_that_each_event_is_compared_with_are_bounded(socket_client):
    def subscribe(name):
        data = {"subscription": f"topic={name * 15_000}", "subscriber": {"id": name}}
        return socket_client.ask({"topic": "ftrack.meta.subscribe", "data": data})

    assert [subscribe(name)["success"] for name in "abcde"] == [True, True, True, True, False]
    assert "at most 64 KiB" in subscribe("e")["message"]
    assert socket_client.ask({"topic": "ftrack.meta.unsubscribe", "data": {"subscriber": {"id": "a"}}})["success"]
    assert subscribe("e")["success"]
    answer = socket_client.ask({"topic": "test.bad", "target": f"id={'x' * 1_000}"})
    assert "at most 1000 characters" in answer["message"]


def test_expressions_of_all_clients_of_a_user_are_bounded():
    ann, bob = Caller("ann", "ann"), Caller("bob", "bob")

    def subscription(name: str) -> str:
        data = {"subscription": f"topic={name * 16_000}", "subscriber": {"id": name}}
        return f"5:::{json.dumps({'name': 'ftrack.event', 'args': [{'topic': 'ftrack.meta.subscribe', 'data': data}]})}"

    async def scenario() -> list[int]:
        hub = EventHub()
        clients = [HubClient(None, HandshakeIdentity(caller, None), hub.flow) for caller in (*[ann] * 7, bob)]
        with ExitStack() as stack:
            for client in clients:
                stack.enter_context(hub.connected(client))
                for name in "abc":
                    hub.handle_packet(client, subscription(name))
        return [client.subscribed_length for client in clients]

    lengths = run_coroutine(scenario())
    # 256 KiB are reached with the sixth client; the one of another user has room.
    assert lengths == [48_018] * 5 + [32_012, 0, 48_018]


def test_an_invalid_target_is_refused(socket_client):
    socket_client.subscribe("topic=test.bad")
    answer = socket_client.ask({"topic": "test.bad", "target": "not a target"})
    assert answer["success"] is False
    assert "expected an operator" in answer["message"]
    answer = socket_client.ask({"topic": "test.bad", "target": 5})
    assert answer["message"] == "The target of an event must be an expression. Send text."


def test_clients_cannot_publish_disconnected_events(socket_client):
    socket_client.subscribe("topic=ftrack.meta.*")
    for topic in ("ftrack.meta.disconnected", "ftrack.meta.anything"):
        assert socket_client.ask({"topic": topic})["success"] is False


def test_invalid_packets_are_ignored(socket_client):
    empty = ["", "x", "9:::", "5:", "5:::", "0::", "2:::", "3:::hello", "8::"]
    damaged = ["5:::{", "5:::[]", "5:::" + "[" * 100_000, '5:::{"args": []}', '5:::{"args": [1]}']
    wrong = ['5:::{"args": [{}, {}]}', '5:::{"args": [{"topic": ""}]}', '5:::{"args": [{"topic": "a", "data": NaN}]}']
    for packet in (*empty, *damaged, *wrong):
        socket_client.socket.send(packet)
        assert socket_client.ask({"topic": "x"}) == {"success": True}, packet[:40]


def test_invalid_utf8_is_ignored(socket_client):
    socket_client.subscribe("topic=test.half")
    socket_client.send({"topic": "test.half", "data": "\ud800"})
    assert socket_client.event()["data"] == "\ud800"


def test_binary_and_large_packets_close_the_connection(connect):
    binary, large = connect(), connect()
    binary.socket.send_binary(b"5:::")
    large.send({"topic": "x", "data": "a" * (1 << 20)})
    assert binary.is_closed() and large.is_closed()


def test_heartbeats_are_sent_and_expected(own_server, monkeypatch, open_socket_client):
    monkeypatch.setattr(connection, "HEARTBEAT_INTERVAL_SECONDS", 0.02)
    monkeypatch.setattr(connection, "SILENCE_TIMEOUT_SECONDS", math.inf)
    socket_client = open_socket_client(own_server)
    assert [socket_client.socket.recv() for _ in range(3)] == ["2::", "2::", "2::"]
    monkeypatch.setattr(connection, "SILENCE_TIMEOUT_SECONDS", 0)
    assert socket_client.is_closed()


def test_a_client_that_does_not_read_holds_up_nobody(own_server, monkeypatch, caplog, open_socket_client):
    monkeypatch.setattr(connection, "_MAX_QUEUED_PACKETS", 100)
    deaf, busy, good = open_socket_client(own_server), open_socket_client(own_server), open_socket_client(own_server)
    for socket_client in (deaf, good):
        socket_client.subscribe("topic=test.flood")
    for number in range(400):
        assert busy.ask({"topic": "test.flood", "data": [number, "a" * 50_000]}) == {"success": True}
        assert good.event()["data"][0] == number
    assert "A client of admin reads its events too slowly and is disconnected." in caplog.messages
    for socket_client in (deaf, busy, good):
        socket_client.socket.shutdown()
