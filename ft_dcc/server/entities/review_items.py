"""Items of review sessions that follow a shot, an asset, a sequence or a task instead of showing one version for good.

A ``ReviewSessionObject`` with ``entity_id`` and ``follows`` shows the newest version of that entity: of any status, or
of the status that ``follows`` names, and of tasks of the type ``task_type``. An item of a sequence or project adds one
for each shot and asset below it, whose ``source_id`` it is. An item without a version waits for the first one. When a
version is created or deleted or its status changes, the items in sessions that are not closed are set to the version
that stands for them now. One with feedback keeps its version, and a new item follows in its place.
"""

from __future__ import annotations

import functools
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Select, bindparam, func, or_, select, update

from ft_dcc.server.database import clock, connections
from ft_dcc.server.entities import authorization
from ft_dcc.server.entities.batch import Batch, Row
from ft_dcc.server.errors import ValidationError
from ft_dcc.server.schema.tables import TYPE_COLUMN, Tables

NEWEST = "newest"
_ITEM = "ReviewSessionObject"
# What keeps an item at its version, with the column that leads to the item.
_FEEDBACK = {"Note": "parent_id", f"{_ITEM}Status": "review_session_object_id"}
_FEEDBACK[f"{_ITEM}Annotation"] = "review_session_object_id"


def set_first_version(batch: Batch, row: Row) -> None:
    """Set the version of a new item that follows an entity; raises Forbidden, or ValidationError for a wrong rule."""
    entity_id = row["entity_id"]
    for family in ("Context", "Asset"):
        authorization.check_reference(batch, family, f"{_ITEM}.entity_id", entity_id)
    if not (batch.row("Context", entity_id) or batch.row("Asset", entity_id)):
        raise ValidationError(f"A {_ITEM} follows a shot, asset, sequence or task. Send its id as entity_id.")
    row["follows"] = row.get("follows") or NEWEST
    for column, family in (("follows", "Status"), ("task_type", "Type")):
        name, known = row.get(column), batch.table(family).c.name
        if name and name != NEWEST:
            row[column] = batch.connection.scalar(select(known).where(func.lower(known) == name.lower()).limit(1))
            if row[column] is None:
                raise ValidationError(f"There is no {family.lower()} '{name[:80]}' to follow. Check its name.")
    version_id = _newest(batch, row).get(entity_id)
    shown = _shown_as(batch, entity_id, None if version_id in _shown_versions(batch, row) else version_id)
    row.update(shown, name=row.get("name") or shown["name"])


def add_items_below(batch: Batch, row: Row) -> None:
    """Add an item for each shot and asset below the entity that a new item follows; raises PayloadTooLarge."""
    if row.get("entity_id") is not None and row.get("source_id") is None:
        _add_missing(batch, row, _newest(batch, row, is_below=True))


def _add_missing(batch: Batch, item: Row, below: dict[str, str]) -> None:
    """Add an item for each of these contexts that has none of this source, if its version is not shown already."""
    table = batch.table(_ITEM)
    columns = table.c.entity_id, table.c.source_id, table.c.version_id, table.c.sort_order
    of_session = table.c.review_session_id == item["review_session_id"]
    rows = batch.connection.execute(select(*columns).where(of_session)).all()
    shown = {row.version_id for row in rows} | {row.entity_id for row in rows if row.source_id == item["id"]}
    shown.add(item["entity_id"])
    new = {key: version_id for key, version_id in below.items() if not shown & {key, version_id}}
    change = f"Following '{item['name']}' adds an item for each shot below it"
    batch.count_implied_changes(len(new), change, "Follow its sequences instead.")
    last = max((row.sort_order or 0.0 for row in rows), default=0.0)
    for number, (entity_id, version_id) in enumerate(new.items(), start=1):
        place = {"entity_id": entity_id, "source_id": item["id"], "sort_order": last + number}
        _add_copy(batch, {**item, **place}, version_id)


def follow_version(batch: Batch, version: Row, *, is_deleted: bool = False) -> None:
    """Set the items that follow what this version belongs to, after a change or before the deletion of it."""
    asset = batch.row("Asset", version["asset_id"]) or {}
    own = {"asset": version["asset_id"], "context": asset.get("context_id"), "task": version["task_id"]}
    found = _followers(batch.tables).rows(batch.connection, own)
    for item in [batch.stored(batch.schema[_ITEM], [item_id]) or {} for (item_id,) in found]:
        if item["entity_id"] in own.values():
            _advance(batch, item, version["id"] if is_deleted else None)
        elif item["source_id"] is None and not is_deleted:
            _add_missing(batch, item, _newest(batch, {**item, "entity_id": own["context"]}))


@functools.lru_cache(maxsize=8)
def _followers(tables: Tables) -> connections.Prepared:
    item, session, context = tables.families(_ITEM, "ReviewSession", "Context")
    above = select(context.c.id, context.c.parent_id).where(context.c.id == bindparam("context")).cte(recursive=True)
    above = above.union(select(context.c.id, context.c.parent_id).join(above, context.c.id == above.c.parent_id))
    own = item.c.entity_id.in_((bindparam("asset"), bindparam("task")))
    is_open = or_(session.c.end_date.is_(None), session.c.end_date > func.ft_dcc_now())
    joined = select(item.c.id).join(session, session.c.id == item.c.review_session_id)
    joined = joined.where(or_(own, item.c.entity_id.in_(select(above.c.id))), item.c.follows.is_not(None), is_open)
    return connections.Prepared(joined.order_by(item.c["__row__"]))


def _advance(batch: Batch, item: Row, deleted: str | None = None) -> None:
    """Let an item show the version that stands for its entity now; one with feedback is followed by a new item."""
    version_id = _newest(batch, item, deleted=deleted).get(item["entity_id"])
    if version_id == item["version_id"] or version_id in _shown_versions(batch, item):
        return
    tables, changed = batch.tables.by_family, Row(follows=None)
    known = [(tables[name], column) for name, column in _FEEDBACK.items() if name in tables]
    feedback = [select(1).select_from(table).where(table.c[column] == item["id"]).limit(1) for table, column in known]
    if any(batch.connection.scalar(each) for each in feedback):
        _add_copy(batch, {**item, "sort_order": (item["sort_order"] or 0.0) + 0.5}, version_id)
    else:
        changed = _shown_as(batch, item["entity_id"], version_id)
        if item["name"] != _shown_as(batch, item["entity_id"], item["version_id"])["name"]:
            del changed["name"]  # A person chose it.
    batch.connection.execute(update(tables[_ITEM]).where(tables[_ITEM].c.id == item["id"]).values(changed))
    batch.changes.record_updated(batch.schema[_ITEM], item, changed)


def _add_copy(batch: Batch, item: Row, version_id: str | None) -> None:
    """Store a new item like this one that shows another version."""
    names = "review_session_id", "entity_id", "source_id", "follows", "task_type", "description", "sort_order"
    row = {"id": str(uuid4()), "created_at": clock.now_text(), **{name: item[name] for name in names}}
    row.update(_shown_as(batch, item["entity_id"], version_id))
    batch.insert(_ITEM, row)
    batch.changes.record_created(batch.schema[_ITEM], row)


def _shown_as(batch: Batch, entity_id: str, version_id: str | None) -> Row:
    """Return the columns of an item that shows this version, or waits for one of the entity."""
    if (version := batch.row("AssetVersion", version_id)) is None:
        entity = batch.row("Context", entity_id) or batch.row("Asset", entity_id) or {}
        return {"version_id": None, "version": "", "name": entity.get("name", "")}
    asset = batch.row("Asset", version["asset_id"]) or {}
    parent = batch.row("Context", asset.get("context_id")) or {}
    name = f"{parent.get('name', '')} {asset.get('name', '')}".strip()
    return {"version_id": version_id, "version": f"Version {version['version']}", "name": name}


def _shown_versions(batch: Batch, item: Row) -> set[str | None]:
    """Return the versions that the session of an item shows, which it does not show twice."""
    table = batch.table(_ITEM)
    of_session = table.c.review_session_id == item["review_session_id"], table.c.version_id.is_not(None)
    return set(batch.connection.scalars(select(table.c.version_id).where(*of_session)))


def _newest(batch: Batch, item: Row, *, is_below: bool = False, deleted: str | None = None) -> dict[str, str]:
    """Return the version that stands for the entity of an item, or for each context below it, ordered by name."""
    asset, version, context = batch.tables.families("Asset", "AssetVersion", "Context")
    status, kind = batch.tables.families("Status", "Type")
    entity_id, parent, task = item["entity_id"], context.alias(), context.alias()
    entity = batch.row("Context", entity_id)
    of: ColumnElement[Any] = asset.c.context_id
    if entity is None:
        of = asset.c.id
    elif entity[TYPE_COLUMN] == "Task":
        of = version.c.task_id
    owned: ColumnElement[bool] = of == entity_id
    if is_below and of is asset.c.context_id:
        below = select(context.c.id).where(context.c.id == entity_id).cte(recursive=True)
        below = below.union(select(context.c.id).join(below, context.c.parent_id == below.c.id))
        owned = of.in_(select(below.c.id))
    # SQLite takes the other columns of a group from the row with the maximum.
    latest = func.max(version.c.date + func.printf("%09d", version.c.version))
    columns: Select[Any] = select(of, version.c.id, latest).where(owned).group_by(of)
    statement = columns.join_from(asset, version, version.c.asset_id == asset.c.id)
    statement = statement.join(parent, parent.c.id == asset.c.context_id)
    if item["follows"] != NEWEST:
        statement = statement.join(status, status.c.id == version.c.status_id).where(status.c.name == item["follows"])
    if item.get("task_type"):
        statement = statement.join(task, task.c.id == version.c.task_id).join(kind, kind.c.id == task.c.type_id)
        statement = statement.where(kind.c.name == item["task_type"])
    if deleted is not None:
        statement = statement.where(version.c.id != deleted)
    rows = batch.connection.execute(statement.order_by(parent.c.name))
    return {str(row[0]): str(row[1]) for row in rows}
