"""Translate entity types and new entities of ftrack's documentation to a site's schema.

The table, with the reasons, is in docs/ftrack-docs-aliases.md.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from ft_dcc.errors import OperationError, ReviewSessionClosed
from ft_dcc.session.entities.entity import Entity
from ft_dcc.session.entity_types.doc_attributes import TYPE_ALIASES
from ft_dcc.session.interface import SessionInterface
from ft_dcc.session.locations.sequence_files import is_sequence
from ft_dcc.session.operations import CreateEntityOperation
from ft_dcc.session.query.expression import field, find

Data = dict[str, Any]

# The project of review sessions without one.
_DEFAULT_PROJECT = "Reviews"
# The version number at the end of a name: "Version 3", "v003", "shot_010_v003".
_VERSION_SUFFIX = re.compile(r"[ ._-]*\bv(?:ersion)?[ ._-]*\d+$|[ ._-]v\d+$|_v\d+$", re.IGNORECASE)


def translate_create(session: SessionInterface, entity_type: str, data: Mapping[str, Any]) -> tuple[str, Data]:
    """Return the site's type and values of a new entity; entities that it depends on are created."""
    values = dict(data)
    if entity_type in TYPE_ALIASES and entity_type not in session.types:
        entity_type = _TRANSLATIONS[entity_type](session, values)
    elif entity_type in _DEFAULTS:
        _DEFAULTS[entity_type](session, values)
    if entity_type == "FileComponent" and _is_sequence(values):
        _component(session, values)
        entity_type = "SequenceComponent"
    return entity_type, values


def has_alias(entity_type: str) -> bool:
    """Return whether new entities of this type need a translation."""
    return entity_type in _DEFAULTS or entity_type in TYPE_ALIASES


def _version(session: SessionInterface, values: Data) -> str:
    name = _VERSION_SUFFIX.sub("", str(values.pop("name", None) or ""))
    if values.get("asset") is None and values.get("asset_id") is None:
        task = _related(session, values, "task", "Task")
        if task is None:
            raise OperationError("A Version needs a task or an asset.")
        values["asset"] = _asset(session, task["parent"], name or task["name"])
    return "AssetVersion"


def _media(session: SessionInterface, values: Data) -> str:
    item = _related(session, values, "review_session_object", "ReviewSessionObject")
    if item is None:
        raise OperationError("A ReviewSessionObjectComponent needs a review_session_object.")
    for name in ("review_session_object", "review_session_object_id", "system_type"):
        values.pop(name, None)
    values["version"] = _related(session, item, "asset_version", "AssetVersion", "version_id")
    return "FileComponent"


def _comment(session: SessionInterface, values: Data) -> str:
    item = _related(session, values, "review_session_object", "ReviewSessionObject")
    if item is not None:
        values.update(parent_id=item["id"], parent_type=item.entity_type)
    for name in ("review_session_object", "review_session_object_id"):
        values.pop(name, None)
    return "Note"


def _review_session(session: SessionInterface, values: Data) -> None:
    if values.get("project") is None and values.get("project_id") is None:
        values["project"] = _existing(session, "Project", name=_DEFAULT_PROJECT) or session.create(
            "Project",
            {
                "name": _DEFAULT_PROJECT,
                "full_name": _DEFAULT_PROJECT,
                "project_schema": session.query("ProjectSchema").first(),
            },
        )


def _review_object(session: SessionInterface, values: Data) -> None:
    review = _related(session, values, "review_session", "ReviewSession")
    if review is not None and review["status"] == "Closed":
        raise ReviewSessionClosed(f"The review session {review['name']} is closed. Set its status to Open first.")
    if review is None or any(values.get(name) is not None for name in ("asset_version", "version_id")):
        return
    name = _name_of_new_version(session, values)
    asset = _asset(session, review["project"], _VERSION_SUFFIX.sub("", name) or name)
    comment = str(values.get("description") or "")
    values["asset_version"] = session.create("AssetVersion", {"asset": asset, "comment": comment})


def _name_of_new_version(session: SessionInterface, values: Data) -> str:
    known = session.types["ReviewSessionObject"]
    unknown = sorted(name for name in values if name not in known.attributes and name not in known.alias_attributes)
    if unknown or not values.get("name"):
        reason = f"has no attribute {unknown[0]!r}" if unknown else "has neither a version nor a name"
        raise OperationError(f"A new ReviewSessionObject {reason}. Pass asset_version, or name for a new version.")
    return str(values["name"])


def _component(session: SessionInterface, values: Data) -> None:
    container = values.get("container")
    if getattr(container, "entity_type", None) == "AssetVersion":
        values["version"] = values.pop("container")


def _is_sequence(values: Mapping[str, Any]) -> bool:
    path = values.get("file_path")
    return isinstance(path, (str, os.PathLike)) and is_sequence(path)


_TRANSLATIONS: dict[str, Callable[[SessionInterface, Data], str]] = {
    "Version": _version,
    "ReviewSessionObjectComponent": _media,
    "ReviewSessionObjectComment": _comment,
}
_DEFAULTS: dict[str, Callable[[SessionInterface, Data], None]] = {
    "ReviewSession": _review_session,
    "ReviewSessionObject": _review_object,
    "FileComponent": _component,
    "SequenceComponent": _component,
    "ContainerComponent": _component,
}


def _related(
    session: SessionInterface, values: Mapping[str, Any], name: str, entity_type: str, id_name: str | None = None
) -> Entity | None:
    """Return the entity that the values contain, or whose id they contain."""
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
        if isinstance(operation, CreateEntityOperation) and operation.entity_type == entity_type:
            data = operation.entity_data
            if all(data.get(name) == value for name, value in values.items()):
                return session.get_loaded(entity_type, operation.entity_key["id"])
    if any(getattr(value, "is_new", False) for value in values.values()):
        return None
    found: Entity | None = session.query(find(entity_type).where(**values)).first()
    return found
