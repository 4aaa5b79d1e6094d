"""The ``create`` action: store a new row with the values that the server adds, and return all of it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any
from uuid import uuid4

from sqlalchemy import select

from ft_dcc.server.entities import authorization, custom_values, relations, rules
from ft_dcc.server.entities.batch import Answer, Batch, Operation, Row
from ft_dcc.server.entities.payload import ParsedPayload, entity_type_of, parse_payload
from ft_dcc.server.errors import DuplicateEntryError, ValidationError
from ft_dcc.server.query.type_conversion import to_db, to_json
from ft_dcc.server.schema import model, tables

# An ftrack site accepts users without a user name.
_REQUIRED_TEXTS = frozenset(("name", "email"))


def create_entity(batch: Batch, operation: Operation) -> Answer:
    """Create an entity; repeating a create with the same id and data changes nothing.

    Raises ValidationError for invalid data, and DuplicateEntryError if another entity has the same unique values.
    """
    entity_type = entity_type_of(batch, operation)
    if entity_type.is_materialised:
        return custom_values.set_custom_value(batch, entity_type, operation, "create")
    if entity_type.is_abstract:
        subtypes = batch.schema.with_subtypes(entity_type.name)[1:]
        raise ValidationError(f"{entity_type.name} is an abstract type. Create one of {', '.join(subtypes)} instead.")
    payload = parse_payload(batch, entity_type, operation)
    check_server_columns(entity_type, {name: value for name, value in payload.columns.items() if value is not None})
    row = _new_row(batch, entity_type, payload)
    _check_key(entity_type, row)
    _check_new_row(batch, entity_type, row)
    authorization.check_access(batch, authorization.CREATE, entity_type, row)
    authorization.check_new_id(batch, entity_type, row.get("id"))
    own_rules = rules.rules_of(entity_type)
    for rule in own_rules:
        rule.before_create(batch, row)
    if batch.insert(entity_type.name, row):
        authorization.grant_creator_access(batch, entity_type, row)
        for rule in own_rules:
            rule.check_stored(batch, row)
        batch.changes.record_created(entity_type, row)
        for rule in own_rules:
            rule.after_create(batch, row)
    else:
        row = _existing_row(batch, entity_type, row, payload)
    for name, members in payload.lists.items():
        relations.assign_members(batch, entity_type, row, entity_type.attributes[name], members)
    return {"action": "create", "data": to_response(entity_type, row, payload)}


def check_server_columns(entity_type: model.EntityType, columns: Iterable[str]) -> None:
    """Raise ValidationError if one of these columns is set by the server alone."""
    for column in columns:
        if column in entity_type.lists.get("server", ()):
            raise ValidationError(f"{entity_type.name}.{column} is set by the server alone. Leave it out.")


def _new_row(batch: Batch, entity_type: model.EntityType, payload: ParsedPayload) -> Row:
    defaults, ids = _defaults(entity_type)
    row = {**defaults, **payload.columns}
    for column in ids:
        if column not in payload.columns:
            row[column] = str(uuid4())
    row.update(rules.stored_values(batch, entity_type, str(row.get("id")), payload.columns))
    own_rules = rules.rules_of(entity_type)
    for rule in own_rules:
        rule.add_owner(batch, row)
    rules.add_server_values(batch, entity_type, row)
    for rule in own_rules:
        rule.check_values(row, row)
    return row


@functools.lru_cache(maxsize=1024)
def _defaults(entity_type: model.EntityType) -> tuple[Row, list[str]]:
    """Return the default of each column, and the columns whose default is a new id."""
    row: Row = {}
    ids = []
    for each in entity_type.attributes.values():
        if each.column is not None:
            row[each.column] = to_db("variable", each.default, "") if each.kind == "variable" else each.default
            ids += [each.column] if each.default == "{uid}" else []
    return row, ids


def _check_key(entity_type: model.EntityType, row: Row) -> None:
    for name in entity_type.key:
        if row.get(name) is None:
            raise ValidationError(f"A {entity_type.name} needs '{name}'. Send it.")


def check_required(entity_type: model.EntityType, row: Row, columns: Iterable[str]) -> None:
    """Raise ValidationError if one of these columns must have a value and has none.

    Dates that are required by the schema of ftrack may be empty, and the server sets statuses, types and authors.
    """
    missing = [*_missing(entity_type, row, columns, _is_owner), *_missing(entity_type, row, columns, _is_required_text)]
    if missing:
        raise ValidationError(f"A {entity_type.name} needs '{missing[0]}'. Send it.")


def _check_new_row(batch: Batch, entity_type: model.EntityType, row: Row) -> None:
    """Check that a new entity has an owner now, and its texts at the end of the transaction, which may still set them.

    Scripts create an entity and name it afterwards, which clients send as two operations.
    """
    if missing := _missing(entity_type, row, row, _is_owner):
        raise ValidationError(f"A {entity_type.name} needs '{missing[0]}'. Send it.")
    if not _missing(entity_type, row, row, _is_required_text):
        return

    def check_texts() -> None:
        found = batch.connection.execute(batch.tables.by_id[entity_type.family], {"id": row["id"]}).mappings().first()
        if found is not None:
            check_required(entity_type, dict(found), dict(found))

    if batch.operations:
        batch.before_commit.append(check_texts)
    else:
        check_required(entity_type, row, row)  # A batch of the owner has no last operation.


def _missing(
    entity_type: model.EntityType, row: Row, columns: Iterable[str], is_checked: Callable[[model.Attribute], bool]
) -> list[str]:
    return [
        name for name, column in _required(entity_type, is_checked) if column in columns and row[column] in (None, "")
    ]


@functools.lru_cache(maxsize=1024)
def _required(entity_type: model.EntityType, is_checked: Callable[[model.Attribute], bool]) -> list[tuple[str, str]]:
    """Return the name and the column of each required attribute that fulfils the condition."""
    attributes = [entity_type.attributes.get(name) for name in entity_type.lists.get("required", ())]
    known = [each for each in attributes if each is not None and is_checked(each)]
    return [(each.name, each.column) for each in known if each.column is not None]


def _is_owner(attribute: model.Attribute) -> bool:
    return attribute.kind == "foreign key" and attribute.rule == "owned"


def _is_required_text(attribute: model.Attribute) -> bool:
    return attribute.kind == "text" and attribute.name in _REQUIRED_TEXTS


def _existing_row(batch: Batch, entity_type: model.EntityType, row: Row, payload: ParsedPayload) -> Row:
    """Return the stored row if the same create was answered before; raises DuplicateEntryError otherwise."""
    table = batch.tables[entity_type]
    same_key = [table.c[name] == row[name] for name in entity_type.key]
    found = batch.connection.execute(select(table).where(*same_key)).mappings().first()
    if found is None:
        members = batch.schema.family_of(entity_type.family)
        unique = dict.fromkeys(columns for member in members for columns in member.lists.get("unique", ()))
        others = " or ".join(" and ".join(columns.split()) for columns in unique)
        name = row.get("name") or row.get("username")
        named = "" if name is None else f" {str(name)[:80]!r}"
        raise DuplicateEntryError(
            f"DuplicateEntryError: another {entity_type.name}{named} has the same {others}. Send other values."
        )
    if (
        authorization.is_readable(batch, entity_type, dict(found))
        and found.get(tables.TYPE_COLUMN, row.get(tables.TYPE_COLUMN)) == row.get(tables.TYPE_COLUMN)
        and all(found[column] == row[column] for column in payload.columns)
    ):
        return dict(found)
    key = ", ".join(str(row[name]) for name in entity_type.key)
    raise DuplicateEntryError(f"DuplicateEntryError: there is a {entity_type.name} {key} already, with other values.")


def to_response(entity_type: model.EntityType, row: Row, payload: ParsedPayload) -> dict[str, Any]:
    """Return the entity for an answer: the sent values as they were sent, and the columns that the server set."""
    response: dict[str, Any] = {tables.TYPE_COLUMN: entity_type.name}
    for name, value in payload.echo.items():
        column = str(entity_type.attributes[name].column)
        if column not in payload.columns or payload.columns[column] == row[column]:
            response[name] = value
    answered = _answered(entity_type)
    for column, stored in row.items():
        # Attributes without a value are left out; clients treat them as not loaded, as with an ftrack site.
        if stored is not None:
            for name, convert in answered.get(column, ()):
                if name not in response:
                    response[name] = stored if convert is None else convert(stored)
    return response


@functools.lru_cache(maxsize=1024)
def _answered(entity_type: model.EntityType) -> dict[str, list[tuple[str, Callable[[Any], Any] | None]]]:
    """Return the attributes of each column that answers contain, with the conversion of their stored values."""
    found: dict[str, list[tuple[str, Callable[[Any], Any] | None]]] = {}
    for name, each in entity_type.attributes.items():
        if each.column is not None and not each.is_hidden:
            found.setdefault(each.column, []).append((name, to_json(each.kind)))
    return found
