from __future__ import annotations

import pytest

from ft_dcc.errors import ParseError
from ft_dcc.session.event import Event, Subscriber


def test_an_event_is_a_mapping_with_seven_keys():
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


def test_every_event_has_an_id_of_its_own():
    assert len(Event("a")["id"]) == 32
    assert Event("a")["id"] != Event("a")["id"]


def test_data_that_is_false_stays_what_it_is():
    assert Event("a", data=0)["data"] == 0
    assert Event("a", data=[])["data"] == []
    assert Event("a")["data"] == {}


def test_the_wire_has_its_own_name_for_the_event_that_is_answered():
    event = Event("ftrack.meta.reply", id="e2", in_reply_to_event="e1")
    assert event.payload()["inReplyToEvent"] == "e1"
    assert "in_reply_to_event" not in event.payload()
    assert Event.from_payload(event.payload()) == event


def test_keys_that_nobody_knows_are_left_out():
    event = Event.from_payload({"topic": "a", "id": "1", "color": "red", "source": "nonsense", "target": None})
    assert dict(event) == dict(Event("a", id="1"))


def test_a_key_inside_the_data_is_never_renamed():
    payload = {"topic": "a", "data": {"inReplyToEvent": 1}}
    assert Event.from_payload(payload)["data"] == {"inReplyToEvent": 1}


def test_an_event_is_stopped_once_somebody_says_so():
    event = Event("a")
    assert event.is_stopped() is False
    event.stop()
    assert event.is_stopped() is True


def test_only_who_prints_an_event_sees_its_data():
    event = Event("login", id="e1", data={"password": "secret"})
    assert repr(event) == "<Event login e1>"
    assert "'password': 'secret'" in str(event)


def test_a_subscriber_wants_what_its_expression_says():
    subscriber = Subscriber("topic=a and source.id=x", print, {"id": "s"}, 100)
    assert subscriber.interested_in(Event("a", source={"id": "x"}))
    assert not subscriber.interested_in(Event("a"))


def test_a_subscriber_without_a_sensible_expression_cannot_be_made():
    with pytest.raises(ParseError):
        Subscriber("everything", print, {"id": "s"}, 100)
