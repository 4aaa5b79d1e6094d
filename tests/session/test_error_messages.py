"""Who uses the session wrongly reads in a sentence what to do."""

from __future__ import annotations

import re

import pytest

from ft_dcc.errors import EventHubError, LocationError, OperationError, ParseError, SettingInvalid
from ft_dcc.session.cache.entity_cache import EntityCache
from ft_dcc.session.query.expression import find


@pytest.mark.parametrize(
    ("misuse", "error", "sentence"),
    [
        (lambda session: session.query(" "), ParseError, "The query is empty. Write it like"),
        (
            lambda session: session.query("Task", page_size=0),
            ValueError,
            "A page cannot have 0 entities. Pass an integer",
        ),
        (
            lambda _: find("Task").where("name is a"),
            OperationError,
            "'name is a' is not a condition. Write it like field",
        ),
        (lambda session: session.get("Task", None), ValueError, "None is not a key of a Task. Pass its id"),
        (
            lambda session: session.delete(None),
            OperationError,
            "None cannot be deleted: it is not an entity. Pass an entity that get",
        ),
        (lambda session: session.create("Task", ["a"]), OperationError, "A Task cannot be made of ['a']. Give a dict"),
        (lambda session: session.call("destroy"), OperationError, "'destroy' is not a list of operations"),
        (
            lambda session: session.populate(["x"], "name"),
            OperationError,
            "'x' cannot be populated: it is not an entity",
        ),
        (lambda session: session.populate([], ["name"]), OperationError, "['name'] names no attributes. Pass a text"),
        (lambda session: session.ensure("Task", {"name": 1}, "name"), ValueError, "a list of attributes, not 'name'"),
        (lambda session: session.create_component(None), OperationError, "A component needs the path of a file"),
        (lambda session: session.create_component("a.mov", location="b"), LocationError, "'b' is not a location. Pass"),
        (lambda session: EntityCache(session, None, 5, None), SettingInvalid, "5 is not a cache. Pass an instance"),
        (lambda session: EntityCache(session, None, None, 5), SettingInvalid, "5 is not a key maker. Pass an instance"),
        (
            lambda session: session.event_hub.publish("a.topic"),
            EventHubError,
            "'a.topic' is not an event. Pass an event like",
        ),
        (
            lambda session: session.post([{"bid": float("nan")}]),
            OperationError,
            "The operations cannot be sent to the server: Out",
        ),
        (
            lambda session: session.post([{"name": "fil\udcffm.mov"}]),
            OperationError,
            "'fil\\udcffm.mov' contains characters that",
        ),
    ],
)
def test_misuse_is_reported_in_a_sentence(session, misuse, error, sentence):
    with pytest.raises(error, match=re.escape(sentence)):
        misuse(session)
    assert len(session.recorded_operations) == 0
