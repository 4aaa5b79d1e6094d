"""Attributes that the published documents name and a site's schema does not have, and what each means there.

The table, with its reasons, is in docs/ftrack-words.md.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ft_dcc.errors import ImmutableAttributeError, OperationError
from ft_dcc.session.attribute import Attribute, CollectionAttribute
from ft_dcc.session.expression import field, find
from ft_dcc.session.operations import RequestOperation, UploadOperation
from ft_dcc.session.symbol import NOT_SET

if TYPE_CHECKING:
    from ft_dcc.session.entity import Entity

Read = Callable[["Entity"], Any]
Write = Callable[["Entity", Any], None]


class Word(Attribute):
    """An attribute that is read from others, and written to them."""

    __slots__ = ("_read", "_write")

    def __init__(self, name: str, read: Read, write: Write | None = None) -> None:
        super().__init__(name)
        self._read, self._write = read, write

    def known(self, entity: Entity) -> Any:
        """Return what the others say."""
        return self._read(entity)

    def set_local_value(self, entity: Entity, value: Any) -> None:
        """Write to the others; raises ImmutableAttributeError where the server works it out."""
        if self._write is None:
            raise ImmutableAttributeError(f"{self.name} of {entity!r} cannot be changed: the server gives the number.")
        self._write(entity, value)


class Components(CollectionAttribute):
    """The components of a version, which may be given as dictionaries, each with the path of its file."""

    __slots__ = ()

    def set_local_value(self, entity: Entity, value: Iterable[Any]) -> None:
        """Replace the whole content; a dictionary becomes a new file component."""
        session = entity.session
        super().set_local_value(
            entity,
            [
                session.create("FileComponent", {**each, "version": entity}) if type(each) is dict else each
                for each in value
            ],
        )


def add_words(entity_type: str, attributes: dict[str, Attribute]) -> dict[str, Word]:
    """Return the words of an entity type that it has no attributes for."""
    components = attributes.get("components")
    if entity_type == "AssetVersion" and type(components) is CollectionAttribute:
        attributes["components"] = Components("components", components.entity_type)
    return {word.name: word for word in _WORDS.get(entity_type, ()) if word.name not in attributes}


def _renamed(name: str, attribute: str) -> Word:
    def write(entity: Entity, value: Any) -> None:
        entity[attribute] = value

    return Word(name, lambda entity: entity[attribute], write)


def _version_name(version: Entity) -> str | None:
    number = version["version"]
    return f"v{number:03d}" if isinstance(number, int) else None


def _status(review_session: Entity) -> str:
    # Not from is_open, which the server works out and which is old news once a date was changed.
    now = datetime.datetime.now(datetime.timezone.utc)
    start, end = (_aware(review_session[name]) for name in ("start_date", "end_date"))
    return "Open" if (start is None or start <= now) and (end is None or end > now) else "Closed"


def _aware(moment: Any) -> datetime.datetime | None:
    if not isinstance(moment, datetime.datetime):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=datetime.timezone.utc)


def _set_status(review_session: Entity, status: str) -> None:
    wanted = str(status).capitalize()
    if wanted not in ("Open", "Closed"):
        raise OperationError(f"A review session is Open or Closed, not {status!r}.")
    now = datetime.datetime.now(datetime.timezone.utc)
    if wanted == "Closed":
        # The server keeps whole seconds; it must not be open for the rest of this one.
        review_session["end_date"] = now.replace(microsecond=0)
    elif _status(review_session) == "Closed":
        review_session["end_date"] = None
        if (_aware(review_session["start_date"]) or now) > now:
            review_session["start_date"] = now
    review_session.drop("is_open")


def _invited_user(invitee: Entity) -> Entity | None:
    email = invitee["email"]
    return invitee.session.query(find("User").where(field("email") == email)).first() if email else None


def _invite_user(invitee: Entity, user: Entity) -> None:
    if not user["email"]:
        raise OperationError(f"{user!r} cannot be invited without an e-mail address. Give the user one.")
    full_name = " ".join(user[part] for part in ("first_name", "last_name") if user[part])
    invitee["name"], invitee["email"] = full_name or user["username"], user["email"]


def _set_invitation_status(invitee: Entity, status: str) -> None:
    if status not in ("pending", "sent"):
        raise OperationError(f"An invitation is pending or sent, not {status!r}.")
    if status == "sent":
        key = {"id": invitee["id"]}
        request = {"action": "send_review_session_invite", "review_session_invitee_id": invitee["id"]}
        invitee.session.recorded_operations.push(RequestOperation(invitee.entity_type, key, request))


def _pending_path(component: Entity) -> str | None:
    for operation in reversed(list(component.session.recorded_operations)):
        if isinstance(operation, UploadOperation) and operation.entity_key["id"] == component["id"]:
            return str(operation.path)
    return None


def _set_path(component: Entity, value: Any) -> None:
    path = Path(value)
    if component.stored("file_type") in (NOT_SET, None, ""):
        component["file_type"] = path.suffix
    key = {"id": component["id"]}
    component.session.recorded_operations.push(UploadOperation(component.entity_type, key, path))


def _noted_object(note: Entity) -> Entity | None:
    parent_id = note["parent_id"]
    return note.session.get("ReviewSessionObject", parent_id) if parent_id else None


_WORDS: Mapping[str, tuple[Word, ...]] = {
    "AssetVersion": (Word("name", _version_name), _renamed("description", "comment")),
    "ReviewSession": (Word("status", _status, _set_status), _renamed("is_public", "shareable_url_enabled")),
    "ReviewSessionInvitee": (
        Word("user", _invited_user, _invite_user),
        Word(
            "invitation_status",
            lambda invitee: "sent" if invitee["last_sent_at"] else "pending",
            _set_invitation_status,
        ),
    ),
    "FileComponent": (Word("file_path", _pending_path, _set_path),),
    "Note": (_renamed("text", "content"), Word("review_session_object", _noted_object)),
}
