"""Limits of queries: no text takes long before it is refused, and no statement runs for ever."""

from __future__ import annotations

import threading

import pytest

from ft_dcc.errors import ParseError
from ft_dcc.server.database import connections
from ft_dcc.server.query import text_limits
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
        "x" * (text_limits.MAX_EXPRESSION_LENGTH + 1),
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


def test_statement_that_takes_too_long_is_interrupted(studio):
    slow = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
    with studio.store.reading() as connection:
        with connections.time_limit(connection, 0.05), pytest.raises(Exception, match="interrupted"):
            connection.exec_driver_sql(slow)
        # The connection is usable afterwards, without a limit.
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1


def test_one_slow_plan_does_not_delay_others(studio, monkeypatch):
    """The plan of another query is made while one is held."""
    planner, is_held, release = studio.planner, threading.Event(), threading.Event()
    make = planner._make_plan_of_template

    def hold(text, *arguments):
        if "held" in text:
            is_held.set()
            release.wait(30)
        return make(text, *arguments)

    monkeypatch.setattr(planner, "_make_plan_of_template", hold)
    found = []

    def ask(expression):
        with studio.store.reading() as connection:
            found.append(planner.find(QueryContext(connection, ""), expression)[0])

    slow = threading.Thread(target=ask, args=("select name from Task where name is held",))
    slow.start()
    assert is_held.wait(30)
    ask("select name from Task where name is free")
    assert len(found) == 1
    release.set()
    slow.join(30)
    assert len(found) == 2
