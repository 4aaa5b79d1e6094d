"""Attributes, entity types and new entities as ftrack's documentation has them and a site's schema does not.

The table, with the reasons, is in docs/ftrack-docs-aliases.md.
"""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ft_dcc.errors import ImmutableAttributeError, OperationError, ReviewSessionClosed
from ft_dcc.session import operations, symbol
from ft_dcc.session.entities.attribute import CollectionAttribute
from ft_dcc.session.entities.entity import Attribute, Entity, SessionInterface
from ft_dcc.session.locations.components import frame_number, is_sequence, sequence_files
from ft_dcc.session.query.expression import field, find
from ft_dcc.session.transport.codec import to_datetime

Read = Callable[[Entity], Any]
Write = Callable[[Entity, Any], None]
Data = dict[str, Any]

# The project of review sessions without one.
_DEFAULT_PROJECT = "Reviews"
# What a review session can follow.
_FOLLOWED = ("shot", "asset", "sequence", "asset_build", "task", "project")
# The version number at the end of a name: "Version 3", "v003", "shot_010_v003".
_VERSION_SUFFIX = re.compile(r"[ ._-]*\bv(?:ersion)?[ ._-]*\d+$|[ ._-]v\d+$|_v\d+$", re.IGNORECASE)

# The site's entity type of each type of the documentation.
TYPE_ALIASES = {
    "Version": "AssetVersion",
    "ReviewSessionObjectComponent": "FileComponent",
    "ReviewSessionObjectComment": "Note",
}


class AliasAttribute(Attribute):
    """An attribute that is computed from other attributes, or that ``of`` has, and assigned to them."""

    __slots__ = ("_read", "_write", "of")

    def __init__(self, name: str, read: Read, write: Write | None = None, of: str | None = None) -> None:
        super().__init__(name)
        self._read, self._write, self.of = read, write, of

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
        create, shared = entity.session.create, {"version": entity}
        items = [create("FileComponent", {**each, **shared}) if type(each) is dict else each for each in value]
        super().set_local_value(entity, items)


def add_aliases(entity_type: str, attributes: dict[str, Attribute]) -> dict[str, AliasAttribute]:
    """Return the aliases of an entity type, without those that are attributes of its schema."""
    components = attributes.get("components")
    if entity_type == "AssetVersion" and type(components) is CollectionAttribute:
        attributes["components"] = ComponentsAlias("components", components.entity_type)
    aliases = (alias for alias in _ALIASES.get(entity_type, ()) if alias.name not in attributes)
    return {alias.name: alias for alias in aliases if alias.of is None or alias.of in attributes}


def _synonym(name: str, attribute: str) -> AliasAttribute:
    def write(entity: Entity, value: Any) -> None:
        entity[attribute] = value

    return AliasAttribute(name, lambda entity: entity[attribute], write, attribute)


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


def _invitation_status(invitee: Entity) -> str:
    recorded = list(invitee.session.recorded_operations)
    is_pending = any(
        isinstance(each, operations.RequestOperation) and each.entity_key["id"] == invitee["id"] for each in recorded
    )
    return "sent" if is_pending or invitee["last_sent_at"] else "pending"


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
    shared = {"container": component, "file_type": suffix}
    members = [{**shared, "name": number, "file_path": file} for number, file in zip(numbers, files)]
    component["members"] = [session.create("FileComponent", member) for member in members]
    location = {"component_id": component["id"], "location_id": symbol.SERVER_LOCATION_ID}
    session.create("ComponentLocation", {**location, "resource_identifier": component["id"]})


def _refuse_path(component: Entity, value: Any) -> None:
    raise OperationError(f"A {component.entity_type} has no file of its own. Create a FileComponent for {value}.")


def _review_session_object(note: Entity) -> Entity | None:
    parent_id = note["parent_id"]
    return note.session.get("ReviewSessionObject", parent_id) if parent_id else None


def _object_of_media(component: Entity) -> Entity | None:
    """Return the first object, uncommitted or of the server, that has the version of the component, or None."""
    version = component["version"]
    return None if version is None else _existing(component.session, "ReviewSessionObject", asset_version=version)


def _set_object_of_media(component: Entity, item: Entity) -> None:
    component["version"] = item["asset_version"]


_ALIASES: Mapping[str, tuple[AliasAttribute, ...]] = {
    "AssetVersion": (AliasAttribute("name", _version_name), _synonym("description", "comment")),
    "ReviewSession": (AliasAttribute("status", _status, _set_status), _synonym("is_public", "shareable_url_enabled")),
    "ReviewSessionInvitee": (
        AliasAttribute("user", _invited_user, _invite_user),
        AliasAttribute("invitation_status", _invitation_status, _set_invitation_status),
    ),
    "FileComponent": (
        AliasAttribute("file_path", _pending_path, _set_path),
        AliasAttribute("review_session_object", _object_of_media, _set_object_of_media),
    ),
    "SequenceComponent": (
        AliasAttribute("file_path", _pending_path, _set_sequence),
        AliasAttribute("review_session_object", _object_of_media, _set_object_of_media),
    ),
    "ContainerComponent": (AliasAttribute("file_path", _pending_path, _refuse_path),),
    "Note": (
        _synonym("text", "content"),
        _synonym("frame", "frame_number"),
        AliasAttribute("review_session_object", _review_session_object),
    ),
}


def translate_create(
    session: SessionInterface, entity_type: str, data: Mapping[str, Any]
) -> tuple[str, Mapping[str, Any]]:
    """Return the site's type and values of a new entity; entities that it depends on are created."""
    if entity_type not in _PREPARATIONS:
        return entity_type, data
    values = dict(data)
    if not (entity_type in TYPE_ALIASES and entity_type in session.types):
        _PREPARATIONS[entity_type](session, values)
        entity_type = TYPE_ALIASES.get(entity_type, entity_type)
    path = values.get("file_path")
    if entity_type == "FileComponent" and isinstance(path, (str, os.PathLike)) and is_sequence(path):
        _component(session, values)
        entity_type = "SequenceComponent"
    return entity_type, values


def _version(session: SessionInterface, values: Data) -> None:
    name = _VERSION_SUFFIX.sub("", str(values.pop("name", None) or ""))
    if values.get("asset") is None and values.get("asset_id") is None:
        task = _related(session, values, "task", "Task")
        if task is None:
            raise OperationError("A Version needs a task or an asset.")
        values["asset"] = _asset(session, task["parent"], name or task["name"])


def _media(session: SessionInterface, values: Data) -> None:
    item = _related(session, values, "review_session_object", "ReviewSessionObject")
    if item is None:
        raise OperationError("A ReviewSessionObjectComponent needs a review_session_object.")
    for name in ("review_session_object", "review_session_object_id", "system_type"):
        values.pop(name, None)
    values["version"] = _related(session, item, "asset_version", "AssetVersion", "version_id")
    if values["version"] is None:
        raise OperationError(
            f"'{item['name']}' has no version yet, to which media can be added: it follows a shot or another entity. "
            "Publish a version of that first, or create a ReviewSessionObject with a name only."
        )


def _comment(session: SessionInterface, values: Data) -> None:
    item = _related(session, values, "review_session_object", "ReviewSessionObject")
    if item is not None:
        values.update(parent_id=item["id"], parent_type=item.entity_type)
    for name in ("review_session_object", "review_session_object_id"):
        values.pop(name, None)


def _review_session(session: SessionInterface, values: Data) -> None:
    if values.get("project") is None and values.get("project_id") is None:
        project = _existing(session, "Project", name=_DEFAULT_PROJECT)
        if project is None:
            names = {"name": _DEFAULT_PROJECT, "full_name": _DEFAULT_PROJECT}
            schema = session.query("ProjectSchema").first()
            project = session.create("Project", {**names, "project_schema": schema})
        values["project"] = project


def _review_object(session: SessionInterface, values: Data) -> None:
    review = _related(session, values, "review_session", "ReviewSession")
    if review is not None and review["status"] == "Closed":
        raise ReviewSessionClosed(f"The review session {review['name']} is closed. Set its status to Open first.")
    _follow(session, values)
    if review is None or any(values.get(name) is not None for name in ("asset_version", "version_id", "entity_id")):
        return
    known, name = session.types["ReviewSessionObject"], str(values.get("name") or "")
    unknown = sorted(each for each in values if each not in known.attributes and each not in known.alias_attributes)
    if unknown or not name:
        reason = f"has no attribute {unknown[0]!r}" if unknown else "has neither a version nor a name"
        raise OperationError(f"A new ReviewSessionObject {reason}. Pass asset_version, or name for a new version.")
    asset = _asset(session, review["project"], _VERSION_SUFFIX.sub("", name) or name)
    comment = str(values.get("description") or "")
    values["asset_version"] = session.create("AssetVersion", {"asset": asset, "comment": comment})


def _follow(session: SessionInterface, values: Data) -> None:
    """Replace a shot, asset or sequence by the rule of the studio server, which shows its newest version."""
    for name in [name for name in _FOLLOWED if isinstance(values.get(name), Entity)]:
        entity = values.pop(name)
        if "entity_id" not in session.types["ReviewSessionObject"].attributes:
            raise OperationError(f"A review session of this server cannot follow {entity!r}. Pass asset_version.")
        values["entity_id"] = entity["id"]


def _component(session: SessionInterface, values: Data) -> None:
    container = values.get("container")
    if getattr(container, "entity_type", None) == "AssetVersion":
        values["version"] = values.pop("container")


# What is done with the values of a new entity; types that a site's schema does not have become one that it has.
_PREPARATIONS: dict[str, Callable[[SessionInterface, Data], None]] = {
    "Version": _version,
    "ReviewSessionObjectComponent": _media,
    "ReviewSessionObjectComment": _comment,
    "ReviewSession": _review_session,
    "ReviewSessionObject": _review_object,
    "FileComponent": _component,
    "SequenceComponent": _component,
    "ContainerComponent": _component,
}


def _related(
    session: SessionInterface, values: Mapping[str, Any], name: str, entity_type: str, id_name: str | None = None
) -> Entity | None:
    entity: Entity | None = values.get(name)
    if entity is not None:
        return entity
    key = values.get(id_name or f"{name}_id")
    return None if key is None else session.get_loaded(entity_type, key) or session.get(entity_type, key)


def _asset(session: SessionInterface, parent: Entity, name: str) -> Entity:
    """Return the asset with that name below the parent; it is created if it does not exist."""
    found = _existing(session, "Asset", name=name, parent=parent)
    if found is None:
        upload = session.query(find("AssetType").where(field("short") == "upload")).first()
        asset_type = upload or session.query("AssetType").first()
        found = session.create("Asset", {"name": name, "parent": parent, "type": asset_type})
    return found


def _existing(session: SessionInterface, entity_type: str, **values: Any) -> Entity | None:
    """Return the entity with these values that is uncommitted in this thread or exists on the server."""
    for operation in session.recorded_operations:
        if isinstance(operation, operations.CreateEntityOperation) and operation.entity_type == entity_type:
            data = operation.entity_data
            if all(data.get(name) == value for name, value in values.items()):
                return session.get_loaded(entity_type, operation.entity_key["id"])
    if any(getattr(value, "state", None) is symbol.CREATED for value in values.values()):
        return None
    found: Entity | None = session.query(find(entity_type).where(**values)).first()
    return found
