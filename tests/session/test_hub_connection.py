from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from ft_dcc.errors import (
    EventHubConnectionError,
)
from ft_dcc.session.event import Event
from ft_dcc.session.hub import EventHub

OpenHub = Callable[..., EventHub]


def test_what_is_published_while_connecting_goes_out_in_order(open_hub: OpenHub, topic: str, wait_for):
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


def test_what_was_published_last_arrives_though_the_hub_is_closed_at_once(
    open_hub: OpenHub, topic: str, wait_for, settle
):
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


def test_an_old_disconnection_does_not_end_a_new_wait(hub: EventHub, topic: str, wait_for):
    hub.disconnect(unsubscribe=False)
    hub.connect()
    heard: list[Event] = []
    hub.subscribe(f"topic={topic}", heard.append)
    hub.publish(Event(topic))
    wait_for(hub, lambda: heard)


def test_a_hub_connects_anew_with_its_subscribers(hub: EventHub, topic: str, wait_for):
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


def test_a_hub_connects_in_the_background(open_hub: OpenHub, topic: str, wait_for):
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
    open_hub: OpenHub, line: Any, topic: str, caplog: pytest.LogCaptureFixture, wait_for, settle
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


def test_closing_does_not_wait_for_a_server_that_is_gone(open_hub: OpenHub, line: Any, wait_for):
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
    studio_server, open_hub: OpenHub, topic: str, caplog: pytest.LogCaptureFixture, wait_for
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
    hub: EventHub, topic: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, wait_for
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


def test_changes_on_the_server_arrive(session, project, open_hub: OpenHub, wait_for, settle):
    hub = open_hub()
    told: list[dict[str, Any]] = []
    hub.subscribe("topic=ftrack.update", lambda event: told.extend(event["data"]["entities"]))
    settle(hub)
    project["full_name"] = "Told to everybody"
    session.commit()
    wait_for(hub, lambda: any(entity["entityId"] == project["id"] for entity in told))
    (change,) = [entity for entity in told if entity["entityId"] == project["id"]]
    assert change["changes"]["fullname"]["new"] == "Told to everybody"
