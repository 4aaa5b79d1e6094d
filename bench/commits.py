"""Measure durable commits per second: through the store's single writer, and with one connection per thread.

``python -m bench.commits FOLDER SECONDS`` prints both; the library of ``slow_sync.c`` delays each sync if preloaded.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
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

CLIENTS = 32
SLOW_SYNC_US = 2000
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


def measure(folder: Path, seconds: float, *, preload: Path | None = None) -> tuple[float, float]:
    """Return the commits per second of a connection each and of the store, measured in processes of their own."""
    slow = {"LD_PRELOAD": str(preload), "SYNC_DELAY_US": str(SLOW_SYNC_US)} if preload is not None else {}
    command = [sys.executable, "-m", "bench.commits", str(folder), str(seconds)]
    done = subprocess.run(
        command, env={**os.environ, **slow}, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True
    )
    theirs, ours = done.stdout.split()
    return float(theirs), float(ours)


def slow_sync_library(folder: Path) -> Path | None:
    """Compile the library that delays syncs and return its path, or None without Linux and a C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or not sys.platform.startswith("linux"):
        return None
    library = folder / "slow_sync.so"
    source = Path(__file__).with_name("slow_sync.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=True)
    return library


def sync_milliseconds(folder: Path, count: int = 50) -> float:
    """Return the median duration of a sync of a small file in the folder."""
    took = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(count):
            file.write(b"x" * 4096)
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


if __name__ == "__main__":
    print(*(side(Path(sys.argv[1]), CLIENTS, float(sys.argv[2])) for side in (commits_of_threads, commits_of_writer)))
