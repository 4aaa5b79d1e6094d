"""Type stubs for the entity types of a site, with which editors complete ``version["…"]``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ft_dcc.session.entity_types.entity_mixins import mixins_for

# Names are qualified with their module, because entity types are called Sequence, Type and Event, too.
# Type checkers refuse overloads between those of the base class, which a type with more attributes has.
_HEAD = '''\
# mypy: disable-error-code="override"
# pyright: reportIncompatibleMethodOverride=false
"""The entity types of one site. Made by: ft-dcc types"""

from __future__ import annotations

import collections.abc
import datetime
import typing

'''
_ANY, _ENTITY = "typing.Any", "ft_dcc.session.entities.entity.Entity"
_SCALARS = {"string": "str", "boolean": "bool", "integer": "int", "number": "float"}
_OTHERS = {"variable": _ANY, "object": _ANY, "mapped_array": f"collections.abc.MutableMapping[str, {_ANY}]"}
# The class that the site's session extends.
_SESSION = "ft_dcc.session.session"
# Types that are bases of others, the narrowest first: a list of them accepts all of those.
_GENERAL = ("TypedContext", "Context", "Component", "Resource", "List")
_LINK, _LINK_TYPE = "_api_link", "collections.abc.Sequence[collections.abc.Mapping[str, str]]"
_DATA = f"data: collections.abc.Mapping[str, {_ANY}] | None = None, reconstructing: bool = False"
_KEY = "entity_key: str | collections.abc.Sequence[str]"


def stubs(schemas: Sequence[Mapping[str, Any]]) -> str:
    """Return the text of a ``.pyi`` file: a class for each entity type, and a session that returns them."""
    used = sorted((schema for schema in schemas if str(schema["id"]).isidentifier()), key=lambda each: str(each["id"]))
    known = {str(schema["id"]) for schema in used}
    attributes = {str(schema["id"]): dict(_attributes(schema, known)) for schema in used}
    bases = {str(schema["id"]): list(_bases(schema, attributes)) for schema in used}
    lines = [line for name in attributes for line in _entity(name, bases[name], attributes[name])]
    modules = {base.rpartition(".")[0] for each in bases.values() for base in each if "." in base} | {_SESSION}
    imports = [f"import {module}" for module in sorted(modules)]
    return "\n".join([_HEAD + "\n".join(imports), "", *lines, *_session(sorted(known))]) + "\n"


def _attributes(schema: Mapping[str, Any], known: set[str]) -> Iterator[tuple[str, str]]:
    required = set(schema.get("required", ()))
    for attribute, fragment in schema["properties"].items():
        kind = _type(fragment, known, not required.isdisjoint((attribute, f"{attribute}_id")))
        if kind is not None and not fragment.get("restricted_projection"):
            yield attribute, kind


def _bases(schema: Mapping[str, Any], attributes: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Yield the general type whose attributes this one has, and the classes of its methods."""
    name = str(schema["id"])
    for general in _GENERAL:
        if general != name and attributes.get(general, {"": ""}).items() <= attributes[name].items():
            yield general
            break
    for kind in mixins_for(schema):
        yield f"{kind.__module__}.{kind.__qualname__}"


def _entity(name: str, bases: Sequence[str], attributes: Mapping[str, str]) -> Iterator[str]:
    yield f"\nclass {_class_name(name)}({', '.join(bases)}):"
    for attribute, kind in attributes.items():
        yield "    @typing.overload"
        yield f"    def __getitem__(self, name: typing.Literal[{attribute!r}]) -> {kind}: ..."
    # Aliases of ftrack's documentation and computed names are not in the schema.
    yield "    @typing.overload"
    yield f"    def __getitem__(self, name: str) -> {_ANY}: ..."


def _session(names: Sequence[str]) -> Iterator[str]:
    yield "\nclass Session(ft_dcc.session.session.Session):"
    for method, arguments, result in (("create", _DATA, "{}"), ("get", _KEY, "{} | None")):
        kinds = {f"typing.Literal[{name!r}]": _class_name(name) for name in names}
        for kind, returned in {**kinds, "str": _ENTITY}.items():
            yield "    @typing.overload"
            yield f"    def {method}(self, entity_type: {kind}, {arguments}) -> {result.format(returned)}: ..."


def _type(fragment: Mapping[str, Any], known: set[str], is_required: bool) -> str | None:
    """Return the type of the value, or None if clients cannot read the attribute."""
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
