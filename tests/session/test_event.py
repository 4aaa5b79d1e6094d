from __future__ import annotations

import pytest

from ft_dcc.errors import ParseError
from ft_dcc.session.events.event import Event, Subscriber


def test_event_is_a_mapping_with_seven_keys():
    event = Event("show.opened", id="e1", data={"name": "dune"})
    assert dict(event) == {
        "id": "e1",
        "topic": "show.opened",
        "data": {"name": "dune"},
        "sent": None,
        "source": {},
        "target": "",
        "in_reply_to_event": None,
    }


def test_every_event_has_its_own_id():
    assert len(Event("a")["id"]) == 32
    assert Event("a")["id"] != Event("a")["id"]


def test_falsy_data_is_kept():
    assert Event("a", data=0)["data"] == 0
    assert Event("a", data=[])["data"] == []
    assert Event("a")["data"] == {}


def test_payload_has_in_reply_to_event_in_camel_case():
    event = Event("ftrack.meta.reply", id="e2", in_reply_to_event="e1")
    assert event.payload()["inReplyToEvent"] == "e1"
    assert "in_reply_to_event" not in event.payload()
    assert Event.from_payload(event.payload()) == event


def test_unknown_keys_are_ignored():
    event = Event.from_payload({"topic": "a", "id": "1", "color": "red", "source": "nonsense", "target": None})
    assert dict(event) == dict(Event("a", id="1"))


def test_keys_inside_the_data_are_not_renamed():
    payload = {"topic": "a", "data": {"inReplyToEvent": 1}}
    assert Event.from_payload(payload)["data"] == {"inReplyToEvent": 1}


def test_stopped_event_stays_stopped():
    event = Event("a")
    assert event.is_stopped() is False
    event.stop()
    assert event.is_stopped() is True


def test_repr_does_not_contain_the_data():
    event = Event("login", id="e1", data={"password": "secret"})
    assert repr(event) == "<Event login e1>"
    assert "'password': 'secret'" in str(event)


def test_subscriber_is_interested_in_matching_events():
    subscriber = Subscriber("topic=a and source.id=x", print, {"id": "s"}, 100)
    assert subscriber.interested_in(Event("a", source={"id": "x"}))
    assert not subscriber.interested_in(Event("a"))


def test_subscriber_with_an_invalid_expression_is_refused():
    with pytest.raises(ParseError):
        Subscriber("everything", print, {"id": "s"}, 100)
