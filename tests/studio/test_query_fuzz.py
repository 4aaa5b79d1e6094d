"""Whatever is asked, the answer is entities or a refusal."""

from __future__ import annotations

import contextlib
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ft_dcc.errors import ParseError, Refused
from ft_dcc.server.query.reading import parse
from ft_dcc.server.query.syntax import mask, unquote

WORDS = [
    *("select", "from", "where", "and", "or", "not", "any", "has", "in", "not_in", "is", "is_not", "like", "not_like"),
    *("=", "!=", ">", "<", ">=", "<=", "(", ")", ",", ".", "[", "]", "order", "by", "group", "offset", "limit", "desc"),
    *("none", "true", "Task", "Shot", "Project", "User", "id", "name", "parent", "children", "status", "metadata"),
    *("custom_attributes", "ancestors", "link", "value", "key", "count", "sum", "0", "1", "500", '"x"', "'y'", "after"),
    *("$", "$$", "\\", '"', "'", "%", "2024-01-01", "5671dcb0-66de-11e1-8e6e-f23c91df25eb", "{}", "é", "\U0001f600"),
]

MANY = settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))


@MANY
@given(st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join))
def test_any_words_in_any_order_are_answered_or_refused(ask: Any, expression: str) -> None:
    with contextlib.suppress(Refused):
        assert isinstance(ask.query(expression), list)


@MANY
@given(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join))
def test_any_criteria_are_answered_or_refused(ask: Any, criteria: str) -> None:
    with contextlib.suppress(Refused):
        assert isinstance(ask.query(f"select name from Task where {criteria}"), list)


@MANY
@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ParseError):
        parse(mask(text)[0])
    with contextlib.suppress(ParseError):
        parse(text)


@MANY
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30))
def test_a_quoted_text_is_compared_as_it_is(ask: Any, text: str) -> None:
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    assert unquote(quoted) == text
    assert ask.query(f"Scope where name is {quoted} and id is nothing") == []


def test_deep_nesting_is_refused_and_not_a_crash(ask: Any) -> None:
    for depth in (50, 5_000, 50_000):
        with contextlib.suppress(Refused):
            ask.query("Task where " + "(" * depth + "name is x" + ")" * depth)
        with contextlib.suppress(Refused):
            ask.query("Task where " + "not " * depth + "name is x")
        with contextlib.suppress(Refused):
            ask.query("Task where " + "children any (" * min(depth, 500) + ")" * min(depth, 500))
