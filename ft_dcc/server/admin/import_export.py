"""Import entities from lines of JSON in one transaction, and export them in the same format.

A line is an object with ``__entity_type__`` and attributes in the format of the API: values, references such as
``{"__entity_type__": "Task", "id": …}`` or their foreign keys, lists of references, ``metadata`` and
``custom_attributes`` as objects. Types that clients do not see have lines as well. Projects, server columns and lists
are completed, and references checked, once all entities are stored.
"""

from __future__ import annotations

import functools
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby
from typing import Any, BinaryIO
from uuid import uuid4

import attrs
from sqlalchemy import Connection, Table, bindparam, func, select, text, update
from sqlalchemy.dialects.sqlite import Insert, insert
from sqlalchemy.exc import IntegrityError

from ft_dcc.server.auth.api_keys import first_user
from ft_dcc.server.context import ServerContext
from ft_dcc.server.database import audit_log, closed_reviews, connections
from ft_dcc.server.database.seed import seed, seed_rows
from ft_dcc.server.entities import custom_values, payload, rules, write
from ft_dcc.server.entities.batch import Batch, Row, owner_batch
from ft_dcc.server.entities.changes import ChangeSet, stored_type
from ft_dcc.server.errors import HttpError, ValidationError
from ft_dcc.server.events.update_events import EntityUpdate, describe_changes, publish_changes
from ft_dcc.server.identity import Caller
from ft_dcc.server.query import computed, type_conversion
from ft_dcc.server.schema.model import Attribute, EntityType, Schema
from ft_dcc.server.schema.tables import ROW_COLUMN, TYPE_COLUMN

# Entities that are stored before they are added to the audit log.
_MAX_UNRECORDED = 2000
# A larger import publishes the changes of its first part only.
_MAX_PUBLISHED = 10_000


def export_entities(context: ServerContext, connection: Connection) -> Iterator[bytes]:
    """Yield all entities as lines, in the order of their creation; media and keys are not exported."""
    for family, table in context.store.tables.by_family.items():
        own = [found for found in context.schema.family_of(family) if not found.is_view]
        formats = {found.name: _line_format(found) for found in own}
        rows = connection.execution_options(yield_per=1000).execute(select(table).order_by(table.c[ROW_COLUMN]))
        for row in rows.mappings():
            yield formats[row.get(TYPE_COLUMN, family)].write(dict(row))


def import_entities(context: ServerContext, file: BinaryIO) -> int:
    """Store the entities of the lines in one transaction, and return the number of lines.

    An entity that exists gets the values of its line, and keeps the others. A new database is seeded, too, unless the
    lines have users and locations. The file must be seekable. Raises ValidationError with the number of the line, and
    then nothing is stored.
    """

    def run(connection: Connection) -> tuple[int, Caller, list[EntityUpdate]]:
        # The function runs again when another request of the same commit fails.
        file.seek(0)
        # Whole sessions that are closed can be imported, in any order of their lines.
        closed = closed_reviews.closed_session_names(connection, context.store.tables)
        with context.store.closed_reviews.guarding_only(closed):
            return _Import(context, connection, file).run()

    def publish(result: tuple[int, Caller, list[EntityUpdate]]) -> None:
        context.events.refresh_permissions(context.store)
        publish_changes(context.events, result[1], result[2])

    return context.store.write(run, publish)[0]


@attrs.define(eq=False)
class _Import:
    """One import, inside its transaction."""

    context: ServerContext
    connection: Connection
    file: BinaryIO
    _next_row: dict[str, int] = attrs.field(factory=dict)
    # Operations for the audit log.
    _stored: list[tuple[dict[str, Any], None]] = attrs.field(factory=list)
    _incomplete: list[PendingEntity] = attrs.field(factory=list)
    _lines_without_id: dict[tuple[Any, ...], int] = attrs.field(factory=dict)
    _families: set[str] = attrs.field(factory=set)
    _caller: Caller | None = None
    _batch: Batch = attrs.field(init=False)
    # The former row of each entity, for the published changes.
    _before: dict[tuple[EntityType, tuple[Any, ...]], Row | None] = attrs.field(factory=dict)

    def run(self) -> tuple[int, Caller, list[EntityUpdate]]:
        """Store all lines, and return their number, the user of the changes, and the changes to publish."""
        self._caller = first_user(self.connection)
        self._batch = owner_batch(self.context, self.connection)
        count = 0
        for number, line in _numbered(self.file):
            with _line_errors(number):
                self._read(number, *read_line(self.context.schema, line))
            count += 1
        self._record_stored()
        location = self.context.store.tables.by_family["Location"]
        known = set(self.connection.scalars(select(location.c.id)))
        if first_user(self.connection) is None or not known.issuperset(row["id"] for row in seed_rows()["Location"]):
            seed(self.connection, self.context.store.tables)
        if self._caller is None:
            self._batch = owner_batch(self.context, self.connection)
            audit_log.backfill_user(self.connection, self._batch.caller)
        assign_projects(self._batch)
        complete_entities(self._batch, self._incomplete)
        self._check_references()
        return count, self._batch.caller, self._describe()

    def _read(self, number: int, entity_type: EntityType, values: payload.ParsedPayload) -> None:
        given = values.columns
        columns = {**given, **rules.stored_values(self._batch, entity_type, str(given.get("id")), given)}
        line_format = _line_format(entity_type)
        missing = line_format.server_columns - columns.keys()
        row = line_format.complete(columns)
        if missing and not any(rule.reads_others for rule in rules.rules_of(entity_type)):
            rules.add_server_values(self._batch, entity_type, row)
            row.update(columns)
            if self._caller is None:
                row.update(dict.fromkeys(row.keys() & {"user_id", "created_by_id"} - columns.keys()))
            missing = frozenset()
        table = self.context.store.tables[entity_type]
        if TYPE_COLUMN in table.c:
            row[TYPE_COLUMN] = entity_type.base if entity_type.is_view else entity_type.name
        key = tuple(row.get(name) for name in entity_type.key)
        if entity_type.key[0] not in columns:
            self._lines_without_id[key] = number
        if None in key:
            raise ValidationError(f"A {entity_type.name} needs {' and '.join(entity_type.key)}.")
        if missing or values.lists:
            self._incomplete.append(PendingEntity(number, entity_type, key, missing, values.lists))
        self._store(entity_type, row, tuple(columns))

    def _store(self, entity_type: EntityType, row: Row, given: tuple[str, ...]) -> None:
        """Insert a row, or update the given columns of the one with its key; raises HttpError."""
        table, family = self.context.store.tables[entity_type], entity_type.family
        if family not in self._next_row:
            self._next_row[family] = self.connection.scalar(select(func.max(table.c[ROW_COLUMN]))) or 0
        self._next_row[family] += 1
        row[ROW_COLUMN] = self._next_row[family]
        self._families.add(family)
        key = tuple(row[name] for name in entity_type.key)
        if self.context.events.needs_changes and len(self._before) <= _MAX_PUBLISHED:
            self._before.setdefault((entity_type, key), self._batch.stored(entity_type, key))
        statement, prepared = _upsert(table, entity_type, given)
        try:
            count = prepared.change(self.connection, row)
        except sqlite3.Error:
            try:
                count = self.connection.execute(statement, row).rowcount  # It raises the error that callers expect.
            except IntegrityError as error:
                raise ValidationError(f"There is another {entity_type.name} in its place.") from error
        if count != 1:
            raise ValidationError("There is an entity of another type with this id.")
        operation = {"action": "load", "entity_type": entity_type.name, "entity_data": dict.fromkeys(given)}
        self._stored.append(({**operation, "entity_key": list(key)}, None))
        if len(self._stored) >= _MAX_UNRECORDED:
            self._record_stored()

    def _record_stored(self) -> None:
        audit_log.record(self.connection, self._batch.caller, self._stored)
        self._stored.clear()

    def _describe(self) -> list[EntityUpdate]:
        """Return the changes to publish; those of the first part of a very large import."""
        changes = self._batch.changes = ChangeSet(is_recording=bool(self._before))
        for (entity_type, key), before in list(self._before.items())[:_MAX_PUBLISHED]:
            row = self._batch.stored(entity_type, key)
            if row is not None and before is None:
                changes.record_created(entity_type, row)
            elif row is not None and before is not None:
                changes.record_updated(entity_type, before, row)
        return describe_changes(self._batch)

    def _check_references(self) -> None:
        """Raise ValidationError, with the number of its line, for a key that refers to no entity."""
        broken = find_broken_reference(self._batch, self._families)
        if broken is None:
            return
        entity_type, key, reason = broken
        found = self._lines_without_id.get(key, 0)
        if not found:
            self.file.seek(0)
            for number, line in _numbered(self.file):
                other, values = read_line(self.context.schema, line)
                own = tuple(values.columns.get(name) for name in other.key)
                if other.family == entity_type.family and own == key:
                    found = number
                    break
        with _line_errors(found):
            raise ValidationError(reason)


@functools.lru_cache(maxsize=1024)
def _upsert(table: Table, entity_type: EntityType, given: tuple[str, ...]) -> tuple[Insert, connections.Prepared]:
    """Return the statement that inserts a row, or updates the given columns of an existing one, and its fast form."""
    statement = insert(table)
    changed = [name for name in given if name not in entity_type.key] or [entity_type.key[0]]
    has_same_type = statement.excluded[TYPE_COLUMN] == table.c[TYPE_COLUMN] if TYPE_COLUMN in table.c else None
    values = {name: statement.excluded[name] for name in changed}
    upsert = statement.on_conflict_do_update(index_elements=list(entity_type.key), set_=values, where=has_same_type)
    return upsert, connections.Prepared(upsert)


def _numbered(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    return ((number, line) for number, line in enumerate(file, 1) if line.strip())


@contextmanager
def _line_errors(number: int) -> Iterator[None]:
    try:
        yield
    except HttpError as error:
        raise ValidationError(f"Line {number}: {error} Nothing was imported.") from error


@attrs.frozen(eq=False)
class JsonlFormat:
    """The format of one entity type's lines: the attributes of its columns, and the defaults of columns."""

    entity_type: EntityType
    attributes: Mapping[str, Attribute]
    defaults: Mapping[str, Any]
    # The columns that the server fills in.
    server_columns: frozenset[str]

    def write(self, row: Mapping[str, Any]) -> bytes:
        """Return the line of a row, without the values that importing a line without them would restore."""
        line: Row = {TYPE_COLUMN: self.entity_type.name}
        for column, attribute in self.attributes.items():
            value = row[column]
            if value is None and column not in self.server_columns and self.defaults[column] is None:
                continue
            convert = type_conversion.to_json(attribute.kind)
            line[attribute.name] = value if convert is None or value is None else convert(value)
        return json.dumps(line, ensure_ascii=False).encode() + b"\n"

    def complete(self, columns: Row) -> Row:
        """Return the columns, with the defaults of the type for missing ones."""
        row = {**self.defaults, **columns}
        return {name: str(uuid4()) if value == "{uid}" else value for name, value in row.items()}


@functools.lru_cache(maxsize=1024)
def _line_format(entity_type: EntityType) -> JsonlFormat:
    """Return the format of a type that has its own rows."""
    attributes: dict[str, Attribute] = {}
    for attribute in entity_type.attributes.values():
        if attribute.column is not None:
            attributes.setdefault(attribute.column, attribute)
    defaults, _ = write.default_columns(entity_type)
    return JsonlFormat(entity_type, attributes, defaults, rules.server_columns(entity_type))


def read_line(schema: Schema, line: bytes) -> tuple[EntityType, payload.ParsedPayload]:
    """Return the type and the values of a line; raises ValidationError when it cannot be stored."""
    try:
        content = json.loads(line, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ValidationError("This is not JSON.") from error
    if not isinstance(content, dict) or not isinstance(content.get(TYPE_COLUMN), str):
        raise ValidationError("This is not a JSON object with an __entity_type__.")
    entity_type = schema[content.pop(TYPE_COLUMN)]
    if entity_type.is_abstract or "mixin" in entity_type.flags:
        kinds = ", ".join(schema.with_subtypes(entity_type.name)[1:]) or "another type"
        raise ValidationError(f"{entity_type.name} is a common base: name one of {kinds}.")
    if entity_type.is_materialised:
        content.pop("key", None)
        entity_type = schema["CustomAttributeValue"]
    return entity_type, payload.read_values(schema, entity_type, content, is_trusted=True)


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


# The number of ids that one statement may have in every SQLite.
_MAX_IDS = 500
# Entities come after those that their status or number follows from.
_ORDER = {"Project": 0, "others": 1, "AssetVersion": 2, "ReviewSessionObject": 3}
_COUNTED_COLUMNS = frozenset(("version", "sort_order"))


@attrs.frozen(eq=False)
class PendingEntity:
    """An imported entity, the number of its line, its missing columns, and the lists to assign."""

    line: int
    entity_type: EntityType
    key: tuple[Any, ...]
    missing: frozenset[str]
    lists: Mapping[str, Any]


def assign_projects(batch: Batch) -> None:
    """Set the project of every entity in a project's tree."""
    context = batch.table("Context")
    is_root = context.c[TYPE_COLUMN] == "Project"
    batch.connection.execute(update(context).where(is_root).values(project_id=context.c.id))
    parent = context.alias()
    project_of_parent = select(parent.c.project_id).where(parent.c.id == context.c.parent_id).scalar_subquery()
    conditions = context.c.project_id.is_(None), project_of_parent.is_not(None)
    next_level = update(context).where(*conditions).values(project_id=project_of_parent)
    while batch.connection.execute(next_level).rowcount:
        pass


def complete_entities(batch: Batch, pending: Iterable[PendingEntity]) -> None:
    """Fill in server columns and assign lists; raises ValidationError with the number of the entity's line."""
    in_order = sorted(pending, key=_sort_key)
    for (entity_type, missing), group in groupby(in_order, key=lambda found: (found.entity_type, found.missing)):
        members = list(group)
        # Each number is one more than that of the entity before.
        step = 1 if missing & _COUNTED_COLUMNS else _MAX_IDS
        for start in range(0, len(members), step):
            part = members[start : start + step]
            if missing:
                _fill_in_columns(batch, entity_type, missing, part)
            for found in part:
                with _line_errors(found.line):
                    _assign_lists(batch, found)


def _sort_key(found: PendingEntity) -> tuple[int, str, list[str]]:
    """Return the position by dependency, then by type and missing columns, so that equal ones are adjacent."""
    name = found.entity_type.name
    if name in _ORDER:
        return _ORDER[name], "", []  # These are numbered in the order of their lines.
    return _ORDER["others"], name, sorted(found.missing)


def _fill_in_columns(batch: Batch, entity_type: EntityType, missing: frozenset[str], part: list[PendingEntity]) -> None:
    table = batch.tables[entity_type]
    wanted = select(table).where(table.c.id.in_([found.key[0] for found in part]))
    rows = {row["id"]: dict(row) for row in batch.connection.execute(wanted).mappings()}
    changed = []
    for found in part:
        row = rows[found.key[0]]
        with _line_errors(found.line):
            rules.add_server_values(batch, entity_type, row)
        changed.append({"which": row["id"], **{f"new_{name}": row[name] for name in missing}})
    values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in missing}
    batch.connection.execute(update(table).where(table.c.id == bindparam("which")).values(values), changed)


def _assign_lists(batch: Batch, found: PendingEntity) -> None:
    entity_type = found.entity_type
    if not found.lists:
        return
    row = batch.row(entity_type.name, found.key[0]) if entity_type.key == ("id",) else None
    if row is None:
        raise ValidationError(f"A {entity_type.name} has no lists. Leave {', '.join(found.lists)} out.")
    for name, members in found.lists.items():
        if name == "metadata":
            for key, value in _pairs(name, members).items():
                row_values = {"key": key, "value": value, "parent_id": row["id"], "parent_type": entity_type.name}
                stored = insert(batch.tables.by_family["Metadata"]).values(row_values)
                unique = ["parent_id", "key"]
                batch.connection.execute(stored.on_conflict_do_update(index_elements=unique, set_={"value": value}))
        elif name == "custom_attributes":
            _set_custom_attributes(batch, entity_type, row, _pairs(name, members))
        elif isinstance(members, (list, type(None))):
            write.assign_members(batch, entity_type, row, entity_type.attributes[name], members or [])
        else:
            raise ValidationError(f"{entity_type.name}.{name} is a list of references.")


def _pairs(name: str, members: Any) -> dict[str, Any]:
    """Return keys and values, given as an object or as a list of entities."""
    if isinstance(members, dict):
        return members
    if all(isinstance(member, dict) and isinstance(member.get("key"), str) for member in members or []):
        return {member["key"]: member.get("value") for member in members or []}
    raise ValidationError(f"{name} is an object of keys and values.")


def _set_custom_attributes(batch: Batch, entity_type: EntityType, row: Row, pairs: dict[str, Any]) -> None:
    dense = batch.schema[entity_type.attributes["custom_attributes"].rows]
    kind = dense.name.replace("CustomAttributeValue", "")
    tables = batch.tables.by_family
    entity, configuration = tables[batch.schema[kind].family], tables["CustomConfigurationBase"]
    joined = entity.join(configuration, computed.configuration_applies(tables, kind, entity, configuration))
    wanted = select(configuration.c.id).select_from(joined).where(entity.c.id == row["id"])
    for key, value in pairs.items():
        # A project's own configuration takes precedence over one for all projects.
        own_first = wanted.where(configuration.c.key == key).order_by(configuration.c.project_id.is_(None))
        found = batch.connection.scalar(own_first)
        if found is None:
            raise ValidationError(f"The {entity_type.name} has no custom attribute '{key}'.")
        custom_values.set_custom_value(
            batch, dense, {"entity_key": [found, row["id"]], "entity_data": {"value": value}}, "update"
        )


def find_broken_reference(batch: Batch, families: Iterable[str]) -> tuple[EntityType, tuple[Any, ...], str] | None:
    """Return type, key and reason for an entity of these families that refers to none; None if there is no such."""
    for family in families:
        table = batch.tables.by_family[family]
        broken = batch.connection.execute(text(f"PRAGMA foreign_key_check({table.name})")).first()
        if broken is not None:
            wanted = select(table).where(table.c[ROW_COLUMN] == int(broken[1]))
            row = batch.connection.execute(wanted).mappings().one()
            entity_type = stored_type(batch.schema, family, dict(row))
            return entity_type, tuple(row[name] for name in entity_type.key), _explain(batch, entity_type, dict(row))
    return None


def _explain(batch: Batch, entity_type: EntityType, row: Row) -> str:
    for attribute in entity_type.attributes.values():
        value = None if attribute.column is None else row[attribute.column]
        if attribute.kind != "foreign key" or attribute.rows == "*" or value is None:
            continue
        target = batch.schema[batch.schema[attribute.rows].family]
        other = batch.tables[target]
        if batch.connection.scalar(select(1).where(other.c[target.key[0]] == value)) is None:
            return f"{attribute.name} names the {attribute.rows} '{value}', which does not exist."
    return "It refers to an entity that does not exist."
