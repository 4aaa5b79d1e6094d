import threading

import pytest

from ft_dcc import errors
from ft_dcc.session.events.event import Event
from ft_dcc.session.events.hub import EventHub


@pytest.fixture
def lonely():
    """Return an unconnected hub."""
    return EventHub("https://studio.example.com:9000/any/path", "ann", "key")


def test_hub_returns_its_server_address(lonely):
    assert lonely.get_server_url() == "https://studio.example.com:9000"
    assert lonely.get_network_location() == "studio.example.com:9000"
    assert lonely.secure is True
    assert lonely.connected is False


@pytest.mark.parametrize("url", ["studio.example.com", "https://:9000", "ftp://studio.example.com", ""])
def test_invalid_address_is_refused(url):
    with pytest.raises(errors.SettingInvalid, match="is not the address of a server"):
        EventHub(url, "ann", "key")


def test_repr_does_not_contain_the_key():
    hub = EventHub("https://user:password@studio.example.com", "ann", "s3cret", {"X-Token": "t0ken"}, {"c": "c00kie"})
    assert repr(hub) == "<EventHub https://studio.example.com not connected>"


def test_subscribers_are_called_by_priority_and_order_and_their_results_returned(lonely):
    lonely.subscribe("topic=a", lambda event: "late", priority=200)
    lonely.subscribe("topic=a", lambda event: None)
    for number in range(3):
        lonely.subscribe("topic=a", lambda event, number=number: number)
    lonely.subscribe("topic=a", lambda event: event["data"]["n"], priority=1)
    lonely.subscribe("topic=b", lambda event: "never")
    assert lonely.publish(Event("a", data={"n": 7}), synchronous=True) == [7, None, 0, 1, 2, "late"]


def test_failing_subscriber_is_logged_and_the_others_are_called(lonely, caplog):
    def fail(event):
        raise ValueError("no licence")

    lonely.subscribe("topic=a", fail, {"id": "clumsy"}, priority=1)
    lonely.subscribe("topic=a", lambda event: "fine")
    assert lonely.publish(Event("a", id="e1"), synchronous=True) == ["fine"]
    assert caplog.messages == ["The subscriber clumsy failed at <Event a e1>."]
    assert "no licence" in caplog.text


def test_stopped_event_is_not_passed_on(lonely):
    def stop(event):
        event.stop()
        return "stopped"

    lonely.subscribe("topic=a", stop, priority=1)
    lonely.subscribe("topic=a", lambda event: "never")
    assert lonely.publish(Event("a"), synchronous=True) == ["stopped"]


def test_target_selects_subscribers(lonely, caplog):
    lonely.subscribe("topic=a", lambda event: "painter", {"id": "1", "role": "painter"})
    lonely.subscribe("topic=a", lambda event: "animator", {"id": "2", "role": "animator"})
    assert lonely.publish(Event("a", target="role=animator"), synchronous=True) == ["animator"]
    assert lonely.publish(Event("a", target="nonsense"), synchronous=True) == []
    assert "has an invalid target" in caplog.text


def test_event_has_its_source(lonely):
    lonely.subscribe("topic=a", lambda event: event["source"])
    (source,) = lonely.publish(Event("a"), synchronous=True)
    assert (source["id"], source["user"]) == (lonely.id, {"username": "ann"})
    own = {"id": "1", "user": {"username": "bob"}, "host": "ws01"}
    assert lonely.publish(Event("a", source=own), synchronous=True) == [own]


def test_duplicate_subscriber_id_is_refused(lonely):
    assert lonely.subscribe("topic=a", print, {"id": "s1"}) == "s1"
    with pytest.raises(errors.NotUniqueError, match="s1 already exists"):
        lonely.subscribe("topic=b", print, {"id": "s1"})
    lonely.unsubscribe("s1")
    assert lonely.get_subscriber_by_identifier("s1") is None
    with pytest.raises(errors.NotFoundError, match="There is no subscriber s1"):
        lonely.unsubscribe("s1")


def test_subscriber_is_found_by_its_id(lonely):
    identifier = lonely.subscribe("topic=a", print, {"role": "painter"}, 5)
    found = lonely.get_subscriber_by_identifier(identifier)
    assert found is not None
    assert (found.subscription, found.callback, found.priority) == ("topic=a", print, 5)
    assert found.metadata == {"role": "painter", "id": identifier}


def test_invalid_subscription_is_refused_and_not_added(lonely):
    with pytest.raises(errors.ParseError):
        lonely.subscribe("everything", print, {"id": "s1"})
    with pytest.raises(errors.EventHubError, match="Object of type object is not JSON serializable"):
        lonely.subscribe("topic=a", print, {"id": "s1", "what": object()})
    assert lonely.get_subscriber_by_identifier("s1") is None


def test_subscription_ends_with_its_block(lonely):
    with lonely.subscription("topic=a", lambda event: 1) as identifier:
        assert lonely.publish(Event("a"), synchronous=True) == [1]
    assert lonely.get_subscriber_by_identifier(identifier) is None


def test_unconnected_hub_cannot_publish_or_wait(lonely, caplog):
    with pytest.raises(errors.EventHubConnectionError, match=r"not connected to https://studio\.example\.com:9000"):
        lonely.publish(Event("a"))
    with pytest.raises(errors.EventHubConnectionError, match="Call connect"):
        lonely.wait(0)
    with pytest.raises(errors.EventHubConnectionError, match="Not currently connected"):
        lonely.disconnect()
    assert lonely.publish(Event("a"), on_error="ignore") is None
    lonely.close()


def test_events_arrive_in_order_in_the_thread_that_waits(hub, topic, wait_for):
    received, threads = [], set()
    hub.subscribe(f"topic={topic}", lambda event: received.append(event["data"]))
    hub.subscribe(f"topic={topic}", lambda event: threads.add(threading.current_thread()))
    for number in range(100):
        hub.publish(Event(topic, data=number))
    wait_for(hub, lambda: len(received) == 100)
    assert received == list(range(100))
    assert threads == {threading.current_thread()}


def test_every_reply_is_received(open_hub, topic, wait_for, settle):
    asking, answering = open_hub(), open_hub()
    answering.subscribe(f"topic={topic}", lambda event: f"{event['data']} one", {"id": "one", "role": "first"})
    answering.subscribe(f"topic={topic}", lambda event: f"{event['data']} two")
    asked = []
    answering.subscribe(f"topic={topic}", asked.append)
    settle(answering)
    replies = []
    question = Event(topic, data="who?")
    asking.publish(question, on_reply=replies.append)
    wait_for(answering, lambda: asked)
    wait_for(asking, lambda: len(replies) == 2)
    assert [reply["data"] for reply in replies] == ["who? one", "who? two"]
    assert replies[0]["in_reply_to_event"] == question["id"]
    assert replies[0]["source"]["role"] == "first"
    assert answering.get_subscriber_by_identifier("one").metadata == {"id": "one", "role": "first"}


def test_reply_callback_expires(open_hub, topic, monkeypatch):
    monkeypatch.setattr("ft_dcc.session.events.event._REPLY_LIFETIME_SECONDS", 0)
    hub = open_hub()
    for _ in range(50):
        hub.publish(Event(topic), on_reply=print)
    assert len(hub._replies) == 1
    hub._replies.remove_expired()
    assert len(hub._replies) == 0


def test_publish_and_wait_returns_the_reply(open_hub, topic, settle):
    asking, answering = open_hub(), open_hub()
    answering.subscribe(f"topic={topic}", lambda event: {"sum": event["data"] + 1})
    settle(answering)
    thread = threading.Thread(target=answering.wait)
    thread.start()
    assert asking.publish_and_wait_for_reply(Event(topic, data=1))["data"] == {"sum": 2}
    answering.disconnect()
    thread.join()


def test_publish_and_wait_times_out(hub, topic):
    with pytest.raises(errors.EventHubReplyTimeoutError, match=f"No reply to {topic} within 0.05 s"):
        hub.publish_and_wait_for_reply(Event(topic), timeout=0.05)
    assert hub._replies._waiting == {}


def test_reply_to_an_event_without_source_is_refused(hub, topic):
    with pytest.raises(errors.EventHubError, match="has no source id"):
        hub.publish_reply(Event(topic), "answer")


def test_unencodable_event_is_refused(hub, topic):
    with pytest.raises(errors.EventHubError, match="is not JSON serializable"):
        hub.publish(Event(topic, data={"when": object()}), on_reply=print)
    assert len(hub._replies) == 0
    with pytest.raises(errors.EventHubError, match="cannot be sent"):
        hub.publish(Event(topic, data=float("nan")))


def test_event_is_a_mapping_with_seven_keys():
    event = Event("show.opened", id="e1", data={"name": "dune"})
    unset = {"sent": None, "source": {}, "target": "", "in_reply_to_event": None}
    assert dict(event) == {"id": "e1", "topic": "show.opened", "data": {"name": "dune"}, **unset}


def test_event_has_an_id_of_its_own_and_the_given_data():
    assert len(Event("a")["id"]) == 32
    assert Event("a")["id"] != Event("a")["id"]
    assert [Event("a", data=data)["data"] for data in (0, [], None)] == [0, [], {}]


def test_payload_has_in_reply_to_event_in_camel_case():
    event = Event("ftrack.meta.reply", id="e2", in_reply_to_event="e1")
    assert event.payload()["inReplyToEvent"] == "e1"
    assert "in_reply_to_event" not in event.payload()
    assert Event.from_payload(event.payload()) == event


def test_unknown_keys_are_ignored_and_the_data_is_unchanged():
    payload = {"topic": "a", "id": "1", "color": "red", "source": "nonsense", "target": None}
    event = Event.from_payload({**payload, "data": {"inReplyToEvent": 1}})
    assert dict(event) == dict(Event("a", id="1", data={"inReplyToEvent": 1}))


def test_repr_does_not_contain_the_data():
    event = Event("login", id="e1", data={"password": "secret"})
    assert repr(event) == "<Event login e1>"
    assert "'password': 'secret'" in str(event)
