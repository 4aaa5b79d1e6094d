"""What each thread has of its own in a session, so that none commits another's work."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ft_dcc.session.operations import Operations

_log = logging.getLogger(__name__)


class ThreadOperations(Operations):
    """The operations of one thread."""

    def __init__(self) -> None:
        super().__init__()
        self._thread_name = threading.current_thread().name

    def __del__(self) -> None:
        if len(self):
            _log.warning("The thread %s ended with %d changes that nobody committed.", self._thread_name, len(self))


class Recording(threading.local):
    """The operations and the switches of the thread that looks at it."""

    def __init__(self, auto_populate: bool) -> None:
        self.operations = ThreadOperations()
        self.record_operations = True
        self.auto_populate = auto_populate


class Recorder:
    """The switches of a session, each for the thread that uses it."""

    def __init__(self, auto_populate: bool) -> None:
        self._recording = Recording(auto_populate)

    @property
    def recorded_operations(self) -> Operations:
        """What this thread changed and has not committed."""
        return self._recording.operations

    @property
    def record_operations(self) -> bool:
        """Whether what this thread changes will be committed."""
        return self._recording.record_operations

    @record_operations.setter
    def record_operations(self, value: bool) -> None:
        self._recording.record_operations = value

    @property
    def auto_populate(self) -> bool:
        """Whether a value that is missing is fetched when this thread reads it."""
        return self._recording.auto_populate

    @auto_populate.setter
    def auto_populate(self, value: bool) -> None:
        self._recording.auto_populate = value

    @contextmanager
    def auto_populating(self, auto_populate: bool) -> Iterator[None]:
        """Fetch missing values, or do not, in this thread and for a while."""
        before, self.auto_populate = self.auto_populate, auto_populate
        try:
            yield
        finally:
            self.auto_populate = before

    @contextmanager
    def operation_recording(self, record_operations: bool) -> Iterator[None]:
        """Record what is changed, or do not, in this thread and for a while."""
        before, self.record_operations = self.record_operations, record_operations
        try:
            yield
        finally:
            self.record_operations = before
