"""Limits of queries: no text takes long before it is refused, and no statement runs for ever."""

import sys
import threading

import pytest
from run_options import TIMEOUT_SECONDS

from ft_dcc.errors import WouldBlock
from ft_dcc.server.actions import dispatch
from ft_dcc.server.database import connections
from ft_dcc.server.entities import payload
from ft_dcc.server.errors import ParseError, PayloadTooLarge, ValidationError
from ft_dcc.server.query import limits
from ft_dcc.server.query.loader import QueryContext
from ft_dcc.server.query.planner import QueryTemplate

UNCLOSED = '"' + '\\"' * 4_000


@pytest.mark.parametrize(
    "expression",
    [
        "Task where " + " or ".join(["name is x"] * 100_000),
        "select " + "." * 500_000 + " from Task",
        "select parent" + ".parent" * 20 + " from Task",
        "Task where " + "(" * 65 + "name is x" + ")" * 65,
        "Task where name is " + UNCLOSED,
        "Task where name is '" + "\\'" * 4_000,
        'Task where name is "' + "\\" * 20_001,
        "x" * (limits.MAX_EXPRESSION_LENGTH + 1),
    ],
    ids=["or", "dots", "path", "parentheses", "unclosed", "unclosed apostrophe", "backslashes", "long"],
)
def test_text_over_a_limit_is_refused_before_it_is_parsed(expression):
    with pytest.raises(ParseError):
        QueryTemplate.of(expression)


def test_long_lists_and_white_space_are_accepted():
    ids = ", ".join(f'"{number:036}"' for number in range(20_000))
    template = QueryTemplate.of(f"Task where id in ({ids}) limit 5 offset 10")
    assert (len(template.literals[0]), template.limit, template.offset) == (20_000, 5, 10)
    assert QueryTemplate.of("Task limit" + " " * 10_000 + "5").limit is None


@pytest.mark.parametrize("steps", [None, 2_000_000_000])
def test_statement_that_takes_too_long_is_interrupted(studio, monkeypatch, steps):
    """Also without the calls of SQLite after a number of steps."""
    monkeypatch.setattr(connections, "_STEPS_BETWEEN_CHECKS", steps or connections._STEPS_BETWEEN_CHECKS)
    slow = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
    with studio.store.reading() as connection:
        with connections.time_limit(connection, 0.05), pytest.raises(Exception, match="interrupted"):
            connection.exec_driver_sql(slow)
        # The connection is usable afterwards, without a limit.
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1


LONG = "a" * 300_000


@pytest.fixture
def long_note(client):
    key = client.create("Note", content=LONG)
    yield key
    client.delete("Note", key)


def test_a_pattern_is_compared_with_the_beginning_of_a_text(client):
    beginning, rest = (client.create("Note", content=text) for text in ("ab" + LONG, LONG + "b"))
    found = {note["id"] for note in client.query(f'Note where content like "%b%" and id in ({beginning}, {rest})')}
    assert found == {beginning}


def test_no_pattern_is_compared_on_the_event_loop(client, monkeypatch):
    planner, inline = client.studio.planner, client.studio.store.inline_reader
    for expression in ('select id from Task where name like "%x%"', 'select id from Task where name not_like "%x%"'):
        client.query(expression)
        with pytest.raises(WouldBlock), inline as connection:
            planner.respond(QueryContext(connection, ""), expression, inline_only=True)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python cannot set limits of SQLite before 3.11.")
def test_no_long_text_is_read_on_the_event_loop(client, long_note):
    planner, inline = client.studio.planner, client.studio.store.inline_reader
    short = client.create("Note", content="short")
    expression = "select content from Note where id is {}"
    client.query(expression.format(short))
    with inline as connection:
        answer = planner.respond(QueryContext(connection, ""), expression.format(short), inline_only=True)
    assert answer["data"][0]["content"] == "short"
    with pytest.raises(WouldBlock), inline as connection:
        planner.respond(QueryContext(connection, ""), expression.format(long_note), inline_only=True)
    assert client.query(expression.format(long_note))[0]["content"] == LONG


def test_answers_with_too_much_text_are_refused(client, long_note, monkeypatch):
    monkeypatch.setattr(dispatch, "MAX_READ_CHARACTERS", len(LONG) + 200)
    query = {"action": "query", "expression": f"select content from Note where id is {long_note}"}
    client.call(query)
    with pytest.raises(ParseError, match="answer is too large"):
        client.call(query, {**query, "expression": f"{query['expression']} limit 1"})
    client.call(query)


@pytest.mark.parametrize("action", ["query_schemas", "query_server_information"])
def test_the_same_large_answer_is_not_repeated(client, action):
    client.call(*[{"action": action}] * 10)
    with pytest.raises(PayloadTooLarge, match="Once is enough"):
        client.call(*[{"action": action}] * 11)


def test_answers_with_too_many_values_are_refused(client, tree, monkeypatch):
    for number in range(50):
        client.create("Task", name=f"task {number}", parent_id=tree.shot)
    monkeypatch.setattr(dispatch, "MAX_READ_CHARACTERS", 2_000)
    client.query(f"select sort from Task where id is {tree.layout}")
    with pytest.raises(ParseError, match="answer is too large"):
        client.query(f"select sort, bid from Task where parent_id is {tree.shot}")


def test_longer_texts_than_the_limit_are_refused(client):
    with pytest.raises(ValidationError, match=r"Note\.content has at most 1048576 characters"):
        client.create("Note", content="a" * (payload.MAX_TEXT_LENGTH + 1))


def test_one_slow_plan_does_not_delay_others(studio, monkeypatch):
    """The plan of another query is made while one is held."""
    planner, is_held, release = studio.planner, threading.Event(), threading.Event()
    make = planner._make_plan_of_template

    def hold(text, *arguments):
        if "held" in text:
            is_held.set()
            release.wait(TIMEOUT_SECONDS)
        return make(text, *arguments)

    monkeypatch.setattr(planner, "_make_plan_of_template", hold)
    found = []

    def ask(expression):
        with studio.store.reading() as connection:
            found.append(planner.find(QueryContext(connection, ""), expression)[0])

    slow = threading.Thread(target=ask, args=("select name from Task where name is held",))
    slow.start()
    assert is_held.wait(TIMEOUT_SECONDS)
    ask("select name from Task where name is free")
    assert len(found) == 1
    release.set()
    slow.join(TIMEOUT_SECONDS)
    assert len(found) == 2
