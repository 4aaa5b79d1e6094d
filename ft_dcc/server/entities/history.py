"""The history of changes: an ``Event`` for what a transaction changes of an entity, stored in the same transaction.

Actions are those of ftrack, ``asset.published``, ``change.status.task`` and ``update.custom_attribute.fstart``; others
are ``db.append``, ``db.update`` or ``db.remove`` and a type. ``parent_id`` is the entity itself, or what a part such as
a note or a component belongs to. ``data`` is JSON: the entity, and the old and the new value of each attribute. What
belongs to users, to everyone or to components has no history.
"""

from __future__ import annotations

import functools
import json

from sqlalchemy import func, select

from ft_dcc.server.auth.permissions import access_rule
from ft_dcc.server.database import clock, connections
from ft_dcc.server.entities.batch import Batch, Row
from ft_dcc.server.entities.changes import ADD, UPDATE, Change, Values, stored_type
from ft_dcc.server.entities.ownership import PROJECT, OwnerReader, Owners
from ft_dcc.server.schema.model import EntityType
from ft_dcc.server.schema.tables import Tables

# Families whose entities have a history of their own; those of others are parts of their first owner.
_SUBJECTS = frozenset(("Context", "Asset", "AssetVersion", "ReviewSession", "ReviewSessionObject", "List"))


def record_history(batch: Batch) -> None:
    """Store the events of the batch's changes.

    An event belongs to the one project that owns the entity, so that nobody else reads it; with several projects, only
    its author and administrators do. An entity that moved to another project has an event in each, with the old values
    in the former project only.
    """
    changes, removed = list(batch.changes), batch.changes.removed
    new = {str(each.row["id"]) for each in changes if each.action == ADD and each.entity_type.family in _SUBJECTS}
    reader = OwnerReader(batch, removed)
    for change in changes:
        parent_id, parent_type = _parent(reader, change)
        # The event of a new entity stands for its parts as well, such as the components of a version.
        if not parent_type or (parent_id in new and change.entity_type.family not in _SUBJECTS):
            continue
        owners = former = reader.owners(change.entity_type, dict(change.row))
        if change.former is not None:
            former = reader.owners(change.entity_type, dict(change.former))
        old = {name: (pair[0], None) for name, pair in change.values.items()}
        moved = {name: (None, pair[1]) for name, pair in change.values.items()}
        for part, values in [(owners, change.values)] if former == owners else [(former, old), (owners, moved)]:
            if part and all(kind == PROJECT and ("Context", key) not in removed for kind, key in part):
                _store(batch, change, {"parent_id": parent_id, "parent_type": parent_type}, part, values)


def _parent(reader: OwnerReader, change: Change) -> tuple[str, str]:
    entity_type, row = change.entity_type, dict(change.row)
    if entity_type.family in _SUBJECTS:
        return str(row["id"]), entity_type.name
    key = next((key for key in access_rule(reader.batch.schema, entity_type).owners if row.get(key.column)), None)
    family, target = (key and reader.target(entity_type, row, key)) or ("Component", {})
    return str(target.get("id")), "" if family == "Component" else stored_type(reader.batch.schema, family, target).name


def _store(batch: Batch, change: Change, parent: Row, owners: Owners, values: Values) -> None:
    entity_type, projects = change.entity_type, [key for _, key in owners or ()]
    names = _attribute_names(entity_type)
    by_action: dict[str, dict[str, dict[str, object]]] = {}
    for name, (old, new) in values.items():
        action = f"db.{'append' if change.action == ADD else change.action}.{entity_type.name.lower()}"
        if name not in names:
            action = f"update.custom_attribute.{name}"
        elif change.action == UPDATE and name == "statusid":
            action = f"change.status.{entity_type.name.lower()}"
        elif change.action == ADD and entity_type.name == "AssetVersion":
            action = "asset.published"
        by_action.setdefault(action, {})[names.get(name, name)] = {"old": old, "new": new}
    ((last,),) = _newest(batch.tables).rows(batch.connection, {})
    # Ids are microseconds, so that histories of several studios can be joined.
    first = max(int(clock.now() * 1e6), (last or 0) + 1)
    entity = {"type": entity_type.name, "id": ",".join(str(change.row[name]) for name in entity_type.key)}
    is_user = bool(batch.caller.id) and not batch.caller.is_guest
    for number, (action, changed) in enumerate(by_action.items(), start=first):
        data = {"entity": entity, "changes": changed, **({} if is_user else {"author": batch.caller.username})}
        row = {**parent, "id": number, "action": action, "data": json.dumps(data), "created_at": clock.now_text()}
        project = projects[0] if len(projects) == 1 else None
        batch.insert("Event", {**row, "user_id": batch.caller.id if is_user else None, "project_id": project})


@functools.lru_cache(maxsize=1024)
def _attribute_names(entity_type: EntityType) -> dict[str, str]:
    return {each.alias or each.name: each.name for each in entity_type.attributes.values()}


@functools.lru_cache(maxsize=8)
def _newest(tables: Tables) -> connections.Prepared:
    return connections.Prepared(select(func.max(tables.by_family["Event"].c.id)))
