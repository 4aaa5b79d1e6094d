"""Entity types, new entities and queries as the published documents write them, in the words of a site's schema.

The table, with its reasons, is in docs/ftrack-words.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ft_dcc.errors import OperationError, ReviewSessionClosed
from ft_dcc.session.expression import field, find
from ft_dcc.session.operations import CreateEntityOperation

if TYPE_CHECKING:
    from ft_dcc.session.entity import Entity
    from ft_dcc.session.session import Session

Data = dict[str, Any]

TYPES = {
    "Version": "AssetVersion",
    "ReviewSessionObjectComponent": "FileComponent",
    "ReviewSessionObjectComment": "Note",
}
# Where review sessions lie that nobody gave a project.
_PROJECT = "Reviews"
# "Version 3" and "v003" say a number, and "shot_010_v003" says it after the name of something.
_NUMBER = re.compile(r"[ ._-]*\bv(?:ersion)?[ ._-]*\d+$|[ ._-]v\d+$|_v\d+$", re.IGNORECASE)


def begin(session: Session, entity_type: str, data: Mapping[str, Any]) -> tuple[str, Data]:
    """Return the type and the values of a new entity as the site has them; what they need is made, too."""
    values = dict(data)
    if entity_type in TYPES and entity_type not in session.types:
        entity_type = _ALIASES[entity_type](session, values)
    elif entity_type in _COMPLETE:
        _COMPLETE[entity_type](session, values)
    return entity_type, values


def is_spoken(entity_type: str) -> bool:
    """Whether the documents may say something of this type in their own way."""
    return entity_type in _COMPLETE or entity_type in TYPES


def _version(session: Session, values: Data) -> str:
    name = _NUMBER.sub("", str(values.pop("name", None) or ""))
    if values.get("asset") is None and values.get("asset_id") is None:
        task = _related(session, values, "task", "Task")
        if task is None:
            raise OperationError("A Version needs a task or an asset that it belongs to.")
        values["asset"] = _asset(session, task["parent"], name or task["name"])
    return "AssetVersion"


def _media(session: Session, values: Data) -> str:
    item = _related(session, values, "review_session_object", "ReviewSessionObject")
    if item is None:
        raise OperationError("A ReviewSessionObjectComponent needs a review_session_object.")
    for name in ("review_session_object", "review_session_object_id", "system_type"):
        values.pop(name, None)
    values["version"] = _related(session, item, "asset_version", "AssetVersion", "version_id")
    return "FileComponent"


def _comment(session: Session, values: Data) -> str:
    item = _related(session, values, "review_session_object", "ReviewSessionObject")
    if item is not None:
        values.update(parent_id=item["id"], parent_type=item.entity_type)
    for name in ("review_session_object", "review_session_object_id"):
        values.pop(name, None)
    return "Note"


def _review_session(session: Session, values: Data) -> None:
    if values.get("project") is None and values.get("project_id") is None:
        values["project"] = _existing(session, "Project", name=_PROJECT) or session.create(
            "Project",
            {"name": _PROJECT, "full_name": _PROJECT, "project_schema": session.query("ProjectSchema").first()},
        )


def _review_object(session: Session, values: Data) -> None:
    review = _related(session, values, "review_session", "ReviewSession")
    if review is not None and review["status"] == "Closed":
        raise ReviewSessionClosed(f"The review session {review['name']} is closed. Set its status to Open first.")
    if review is None or any(values.get(name) is not None for name in ("asset_version", "version_id")):
        return
    name = str(values.get("name") or review["name"])
    asset = _asset(session, review["project"], _NUMBER.sub("", name) or name)
    comment = str(values.get("description") or "")
    values["asset_version"] = session.create("AssetVersion", {"asset": asset, "comment": comment})


def _component(session: Session, values: Data) -> None:
    container = values.get("container")
    if getattr(container, "entity_type", None) == "AssetVersion":
        values["version"] = values.pop("container")


_ALIASES: dict[str, Callable[[Session, Data], str]] = {
    "Version": _version,
    "ReviewSessionObjectComponent": _media,
    "ReviewSessionObjectComment": _comment,
}
_COMPLETE: dict[str, Callable[[Session, Data], None]] = {
    "ReviewSession": _review_session,
    "ReviewSessionObject": _review_object,
    "FileComponent": _component,
}


def _related(
    session: Session, values: Mapping[str, Any], name: str, entity_type: str, id_name: str | None = None
) -> Entity | None:
    """Return the entity that is given as itself or by its id."""
    entity: Entity | None = values.get(name)
    if entity is not None:
        return entity
    key = values.get(id_name or f"{name}_id")
    return None if key is None else session.known(entity_type, key) or session.get(entity_type, key)


def _asset(session: Session, parent: Entity, name: str) -> Entity:
    """Return the asset of that name below the parent, made when there is none."""
    found = _existing(session, "Asset", name=name, parent=parent)
    if found is None:
        upload = session.query(find("AssetType").where(field("short") == "upload")).first()
        kind = upload or session.query("AssetType").first()
        found = session.create("Asset", {"name": name, "parent": parent, "type": kind})
    return found


def _existing(session: Session, entity_type: str, **values: Any) -> Entity | None:
    """Return the entity with these values that this thread has made and not committed, or that the server has."""
    for operation in session.recorded_operations:
        if isinstance(operation, CreateEntityOperation) and operation.entity_type == entity_type:
            data = operation.entity_data
            if all(data.get(name) == value for name, value in values.items()):
                return session.known(entity_type, operation.entity_key["id"])
    if any(getattr(value, "is_new", False) for value in values.values()):
        return None
    return session.query(find(entity_type).where(**values)).first()


# What a name is called in the schema, and how a value that it is compared with is written there.
Name = tuple[str, "Callable[[str], str] | None"]
# A quoted text, a name or a path, or one other character.
_TOKEN = re.compile(r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|([\w.]+)|(.)""", re.DOTALL)
_ENDS = frozenset({"and", "or", "order", "limit", "offset", "not"})
_COMPARISONS = frozenset({"is", "is_not", "like", "not_like", "in", "not_in", "after", "before", "=", "<", ">"})
# What follows in parentheses is said of something else, or is a list of values.
_TURNS = frozenset({"any", "has", "in", "not_in"})


def in_words_of(expression: str, types: Any) -> str:
    """Return the query in the words of the site's schema."""
    spoken = _queried_type(expression)
    if spoken not in _QUERIED or (spoken in TYPES and spoken in types):
        return expression
    own = types.schemas.get(TYPES.get(spoken, spoken), {}).get("properties", {})
    names = {name: meaning for name, meaning in _QUERIED[spoken].items() if name.partition(".")[0] not in own}
    return "".join(_translated(expression, spoken, names))


def _queried_type(expression: str) -> str:
    words = expression.split()
    if words and words[0] == "select" and "from" in words[:-1]:
        return words[words.index("from") + 1]
    return words[0] if words else ""


def _translated(expression: str, spoken: str, names: Mapping[str, Name]) -> Iterator[str]:
    has_type, before, elsewhere = False, "", _Elsewhere()
    value_of: Callable[[str], str] | None = None
    for quote, word, other in _TOKEN.findall(expression):
        elsewhere.see(other, before)
        if quote:
            yield quote if value_of is None else value_of(quote)
        elif not word:
            yield other
        elif not has_type and word == spoken:
            has_type = True
            yield TYPES.get(spoken, spoken)
        elif value_of is not None and before in _COMPARISONS:
            yield value_of(f'"{word}"')
        elif word in names and not elsewhere and before not in _COMPARISONS and before != "[":
            written, value_of = names[word]
            yield written
        else:
            if word.lower() in _ENDS:
                value_of = None
            yield word
        before = (quote or word or other).lower() if not other.isspace() else before


class _Elsewhere:
    """True inside parentheses that are not about the queried type: the names in there are another type's."""

    def __init__(self) -> None:
        self._depth, self._since = 0, 0

    def see(self, character: str, before: str) -> None:
        """Follow the text by one character; ``before`` is the word in front of it."""
        if character == "(":
            self._depth += 1
            if not self._since and before in _TURNS:
                self._since = self._depth
        elif character == ")":
            if self._depth == self._since:
                self._since = 0
            self._depth -= 1

    def __bool__(self) -> bool:
        return self._since > 0


def _number(quote: str) -> str:
    digits = re.fullmatch(r"(?:v|version )?0*(\d+)", quote[1:-1], re.IGNORECASE)
    return digits[1] if digits else quote


def _openness(quote: str) -> str:
    return {"open": "true", "closed": "false"}.get(quote[1:-1].lower(), quote)


_OF_VERSIONS: dict[str, Name] = {"name": ("version", _number), "description": ("comment", None)}
_QUERIED: dict[str, dict[str, Name]] = {
    "AssetVersion": _OF_VERSIONS,
    "Version": _OF_VERSIONS,
    "ReviewSession": {"status": ("is_open", _openness), "is_public": ("shareable_url_enabled", None)},
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
