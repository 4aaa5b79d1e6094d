"""The ``update`` action: store new values of an entity, and the changes of other entities that they imply."""

from __future__ import annotations

from sqlalchemy import select, update

from ft_dcc.server.entities import authorization, create, custom_values, relations, rules
from ft_dcc.server.entities.batch import Answer, Batch, Operation, Row
from ft_dcc.server.entities.payload import ParsedPayload, entity_type_of, operation_key, parse_payload
from ft_dcc.server.errors import DuplicateEntryError, ValidationError
from ft_dcc.server.schema import model, tables


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
    wanted = {**payload.columns, **rules.stored_values(batch, entity_type, key[0], payload.columns)}
    changed = {column: value for column, value in wanted.items() if row[column] != value}
    create.check_server_columns(entity_type, changed)
    _check_immutable(entity_type, row, changed)
    own_rules = rules.rules_of(entity_type)
    for rule in own_rules:
        rule.check_values(row, changed)
    create.check_required(entity_type, changed, changed)
    authorization.check_author(batch, entity_type, changed)
    if changed:
        for rule in own_rules:
            rule.before_update(batch, entity_type, row, changed)
        _store(batch, entity_type, key, changed)
        authorization.check_update(batch, entity_type, {**row, **changed}, named)
        batch.changes.record_updated(entity_type, row, changed)
        row.update(changed)
        for rule in own_rules:
            rule.check_stored(batch, row)
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


def _changes_to_response(asked: model.EntityType, row: Row, payload: ParsedPayload) -> dict[str, object]:
    """Return the key, the values that were sent, and the attributes that every answer about this type has."""
    response = create.to_response(asked, row, payload)
    names = {tables.TYPE_COLUMN, *asked.key, *payload.echo, *asked.always_returned}
    return {name: value for name, value in response.items() if name in names}
