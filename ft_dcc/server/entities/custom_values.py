"""Custom attribute values: a row where somebody set one, and the default everywhere else."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from ft_dcc.errors import ValidationError
from ft_dcc.server.entities.batch import Answer, Batch, Operation, Row
from ft_dcc.server.entities.changes import stored_type
from ft_dcc.server.entities.given import operation_key
from ft_dcc.server.entities.guard import check_rows, check_type
from ft_dcc.server.query.computed import applies
from ft_dcc.server.query.values import stored
from ft_dcc.server.schema.model import EntityType

# What a value of each custom attribute type is in JSON; types that are not here take anything.
_WANTED: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "url": (str,),
    "number": (int, float),
    "boolean": (bool,),
    "enumerator": (list, str),
    "dynamic enumerator": (list, str),
    "expression": (str,),
}
# What a configuration calls the entities that it is for.
_KINDS = {"task": "Context", "show": "Context", "assetversion": "AssetVersion", "asset": "Asset", "user": "User"}


def set_value(batch: Batch, entity_type: EntityType, operation: Operation, action: str) -> Answer:
    """The entity has this value of the custom attribute; raises ValidationError when it cannot."""
    configuration_id, entity_id = operation_key(entity_type, operation)
    batch.need(configuration_id)
    batch.need(entity_id)
    configuration = _configuration(batch, entity_type, configuration_id, entity_id)
    _check_owner(batch, entity_type, configuration, entity_id)
    data = operation.get("entity_data") or {}
    told = {"configuration_id": configuration_id, "entity_id": entity_id, "key": configuration["key"]}
    if "value" in data:
        value = _checked(batch, configuration, data["value"])
        table = batch.table(batch.studio.schema["CustomAttributeValue"])
        row = {"configuration_id": configuration_id, "entity_id": entity_id}
        text = "null" if value is None else stored("variable", value, str(configuration["key"]))
        _note(batch, entity_type, configuration, entity_id, value)
        upsert = insert(table).values({**row, "value": text})
        batch.connection.execute(upsert.on_conflict_do_update(index_elements=list(row), set_={"value": text}))
        check_rows(batch, batch.studio.schema["CustomAttributeValue"], [(configuration_id, entity_id)])
        told["value"] = value
    return {"action": action, "data": {"__entity_type__": entity_type.name, **told}}


def _kind(entity_type: EntityType, configuration: Row) -> str | None:
    """Return the type of entities that have values of this type and configuration, or None when they differ."""
    return entity_type.name.replace("CustomAttributeValue", "") or _KINDS.get(str(configuration["entity_type"]))


def _check_owner(batch: Batch, entity_type: EntityType, configuration: Row, entity_id: str) -> None:
    """The user may change the entity that has the value."""
    owner = batch.studio.schema[_kind(entity_type, configuration) or "Context"]
    check_type(batch, owner, {"id": entity_id}, {"custom_attributes"})


def _note(batch: Batch, entity_type: EntityType, configuration: Row, entity_id: str, value: Any) -> None:
    """Tell who listens that the entity has another value."""
    kind = _kind(entity_type, configuration)
    if kind is None or not batch.changes.is_wanted:
        return
    family = batch.studio.schema[kind].family
    owner = batch.row(family, entity_id)
    if owner is None:
        return
    table = batch.table(batch.studio.schema["CustomAttributeValue"])
    is_it = table.c.configuration_id == configuration["id"], table.c.entity_id == entity_id
    rows = [json.loads(row["value"]) for row in batch.rows(table, *is_it)]
    owner_type = stored_type(batch.studio.schema, family, owner)
    batch.changes.custom_value_set(owner_type, owner, configuration["key"], rows[0] if rows else None, value)


def forget_value(batch: Batch, entity_type: EntityType, operation: Operation) -> None:
    """The entity has the default of the custom attribute again."""
    configuration_id, entity_id = operation_key(entity_type, operation)
    table = batch.table(batch.studio.schema["CustomAttributeValue"])
    configuration = batch.row("CustomConfigurationBase", configuration_id)
    if configuration is not None:
        _check_owner(batch, entity_type, configuration, entity_id)
    check_rows(batch, batch.studio.schema["CustomAttributeValue"], [(configuration_id, entity_id)])
    is_it = (table.c.configuration_id == configuration_id) & (table.c.entity_id == entity_id)
    batch.connection.execute(delete(table).where(is_it))


def _configuration(batch: Batch, entity_type: EntityType, configuration_id: str, entity_id: str) -> Row:
    """Return the configuration, which must apply to the entity."""
    schema, tables = batch.studio.schema, batch.studio.store.tables.by_family
    table = tables["CustomConfigurationBase"]
    statement = select(table).where(table.c.id == configuration_id)
    kind = entity_type.name.replace("CustomAttributeValue", "")
    if kind:
        entity = tables[schema[kind].family]
        applied = table.join(entity, applies(tables, kind, entity, table))
        statement = statement.select_from(applied).where(entity.c.id == entity_id)
    found = batch.connection.execute(statement).mappings().first()
    if found is None:
        raise ValidationError(f"The {kind or 'entity'} '{entity_id}' has no custom attribute '{configuration_id}'.")
    return dict(found)


def _checked(batch: Batch, configuration: Row, value: Any) -> Any:
    """Return the value, a date in the envelope of dates; raises ValidationError for one of another type."""
    kind = batch.row("CustomAttributeType", configuration["type_id"])
    name = "" if kind is None else str(kind["name"])
    if name == "date" and value:
        found = stored("date", value, str(configuration["key"]))
        return {"__type__": "datetime", "value": found}
    wanted = _WANTED.get(name)
    if value is None or wanted is None:
        return value
    if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
        found = json.dumps(value)[:40].replace("{", "(").replace("}", ")")
        key = configuration["key"]
        raise ValidationError(f'Custom attribute value for "{key}" must be of type {name}. Got {found}.')
    return value
