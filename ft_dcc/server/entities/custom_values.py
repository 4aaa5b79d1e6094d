"""Custom attribute values: a row for each value that was set, and the default of the configuration otherwise."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from ft_dcc.server.entities import authorization, changes, payload
from ft_dcc.server.entities.batch import Answer, Batch, Operation, Row
from ft_dcc.server.errors import ValidationError
from ft_dcc.server.query import computed, type_conversion
from ft_dcc.server.schema.model import EntityType

# The JSON types of the values of each custom attribute type; other types accept any value.
_VALUE_TYPES: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "url": (str,),
    "number": (int, float),
    "boolean": (bool,),
    "enumerator": (list, str),
    "dynamic enumerator": (list, str),
    "expression": (str,),
}
# The entity types by the names that configurations use for them.
_CONFIGURED_TYPES = {
    "show": "Context",
    "task": "Context",
    "assetversion": "AssetVersion",
    "asset": "Asset",
    "user": "User",
}


def set_custom_value(batch: Batch, entity_type: EntityType, operation: Operation, action: str) -> Answer:
    """Set a custom attribute of an entity; raises ValidationError for an invalid value or attribute."""
    configuration_id, entity_id = payload.operation_key(entity_type, operation)
    batch.ensure_created(configuration_id)
    batch.ensure_created(entity_id)
    configuration = _configuration(batch, entity_type, configuration_id, entity_id)
    _check_access(batch, configuration_id, entity_id)
    authorization.check_reference(batch, "CustomConfigurationBase", entity_type.name, configuration_id)
    data = operation.get("entity_data") or {}
    response = {"configuration_id": configuration_id, "entity_id": entity_id, "key": configuration["key"]}
    if "value" in data:
        value = _validate(batch, configuration, data["value"])
        table = batch.table("CustomAttributeValue")
        row = {"configuration_id": configuration_id, "entity_id": entity_id}
        text = "null" if value is None else type_conversion.to_db("variable", value, str(configuration["key"]))
        payload.check_length(text, str(configuration["key"]))
        _record_change(batch, entity_type, configuration, entity_id, value)
        upsert = insert(table).values({**row, "value": text})
        batch.connection.execute(upsert.on_conflict_do_update(index_elements=list(row), set_={"value": text}))
        response["value"] = value
    return {"action": action, "data": {"__entity_type__": entity_type.name, **response}}


def _check_access(batch: Batch, configuration_id: str, entity_id: str) -> None:
    """Raise Forbidden if the caller may not change the entity that has the value."""
    row = {"configuration_id": configuration_id, "entity_id": entity_id}
    authorization.check_access(batch, authorization.UPDATE, batch.schema["CustomAttributeValue"], row)


def _record_change(batch: Batch, entity_type: EntityType, configuration: Row, entity_id: str, value: Any) -> None:
    """Record the new value for subscribers, unless the configuration does not tell the type of the entity."""
    own = entity_type.name.replace("CustomAttributeValue", "")
    type_name = own or _CONFIGURED_TYPES.get(str(configuration["entity_type"]))
    if type_name is None or not batch.changes.is_recording:
        return
    family = batch.schema[type_name].family
    if (owner := batch.row(family, entity_id)) is None:
        return
    table = batch.table("CustomAttributeValue")
    has_key = table.c.configuration_id == configuration["id"], table.c.entity_id == entity_id
    rows = [json.loads(row["value"]) for row in batch.rows_to_report(table, *has_key)]
    owner_type = changes.stored_type(batch.schema, family, owner)
    batch.changes.record_custom_value(owner_type, owner, configuration["key"], rows[0] if rows else None, value)


def reset_custom_value(batch: Batch, entity_type: EntityType, operation: Operation) -> None:
    """Delete the value of a custom attribute, so that the entity has the default again."""
    configuration_id, entity_id = payload.operation_key(entity_type, operation)
    table = batch.table("CustomAttributeValue")
    _check_access(batch, configuration_id, entity_id)
    has_key = (table.c.configuration_id == configuration_id) & (table.c.entity_id == entity_id)
    batch.connection.execute(delete(table).where(has_key))


def _configuration(batch: Batch, entity_type: EntityType, configuration_id: str, entity_id: str) -> Row:
    """Return the configuration; raises ValidationError if it does not apply to the entity."""
    schema, tables = batch.schema, batch.tables.by_family
    table = tables["CustomConfigurationBase"]
    statement = select(table).where(table.c.id == configuration_id)
    kind = entity_type.name.replace("CustomAttributeValue", "")
    if kind:
        entity = tables[schema[kind].family]
        applied = table.join(entity, computed.configuration_applies(tables, kind, entity, table))
        statement = statement.select_from(applied).where(entity.c.id == entity_id)
    found = batch.connection.execute(statement).mappings().first()
    if found is None:
        raise ValidationError(f"The {kind or 'entity'} '{entity_id}' has no custom attribute '{configuration_id}'.")
    return dict(found)


def _validate(batch: Batch, configuration: Row, value: Any) -> Any:
    """Return the value, dates in their JSON envelope; raises ValidationError for a value of another type."""
    kind = batch.row("CustomAttributeType", configuration["type_id"])
    name = "" if kind is None else str(kind["name"])
    if name == "date" and value:
        found = type_conversion.to_db("date", value, str(configuration["key"]))
        return {"__type__": "datetime", "value": found}
    types = _VALUE_TYPES.get(name)
    if value is None or types is None:
        return value
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        found = json.dumps(value)[:40].replace("{", "(").replace("}", ")")
        key = configuration["key"]
        raise ValidationError(f'Custom attribute value for "{key}" must be of type {name}. Got {found}.')
    return value
