"""Connections to the database: those that read, which cannot change it, and the one that writes."""

from __future__ import annotations

import queue
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool, Pool, QueuePool

from ft_dcc.errors import TakesLong

# What SQLite says of a statement that took too many steps, and of one that would wait.
_TOO_LONG = ("interrupted", "locked")
_PATIENCE_SECONDS, _STATEMENTS = 30, 512


class Readers:
    """So many connections to one file, lent out for one read each; ``steps`` is the most that a statement may take.

    They stay open, because to make one, or to lend one as SQLAlchemy does, takes longer than most reads.
    """

    def __init__(self, path: Path, count: int, steps: int | None = None) -> None:
        # Who must not take long cannot wait for a lock either.
        self._engine = _make_engine(path, NullPool, _PATIENCE_SECONDS if steps is None else 0)
        event.listen(self._engine, "connect", _forbid_writing)
        self._steps, self._looks = steps, 0
        self._is_closed = False
        self._free: queue.LifoQueue[Connection | None] = queue.LifoQueue()
        for _ in range(count):
            self._free.put(None)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Lend a connection; raises TakesLong as soon as a statement takes more steps than it may."""
        connection = self._free.get() or self._open()
        driver: Any = connection.connection.dbapi_connection
        self._looks = 0
        try:
            driver.execute("BEGIN")
            yield connection
        except (sqlite3.OperationalError, OperationalError) as error:
            if self._steps is not None and any(word in str(error) for word in _TOO_LONG):
                raise TakesLong("A statement takes longer than it may here. Run it on a thread.") from error
            raise
        finally:
            if connection.in_transaction():
                connection.rollback()
            driver.rollback()
            if self._is_closed:
                connection.close()
            self._free.put(connection)

    def close(self) -> None:
        """The connections are closed, those that are lent out when they come back."""
        self._is_closed = True
        while True:
            try:
                connection = self._free.get_nowait()
            except queue.Empty:
                break
            if connection is not None:
                connection.close()
        self._engine.dispose()

    def _open(self) -> Connection:
        connection = self._engine.connect()
        driver: Any = connection.connection.dbapi_connection
        if self._steps is not None:
            # SQLite counts on from one run of a statement to the next, so the first look may come early.
            driver.set_progress_handler(self._look, self._steps)
        return connection

    def _look(self) -> bool:
        self._looks += 1
        return self._looks > 1


def writing_engine(path: Path) -> Engine:
    """Return what gives the one connection that writes; its transactions take the lock when they begin."""
    engine = _make_engine(path, QueuePool, _PATIENCE_SECONDS, pool_size=1, max_overflow=0)

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _make_engine(path: Path, pool: type[Pool], patience: float, **options: Any) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=pool,
        connect_args={"check_same_thread": False, "timeout": patience, "cached_statements": _STATEMENTS},
        # What was sent may be private, and errors are logged.
        hide_parameters=True,
        **options,
    )
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    # The module must not open transactions by itself: it would choose the kind that can fail half-way.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "mmap_size=0", "cache_size=-32768"):
        connection.execute(f"PRAGMA {pragma}")


def _forbid_writing(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA query_only=ON")
