"""The ``delete`` action: delete an entity and everything that belongs to it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from typing import Any

import attrs
from sqlalchemy import bindparam, delete, literal_column, select, update

from ft_dcc.server.database import audit_log, closed_reviews, connections
from ft_dcc.server.entities import authorization, changes, custom_values, payload, review_rules
from ft_dcc.server.entities.batch import Answer, Batch, Operation, Row
from ft_dcc.server.errors import Conflict
from ft_dcc.server.schema.model import EntityType, Schema
from ft_dcc.server.schema.tables import Tables

_MAX_KEYS = 10_000
# Clearing a key takes a tenth of the time of a deletion.
CLEARED_KEYS_PER_CHANGE = 10


@attrs.frozen
class _Referrer:
    """A foreign key that may lead to a deleted entity."""

    family: str
    column: str
    rule: str


def delete_entity(batch: Batch, operation: Operation) -> Answer:
    """Delete an entity, if it exists, and what belongs to it; raises Forbidden, and Conflict for a key "kept"."""
    entity_type, answer = payload.entity_type_of(batch, operation), {"action": "delete", "data": True}
    if entity_type.is_materialised or entity_type.name == "CustomAttributeValue":
        custom_values.reset_custom_value(batch, entity_type, operation)
        return answer
    key = payload.operation_key(entity_type, operation)
    if (row := batch.stored(entity_type, key)) is None:
        return answer
    stored = changes.stored_type(batch.schema, entity_type.family, row)
    authorization.check_access(batch, authorization.DELETE, stored, row)
    if entity_type.name == "AssetVersion":
        review_rules.follow_version(batch, row, is_deleted=True)
    if entity_type.key == ("id",):
        _remove_tree(batch, stored, row)
    else:
        batch.changes.record_removed(entity_type, row)
        batch.connection.execute(delete(batch.tables[entity_type]).where(*batch.has_key(entity_type, key)))
    return answer


def _remove_tree(batch: Batch, entity_type: EntityType, row: Row) -> None:
    """Collect the entities that are deleted with this one, level by level; clear the keys to them; delete them."""
    count = _implied_changes(batch, entity_type, row)
    deleted: dict[str, set[Any]] = {}
    frontier: dict[str, set[Any]] = {entity_type.family: {row["id"]}}
    while frontier:
        for name, ids in frontier.items():
            deleted.setdefault(name, set()).update(ids)
        following: dict[str, set[Any]] = {}
        for name, ids in frontier.items():
            for referrer in _referrers(batch.schema, name):
                if referrer.rule == "owned":
                    found = _find_referring(batch, referrer, ids)
                    if "id" in batch.tables.by_family[referrer.family].c:
                        new = {key for (key,) in found} - deleted.get(referrer.family, set())
                        following.setdefault(referrer.family, set()).update(new)
                    else:
                        # Rows without an id of their own are only counted.
                        count(len(found))
        frontier = {name: ids for name, ids in following.items() if ids}
        count(sum(map(len, frontier.values())))
    # The replies of a note are deleted with it.
    for note_id in deleted["Note"] - {row["id"]} if entity_type.family == "Note" else ():
        authorization.check_key_access(batch, authorization.DELETE, batch.schema["Note"], note_id)
    with batch.services.store.closed_reviews.unlocking(_closed_reviews(batch, deleted.get("ReviewSession", set()))):
        _delete_rows(batch, deleted, count)
    batch.removed_components.extend(deleted.get("Component", ()))


def _implied_changes(batch: Batch, entity_type: EntityType, row: Row) -> Callable[[int], None]:
    """Return a function that counts entities that are deleted or changed with this one and raises PayloadTooLarge."""
    label = row.get("name") or row.get("username") or row["id"]
    change = f"Deleting the {entity_type.name} '{label}' deletes or changes what belongs to it"
    remedy = "Delete what belongs to it first, the lowest entities before the others, in several requests."
    if entity_type.name == "User":
        remedy = "Set is_active to false instead, or delete what belongs to the user first, in several requests."
    return lambda number: batch.count_implied_changes(number, change, remedy)


def _closed_reviews(batch: Batch, session_ids: set[Any]) -> dict[str, str]:
    """Return the closed review sessions that are deleted as a whole, which only an administrator may do.

    Their names are recorded, because nothing else of them is left.
    """
    if not session_ids or not batch.permissions.is_administrator:
        return {}
    found: dict[str, str] = {}
    for part in _chunks(session_ids):
        found.update(closed_reviews.closed_session_names(batch.connection, batch.tables, part))
    for session_id, name in found.items():
        operation = {"action": "delete closed review", "entity_type": "ReviewSession", "entity_key": [session_id]}
        audit_log.record(batch.connection, batch.caller, [(operation, None)], detail=name)
    return found


def _delete_rows(batch: Batch, deleted: dict[str, set[Any]], count: Callable[[int], None]) -> None:
    """Delete the rows of each family, with the rows without an id that belong to them, and clear the keys to them."""
    for name, ids in deleted.items():
        for referrer in _referrers(batch.schema, name):
            table = batch.tables.by_family[referrer.family]
            is_link = referrer.rule == "owned" and "id" not in table.c
            for part in _chunks(ids) if is_link and _find_referring(batch, referrer, ids, most=1) else ():
                batch.connection.execute(delete(table).where(table.c[referrer.column].in_(part)))
    for name, ids in deleted.items():
        for referrer in _referrers(batch.schema, name):
            count(_release(batch, referrer, name, ids, deleted) // CLEARED_KEYS_PER_CHANGE)
    for name, ids in deleted.items():
        table = batch.tables.by_family[name]
        for part in _chunks(ids):
            for row in batch.rows_to_report(table, table.c.id.in_(part)):
                batch.changes.record_removed(changes.stored_type(batch.schema, name, row), row)
            batch.connection.execute(delete(table).where(table.c.id.in_(part)))
        batch.drop_references(name, ids)


def _find_referring(
    batch: Batch, referrer: _Referrer, ids: Collection[Any], most: int | None = None
) -> list[tuple[Any, ...]]:
    """Return the ids of the rows that refer to these, or a constant for each row without an id.

    At most ``most`` rows are returned for each chunk of ids, or one above the limit of a request.
    """
    limit = batch.max_implied_rows if most is None else most
    statement = _referring_statement(batch.tables, referrer)
    return [row for part in _chunks(ids) for row in statement.rows(batch.connection, {"ids": part, "most": limit})]


@functools.lru_cache(maxsize=1024)
def _referring_statement(tables: Tables, referrer: _Referrer) -> connections.Prepared:
    table = tables.by_family[referrer.family]
    key = table.c.id if "id" in table.c else literal_column("1")
    is_referring = table.c[referrer.column].in_(bindparam("ids", expanding=True))
    # A negative limit of SQLite is none.
    return connections.Prepared(select(key).select_from(table).where(is_referring).limit(bindparam("most")))


def _release(batch: Batch, referrer: _Referrer, family: str, ids: set[Any], deleted: dict[str, set[Any]]) -> int:
    """Clear a foreign key to the deleted entities, and return in how many rows; raises Conflict if one keeps them."""
    if referrer.rule == "owned":
        return 0
    table = batch.tables.by_family[referrer.family]
    column, cleared = table.c[referrer.column], 0
    most = batch.max_implied_rows * CLEARED_KEYS_PER_CHANGE
    for part in _chunks(ids):
        users = {key for (key,) in _find_referring(batch, referrer, part, most)}
        if referrer.rule == "kept":
            if users - deleted.get(referrer.family, set()):
                number = f"{len(users)}{' or more' if len(users) == most else ''}"
                if family == "Resource":
                    has = f"The user has {number} {referrer.family} entries, which keep their author"
                    raise Conflict(f"{has}. Set is_active to false instead of deleting the user.")
                raise Conflict(f"The {family} is in use by {number} {referrer.family} entries. Change those first.")
        elif users:
            batch.connection.execute(update(table).where(column.in_(part)).values({referrer.column: None}))
            cleared += len(users)
    return cleared


def _chunks(ids: Collection[Any]) -> list[list[Any]]:
    listed = list(ids)
    return [listed[start : start + _MAX_KEYS] for start in range(0, len(listed), _MAX_KEYS)]


@functools.cache
def _referrers(schema: Schema, family: str) -> tuple[_Referrer, ...]:
    """Return every foreign key of the schema that may lead to an entity of this family."""
    found: dict[_Referrer, None] = {}
    for entity_type in schema:
        if entity_type.is_materialised or entity_type.is_view:
            continue
        for attribute in entity_type.attributes.values():
            if attribute.kind != "foreign key" or attribute.column is None:
                continue
            if attribute.rows == "*" or schema[attribute.rows].family == family:
                found[_Referrer(entity_type.family, attribute.column, attribute.rule)] = None
    return tuple(found)
