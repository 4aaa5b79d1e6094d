"""Reads the data of an operation: which columns it sets, which relations it assigns, which entity it means."""

from __future__ import annotations

from typing import Any

import attrs

from ft_dcc.errors import ValidationError
from ft_dcc.server.entities.batch import Batch, Operation, Row
from ft_dcc.server.query.values import stored
from ft_dcc.server.schema.model import Attribute, EntityType

_TYPE = "__entity_type__"


@attrs.frozen(eq=False)
class Given:
    """What an operation says: columns, lists of related entities, and all of it as it came."""

    columns: Row
    lists: dict[str, list[Any]]
    echo: dict[str, Any]


def entity_type_of(batch: Batch, operation: Operation) -> EntityType:
    """Return the type that an operation is about; raises ValidationError."""
    name = operation.get("entity_type")
    if not isinstance(name, str):
        raise ValidationError("The operation does not name an entity_type. Add it.")
    return batch.studio.schema.public(name)


def read_given(batch: Batch, entity_type: EntityType, operation: Operation) -> Given:
    """Return what the operation's entity_data says; raises ValidationError for what the type cannot take."""
    data = operation.get("entity_data")
    if not isinstance(data, dict):
        raise ValidationError(f"The operation on {entity_type.name} has no entity_data. Add it.")
    given = Given({}, {}, {})
    for name, value in data.items():
        if name == _TYPE:
            continue
        attribute = entity_type.attributes.get(name)
        if attribute is None or attribute.is_hidden:
            raise ValidationError(f"{entity_type.name} has no attribute '{name[:80]}'. Leave it out.")
        _read_one(batch, entity_type, attribute, value, given)
        given.echo[name] = value
    return given


def _read_one(batch: Batch, entity_type: EntityType, attribute: Attribute, value: Any, given: Given) -> None:
    if attribute.is_many:
        if not isinstance(value, (list, type(None))):
            raise ValidationError(f"{entity_type.name}.{attribute.name} is a list of entities. Send a list.")
        given.lists[attribute.name] = value or []
    elif attribute.kind == "reference":
        for name, key in zip(attribute.related.local, key_of(batch, attribute.rows, value)):
            local = entity_type.attributes.get(name)
            if local is None or local.column is None:
                raise ValidationError(f"{entity_type.name}.{attribute.name} is computed. Leave it out.")
            # Some sites' foreign keys are declared as text, and only the relation says where they lead.
            batch.refer(entity_type, local if local.rows else attribute, key)
            given.columns[local.column] = key
    elif attribute.column is None:
        raise ValidationError(f"{entity_type.name}.{attribute.name} is computed. Leave it out.")
    else:
        given.columns[attribute.column] = _scalar(batch, entity_type, attribute, value)


def _scalar(batch: Batch, entity_type: EntityType, attribute: Attribute, value: Any) -> Any:
    found = stored(attribute.kind, value, f"{entity_type.name}.{attribute.name}")
    if attribute.kind == "foreign key":
        batch.refer(entity_type, attribute, found)
    if attribute.choices and found not in attribute.choices:
        wanted = ", ".join(attribute.choices)
        raise ValidationError(f"{entity_type.name}.{attribute.name} must be one of {wanted}. Send one of them.")
    return found


def key_of(batch: Batch, type_name: str, reference: Any) -> tuple[str | None, ...]:
    """Return the primary key of a reference such as ``{"__entity_type__": "Task", "id": …}``; an id alone will do."""
    key = batch.studio.schema[type_name].key
    if reference is None:
        return (None,) * len(key)
    if isinstance(reference, str) and len(key) == 1:
        return (reference,)
    if isinstance(reference, dict):
        named = batch.studio.schema[str(reference.get(_TYPE, type_name))]
        if named.family != batch.studio.schema[type_name].family:
            raise ValidationError(f"{named.name} was sent where {type_name} is wanted. Send another entity.")
        if all(isinstance(reference.get(name), (str, int)) for name in key):
            return tuple(str(reference[name]) for name in key)
    raise ValidationError(f"A reference to {type_name} needs its {' and '.join(key)}. Send them.")


def operation_key(entity_type: EntityType, operation: Operation) -> tuple[str, ...]:
    """Return the primary key that an operation names; raises ValidationError when it is not whole."""
    given = operation.get("entity_key")
    if isinstance(given, dict):
        given = [given.get(name) for name in entity_type.key]
    elif isinstance(given, str):
        given = [given]
    if given is None and isinstance(data := operation.get("entity_data"), dict):
        given = [data.get(name) for name in entity_type.key]
    if not isinstance(given, list) or len(given) != len(entity_type.key) or not all(_is_key(part) for part in given):
        wanted = " and ".join(entity_type.key)
        raise ValidationError(
            f"The operation on {entity_type.name} needs the entity_key ({wanted}). Send it as a list."
        )
    return tuple(str(part) for part in given)


def _is_key(part: object) -> bool:
    return isinstance(part, (str, int)) and not isinstance(part, bool)
