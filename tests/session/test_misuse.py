"""Who uses the session wrongly reads in a sentence what to do."""

from __future__ import annotations

import re

import pytest

from ft_dcc.errors import EventHubError, LocationError, OperationError, ParseError, SettingInvalid
from ft_dcc.session.expression import find
from ft_dcc.session.layers import Layers


@pytest.mark.parametrize(
    ("misuse", "error", "sentence"),
    [
        (lambda session: session.query(" "), ParseError, "The query is empty. Say what is wanted"),
        (
            lambda session: session.query("Task", page_size=0),
            ValueError,
            "A page cannot have 0 entities. Give a number",
        ),
        (lambda _: find("Task").where("name is a"), OperationError, "'name is a' is no condition. Write it like field"),
        (lambda session: session.get("Task", None), ValueError, "None is no key of a Task. Give its id"),
        (
            lambda session: session.delete(None),
            OperationError,
            "None cannot be deleted: it is no entity. Give what get",
        ),
        (lambda session: session.create("Task", ["a"]), OperationError, "A Task cannot be made of ['a']. Give a dict"),
        (lambda session: session.call("destroy"), OperationError, "'destroy' are no operations. Give a list"),
        (lambda session: session.populate(["x"], "name"), OperationError, "'x' cannot be populated: it is no entity"),
        (lambda session: session.populate([], ["name"]), OperationError, "['name'] names no attributes. Give a text"),
        (lambda session: session.ensure("Task", {"name": 1}, "name"), ValueError, "a list of attributes, not 'name'"),
        (lambda session: session.create_component(None), OperationError, "A component is made of a file's path"),
        (lambda session: session.create_component("a.mov", location="b"), LocationError, "'b' is no location. Give"),
        (lambda session: Layers(session, None, 5, None), SettingInvalid, "5 is no cache. Give an instance"),
        (lambda session: Layers(session, None, None, 5), SettingInvalid, "5 makes no keys. Give an instance"),
        (lambda session: session.event_hub.publish("a.topic"), EventHubError, "'a.topic' is no event. Give one, as in"),
        (
            lambda session: session.post([{"bid": float("nan")}]),
            OperationError,
            "This cannot be sent to the server: Out",
        ),
        (
            lambda session: session.post([{"name": "fil\udcffm.mov"}]),
            OperationError,
            "'fil\\udcffm.mov' is no text that",
        ),
    ],
)
def test_misuse_is_told_in_a_sentence(session, misuse, error, sentence):
    with pytest.raises(error, match=re.escape(sentence)):
        misuse(session)
    assert len(session.recorded_operations) == 0
