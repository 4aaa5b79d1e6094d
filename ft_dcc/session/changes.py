"""The uncommitted changes of a session, and their commit.

Each thread has changes of its own, and leaves them when it is finished. A commit uploads files, posts the batch or
finds out that it arrived, and requests what follows it.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from ft_dcc.errors import ApiError, Error, ServerError
from ft_dcc.session import identity_map, operations, symbol
from ft_dcc.session.entities.entity import Delegated, Entity, FetchGroup, SessionInterface
from ft_dcc.session.query.query import Inheritance, key_condition

_log = logging.getLogger(__name__)

# The name prefixes of encoded components, by which ftrack's player finds them.
_REVIEW_MEDIA_PREFIXES = ("ftrackreview-", "thumbnail")

# A thread whose stack has only frames of these modules waits for work: the worker of a pool, or an event hub.
_WAITING = re.compile(r"(concurrent\.futures|ft_dcc\.session\.events|multiprocessing|queue|selectors|threading)(\.|$)")


class ThreadOperations(operations.Operations):
    """The operations of one thread, which it leaves to the session when it is finished."""

    def __init__(self, registry: ThreadRegistry) -> None:
        super().__init__()
        self.thread_id = threading.get_ident()
        self.is_main = threading.current_thread() is threading.main_thread()
        # A thread that begins new work waits until the operations of its last work were moved.
        self.lock = threading.Lock()
        self._registry = registry
        registry.add(self)

    def push(self, operation: operations.Operation) -> None:
        """Add an operation."""
        with self.lock:
            super().push(operation)

    def __iter__(self) -> Iterator[operations.Operation]:
        with self.lock:
            return super().__iter__()

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
            with thread.lock:
                if len(thread) and not thread.is_main and not _is_working(thread.thread_id):
                    target.merge(thread)
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
    _identity_map: identity_map.IdentityMap
    inheritance: Inheritance
    _configurations: list[Entity] | None

    # All three are those of this thread.
    unrecorded_operations = Delegated("_thread_state", "unrecorded", "The assignments that no commit sends.")
    record_operations = Delegated("_thread_state", "record_operations", "Whether the next commit sends changes.")
    auto_populate = Delegated("_thread_state", "auto_populate", "Whether missing values are fetched when read.")

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
        response = _post(self, operations.payloads(recorded), recorded)
        own.remove(recorded)
        self.inheritance.clear()
        if any(each.entity_type == "CustomAttributeConfiguration" for each in recorded):
            self._configurations = None
        self._identity_map.mark_committed(recorded)
        self._identity_map.loads(response, FetchGroup())
        _after_commit(self, recorded)

    def post(self, batch: Sequence[Any]) -> bytes:
        """Send operations and return the JSON text of the response."""
        return self.transport.post(batch, self._recover)

    def _recover(self, batch: Sequence[Mapping[str, Any]]) -> bytes | None:
        """Return what the server would have answered, or None if the batch has to be sent again.

        A batch is one transaction and its ids are chosen by the client, so one entity tells about all of them: the
        first created one exists, or the first deleted one does not. Repeated changes of values do no harm.
        """
        for action, exists_after_commit in (("create", True), ("delete", False)):
            witness = next((each for each in batch if each.get("action") == action), None)
            if witness is not None:
                names, key = self._key(witness)
                condition = key_condition(names, key)
                expression = f"select {', '.join(names)} from {witness['entity_type']} where {condition}"
                if bool(json.loads(self.post([operations.query(expression)]))[0]["data"]) is not exists_after_commit:
                    return None
                return json.dumps([self._result(each) for each in batch]).encode()
        return None

    def _result(self, operation: Mapping[str, Any]) -> dict[str, Any]:
        if operation["action"] == "delete":
            return {"action": "delete", "data": True}
        reference = {"__entity_type__": operation["entity_type"], **dict(zip(*self._key(operation)))}
        return {"action": operation["action"], "data": reference}

    def _key(self, operation: Mapping[str, Any]) -> tuple[list[str], list[str]]:
        names: list[str] = self.types[operation["entity_type"]].primary_key_attributes
        if "entity_key" in operation:
            key = operation["entity_key"]
            return names, [key] if isinstance(key, str) else list(key)
        return names, [str(operation["entity_data"].get(name, "")) for name in names]

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


def _post(session: SessionInterface, batch: list[dict[str, Any]], recorded: Sequence[operations.Operation]) -> bytes:
    """Upload the files of new components, then post the batch and return the response.

    An upload creates its component; the batch attaches the component to a version. If the server refuses the batch,
    the uploaded components are deleted.
    """
    uploads = _last_uploads(recorded)
    if not uploads:
        return session.post(batch) if batch else b"[]"
    created = [key for each in batch if _creates_file_component(each) and (key := each["entity_key"][0]) in uploads]
    uploaded: list[str] = []
    try:
        for component_id, operation in uploads.items():
            uploaded.append(component_id)
            _upload(session, component_id, operation.path)
        for index, each in enumerate(batch):
            if _creates_file_component(each) and each["entity_key"][0] in uploads:
                # The upload created it. The size of the upload is right; that of the entity was measured earlier.
                data = {name: value for name, value in each["entity_data"].items() if name not in ("id", "size")}
                batch[index] = operations.update("FileComponent", each["entity_key"], data)
        return session.post([*batch, *map(operations.add_to_server_location, created)])
    except Error:
        with suppress(ApiError):
            session.call([operations.delete("FileComponent", each) for each in uploaded if each in created])
        raise


def _upload(session: SessionInterface, component_id: str, path: Path) -> None:
    # requests is imported only by sessions that transfer files.
    from ft_dcc.session.transfer.transfer import upload

    component = session.get_loaded("FileComponent", component_id)
    name, file_type = (component["name"], component["file_type"]) if component else ("main", "")
    upload(session, path, component_id=component_id, name=name, file_type=file_type or "")


def _after_commit(session: SessionInterface, recorded: Sequence[operations.Operation]) -> None:
    """Send the requests that need committed entities: encode uploaded media, send invitations."""
    import mimetypes

    from ft_dcc.files.sequences import IMAGE_SUFFIXES

    for component_id, operation in _last_uploads(recorded).items():
        component, path = session.get_loaded("FileComponent", component_id), operation.path
        if component is None or component["name"].startswith(_REVIEW_MEDIA_PREFIXES):
            continue
        is_media = (mimetypes.guess_type(path.name)[0] or "").startswith(("video/", "image/"))
        is_media |= path.suffix.lower() in (*IMAGE_SUFFIXES, ".mxf")
        if is_media and (version := component["version"]) is not None:
            encode = partial(session.encode_media, component, version["id"], "auto")
            _request(encode, f"{path} is not encoded for browsers")
    for each in recorded:
        if isinstance(each, operations.RequestOperation):
            _request(partial(session.call, each.request), f"{each.request['action']} failed")
            if (entity := session.get_loaded(each.entity_type, each.entity_key["id"])) is not None:
                entity.invalidate("last_sent_at")  # The server sets it when it has sent the mail.


def _request(request: Callable[[], Any], failure: str) -> None:
    try:
        request()
    except ServerError as error:
        # The changes are committed: a failed request must not look like a failed commit.
        _log.warning("%s. %s", failure, error)


def _last_uploads(recorded: Sequence[operations.Operation]) -> dict[str, operations.UploadOperation]:
    deleted = {each.entity_key.get("id") for each in recorded if isinstance(each, operations.DeleteEntityOperation)}
    uploads = {each.entity_key["id"]: each for each in recorded if isinstance(each, operations.UploadOperation)}
    return {component_id: each for component_id, each in uploads.items() if component_id not in deleted}


def _creates_file_component(payload: dict[str, Any]) -> bool:
    return bool(payload["action"] == "create" and payload["entity_type"] == "FileComponent")
