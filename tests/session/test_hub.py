from __future__ import annotations

import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from ft_dcc.errors import (
    EventHubConnectionError,
    EventHubError,
    EventHubReplyTimeoutError,
    NotFoundError,
    NotUniqueError,
    ParseError,
    SettingInvalid,
)
from ft_dcc.session.event import Event
from ft_dcc.session.hub import EventHub

OpenHub = Callable[..., EventHub]


@pytest.fixture
def open_hub(studio_server) -> Iterator[OpenHub]:
    """Open hubs on the shared server; each ends with the test."""
    opened: list[EventHub] = []

    def open_one(*, is_connected: bool = True, **arguments: Any) -> EventHub:
        url = arguments.pop("server_url", studio_server.server_url)
        key = arguments.pop("api_key", studio_server.api_key)
        opened.append(EventHub(url, studio_server.api_user, key, **arguments))
        if is_connected:
            opened[-1].connect()
        return opened[-1]

    yield open_one
    for hub in opened:
        hub.close()


@pytest.fixture
def hub(open_hub: OpenHub) -> EventHub:
    return open_hub()


@pytest.fixture
def lonely() -> EventHub:
    """A hub that is connected to nothing."""
    return EventHub("https://studio.example.com:9000/any/path", "ann", "key")


@pytest.fixture
def topic() -> str:
    """A topic that no other test uses."""
    return f"test.{uuid4().hex}"


def wait_for(hub: EventHub, is_done: Callable[[], object]) -> None:
    """Handle events until it is done; the test's own time limit ends what never is."""
    while not is_done():
        hub.wait(0.05)


def settle(hub: EventHub) -> None:
    """The server has done all that the hub asked of it so far."""
    token, seen = f"settle.{uuid4().hex}", []
    with hub.subscription(f"topic={token}", seen.append):
        hub.publish(Event(token))
        wait_for(hub, lambda: seen)


class Line:
    """A line to the server that can be cut, and mended."""

    def __init__(self, server_url: str) -> None:
        parts = urlsplit(server_url)
        self._target = (parts.hostname, parts.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._ends: list[socket.socket] = []
        self._is_cut = False
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self._is_cut = True
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self._is_cut = False

    def close(self) -> None:
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self._is_cut:
                    client.close()
                    continue
                server = socket.create_connection(self._target)
                self._ends += [client, server]
                for ends in ((client, server), (server, client)):
                    threading.Thread(target=self._pump, args=ends, daemon=True).start()

    @staticmethod
    def _pump(source: socket.socket, target: socket.socket) -> None:
        with closing(source), suppress(OSError):
            while block := source.recv(65536):
                target.sendall(block)
            target.shutdown(socket.SHUT_WR)


@pytest.fixture
def line(studio_server) -> Iterator[Line]:
    line = Line(studio_server.server_url)
    yield line
    line.close()


def test_a_hub_knows_its_server(lonely: EventHub):
    assert lonely.get_server_url() == "https://studio.example.com:9000"
    assert lonely.get_network_location() == "studio.example.com:9000"
    assert lonely.secure is True
    assert lonely.connected is False


@pytest.mark.parametrize("url", ["studio.example.com", "https://:9000", "ftp://studio.example.com", ""])
def test_an_address_that_is_none_is_refused(url: str):
    with pytest.raises(SettingInvalid, match="is no address of a server"):
        EventHub(url, "ann", "key")


def test_a_hub_does_not_show_its_key():
    hub = EventHub("https://user:password@studio.example.com", "ann", "s3cret", {"X-Token": "t0ken"}, {"c": "c00kie"})
    assert repr(hub) == "<EventHub https://studio.example.com not connected>"


def test_importing_the_hub_loads_neither_requests_nor_websocket():
    script = "import sys, ft_dcc.session.hub; print([n for n in ('requests', 'websocket') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout == "[]\n"


def test_subscribers_are_called_in_order_of_priority_and_answer(lonely: EventHub):
    lonely.subscribe("topic=a", lambda event: "late", priority=200)
    lonely.subscribe("topic=a", lambda event: None)
    lonely.subscribe("topic=a", lambda event: event["data"]["n"], priority=1)
    lonely.subscribe("topic=b", lambda event: "never")
    assert lonely.publish(Event("a", data={"n": 7}), synchronous=True) == [7, None, "late"]


def test_subscribers_of_one_priority_are_called_as_they_came(lonely: EventHub):
    for number in range(5):
        lonely.subscribe("topic=a", lambda event, number=number: number)
    assert lonely.publish(Event("a"), synchronous=True) == [0, 1, 2, 3, 4]


def test_a_subscriber_that_fails_is_named_in_the_log_and_stops_nobody(
    lonely: EventHub, caplog: pytest.LogCaptureFixture
):
    def fail(event: Event) -> None:
        raise ValueError("no licence")

    lonely.subscribe("topic=a", fail, {"id": "clumsy"}, priority=1)
    lonely.subscribe("topic=a", lambda event: "fine")
    assert lonely.publish(Event("a", id="e1"), synchronous=True) == ["fine"]
    assert caplog.messages == ["The subscriber clumsy failed at <Event a e1>."]
    assert "no licence" in caplog.text


def test_an_event_that_is_stopped_goes_no_further(lonely: EventHub):
    def stop(event: Event) -> str:
        event.stop()
        return "stopped"

    lonely.subscribe("topic=a", stop, priority=1)
    lonely.subscribe("topic=a", lambda event: "never")
    assert lonely.publish(Event("a"), synchronous=True) == ["stopped"]


def test_a_target_chooses_subscribers(lonely: EventHub, caplog: pytest.LogCaptureFixture):
    lonely.subscribe("topic=a", lambda event: "painter", {"id": "1", "role": "painter"})
    lonely.subscribe("topic=a", lambda event: "animator", {"id": "2", "role": "animator"})
    assert lonely.publish(Event("a", target="role=animator"), synchronous=True) == ["animator"]
    assert lonely.publish(Event("a", target="nonsense"), synchronous=True) == []
    assert "is for nobody" in caplog.text


def test_an_event_says_who_publishes_it(lonely: EventHub):
    lonely.subscribe("topic=a", lambda event: event["source"])
    (source,) = lonely.publish(Event("a"), synchronous=True)
    assert (source["id"], source["user"]) == (lonely.id, {"username": "ann"})
    own = {"id": "1", "user": {"username": "bob"}, "host": "ws01"}
    assert lonely.publish(Event("a", source=own), synchronous=True) == [own]


def test_two_subscribers_cannot_have_one_id(lonely: EventHub):
    assert lonely.subscribe("topic=a", print, {"id": "s1"}) == "s1"
    with pytest.raises(NotUniqueError, match="s1 already exists"):
        lonely.subscribe("topic=b", print, {"id": "s1"})
    lonely.unsubscribe("s1")
    assert lonely.get_subscriber_by_identifier("s1") is None
    with pytest.raises(NotFoundError, match="missing subscriber with identifier s1"):
        lonely.unsubscribe("s1")


def test_a_subscriber_is_found_by_its_id(lonely: EventHub):
    identifier = lonely.subscribe("topic=a", print, {"role": "painter"}, 5)
    found = lonely.get_subscriber_by_identifier(identifier)
    assert found is not None
    assert (found.subscription, found.callback, found.priority) == ("topic=a", print, 5)
    assert found.metadata == {"role": "painter", "id": identifier}


def test_a_subscription_that_cannot_be_is_refused_and_leaves_nothing(lonely: EventHub):
    with pytest.raises(ParseError):
        lonely.subscribe("everything", print, {"id": "s1"})
    with pytest.raises(EventHubError, match="Object of type object is not JSON serializable"):
        lonely.subscribe("topic=a", print, {"id": "s1", "what": object()})
    assert lonely.get_subscriber_by_identifier("s1") is None


def test_a_subscription_lasts_as_long_as_its_block(lonely: EventHub):
    with lonely.subscription("topic=a", lambda event: 1) as identifier:
        assert lonely.publish(Event("a"), synchronous=True) == [1]
    assert lonely.get_subscriber_by_identifier(identifier) is None


def test_who_is_not_connected_cannot_publish_or_wait(lonely: EventHub, caplog: pytest.LogCaptureFixture):
    with pytest.raises(EventHubConnectionError, match=r"not connected to https://studio\.example\.com:9000"):
        lonely.publish(Event("a"))
    with pytest.raises(EventHubConnectionError, match="Call connect"):
        lonely.wait(0)
    with pytest.raises(EventHubConnectionError, match="Not currently connected"):
        lonely.disconnect()
    assert lonely.publish(Event("a"), on_error="ignore") is None
    lonely.close()


def test_an_event_reaches_the_other_hub_and_the_one_that_published_it(open_hub: OpenHub, topic: str):
    ann, bob = open_hub(), open_hub()
    heard: list[tuple[str, Any]] = []
    ann.subscribe(f"topic={topic}", lambda event: heard.append(("ann", event["data"])))
    bob.subscribe(f"topic={topic}", lambda event: heard.append(("bob", event["data"])))
    settle(bob)
    assert ann.publish(Event(topic, data={"frame": 1001})) is None
    wait_for(ann, lambda: heard)
    wait_for(bob, lambda: len(heard) == 2)
    assert heard == [("ann", {"frame": 1001}), ("bob", {"frame": 1001})]


def test_events_are_handled_only_by_who_waits(hub: EventHub, topic: str):
    threads: list[threading.Thread] = []
    hub.subscribe(f"topic={topic}", lambda event: threads.append(threading.current_thread()))
    hub.publish(Event(topic))
    wait_for(hub, lambda: threads)
    assert threads == [threading.current_thread()]


def test_events_arrive_in_the_order_in_which_they_were_published(hub: EventHub, topic: str):
    heard: list[int] = []
    hub.subscribe(f"topic={topic}", lambda event: heard.append(event["data"]))
    for number in range(500):
        hub.publish(Event(topic, data=number))
    wait_for(hub, lambda: len(heard) == 500)
    assert heard == list(range(500))


def test_everybody_who_answers_is_heard(open_hub: OpenHub, topic: str):
    asking, answering = open_hub(), open_hub()
    answering.subscribe(f"topic={topic}", lambda event: f"{event['data']} one", {"id": "one", "role": "first"})
    answering.subscribe(f"topic={topic}", lambda event: f"{event['data']} two")
    asked: list[Event] = []
    answering.subscribe(f"topic={topic}", asked.append)
    settle(answering)
    replies: list[Event] = []
    question = Event(topic, data="who?")
    asking.publish(question, on_reply=replies.append)
    wait_for(answering, lambda: asked)
    wait_for(asking, lambda: len(replies) == 2)
    assert [reply["data"] for reply in replies] == ["who? one", "who? two"]
    assert replies[0]["in_reply_to_event"] == question["id"]
    assert replies[0]["source"]["role"] == "first"
    assert answering.get_subscriber_by_identifier("one").metadata == {"id": "one", "role": "first"}


def test_who_asked_is_forgotten_after_a_while(open_hub: OpenHub, topic: str):
    hub = open_hub(reply_lifetime=0)
    for _ in range(50):
        hub.publish(Event(topic), on_reply=print)
    assert len(hub._replies) == 1
    hub._replies.forget_old()
    assert len(hub._replies) == 0


def test_one_can_wait_for_an_answer(open_hub: OpenHub, topic: str):
    asking, answering = open_hub(), open_hub()
    answering.subscribe(f"topic={topic}", lambda event: {"sum": event["data"] + 1})
    settle(answering)
    thread = threading.Thread(target=answering.wait)
    thread.start()
    assert asking.publish_and_wait_for_reply(Event(topic, data=1))["data"] == {"sum": 2}
    answering.disconnect()
    thread.join()


def test_who_waits_for_an_answer_does_not_wait_for_ever(hub: EventHub, topic: str):
    with pytest.raises(EventHubReplyTimeoutError, match=f"Nobody answered {topic} within 0.05 s"):
        hub.publish_and_wait_for_reply(Event(topic), timeout=0.05)
    assert hub._replies._waiting == {}


def test_an_answer_to_an_event_without_a_source_is_refused(hub: EventHub, topic: str):
    with pytest.raises(EventHubError, match="does not say where it comes from"):
        hub.publish_reply(Event(topic), "answer")


def test_what_cannot_be_sent_is_refused_at_once(hub: EventHub, topic: str):
    with pytest.raises(EventHubError, match="is not JSON serializable"):
        hub.publish(Event(topic, data={"when": object()}), on_reply=print)
    assert len(hub._replies) == 0
    with pytest.raises(EventHubError, match="cannot be sent"):
        hub.publish(Event(topic, data=float("nan")))


def test_what_is_published_while_connecting_goes_out_in_order(open_hub: OpenHub, topic: str):
    hub = open_hub(is_connected=False)
    heard: list[int] = []
    hub.subscribe(f"topic={topic}", lambda event: heard.append(event["data"]))
    hub.init_connection()
    assert [hub.publish(Event(topic, data=number)) for number in range(3)] == [True, True, True]
    hub.connect()
    hub.publish(Event(topic, data=3))
    wait_for(hub, lambda: len(heard) == 4)
    assert heard == [0, 1, 2, 3]


def test_a_hub_connects_once(hub: EventHub):
    with pytest.raises(EventHubConnectionError, match="Already connected"):
        hub.connect()
    assert hub.connected is True


def test_a_hub_that_is_disconnected_has_no_thread_and_no_subscriber(open_hub: OpenHub):
    hub = open_hub()
    identifier = hub.subscribe("topic=a", print)
    thread = hub._link._thread
    assert thread is not None
    assert thread.daemon is True
    hub.disconnect()
    assert hub.connected is False
    assert thread.is_alive() is False
    assert hub.get_subscriber_by_identifier(identifier) is None
    hub.close()


def test_what_was_published_last_arrives_though_the_hub_is_closed_at_once(open_hub: OpenHub, topic: str):
    ann, bob = open_hub(), open_hub()
    heard: list[int] = []
    bob.subscribe(f"topic={topic}", lambda event: heard.append(event["data"]))
    settle(bob)
    for number in range(100):
        ann.publish(Event(topic, data=number))
    ann.close()
    wait_for(bob, lambda: len(heard) == 100)


def test_waiting_ends_when_somebody_disconnects_the_hub(open_hub: OpenHub):
    hub = open_hub()
    thread = threading.Thread(target=hub.wait)
    thread.start()
    hub.disconnect()
    thread.join()
    assert hub.connected is False


def test_an_old_disconnection_does_not_end_a_new_wait(hub: EventHub, topic: str):
    hub.disconnect(unsubscribe=False)
    hub.connect()
    heard: list[Event] = []
    hub.subscribe(f"topic={topic}", heard.append)
    hub.publish(Event(topic))
    wait_for(hub, lambda: heard)


def test_a_hub_connects_anew_with_its_subscribers(hub: EventHub, topic: str):
    heard: list[Event] = []
    hub.subscribe(f"topic={topic}", heard.append)
    hub.reconnect()
    hub.publish(Event(topic))
    wait_for(hub, lambda: heard)


def test_a_hub_that_nobody_answers_says_so_after_its_attempts():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    hub = EventHub(f"http://127.0.0.1:{port}", "ann", "key")
    with pytest.raises(EventHubConnectionError, match=r"Failed to reconnect to event server at .* after 2 attempts"):
        hub.reconnect(attempts=2, delay=0)
    with pytest.raises(EventHubConnectionError, match="No event server answers at"):
        hub.connect()
    hub.close()


def test_a_wrong_key_is_refused_and_not_repeated(open_hub: OpenHub):
    hub = open_hub(is_connected=False, api_key="wr0ng")
    with pytest.raises(EventHubConnectionError) as caught:
        hub.connect()
    assert caught.value.details == {"status": 401}
    assert "wr0ng" not in str(caught.value)
    with pytest.raises(EventHubConnectionError):
        hub.publish(Event("a"))


def test_a_hub_connects_in_the_background(open_hub: OpenHub, topic: str):
    hub = open_hub(is_connected=False)
    heard: list[Event] = []
    hub.subscribe(f"topic={topic}", heard.append)
    hub.connect_in_background()
    hub.publish(Event(topic))
    assert hub.wait_until_connected() is True
    wait_for(hub, lambda: heard)


def test_who_connects_in_the_background_with_a_wrong_key_is_told(open_hub: OpenHub, caplog: pytest.LogCaptureFixture):
    hub = open_hub(is_connected=False, api_key="wr0ng")
    hub.connect_in_background()
    hub.wait()
    assert "answered 401" in caplog.text
    assert "wr0ng" not in caplog.text
    with pytest.raises(EventHubConnectionError):
        hub.publish(Event("a"))


def test_a_lost_connection_comes_back_with_everything_that_was_published_meanwhile(
    open_hub: OpenHub, line: Line, topic: str, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    hub = open_hub(server_url=line.url)
    heard: list[int] = []
    hub.subscribe(f"topic={topic}", lambda event: heard.append(event["data"]))
    settle(hub)
    line.cut()
    wait_for(hub, lambda: not hub.connected)
    assert hub.publish(Event(topic, data=1)) is True
    line.mend()
    wait_for(hub, lambda: heard)
    hub.publish(Event(topic, data=2))
    wait_for(hub, lambda: len(heard) == 2)
    assert heard == [1, 2]
    assert f"The event server at {line.url} is gone. Connecting again." in caplog.messages
    assert f"Connected to the event server at {line.url}." in caplog.messages


def test_closing_does_not_wait_for_a_server_that_is_gone(open_hub: OpenHub, line: Line):
    hub = open_hub(server_url=line.url)
    line.cut()
    wait_for(hub, lambda: not hub.connected)
    thread = hub._link._thread
    hub.close()
    assert thread is not None
    assert thread.is_alive() is False


def test_a_server_that_never_answers_does_not_hold_up_the_end():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hub = EventHub(f"http://127.0.0.1:{silent.getsockname()[1]}", "ann", "key")
        hub.connect_in_background()
        connection, _ = silent.accept()
        with connection:
            hub.close()
    assert hub.connected is False


def test_no_log_has_the_key_or_the_name_of_the_connection(
    studio_server, open_hub: OpenHub, topic: str, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    hub = open_hub(headers={"X-Studio": "h3ader"}, cookies={"session": "c00kie"})
    hub.subscribe(f"topic={topic}", lambda event: 1 / 0)
    hub.publish(Event(topic, data={"password": "s3cret"}))
    wait_for(hub, lambda: "division by zero" in caplog.text)
    hub.close()
    for secret in (studio_server.api_key, "h3ader", "c00kie", "s3cret", "/websocket/"):
        assert secret not in caplog.text


def test_events_that_nobody_handles_do_not_fill_the_memory(
    hub: EventHub, topic: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("ft_dcc.session.inbox._MOST_EVENTS", 3)
    heard: list[int] = []
    hub.subscribe(f"topic={topic}", lambda event: heard.append(event["data"]))
    for number in range(6):
        hub.publish(Event(topic, data=number))
    while sum("is dropped. Call wait()." in message for message in caplog.messages) < 4:
        time.sleep(0.01)
    wait_for(hub, lambda: len(heard) == 3)
    assert heard == [3, 4, 5]


def test_changes_on_the_server_arrive(session, project, open_hub: OpenHub):
    hub = open_hub()
    told: list[dict[str, Any]] = []
    hub.subscribe("topic=ftrack.update", lambda event: told.extend(event["data"]["entities"]))
    settle(hub)
    project["full_name"] = "Told to everybody"
    session.commit()
    wait_for(hub, lambda: any(entity["entityId"] == project["id"] for entity in told))
    (change,) = [entity for entity in told if entity["entityId"] == project["id"]]
    assert change["changes"]["fullname"]["new"] == "Told to everybody"
