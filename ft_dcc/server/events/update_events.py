"""The ``ftrack.update`` event: the changes of a transaction in the format of ftrack's events."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any, Optional

import attrs

from ft_dcc.server.auth.permissions import MEMBERS, Permissions
from ft_dcc.server.entities.batch import Batch, Row
from ft_dcc.server.entities.changes import Change, stored_type
from ft_dcc.server.entities.ownership import OwnerReader, Owners, holds
from ft_dcc.server.events.hub import EventHub
from ft_dcc.server.identity import Caller
from ft_dcc.server.schema.model import EntityType, Schema

_MAX_ENTITIES_PER_EVENT = 500
# Events name resources by their types, and entities of all other families by the family.
_RESOURCE_FAMILY = "Resource"
# The tokens of a client and of its push, by which it recognises the events of its own changes.
Origin = tuple[Optional[str], Optional[str]]
_PERMISSION_TYPES = frozenset(("Project", "User", "SecurityRole", "UserSecurityRole", "UserSecurityRoleProject"))


@attrs.frozen
class EntityUpdate:
    """A changed entity, the owners that decide who gets it, and those that decide who gets its old values as well."""

    description: dict[str, Any]
    owners: Owners = None
    former_owners: Owners = None


def describe_changes(batch: Batch) -> list[EntityUpdate]:
    """Return the description of each changed entity for subscribers."""
    changes = list(batch.changes)
    if not changes:
        return []
    removed = batch.changes.removed
    ancestor_reader, owner_reader = _AncestorReader(batch, removed), OwnerReader(batch, removed)
    updates = []
    for change in changes:
        owners = former = owner_reader.owners(change.entity_type, dict(change.row))
        if change.former is not None:
            former = owner_reader.owners(change.entity_type, dict(change.former))
        updates.append(EntityUpdate(_describe(batch.schema, change, ancestor_reader), owners, former))
    return updates


def publish_changes(
    events: EventHub, caller: Caller, updates: list[EntityUpdate], origin: Origin = (None, None)
) -> None:
    """Publish the changes; many entities are split into several events to limit the size of each."""
    events.notify_observers([update.description for update in updates])
    for start in range(0, len(updates), _MAX_ENTITIES_PER_EVENT):
        part = updates[start : start + _MAX_ENTITIES_PER_EVENT]
        data = {
            **_entities([update.description for update in part]),
            "user": {"userid": caller.id, "name": caller.username},
            "clientToken": origin[0],
            "pushToken": origin[1],
        }
        events.publish("ftrack.update", data, caller, functools.partial(_redact, part))


def affects_permissions(updates: list[EntityUpdate]) -> bool:
    """Return whether the changes affect the permissions of users."""
    return any(update.description["entity_type"] in _PERMISSION_TYPES for update in updates)


def _redact(
    updates: list[EntityUpdate], data: dict[str, Any], permissions: Permissions, user_id: str
) -> dict[str, Any] | None:
    """Return the data with what a user may read of the entities, by the access rules, or None if that is nothing."""
    visible = []
    for update in updates:
        if not holds(permissions, user_id, update.owners, MEMBERS):
            continue
        part = update.description
        if update.former_owners != update.owners and not holds(permissions, user_id, update.former_owners, MEMBERS):
            part = {**part, "changes": {name: {**values, "old": None} for name, values in part["changes"].items()}}
        visible.append(part)
    if len(visible) == len(updates) and all(part is update.description for part, update in zip(visible, updates)):
        return data
    return {**data, **_entities(visible)} if visible else None


def _entities(entities: list[dict[str, Any]]) -> dict[str, Any]:
    parents = dict.fromkeys(parent["entityId"] for entity in entities for parent in entity["parents"])
    return {"entities": entities, "parents": list(parents)}


def _describe(schema: Schema, change: Change, ancestor_reader: _AncestorReader) -> dict[str, Any]:
    entity_type, row = change.entity_type, change.row
    ancestors = list(ancestor_reader.of(entity_type, row))
    description = {
        "entity_type": entity_type.name,
        "entityType": _event_type_name(schema, entity_type),
        "entityId": ",".join(str(row[name]) for name in entity_type.key),
        "action": change.action,
        "keys": list(change.values),
        "changes": {name: {"old": old, "new": new} for name, (old, new) in change.values.items()},
        "parentId": ancestors[0]["parentId"],
        "parents": ancestors,
    }
    if "object_type_id" in entity_type.attributes:
        description["objectTypeId"] = row.get("object_type_id")
    return description


def _event_type_name(schema: Schema, entity_type: EntityType) -> str:
    """Return the name that events use for a type: ftrack's oldest table names, in lower case."""
    found = entity_type
    while not found.table and found.base:
        found = schema[found.base]
    if found.table:
        return found.table.lower()
    return (entity_type.name if entity_type.family == _RESOURCE_FAMILY else entity_type.family).lower()


@functools.cache
def _families(schema: Schema) -> dict[str, str]:
    """Return the family of each type, by its name and by its name in events."""
    by_event_name = {_event_type_name(schema, entity_type): entity_type.family for entity_type in schema}
    return {**by_event_name, **{entity_type.name: entity_type.family for entity_type in schema}}


class _AncestorReader:
    """Reads the ancestors of entities: their owners, up to the project."""

    def __init__(self, batch: Batch, removed: Mapping[tuple[str, str], Row]) -> None:
        self._batch, self._schema = batch, batch.schema
        self._rows: dict[tuple[str, str], Row | None] = dict(removed)

    def of(self, entity_type: EntityType, row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield the entity and its ancestors."""
        while True:
            # The owner is the target of the first owning key.
            attributes = entity_type.attributes.values()
            owning = next((each for each in attributes if (each.kind, each.rule) == ("foreign key", "owned")), None)
            family, parent_id = None, None
            if owning is not None and entity_type.name != "Project" and row.get(str(owning.column)) is not None:
                target = row.get("parent_type") if owning.rows == "*" else owning.rows
                family = _families(self._schema).get(str(target))
                parent_id = None if family is None else str(row[str(owning.column)])
            yield {
                "entityId": str(row[entity_type.key[0]]),
                "entityType": _event_type_name(self._schema, entity_type),
                "entity_type": entity_type.name,
                "parentId": parent_id,
            }
            if family is None or parent_id is None:
                return
            if (family, parent_id) not in self._rows:
                self._rows[family, parent_id] = self._batch.row(family, parent_id)
            parent = self._rows[family, parent_id]
            if parent is None:
                return
            entity_type, row = stored_type(self._schema, family, parent), parent
