"""The database: one SQLite file, many readers, one writer.

All writes run on one thread. It takes all requests that wait, runs each inside a savepoint and commits them together,
so that many clients share one flush to the disk, and a request that fails is rolled back alone.
"""

from __future__ import annotations

import errno
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError

from ft_dcc.errors import Error, StorageError
from ft_dcc.server.database import closed_reviews, connections, migrations
from ft_dcc.server.errors import Conflict, InsufficientStorage, ValidationError
from ft_dcc.server.schema.tables import Tables

_log = logging.getLogger(__name__)

T = TypeVar("T")

_READ_CONNECTIONS = 16
# SQLite takes about one step per column of a row; so many take about a millisecond.
_MAX_INLINE_STEPS = 20_000
_MAX_GROUP_SIZE = 64
# The name of SQLite's error, from Python 3.11 on, when the index of the log cannot grow because the disk is full.
_DISK_FULL_ERRORS = frozenset(("SQLITE_IOERR_SHMSIZE",))


class _Request:
    """A function that waits for the writer, and the future of its result."""

    def __init__(
        self, function: Callable[[Connection], Any], on_commit: Callable[[Any], None] | None, changes_data: bool
    ) -> None:
        self.function, self.changes_data = function, changes_data
        self.future: Future[Any] = Future()
        self._on_commit = on_commit

    def finish(self, result: Any, failure: BaseException | None) -> None:
        """Set the failure, or the result, which has been committed, after the callback."""
        if failure is not None:
            self.future.set_exception(failure)
            return
        try:
            if self._on_commit is not None:
                self._on_commit(result)
        except Exception:  # noqa: BLE001  the data is stored, so that the caller must not get an error
            _log.exception("Post-commit callback failed.")
        self.future.set_result(result)


class Store:
    """An open and migrated database file; raises StorageError, also for one that a newer release has written."""

    def __init__(self, path: Path, tables: Tables) -> None:
        self.tables = tables
        # Data that was read is valid for as long as this number is the same.
        self.commits = 0
        self._readers = connections.ReadPool(path, _READ_CONNECTIONS)
        # For the event loop: a context manager whose block may raise WouldBlock.
        self.inline_reader = connections.InlineReader(path, _MAX_INLINE_STEPS)
        self._writer = connections.writing_engine(path)
        self.closed_reviews = closed_reviews.ClosedReviewGuard(tables)
        self._waiting: queue.Queue[_Request | None] = queue.Queue()
        self._closing = threading.Lock()
        self._is_closed = False
        try:
            connections.check_library()
            with self._writer.begin() as connection:
                migrations.migrate(connection, tables)
            self._writer.dispose()  # Only a new connection uses the changed statistics.
            self.closed_reviews.install(self._writer)
        except DBAPIError as error:
            self._dispose()
            if isinstance(_translate(error), InsufficientStorage):
                raise StorageError(f"There is no room to open {path}. Free some space on its disk.") from error
            raise StorageError(f"The database {path} cannot be opened: {error.orig}. Check the folder.") from error
        except Error:
            self._dispose()
            raise
        self._thread = threading.Thread(target=self._write_all, name="ft-dcc-writer", daemon=True)
        self._thread.start()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection that sees one state of the database and cannot change it."""
        with self._readers.reading() as connection:
            try:
                yield connection
            except (DBAPIError, sqlite3.Error, UnicodeEncodeError) as error:
                raise _translate(error) from error

    def write(self, function: Callable[[Connection], T], on_commit: Callable[[T], None] | None = None) -> T:
        """Run the function on the writer's connection, and return its result once it is on disk.

        ``on_commit`` is called with the result right after the COMMIT, in the order of commits and before this
        returns; it must be quick. When the function raises, its changes are rolled back and the error is raised here.
        Raises InsufficientStorage when the disk is full. Must not be called from inside such a function.
        """
        return self.submit(function, on_commit).result()

    def submit(
        self,
        function: Callable[[Connection], T],
        on_commit: Callable[[T], None] | None = None,
        *,
        changes_data: bool = True,
    ) -> Future[T]:
        """Queue the function likewise, and return at once; the future must not be cancelled.

        A function that writes nothing but logs says so with ``changes_data``: data that was read stays valid.
        """
        request = _Request(function, on_commit, changes_data)
        with self._closing:
            if self._is_closed:
                raise Conflict("The studio's database is closed. Start the server again.")
            self._waiting.put(request)
        return request.future

    def close(self) -> None:
        """Finish the requests that wait, then close the file; harmless when repeated."""
        with self._closing:
            if self._is_closed:
                return
            self._is_closed = True
            self._waiting.put(None)
        self._thread.join()
        self._dispose()

    def _dispose(self) -> None:
        self._readers.close()
        self.inline_reader.close()
        self._writer.dispose()

    def _write_all(self) -> None:
        while (first := self._waiting.get()) is not None:
            group = [first]
            while len(group) < _MAX_GROUP_SIZE and not self._waiting.empty():
                request = self._waiting.get()
                if request is None:
                    self._commit(group)
                    return
                group.append(request)
            self._commit(group)

    def _commit(self, group: list[_Request]) -> None:
        """Run and commit a group of requests, and set their results."""
        answers: list[tuple[Any, BaseException | None]] = []
        try:
            with self._writer.begin() as connection:
                driver: Any = connection.connection.dbapi_connection
                for request in group:
                    driver.execute("SAVEPOINT request")
                    try:
                        answers.append((request.function(connection), None))
                    except Exception as error:
                        cause = _cause(error)
                        # The whole transaction is lost, unless SQLite refused a statement beyond its limits.
                        if isinstance(cause, sqlite3.OperationalError) and connections.limit_error(cause) is None:
                            raise
                        driver.execute("ROLLBACK TO request")
                        answers.append((None, _translate(error)))
                    driver.execute("RELEASE request")
            self.commits += any(request.changes_data for request in group)
        except Exception as error:  # noqa: BLE001  the callers wait for any outcome
            if not isinstance(error, IntegrityError):
                # Without the statement, which can be long.
                _log.warning("A commit failed: %s", _cause(error))
            elif len(group) > 1:
                # A request refers to an entity that does not exist, which only COMMIT detects: find out which request.
                for request in group:
                    self._commit([request])
                return
            answers = [(None, _translate(error)) for _ in group]
        for request, (result, failure) in zip(group, answers):
            request.finish(result, failure)


def _cause(error: BaseException) -> BaseException | None:
    """Return the driver's error, which SQLAlchemy may have wrapped."""
    return error.orig if isinstance(error, DBAPIError) else error


def _translate(error: BaseException) -> BaseException:
    """Return an error of this project for one of the database, or the error as it is."""
    found: Error
    text = str(_cause(error)) if isinstance(error, (DBAPIError, sqlite3.Error)) else ""
    if (beyond := connections.limit_error(_cause(error))) is not None:
        found = beyond
    elif isinstance(_cause(error), sqlite3.IntegrityError):
        found = Conflict(
            "The request refers to an entity that does not exist, or repeats one that does. Check the ids."
        )
    elif (
        "full" in text
        or getattr(_cause(error), "sqlite_errorname", None) in _DISK_FULL_ERRORS
        or (isinstance(error, OSError) and error.errno == errno.ENOSPC)
    ):
        found = InsufficientStorage(
            "The server's disk is full and nothing was stored. Free some space there, then try again."
        )
    elif "readonly" in text:
        found = InsufficientStorage(
            "The server's disk cannot be written to and nothing was stored. Check its permissions."
        )
    elif isinstance(error, UnicodeEncodeError):
        found = ValidationError("A text of the request has characters that are not Unicode. Send it without them.")
    else:
        return error
    found.__cause__ = error
    return found
