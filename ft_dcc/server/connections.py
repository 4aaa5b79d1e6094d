"""Connections to the database: those that read, which cannot change it, and the one that writes."""

from __future__ import annotations

import queue
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool, Pool, QueuePool

from ft_dcc.errors import TakesLong

_PATIENCE_SECONDS, _STATEMENTS = 30, 512


class Readers:
    """So many connections to one file, lent out for one read each.

    They stay open, because to make one, or to lend one as SQLAlchemy does, takes longer than most reads.
    """

    def __init__(self, path: Path, count: int) -> None:
        self._engine = _reading_engine(path, _PATIENCE_SECONDS)
        self._is_closed = False
        self._free: queue.LifoQueue[Connection | None] = queue.LifoQueue()
        for _ in range(count):
            self._free.put(None)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Lend a connection."""
        connection = self._free.get() or self._engine.connect()
        driver: Any = connection.connection.dbapi_connection
        try:
            begin(connection)
            yield connection
        finally:
            _end(connection, driver)
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


class Glancer:
    """One connection for the event loop, which must not be held up: ``steps`` is the most that a statement may take.

    A context manager that gives the connection, for one read after the other on one thread. A single statement needs no
    transaction; whoever reads with several says so with :func:`begin`. It raises TakesLong as soon
    as something takes longer, waits for a lock or fails: whoever has time runs it again, and hears what is wrong.
    """

    def __init__(self, path: Path, steps: int) -> None:
        self._engine = _reading_engine(path, 0)
        self._steps, self._looks = steps, 0
        self._connection: Connection | None = None
        self._driver: Any = None

    def __enter__(self) -> Connection:
        self._looks = 0
        return self._connection or self._open()

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if self._connection is not None:
            _end(self._connection, self._driver)
        if isinstance(error, (sqlite3.Error, DBAPIError, UnicodeEncodeError)):
            raise TakesLong("A statement takes longer than it may here, or fails. Run it on a thread.") from error

    def close(self) -> None:
        """The connection is closed."""
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()

    def _open(self) -> Connection:
        try:
            connection = self._engine.connect()
        except (sqlite3.Error, DBAPIError) as error:
            raise TakesLong("The database cannot be opened at once. Read it on a thread.") from error
        self._connection, self._driver = connection, connection.connection.dbapi_connection
        # SQLite counts on from one run of a statement to the next, so the first look may come early.
        self._driver.set_progress_handler(self._look, self._steps)
        return connection

    def _look(self) -> bool:
        self._looks += 1
        return self._looks > 1


def begin(connection: Connection) -> None:
    """What is read with this connection from now on is one state of the database."""
    driver: Any = connection.connection.dbapi_connection
    if not driver.in_transaction:
        driver.execute("BEGIN")


def _end(connection: Connection, driver: Any) -> None:
    """Nothing is left of what was read with a connection, whether SQLAlchemy or the driver began it."""
    if connection.in_transaction():
        connection.rollback()
    if driver.in_transaction:
        driver.rollback()


def _reading_engine(path: Path, patience: float) -> Engine:
    engine = _make_engine(path, NullPool, patience)
    event.listen(engine, "connect", _forbid_writing)
    return engine


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
