"""Whatever is asked, the answer is entities or a refusal."""

import contextlib

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ft_dcc.server.errors import HttpError, ParseError
from ft_dcc.server.query.ast import parameterise, unquote
from ft_dcc.server.query.parser import parse

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
def test_random_keywords_are_answered_or_refused(client, expression):
    with contextlib.suppress(HttpError):
        assert isinstance(client.query(expression), list)


@MANY
@given(st.text(max_size=60))
def test_random_text_is_parsed_or_refused(text: str) -> None:
    with contextlib.suppress(ParseError):
        parse(parameterise(text)[0])
    with contextlib.suppress(ParseError):
        parse(text)


@MANY
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30))
def test_a_quoted_text_is_compared_literally(client, text):
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    assert unquote(quoted) == text
    assert client.query(f"Scope where name is {quoted} and id is nothing") == []


def test_deep_nesting_is_refused(client):
    for depth in (50, 5_000, 50_000):
        with contextlib.suppress(HttpError):
            client.query("Task where " + "(" * depth + "name is x" + ")" * depth)
        with contextlib.suppress(HttpError):
            client.query("Task where " + "not " * depth + "name is x")
        with contextlib.suppress(HttpError):
            client.query("Task where " + "children any (" * min(depth, 500) + ")" * min(depth, 500))
