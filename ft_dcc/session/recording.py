"""What each thread has of its own in a session, so that none commits another's work."""

from __future__ import annotations

import logging
import threading

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
