"""Aliases of attributes and entity types that ftrack's documentation names and a site's schema does not have.

The table, with the reasons, is in docs/ftrack-docs-aliases.md.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ft_dcc.errors import ImmutableAttributeError, OperationError
from ft_dcc.session import operations, symbol
from ft_dcc.session.entities.attribute import CollectionAttribute
from ft_dcc.session.entities.entity import Attribute, Entity
from ft_dcc.session.locations.sequence_files import frame_number, is_sequence, sequence_files
from ft_dcc.session.query.expression import field, find
from ft_dcc.session.transport.codec import to_datetime

Read = Callable[[Entity], Any]
Write = Callable[[Entity, Any], None]

# The site's entity type of each type of the documentation.
TYPE_ALIASES = {
    "Version": "AssetVersion",
    "ReviewSessionObjectComponent": "FileComponent",
    "ReviewSessionObjectComment": "Note",
}


class AliasAttribute(Attribute):
    """An attribute that is computed from other attributes, and assigned to them."""

    __slots__ = ("_read", "_write")

    def __init__(self, name: str, read: Read, write: Write | None = None) -> None:
        super().__init__(name)
        self._read, self._write = read, write

    def derived_value(self, entity: Entity) -> Any:
        """Return the value computed from the other attributes."""
        return self._read(entity)

    def set_local_value(self, entity: Entity, value: Any) -> None:
        """Assign the other attributes; raises ImmutableAttributeError if the server computes them."""
        if self._write is None:
            raise ImmutableAttributeError(f"{self.name} of {entity!r} cannot be changed: the server gives the number.")
        self._write(entity, value)


class ComponentsAlias(CollectionAttribute):
    """The components of a version, which can be assigned as dictionaries with a ``file_path``."""

    __slots__ = ()

    def set_local_value(self, entity: Entity, value: Iterable[Any]) -> None:
        """Replace the whole content; dictionaries become new file components."""
        session = entity.session
        super().set_local_value(
            entity,
            [
                session.create("FileComponent", {**each, "version": entity}) if type(each) is dict else each
                for each in value
            ],
        )


def add_aliases(entity_type: str, attributes: dict[str, Attribute]) -> dict[str, AliasAttribute]:
    """Return the aliases of an entity type, without those that are attributes of its schema."""
    components = attributes.get("components")
    if entity_type == "AssetVersion" and type(components) is CollectionAttribute:
        attributes["components"] = ComponentsAlias("components", components.entity_type)
    return {alias.name: alias for alias in _ALIASES.get(entity_type, ()) if alias.name not in attributes}


def _synonym(name: str, attribute: str) -> AliasAttribute:
    def write(entity: Entity, value: Any) -> None:
        entity[attribute] = value

    return AliasAttribute(name, lambda entity: entity[attribute], write)


def _version_name(version: Entity) -> str | None:
    number = version["version"]
    return f"v{number:03d}" if isinstance(number, int) else None


def _status(review_session: Entity) -> str:
    # is_open is computed by the server, so it is outdated after a change of the dates.
    now = datetime.datetime.now(datetime.timezone.utc)
    start, end = (_aware(review_session[name]) for name in ("start_date", "end_date"))
    return "Open" if (start is None or start <= now) and (end is None or end > now) else "Closed"


def _aware(time: Any) -> datetime.datetime | None:
    time = to_datetime(time)
    if not isinstance(time, datetime.datetime):
        return None
    return time if time.tzinfo is not None else time.replace(tzinfo=datetime.timezone.utc)


def _set_status(review_session: Entity, status: str) -> None:
    new_status = str(status).capitalize()
    if new_status not in ("Open", "Closed"):
        raise OperationError(f"The status of a review session is Open or Closed, not {status!r}.")
    now = datetime.datetime.now(datetime.timezone.utc)
    if new_status == "Closed":
        # The server stores whole seconds; the session must not stay open for the rest of this one.
        review_session["end_date"] = now.replace(microsecond=0)
    elif _status(review_session) == "Closed":
        review_session["end_date"] = None
        if (_aware(review_session["start_date"]) or now) > now:
            review_session["start_date"] = now
    review_session.invalidate("is_open")


def _invited_user(invitee: Entity) -> Entity | None:
    email = invitee["email"]
    return invitee.session.query(find("User").where(field("email") == email)).first() if email else None


def _invite_user(invitee: Entity, user: Entity) -> None:
    if not user["email"]:
        raise OperationError(f"{user!r} cannot be invited without an e-mail address. Set the user's email.")
    full_name = " ".join(user[part] for part in ("first_name", "last_name") if user[part])
    invitee["name"], invitee["email"] = full_name or user["username"], user["email"]


def _set_invitation_status(invitee: Entity, status: str) -> None:
    if status not in ("pending", "sent"):
        raise OperationError(f"The status of an invitation is pending or sent, not {status!r}.")
    if status == "sent":
        key = {"id": invitee["id"]}
        request = {"action": "send_review_session_invite", "review_session_invitee_id": invitee["id"]}
        invitee.session.recorded_operations.push(operations.RequestOperation(invitee.entity_type, key, request))


def _pending_path(component: Entity) -> str | None:
    for operation in reversed(list(component.session.recorded_operations)):
        if isinstance(operation, operations.UploadOperation) and operation.entity_key["id"] == component["id"]:
            return str(operation.path)
    return None


def _set_path(component: Entity, value: Any) -> None:
    if not isinstance(value, (str, os.PathLike)) or not os.fspath(value):
        raise OperationError(f"The file_path of {component!r} is {value!r}. Pass the path of a file.")
    if is_sequence(value):
        raise OperationError(f"{component!r} is one file, and {value} a sequence. Create a new component with it.")
    path = Path(value)
    if component.stored_value("file_type") in (symbol.NOT_SET, None, ""):
        component["file_type"] = path.suffix
    key = {"id": component["id"]}
    component.session.recorded_operations.push(operations.UploadOperation(component.entity_type, key, path))


def _set_sequence(component: Entity, value: Any) -> None:
    """Add a member for each file of the sequence to a new component; the files are uploaded by the commit."""
    if component.state is not symbol.CREATED or component["members"]:
        raise OperationError(f"{component!r} has its files already. Create a new component for {value}.")
    if not isinstance(value, (str, os.PathLike)) or not is_sequence(value):
        raise OperationError(f"{value!r} is no sequence. Name it like name.%04d.png [1001-1100] or name.%04d.png.")
    files, session = sequence_files(value), component.session
    numbers = [frame_number(file) for file in files]
    suffix = Path(files[0]).suffix
    component["padding"] = len(numbers[0]) if numbers[0].startswith("0") or len(set(map(len, numbers))) == 1 else 0
    component["size"] = sum(Path(file).stat().st_size for file in files)
    component["file_type"] = suffix
    component["members"] = [
        session.create(
            "FileComponent", {"name": number, "container": component, "file_type": suffix, "file_path": file}
        )
        for number, file in zip(numbers, files)
    ]
    location = {"component_id": component["id"], "location_id": symbol.SERVER_LOCATION_ID}
    session.create("ComponentLocation", {**location, "resource_identifier": component["id"]})


def _refuse_path(component: Entity, value: Any) -> None:
    raise OperationError(f"A {component.entity_type} has no file of its own. Create a FileComponent for {value}.")


def _review_session_object(note: Entity) -> Entity | None:
    parent_id = note["parent_id"]
    return note.session.get("ReviewSessionObject", parent_id) if parent_id else None


_ALIASES: Mapping[str, tuple[AliasAttribute, ...]] = {
    "AssetVersion": (AliasAttribute("name", _version_name), _synonym("description", "comment")),
    "ReviewSession": (AliasAttribute("status", _status, _set_status), _synonym("is_public", "shareable_url_enabled")),
    "ReviewSessionInvitee": (
        AliasAttribute("user", _invited_user, _invite_user),
        AliasAttribute(
            "invitation_status",
            lambda invitee: "sent" if invitee["last_sent_at"] else "pending",
            _set_invitation_status,
        ),
    ),
    "FileComponent": (AliasAttribute("file_path", _pending_path, _set_path),),
    "SequenceComponent": (AliasAttribute("file_path", _pending_path, _set_sequence),),
    "ContainerComponent": (AliasAttribute("file_path", _pending_path, _refuse_path),),
    "Note": (_synonym("text", "content"), AliasAttribute("review_session_object", _review_session_object)),
}
