"""Assigning a list of entities to a relation: afterwards it has exactly these members."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Table, and_, delete, false, or_, select, update

from ft_dcc.errors import ValidationError
from ft_dcc.server.entities.batch import Batch, Row
from ft_dcc.server.entities.changes import stored_type
from ft_dcc.server.entities.closed import belongs_to_sessions, check_open
from ft_dcc.server.entities.given import key_of
from ft_dcc.server.entities.guard import check_rows, check_type
from ft_dcc.server.schema.model import Attribute, EntityType


def assign(batch: Batch, owner_type: EntityType, owner: Row, attribute: Attribute, members: list[Any]) -> None:
    """The relation of the owner leads to these members and no others; raises ValidationError when it cannot."""
    target = batch.studio.schema[attribute.rows]
    if target.is_dense:
        return  # Every entity has all of its custom attributes, whatever the list says.
    keys = [key_of(batch, attribute.rows, member) for member in members]
    for key in keys:
        batch.need(key[0])
    about = {"parent_type": owner_type.name}
    check_rows(batch, target, keys, about)
    # What is linked stays as it is; what belongs to an owner is changed with it.
    is_through = attribute.related.way == "through"
    check_type(batch, batch.studio.schema[attribute.related.link] if is_through else target, about)
    if attribute.related.way == "through":
        _assign_links(batch, owner["id"], attribute, [key[0] for key in keys])
    elif attribute.related.way == "to many":
        _assign_members(batch, owner_type, owner, attribute, keys)
    else:
        raise ValidationError(f"{owner_type.name}.{attribute.name} follows from the parents. Change those instead.")


def _assign_links(batch: Batch, owner_id: str, attribute: Attribute, member_ids: list[Any]) -> None:
    join, link_type = attribute.related, batch.studio.schema[attribute.related.link]
    link = batch.table(link_type)
    own, other = link.c[join.link_local], link.c[join.link_remote]
    for row in batch.rows(link, own == owner_id, other.not_in(member_ids)):
        batch.changes.removed(link_type, row)
    batch.connection.execute(delete(link).where(own == owner_id, other.not_in(member_ids)))
    linked = set(batch.connection.scalars(select(other).where(own == owner_id)))
    for member_id in member_ids:
        if member_id in linked:
            continue
        batch.refer(link_type, link_type.attributes[join.link_remote], member_id)
        row = {join.link_local: owner_id, join.link_remote: member_id}
        if link_type.key == ("id",):
            row["id"] = str(uuid4())
        batch.insert(link_type, row)
        batch.changes.created(link_type, row)


def _assign_members(
    batch: Batch, owner_type: EntityType, owner: Row, attribute: Attribute, keys: list[tuple[Any, ...]]
) -> None:
    target = batch.studio.schema[attribute.rows]
    table, remote = batch.table(target), attribute.related.remote[0]
    listed = _are_in(table, target, keys)
    is_member = [table.c[remote] == owner["id"]]
    if attribute.related.condition is not None:
        is_member.append(table.c[attribute.related.condition[0]] == attribute.related.condition[1])
    if remote in target.key:
        # The owner is part of their identity, so they cannot be without it.
        for row in batch.rows(table, *is_member, ~listed):
            batch.changes.removed(target, row)
        batch.connection.execute(delete(table).where(*is_member, ~listed))
        return
    for row in batch.rows(table, *is_member, ~listed):
        batch.changes.updated(stored_type(batch.studio.schema, target.family, row), row, {remote: None})
    batch.connection.execute(update(table).where(*is_member, ~listed).values({remote: None}))
    values: Row = {remote: owner["id"]}
    if attribute.related.condition is not None:
        values[attribute.related.condition[0]] = attribute.related.condition[1]
    if "parent_type" in target.attributes and remote == "parent_id":
        values["parent_type"] = owner_type.name
    values.update(_inherited(owner_type, owner, target, remote))
    if belongs_to_sessions(target):
        is_news = table.c[remote].is_distinct_from(owner["id"])
        for member in batch.connection.execute(select(table).where(listed, is_news)).mappings():
            check_open(batch, target, {**member, **values}, values)
    for row in batch.rows(table, listed):
        batch.changes.updated(stored_type(batch.studio.schema, target.family, row), row, values)
    batch.connection.execute(update(table).where(listed).values(values))


def _inherited(owner_type: EntityType, owner: Row, target: EntityType, remote: str) -> Row:
    """Return what members take over from their new owner."""
    if target.family == "Context" and remote == "parent_id":
        return {"project_id": owner["project_id"]}
    if owner_type.name == "Note" and remote == "in_reply_to_id":
        return {"parent_id": owner["parent_id"], "parent_type": owner["parent_type"]}
    return {}


def _are_in(table: Table, target: EntityType, keys: list[tuple[Any, ...]]) -> ColumnElement[bool]:
    if len(target.key) == 1:
        return table.c[target.key[0]].in_([key[0] for key in keys])
    return or_(false(), *(and_(*(table.c[name] == part for name, part in zip(target.key, key))) for key in keys))
