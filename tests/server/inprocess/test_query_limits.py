"""No query ends the server: it is answered, or refused by name where it exceeds a limit of SQLite."""

import contextlib
import importlib.util
import os
import sqlite3
import sys
import threading
from pathlib import Path

import pytest
from doubles.programs import run_process
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from ft_dcc.errors import StorageError
from ft_dcc.server.database import connections
from ft_dcc.server.errors import HttpError, ParseError, ValidationError
from ft_dcc.server.query.ast import parameterise, unquote
from ft_dcc.server.query.parser import parse

_FUZZ = Path(__file__).parents[2] / "doubles" / "query_fuzz.py"
_QUERIES = os.environ.get("FT_DCC_FUZZ_QUERIES", "12")


@pytest.mark.parametrize("module", ["sqlite3", "pysqlite3"])
def test_no_generated_query_crashes_sqlite(module: str, tmp_path: Path) -> None:
    """The oldest SQLite here is that of the system, the newest one that of pysqlite3."""
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed")
    last = tmp_path / "last"
    done = run_process(sys.executable, _FUZZ, module, "11", _QUERIES, last)
    assert done.returncode == 0, f"{done.stderr[-2000:]}\n{last.read_text(encoding='utf-8')[:2000]}"
    assert "answered" in done.stdout


@pytest.mark.parametrize("count", [63, 64, 65, 130])
def test_too_many_terms_of_order_by_are_refused(client, count):
    names = ("name", "id", "parent.name", "project.name", "status.name", "type.name", "priority.name", "parent.id")
    paths = [f"{'parent.' * (index // 8)}{names[index % 8]}" for index in range(count)]
    with pytest.raises(ParseError, match=r"more than 16 terms in 'order by'|steps"):
        client.query(f"Task order by {', '.join(paths)}")


def test_repeated_terms_of_order_by_count_once(client):
    assert client.query(f"Task where id is none order by {', '.join(['parent.name', 'project.name'] * 60)}") == []


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        (
            f"select {', '.join(f'status_id, {chr(97 + i % 26)}.b' for i in range(300))} from Task",
            "selected attributes",
        ),
        (f"Task where {'.'.join(['parent'] * 13)}.name is x", "steps in a path"),
        (f"Task where {'not ' * 70}name is x", "levels of conditions"),
        (f"Task where {' or '.join(['id is x'] * 5_001)}", "conditions"),
        (f"Task where {' or '.join(['children any ()'] * 201)}", "conditions on related entities"),
        (f"Task where name like '{'x' * 1_001}'", "at most 1000 bytes"),
        (f"Task where name like '{'%' * 60_000}'", "at most 1000 bytes"),
        (f"AssetType group by {', '.join(['name'] * 17)}", "terms in 'group by'"),
    ],
)
def test_queries_over_a_limit_are_refused_by_name(client, expression, reason):
    with pytest.raises(ParseError, match=reason):
        client.query(expression)


def test_many_joins_are_refused(client):
    paths = [f"{'in_reply_to.' * depth}{name}" for depth in range(11) for name in ("author.username", "category.name")]
    with pytest.raises(ParseError, match="related entities that are joined"):
        client.query(f"Note where {' and '.join(f'{path} is x' for path in paths)}")


def test_groups_without_selected_values_are_their_own_values(client):
    assert all(set(row) == {"id"} for row in client.query("AssetType group by id"))


has_limits = pytest.mark.skipif(not hasattr(sqlite3.Connection, "getlimit"), reason="Python 3.9 and 3.10 do not tell.")


def test_a_library_that_is_too_old_is_refused() -> None:
    connections.check_library()
    with pytest.raises(StorageError, match=r"uses SQLite 3\.31\.1; the server needs 3\.32\.0"):
        connections.check_library((3, 31, 1))


@has_limits
def test_connections_have_the_limits_of_the_server(studio):
    with studio.store.reading() as connection:
        driver = connection.connection.dbapi_connection
        for name, wanted in connections.LIMITS.items():
            assert driver.getlimit(getattr(sqlite3, f"SQLITE_LIMIT_{name}")) <= wanted, name
        with pytest.raises(sqlite3.OperationalError, match="too many attached databases"):
            driver.execute("ATTACH ':memory:' AS other")


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("SELECT 1 WHERE " + " OR ".join(["1 = 2"] * 3_000), "Expression tree is too large"),
        (f"SELECT {', '.join('1' * 3_000)}", "too many columns"),
        (" UNION ALL ".join(["SELECT 1"] * 1_000), "too many terms in compound SELECT"),
        (f"SELECT 1 FROM {', '.join(f'context AS c{number}' for number in range(70))}", "64 tables in a join"),
    ],
)
def test_a_statement_beyond_a_limit_is_refused_by_name_and_others_are_stored(client, tree, statement, reason):
    store, is_free = client.studio.store, threading.Event()
    table = store.tables.by_family["Context"]
    store.submit(lambda connection: is_free.wait())
    # The next two wait together, so that they share a commit.
    refused = store.submit(lambda connection: connection.execute(text(statement)).all())
    change = table.update().where(table.c.id == tree.shot).values(description=reason)
    stored = store.submit(lambda connection: connection.execute(change).rowcount)
    is_free.set()
    assert stored.result() == 1
    with pytest.raises(ValidationError, match=reason):
        refused.result()
    with pytest.raises(HttpError, match=reason), store.reading() as connection:
        connection.execute(text(statement)).all()


def test_a_list_of_many_entities_with_two_keys_is_assigned(client, tree):
    for number in range(3):
        data = {"parent_id": tree.shot, "parent_type": "Shot", "key": f"key {number}", "value": "x"}
        client.call({"action": "create", "entity_type": "Metadata", "entity_data": data})
    member = {"__entity_type__": "Metadata", "parent_id": tree.shot}
    members = [{**member, "key": f"key {number}"} for number in range(1, 3_000)]
    client.update("Shot", tree.shot, metadata=members)
    assert [row["key"] for row in client.query(f"Metadata where parent_id is {tree.shot}")] == ["key 1", "key 2"]


WORDS = [
    *("select", "from", "where", "and", "or", "not", "any", "has", "in", "not_in", "is", "is_not", "like", "not_like"),
    *("=", "!=", ">", "<", ">=", "<=", "(", ")", ",", ".", "[", "]", "order", "by", "group", "offset", "limit", "desc"),
    *("none", "true", "Task", "Shot", "Project", "User", "id", "name", "parent", "children", "status", "metadata"),
    *("custom_attributes", "ancestors", "link", "value", "key", "count", "sum", "0", "1", "500", '"x"', "'y'", "after"),
    *("$", "$$", "\\", '"', "'", "%", "2024-01-01", "5671dcb0-66de-11e1-8e6e-f23c91df25eb", "{}", "é", "\U0001f600"),
]

MANY = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


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
