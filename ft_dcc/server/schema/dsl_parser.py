"""Parse the ``*.schema`` files of this folder.

    Type [of Base] [~Table] [with Mixin …] [flag …] [for Kind …]
        name kind [~column] [= default] [by column] [if attribute is value] [owned|kept|hidden|extension] [one of …]
        list: attribute …

The flags are ``private``, ``abstract``, ``mixin``, ``view`` and

- ``low_cardinality``: there are few entities of the type, so a key to one of them selects many rows,
- ``admin_only``: only administrators write entities of the type,
- ``materialised``: rows are computed for each entity and configuration, without a table,
- ``extension``: no site has the type.

A kind is a scalar ("text", "date", …), ``=> T`` (a foreign key), ``-> T`` (a relation to one), ``[T]`` (to many),
``{T}`` (to many, as a mapping), or ``to T``, which declares the foreign key ``name_id`` and the relation ``name``.
``[T as U]`` publishes T and uses rows of U. Without a kind the attribute is the id, made by the client. ``same as x``
declares an alias. Relations are joined ``by`` a column, ``through Type.own.other`` for a type of links, or ``up`` and
``down`` in a tree.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib import resources
from typing import Any

import attrs

from ft_dcc.server.schema.model import Attribute, EntityType, Join, Schema

AREAS = ("context", "asset", "custom_attributes", "review", "workflow", "people", "studio")
_KIND = re.compile(r"(to|=>|->) (\S+)(?: as (\w+))?|\[(\w+)(?: as (\w+))?\]|\{(\w+)\}|same as (\w+)|(\w+)(?=\s|$)")
_FLAGS = "private|abstract|low_cardinality|admin_only|mixin|extension|view|materialised"
_HEAD = re.compile(
    r"(?P<name>\S+)(?: of (?P<base>\w+))?(?: ~(?P<table>\w+))?"
    rf"(?: with (?P<mixins>(?:(?!{_FLAGS}|for)\w+ ?)+))?"
    rf"\s*(?P<flags>(?:(?:{_FLAGS}) ?)*)(?:for (?P<kinds>.+))?"
)
_INHERITED_LISTS = ("required", "immutable", "computed", "derived", "unique", "indexed")


def read_schema() -> Schema:
    """Return the declaration of all entity types."""
    return Schema(read_types("ft_dcc.server.schema", *AREAS))


def read_types(package: str, *areas: str) -> dict[str, EntityType]:
    """Return the types that the ``*.schema`` files of a package declare, by their names."""
    texts = (resources.files(package).joinpath(f"{area}.schema").read_text(encoding="utf-8") for area in areas)
    return _finish([block for text in texts for block in _blocks(text)])


def _blocks(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the header and the lines of each type, once for each kind of a ``for``."""
    for block in re.split(r"\n\s*\n", text):
        lines = [line.rstrip() for line in block.splitlines() if line.strip() and not line.startswith("#")]
        if not lines:
            continue
        match = _HEAD.fullmatch(lines[0])
        if match is None or any(not line.startswith("    ") for line in lines[1:]):
            raise ValueError(f"Cannot read this declaration: {block}")
        for kind in (match["kinds"] or "").split() or [""]:
            names = {"Kind": kind, "kind": to_snake_case(kind)}
            head, *body = (line.strip() for line in (lines[0].split(" for ")[0], *lines[1:]))
            yield _substitute(head, names), [_substitute(line, names) for line in body]


def _substitute(text: str, names: dict[str, str]) -> str:
    return text.replace("{Kind}", names["Kind"]).replace("{kind}", names["kind"]) if names["Kind"] else text


def to_snake_case(name: str) -> str:
    """Return a type name as the name of a table or attribute: AssetVersion is asset_version."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


@attrs.define
class _Draft:
    attributes: dict[str, Attribute]
    lists: dict[str, tuple[str, ...]]
    key: tuple[str, ...] = ("id",)


def _finish(blocks: list[tuple[str, list[str]]]) -> dict[str, EntityType]:
    types: dict[str, EntityType] = {}
    for head, lines in blocks:
        match = _HEAD.fullmatch(head)
        assert match is not None  # noqa: S101  _blocks has matched it
        draft = _Draft({}, {})
        for parent in (types[name] for name in (match["base"], *(match["mixins"] or "").split()) if name):
            draft.attributes.update(parent.attributes)
            draft.key = parent.key
            for name, found in parent.lists.items():
                draft.lists[name] = tuple(dict.fromkeys((*draft.lists.get(name, ()), *found)))
        for line in lines:
            _add_line(draft, line)
        base = types.get(match["base"] or "")
        types[match["name"]] = EntityType(
            name=match["name"],
            base=base.name if base else "",
            family=base.family if base else match["name"],
            table=match["table"] or "",
            attributes=_with_columns(draft),
            key=draft.key,
            lists=draft.lists,
            flags=frozenset(match["flags"].split()),
        )
    for entity_type in types.values():
        _check(entity_type, types)
    return types


def _add_line(draft: _Draft, line: str) -> None:
    name, _, rest = line.partition(" ")
    if name == "key:":
        draft.key = tuple(rest.split())
    elif name in ("unique:", "indexed:"):
        draft.lists[name[:-1]] = (*draft.lists.get(name[:-1], ()), rest)
    elif name.endswith(":"):
        inherited = draft.lists.get(name[:-1], ()) if name[:-1] in _INHERITED_LISTS else ()
        draft.lists[name[:-1]] = tuple(dict.fromkeys((*inherited, *rest.split())))
    else:
        for attribute in _attributes(name, rest):
            draft.attributes[attribute.name] = attribute


def _attributes(name: str, rest: str) -> Iterator[Attribute]:
    """Yield the attributes that one line declares: one attribute, or a foreign key and its relation."""
    match = _KIND.match(rest)
    if match is None:
        yield Attribute(name, "text", default="{uid}", column=name, alias=_option(rest, "~"))
        return
    options = _options(rest[match.end() :])
    arrow, target, rows, many, many_rows, mapping, same, word = match.groups()
    if same:
        yield Attribute(name, "same", target=same)
    elif arrow == "to":
        yield Attribute(f"{name}_id", "foreign key", target, rows or target, column=f"{name}_id", **options)
        yield Attribute(name, "reference", target, rows or target, join=Join("to one", (f"{name}_id",), ("id",)))
    elif arrow == "=>":
        yield Attribute(name, "foreign key", target, rows or target, column=name, **options)
    elif arrow == "->":
        local = tuple(_option(rest, "by ").split()) or (name,)
        join = Join("to one", local, local if len(local) > 1 else ("id",))
        yield Attribute(name, "reference", target, rows or target, join=join)
    elif many or mapping:
        kind, target = "mapping" if mapping else "collection", many or mapping
        yield Attribute(name, kind, target, many_rows or target, join=_join(rest))
    else:
        yield Attribute(name, word, column=name, **options)


def _option(text: str, mark: str) -> str:
    match = re.search(rf"(?:^| ){re.escape(mark)}((?:(?!\b(?:if|owned|kept|hidden|extension)\b)[\w.]+ ?)+)", text)
    return match[1].strip() if match else ""


def _options(text: str) -> dict[str, Any]:
    options: dict[str, Any] = {"alias": (_option(text, "~").split() or [""])[0]}
    before, mark, after = text.partition(" = ")
    if mark:
        options["default"], end = json.JSONDecoder().raw_decode(after)
        text = before + after[end:]
    plain, _, choices = text.partition(" one of ")
    words = plain.split()
    rule = next((word for word in words if word in ("owned", "kept")), "")
    return {**options, "is_hidden": "hidden" in words, "rule": rule, "choices": tuple(choices.split())}


def _join(text: str) -> Join:
    condition = re.search(r" if (\w+) is (\w+)", text)
    wanted = (condition[1], condition[2]) if condition else None
    if through := _option(text, "through "):
        link, own, other = through.split(".")
        return Join("through", ("id",), ("id",), link, own, other, wanted)
    for way in ("up", "down"):
        if column := _option(text, f"{way} "):
            return Join(way, ("id",), (column,))
    return Join("to many", ("id",), (_option(text, "by "),), condition=wanted)


def _with_columns(draft: _Draft) -> dict[str, Attribute]:
    """Replace aliases by the declaration of their target, and remove the columns of computed attributes."""
    computed = {*draft.lists.get("computed", ()), *draft.lists.get("derived", ())}
    found = {}
    for name, attribute in draft.attributes.items():
        if attribute.kind == "same":
            attribute = attrs.evolve(draft.attributes[attribute.target], name=name)
        found[name] = attrs.evolve(attribute, column=None) if attribute.column in computed else attribute
    return found


def _check(entity_type: EntityType, types: dict[str, EntityType]) -> None:
    """Raise ValueError for a reference to a type or column that is not declared."""
    for attribute in entity_type.attributes.values():
        if attribute.rows and attribute.rows != "*" and attribute.rows not in types:
            raise ValueError(f"{entity_type.name}.{attribute.name} leads to {attribute.rows}, which is not declared.")
        join = attribute.join
        if join is None:
            continue
        target = types[attribute.rows]
        known = target.attributes if not join.link else types[join.link].attributes
        for column in (join.link_local, join.link_remote) if join.link else join.remote:
            if column not in known:
                raise ValueError(f"{entity_type.name}.{attribute.name} is joined by {column}, which is not declared.")
