"""The database file and its writes: what is acknowledged is stored once, joined, and in the history."""

import asyncio
import json
import sqlite3
import threading
from contextlib import closing

import pytest
from doubles.event_loop import run_coroutine
from doubles.operations import create, keyed
from doubles.reviews import review_operations
from run_options import TIMEOUT_SECONDS
from sqlalchemy import text

from ft_dcc.errors import StorageError
from ft_dcc.server.database.migrations import STEPS
from ft_dcc.server.database.store import Store
from ft_dcc.server.errors import Conflict, InsufficientStorage, ValidationError
from ft_dcc.server.http.connections import JoinedWrites
from ft_dcc.server.schema.dsl_parser import read_schema
from ft_dcc.server.schema.tables import make_tables

from .conftest import as_user

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


class RecordedTransport(asyncio.Transport):
    """A transport that records what is written; a write after the close raises an error."""

    def __init__(self):
        super().__init__({"peername": ("127.0.0.1", 1)})
        self.calls = []
        self.is_closed = False

    def write(self, data):
        assert not self.is_closed
        self.calls.append(data)

    def close(self):
        self.is_closed = True
        self.calls.append("close")

    def abort(self):
        self.is_closed = True
        self.calls.append("abort")

    def is_closing(self):
        return self.is_closed


@pytest.fixture
def calls_of():
    """Return a function that returns the calls of a transport after ``use(joined)`` and one turn of the event loop."""

    def run(use):
        async def turn():
            transport = RecordedTransport()
            use(JoinedWrites(transport, asyncio.get_running_loop()))
            await asyncio.sleep(0)
            return transport.calls

        return run_coroutine(turn())

    return run


def test_head_and_body_are_one_write(calls_of):
    def use(joined):
        joined.write(b"head")
        joined.write(b"body")
        assert joined.transport.calls == []

    assert calls_of(use) == [b"headbody"]


def test_a_large_body_is_sent_at_once(calls_of):
    large = bytes(70_000)

    def use(joined):
        joined.write(b"head")
        joined.write(large)
        assert joined.transport.calls == [b"head" + large]
        joined.write(b"end")

    assert calls_of(use) == [b"head" + large, b"end"]


@pytest.mark.parametrize("end", ["close", "abort"])
def test_the_end_sends_the_rest_first(calls_of, end):
    def use(joined):
        joined.write(b"last")
        getattr(joined, end)()

    assert calls_of(use) == [b"last", end]


def test_nothing_is_sent_after_the_end(calls_of):
    def use(joined):
        joined.close()
        joined.write(b"late")

    assert calls_of(use) == ["close"]


def test_facts_are_those_of_the_transport(calls_of):
    def use(joined):
        assert joined.get_extra_info("peername") == ("127.0.0.1", 1)
        assert not joined.is_closing()

    assert calls_of(use) == []


def events_of(client, key):
    rows = client.query(f"select action, data, user_id, project_id, created_at from Event where parent_id is {key}")
    return [(row["action"], json.loads(row["data"]), row) for row in rows]


def test_a_commit_is_recorded_with_user_time_and_values(client, tree):
    reviewed, operations = review_operations(tree.project, tree.shot)
    client.call(*operations)
    (status,) = client.query('Status where name is "Approved"')
    (before,) = client.query(f"select status_id from AssetVersion where id is {reviewed.version}")
    client.update("AssetVersion", reviewed.version, comment="Held longer", status_id=status["id"])
    client.update("AssetVersion", reviewed.version, comment="Held longer")  # Nothing changes.
    client.create("FileComponent", name="main", version_id=reviewed.version)
    found = {each[0]: each for each in events_of(client, reviewed.version)}
    assert len(found) == len(events_of(client, reviewed.version)) == 4
    state, published = found["change.status.assetversion"], found["asset.published"]
    comment, part = found["db.update.assetversion"], found["db.append.filecomponent"]
    assert comment[1]["changes"] == {"comment": {"old": "", "new": "Held longer"}}
    assert state[1]["changes"] == {"status_id": {"old": before["status_id"], "new": status["id"]}}
    assert (part[1]["changes"]["name"]["new"], published[1]["changes"]["version"]["new"]) == ("main", 1)
    row = state[2]
    assert (row["user_id"], row["project_id"]) == (client.caller.id, tree.project)
    assert row["created_at"]["value"] >= "2020"
    with pytest.raises(ValidationError, match="written by the server alone"):
        client.call(keyed("Event", id=1, action="x", project_id=tree.project))
    # What fails is not recorded, and no secret.
    with pytest.raises(ValidationError):
        client.call(create("Task", name="lost", parent_id=tree.shot), create("Task", name="x", parent_id="nowhere"))
    client.update("ReviewSession", reviewed.session, passphrase="open sesame")
    with client.studio.store.reading() as connection:
        text = " ".join(row.data for row in connection.execute(client.studio.store.tables.by_family["Event"].select()))
    assert "lost" not in text and "sesame" not in text and "passphrase_enabled" in text


def test_events_do_not_leave_their_project(client, tree):
    hidden = client.create("Project", name=f"{tree.name}_hidden")
    task = client.create("Task", name="top secret", parent_id=hidden)
    own, other = (as_user(client, "User", project) for project in (tree.project, hidden))
    client.update("Task", task, parent_id=tree.shot)
    client.update("Task", task, description="moved")
    told = json.dumps([each[1] for each in events_of(own, task)])
    assert "moved" in told and "top secret" not in told and hidden not in told
    told = json.dumps([each[1] for each in events_of(other, task)])
    assert "top secret" in told and hidden in told and "moved" not in told and tree.shot not in told
    client.delete("Project", hidden)
    assert "top secret" not in json.dumps([each[1] for each in events_of(client, task)])
