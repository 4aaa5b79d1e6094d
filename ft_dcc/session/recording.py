"""What was changed and is not committed: each thread has its own, so that none commits another's work."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from ft_dcc.session import sending
from ft_dcc.session.group import Group
from ft_dcc.session.operations import Operations, payloads
from ft_dcc.session.symbol import CREATED, DELETED, MODIFIED, Symbol

if TYPE_CHECKING:
    from ft_dcc.session.entity import Entity
    from ft_dcc.session.identity import IdentityMap
    from ft_dcc.session.inheritance import Inheritance
    from ft_dcc.session.layers import Layers
    from ft_dcc.session.session import Session

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
    """What a session records for the thread that uses it, and the switches of that."""

    # What the session has, and this builds on.
    if TYPE_CHECKING:
        _identities: IdentityMap
        layers: Layers
        inheritance: Inheritance

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

    @property
    def created(self) -> list[Entity]:
        """The entities that are new and not committed."""
        return self._in_state(CREATED)

    @property
    def modified(self) -> list[Entity]:
        """The entities that were changed and not committed."""
        return self._in_state(MODIFIED)

    @property
    def deleted(self) -> list[Entity]:
        """The entities that are to be deleted with a commit."""
        return self._in_state(DELETED)

    def _in_state(self, state: Symbol) -> list[Entity]:
        return [entity for entity in self._identities if entity.state is state]

    def commit(self) -> None:
        """Send what this thread changed, as one transaction.

        When it fails nothing is changed on the server and everything is still recorded: correct it and commit again,
        or roll back. Raises ServerError, ServerUnreachable.
        """
        recorded, session = list(self.recorded_operations), cast("Session", self)
        answer = sending.post(session, payloads(recorded), recorded)
        self.recorded_operations.clear()
        self.inheritance.forget()
        for entity in self._identities.settle(recorded):
            self.layers.forget(entity)
        group = Group()
        self._identities.loads(answer, group)
        self.layers.keep(group)
        sending.follow_up(session, recorded)

    def rollback(self) -> None:
        """Take back what this thread changed since its last commit."""
        recorded = list(self.recorded_operations)
        self.recorded_operations.clear()
        self._identities.revert(recorded)

    def withdraw(self, entity: Entity) -> None:
        """Take back what this thread changed of one entity; a new one is gone."""
        key = dict(zip(entity.primary_key_attributes, entity.primary_key))
        self._identities.revert(self.recorded_operations.withdraw(entity.entity_type, key))
