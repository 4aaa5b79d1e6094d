"""Files that visitors attach to notes.

A file is sent when it is added to an unsent note, and waits in a folder of its own until the note is sent; files of
notes that are never sent are removed after some days. The page keeps a signed token of the file with the unsent note.
"""

from __future__ import annotations

import hashlib
import math
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Any
from uuid import UUID, uuid4, uuid5

import attrs
from anyio import to_thread
from sqlalchemy import Connection, or_, select

from ft_dcc.review.stored_values import NOTE_KEY, json_object
from ft_dcc.server.auth.tokens import sign, verify
from ft_dcc.server.context import ServerContext
from ft_dcc.server.database.seed import SERVER_LOCATION_ID
from ft_dcc.server.entities.batch import Operation, create_operation
from ft_dcc.server.errors import InsufficientStorage, PayloadTooLarge, ValidationError, writing_to_disk
from ft_dcc.server.review.access import ReviewAccess
from ft_dcc.server.schema.tables import Tables
from ft_dcc.server.work.budgets import read_budgets

_FULL = "The files of your notes use all the space that they may. Ask the studio for another way to send this one."
_MIN_FREE_BYTES = 64 << 20
MAX_ATTACHMENTS = 10
_PURPOSE, _FOLDER = "attachment", "attachments"
_LIFETIME_SECONDS = 7 * 24 * 3600
_MAX_NAME_LENGTH = 200
_LOCATION_NAMESPACE = UUID("5a7cf5ad-0d51-4a0c-9c0b-7f4a1a1d2c33")


@attrs.frozen
class Attachment:
    """A file that was sent for a note of one visitor."""

    id: str
    name: str
    size: int
    session: str
    author: str


def note_file_operations(component_id: str, note_id: str, name: str, size: int) -> list[Operation]:
    """Return the operations that hang a file, which is in the media folder, on a note."""
    path = PurePath(name)
    component = {"id": component_id, "name": path.stem or "file", "file_type": path.suffix, "size": size}
    place = {"id": _location_id(component_id), "component_id": component_id, "resource_identifier": component_id}
    return [
        create_operation("FileComponent", component),
        create_operation("ComponentLocation", {**place, "location_id": SERVER_LOCATION_ID}),
        create_operation("NoteComponent", {"note_id": note_id, "component_id": component_id}),
    ]


def attached_files(connection: Connection, tables: Tables, note_id: str, user_id: str | None) -> list[str]:
    """Return the ids of the files that were attached to this note, and to no other, by its author or the server.

    ``user_id`` is the author, None for a guest. Other components can hang on a note as well: a program may link
    any that its user can read, such as a thumbnail or a file of another note.
    """
    link, component, place = tables.families("NoteComponent", "Component", "ComponentLocation")
    statement = select(component.c.id).join_from(link, component, link.c.component_id == component.c.id)
    statement = statement.where(link.c.note_id == note_id, component.c.version_id.is_(None))
    statement = statement.where(component.c.container_id.is_(None))
    statement = statement.where(or_(component.c.created_by_id.is_(None), component.c.created_by_id == user_id))
    linked = set(connection.scalars(statement))
    elsewhere = select(link.c.component_id).where(link.c.component_id.in_(linked), link.c.note_id != note_id)
    places = {_location_id(component_id): component_id for component_id in linked}
    placed = {places[key] for key in connection.scalars(select(place.c.id).where(place.c.id.in_(places)))}
    return sorted(placed - set(connection.scalars(elsewhere)))


def _location_id(component_id: str) -> str:
    return str(uuid5(_LOCATION_NAMESPACE, component_id))


class Attachments:
    """The files of unsent notes."""

    def __init__(self, context: ServerContext) -> None:
        self._context, self._folder = context, context.folder / _FOLDER
        # By the names of files that are being received, their sizes as they were announced.
        self._announced: dict[str, int] = {}

    async def receive(
        self, access: ReviewAccess, name: str, announced: int, chunks: AsyncIterator[bytes]
    ) -> dict[str, Any]:
        """Keep a file of at most the announced size for a note; raises PayloadTooLarge and InsufficientStorage."""
        name = "".join(letter for letter in PurePath(name.replace("\\", "/")).name if letter.isprintable())
        found = Attachment(
            str(uuid4()), name[-_MAX_NAME_LENGTH:] or "file", 0, access.review_session_id, author(access)
        )
        path = self._path(found)
        await to_thread.run_sync(self._prepare)
        size = 0
        # Before the others are counted, so that files that are sent at the same time cannot exceed the budget.
        self._announced[path.name] = announced
        try:
            if await to_thread.run_sync(self._bytes_left, access) < 0:
                raise PayloadTooLarge(_FULL)
            with writing_to_disk(), path.open("wb") as file:
                async for chunk in chunks:
                    size += len(chunk)
                    await to_thread.run_sync(file.write, chunk)
            if size == 0:
                raise ValidationError(f"The file '{found.name}' is empty. Attach another one.")
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        finally:
            del self._announced[path.name]
        found = attrs.evolve(found, size=size)
        token = sign(self._context.secret, _PURPOSE, attrs.asdict(found), _LIFETIME_SECONDS)
        return {"id": found.id, "name": found.name, "size": size, "token": token}

    def adopt(self, access: ReviewAccess, tokens: object) -> list[Attachment]:
        """Copy the files of a note to the media folder and return them; raises ValidationError and Forbidden."""
        if not isinstance(tokens, list) or len(tokens) > MAX_ATTACHMENTS:
            raise ValidationError(f"A note has at most {MAX_ATTACHMENTS} files. Remove some.")
        found = [Attachment(**verify(self._context.secret, _PURPOSE, str(token))) for token in tokens]
        for each in found:
            if (each.session, each.author) != (access.review_session_id, author(access)):
                raise ValidationError(f"The file '{each.name}' belongs to another page. Attach it again.")
            if self._context.media.exists(each.id):
                continue
            source = self._path(each)
            copy = source.with_suffix(".copy")
            try:
                with writing_to_disk():
                    shutil.copyfile(source, copy)
            except FileNotFoundError as error:
                raise ValidationError(f"The file '{each.name}' was kept too long. Attach it again.") from error
            self._context.media.import_file(copy, each.id)
        return found

    def discard(self, attachments: list[Attachment], *, was_written: bool) -> None:
        """Remove what is not needed: the files of a sent note, or the copies for a note that was not written."""
        for each in attachments:
            if was_written:
                self._path(each).unlink(missing_ok=True)
            elif self._path(each).exists():
                self._context.media.remove(each.id)

    def _path(self, attachment: Attachment) -> Path:
        """Return the path of an unsent file: in its name, session and author are digests, by which they are counted."""
        names = (hashlib.sha256(each.encode()).hexdigest()[:16] for each in (attachment.session, attachment.author))
        return self._folder / "_".join((*names, attachment.id))

    def _bytes_left(self, access: ReviewAccess) -> float:
        """Return how many bytes a guest may attach beside what is sent now and was sent in this session."""
        if access.user is not None:
            return math.inf
        names = ("Note", "ReviewSessionObject", "NoteComponent", "Component", "Metadata")
        note, item, link, component, metadata = self._context.store.tables.families(*names)
        statement = (
            select(component.c.size, metadata.c.value)
            .join_from(item, note, note.c.parent_id == item.c.id)
            .join(link, link.c.note_id == note.c.id)
            .join(component, component.c.id == link.c.component_id)
            .join(metadata, (metadata.c.parent_id == note.c.id) & (metadata.c.key == NOTE_KEY))
            .where(item.c.review_session_id == access.review_session_id, note.c.user_id.is_(None))
        )
        visitor = session = 0
        with self._context.store.reading() as connection:
            for row in connection.execute(statement):
                session += row.size or 0
                is_own = json_object(row.value).get("invitee_id") == access.invitee_id
                visitor += (row.size or 0) if is_own else 0
        own = self._path(Attachment("", "", 0, access.review_session_id, author(access))).name
        sizes: dict[str, int] = {}
        for path in self._folder.iterdir():
            with suppress(FileNotFoundError):
                sizes[path.name] = path.stat().st_size
        for name, size in {**sizes, **self._announced}.items():
            session += size if name.startswith(own.partition("_")[0]) else 0
            visitor += size if name.startswith(own) else 0
        of_visitor, of_session = read_budgets().attachment_bytes
        return min(of_visitor - visitor, of_session - session)

    def _prepare(self) -> None:
        """Check that there is space, and remove the files of notes that were not sent for days."""
        if self._context.media.free_bytes() < _MIN_FREE_BYTES:
            raise InsufficientStorage("The server's disk is full, so that no file can be attached. Tell the studio.")
        with writing_to_disk():
            self._folder.mkdir(parents=True, exist_ok=True)
        for path in self._folder.iterdir():
            if time.time() - path.stat().st_mtime > _LIFETIME_SECONDS:
                path.unlink(missing_ok=True)


def author(access: ReviewAccess) -> str:
    """Return the id of the user or invitee."""
    return str(access.invitee_id if access.user is None else access.user.id)
