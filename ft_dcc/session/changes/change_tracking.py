"""The uncommitted changes of a session: each thread has its own, and leaves them when it is finished."""

from __future__ import annotations

import logging
import re
import sys
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

from ft_dcc.session import operations, symbol
from ft_dcc.session.cache.entity_cache import EntityCache
from ft_dcc.session.cache.identity_map import IdentityMap
from ft_dcc.session.changes import commit
from ft_dcc.session.entities.entity import Entity, FetchGroup
from ft_dcc.session.interface import SessionInterface
from ft_dcc.session.query.populate import Inheritance

_log = logging.getLogger(__name__)


# A thread whose stack has only frames of these modules waits for work: the worker of a pool, or an event hub.
_WAITING = re.compile(r"(concurrent\.futures|ft_dcc\.session\.events|multiprocessing|queue|selectors|threading)(\.|$)")


class ThreadOperations(operations.Operations):
    """The operations of one thread, which it leaves to the session when it is finished."""

    def __init__(self, registry: ThreadRegistry) -> None:
        super().__init__()
        self._thread_id = threading.get_ident()
        self._is_main = threading.current_thread() is threading.main_thread()
        # A thread that begins new work waits until the operations of its last work were moved.
        self._lock = threading.Lock()
        self._registry = registry
        registry.add(self)

    def push(self, operation: operations.Operation) -> None:
        """Add an operation."""
        with self._lock:
            super().push(operation)

    def __iter__(self) -> Iterator[operations.Operation]:
        with self._lock:
            return super().__iter__()

    def move_if_finished(self, target: operations.Operations) -> None:
        """Move the operations to another stack unless the thread is in the middle of its work."""
        with self._lock:
            if len(self) and not self._is_main and not _is_working(self._thread_id):
                target.merge(self)

    def __del__(self) -> None:
        if len(self):
            left = operations.Operations()
            left.merge(self)
            self._registry.left.append(left)


class ThreadRegistry:
    """The operations of all threads of a session, and those that ended threads left."""

    def __init__(self) -> None:
        self.opened_by = threading.current_thread()
        self.left: list[operations.Operations] = []
        self._threads: weakref.WeakSet[ThreadOperations] = weakref.WeakSet()
        self._lock = threading.Lock()

    def add(self, thread: ThreadOperations) -> None:
        """Register the operations of a new thread."""
        with self._lock:
            self._threads.add(thread)

    def move_finished(self, target: ThreadOperations) -> None:
        """Move the operations of finished threads to the thread that opened the session, or to the main thread."""
        if len(self._threads) == 1 and not self.left:
            return
        if threading.current_thread() not in (self.opened_by, threading.main_thread()):
            return
        with self._lock:
            threads = [thread for thread in self._threads if thread is not target]
        for thread in threads:
            thread.move_if_finished(target)
        while self.left:
            target.merge(self.left.pop())

    def __del__(self) -> None:
        if count := sum(len(each) for each in self.left):
            _log.warning("%d changes of threads that ended were never committed.", count)


class ThreadState(threading.local):
    """The operations and the switches of the current thread."""

    def __init__(self, auto_populate: bool, registry: ThreadRegistry) -> None:
        self.operations = ThreadOperations(registry)
        # Assignments while nothing was recorded: they are not committed, and rolled back.
        self.unrecorded = operations.Operations()
        self.record_operations = True
        self.auto_populate = auto_populate


def _is_working(thread_id: int) -> bool:
    """Return whether the thread runs anything but the loop that waits for its next work."""
    frame = sys._current_frames().get(thread_id)
    while frame is not None:
        if _WAITING.match(str(frame.f_globals.get("__name__"))) is None:
            return True
        frame = frame.f_back
    return False


class ChangeTracker(SessionInterface):
    """The session's methods for uncommitted changes: recording, commit and rollback."""

    # Set by the session.
    _identity_map: IdentityMap
    entity_cache: EntityCache
    inheritance: Inheritance

    def __init__(self, auto_populate: bool) -> None:
        self._threads = ThreadRegistry()
        self._thread_state = ThreadState(auto_populate, self._threads)

    @property
    def recorded_operations(self) -> operations.Operations:
        """The uncommitted changes of this thread.

        In the thread that opened the session, and in the main thread, those that finished threads left are among them:
        of threads that ended, and of workers of a pool that wait for their next work.
        """
        recorded = self._thread_state.operations
        self._threads.move_finished(recorded)
        return recorded

    @property
    def unrecorded_operations(self) -> operations.Operations:
        """The assignments of this thread that no commit sends."""
        return self._thread_state.unrecorded

    @property
    def record_operations(self) -> bool:
        """Whether changes of this thread are recorded for the next commit."""
        return self._thread_state.record_operations

    @record_operations.setter
    def record_operations(self, value: bool) -> None:
        self._thread_state.record_operations = value

    @property
    def auto_populate(self) -> bool:
        """Whether missing values are fetched when this thread reads them."""
        return self._thread_state.auto_populate

    @auto_populate.setter
    def auto_populate(self, value: bool) -> None:
        self._thread_state.auto_populate = value

    @contextmanager
    def auto_populating(self, auto_populate: bool) -> Iterator[None]:
        """Set ``auto_populate`` of this thread within a ``with`` block."""
        before, self.auto_populate = self.auto_populate, auto_populate
        try:
            yield
        finally:
            self.auto_populate = before

    @contextmanager
    def operation_recording(self, record_operations: bool) -> Iterator[None]:
        """Set ``record_operations`` of this thread within a ``with`` block."""
        before, self.record_operations = self.record_operations, record_operations
        try:
            yield
        finally:
            self.record_operations = before

    @property
    def created(self) -> list[Entity]:
        """The uncommitted new entities."""
        return self._in_state(symbol.CREATED)

    @property
    def modified(self) -> list[Entity]:
        """The entities with uncommitted changes."""
        return self._in_state(symbol.MODIFIED)

    @property
    def deleted(self) -> list[Entity]:
        """The entities that the next commit deletes."""
        return self._in_state(symbol.DELETED)

    def _in_state(self, state: symbol.Symbol) -> list[Entity]:
        return [entity for entity in self._identity_map if entity.state is state]

    def commit(self) -> None:
        """Send the recorded changes as one transaction.

        If it fails, nothing is changed on the server and the changes stay recorded: correct them and commit again, or
        roll back. Raises ServerError, ServerUnreachable.
        """
        own = self.recorded_operations
        recorded = list(own)
        response = commit.post(self, operations.payloads(recorded), recorded)
        own.remove(recorded)
        self.inheritance.clear()
        for entity in self._identity_map.mark_committed(recorded):
            self.entity_cache.remove(entity)
        group = FetchGroup()
        self._identity_map.loads(response, group)
        self.entity_cache.store(group)
        commit.after_commit(self, recorded)

    def rollback(self) -> None:
        """Revert the recorded changes, and the assignments of this thread that were not recorded."""
        own = self.recorded_operations
        changed = [*own, *self.unrecorded_operations]
        own.clear()
        self.unrecorded_operations.clear()
        self._identity_map.revert(changed)

    def discard(self, entity: Entity) -> None:
        """Revert the changes of this thread to one entity; a new entity is removed."""
        key = dict(zip(entity.primary_key_attributes, entity.primary_key))
        self._identity_map.revert(self.recorded_operations.discard(entity.entity_type, key))
