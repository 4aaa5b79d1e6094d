"""Assign lists of entities to relations."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Select, Table, delete, literal_column, or_, select, tuple_, update

from ft_dcc.server.auth import permissions
from ft_dcc.server.entities import authorization, changes, payload
from ft_dcc.server.entities.batch import Batch, Row
from ft_dcc.server.errors import ValidationError
from ft_dcc.server.schema.model import Attribute, EntityType


def assign_members(batch: Batch, owner_type: EntityType, owner: Row, attribute: Attribute, members: list[Any]) -> None:
    """Replace the members of a relation by these; raises ValidationError, Forbidden or ReviewSessionClosedError."""
    target = batch.schema[attribute.rows]
    if target.is_materialised:
        return  # Every entity has all of its custom attributes; the list cannot change that.
    keys = [payload.reference_key(batch.schema, attribute.rows, member) for member in members]
    for key in keys:
        batch.ensure_created(key[0])
    if attribute.related.way == "through":
        _assign_links(batch, owner["id"], attribute, [key[0] for key in keys])
    elif attribute.related.way == "to many":
        _assign_owned(batch, owner_type, owner, attribute, keys)
    else:
        raise ValidationError(f"{owner_type.name}.{attribute.name} is derived from the parents. Change those instead.")


def _assign_links(batch: Batch, owner_id: str, attribute: Attribute, member_ids: list[Any]) -> None:
    join, link_type = attribute.related, batch.schema[attribute.related.link]
    link = batch.tables[link_type]
    own, other = link.c[join.link_local], link.c[join.link_remote]
    _count_removed(batch, attribute, link, [own == owner_id, other.not_in(member_ids)])
    _check_members(batch, authorization.DELETE, link_type, link, [own == owner_id, other.not_in(member_ids)])
    for row in batch.rows_to_report(link, own == owner_id, other.not_in(member_ids)):
        batch.changes.record_removed(link_type, row)
    batch.connection.execute(delete(link).where(own == owner_id, other.not_in(member_ids)))
    linked = set(batch.connection.scalars(select(other).where(own == owner_id)))
    for member_id in member_ids:
        if member_id in linked:
            continue
        authorization.track_reference(batch, link_type, link_type.attributes[join.link_remote], member_id)
        link_row: Row = {join.link_local: owner_id, join.link_remote: member_id}
        if link_type.key == ("id",):
            link_row["id"] = str(uuid4())
        authorization.check_access(batch, authorization.CREATE, link_type, link_row)
        batch.insert(link_type.name, link_row)
        batch.changes.record_created(link_type, link_row)


def _assign_owned(
    batch: Batch, owner_type: EntityType, owner: Row, attribute: Attribute, keys: list[tuple[Any, ...]]
) -> None:
    target = batch.schema[attribute.rows]
    table, remote = batch.tables[target], attribute.related.remote[0]
    # One condition for each key would nest too deeply for SQLite.
    columns = [table.c[name] for name in target.key]
    listed = tuple_(*columns).in_(keys) if len(columns) > 1 else columns[0].in_([key[0] for key in keys])
    is_member = [table.c[remote] == owner["id"]]
    if attribute.related.condition is not None:
        is_member.append(table.c[attribute.related.condition[0]] == attribute.related.condition[1])
    _count_removed(batch, attribute, table, [*is_member, ~listed])
    if remote in target.key:
        place = target.key.index(remote)
        if any(key[place] != owner["id"] for key in keys):
            raise ValidationError(f"The list '{attribute.name}' has a {target.name} of another entity. Leave it out.")
        # The owner is part of their primary key, so they cannot exist without it.
        _check_members(batch, authorization.DELETE, target, table, [*is_member, ~listed])
        for row in batch.rows_to_report(table, *is_member, ~listed):
            batch.changes.record_removed(target, row)
        batch.connection.execute(delete(table).where(*is_member, ~listed))
        return
    _check_members(batch, authorization.UPDATE, target, table, [*is_member, ~listed])
    _check_not_orphaned(batch, target, remote, [*is_member, ~listed])
    for row in batch.rows_to_report(table, *is_member, ~listed):
        batch.changes.record_updated(changes.stored_type(batch.schema, target.family, row), row, {remote: None})
    batch.connection.execute(update(table).where(*is_member, ~listed).values({remote: None}))
    values: Row = {remote: owner["id"]}
    if attribute.related.condition is not None:
        values[attribute.related.condition[0]] = attribute.related.condition[1]
    if remote == "parent_id":
        values.update({"parent_type": owner_type.name} if "parent_type" in target.attributes else {})
        values.update({"project_id": owner["project_id"]} if target.family == "Context" else {})
    elif owner_type.name == "Note" and remote == "in_reply_to_id":
        values.update(parent_id=owner["parent_id"], parent_type=owner["parent_type"])
    # A member that stays can change as well: a reply gets the parent of its note. Its own spelling of the type stays.
    compared = values.keys() - {"parent_type"}
    is_changed = or_(*(table.c[name].is_distinct_from(values[name]) for name in compared))
    _check_members(batch, authorization.UPDATE, target, table, [listed, is_changed], values)
    for row in batch.rows_to_report(table, listed, is_changed):
        batch.changes.record_updated(changes.stored_type(batch.schema, target.family, row), row, values)
    batch.connection.execute(update(table).where(listed, is_changed).values(values))


def _count_removed(batch: Batch, attribute: Attribute, table: Table, conditions: list[ColumnElement[bool]]) -> None:
    """Count the members that leave a list because a request does not name them; raises PayloadTooLarge."""
    statement: Select[Any] = (
        select(literal_column("1")).select_from(table).where(*conditions).limit(batch.max_implied_rows)
    )
    change = f"The new list '{attribute.name}' removes those that it does not contain"
    batch.count_implied_changes(len(batch.connection.execute(statement).all()), change, "Remove some at a time.")


def _check_not_orphaned(batch: Batch, target: EntityType, remote: str, conditions: list[ColumnElement[bool]]) -> None:
    """Raise ValidationError if removing these members from the list leaves them without the owner that they need."""
    required = target.lists.get("required", ())
    if remote in required and target.attributes[remote].rule == "owned":
        found = batch.connection.execute(
            select(1).select_from(batch.tables[target]).where(*conditions).limit(1)
        ).first()
        if found is not None:
            raise ValidationError(f"A {target.name} needs '{remote}' and cannot leave its list. Delete it instead.")


def _check_members(
    batch: Batch,
    action: str,
    target: EntityType,
    table: Table,
    conditions: list[ColumnElement[bool]],
    values: Row | None = None,
) -> None:
    """Raise Forbidden if the caller may not do this with the members, as they are and with new values."""
    rule = permissions.access_rule(batch.schema, target)
    if batch.permissions.is_administrator and permissions.SERVER not in rule.grants[action]:
        return
    for row in batch.connection.execute(select(table).where(*conditions)).mappings():
        member = dict(row)
        member_type = changes.stored_type(batch.schema, target.family, member)
        authorization.check_access(batch, action, member_type, member)
        if values is not None:
            authorization.check_access(batch, action, member_type, {**member, **values})
