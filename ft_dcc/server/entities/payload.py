"""Parse the data of an operation: the columns that it sets, the relations that it assigns, and its entity."""

from __future__ import annotations

from typing import Any

import attrs

from ft_dcc.server.entities.batch import Batch, Operation, Row
from ft_dcc.server.errors import ValidationError
from ft_dcc.server.query.type_conversion import to_db
from ft_dcc.server.schema.model import Attribute, EntityType, Schema

_TYPE = "__entity_type__"
MAX_TEXT_LENGTH = 1 << 20


@attrs.frozen(eq=False)
class ParsedPayload:
    """The data of an operation: columns, lists, values as sent, and foreign keys with their attributes."""

    columns: Row = attrs.field(factory=dict)
    lists: dict[str, Any] = attrs.field(factory=dict)
    echo: dict[str, Any] = attrs.field(factory=dict)
    keys: list[tuple[Attribute, str | None]] = attrs.field(factory=list)


def entity_type_of(batch: Batch, operation: Operation) -> EntityType:
    """Return the entity type of an operation; raises ValidationError."""
    name = operation.get("entity_type")
    if not isinstance(name, str):
        raise ValidationError("The operation does not name an entity_type. Add it.")
    return batch.schema.public(name)


def read_values(schema: Schema, entity_type: EntityType, data: object, *, is_trusted: bool = False) -> ParsedPayload:
    """Return the values of an entity as columns and lists; raises ValidationError for attributes that cannot be set.

    A trusted caller, which imports what was exported, may set hidden attributes, give lists as objects, and have
    computed attributes among the values, which are ignored.
    """
    if not isinstance(data, dict):
        raise ValidationError(f"The operation on {entity_type.name} has no entity_data. Add it.")
    payload = ParsedPayload()
    for name, value in data.items():
        if name == _TYPE:
            continue
        attribute = entity_type.attributes.get(name)
        if attribute is None or (attribute.is_hidden and not is_trusted):
            raise ValidationError(f"{entity_type.name} has no attribute '{name[:80]}'. Leave it out.")
        if attribute.is_many:
            if not is_trusted and not isinstance(value, (list, type(None))):
                raise ValidationError(f"{entity_type.name}.{name} is a list of entities. Send a list.")
            payload.lists[name] = value or []
        elif attribute.kind == "reference":
            _read_reference(schema, entity_type, attribute, value, payload, is_trusted)
        elif attribute.column is not None:
            found = payload.columns[attribute.column] = _read_scalar(entity_type, attribute, value, is_trusted)
            payload.keys.extend([(attribute, found)] if attribute.kind == "foreign key" else [])
        elif not is_trusted:
            raise ValidationError(f"{entity_type.name}.{name} is computed. Leave it out.")
        payload.echo[name] = value
    return payload


def _read_reference(
    schema: Schema, entity_type: EntityType, attribute: Attribute, value: Any, payload: ParsedPayload, is_trusted: bool
) -> None:
    for name, key in zip(attribute.related.local, reference_key(schema, attribute.rows, value)):
        local = entity_type.attributes.get(name)
        if (local is None or local.column is None) and is_trusted:
            continue
        if local is None or local.column is None:
            raise ValidationError(f"{entity_type.name}.{attribute.name} is computed. Leave it out.")
        # Some sites declare foreign keys as text; then only the relation knows the target type.
        payload.keys.append((local if local.rows else attribute, key))
        payload.columns[local.column] = key


def _read_scalar(entity_type: EntityType, attribute: Attribute, value: Any, is_trusted: bool) -> Any:
    name = f"{entity_type.name}.{attribute.name}"
    if is_trusted and attribute.kind == "foreign key" and isinstance(value, dict):
        value = value.get("id")
    found = to_db(attribute.kind, value, name)
    if is_trusted and value is None:
        return "null" if attribute.kind == "variable" else None
    check_length(found, name)
    if attribute.choices and found not in attribute.choices:
        choices = ", ".join(attribute.choices)
        raise ValidationError(f"{name} must be one of {choices}. Send one of them.")
    return found


def check_length(value: Any, name: str) -> None:
    """Raise ValidationError for a text that is too long for an attribute."""
    if isinstance(value, str) and len(value) > MAX_TEXT_LENGTH:
        raise ValidationError(
            f"{name} has at most {MAX_TEXT_LENGTH} characters; this text has {len(value)}. Upload it as a file instead."
        )


def reference_key(schema: Schema, type_name: str, reference: Any) -> tuple[str | None, ...]:
    """Return the primary key of a reference, which is an id or like ``{"__entity_type__": "Task", "id": …}``."""
    key = schema[type_name].key
    if reference is None:
        return (None,) * len(key)
    if isinstance(reference, str) and len(key) == 1:
        return (reference,)
    if isinstance(reference, dict):
        named = schema[str(reference.get(_TYPE, type_name))]
        if named.family != schema[type_name].family:
            raise ValidationError(f"The reference is a {named.name}; expected a {type_name}. Send another entity.")
        if all(isinstance(reference.get(name), (str, int)) for name in key):
            return tuple(str(reference[name]) for name in key)
    raise ValidationError(f"A reference to {type_name} needs its {' and '.join(key)}. Send them.")


def operation_key(entity_type: EntityType, operation: Operation) -> tuple[str, ...]:
    """Return the primary key in an operation; raises ValidationError when a part is missing."""
    key, names = operation.get("entity_key"), entity_type.key
    if isinstance(key, dict):
        key = [key.get(name) for name in names]
    elif isinstance(key, str):
        key = [key]
    if key is None and isinstance(data := operation.get("entity_data"), dict):
        key = [data.get(name) for name in names]
    are_ids = isinstance(key, list) and all(isinstance(part, (str, int)) and not isinstance(part, bool) for part in key)
    if not isinstance(key, list) or len(key) != len(names) or not are_ids:
        wanted = " and ".join(names)
        raise ValidationError(
            f"The operation on {entity_type.name} needs the entity_key ({wanted}). Send it as a list."
        )
    return tuple(str(part) for part in key)
