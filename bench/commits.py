"""Measure durable commits per second: through the store's single writer, and with one connection per thread."""

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

from ft_dcc.server.database.store import Store
from ft_dcc.server.schema.dsl_parser import read_schema
from ft_dcc.server.schema.tables import make_tables

# Both sides insert the same row; only the thread that commits it differs.
_INSERT = "INSERT INTO scope (id, name) VALUES (?, 'bench')"


def commits_of_writer(folder: Path, clients: int, seconds: float) -> float:
    """Return the commits per second when clients pass one row at a time to the store and wait for it to be durable."""
    store = Store(folder / f"{uuid4()}.db", make_tables(read_schema()))

    def insert(connection: Connection) -> None:
        driver: Any = connection.connection.dbapi_connection
        driver.execute(_INSERT, (str(uuid4()),))

    try:
        return _rate(clients, seconds, lambda: partial(store.write, insert))
    finally:
        store.close()


def commits_of_threads(folder: Path, clients: int, seconds: float) -> float:
    """Return the commits per second when each client commits the same row on a connection of its own."""
    path = folder / f"{uuid4()}.db"
    Store(path, make_tables(read_schema())).close()
    return _rate(clients, seconds, lambda: _ConnectionPerThread(path))


class _ConnectionPerThread:
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
