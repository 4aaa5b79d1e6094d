"""``delete``: an entity goes, with everything that belongs to it."""

from __future__ import annotations

import functools
from typing import Any

import attrs
from sqlalchemy import delete, select, update

from ft_dcc.errors import Conflict
from ft_dcc.server.entities.batch import Answer, Batch, Operation
from ft_dcc.server.entities.changes import stored_type
from ft_dcc.server.entities.custom_values import forget_value
from ft_dcc.server.entities.given import entity_type_of, operation_key
from ft_dcc.server.entities.guard import check_row, check_type
from ft_dcc.server.schema.model import EntityType, Schema

_MOST_KEYS = 10_000


@attrs.frozen
class _Referrer:
    """A foreign key that may lead to a deleted entity."""

    family: str
    column: str
    rule: str


def remove(batch: Batch, operation: Operation) -> Answer:
    """The entity is not there, nor what belongs to it; deleting what is gone already is no error."""
    entity_type = entity_type_of(batch, operation)
    if entity_type.is_dense or entity_type.name == "CustomAttributeValue":
        forget_value(batch, entity_type, operation)
    else:
        _remove(batch, entity_type, operation_key(entity_type, operation))
    return {"action": "delete", "data": True}


def _remove(batch: Batch, entity_type: EntityType, key: tuple[str, ...]) -> None:
    table = batch.table(entity_type)
    is_it = [table.c[name] == part for name, part in zip(entity_type.key, key)]
    found = batch.connection.execute(select(table).where(*is_it)).mappings().first()
    if found is None:
        return
    row = dict(found)
    stored = stored_type(batch.studio.schema, entity_type.family, row)
    check_type(batch, stored, row)
    check_row(batch, stored, row)
    if entity_type.key == ("id",):
        _remove_tree(batch, entity_type.family, row["id"])
    else:
        batch.changes.removed(entity_type, row)
        batch.connection.execute(delete(table).where(*is_it))


def _remove_tree(batch: Batch, family: str, entity_id: Any) -> None:
    """Collect what must go, level by level; then forget what refers to it and delete it."""
    doomed: dict[str, set[Any]] = {}
    front: dict[str, set[Any]] = {family: {entity_id}}
    while front:
        following: dict[str, set[Any]] = {}
        for name, ids in front.items():
            doomed.setdefault(name, set()).update(ids)
            for referrer in _referrers(batch.studio.schema, name):
                if referrer.rule == "owned":
                    found = _referring(batch, referrer, ids)
                    following.setdefault(referrer.family, set()).update(found)
        front = {name: ids - doomed.get(name, set()) for name, ids in following.items()}
        front = {name: ids for name, ids in front.items() if ids}
    for name, ids in doomed.items():
        for referrer in _referrers(batch.studio.schema, name):
            _let_go(batch, referrer, name, ids, doomed)
    for name, ids in doomed.items():
        table = batch.studio.store.tables.by_family[name]
        for part in _parts(ids):
            for row in batch.rows(table, table.c.id.in_(part)):
                batch.changes.removed(stored_type(batch.studio.schema, name, row), row)
            batch.connection.execute(delete(table).where(table.c.id.in_(part)))
        batch.forget(name, ids)
    batch.removed_components.extend(doomed.get("Component", ()))


def _referring(batch: Batch, referrer: _Referrer, ids: set[Any]) -> set[Any]:
    """Return the keys of what refers to these; link rows without an id of their own are deleted at once."""
    table = batch.studio.store.tables.by_family[referrer.family]
    column = table.c[referrer.column]
    found: set[Any] = set()
    for part in _parts(ids):
        if "id" in table.c:
            found.update(batch.connection.scalars(select(table.c.id).where(column.in_(part))))
        else:
            batch.connection.execute(delete(table).where(column.in_(part)))
    return found


def _let_go(batch: Batch, referrer: _Referrer, family: str, ids: set[Any], doomed: dict[str, set[Any]]) -> None:
    if referrer.rule == "owned":
        return
    table = batch.studio.store.tables.by_family[referrer.family]
    column = table.c[referrer.column]
    for part in _parts(ids):
        if referrer.rule == "kept":
            users = set(batch.connection.scalars(select(table.c.id).where(column.in_(part))))
            if users - doomed.get(referrer.family, set()):
                raise Conflict(f"The {family} is in use by {len(users)} {referrer.family} entries. Delete those first.")
        else:
            batch.connection.execute(update(table).where(column.in_(part)).values({referrer.column: None}))


def _parts(ids: set[Any]) -> list[list[Any]]:
    listed = list(ids)
    return [listed[start : start + _MOST_KEYS] for start in range(0, len(listed), _MOST_KEYS)]


@functools.cache
def _referrers(schema: Schema, family: str) -> tuple[_Referrer, ...]:
    """Return every foreign key of the schema that may lead to an entity of this family."""
    found: dict[_Referrer, None] = {}
    for entity_type in schema:
        if entity_type.is_dense or entity_type.is_view:
            continue
        for attribute in entity_type.attributes.values():
            if attribute.kind != "foreign key" or attribute.column is None:
                continue
            if attribute.rows == "*" or schema[attribute.rows].family == family:
                found[_Referrer(entity_type.family, attribute.column, attribute.rule)] = None
    return tuple(found)
