"""Translate entity types, new entities and queries of ftrack's documentation to a site's schema.

The table, with the reasons, is in docs/ftrack-docs-aliases.md.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ft_dcc.errors import OperationError, ReviewSessionClosed
from ft_dcc.session.entities.entity import Entity
from ft_dcc.session.entities.entity_context import EntitySession
from ft_dcc.session.entity_types.doc_attributes import TYPE_ALIASES
from ft_dcc.session.locations.sequence_files import is_sequence
from ft_dcc.session.operations import CreateEntityOperation
from ft_dcc.session.query.expression import field, find

Data = dict[str, Any]

# The project of review sessions without one.
_DEFAULT_PROJECT = "Reviews"
# The version number at the end of a name: "Version 3", "v003", "shot_010_v003".
_VERSION_SUFFIX = re.compile(r"[ ._-]*\bv(?:ersion)?[ ._-]*\d+$|[ ._-]v\d+$|_v\d+$", re.IGNORECASE)


def translate_create(session: EntitySession, entity_type: str, data: Mapping[str, Any]) -> tuple[str, Data]:
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


def _version(session: EntitySession, values: Data) -> str:
    name = _VERSION_SUFFIX.sub("", str(values.pop("name", None) or ""))
    if values.get("asset") is None and values.get("asset_id") is None:
        task = _related(session, values, "task", "Task")
        if task is None:
            raise OperationError("A Version needs a task or an asset.")
        values["asset"] = _asset(session, task["parent"], name or task["name"])
    return "AssetVersion"


def _media(session: EntitySession, values: Data) -> str:
    item = _related(session, values, "review_session_object", "ReviewSessionObject")
    if item is None:
        raise OperationError("A ReviewSessionObjectComponent needs a review_session_object.")
    for name in ("review_session_object", "review_session_object_id", "system_type"):
        values.pop(name, None)
    values["version"] = _related(session, item, "asset_version", "AssetVersion", "version_id")
    return "FileComponent"


def _comment(session: EntitySession, values: Data) -> str:
    item = _related(session, values, "review_session_object", "ReviewSessionObject")
    if item is not None:
        values.update(parent_id=item["id"], parent_type=item.entity_type)
    for name in ("review_session_object", "review_session_object_id"):
        values.pop(name, None)
    return "Note"


def _review_session(session: EntitySession, values: Data) -> None:
    if values.get("project") is None and values.get("project_id") is None:
        values["project"] = _existing(session, "Project", name=_DEFAULT_PROJECT) or session.create(
            "Project",
            {
                "name": _DEFAULT_PROJECT,
                "full_name": _DEFAULT_PROJECT,
                "project_schema": session.query("ProjectSchema").first(),
            },
        )


def _review_object(session: EntitySession, values: Data) -> None:
    review = _related(session, values, "review_session", "ReviewSession")
    if review is not None and review["status"] == "Closed":
        raise ReviewSessionClosed(f"The review session {review['name']} is closed. Set its status to Open first.")
    if review is None or any(values.get(name) is not None for name in ("asset_version", "version_id")):
        return
    known = session.types["ReviewSessionObject"]
    unknown = sorted(name for name in values if name not in known.attributes and name not in known.alias_attributes)
    if unknown or not values.get("name"):
        reason = f"has no attribute {unknown[0]!r}" if unknown else "has neither a version nor a name"
        raise OperationError(f"A new ReviewSessionObject {reason}. Pass asset_version, or name for a new version.")
    name = str(values["name"])
    asset = _asset(session, review["project"], _VERSION_SUFFIX.sub("", name) or name)
    comment = str(values.get("description") or "")
    values["asset_version"] = session.create("AssetVersion", {"asset": asset, "comment": comment})


def _component(session: EntitySession, values: Data) -> None:
    container = values.get("container")
    if getattr(container, "entity_type", None) == "AssetVersion":
        values["version"] = values.pop("container")


def _is_sequence(values: Mapping[str, Any]) -> bool:
    path = values.get("file_path")
    return isinstance(path, (str, os.PathLike)) and is_sequence(path)


_TRANSLATIONS: dict[str, Callable[[EntitySession, Data], str]] = {
    "Version": _version,
    "ReviewSessionObjectComponent": _media,
    "ReviewSessionObjectComment": _comment,
}
_DEFAULTS: dict[str, Callable[[EntitySession, Data], None]] = {
    "ReviewSession": _review_session,
    "ReviewSessionObject": _review_object,
    "FileComponent": _component,
    "SequenceComponent": _component,
    "ContainerComponent": _component,
}


def _related(
    session: EntitySession, values: Mapping[str, Any], name: str, entity_type: str, id_name: str | None = None
) -> Entity | None:
    """Return the entity that the values contain, or whose id they contain."""
    entity: Entity | None = values.get(name)
    if entity is not None:
        return entity
    key = values.get(id_name or f"{name}_id")
    return None if key is None else session.get_loaded(entity_type, key) or session.get(entity_type, key)


def _asset(session: EntitySession, parent: Entity, name: str) -> Entity:
    """Return the asset with that name below the parent; it is created if it does not exist."""
    found = _existing(session, "Asset", name=name, parent=parent)
    if found is None:
        upload = session.query(find("AssetType").where(field("short") == "upload")).first()
        asset_type = upload or session.query("AssetType").first()
        found = session.create("Asset", {"name": name, "parent": parent, "type": asset_type})
    return found


def _existing(session: EntitySession, entity_type: str, **values: Any) -> Entity | None:
    """Return the entity with these values that is uncommitted in this thread or exists on the server."""
    for operation in session.recorded_operations:
        if isinstance(operation, CreateEntityOperation) and operation.entity_type == entity_type:
            data = operation.entity_data
            if all(data.get(name) == value for name, value in values.items()):
                return session.get_loaded(entity_type, operation.entity_key["id"])
    if any(getattr(value, "is_new", False) for value in values.values()):
        return None
    return session.query(find(entity_type).where(**values)).first()


# The schema's path for a name, and the conversion of values that are compared with it.
Name = tuple[str, "Callable[[str], str] | None"]
# A quoted text, a name or path, or one other character.
_TOKEN = re.compile(r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|([\w.]+)|(.)""", re.DOTALL)
_CONDITION_ENDS = frozenset({"and", "or", "order", "limit", "offset", "not"})
_COMPARISONS = frozenset({"is", "is_not", "like", "not_like", "in", "not_in", "after", "before", "=", "<", ">"})
# Parentheses after these contain attributes of another type, or values.
_SUBQUERY_OPERATORS = frozenset({"any", "has", "in", "not_in"})


def translate_query(expression: str, types: Any) -> str:
    """Return the query with the documentation's type and attribute names replaced by those of the site's schema."""
    entity_type = _queried_type(expression)
    if entity_type not in _QUERY_NAMES or (entity_type in TYPE_ALIASES and entity_type in types):
        return expression
    own = types.schemas.get(TYPE_ALIASES.get(entity_type, entity_type), {}).get("properties", {})
    names = {name: each for name, each in _QUERY_NAMES[entity_type].items() if name.partition(".")[0] not in own}
    return "".join(_translated(expression, entity_type, names))


def _queried_type(expression: str) -> str:
    words = expression.split()
    if words and words[0] == "select" and "from" in words[:-1]:
        return words[words.index("from") + 1]
    return words[0] if words else ""


def _translated(expression: str, entity_type: str, names: Mapping[str, Name]) -> Iterator[str]:
    has_type, before, subquery = False, "", _SubqueryTracker()
    convert: Callable[[str], str] | None = None
    for quote, word, other in _TOKEN.findall(expression):
        subquery.advance(other, before)
        if quote:
            yield quote if convert is None else convert(quote)
        elif not word:
            yield other
        elif not has_type and word == entity_type:
            has_type = True
            yield TYPE_ALIASES.get(entity_type, entity_type)
        elif convert is not None and before in _COMPARISONS:
            yield convert(f'"{word}"')
        elif word in names and not subquery and before not in _COMPARISONS and before != "[":
            path, convert = names[word]
            yield path
        else:
            if word.lower() in _CONDITION_ENDS:
                convert = None
            yield word
        before = (quote or word or other).lower() if not other.isspace() else before


class _SubqueryTracker:
    """True inside parentheses with attributes of another type than the queried one."""

    def __init__(self) -> None:
        self._depth, self._since = 0, 0

    def advance(self, character: str, before: str) -> None:
        """Track the parenthesis of one character; ``before`` is the word in front of it."""
        if character == "(":
            self._depth += 1
            if not self._since and before in _SUBQUERY_OPERATORS:
                self._since = self._depth
        elif character == ")":
            if self._depth == self._since:
                self._since = 0
            self._depth -= 1

    def __bool__(self) -> bool:
        return self._since > 0


def _version_number(quote: str) -> str:
    digits = re.fullmatch(r"(?:v|version )?0*(\d+)", quote[1:-1], re.IGNORECASE)
    return digits[1] if digits else quote


def _is_open(quote: str) -> str:
    return {"open": "true", "closed": "false"}.get(quote[1:-1].lower(), quote)


_VERSION_NAMES: dict[str, Name] = {"name": ("version", _version_number), "description": ("comment", None)}
_QUERY_NAMES: dict[str, dict[str, Name]] = {
    "AssetVersion": _VERSION_NAMES,
    "Version": _VERSION_NAMES,
    "ReviewSession": {"status": ("is_open", _is_open), "is_public": ("shareable_url_enabled", None)},
    "ReviewSessionObjectComment": {
        "text": ("content", None),
        "review_session_object.id": ("parent_id", None),
        "review_session_object_id": ("parent_id", None),
    },
    "ReviewSessionObjectComponent": {
        "review_session_object.id": ("version.review_session_objects.id", None),
        "review_session_object_id": ("version.review_session_objects.id", None),
    },
}
