"""The ``ftrack.update`` event: the changes of a transaction in the format of ftrack's events."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from ft_dcc.server.auth.access_rules import MEMBERS
from ft_dcc.server.auth.permissions import Permissions
from ft_dcc.server.entities.batch import Batch, Row
from ft_dcc.server.entities.changes import REMOVE, Change, stored_type
from ft_dcc.server.entities.ownership import OwnerReader, Owners, holds
from ft_dcc.server.events.hub import EventHub
from ft_dcc.server.identity import Caller
from ft_dcc.server.schema.model import Attribute, EntityType, Schema

_MAX_ENTITIES_PER_EVENT = 500
# Events name resources by their types, and entities of all other families by the family.
_RESOURCE_FAMILY = "Resource"
_PERMISSION_TYPES = frozenset(("Project", "User", "SecurityRole", "UserSecurityRole", "UserSecurityRoleProject"))


@attrs.frozen
class Origin:
    """The tokens by which a client recognises the events of its own changes."""

    client_token: str | None = None
    push_token: str | None = None


NO_ORIGIN = Origin()


@attrs.frozen
class EntityUpdate:
    """The description of a changed entity for subscribers, and the owners that decide who gets it.

    ``former_owners`` decide who gets the old values as well, of an entity that had others before.
    """

    description: dict[str, Any]
    owners: Owners = None
    former_owners: Owners = None

    def visible_part(self, permissions: Permissions, user_id: str) -> dict[str, Any] | None:
        """Return the part of the description that a user may read, by the access rules, or None."""
        if not holds(permissions, user_id, self.owners, MEMBERS):
            return None
        if self.former_owners == self.owners or holds(permissions, user_id, self.former_owners, MEMBERS):
            return self.description
        changes = {name: {**values, "old": None} for name, values in self.description["changes"].items()}
        return {**self.description, "changes": changes}


def describe_changes(batch: Batch) -> list[EntityUpdate]:
    """Return the description of each changed entity for subscribers."""
    changes = list(batch.changes)
    if not changes:
        return []
    removed = {
        (change.entity_type.family, str(change.row[change.entity_type.key[0]])): dict(change.row)
        for change in changes
        if change.action == REMOVE
    }
    ancestor_reader, owner_reader = _AncestorReader(batch, removed), OwnerReader(batch, removed)
    updates = []
    for change in changes:
        owners = former = owner_reader.owners(change.entity_type, dict(change.row))
        if change.former is not None:
            former = owner_reader.owners(change.entity_type, dict(change.former))
        updates.append(EntityUpdate(_describe(batch.schema, change, ancestor_reader), owners, former))
    return updates


def publish_changes(events: EventHub, caller: Caller, origin: Origin, updates: list[EntityUpdate]) -> None:
    """Publish the changes; many entities are split into several events to limit the size of each."""
    events.notify_observers([update.description for update in updates])
    for start in range(0, len(updates), _MAX_ENTITIES_PER_EVENT):
        part = updates[start : start + _MAX_ENTITIES_PER_EVENT]
        data = {
            **_entities([update.description for update in part]),
            "user": {"userid": caller.id, "name": caller.username},
            "clientToken": origin.client_token,
            "pushToken": origin.push_token,
        }
        events.publish("ftrack.update", data, caller, functools.partial(_redact, part))


def affects_permissions(updates: list[EntityUpdate]) -> bool:
    """Return whether the changes affect the permissions of users."""
    return any(update.description["entity_type"] in _PERMISSION_TYPES for update in updates)


def _redact(
    updates: list[EntityUpdate], data: dict[str, Any], permissions: Permissions, user_id: str
) -> dict[str, Any] | None:
    """Return the data with what a user may read of the entities, or None if that is nothing."""
    parts = [update.visible_part(permissions, user_id) for update in updates]
    if all(part is update.description for part, update in zip(parts, updates)):
        return data
    visible = [part for part in parts if part is not None]
    return {**data, **_entities(visible)} if visible else None


def _entities(entities: list[dict[str, Any]]) -> dict[str, Any]:
    return {"entities": entities, "parents": _parents(entities)}


def _parents(entities: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(parent["entityId"] for entity in entities for parent in entity["parents"]))


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
            family, parent_id = self._parent(entity_type, row)
            yield {
                "entityId": str(row[entity_type.key[0]]),
                "entityType": _event_type_name(self._schema, entity_type),
                "entity_type": entity_type.name,
                "parentId": parent_id,
            }
            parent = None if parent_id is None else self._row(family, parent_id)
            if parent is None:
                return
            entity_type, row = stored_type(self._schema, family, parent), parent

    def _parent(self, entity_type: EntityType, row: Mapping[str, Any]) -> tuple[str, str | None]:
        """Return the family and the id of the entity's owner: the target of its first owning key."""
        owning = next((found for found in entity_type.attributes.values() if _owns(found)), None)
        if owning is None or entity_type.name == "Project" or row.get(str(owning.column)) is None:
            return "", None
        target = row.get("parent_type") if owning.rows == "*" else owning.rows
        family = _families(self._schema).get(str(target))
        return ("", None) if family is None else (family, str(row[str(owning.column)]))

    def _row(self, family: str, entity_id: str) -> Row | None:
        key = (family, entity_id)
        if key not in self._rows:
            self._rows[key] = self._batch.row(family, entity_id)
        return self._rows[key]


def _owns(attribute: Attribute) -> bool:
    return attribute.kind == "foreign key" and attribute.rule == "owned"
