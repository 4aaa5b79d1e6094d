"""Connections to the database, their limits, and statements that are compiled once."""

from __future__ import annotations

import queue
import re
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import CompoundSelect, Connection, Engine, Insert, Select, create_engine, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool, Pool, QueuePool

from ft_dcc.errors import Error, StorageError, WouldBlock
from ft_dcc.server.database import clock
from ft_dcc.server.errors import ParseError, ValidationError

# The SQL function of the current time; that of SQLite is the clock of the machine.
NOW_FUNCTION = "studio_now"
_LOCK_TIMEOUT_SECONDS, _MAX_CACHED_STATEMENTS = 30, 512
# A step takes less than a microsecond.
_STEPS_BETWEEN_CHECKS = 50_000
# The thread ends when it had nothing to watch for so many checks.
_INTERRUPT_INTERVAL_SECONDS, _IDLE_CHECKS = 0.1, 10
# Of one text or row that is read on the event loop; the number of rows is limited by that of steps.
_MAX_INLINE_BYTES = 32 << 10
_DIALECT = sqlite.dialect(paramstyle="qmark")
_LIST = re.compile(r"__\[POSTCOMPILE_([^\]]+)\]")
_EMPTY_LIST = "SELECT 1 WHERE 1 != 1"
# In the ``info`` of a connection: how many more characters its statements may return.
TEXT_BUDGET = "ft_dcc_text_budget"
_ROWS_BETWEEN_CHECKS, _OTHER_VALUE = 64, 8

Rows = Sequence[tuple[Any, ...]]


class ReadPool:
    """A fixed number of read connections to one file.

    They stay open and are not pooled by SQLAlchemy, because that takes longer than most reads.
    """

    def __init__(self, path: Path, count: int) -> None:
        self._engine = _reading_engine(path, _LOCK_TIMEOUT_SECONDS)
        self._is_closed = False
        self._free: queue.LifoQueue[Connection | None] = queue.LifoQueue()
        for _ in range(count):
            self._free.put(None)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a free connection, with one state of the database; waits for one if needed."""
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
        """Close the connections, those in use as soon as they are free."""
        self._is_closed = True
        with suppress(queue.Empty):
            while True:
                if (connection := self._free.get_nowait()) is not None:
                    connection.close()
        self._engine.dispose()


class InlineReader:
    """One read connection for the event loop, which a statement may block for at most ``max_steps`` of SQLite.

    A context manager that yields the connection; not reentrant, for one thread. Reads of several statements call
    :func:`begin` first. It raises WouldBlock when a statement takes longer, waits for a lock or fails: run it again on
    a thread, which raises the real error.
    """

    def __init__(self, path: Path, max_steps: int) -> None:
        self._engine = _reading_engine(path, 0)
        self._max_steps, self._checks = max_steps, 0
        self._connection: Connection | None = None
        self._driver: Any = None

    def __enter__(self) -> Connection:
        self._checks = 0
        return self._connection or self._open()

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if self._connection is not None:
            _end(self._connection, self._driver)
        if isinstance(error, (sqlite3.Error, DBAPIError, UnicodeEncodeError)):
            raise WouldBlock("Statement exceeded the inline budget, or failed. Run it on a thread.") from error

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()

    def _open(self) -> Connection:
        try:
            connection = self._engine.connect()
        except (sqlite3.Error, DBAPIError) as error:
            raise WouldBlock("The database cannot be opened without waiting. Read it on a thread.") from error
        self._connection, self._driver = connection, connection.connection.dbapi_connection
        # SQLite continues to count from the statement before, so that the first call may come early.

        def is_over_budget() -> bool:
            self._checks += 1
            return self._checks > 1

        self._driver.set_progress_handler(is_over_budget, self._max_steps)
        set_max_length(self._driver, _MAX_INLINE_BYTES)
        return connection


def begin(connection: Connection) -> None:
    """Begin a transaction, so that all further reads of the connection see one state of the database."""
    driver: Any = connection.connection.dbapi_connection
    if not driver.in_transaction:
        driver.execute("BEGIN")


@contextmanager
def time_limit(connection: Connection, seconds: float) -> Iterator[None]:
    """Interrupt a statement that still runs after this time, and raise ParseError.

    For reads only: interrupting a change would roll back the transactions of other clients.
    """
    deadline = time.monotonic() + seconds
    driver: Any = connection.connection.dbapi_connection
    driver.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS_BETWEEN_CHECKS)
    try:
        with _STATEMENTS.watching(driver, deadline):
            yield
    except sqlite3.OperationalError as error:
        if str(error) == "interrupted":
            raise ParseError("The query takes too long and was stopped. Select fewer entities at once.") from error
        raise
    finally:
        driver.set_progress_handler(None, 0)


class _StatementWatch:
    """One thread that interrupts the statements of all connections that run beyond their time.

    The progress handler does so for most; it is not called by a step that takes long, such as a pattern on a long text.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[object, tuple[float, Any]] = {}
        self._thread: threading.Thread | None = None

    @contextmanager
    def watching(self, driver: Any, deadline: float) -> Iterator[None]:
        """Interrupt the statements that the block runs after the deadline, a time of ``time.monotonic``."""
        token = object()
        with self._lock:
            self._running[token] = (deadline, driver)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="ft-dcc-time-limit", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            # With the lock, because afterwards the connection may have another user.
            with self._lock:
                del self._running[token]

    def _run(self) -> None:
        idle_checks = 0
        while True:
            time.sleep(_INTERRUPT_INTERVAL_SECONDS)
            with self._lock:
                for deadline, driver in self._running.values():
                    if time.monotonic() > deadline:
                        driver.interrupt()
                idle_checks = 0 if self._running else idle_checks + 1
                if idle_checks > _IDLE_CHECKS:
                    self._thread = None
                    return


_STATEMENTS = _StatementWatch()


@contextmanager
def read_limits(connection: Connection, seconds: float, characters: int) -> Iterator[None]:
    """Raise ParseError when the block's statements take longer than this, or their rows have more text."""
    connection.info[TEXT_BUDGET] = characters
    try:
        with time_limit(connection, seconds):
            yield
    finally:
        del connection.info[TEXT_BUDGET]


def _end(connection: Connection, driver: Any) -> None:
    """End the transaction of a connection, whether SQLAlchemy or the driver began it."""
    if connection.in_transaction():
        connection.rollback()
    if driver.in_transaction:
        driver.rollback()


def _reading_engine(path: Path, timeout: float) -> Engine:
    engine = _make_engine(path, NullPool, timeout)

    @event.listens_for(engine, "connect")
    def forbid_writing(connection: sqlite3.Connection, _record: object) -> None:
        apply_limits(connection, is_reading=True)
        connection.execute("PRAGMA query_only=ON")

    return engine


def writing_engine(path: Path) -> Engine:
    """Return the engine of the one connection that writes; its transactions take the lock when they begin."""
    engine = _make_engine(path, QueuePool, _LOCK_TIMEOUT_SECONDS, pool_size=1, max_overflow=0)

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _make_engine(path: Path, pool: type[Pool], timeout: float, **options: Any) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=pool,
        connect_args={"check_same_thread": False, "timeout": timeout, "cached_statements": _MAX_CACHED_STATEMENTS},
        # Parameters may be private, and errors are logged.
        hide_parameters=True,
        **options,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        # sqlite3 must not open transactions by itself: it would choose the kind that can fail half-way.
        connection.isolation_level = None
        apply_limits(connection)
        connection.create_function(NOW_FUNCTION, 0, clock.now_text)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "mmap_size=0", "cache_size=-32768"):
            connection.execute(f"PRAGMA {pragma}")

    return engine


class Prepared:
    """A compiled statement, whose parameters may be lists.

    SQLAlchemy takes five times as long to look up a compiled statement and to wrap its rows as SQLite takes to run it.
    Values and columns must have the types that SQLite stores: integers, numbers and texts.
    """

    def __init__(self, statement: Select[Any] | CompoundSelect[Any] | Insert) -> None:
        compiled: Any = statement.compile(dialect=_DIALECT)
        # Text, the name of a list, text, the name of another list, …
        self._pieces: list[str] = _LIST.split(str(compiled))
        self._names: list[str] = list(compiled.positiontup)
        self._fixed: dict[str, Any] = dict(compiled.params)
        self._lists = set(self._pieces[1::2])

    def rows(self, connection: Connection, parameters: Mapping[str, Any]) -> Rows:
        """Return the rows of the statement, in the connection's transaction; raises the errors of sqlite3."""
        given = {**self._fixed, **parameters}
        if self._lists:
            pairs = [(name, given[name]) for name in self._names]
            values = [one for name, value in pairs for one in (value if name in self._lists else (value,))]
            pieces = list(self._pieces)
            for index in range(1, len(pieces), 2):
                pieces[index] = ", ".join("?" * len(given[pieces[index]])) or _EMPTY_LIST
            return run(connection, "".join(pieces), values)
        return run(connection, self._pieces[0], [given[name] for name in self._names])

    def change(self, connection: Connection, parameters: Mapping[str, Any]) -> int:
        """Run an INSERT, whose missing columns are NULL; return the number of rows; raises the errors of sqlite3."""
        driver: Any = connection.connection.dbapi_connection
        return int(driver.execute(self._pieces[0], [parameters.get(name) for name in self._names]).rowcount)


def run(connection: Connection, statement: str, values: Sequence[Any] = ()) -> Rows:
    """Return the rows of a statement, without SQLAlchemy; raises ParseError for more text than is allowed."""
    driver: Any = connection.connection.dbapi_connection
    cursor = driver.execute(statement, values)
    left = connection.info.get(TEXT_BUDGET)
    if left is None:
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
    rows = []
    while found := cursor.fetchmany(_ROWS_BETWEEN_CHECKS):
        rows += found
        left -= sum(len(value) if value.__class__ is str else _OTHER_VALUE for row in found for value in row)
        if left < 0:
            cursor.close()
            raise ParseError("The answer is too large. Select fewer attributes, or fewer entities with 'limit'.")
    connection.info[TEXT_BUDGET] = left
    return rows


# From this version on, a statement can have 32,766 parameters; 999 would not do for the lists of ids.
MIN_VERSION = (3, 32, 0)
# What the server permits, by the names of SQLite's limits.
LIMITS = {
    "LENGTH": 64 << 20,
    "SQL_LENGTH": 16 << 20,
    "COLUMN": 2_000,
    "EXPR_DEPTH": 1_000,
    "COMPOUND_SELECT": 500,
    "VDBE_OP": 10_000_000,
    "LIKE_PATTERN_LENGTH": 1_000,
    "VARIABLE_NUMBER": 250_000,
    "TRIGGER_DEPTH": 10,
    "WORKER_THREADS": 0,
}
# The server attaches no other file.
_READING_LIMITS = {"ATTACHED": 0}
# SQLite's messages for statements that exceed its limits (sqlite.org/limits.html).
_MESSAGES = (
    "parser stack overflow",
    "Expression tree is too large",
    "tables in a join",
    "too many",
    "string or blob too big",
    "pattern too complex",
)


def check_library(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> None:
    """Raise StorageError for an SQLite that is too old."""
    if version < MIN_VERSION:
        found, wanted = (".".join(map(str, each)) for each in (version, MIN_VERSION))
        raise StorageError(f"This Python uses SQLite {found}; the server needs {wanted}. Use a newer Python.")


def apply_limits(connection: Any, *, is_reading: bool = False) -> None:
    """Set the limits of a connection; has no effect in Python 3.9 and 3.10."""
    for name, value in {**LIMITS, **(_READING_LIMITS if is_reading else {})}.items():
        if (category := _category(connection, name)) is not None:
            connection.setlimit(category, value)


def set_max_length(connection: Any, length: int) -> None:
    """Let statements of a connection fail that read a longer text or row; has no effect in Python 3.9 and 3.10."""
    if (category := _category(connection, "LENGTH")) is not None:
        connection.setlimit(category, length)


def limit_error(error: object) -> Error | None:
    """Return the error of this project for a statement that exceeded a limit of SQLite, or None for another error."""
    text = str(error)
    if not isinstance(error, sqlite3.Error) or not any(message in text for message in _MESSAGES):
        return None
    return ValidationError(f"The request is too large for the database: {text}. Send less at once.")


def _category(connection: Any, name: str) -> int | None:
    """Return SQLite's number of a limit, or None if this Python cannot use it."""
    if not hasattr(connection, "setlimit"):
        return None
    category: int | None = getattr(sqlite3, f"SQLITE_LIMIT_{name}", None)
    return category
