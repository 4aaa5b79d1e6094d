"""Files that visitors attach to notes.

A file is sent when it is added to an unsent note, and waits in a folder of its own until the note is sent; files of
notes that are never sent are removed after some days. The page keeps a signed token of the file with the unsent note.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import AsyncIterator
from pathlib import PurePath
from typing import Any
from uuid import UUID, uuid4, uuid5

import attrs
from anyio import to_thread
from sqlalchemy import Connection, or_, select

from ft_dcc.server.auth.signed_tokens import sign, verify
from ft_dcc.server.context import ServerContext
from ft_dcc.server.database.seed import SERVER_LOCATION_ID
from ft_dcc.server.entities.batch import Operation, create_operation
from ft_dcc.server.errors import InsufficientStorage, PayloadTooLarge, ValidationError
from ft_dcc.server.review.access import ReviewAccess
from ft_dcc.server.schema.tables import Tables
from ft_dcc.server.storage.upload_file import writing_to_disk

MAX_ATTACHMENT_BYTES = 64 << 20
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
    link, component, place = (tables.by_family[name] for name in ("NoteComponent", "Component", "ComponentLocation"))
    statement = select(component.c.id).join_from(link, component, link.c.component_id == component.c.id)
    statement = statement.where(link.c.note_id == note_id, component.c.version_id.is_(None))
    statement = statement.where(component.c.container_id.is_(None))
    if "created_by_id" in component.c:
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

    async def receive(self, access: ReviewAccess, name: str, chunks: AsyncIterator[bytes]) -> dict[str, Any]:
        """Keep a file for a note that is sent later; raises PayloadTooLarge and InsufficientStorage."""
        name = "".join(letter for letter in PurePath(name.replace("\\", "/")).name if letter.isprintable())
        found = Attachment(
            str(uuid4()), name[-_MAX_NAME_LENGTH:] or "file", 0, access.review_session_id, author(access)
        )
        path = self._folder / found.id
        await to_thread.run_sync(self._prepare)
        size = 0
        try:
            with writing_to_disk(), path.open("wb") as file:
                async for chunk in chunks:
                    size += len(chunk)
                    if size > MAX_ATTACHMENT_BYTES:
                        raise PayloadTooLarge(
                            f"A file has at most {MAX_ATTACHMENT_BYTES >> 20} MB. Attach a smaller one."
                        )
                    await to_thread.run_sync(file.write, chunk)
            if size == 0:
                raise ValidationError(f"The file '{found.name}' is empty. Attach another one.")
        except BaseException:
            path.unlink(missing_ok=True)
            raise
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
            if not self._context.media.exists(each.id):
                self._import(each)
        return found

    def discard(self, attachments: list[Attachment], *, was_written: bool) -> None:
        """Remove what is not needed: the files of a sent note, or the copies for a note that was not written."""
        for each in attachments:
            if was_written:
                (self._folder / each.id).unlink(missing_ok=True)
            elif (self._folder / each.id).exists():
                self._context.media.remove(each.id)

    def _import(self, attachment: Attachment) -> None:
        source, copy = self._folder / attachment.id, self._folder / f"{attachment.id}.copy"
        try:
            with writing_to_disk():
                shutil.copyfile(source, copy)
        except FileNotFoundError as error:
            raise ValidationError(f"The file '{attachment.name}' was kept too long. Attach it again.") from error
        self._context.media.import_file(copy, attachment.id)

    def _prepare(self) -> None:
        """Check that there is space, and remove the files of notes that were not sent for days."""
        if self._context.media.free_bytes() < MAX_ATTACHMENT_BYTES:
            raise InsufficientStorage("The server's disk is full, so that no file can be attached. Tell the studio.")
        with writing_to_disk():
            self._folder.mkdir(parents=True, exist_ok=True)
        for path in self._folder.iterdir():
            if time.time() - path.stat().st_mtime > _LIFETIME_SECONDS:
                path.unlink(missing_ok=True)


def author(access: ReviewAccess) -> str:
    """Return the id of the user or invitee."""
    return str(access.invitee_id if access.user is None else access.user.id)
