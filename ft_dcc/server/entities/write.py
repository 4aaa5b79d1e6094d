"""The ``create`` and ``update`` actions: check the values of an entity, store them, assign lists, and what follows."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Select, Table, delete, literal_column, or_, select, tuple_, update

from ft_dcc.server.auth import permissions
from ft_dcc.server.entities import authorization, changes, custom_values, payload, rules
from ft_dcc.server.entities.batch import Answer, Batch, Operation, Row
from ft_dcc.server.entities.payload import ParsedPayload, entity_type_of, operation_key, read_values
from ft_dcc.server.errors import DuplicateEntryError, ValidationError
from ft_dcc.server.query.type_conversion import to_db, to_json
from ft_dcc.server.schema import model, tables
from ft_dcc.server.schema.model import Attribute, EntityType

# An ftrack site accepts users without a user name.
_REQUIRED_TEXTS = frozenset(("name", "email"))


def create_entity(batch: Batch, operation: Operation) -> Answer:
    """Create an entity; repeating a create with the same id and data changes nothing.

    Raises ValidationError for invalid data, and DuplicateEntryError if another entity has the same unique values.
    """
    entity_type = entity_type_of(batch, operation)
    if entity_type.is_materialised:
        return custom_values.set_custom_value(batch, entity_type, operation, "create")
    if entity_type.is_abstract:
        subtypes = batch.schema.with_subtypes(entity_type.name)[1:]
        raise ValidationError(f"{entity_type.name} is an abstract type. Create one of {', '.join(subtypes)} instead.")
    payload = read_values(batch.schema, entity_type, operation.get("entity_data"))
    for attribute, key in payload.keys:
        authorization.track_reference(batch, entity_type, attribute, key)
    _check_server_columns(entity_type, {name: value for name, value in payload.columns.items() if value is not None})
    row = _new_row(batch, entity_type, payload)
    authorization.check_access(batch, authorization.CREATE, entity_type, row)
    authorization.check_new_id(batch, entity_type, row.get("id"))
    own_rules = rules.rules_of(entity_type)
    for rule in own_rules:
        rule.before_create(batch, row)
    if batch.insert(entity_type.name, row):
        authorization.grant_creator_access(batch, entity_type, row)
        for rule in own_rules:
            rule.check_stored(batch, row)
        batch.changes.record_created(entity_type, row)
        for rule in own_rules:
            rule.after_create(batch, row)
    else:
        row = _existing_row(batch, entity_type, row, payload)
    for name, members in payload.lists.items():
        assign_members(batch, entity_type, row, entity_type.attributes[name], members)
    return {"action": "create", "data": _to_response(entity_type, row, payload)}


def update_entity(batch: Batch, operation: Operation) -> Answer:
    """Update an entity with the values that were sent; raises ValidationError, Forbidden or DuplicateEntryError."""
    asked = entity_type_of(batch, operation)
    if asked.is_materialised or asked.name == "CustomAttributeValue":
        return custom_values.set_custom_value(batch, asked, operation, "update")
    key = operation_key(asked, operation)
    batch.ensure_created(key[0])
    row = _stored_row(batch, asked, key)
    entity_type = batch.schema[asked.name if asked.is_view else row.get(tables.TYPE_COLUMN, asked.name)]
    data = operation.get("entity_data")
    named = {name for name in data if name != tables.TYPE_COLUMN} if isinstance(data, dict) else set()
    authorization.check_update(batch, entity_type, row, named)
    payload = read_values(batch.schema, entity_type, data)
    for attribute, target in payload.keys:
        authorization.track_reference(batch, entity_type, attribute, target)
    wanted = {**payload.columns, **rules.stored_values(batch, entity_type, key[0], payload.columns)}
    changed = {column: value for column, value in wanted.items() if row[column] != value}
    _check_server_columns(entity_type, changed)
    _check_immutable(entity_type, row, changed)
    own_rules = rules.rules_of(entity_type)
    for rule in own_rules:
        rule.check_values(row, changed)
    _check_required(entity_type, changed, _required(entity_type))
    authorization.check_author(batch, entity_type, changed)
    if changed:
        for rule in own_rules:
            rule.before_update(batch, entity_type, row, changed)
        _store(batch, entity_type, key, changed)
        authorization.check_update(batch, entity_type, {**row, **changed}, named)
        batch.changes.record_updated(entity_type, row, changed)
        row.update(changed)
        for rule in own_rules:
            rule.check_stored(batch, row)
    for name, members in payload.lists.items():
        assign_members(batch, entity_type, row, entity_type.attributes[name], members)
    # The key, the values that were sent, and the attributes that every answer about this type has.
    names = {tables.TYPE_COLUMN, *asked.key, *payload.echo, *asked.always_returned}
    response = _to_response(asked, row, payload)
    return {"action": "update", "data": {name: value for name, value in response.items() if name in names}}


def _check_server_columns(entity_type: model.EntityType, columns: Iterable[str]) -> None:
    for column in columns:
        if column in entity_type.lists.get("server", ()):
            raise ValidationError(f"{entity_type.name}.{column} is set by the server alone. Leave it out.")


def _new_row(batch: Batch, entity_type: model.EntityType, payload: ParsedPayload) -> Row:
    """Return the columns of a new entity, with the defaults and the values of the server; raises ValidationError.

    Its texts are checked at the end of the transaction, which may still set them: scripts create an entity and name it
    afterwards, which clients send as two operations.
    """
    defaults, ids = default_columns(entity_type)
    row = {**defaults, **payload.columns}
    row.update({column: str(uuid4()) for column in ids if column not in payload.columns})
    row.update(rules.stored_values(batch, entity_type, str(row.get("id")), payload.columns))
    own_rules = rules.rules_of(entity_type)
    for rule in own_rules:
        rule.add_owner(batch, row)
    rules.add_server_values(batch, entity_type, row)
    for rule in own_rules:
        rule.check_values(row, row)
    for name in entity_type.key:
        if row.get(name) is None:
            raise ValidationError(f"A {entity_type.name} needs '{name}'. Send it.")
    # An item of a review session that follows a shot waits for its first version.
    is_following = row.get("entity_id") is not None
    required = [each for each in _required(entity_type) if each.column != "version_id" or not is_following]
    _check_required(entity_type, row, [each for each in required if each.kind == "foreign key"])

    def check_texts() -> None:
        found = batch.connection.execute(batch.tables.by_id[entity_type.family], {"id": row["id"]}).mappings().first()
        if found is not None:
            _check_required(entity_type, dict(found), required)

    if not batch.operations:  # A batch of the owner has no last operation.
        _check_required(entity_type, row, required)
    elif any(row[str(each.column)] in (None, "") for each in required):
        batch.before_commit.append(check_texts)
    return row


@functools.lru_cache(maxsize=1024)
def default_columns(entity_type: model.EntityType) -> tuple[Row, list[str]]:
    """Return the default of each column, and the columns whose default is a new id."""
    row: Row = {}
    ids = []
    for each in entity_type.attributes.values():
        if each.column is not None:
            row[each.column] = to_db("variable", each.default, "") if each.kind == "variable" else each.default
            ids += [each.column] if each.default == "{uid}" else []
    return row, ids


def _check_required(entity_type: model.EntityType, row: Row, required: Iterable[model.Attribute]) -> None:
    """Raise ValidationError if one of these attributes has a column in the row and no value there."""
    for attribute in required:
        if attribute.column in row and row[attribute.column] in (None, ""):
            raise ValidationError(f"A {entity_type.name} needs '{attribute.name}'. Send it.")


@functools.lru_cache(maxsize=1024)
def _required(entity_type: model.EntityType) -> list[model.Attribute]:
    """Return the owners that an entity needs, and then its texts.

    Dates that are required by the schema of ftrack may be empty, and the server sets statuses, types and authors.
    """
    attributes = [entity_type.attributes.get(name) for name in entity_type.lists.get("required", ())]
    known = [each for each in attributes if each is not None and each.column is not None]
    owners = [each for each in known if each.kind == "foreign key" and each.rule == "owned"]
    return owners + [each for each in known if each.kind == "text" and each.name in _REQUIRED_TEXTS]


def _stored_row(batch: Batch, entity_type: model.EntityType, key: tuple[str, ...]) -> Row:
    found = batch.stored(entity_type, key)
    allowed = batch.schema.with_subtypes(entity_type.name)
    if found is None or (not entity_type.is_view and found.get(tables.TYPE_COLUMN, entity_type.name) not in allowed):
        raise ValidationError(f"There is no {entity_type.name} '{', '.join(key)}' to update. It may be deleted.")
    return found


def _check_immutable(entity_type: model.EntityType, row: Row, changed: Row) -> None:
    fixed = {*entity_type.key, *entity_type.lists.get("immutable", ())}
    for column, value in changed.items():
        if column in fixed and row[column] is not None:
            raise ValidationError(f"{entity_type.name}.{column} cannot be changed to '{value}'. Make another entity.")


def _store(batch: Batch, entity_type: model.EntityType, key: tuple[str, ...], changed: Row) -> None:
    table, has_key = batch.tables[entity_type], batch.has_key(entity_type, key)
    for names in (names.split() for names in entity_type.lists.get("unique", ())):
        if not set(names) & set(changed):
            continue
        stored = batch.connection.execute(select(*(table.c[name] for name in names)).where(*has_key)).one()._mapping
        wanted = {name: changed.get(name, stored[name]) for name in names}
        if None in wanted.values():
            continue  # As in the unique index: projects have no parent, and a check of their own.
        same = [table.c[name] == value for name, value in wanted.items()]
        if batch.connection.execute(select(1).where(*same, ~has_key[0])).first() is not None:
            raise DuplicateEntryError(
                f"DuplicateEntryError: there is a {entity_type.name} with this {' and '.join(names)} already."
            )
    batch.connection.execute(update(table).where(*has_key).values(changed))


def _existing_row(batch: Batch, entity_type: model.EntityType, row: Row, payload: ParsedPayload) -> Row:
    """Return the stored row if the same create was answered before; raises DuplicateEntryError otherwise."""
    found = batch.stored(entity_type, [row[name] for name in entity_type.key])
    if found is None:
        members = batch.schema.family_of(entity_type.family)
        unique = dict.fromkeys(columns for member in members for columns in member.lists.get("unique", ()))
        others = " or ".join(" and ".join(columns.split()) for columns in unique)
        name = row.get("name") or row.get("username")
        named = "" if name is None else f" {str(name)[:80]!r}"
        raise DuplicateEntryError(
            f"DuplicateEntryError: another {entity_type.name}{named} has the same {others}. Send other values."
        )
    if (
        authorization.is_readable(batch, entity_type, found)
        and found.get(tables.TYPE_COLUMN, row.get(tables.TYPE_COLUMN)) == row.get(tables.TYPE_COLUMN)
        and all(found[column] == row[column] for column in payload.columns)
    ):
        return found
    key = ", ".join(str(row[name]) for name in entity_type.key)
    raise DuplicateEntryError(f"DuplicateEntryError: there is a {entity_type.name} {key} already, with other values.")


def _to_response(entity_type: model.EntityType, row: Row, payload: ParsedPayload) -> dict[str, Any]:
    """Return the entity for an answer: the sent values as they were sent, and the columns that the server set."""
    response: dict[str, Any] = {tables.TYPE_COLUMN: entity_type.name}
    for name, value in payload.echo.items():
        column = str(entity_type.attributes[name].column)
        if column not in payload.columns or payload.columns[column] == row[column]:
            response[name] = value
    answered = _answered(entity_type)
    for column, stored in row.items():
        # Attributes without a value are left out; clients treat them as not loaded, as with an ftrack site.
        if stored is not None:
            for name, convert in answered.get(column, ()):
                if name not in response:
                    response[name] = stored if convert is None else convert(stored)
    return response


@functools.lru_cache(maxsize=1024)
def _answered(entity_type: model.EntityType) -> dict[str, list[tuple[str, Callable[[Any], Any] | None]]]:
    """Return the attributes of each column that answers contain, with the conversion of their stored values."""
    found: dict[str, list[tuple[str, Callable[[Any], Any] | None]]] = {}
    for name, each in entity_type.attributes.items():
        if each.column is not None and not each.is_hidden:
            found.setdefault(each.column, []).append((name, to_json(each.kind)))
    return found


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
