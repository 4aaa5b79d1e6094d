"""The ``update`` action: store new values of an entity, and the changes of other entities that they imply."""

from __future__ import annotations

from uuid import uuid4

from sqlalchemy import select, update

from ft_dcc.errors import DuplicateEntryError, ValidationError
from ft_dcc.server.database import clock
from ft_dcc.server.entities import (
    authorization,
    changes,
    create,
    custom_values,
    invitee_rights,
    passphrases,
    relations,
    review_dates,
    server_values,
)
from ft_dcc.server.entities.batch import Answer, Batch, Operation, Row
from ft_dcc.server.entities.payload import ParsedPayload, entity_type_of, operation_key, parse_payload
from ft_dcc.server.schema import model, tables

_HISTORY = {"Context": "TypedContextStatusChange", "AssetVersion": "AssetVersionStatusChange"}


def update_entity(batch: Batch, operation: Operation) -> Answer:
    """Update an entity with the values that were sent; raises ValidationError, Forbidden or DuplicateEntryError."""
    asked = entity_type_of(batch, operation)
    if asked.is_materialised or asked.name == "CustomAttributeValue":
        return custom_values.set_custom_value(batch, asked, operation, "update")
    key = operation_key(asked, operation)
    batch.ensure_created(key[0])
    row = _stored_row(batch, asked, key)
    entity_type = batch.schema[asked.name if asked.is_view else row.get(tables.TYPE_COLUMN, asked.name)]
    data = operation.get("entity_data")
    named = {name for name in data if name != tables.TYPE_COLUMN} if isinstance(data, dict) else set()
    authorization.check_update(batch, entity_type, row, named)
    payload = parse_payload(batch, entity_type, operation)
    wanted = {**payload.columns, **passphrases.passphrase_columns(batch, entity_type, key[0], payload.columns)}
    changed = {column: value for column, value in wanted.items() if row[column] != value}
    create.check_server_columns(entity_type, changed)
    _check_immutable(entity_type, row, changed)
    invitee_rights.check_rights(entity_type, changed)
    review_dates.check_dates(entity_type, row, changed)
    create.check_required(entity_type, changed, changed)
    authorization.check_author(batch, entity_type, changed)
    if changed:
        _apply_side_effects(batch, entity_type, row, changed)
        _store(batch, entity_type, key, changed)
        authorization.check_update(batch, entity_type, {**row, **changed}, named)
        create.check_uploaded(batch, entity_type, {**row, **changed})
        batch.changes.record_updated(entity_type, row, changed)
        row.update(changed)
    for name, members in payload.lists.items():
        relations.assign_members(batch, entity_type, row, entity_type.attributes[name], members)
    return {"action": "update", "data": _changes_to_response(asked, row, payload)}


def _stored_row(batch: Batch, entity_type: model.EntityType, key: tuple[str, ...]) -> Row:
    table = batch.tables[entity_type]
    has_key = [table.c[name] == part for name, part in zip(entity_type.key, key)]
    found = batch.connection.execute(select(table).where(*has_key)).mappings().first()
    allowed = batch.schema.with_subtypes(entity_type.name)
    if found is None or (not entity_type.is_view and found.get(tables.TYPE_COLUMN, entity_type.name) not in allowed):
        raise ValidationError(f"There is no {entity_type.name} '{', '.join(key)}' to update. It may be deleted.")
    return dict(found)


def _check_immutable(entity_type: model.EntityType, row: Row, changed: Row) -> None:
    fixed = {*entity_type.key, *entity_type.lists.get("immutable", ())}
    for column, value in changed.items():
        if column in fixed and row[column] is not None:
            raise ValidationError(f"{entity_type.name}.{column} cannot be changed to '{value}'. Make another entity.")


def _store(batch: Batch, entity_type: model.EntityType, key: tuple[str, ...], changed: Row) -> None:
    table = batch.tables[entity_type]
    has_key = [table.c[name] == part for name, part in zip(entity_type.key, key)]
    for names in (names.split() for names in entity_type.lists.get("unique", ())):
        if not set(names) & set(changed):
            continue
        stored = batch.connection.execute(select(*(table.c[name] for name in names)).where(*has_key)).one()._mapping
        wanted = {name: changed.get(name, stored[name]) for name in names}
        if None in wanted.values():
            continue  # As in the unique index: projects have no parent, and a check of their own.
        same = [table.c[name] == value for name, value in wanted.items()]
        if batch.connection.execute(select(1).where(*same, ~has_key[0])).first() is not None:
            raise DuplicateEntryError(
                f"DuplicateEntryError: there is a {entity_type.name} with this {' and '.join(names)} already."
            )
    batch.connection.execute(update(table).where(*has_key).values(changed))


def _apply_side_effects(batch: Batch, entity_type: model.EntityType, row: Row, changed: Row) -> None:
    """Record status changes in the history, and move what is below a moved context to its project."""
    if "status_id" in changed and entity_type.family in _HISTORY:
        # Not published: for subscribers the update of the status is the change, and this row only its history.
        table = batch.table("StatusChange")
        values = {
            "id": str(uuid4()),
            tables.TYPE_COLUMN: _HISTORY[entity_type.family],
            "parent_id": row["id"],
            "parent_type": entity_type.name,
            "date": clock.now_text(),
            "user_id": batch.caller.id,
            "from_status_id": row["status_id"],
            "status_id": changed["status_id"],
        }
        batch.connection.execute(table.insert().values(values))
    if entity_type.family == "Context":
        _check_place(batch, entity_type, row, changed)
        if changed.get("parent_id") is not None:
            _move(batch, row, changed)


def _check_place(batch: Batch, entity_type: model.EntityType, row: Row, changed: Row) -> None:
    """Raise ValidationError for a project with a parent or a used name, or that is not the project of the parent."""
    if entity_type.name == "Project":
        if changed.keys() & {"parent_id", "project_id"}:
            raise ValidationError("A Project has no parent and no other project. Leave parent_id and project_id out.")
        if "name" in changed:
            server_values.check_project_name(batch, row["id"], changed["name"])
    if "project_id" in changed:
        parent = batch.row("Context", changed.get("parent_id", row["parent_id"]))
        if parent is None or parent["project_id"] != changed["project_id"]:
            raise ValidationError(f"'{row['name']}' belongs to the project of its parent. Change parent_id instead.")


def _move(batch: Batch, row: Row, changed: Row) -> None:
    """Move what is below a context to the project of its new parent; raises ValidationError for a cycle."""
    table = batch.table("Context")
    parent = batch.row("Context", changed["parent_id"])
    if parent is None:
        raise ValidationError(f"There is no context '{changed['parent_id']}' to move '{row['name']}' to.")
    above = select(table.c.id, table.c.parent_id).where(table.c.id == parent["id"]).cte(recursive=True)
    above = above.union(select(table.c.id, table.c.parent_id).join(above, table.c.id == above.c.parent_id))
    if row["id"] in set(batch.connection.scalars(select(above.c.id))):
        raise ValidationError(f"'{row['name']}' cannot be moved below itself. Choose another parent.")
    if parent["project_id"] != row["project_id"]:
        changed["project_id"] = parent["project_id"]
        _move_below(batch, row, parent["project_id"])


def _move_below(batch: Batch, row: Row, project_id: str) -> None:
    """Move what is below a context to a project; raises PayloadTooLarge."""
    table = batch.table("Context")
    below = select(table.c.id).where(table.c.parent_id == row["id"]).cte(recursive=True)
    child = table.alias()
    below = below.union(select(child.c.id).join(below, child.c.parent_id == below.c.id))
    inside = set(batch.connection.scalars(select(below.c.id).limit(batch.max_implied_rows)))
    batch.count_implied_changes(
        len(inside),
        f"Moving '{row['name']}' to another project moves everything below it",
        "Move what is below it first, in several requests.",
    )
    for moved in batch.rows_to_report(table, table.c.id.in_(inside)):
        moved_type = changes.stored_type(batch.schema, "Context", moved)
        batch.changes.record_updated(moved_type, moved, {"project_id": project_id})
    batch.connection.execute(update(table).where(table.c.id.in_(inside)).values(project_id=project_id))


def _changes_to_response(asked: model.EntityType, row: Row, payload: ParsedPayload) -> dict[str, object]:
    """Return the key, the values that were sent, and the attributes that every answer about this type has."""
    response = create.to_response(asked, row, payload)
    names = {tables.TYPE_COLUMN, *asked.key, *payload.echo, *asked.always_returned}
    return {name: value for name, value in response.items() if name in names}
