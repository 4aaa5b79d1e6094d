from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

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
def lonely() -> EventHub:
    """A hub that is connected to nothing."""
    return EventHub("https://studio.example.com:9000/any/path", "ann", "key")


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


def test_an_event_reaches_the_other_hub_and_the_one_that_published_it(open_hub: OpenHub, topic: str, wait_for, settle):
    ann, bob = open_hub(), open_hub()
    heard: list[tuple[str, Any]] = []
    ann.subscribe(f"topic={topic}", lambda event: heard.append(("ann", event["data"])))
    bob.subscribe(f"topic={topic}", lambda event: heard.append(("bob", event["data"])))
    settle(bob)
    assert ann.publish(Event(topic, data={"frame": 1001})) is None
    wait_for(ann, lambda: heard)
    wait_for(bob, lambda: len(heard) == 2)
    assert heard == [("ann", {"frame": 1001}), ("bob", {"frame": 1001})]


def test_events_are_handled_only_by_who_waits(hub: EventHub, topic: str, wait_for):
    threads: list[threading.Thread] = []
    hub.subscribe(f"topic={topic}", lambda event: threads.append(threading.current_thread()))
    hub.publish(Event(topic))
    wait_for(hub, lambda: threads)
    assert threads == [threading.current_thread()]


def test_events_arrive_in_the_order_in_which_they_were_published(hub: EventHub, topic: str, wait_for):
    heard: list[int] = []
    hub.subscribe(f"topic={topic}", lambda event: heard.append(event["data"]))
    for number in range(500):
        hub.publish(Event(topic, data=number))
    wait_for(hub, lambda: len(heard) == 500)
    assert heard == list(range(500))


def test_everybody_who_answers_is_heard(open_hub: OpenHub, topic: str, wait_for, settle):
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


def test_one_can_wait_for_an_answer(open_hub: OpenHub, topic: str, settle):
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
