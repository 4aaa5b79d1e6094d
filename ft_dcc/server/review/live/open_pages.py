"""Open review pages: send them the changes of their session, and the state of a presentation.

A page has one connection: a WebSocket or, where that fails, server-sent events. Changes come from the transactions of
the server. They are collected for a moment, read once and sent to all pages of the session.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import attrs
from anyio import to_thread

from ft_dcc.server.database.store import Store
from ft_dcc.server.errors import HttpError
from ft_dcc.server.review import content
from ft_dcc.server.review.access import ReviewAccess
from ft_dcc.server.review.earlier_notes import entries_of_same_assets
from ft_dcc.server.review.feedback import read_change, viewer_of
from ft_dcc.server.review.live.presentation import Presentation, clock_ms

_log = logging.getLogger(__name__)

_COLLECT_SECONDS = 0.15
_CHECK_ACCESS_INTERVAL_SECONDS = 30
_MAX_QUEUED = 2_000
_ALL = object()
# A visitor is a user, an invitee, or an address with the shared link, behind which a whole company can be.
_MAX_PAGES, _MAX_PAGES_PER_SESSION, MAX_PAGES_PER_VISITOR = 1_000, 500, 200
_MAX_PEOPLE = 50
# Changes of these types concern the list of versions, not the notes of one.
_NOTE, _OBJECT, _SESSION = "Note", "ReviewSessionObject", "ReviewSession"
_STATUS, _ANNOTATION, _INVITEE = "ReviewSessionObjectStatus", "ReviewSessionObjectAnnotation", "ReviewSessionInvitee"

Authorize = Callable[[], ReviewAccess]


class Page:
    """One open page: who looks at it, and the queue of messages to it."""

    _numbers = itertools.count(1)

    def __init__(self, access: ReviewAccess, authorize: Authorize, address: str = "") -> None:
        self.id = next(self._numbers)
        self.access, self.authorize = access, authorize
        self.visitor = (access.invitee_id or address) if access.user is None else access.user.id
        self.is_closed = False
        self.is_following = False
        self._queue: deque[str] = deque()
        self._has_messages = asyncio.Event()

    def send(self, message: str) -> None:
        """Queue a message; a page that does not read is disconnected, and reads everything when it connects again."""
        if len(self._queue) >= _MAX_QUEUED:
            self.close()
        elif not self.is_closed:
            self._queue.append(message)
            self._has_messages.set()

    def close(self) -> None:
        """End the connection of the page after the queued messages."""
        self.is_closed = True
        self._has_messages.set()

    async def receive(self) -> str | None:
        """Return the next message to send to the page, or None when the connection ends."""
        while not self._queue:
            if self.is_closed:
                return None
            self._has_messages.clear()
            await self._has_messages.wait()
        return self._queue.popleft()

    def describe(self) -> dict[str, Any]:
        """Return the entry of the page in the list of people."""
        name, may_present = self.access.name or "Guest", self.access.may("present")
        return {"id": self.id, "name": name, "may_present": may_present, "is_following": self.is_following}


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
class Room:
    """The open pages of one session, and the presentation that they may follow."""

    pages: dict[int, Page] = attrs.field(factory=dict)
    presentation: Presentation = attrs.field(factory=Presentation)
    # The objects of the session by their versions, whose media may change.
    objects: dict[str, str] = attrs.field(factory=dict)
    touched: _Touched = attrs.field(factory=_Touched)
    is_flushing: bool = False

    def broadcast(self, message: dict[str, Any], except_page: Page | None = None, viewer: object = _ALL) -> None:
        """Send a message to all pages, to all but one, or to those of one kind of visitor."""
        text = json.dumps(message, separators=(",", ":"))
        for page in list(self.pages.values()):
            if page is not except_page and viewer in (_ALL, viewer_of(page.access)):
                page.send(text)

    def receive(self, page: Page, message: dict[str, Any]) -> None:
        """Apply a message of a page; raises BadRequest and ValidationError."""
        kind = message.get("type")
        if kind == "clock":
            # The page computes the difference of the clocks from the time that the answer takes.
            page.send(json.dumps({"type": "clock", "sent": message.get("sent"), "now": clock_ms()}))
            return
        presenters = {each.id for each in self.pages.values() if each.access.may("present")}
        answer = self.presentation.receive(page.id, presenters, message)
        if answer is not None:
            self.broadcast(answer, None if answer["type"] == "driver" else page)

    def people(self) -> dict[str, Any]:
        """Return the message that lists the people of the session."""
        people = [page.describe() for page in itertools.islice(self.pages.values(), _MAX_PEOPLE)]
        presenter = self.presentation.presenter
        return {"type": "people", "people": people, "count": len(self.pages), "presenter": presenter}


class LiveReviews:
    """All rooms of a server; an observer of the event hub. All methods but ``on_changes`` run on the event loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rooms: dict[str, Room] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def is_active(self) -> bool:
        """Whether any page is open."""
        return bool(self._rooms)

    @contextmanager
    def connected(self, page: Page) -> Iterator[Room | None]:
        """Add the page to the room of its session inside the block; yield None at a limit of open pages."""
        self._loop = asyncio.get_running_loop()
        session_id = page.access.review_session_id
        room = self._rooms.get(session_id)
        if self._is_full(room, page.visitor):
            yield None
            return
        if room is None:
            room = self._rooms[session_id] = Room()
            self._start(self._watch(session_id, room))
        room.pages[page.id] = page
        hello = {"type": "hello", "page": page.id, "commit": self._store.commits, **room.presentation.snapshot()}
        page.send(json.dumps(hello))
        self._touch_people(session_id, room)
        try:
            yield room
        finally:
            del room.pages[page.id]
            if not room.pages:
                del self._rooms[session_id]
            if room.presentation.leave(page.id):
                room.broadcast(room.presentation.driver())
            self._touch_people(session_id, room)

    def _is_full(self, room: Room | None, visitor: str) -> bool:
        """Return whether all sessions, this one, or a visitor have as many pages as may be open."""
        visitors = [page.visitor for each in self._rooms.values() for page in each.pages.values()]
        is_room_full = room is not None and len(room.pages) >= _MAX_PAGES_PER_SESSION
        return is_room_full or len(visitors) >= _MAX_PAGES or visitors.count(visitor) >= MAX_PAGES_PER_VISITOR

    def receive(self, page: Page, room: Room, message: dict[str, Any]) -> None:
        """Apply a message of a page; raises BadRequest and ValidationError."""
        if message.get("type") == "follow":
            page.is_following = message.get("on") is True
            self._touch_people(page.access.review_session_id, room)
            return
        room.receive(page, message)

    def on_changes(self, entities: list[dict[str, Any]]) -> None:
        """Receive the changes of a transaction; called on the thread of the writer."""
        if self._loop is None:
            return
        try:
            self._loop.call_soon_threadsafe(self._touch, entities)
        except RuntimeError:
            _log.debug("The event loop is closed; changes are not sent to review pages.")

    def _touch(self, entities: list[dict[str, Any]]) -> None:
        for session_id, room in self._rooms.items():
            touched = room.touched
            for entity in entities:
                _note_change(touched, session_id, room.objects, entity)
            if touched != _Touched():
                self._start_flush(session_id, room)

    def _touch_people(self, session_id: str, room: Room) -> None:
        # Many pages may join at once: the list of all is not sent to all for each of them.
        room.touched.people = True
        self._start_flush(session_id, room)

    def _start_flush(self, session_id: str, room: Room) -> None:
        if room.is_flushing:
            return
        room.is_flushing = True
        self._start(self._flush(session_id, room))

    def _start(self, task: Any) -> None:
        started = asyncio.get_running_loop().create_task(task)
        self._tasks.add(started)
        started.add_done_callback(self._tasks.discard)

    async def _flush(self, session_id: str, room: Room) -> None:
        """Send what was touched in a room, after a moment in which more may be touched."""
        try:
            await asyncio.sleep(_COLLECT_SECONDS)
            touched, room.touched = room.touched, _Touched()
            if touched.access:
                await self._check_access(room)
            if touched.people:
                room.broadcast(room.people())
            # One reading for all pages, unless the session is moderated: then for each kind of visitor.
            viewers = {viewer_of(page.access): page.access for page in room.pages.values()}
            for viewer, access in viewers.items():
                for message in await to_thread.run_sync(self._read, access, room, touched):
                    room.broadcast(message, viewer=viewer)
            users = [page for page in room.pages.values() if page.access.user is not None]
            if touched.foreign and users:
                text = json.dumps(await to_thread.run_sync(self._read_foreign, session_id, touched.foreign))
                for page in users:
                    page.send(text)
        finally:
            room.is_flushing = False
            self._touch([])

    def _read(self, access: ReviewAccess, room: Room, touched: _Touched) -> list[dict[str, Any]]:
        commit = self._store.commits
        messages: list[dict[str, Any]] = [
            read_change(self._store, access, object_id, note_ids, commit=commit)
            for object_id, note_ids in touched.notes.items()
        ]
        messages += [{"type": "entry", "entry": object_id, "commit": commit} for object_id in sorted(touched.entries)]
        if touched.list:
            room.objects = self._read_objects(access.review_session_id)
            messages.append({"type": "list", "commit": commit})
        return messages

    def _read_foreign(self, session_id: str, object_ids: set[str]) -> dict[str, Any]:
        """Return the message that names the versions of the session whose assets have changed notes elsewhere."""
        with self._store.reading() as connection:
            entries = entries_of_same_assets(connection, self._store.tables, session_id, object_ids)
        return {"type": "earlier", "entries": entries}

    def _read_objects(self, session_id: str) -> dict[str, str]:
        with self._store.reading() as connection:
            return content.version_ids(connection, self._store.tables, session_id)

    async def _watch(self, session_id: str, room: Room) -> None:
        """Check the access of the pages of a room from time to time: links expire, and invitations are revoked."""
        # Not on the event loop: all connections that read may be in use for seconds.
        room.objects = await to_thread.run_sync(self._read_objects, session_id)
        while room.pages:
            await asyncio.sleep(_CHECK_ACCESS_INTERVAL_SECONDS)
            await self._check_access(room)

    async def _check_access(self, room: Room) -> None:
        pages = list(room.pages.values())
        for page, is_valid in zip(pages, await to_thread.run_sync(_are_valid, pages)):
            if not is_valid:
                page.send('{"type":"access"}')
                page.close()


def _are_valid(pages: list[Page]) -> list[bool]:
    """Return for each page whether its link still gives the same access."""
    found = []
    for page in pages:
        try:
            found.append(page.authorize() == page.access)
        except HttpError:
            found.append(False)
    return found


def _note_change(touched: _Touched, session_id: str, objects: dict[str, str], entity: dict[str, Any]) -> None:
    """Add a changed entity to what was touched in a session, if it belongs to the session."""
    ancestors = {found["entity_type"]: found["entityId"] for found in reversed(entity["parents"])}
    object_id, kind = ancestors.get(_OBJECT), entity["entity_type"]
    if ancestors.get(_SESSION) == session_id:
        touched.access |= kind in (_SESSION, _INVITEE)
        if object_id is None or kind == _OBJECT:
            touched.list = True
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
