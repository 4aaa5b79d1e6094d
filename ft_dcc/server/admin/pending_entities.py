"""Complete imported entities once all are stored: projects, server columns, lists, and the check of references."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from itertools import groupby
from typing import Any

import attrs
from sqlalchemy import bindparam, select, text, update
from sqlalchemy.dialects.sqlite import insert

from ft_dcc.server.entities import changes, custom_values, relations, rules
from ft_dcc.server.entities.batch import Batch, Row
from ft_dcc.server.errors import ValidationError
from ft_dcc.server.query.computed import configuration_applies
from ft_dcc.server.schema.model import EntityType
from ft_dcc.server.schema.tables import ROW_COLUMN, TYPE_COLUMN

# The number of ids that one statement may have in every SQLite.
_MAX_IDS = 500
# Entities come after those that their status or number follows from.
_ORDER = {"Project": 0, "others": 1, "AssetVersion": 2, "ReviewSessionObject": 3}
_COUNTED_COLUMNS = frozenset(("version", "sort_order"))

LineErrors = Callable[[int], AbstractContextManager[None]]


@attrs.frozen(eq=False)
class PendingEntity:
    """An imported entity, the number of its line, its missing columns, and the lists to assign."""

    line: int
    entity_type: EntityType
    key: tuple[Any, ...]
    missing: frozenset[str]
    lists: Mapping[str, Any]


def assign_projects(batch: Batch) -> None:
    """Set the project of every entity in a project's tree."""
    context = batch.table("Context")
    is_root = context.c[TYPE_COLUMN] == "Project"
    batch.connection.execute(update(context).where(is_root).values(project_id=context.c.id))
    parent = context.alias()
    project_of_parent = select(parent.c.project_id).where(parent.c.id == context.c.parent_id).scalar_subquery()
    conditions = context.c.project_id.is_(None), project_of_parent.is_not(None)
    next_level = update(context).where(*conditions).values(project_id=project_of_parent)
    while batch.connection.execute(next_level).rowcount:
        pass


def complete_entities(batch: Batch, pending: Iterable[PendingEntity], line_errors: LineErrors) -> None:
    """Fill in server columns and assign lists; raises ValidationError inside ``line_errors`` of the entity's line."""
    in_order = sorted(pending, key=_sort_key)
    for (entity_type, missing), group in groupby(in_order, key=lambda found: (found.entity_type, found.missing)):
        members = list(group)
        # Each number is one more than that of the entity before.
        step = 1 if missing & _COUNTED_COLUMNS else _MAX_IDS
        for start in range(0, len(members), step):
            part = members[start : start + step]
            if missing:
                _fill_in_columns(batch, entity_type, missing, part, line_errors)
            for found in part:
                with line_errors(found.line):
                    _assign_lists(batch, found)


def _sort_key(found: PendingEntity) -> tuple[int, str, list[str]]:
    """Return the position by dependency, then by type and missing columns, so that equal ones are adjacent."""
    name = found.entity_type.name
    if name in _ORDER:
        return _ORDER[name], "", []  # These are numbered in the order of their lines.
    return _ORDER["others"], name, sorted(found.missing)


def _fill_in_columns(
    batch: Batch, entity_type: EntityType, missing: frozenset[str], part: list[PendingEntity], line_errors: LineErrors
) -> None:
    table = batch.tables[entity_type]
    wanted = select(table).where(table.c.id.in_([found.key[0] for found in part]))
    rows = {row["id"]: dict(row) for row in batch.connection.execute(wanted).mappings()}
    changed = []
    for found in part:
        row = rows[found.key[0]]
        with line_errors(found.line):
            rules.add_server_values(batch, entity_type, row)
        changed.append({"which": row["id"], **{f"new_{name}": row[name] for name in missing}})
    values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in missing}
    batch.connection.execute(update(table).where(table.c.id == bindparam("which")).values(values), changed)


def _assign_lists(batch: Batch, found: PendingEntity) -> None:
    entity_type = found.entity_type
    if not found.lists:
        return
    row = batch.row(entity_type.name, found.key[0]) if entity_type.key == ("id",) else None
    if row is None:
        raise ValidationError(f"A {entity_type.name} has no lists. Leave {', '.join(found.lists)} out.")
    for name, members in found.lists.items():
        if name == "metadata":
            for key, value in _pairs(name, members).items():
                row_values = {"key": key, "value": value, "parent_id": row["id"], "parent_type": entity_type.name}
                stored = insert(batch.tables.by_family["Metadata"]).values(row_values)
                unique = ["parent_id", "key"]
                batch.connection.execute(stored.on_conflict_do_update(index_elements=unique, set_={"value": value}))
        elif name == "custom_attributes":
            _set_custom_attributes(batch, entity_type, row, _pairs(name, members))
        elif isinstance(members, (list, type(None))):
            relations.assign_members(batch, entity_type, row, entity_type.attributes[name], members or [])
        else:
            raise ValidationError(f"{entity_type.name}.{name} is a list of references.")


def _pairs(name: str, members: Any) -> dict[str, Any]:
    """Return keys and values, given as an object or as a list of entities."""
    if isinstance(members, dict):
        return members
    if all(isinstance(member, dict) and isinstance(member.get("key"), str) for member in members or []):
        return {member["key"]: member.get("value") for member in members or []}
    raise ValidationError(f"{name} is an object of keys and values.")


def _set_custom_attributes(batch: Batch, entity_type: EntityType, row: Row, pairs: dict[str, Any]) -> None:
    dense = batch.schema[entity_type.attributes["custom_attributes"].rows]
    kind = dense.name.replace("CustomAttributeValue", "")
    tables = batch.tables.by_family
    entity, configuration = tables[batch.schema[kind].family], tables["CustomConfigurationBase"]
    joined = entity.join(configuration, configuration_applies(tables, kind, entity, configuration))
    wanted = select(configuration.c.id).select_from(joined).where(entity.c.id == row["id"])
    for key, value in pairs.items():
        # A project's own configuration takes precedence over one for all projects.
        own_first = wanted.where(configuration.c.key == key).order_by(configuration.c.project_id.is_(None))
        found = batch.connection.scalar(own_first)
        if found is None:
            raise ValidationError(f"The {entity_type.name} has no custom attribute '{key}'.")
        custom_values.set_custom_value(
            batch, dense, {"entity_key": [found, row["id"]], "entity_data": {"value": value}}, "update"
        )


def find_broken_reference(batch: Batch, families: Iterable[str]) -> tuple[EntityType, tuple[Any, ...], str] | None:
    """Return type, key and reason for an entity of these families that refers to none; None if there is no such."""
    for family in families:
        table = batch.tables.by_family[family]
        broken = batch.connection.execute(text(f"PRAGMA foreign_key_check({table.name})")).first()
        if broken is not None:
            wanted = select(table).where(table.c[ROW_COLUMN] == int(broken[1]))
            row = batch.connection.execute(wanted).mappings().one()
            entity_type = changes.stored_type(batch.schema, family, dict(row))
            return entity_type, tuple(row[name] for name in entity_type.key), _explain(batch, entity_type, dict(row))
    return None


def _explain(batch: Batch, entity_type: EntityType, row: Row) -> str:
    for attribute in entity_type.attributes.values():
        value = None if attribute.column is None else row[attribute.column]
        if attribute.kind != "foreign key" or attribute.rows == "*" or value is None:
            continue
        target = batch.schema[batch.schema[attribute.rows].family]
        other = batch.tables[target]
        if batch.connection.scalar(select(1).where(other.c[target.key[0]] == value)) is None:
            return f"{attribute.name} names the {attribute.rows} '{value}', which does not exist."
    return "It refers to an entity that does not exist."
