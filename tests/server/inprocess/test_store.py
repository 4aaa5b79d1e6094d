"""The database file: what is acknowledged is stored, what fails is not, and nobody waits for nothing."""

import sqlite3
import threading
from contextlib import closing

import pytest
from run_options import TIMEOUT_SECONDS
from sqlalchemy import text

from ft_dcc.errors import StorageError
from ft_dcc.server.database.migrations import STEPS
from ft_dcc.server.database.store import Store
from ft_dcc.server.errors import Conflict, InsufficientStorage
from ft_dcc.server.schema.dsl_parser import read_schema
from ft_dcc.server.schema.tables import make_tables

TABLES = make_tables(read_schema())
SCOPE = TABLES.by_family["Scope"]


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "studio.db", TABLES)
    yield store
    store.close()


def insert(name):
    def run(connection):
        connection.execute(SCOPE.insert(), {"id": name, "name": name})
        return name

    return run


def names(store: Store) -> list[str]:
    with store.reading() as connection:
        return [str(name) for name in connection.scalars(text("SELECT name FROM scope ORDER BY __row__"))]


def test_a_write_returns_what_the_function_returns_and_is_seen_by_readers(store: Store) -> None:
    assert store.write(insert("a")) == "a"
    assert names(store) == ["a"]


def test_a_write_that_raises_stores_nothing_and_raises_here(store: Store) -> None:
    def fail(connection):
        insert("a")(connection)
        raise LookupError("no")

    with pytest.raises(LookupError, match="no"):
        store.write(fail)
    assert names(store) == []


def test_a_failing_write_does_not_affect_writes_of_the_same_commit(store: Store) -> None:
    may_go_on = threading.Event()
    store.submit(lambda connection: may_go_on.wait(TIMEOUT_SECONDS))
    # These three wait together and are committed as one group; the second repeats the key of the first.
    writes = [store.submit(insert(name)) for name in ("a", "a", "b")]
    may_go_on.set()
    assert [type(write.exception(TIMEOUT_SECONDS)).__name__ for write in writes] == ["NoneType", "Conflict", "NoneType"]
    assert names(store) == ["a", "b"]


def test_a_dangling_reference_fails_its_own_write_only(store: Store) -> None:
    def refer(connection):
        connection.execute(TABLES.by_family["Timelog"].insert(), {"id": "t", "user_id": "nobody"})

    with pytest.raises(Conflict, match="refers to an entity that does not exist"):
        store.write(refer)
    assert store.write(insert("a")) == "a"


def test_readers_cannot_write(store: Store) -> None:
    with pytest.raises(InsufficientStorage), store.reading() as connection:
        connection.execute(text("DELETE FROM scope"))


def test_a_reader_sees_one_state_while_others_write(store: Store) -> None:
    with store.reading() as connection:
        before = connection.scalar(text("SELECT count(*) FROM scope"))
        store.write(insert("a"))
        assert connection.scalar(text("SELECT count(*) FROM scope")) == before
    assert names(store) == ["a"]


def test_the_database_has_durable_settings(store, tmp_path):
    def pragma(name):
        return store.write(lambda connection: connection.scalar(text(f"PRAGMA {name}")))

    assert pragma("journal_mode") == "wal"
    assert pragma("synchronous") == 2
    assert pragma("mmap_size") == 0
    assert pragma("foreign_keys") == 1


def test_a_closed_store_refuses_requests_and_can_be_closed_twice(store: Store) -> None:
    store.close()
    store.close()
    with pytest.raises(Conflict, match="closed"):
        store.write(insert("a"))


def test_a_newer_database_is_refused(tmp_path):
    with sqlite3.connect(tmp_path / "studio.db") as connection:
        connection.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    with pytest.raises(StorageError, match="Install a newer one"):
        Store(tmp_path / "studio.db", TABLES)


def test_a_file_that_is_not_a_database_is_refused(tmp_path):
    (tmp_path / "studio.db").write_bytes(b"no database" * 100)
    with pytest.raises(StorageError, match="cannot be opened"):
        Store(tmp_path / "studio.db", TABLES)
    assert (tmp_path / "studio.db").read_bytes() == b"no database" * 100


def test_a_full_disk_raises_its_own_error_and_loses_nothing(store: Store) -> None:
    store.write(insert("a"))
    # SQLite gives the same error at its own page limit as on a full disk.
    pages = store.write(lambda connection: connection.scalar(text("PRAGMA page_count")))
    store.write(lambda connection: connection.execute(text(f"PRAGMA max_page_count = {pages}")).scalar())
    with pytest.raises(InsufficientStorage, match="disk is full"):
        store.write(lambda connection: connection.execute(SCOPE.insert(), {"id": "b", "name": "b" * 1_000_000}))
    assert names(store) == ["a"]
    store.write(lambda connection: connection.execute(text("PRAGMA max_page_count = 1000000")).scalar())
    store.write(insert("c"))
    assert names(store) == ["a", "c"]


def test_lost_planner_statistics_are_restored(tmp_path):
    Store(tmp_path / "studio.db", TABLES).close()
    with closing(sqlite3.connect(tmp_path / "studio.db")) as database, database:
        found = "SELECT idx, stat FROM sqlite_stat1 WHERE tbl = 'context' ORDER BY idx"
        before = database.execute(found).fetchall()
        database.execute("ANALYZE context")
        database.execute("DROP INDEX ix_context_name")
        assert database.execute(found).fetchall() != before
    Store(tmp_path / "studio.db", TABLES).close()
    with closing(sqlite3.connect(tmp_path / "studio.db")) as database:
        assert database.execute(found).fetchall() == before
        assert ("ix_context_name", "1000000 20") in before
