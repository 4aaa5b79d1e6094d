"""What follows from loaded entities once all of them are there: projects, statuses, lists, and the check of keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from itertools import groupby
from typing import Any

import attrs
from sqlalchemy import Table, bindparam, select, text, update
from sqlalchemy.dialects.sqlite import insert

from ft_dcc.errors import ValidationError
from ft_dcc.server.entities.batch import Batch
from ft_dcc.server.entities.changes import stored_type
from ft_dcc.server.entities.custom_values import set_value
from ft_dcc.server.entities.derive import add_derived
from ft_dcc.server.entities.relate import assign
from ft_dcc.server.query.computed import applies
from ft_dcc.server.records import Row
from ft_dcc.server.schema.model import Attribute, EntityType
from ft_dcc.server.schema.tables import ROW_COLUMN, TYPE_COLUMN

# As many ids as one statement may have in every SQLite.
_AT_ONCE = 500
# What others take their status or number from comes first.
_ORDER = {"Project": 0, "others": 1, "AssetVersion": 2, "ReviewSessionObject": 3}
_COUNTED = frozenset(("version", "sort_order"))

At = Callable[[int], AbstractContextManager[None]]


@attrs.frozen(eq=False)
class Unsettled:
    """A loaded entity, the number of its line, the columns that nobody gave, and the lists that are to be assigned."""

    line: int
    entity_type: EntityType
    key: tuple[Any, ...]
    absent: frozenset[str]
    lists: Mapping[str, Any]


def place_contexts(batch: Batch) -> None:
    """Whatever lies in a project's tree knows its project, in whatever order it came."""
    context = batch.table(batch.studio.schema["Context"])
    is_root = context.c[TYPE_COLUMN] == "Project"
    batch.connection.execute(update(context).where(is_root).values(project_id=context.c.id))
    parent = context.alias()
    above = select(parent.c.project_id).where(parent.c.id == context.c.parent_id).scalar_subquery()
    is_next = context.c.project_id.is_(None), above.is_not(None)
    deeper = update(context).where(*is_next).values(project_id=above)
    while batch.connection.execute(deeper).rowcount:
        pass


def settle(batch: Batch, unsettled: Iterable[Unsettled], at: At) -> None:
    """The entities have what a create would have given them, and their lists; raises ValidationError inside ``at``."""
    in_order = sorted(unsettled, key=_place)
    for (entity_type, absent), group in groupby(in_order, key=lambda found: (found.entity_type, found.absent)):
        members = list(group)
        # A number that is counted up is that of the one before and one more.
        step = 1 if absent & _COUNTED else _AT_ONCE
        for start in range(0, len(members), step):
            part = members[start : start + step]
            if absent:
                _complete(batch, entity_type, absent, part, at)
            for found in part:
                with at(found.line):
                    _assign_lists(batch, found)


def _place(found: Unsettled) -> tuple[int, str, list[str]]:
    """Return what an entity is sorted by: what others are made from comes first, then what is alike side by side."""
    name = found.entity_type.name
    if name in _ORDER:
        return _ORDER[name], "", []  # These are counted in the order of their lines.
    return _ORDER["others"], name, sorted(found.absent)


def _complete(batch: Batch, entity_type: EntityType, absent: frozenset[str], part: list[Unsettled], at: At) -> None:
    table = batch.table(entity_type)
    wanted = select(table).where(table.c.id.in_([found.key[0] for found in part]))
    rows = {row["id"]: dict(row) for row in batch.connection.execute(wanted).mappings()}
    changed = []
    for found in part:
        row = rows[found.key[0]]
        with at(found.line):
            add_derived(batch, entity_type, row)
        changed.append({"which": row["id"], **{f"new_{name}": row[name] for name in absent}})
    values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in absent}
    batch.connection.execute(update(table).where(table.c.id == bindparam("which")).values(values), changed)


def _assign_lists(batch: Batch, found: Unsettled) -> None:
    entity_type = found.entity_type
    if not found.lists:
        return
    row = batch.row(entity_type.name, found.key[0]) if entity_type.key == ("id",) else None
    if row is None:
        raise ValidationError(f"A {entity_type.name} has no lists. Leave {', '.join(found.lists)} out.")
    for name, members in found.lists.items():
        _assign(batch, entity_type, row, entity_type.attributes[name], members)


def _assign(batch: Batch, entity_type: EntityType, row: Row, attribute: Attribute, members: Any) -> None:
    if attribute.name == "metadata":
        _set_metadata(batch, entity_type, row, _pairs(attribute, members))
    elif attribute.name == "custom_attributes":
        _set_custom_attributes(batch, entity_type, row, _pairs(attribute, members))
    elif isinstance(members, (list, type(None))):
        assign(batch, entity_type, row, attribute, members or [])
    else:
        raise ValidationError(f"{entity_type.name}.{attribute.name} is a list of references.")


def _pairs(attribute: Attribute, members: Any) -> dict[str, Any]:
    """Return keys and values, told as an object or as a list of entities."""
    if isinstance(members, dict):
        return members
    if all(isinstance(member, dict) and isinstance(member.get("key"), str) for member in members or []):
        return {member["key"]: member.get("value") for member in members or []}
    raise ValidationError(f"{attribute.name} is an object of keys and values.")


def _set_metadata(batch: Batch, entity_type: EntityType, row: Row, pairs: dict[str, Any]) -> None:
    table = batch.studio.store.tables.by_family["Metadata"]
    for key, value in pairs.items():
        words = {"key": key, "value": value, "parent_id": row["id"], "parent_type": entity_type.name}
        stored = insert(table).values(words)
        again = stored.on_conflict_do_update(index_elements=["parent_id", "key"], set_={"value": value})
        batch.connection.execute(again)


def _set_custom_attributes(batch: Batch, entity_type: EntityType, row: Row, pairs: dict[str, Any]) -> None:
    dense = batch.studio.schema[entity_type.attributes["custom_attributes"].rows]
    kind = dense.name.replace("CustomAttributeValue", "")
    tables = batch.studio.store.tables.by_family
    entity, configuration = tables[batch.studio.schema[kind].family], tables["CustomConfigurationBase"]
    joined = entity.join(configuration, applies(tables, kind, entity, configuration))
    wanted = select(configuration.c.id).select_from(joined).where(entity.c.id == row["id"])
    for key, value in pairs.items():
        # A project's own configuration goes before one for all projects.
        own_first = wanted.where(configuration.c.key == key).order_by(configuration.c.project_id.is_(None))
        found = batch.connection.scalar(own_first)
        if found is None:
            raise ValidationError(f"The {entity_type.name} has no custom attribute '{key}'.")
        set_value(batch, dense, {"entity_key": [found, row["id"]], "entity_data": {"value": value}}, "update")


def lost_reference(batch: Batch, families: Iterable[str]) -> tuple[EntityType, tuple[Any, ...], str] | None:
    """Return an entity of these families with a key that leads nowhere, and what is wrong with it; None if all lead."""
    for family in families:
        table = batch.studio.store.tables.by_family[family]
        lost = batch.connection.execute(text(f"PRAGMA foreign_key_check({table.name})")).first()
        if lost is not None:
            return _explain(batch, family, table, int(lost[1]))
    return None


def _explain(batch: Batch, family: str, table: Table, number: int) -> tuple[EntityType, tuple[Any, ...], str]:
    row = batch.connection.execute(select(table).where(table.c[ROW_COLUMN] == number)).mappings().one()
    schema, tables = batch.studio.schema, batch.studio.store.tables
    entity_type = stored_type(schema, family, dict(row))
    key = tuple(row[name] for name in entity_type.key)
    for attribute in entity_type.attributes.values():
        value = None if attribute.column is None else row[attribute.column]
        if attribute.kind != "foreign key" or attribute.rows == "*" or value is None:
            continue
        target = schema[schema[attribute.rows].family]
        other = tables[target]
        if batch.connection.scalar(select(1).where(other.c[target.key[0]] == value)) is None:
            return entity_type, key, f"{attribute.name} names the {attribute.rows} '{value}', which is nowhere."
    return entity_type, key, "It refers to an entity that is nowhere."
