"""Open review pages: send them the changes of their session, and the state of a presentation.

A page has one connection: a WebSocket or, where that fails, server-sent events. Changes come from the transactions of
the server. They are collected for a moment, read once and sent to all pages of the session.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import attrs
from anyio import to_thread

from ft_dcc.server.database.store import Store
from ft_dcc.server.errors import BadRequest, HttpError
from ft_dcc.server.http.connections import SendQueue
from ft_dcc.server.review import earlier_notes, feedback
from ft_dcc.server.review.access import ReviewAccess
from ft_dcc.server.review.live.presentation import Presentation, clock_ms

_log = logging.getLogger(__name__)

_COLLECT_SECONDS = 0.15
_CHECK_ACCESS_INTERVAL_SECONDS = 30
_MAX_QUEUED, _MAX_QUEUED_BYTES = 2_000, 64 << 20
_ALL = object()
# A visitor is a user, an invitee, or an address with the shared link, behind which a whole company can be.
_MAX_PAGES, _MAX_PAGES_PER_SESSION, MAX_PAGES_PER_VISITOR = 1_000, 500, 200
_MAX_PEOPLE = 50
# Changes of these types concern the list of versions, not the notes of one.
_NOTE, _OBJECT, _SESSION = "Note", "ReviewSessionObject", "ReviewSession"
_STATUS, _ANNOTATION, _INVITEE = "ReviewSessionObjectStatus", "ReviewSessionObjectAnnotation", "ReviewSessionInvitee"

Authorize = Callable[[], ReviewAccess]


class OpenPage:
    """One open page: who looks at it, and the queue of messages to it."""

    _numbers = itertools.count(1)

    def __init__(self, access: ReviewAccess, authorize: Authorize, address: str = "") -> None:
        self.id = next(self._numbers)
        self.access, self.authorize = access, authorize
        self.visitor = (access.invitee_id or address) if access.user is None else access.user.id
        self.is_following = False
        # A page that does not read is disconnected, and reads everything when it connects again.
        self.queue = SendQueue(_MAX_QUEUED, _MAX_QUEUED_BYTES)

    def send(self, message: str) -> None:
        """Queue a message, and disconnect a page that has not read many others."""
        if not self.queue.put(message):
            self.queue.close()


@attrs.define
class _Touched:
    """What has changed in a session since the last messages."""

    notes: dict[str, set[str]] = attrs.field(factory=dict)
    entries: set[str] = attrs.field(factory=set)
    # Objects of other sessions with changed notes, which may be notes of earlier versions here.
    foreign: set[str] = attrs.field(factory=set)
    list: bool = False
    access: bool = False
    people: bool = False


@attrs.define(eq=False)
class SessionPages:
    """The open pages of one session, and the presentation that they may follow."""

    pages: dict[int, OpenPage] = attrs.field(factory=dict)
    presentation: Presentation = attrs.field(factory=Presentation)
    # The objects of the session by their versions, whose media may change.
    objects: dict[str, str] = attrs.field(factory=dict)
    touched: _Touched = attrs.field(factory=_Touched)
    is_flushing: bool = False

    def broadcast(self, message: dict[str, Any], except_page: OpenPage | None = None, viewer: object = _ALL) -> None:
        """Send a message to all pages, to all but one, or to those of one kind of visitor."""
        text = json.dumps(message, separators=(",", ":"))
        for page in list(self.pages.values()):
            if page is not except_page and viewer in (_ALL, feedback.viewer_of(page.access)):
                page.send(text)

    def receive(self, page: OpenPage, message: dict[str, Any]) -> None:
        """Apply a message of a page; raises BadRequest and ValidationError."""
        kind = message.get("type")
        if kind == "clock":
            # The page computes the difference of the clocks from the time that the answer takes.
            page.send(json.dumps({"type": "clock", "sent": message.get("sent"), "now": clock_ms()}))
            return
        presenters = {each.id for each in self.pages.values() if "present" in each.access.rights}
        # A user of the studio may take over; others wait until the presenter stops, or hands over to them.
        is_taken = self.presentation.presenter not in (None, page.id) and page.access.user is None
        if kind == "claim" and page.id in presenters and is_taken:
            raise BadRequest("Another person presents. Ask that person to hand over to you.")
        answer = self.presentation.receive(page.id, presenters, message)
        if answer is not None:
            self.broadcast(answer, None if answer["type"] == "driver" else page)

    def send_people(self) -> None:
        """Send the list of the people to users and invitees, and their number to visitors with the shared link."""
        message = {"type": "people", "count": len(self.pages), "presenter": self.presentation.presenter}
        people = [_to_person(page) for page in itertools.islice(self.pages.values(), _MAX_PEOPLE)]
        text = json.dumps({**message, "people": people}, separators=(",", ":"))
        for page in list(self.pages.values()):
            is_known = page.access.may_export
            page.send(text if is_known else json.dumps({**message, "people": [_to_person(page)]}))


def _to_person(page: OpenPage) -> dict[str, Any]:
    return {
        "id": page.id,
        "name": page.access.name or "Guest",
        "may_present": "present" in page.access.rights,
        "is_following": page.is_following,
    }


class LiveReviews:
    """All sessions of a server, an observer of events; all methods but ``on_…`` run on the event loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sessions: dict[str, SessionPages] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def is_active(self) -> bool:
        """Whether any page is open."""
        return bool(self._sessions)

    @contextmanager
    def connected(self, page: OpenPage) -> Iterator[SessionPages | None]:
        """Add the page to the session of its session inside the block; yield None at a limit of open pages."""
        self._loop = asyncio.get_running_loop()
        session_id = page.access.review_session_id
        session = self._sessions.get(session_id)
        visitors = [each.visitor for open_one in self._sessions.values() for each in open_one.pages.values()]
        is_session_full = session is not None and len(session.pages) >= _MAX_PAGES_PER_SESSION
        if is_session_full or len(visitors) >= _MAX_PAGES or visitors.count(page.visitor) >= MAX_PAGES_PER_VISITOR:
            yield None
            return
        if session is None:
            session = self._sessions[session_id] = SessionPages()
            self._start(self._watch(session_id, session))
        session.pages[page.id] = page
        hello = {"type": "hello", "page": page.id, "commit": self._store.commits, **session.presentation.snapshot()}
        page.send(json.dumps(hello))
        self._touch_people(session_id, session)
        try:
            yield session
        finally:
            del session.pages[page.id]
            if not session.pages:
                del self._sessions[session_id]
            if session.presentation.leave(page.id):
                session.broadcast(session.presentation.driver())
            self._touch_people(session_id, session)

    def receive(self, page: OpenPage, session: SessionPages, message: dict[str, Any]) -> None:
        """Apply a message of a page; raises BadRequest and ValidationError."""
        if message.get("type") == "follow":
            page.is_following = message.get("on") is True
            self._touch_people(page.access.review_session_id, session)
            return
        session.receive(page, message)

    def on_changes(self, entities: list[dict[str, Any]]) -> None:
        """Receive the changes of a transaction; called on the thread of the writer."""
        if self._loop is None:
            return
        try:
            self._loop.call_soon_threadsafe(self._touch, entities)
        except RuntimeError:
            _log.debug("The event loop is closed; changes are not sent to review pages.")

    def on_permissions(self) -> None:
        """Check the access of all pages, after users, keys or browser sessions have changed; called on any thread."""
        if self._loop is not None:
            with suppress(RuntimeError):  # The loop is closed when the server stops.
                self._loop.call_soon_threadsafe(self._touch_access)

    def _touch_access(self) -> None:
        for session_id, session in self._sessions.items():
            session.touched.access = True
            self._start_flush(session_id, session)

    def _touch(self, entities: list[dict[str, Any]]) -> None:
        for session_id, session in self._sessions.items():
            touched = session.touched
            for entity in entities:
                _note_change(touched, session_id, session.objects, entity)
            if touched != _Touched():
                self._start_flush(session_id, session)

    def _touch_people(self, session_id: str, session: SessionPages) -> None:
        # Many pages may join at once: the list of all is not sent to all for each of them.
        session.touched.people = True
        self._start_flush(session_id, session)

    def _start_flush(self, session_id: str, session: SessionPages) -> None:
        if session.is_flushing:
            return
        session.is_flushing = True
        self._start(self._flush(session_id, session))

    def _start(self, task: Any) -> None:
        started = asyncio.get_running_loop().create_task(task)
        self._tasks.add(started)
        started.add_done_callback(self._tasks.discard)

    async def _flush(self, session_id: str, session: SessionPages) -> None:
        """Send what was touched in a session, after a moment in which more may be touched."""
        try:
            await asyncio.sleep(_COLLECT_SECONDS)
            touched, session.touched = session.touched, _Touched()
            if touched.access:
                await self._check_access(session)
            if touched.people:
                session.send_people()
            # One reading for each kind of visitor.
            viewers = {feedback.viewer_of(page.access): page.access for page in session.pages.values()}
            for viewer, access in viewers.items():
                for message in await to_thread.run_sync(self._read, access, session, touched):
                    session.broadcast(message, viewer=viewer)
            users = [page for page in session.pages.values() if page.access.user is not None]
            if touched.foreign and users:
                text = json.dumps(await to_thread.run_sync(self._read_foreign, session_id, touched.foreign))
                for page in users:
                    page.send(text)
        finally:
            session.is_flushing = False
            self._touch([])

    def _read(self, access: ReviewAccess, session: SessionPages, touched: _Touched) -> list[dict[str, Any]]:
        commit = self._store.commits
        messages: list[dict[str, Any]] = [
            feedback.read_change(self._store, access, object_id, note_ids, commit=commit)
            for object_id, note_ids in touched.notes.items()
        ]
        # A page that shows a note which became internal reads the version again; no guest gets the note's id.
        seen = {each["entry"]: {*each["removed"], *(note["id"] for note in each["notes"])} for each in messages}
        entries = touched.entries | {entry for entry, ids in seen.items() if not touched.notes[entry] <= ids}
        messages += [{"type": "entry", "entry": object_id, "commit": commit} for object_id in sorted(entries)]
        if touched.list:
            session.objects = self._read_objects(access.review_session_id)
            messages.append({"type": "list", "commit": commit})
        return messages

    def _read_foreign(self, session_id: str, object_ids: set[str]) -> dict[str, Any]:
        """Return the message that names the versions of the session whose assets have changed notes elsewhere."""
        with self._store.reading() as connection:
            entries = earlier_notes.entries_of_same_assets(connection, self._store.tables, session_id, object_ids)
        return {"type": "earlier", "entries": entries}

    def _read_objects(self, session_id: str) -> dict[str, str]:
        with self._store.reading() as connection:
            return feedback.entries_by_version(connection, self._store.tables, session_id)

    async def _watch(self, session_id: str, session: SessionPages) -> None:
        """Check the access of the pages of a session from time to time: links expire, and invitations are revoked."""
        # Not on the event loop: all connections that read may be in use for seconds.
        session.objects = await to_thread.run_sync(self._read_objects, session_id)
        while session.pages:
            await asyncio.sleep(_CHECK_ACCESS_INTERVAL_SECONDS)
            await self._check_access(session)

    async def _check_access(self, session: SessionPages) -> None:
        def find_invalid() -> list[OpenPage]:
            valid = set()
            for page in pages:
                with suppress(HttpError):
                    valid |= {page.id} if page.authorize() == page.access else set()
            return [page for page in pages if page.id not in valid]

        pages = list(session.pages.values())
        for page in await to_thread.run_sync(find_invalid):
            page.send('{"type":"access"}')
            page.queue.close()


def _note_change(touched: _Touched, session_id: str, objects: dict[str, str], entity: dict[str, Any]) -> None:
    """Add a changed entity to what was touched in a session, if it belongs to the session."""
    ancestors = {found["entity_type"]: found["entityId"] for found in reversed(entity["parents"])}
    object_id, kind = ancestors.get(_OBJECT), entity["entity_type"]
    if ancestors.get(_SESSION) == session_id:
        touched.access |= kind in (_SESSION, _INVITEE)
        if object_id is None or kind == _OBJECT:
            touched.list = True
            # An item that follows a shot shows another version.
            touched.entries |= {object_id} if object_id is not None and "version_id" in entity["keys"] else set()
        elif _NOTE in ancestors:
            touched.notes.setdefault(object_id, set()).add(ancestors[_NOTE])
        elif kind == _ANNOTATION:
            # The drawing of a note is written together with the note.
            if object_id not in touched.notes:
                touched.entries.add(object_id)
        else:
            touched.notes.setdefault(object_id, set())
        return
    if object_id is not None and _NOTE in ancestors:
        touched.foreign.add(object_id)
    version_id = ancestors.get("AssetVersion")
    if version_id in objects:
        touched.list = True
        touched.entries.add(objects[version_id])
