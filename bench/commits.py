"""Durable commits a second: by the store's one writer, and by threads that have a connection each."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection

from ft_dcc.server.schema.notation import read_schema
from ft_dcc.server.schema.tables import make_tables
from ft_dcc.server.store import Store

# The same row in the same way on both sides: what differs is who commits it.
_INSERT = "INSERT INTO scope (id, name) VALUES (?, 'bench')"


def commits_of_writer(folder: Path, clients: int, seconds: float) -> float:
    """Each client hands the store one row at a time, and goes on when it is on the disk."""
    store = Store(folder / f"{uuid4()}.db", make_tables(read_schema()))

    def insert(connection: Connection) -> None:
        driver: Any = connection.connection.dbapi_connection
        driver.execute(_INSERT, (str(uuid4()),))

    try:
        return _rate(clients, seconds, lambda: partial(store.write, insert))
    finally:
        store.close()


def commits_of_threads(folder: Path, clients: int, seconds: float) -> float:
    """Each client has a connection in the same mode and commits the same row by itself."""
    path = folder / f"{uuid4()}.db"
    Store(path, make_tables(read_schema())).close()
    return _rate(clients, seconds, lambda: _Own(path))


class _Own:
    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            self._database.execute(f"PRAGMA {pragma}")

    def __call__(self) -> None:
        self._database.execute("BEGIN IMMEDIATE")
        self._database.execute(_INSERT, (str(uuid4()),))
        self._database.execute("COMMIT")


def _rate(clients: int, seconds: float, connect: Callable[[], Callable[[], None]]) -> float:
    done = [0] * clients
    end = time.perf_counter() + seconds

    def work(number: int, commit: Callable[[], None]) -> None:
        while time.perf_counter() < end:
            commit()
            done[number] += 1

    threads = [threading.Thread(target=work, args=(number, connect())) for number in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / (time.perf_counter() - began)
