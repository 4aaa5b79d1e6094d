from __future__ import annotations

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


def test_subscriber_is_interested_in_matching_events():
    subscriber = Subscriber("topic=a and source.id=x", print, {"id": "s"}, 100)
    assert subscriber.interested_in(Event("a", source={"id": "x"}))
    assert not subscriber.interested_in(Event("a"))
