"""The server knows the limits of its SQLite: what exceeds them is refused by name, and affects nobody else."""

import sqlite3
import threading
from contextlib import closing

import pytest
from sqlalchemy import text

from ft_dcc.errors import StorageError
from ft_dcc.server.database import sqlite_limits
from ft_dcc.server.errors import HttpError, ValidationError

has_limits = pytest.mark.skipif(not hasattr(sqlite3.Connection, "getlimit"), reason="Python 3.9 and 3.10 do not tell.")


def test_a_library_that_is_too_old_is_refused() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        sqlite_limits.check_library(connection)
        with pytest.raises(StorageError, match=r"uses SQLite 3\.31\.1; the server needs 3\.32\.0"):
            sqlite_limits.check_library(connection, (3, 31, 1))


@has_limits
@pytest.mark.parametrize("name", ["COLUMN", "EXPR_DEPTH", "COMPOUND_SELECT", "VARIABLE_NUMBER"])
def test_a_library_with_lower_limits_is_refused_by_name(name: str) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.setlimit(getattr(sqlite3, f"SQLITE_LIMIT_{name}"), 100)
        with pytest.raises(StorageError, match=f"SQLITE_LIMIT_{name} 100; the server needs"):
            sqlite_limits.check_library(connection)


@has_limits
def test_connections_have_the_limits_of_the_server(studio):
    with studio.store.reading() as connection:
        driver = connection.connection.dbapi_connection
        for name, (_, wanted) in sqlite_limits.LIMITS.items():
            if wanted is not None:
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
