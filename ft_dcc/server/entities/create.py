"""``create``: a new row, what the server adds to it, and the answer that tells all of it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from sqlalchemy import select

from ft_dcc.errors import DuplicateEntryError, ValidationError
from ft_dcc.server.entities.batch import Answer, Batch, Operation, Row
from ft_dcc.server.entities.closed import check_open
from ft_dcc.server.entities.custom_values import set_value
from ft_dcc.server.entities.derive import add_derived, finish_created
from ft_dcc.server.entities.given import Given, entity_type_of, read_given
from ft_dcc.server.entities.guard import admit_creator, check_row, check_type
from ft_dcc.server.entities.passphrases import passphrase_columns
from ft_dcc.server.entities.relate import assign
from ft_dcc.server.query.values import shown, stored
from ft_dcc.server.schema.model import EntityType
from ft_dcc.server.schema.tables import TYPE_COLUMN
from ft_dcc.server.uploads import check_arrived


def create(batch: Batch, operation: Operation) -> Answer:
    """The entity exists. Repeating a create with the same id and data changes nothing.

    Raises ValidationError for what cannot be, and DuplicateEntryError when there is another one in its place.
    """
    entity_type = entity_type_of(batch, operation)
    if entity_type.is_dense:
        return set_value(batch, entity_type, operation, "create")
    if entity_type.is_abstract:
        kinds = batch.studio.schema.with_subtypes(entity_type.name)[1:]
        raise ValidationError(f"{entity_type.name} is a common base. Create one of {', '.join(kinds)} instead.")
    given = read_given(batch, entity_type, operation)
    row = _new_row(entity_type, given)
    row.update(passphrase_columns(batch, entity_type, str(row.get("id")), given.columns))
    add_derived(batch, entity_type, row)
    _check_key(entity_type, row)
    check_type(batch, entity_type, row)
    if batch.insert(entity_type, row):
        admit_creator(batch, entity_type, row)
        check_row(batch, entity_type, row)
        check_open(batch, entity_type, row)
        check_arrived(batch, entity_type, row)
        batch.changes.created(entity_type, row)
        finish_created(batch, entity_type, row)
    else:
        row = _repeated(batch, entity_type, row, given)
    for name, members in given.lists.items():
        assign(batch, entity_type, row, entity_type.attributes[name], members)
    return {"action": "create", "data": tell(entity_type, row, given)}


def _new_row(entity_type: EntityType, given: Given) -> Row:
    row: Row = {}
    for attribute in entity_type.attributes.values():
        if attribute.column is not None:
            default = str(uuid4()) if attribute.default == "{uid}" else attribute.default
            row[attribute.column] = stored("variable", default, "") if attribute.kind == "variable" else default
    row.update(given.columns)
    return row


def _check_key(entity_type: EntityType, row: Row) -> None:
    for name in entity_type.key:
        if row.get(name) is None:
            raise ValidationError(f"A {entity_type.name} needs '{name}'. Send it.")


def _repeated(batch: Batch, entity_type: EntityType, row: Row, given: Given) -> Row:
    """Return what is stored when the same create was answered before; raises DuplicateEntryError otherwise."""
    table = batch.table(entity_type)
    check_row(batch, entity_type, row)
    same_key = [table.c[name] == row[name] for name in entity_type.key]
    found = batch.connection.execute(select(table).where(*same_key)).mappings().first()
    if found is None:
        others = " or ".join(f"({', '.join(columns)})" for columns in _unique(batch, entity_type))
        name = row.get("name") or row.get("username") or ""
        raise DuplicateEntryError(
            f"DuplicateEntryError: there is a {entity_type.name} {str(name)[:80]!r} already; {others} must be unique."
        )
    if found.get(TYPE_COLUMN, row.get(TYPE_COLUMN)) == row.get(TYPE_COLUMN) and all(
        found[column] == row[column] for column in given.columns
    ):
        return dict(found)
    key = ", ".join(str(row[name]) for name in entity_type.key)
    raise DuplicateEntryError(f"DuplicateEntryError: there is a {entity_type.name} {key} already, with other values.")


def _unique(batch: Batch, entity_type: EntityType) -> list[list[str]]:
    members = batch.studio.schema.family_of(entity_type.family)
    return [names.split() for names in dict.fromkeys(n for m in members for n in m.lists.get("unique", ()))]


def tell(entity_type: EntityType, row: Row, given: Given) -> dict[str, Any]:
    """Return the entity for an answer: what was sent as it was sent, and the columns that the server set."""
    told: dict[str, Any] = {TYPE_COLUMN: entity_type.name}
    for name, attribute in entity_type.attributes.items():
        column = str(attribute.column)
        is_as_sent = column not in given.columns or given.columns[column] == row[column]
        if name in given.echo and is_as_sent:
            told[name] = given.echo[name]
        elif row.get(column) is not None and not attribute.is_hidden:
            # What has no value is left out: clients take it for not loaded, as they do with the real server.
            show = shown(attribute.kind)
            told[name] = row[column] if show is None else show(row[column])
    return told
