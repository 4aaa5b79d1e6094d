"""The entity types of a site as type stubs, from which an editor completes ``version["…"]``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

# Every name is written with its module, because entity types are called Sequence, Type and Event, too.
_HEAD = '''\
"""The entity types of one site. Made by: ft-dcc types"""

from __future__ import annotations

import collections.abc
import datetime
import typing

import ft_dcc.session.entity
import ft_dcc.session.session
'''
_ANY, _ENTITY = "typing.Any", "ft_dcc.session.entity.Entity"
_SCALARS = {"string": "str", "boolean": "bool", "integer": "int", "number": "float"}
_OTHERS = {"variable": _ANY, "object": _ANY, "mapped_array": f"collections.abc.MutableMapping[str, {_ANY}]"}
# What servers call a string, and what is a list of the entities above with their ids, names and types.
_LINK, _LINK_TYPE = "_api_link", "collections.abc.Sequence[collections.abc.Mapping[str, str]]"
_DATA = f"data: collections.abc.Mapping[str, {_ANY}] | None = None, reconstructing: bool = False"
_KEY = "entity_key: str | collections.abc.Sequence[str]"


def stubs(schemas: Sequence[Mapping[str, Any]]) -> str:
    """Return the text of a ``.pyi`` file: a class for each entity type, and the session that gives them out."""
    used = sorted((schema for schema in schemas if str(schema["id"]).isidentifier()), key=lambda each: str(each["id"]))
    known = {str(schema["id"]) for schema in used}
    lines = [line for schema in used for line in _entity(schema, known)]
    return "\n".join([_HEAD, *lines, *_session(sorted(known))]) + "\n"


def _entity(schema: Mapping[str, Any], known: set[str]) -> Iterator[str]:
    yield f"\nclass {_class_name(schema['id'])}({_ENTITY}):"
    required = set(schema.get("required", ()))
    for attribute, fragment in schema["properties"].items():
        kind = _type(fragment, known, not required.isdisjoint((attribute, f"{attribute}_id")))
        if kind is not None and not fragment.get("restricted_projection"):
            yield "    @typing.overload"
            yield f"    def __getitem__(self, name: typing.Literal[{attribute!r}]) -> {kind}: ..."
    # What the schema does not have may be a word of the documents, or a name that is worked out.
    yield "    @typing.overload"
    yield f"    def __getitem__(self, name: str) -> {_ANY}: ..."


def _session(names: Sequence[str]) -> Iterator[str]:
    yield "\nclass Session(ft_dcc.session.session.Session):"
    for name in names:
        yield "    @typing.overload"
        kind = f"entity_type: typing.Literal[{name!r}]"
        yield f"    def create(self, {kind}, {_DATA}) -> {_class_name(name)}: ..."
    yield "    @typing.overload"
    yield f"    def create(self, entity_type: str, {_DATA}) -> {_ENTITY}: ..."
    for name in names:
        yield "    @typing.overload"
        yield f"    def get(self, entity_type: typing.Literal[{name!r}], {_KEY}) -> {_class_name(name)} | None: ..."
    yield "    @typing.overload"
    yield f"    def get(self, entity_type: str, {_KEY}) -> {_ENTITY} | None: ..."


def _type(fragment: Mapping[str, Any], known: set[str], is_required: bool) -> str | None:
    """Return the type that is read, or None for an attribute that clients cannot read."""
    kind, target = fragment.get("type"), fragment.get("$ref")
    if fragment.get("alias_for") == _LINK:
        return _LINK_TYPE
    if kind == "array":
        item = fragment.get("items", {}).get("$ref")
        return f"collections.abc.MutableSequence[{_class_name(item) if item in known else _ENTITY}]"
    if kind in _OTHERS:
        return _OTHERS[kind]
    value = _SCALARS.get(str(kind))
    if fragment.get("format") == "date-time":
        value = "datetime.datetime"
    elif kind is None and target is not None:
        value = _class_name(target) if target in known else _ENTITY
    return value if value is None or is_required else f"{value} | None"


def _class_name(entity_type: str) -> str:
    return "SessionEntity" if entity_type == "Session" else entity_type
