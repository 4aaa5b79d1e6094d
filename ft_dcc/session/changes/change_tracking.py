"""The uncommitted changes of a session; each thread has its own and commits only these."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from ft_dcc.session import operations, symbol
from ft_dcc.session.cache.entity_cache import EntityCache
from ft_dcc.session.cache.identity_map import IdentityMap
from ft_dcc.session.changes import commit
from ft_dcc.session.changes.commit import CommitSession
from ft_dcc.session.entities.entity import Entity
from ft_dcc.session.entities.entity_context import FetchGroup
from ft_dcc.session.query.inheritance import Inheritance

_log = logging.getLogger(__name__)


class ThreadOperations(operations.Operations):
    """The operations of one thread."""

    def __init__(self) -> None:
        super().__init__()
        self._thread_name = threading.current_thread().name

    def __del__(self) -> None:
        if len(self):
            _log.warning("The thread %s ended with %d uncommitted changes.", self._thread_name, len(self))


class ThreadState(threading.local):
    """The operations and the switches of the current thread."""

    def __init__(self, auto_populate: bool) -> None:
        self.operations = ThreadOperations()
        # Assignments while nothing was recorded: they are not committed, and rolled back.
        self.unrecorded = operations.Operations()
        self.record_operations = True
        self.auto_populate = auto_populate


class ChangeTracker:
    """The session's methods for uncommitted changes: recording, commit and rollback."""

    # Set by the session.
    _identity_map: IdentityMap
    entity_cache: EntityCache
    inheritance: Inheritance

    def __init__(self, auto_populate: bool) -> None:
        self._thread_state = ThreadState(auto_populate)

    @property
    def recorded_operations(self) -> operations.Operations:
        """The uncommitted changes of this thread."""
        return self._thread_state.operations

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
        """Send the changes of this thread as one transaction.

        If it fails, nothing is changed on the server and the changes stay recorded: correct them and commit again, or
        roll back. Raises ServerError, ServerUnreachable.
        """
        recorded, session = list(self.recorded_operations), cast("CommitSession", self)
        response = commit.post(session, operations.payloads(recorded), recorded)
        self.recorded_operations.clear()
        self.inheritance.clear()
        for entity in self._identity_map.mark_committed(recorded):
            self.entity_cache.remove(entity)
        group = FetchGroup()
        self._identity_map.loads(response, group)
        self.entity_cache.store(group)
        commit.after_commit(session, recorded)

    def rollback(self) -> None:
        """Revert the changes of this thread since its last commit, and its assignments that were not recorded."""
        changed = [*self.recorded_operations, *self.unrecorded_operations]
        self.recorded_operations.clear()
        self.unrecorded_operations.clear()
        self._identity_map.revert(changed)

    def discard(self, entity: Entity) -> None:
        """Revert the changes of this thread to one entity; a new entity is removed."""
        key = dict(zip(entity.primary_key_attributes, entity.primary_key))
        self._identity_map.revert(self.recorded_operations.discard(entity.entity_type, key))
