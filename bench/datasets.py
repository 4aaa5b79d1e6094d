"""Create studio databases with a given number of tasks, and start servers on them."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import attrs

from ft_dcc.accounts.local_server import read_account
from ft_dcc.server.app import make_dispatcher
from ft_dcc.server.auth.api_keys import first_user
from ft_dcc.server.context import ServerContext, open_server_context
from ft_dcc.server.database.data_folder import locked

TASKS_OF_A_SHOT = 10
SHOTS_OF_A_SEQUENCE = 50


@attrs.frozen
class Dataset:
    """The data folder of a studio, and the ids of some of its tasks, shots and sequences."""

    folder: Path
    tasks: list[str]
    shots: list[str]
    sequences: list[str]


@attrs.frozen
class ServerProcess:
    """A server process, its URL and the authentication headers of a client."""

    process: subprocess.Popen[str]
    url: str
    headers: dict[str, str]


def fill(folder: Path, tasks: int) -> Dataset:
    """Create a studio with one project and this many tasks, copies of a task that the server created."""
    with locked(folder), open_server_context(folder) as studio:
        ids = _make_examples(studio)
    with closing(sqlite3.connect(folder / "studio.db")) as database, database:
        database.row_factory = sqlite3.Row
        found = database.execute("SELECT * FROM context WHERE id IN (?, ?, ?, ?)", ids).fetchall()
        examples = {row["__entity_type__"]: {name: row[name] for name in row.keys()[1:]} for row in found}
        # Creating the indexes after all rows takes a tenth of the time.
        indexes = database.execute(
            "SELECT name, sql FROM sqlite_master WHERE tbl_name = 'context' AND type = 'index'"
        ).fetchall()
        for index in indexes:
            database.execute(f"DROP INDEX {index['name']}")
        columns = list(examples["Task"])
        marks = ", ".join("?" * len(columns))
        insertion = f"INSERT INTO context ({', '.join(columns)}) VALUES ({marks})"
        database.executemany(insertion, (tuple(row.values()) for row in _rows(examples, tasks)))
        for index in indexes:
            database.execute(index["sql"])
        return Dataset(folder, *(_sample_ids(database, kind) for kind in ("Task", "Shot", "Sequence")))


def _make_examples(studio: ServerContext) -> list[str]:
    with studio.store.reading() as connection:
        caller = first_user(connection)
    assert caller is not None
    ids = [str(uuid4()) for _ in range(4)]
    names = ("Project", "Sequence", "Shot", "Task")
    make_dispatcher(studio).answer(
        caller,
        [
            {"action": "create", "entity_type": kind, "entity_data": {"id": own, "name": "bench", "parent_id": above}}
            if above
            else {"action": "create", "entity_type": kind, "entity_data": {"id": own, "name": "bench"}}
            for kind, own, above in zip(names, ids, [None, *ids])
        ],
        "http://127.0.0.1",
    )
    return ids


def _rows(examples: dict[str, dict[str, object]], tasks: int) -> Iterator[dict[str, object]]:
    """Yield sequences, each followed by its shots, each followed by its tasks."""
    project = examples["Project"]["id"]
    sequence_id = shot_id = ""
    for number in range(tasks):
        shot, own = divmod(number, TASKS_OF_A_SHOT)
        if own == 0 and shot % SHOTS_OF_A_SEQUENCE == 0:
            sequence_id = str(uuid4())
            name = f"sq{shot // SHOTS_OF_A_SEQUENCE:05}"
            yield {**examples["Sequence"], "id": sequence_id, "name": name, "parent_id": project}
        if own == 0:
            shot_id = str(uuid4())
            yield {**examples["Shot"], "id": shot_id, "name": f"sh{shot:07}", "parent_id": sequence_id}
        task = {"id": str(uuid4()), "name": f"task {own}", "description": f"What is to be done in task {number}."}
        yield {**examples["Task"], **task, "parent_id": shot_id}


def _sample_ids(database: sqlite3.Connection, kind: str) -> list[str]:
    """Return up to 1,000 ids spread evenly over the table."""
    step = max(1, int(database.execute("SELECT max(__row__) FROM context").fetchone()[0]) // 40_000)
    statement = "SELECT id FROM context WHERE __entity_type__ = ? AND __row__ % ? = 0 ORDER BY id LIMIT 1000"
    return [str(row["id"]) for row in database.execute(statement, (kind, step))]


@contextmanager
def serve_studio(folder: Path) -> Iterator[ServerProcess]:
    """Run a studio server on the folder within the context."""
    command = [sys.executable, "-m", "ft_dcc.server", "--data", str(folder), "--request-limit", "0"]
    with _started(command) as (process, _):
        account = read_account(folder)
        assert account is not None
        yield ServerProcess(process, account.server, {"ftrack-user": account.user, "ftrack-api-key": account.key})


@contextmanager
def serve_baseline(database: Path, folder: Path) -> Iterator[ServerProcess]:
    """Run the baseline server within the context."""
    folder.mkdir(exist_ok=True)
    command = [sys.executable, str(Path(__file__).with_name("baseline_server.py")), str(database), str(folder)]
    with _started(command) as (process, line):
        _wait_for(line)
        yield ServerProcess(process, line, {})


def _wait_for(url: str) -> None:
    """Wait until the server at this URL accepts connections."""
    address = urlsplit(url)
    for _ in range(500):
        try:
            socket.create_connection((str(address.hostname), int(address.port or 80))).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    raise SystemExit(f"No server answers at {url}.")


@contextmanager
def _started(command: list[str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8", env={**os.environ})
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(30)
