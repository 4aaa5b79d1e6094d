"""``ftrack.update``: what a transaction changed, in the words that listeners of ftrack's events know."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from ft_dcc.server.access import Caller
from ft_dcc.server.entities.batch import Batch, Row
from ft_dcc.server.entities.changes import REMOVE, Change, stored_type
from ft_dcc.server.events import Events
from ft_dcc.server.schema.model import Attribute, EntityType, Schema

_MOST_ENTITIES = 500
# The kinds of resources are known by their own names; all other families by that of the family.
_KNOWN_BY_NAME = "Resource"
_DECISIVE = frozenset(("Project", "User", "SecurityRole", "UserSecurityRole", "UserSecurityRoleProject"))


@attrs.frozen
class Origin:
    """What a client wants to recognise its own changes by."""

    client_token: str | None = None
    push_token: str | None = None


NOBODY = Origin()


def describe(batch: Batch) -> list[dict[str, Any]]:
    """Return what listeners are told of each entity that the batch changed."""
    changes = list(batch.changes)
    if not changes:
        return []
    gone = {
        (change.entity_type.family, str(change.row[change.entity_type.key[0]])): dict(change.row)
        for change in changes
        if change.action == REMOVE
    }
    ancestry = _Ancestry(batch, gone)
    return [_describe(batch.studio.schema, change, ancestry) for change in changes]


def announce(events: Events, caller: Caller, origin: Origin, entities: list[dict[str, Any]]) -> None:
    """Tell the listeners; many entities come in several events, so that none is too large to be taken."""
    for start in range(0, len(entities), _MOST_ENTITIES):
        part = entities[start : start + _MOST_ENTITIES]
        data = {
            "entities": part,
            "user": {"userid": caller.id, "name": caller.username},
            "parents": _parents(part),
            "clientToken": origin.client_token,
            "pushToken": origin.push_token,
        }
        events.publish("ftrack.update", data, caller, _narrow)


def changes_standing(entities: list[dict[str, Any]]) -> bool:
    """Whether what was changed decides who may see what."""
    return any(entity["entity_type"] in _DECISIVE for entity in entities)


def _narrow(data: dict[str, Any], projects: tuple[str, ...]) -> dict[str, Any] | None:
    """Return what is left for somebody who may see these projects: their entities, and those of no project."""
    entities = [entity for entity in data["entities"] if _project_of(entity) in (None, *projects)]
    return {**data, "entities": entities, "parents": _parents(entities)} if entities else None


def _project_of(entity: Mapping[str, Any]) -> str | None:
    above = (found["entityId"] for found in entity["parents"] if found["entity_type"] == "Project")
    return next(above, None)


def _parents(entities: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(parent["entityId"] for entity in entities for parent in entity["parents"]))


def _describe(schema: Schema, change: Change, ancestry: _Ancestry) -> dict[str, Any]:
    entity_type, row = change.entity_type, change.row
    line = list(ancestry.of(entity_type, row))
    told = {
        "entity_type": entity_type.name,
        "entityType": _kind(schema, entity_type),
        "entityId": ",".join(str(row[name]) for name in entity_type.key),
        "action": change.action,
        "keys": list(change.values),
        "changes": {name: {"old": old, "new": new} for name, (old, new) in change.values.items()},
        "parentId": line[0]["parentId"],
        "parents": line,
    }
    if "object_type_id" in entity_type.attributes:
        told["objectTypeId"] = row.get("object_type_id")
    return told


def _kind(schema: Schema, entity_type: EntityType) -> str:
    """Return the name of the kind that events use: the server's oldest table names, in lower case."""
    found = entity_type
    while not found.table and found.base:
        found = schema[found.base]
    if found.table:
        return found.table.lower()
    return (entity_type.name if entity_type.family == _KNOWN_BY_NAME else entity_type.family).lower()


@functools.cache
def _families(schema: Schema) -> dict[str, str]:
    """Return the family of each type, by its name and by the old name of its kind."""
    kinds = {_kind(schema, entity_type): entity_type.family for entity_type in schema}
    return {**kinds, **{entity_type.name: entity_type.family for entity_type in schema}}


class _Ancestry:
    """Where entities lie: each in what owns it, up to the project."""

    def __init__(self, batch: Batch, gone: Mapping[tuple[str, str], Row]) -> None:
        self._batch, self._schema = batch, batch.studio.schema
        self._rows: dict[tuple[str, str], Row | None] = dict(gone)

    def of(self, entity_type: EntityType, row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield the entity and everything above it."""
        while True:
            family, parent_id = self._parent(entity_type, row)
            yield {
                "entityId": str(row[entity_type.key[0]]),
                "entityType": _kind(self._schema, entity_type),
                "entity_type": entity_type.name,
                "parentId": parent_id,
            }
            parent = None if parent_id is None else self._row(family, parent_id)
            if parent is None:
                return
            entity_type, row = stored_type(self._schema, family, parent), parent

    def _parent(self, entity_type: EntityType, row: Mapping[str, Any]) -> tuple[str, str | None]:
        """Return the family and the id of what the entity belongs to: where its first owning key leads."""
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
