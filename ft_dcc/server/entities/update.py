"""``update``: new values of an entity, and what follows from them."""

from __future__ import annotations

from uuid import uuid4

from sqlalchemy import select, update

from ft_dcc.errors import DuplicateEntryError, ValidationError
from ft_dcc.server.entities.batch import Answer, Batch, Operation, Row
from ft_dcc.server.entities.changes import stored_type
from ft_dcc.server.entities.closed import check_open
from ft_dcc.server.entities.create import tell
from ft_dcc.server.entities.custom_values import set_value
from ft_dcc.server.entities.given import Given, entity_type_of, operation_key, read_given
from ft_dcc.server.entities.guard import check_row, check_type
from ft_dcc.server.entities.passphrases import passphrase_columns
from ft_dcc.server.entities.relate import assign
from ft_dcc.server.query.values import now
from ft_dcc.server.schema.model import EntityType
from ft_dcc.server.schema.tables import TYPE_COLUMN
from ft_dcc.server.uploads import check_arrived

_HISTORY = {"Context": "TypedContextStatusChange", "AssetVersion": "AssetVersionStatusChange"}


def change(batch: Batch, operation: Operation) -> Answer:
    """The entity has the values that were sent; raises ValidationError when there is no such entity."""
    asked = entity_type_of(batch, operation)
    if asked.is_dense or asked.name == "CustomAttributeValue":
        return set_value(batch, asked, operation, "update")
    key = operation_key(asked, operation)
    batch.need(key[0])
    row = _stored_row(batch, asked, key)
    entity_type = batch.studio.schema[asked.name if asked.is_view else row.get(TYPE_COLUMN, asked.name)]
    data = operation.get("entity_data")
    named = {name for name in data if name != TYPE_COLUMN} if isinstance(data, dict) else set()
    check_row(batch, entity_type, row, named)
    given = read_given(batch, entity_type, operation)
    check_type(batch, entity_type, row, {*given.columns, *given.lists})
    wanted = {**given.columns, **passphrase_columns(batch, entity_type, key[0], given.columns)}
    changed = {column: value for column, value in wanted.items() if row[column] != value}
    _check_immutable(entity_type, row, changed)
    if changed:
        _follow(batch, entity_type, row, changed)
        _store(batch, entity_type, key, changed)
        check_row(batch, entity_type, {**row, **changed}, named)
        check_open(batch, entity_type, {**row, **changed}, changed)
        check_arrived(batch, entity_type, {**row, **changed})
        batch.changes.updated(entity_type, row, changed)
        row.update(changed)
    for name, members in given.lists.items():
        assign(batch, entity_type, row, entity_type.attributes[name], members)
    return {"action": "update", "data": _tell_changes(asked, row, given)}


def _stored_row(batch: Batch, entity_type: EntityType, key: tuple[str, ...]) -> Row:
    table = batch.table(entity_type)
    is_it = [table.c[name] == part for name, part in zip(entity_type.key, key)]
    found = batch.connection.execute(select(table).where(*is_it)).mappings().first()
    allowed = batch.studio.schema.with_subtypes(entity_type.name)
    if found is None or (not entity_type.is_view and found.get(TYPE_COLUMN, entity_type.name) not in allowed):
        raise ValidationError(f"There is no {entity_type.name} '{', '.join(key)}' to update. It may be deleted.")
    return dict(found)


def _check_immutable(entity_type: EntityType, row: Row, changed: Row) -> None:
    fixed = {*entity_type.key, *entity_type.lists.get("immutable", ())}
    for column, value in changed.items():
        if column in fixed and row[column] is not None:
            raise ValidationError(f"{entity_type.name}.{column} cannot be changed to '{value}'. Make another entity.")


def _store(batch: Batch, entity_type: EntityType, key: tuple[str, ...], changed: Row) -> None:
    table = batch.table(entity_type)
    is_it = [table.c[name] == part for name, part in zip(entity_type.key, key)]
    for names in (names.split() for names in entity_type.lists.get("unique", ())):
        if not set(names) & set(changed):
            continue
        stored = batch.connection.execute(select(*(table.c[name] for name in names)).where(*is_it)).one()._mapping
        same = [table.c[name] == changed.get(name, stored[name]) for name in names]
        if batch.connection.execute(select(1).where(*same, ~is_it[0])).first() is not None:
            raise DuplicateEntryError(
                f"DuplicateEntryError: there is a {entity_type.name} with this {' and '.join(names)} already."
            )
    batch.connection.execute(update(table).where(*is_it).values(changed))


def _follow(batch: Batch, entity_type: EntityType, row: Row, changed: Row) -> None:
    """Do what a change means elsewhere: the history of statuses, and the project of what moves."""
    if "status_id" in changed and entity_type.family in _HISTORY:
        # Not told to listeners: an update of a status is one change for them, and this is how it is written down.
        table = batch.table(batch.studio.schema["StatusChange"])
        values = {
            "id": str(uuid4()),
            TYPE_COLUMN: _HISTORY[entity_type.family],
            "parent_id": row["id"],
            "parent_type": entity_type.name,
            "date": now(),
            "user_id": batch.caller.id,
            "from_status_id": row["status_id"],
            "status_id": changed["status_id"],
        }
        batch.connection.execute(table.insert().values(values))
    if entity_type.family == "Context" and changed.get("parent_id") is not None:
        _move(batch, row, changed)


def _move(batch: Batch, row: Row, changed: Row) -> None:
    """What lies below a context that moves to another project belongs to that project too."""
    table = batch.table(batch.studio.schema["Context"])
    below = select(table.c.id).where(table.c.id == row["id"]).cte(recursive=True)
    child = table.alias()
    below = below.union(select(child.c.id).join(below, child.c.parent_id == below.c.id))
    inside = set(batch.connection.scalars(select(below.c.id)))
    if changed["parent_id"] in inside:
        raise ValidationError(f"'{row['name']}' cannot lie inside itself. Choose another parent.")
    parent = batch.row("Context", changed["parent_id"])
    if parent is None:
        raise ValidationError(f"There is no context '{changed['parent_id']}' to move '{row['name']}' to.")
    if parent["project_id"] != row["project_id"]:
        changed["project_id"] = parent["project_id"]
        other = {"project_id": parent["project_id"]}
        for moved in batch.rows(table, table.c.id.in_(inside - {row["id"]})):
            batch.changes.updated(stored_type(batch.studio.schema, "Context", moved), moved, other)
        batch.connection.execute(update(table).where(table.c.id.in_(inside)).values(project_id=parent["project_id"]))


def _tell_changes(asked: EntityType, row: Row, given: Given) -> dict[str, object]:
    """Return the reference, what was sent, and what every answer about this type has."""
    told = tell(asked, row, given)
    wanted = {TYPE_COLUMN, *asked.key, *given.echo, *asked.always_told}
    return {name: value for name, value in told.items() if name in wanted}
