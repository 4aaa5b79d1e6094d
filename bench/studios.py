"""Studios to measure with: as many tasks as wanted, put straight into a database, and a server on it."""

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

from ft_dcc.server.access import first_user
from ft_dcc.server.api import answer
from ft_dcc.server.folder import owned
from ft_dcc.server.opening import opened
from ft_dcc.server.studio import Studio

TASKS_OF_A_SHOT = 10
SHOTS_OF_A_SEQUENCE = 50


@attrs.frozen
class Filled:
    """A studio's folder, and ids of some of its tasks, shots and sequences."""

    folder: Path
    tasks: list[str]
    shots: list[str]
    sequences: list[str]


@attrs.frozen
class Running:
    """A server process, its address and how a client shows who it is."""

    process: subprocess.Popen[str]
    url: str
    head: dict[str, str]


def fill(folder: Path, tasks: int) -> Filled:
    """Make a studio whose one project has this many tasks; they are like the first, which the server makes."""
    with owned(folder), opened(folder) as studio:
        ids = _make_examples(studio)
    with closing(sqlite3.connect(folder / "studio.db")) as database, database:
        database.row_factory = sqlite3.Row
        found = database.execute("SELECT * FROM context WHERE id IN (?, ?, ?, ?)", ids).fetchall()
        examples = {row["__entity_type__"]: {name: row[name] for name in row.keys()[1:]} for row in found}
        # Indexes are made in one go when all rows are there, which takes a tenth of the time.
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
        return Filled(folder, *(_some(database, kind) for kind in ("Task", "Shot", "Sequence")))


def _make_examples(studio: Studio) -> list[str]:
    with studio.store.reading() as connection:
        caller = first_user(connection)
    assert caller is not None
    ids = [str(uuid4()) for _ in range(4)]
    names = ("Project", "Sequence", "Shot", "Task")
    answer(
        studio,
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


def _some(database: sqlite3.Connection, kind: str) -> list[str]:
    """Return ids from all over the table."""
    step = max(1, int(database.execute("SELECT max(__row__) FROM context").fetchone()[0]) // 40_000)
    asked = "SELECT id FROM context WHERE __entity_type__ = ? AND __row__ % ? = 0 ORDER BY id LIMIT 1000"
    return [str(row["id"]) for row in database.execute(asked, (kind, step))]


@contextmanager
def serving(folder: Path) -> Iterator[Running]:
    """The studio in the folder is served inside."""
    command = [sys.executable, "-m", "ft_dcc.server", "--data", str(folder), "--request-limit", "0"]
    with _started(command, 3) as (process, lines):
        told = dict(line.split("=", 1) for line in lines)
        head = {"ftrack-user": told["FTRACK_API_USER"], "ftrack-api-key": told["FTRACK_API_KEY"]}
        yield Running(process, told["FTRACK_SERVER"], head)


@contextmanager
def serving_bare(database: Path, folder: Path) -> Iterator[Running]:
    """What the studio server is compared with is served inside."""
    folder.mkdir(exist_ok=True)
    command = [sys.executable, str(Path(__file__).with_name("bare.py")), str(database), str(folder)]
    with _started(command, 1) as (process, lines):
        _wait_for(lines[0])
        yield Running(process, lines[0], {})


def _wait_for(url: str) -> None:
    """Return when connections are accepted at this address."""
    address = urlsplit(url)
    for _ in range(500):
        try:
            socket.create_connection((str(address.hostname), int(address.port or 80))).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    raise SystemExit(f"Nobody answers at {url}.")


@contextmanager
def _started(command: list[str], lines: int) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8", env={**os.environ})
    try:
        assert process.stdout is not None
        yield process, [process.stdout.readline().strip() for _ in range(lines)]
    finally:
        process.terminate()
        process.wait(30)
