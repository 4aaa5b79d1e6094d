"""The studio's database: one SQLite file, many readers, one writer.

All writes run on one thread. It takes whatever waits, runs each request inside a savepoint and commits them together,
so that many clients share one flush to the disk and a request that fails undoes only itself.
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

from ft_dcc.errors import Conflict, DiskUnusable, Error, StorageFull, ValidationError
from ft_dcc.server.connections import Glancer, Readers, writing_engine
from ft_dcc.server.migrations import migrate
from ft_dcc.server.schema.tables import Tables

_log = logging.getLogger(__name__)

T = TypeVar("T")

_READERS = 16
# A row takes SQLite about as many steps as it has columns; so many take about a millisecond.
_STEPS_AT_A_GLANCE = 20_000
_LARGEST_GROUP = 64
# SQLite 3.7 to 3.51.2 can damage a WAL file when two connections checkpoint at once; ours has one that ever does.
_SAFE_SQLITE = (3, 51, 3)
# What SQLite says, from Python 3.11 on, when the index of the log cannot grow: only a full disk is in its way.
_FULL = frozenset(("SQLITE_IOERR_SHMSIZE",))


class _Request:
    """One function that waits for the writer, and the future of what it returns."""

    def __init__(self, function: Callable[[Connection], Any], then: Callable[[Any], None] | None) -> None:
        self.function = function
        self.future: Future[Any] = Future()
        self._then = then

    def answer(self, result: Any) -> None:
        """What the function returned is on the disk."""
        try:
            if self._then is not None:
                self._then(result)
        except Exception:  # noqa: BLE001  it is stored, so whoever waits must not hear that something failed
            _log.exception("What should follow a commit failed.")
        self.future.set_result(result)


class Store:
    """An open database file with the tables in it; raises DiskUnusable when it cannot be opened or is too new."""

    def __init__(self, path: Path, tables: Tables) -> None:
        self.tables = tables
        # What was read is still true as long as this is the same.
        self.commits = 0
        self._readers = Readers(path, _READERS)
        self._glancer = Glancer(path, _STEPS_AT_A_GLANCE)
        self._writer = writing_engine(path)
        self._waiting: queue.Queue[_Request | None] = queue.Queue()
        self._closing = threading.Lock()
        self._is_closed = False
        try:
            with self._writer.begin() as connection:
                migrate(connection, tables)
            self._writer.dispose()  # The next connection knows what the planner was told.
        except DBAPIError as error:
            self._dispose()
            if isinstance(_translate(error), StorageFull):
                raise DiskUnusable(f"There is no room to open {path}. Free some space on its disk.") from error
            raise DiskUnusable(f"The database {path} cannot be opened: {error.orig}. Check the folder.") from error
        except Error:
            self._dispose()
            raise
        self._thread = threading.Thread(target=self._write_all, name="ft-dcc-writer", daemon=True)
        self._thread.start()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that sees one state of the database and cannot change it."""
        with self._readers.reading() as connection, _translating():
            yield connection

    def glancing(self) -> Glancer:
        """Give such a connection to the event loop, which must not be held up; the block may raise TakesLong."""
        return self._glancer

    def write(self, function: Callable[[Connection], T], then: Callable[[T], None] | None = None) -> T:
        """Run the function on the writer's connection and return what it returns once that is on the disk.

        ``then`` is called with it right after the COMMIT, in the order of commits and before this returns; it must be
        quick. When the function raises, nothing of it is stored and the same error is raised here. Raises StorageFull
        when the disk takes no more. Must not be called by a function that is being run.
        """
        return self.submit(function, then).result()

    def submit(self, function: Callable[[Connection], T], then: Callable[[T], None] | None = None) -> Future[T]:
        """Have the function run likewise, and return at once; the future must not be cancelled."""
        request = _Request(function, then)
        with self._closing:
            if self._is_closed:
                raise Conflict("The studio's database is closed. Start the server again.")
            self._waiting.put(request)
        return request.future

    def close(self) -> None:
        """Finish what waits, then let go of the file; harmless when repeated."""
        with self._closing:
            if self._is_closed:
                return
            self._is_closed = True
            self._waiting.put(None)
        self._thread.join()
        self._dispose()

    def _dispose(self) -> None:
        self._readers.close()
        self._glancer.close()
        self._writer.dispose()

    def _write_all(self) -> None:
        while (first := self._waiting.get()) is not None:
            group = [first]
            while len(group) < _LARGEST_GROUP and not self._waiting.empty():
                request = self._waiting.get()
                if request is None:
                    self._commit(group)
                    return
                group.append(request)
            self._commit(group)

    def _commit(self, group: list[_Request]) -> None:
        """Answer every request of the group; none before the disk has it."""
        try:
            answers = self._run(group)
        except IntegrityError as error:
            # One of them refers to what is not there, and only COMMIT notices: find out which.
            if len(group) > 1:
                for request in group:
                    self._commit([request])
            else:
                group[0].future.set_exception(_translate(error))
        except Exception as error:  # noqa: BLE001  whoever waits must hear of it, whatever it is
            _log.warning("A commit failed: %s", error)
            for request in group:
                request.future.set_exception(_translate(error))
        else:
            for request, (result, failure) in zip(group, answers):
                if failure is None:
                    request.answer(result)
                else:
                    request.future.set_exception(failure)

    def _run(self, group: list[_Request]) -> list[tuple[Any, BaseException | None]]:
        answers: list[tuple[Any, BaseException | None]] = []
        with self._writer.begin() as connection:
            driver: Any = connection.connection.dbapi_connection
            for request in group:
                driver.execute("SAVEPOINT request")
                try:
                    answers.append((request.function(connection), None))
                except Exception as error:
                    if _is_fatal(error):
                        raise
                    driver.execute("ROLLBACK TO request")
                    answers.append((None, _translate(error)))
                driver.execute("RELEASE request")
        self.commits += 1
        return answers


def note_old_sqlite() -> None:
    """Say in the log when this SQLite has the known fault of WAL files."""
    if sqlite3.sqlite_version_info < _SAFE_SQLITE:
        # No warning: nothing is wrong as long as this server is the only one, which its lock sees to.
        _log.info(
            "SQLite %s can damage a database that a second program writes to. Let only this server open it.",
            sqlite3.sqlite_version,
        )


def _is_fatal(error: BaseException) -> bool:
    """Whether the transaction as a whole is lost, and not just this request."""
    return isinstance(_cause(error), sqlite3.OperationalError)


def _cause(error: BaseException) -> BaseException | None:
    """Return what the driver raised, whether SQLAlchemy wrapped it or not."""
    return error.orig if isinstance(error, DBAPIError) else error


@contextmanager
def _translating() -> Iterator[None]:
    try:
        yield
    except (DBAPIError, sqlite3.Error, UnicodeEncodeError) as error:
        raise _translate(error) from error


def _translate(error: BaseException) -> BaseException:
    """Return the error in our words, or as it is."""
    found: Error
    said = str(_cause(error)) if isinstance(error, (DBAPIError, sqlite3.Error)) else ""
    if isinstance(_cause(error), sqlite3.IntegrityError):
        found = Conflict(
            "The request refers to an entity that does not exist, or repeats one that does. Check the ids."
        )
    elif "full" in said or getattr(_cause(error), "sqlite_errorname", None) in _FULL:
        found = StorageFull("The server's disk is full and nothing was stored. Free some space there, then try again.")
    elif "readonly" in said:
        found = StorageFull("The server's disk cannot be written to and nothing was stored. Check its rights.")
    elif isinstance(error, OSError) and error.errno == errno.ENOSPC:
        found = StorageFull("The server's disk is full and nothing was stored. Free some space there, then try again.")
    elif isinstance(error, UnicodeEncodeError):
        found = ValidationError("A text of the request has characters that are not Unicode. Send it without them.")
    else:
        return error
    found.__cause__ = error
    return found
