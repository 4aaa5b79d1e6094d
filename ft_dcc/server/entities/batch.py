"""A batch: the operations of one request, which run in one transaction and refer to each other in any order."""

from __future__ import annotations

import functools
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

import attrs
from sqlalchemy import ColumnElement, Connection, Table, bindparam, select

from ft_dcc.server.auth.api_keys import first_user
from ft_dcc.server.auth.permissions import UNLIMITED, Permissions
from ft_dcc.server.database import connections
from ft_dcc.server.database.store import Store
from ft_dcc.server.entities.changes import ChangeSet
from ft_dcc.server.errors import PayloadTooLarge, ValidationError
from ft_dcc.server.identity import Caller
from ft_dcc.server.query.loader import QueryContext
from ft_dcc.server.schema.model import Attribute, EntityType, Schema
from ft_dcc.server.schema.tables import Tables
from ft_dcc.server.storage.media_store import MediaStore

Operation = Mapping[str, Any]
Answer = dict[str, Any]
Row = dict[str, Any]
Action = Callable[["Batch", Operation], Any]
T = TypeVar("T")

# Creating entities of these families changes nothing that was memoized for an earlier operation.
_KEEP_MEMOIZED = frozenset(("Context", "Asset", "AssetVersion", "Component", "ComponentLocation", "Metadata", "Note"))
# Entities that a request deletes or moves without naming them: the changes of other clients wait meanwhile.
MAX_IMPLIED_CHANGES = 2_000


@attrs.frozen(eq=False)
class BatchServices:
    """The parts of the server that a batch uses."""

    schema: Schema
    store: Store
    media: MediaStore
    # The key that signs URLs.
    secret: bytes = attrs.field(repr=False)


@attrs.define(eq=False)
class Batch:
    """The operations of one request, and the work that is left for the end of the transaction and after it."""

    services: BatchServices
    caller: Caller
    connection: Connection
    base_url: str
    operations: list[Operation]
    actions: Mapping[str, Action]
    changes: ChangeSet
    permissions: Permissions
    is_denormalized: bool = False
    # Called after the last operation, inside the transaction.
    before_commit: list[Callable[[], None]] = attrs.field(factory=list)
    # Called when the transaction is on disk and cannot fail any more.
    after_commit: list[Callable[[], None]] = attrs.field(factory=list)
    removed_components: list[str] = attrs.field(factory=list)
    # A guest is no user that could be stored as the author of an entity.
    created_by_guest: set[str] = attrs.field(factory=set)
    # Queries inside a transaction hold the changes of all other clients.
    query_deadline: float | None = None
    # None for the owner of the data folder.
    max_implied_changes: int | None = attrs.field(factory=lambda: MAX_IMPLIED_CHANGES)
    _implied_changes: int = 0
    _answers: dict[int, Any] = attrs.field(factory=dict)
    _pending_creates: dict[str, int] = attrs.field(factory=dict)
    _references: dict[tuple[str, str], str] = attrs.field(factory=dict)
    _memoized: dict[tuple[Any, ...], Any] = attrs.field(factory=dict)

    @property
    def schema(self) -> Schema:
        """The schema of the studio."""
        return self.services.schema

    @property
    def tables(self) -> Tables:
        """The tables of the studio's schema."""
        return self.services.store.tables

    @property
    def query_context(self) -> QueryContext:
        """The context in which queries inside this transaction are answered."""
        return QueryContext(self.connection, self.base_url, self.permissions, self.caller.id)

    @property
    def account(self) -> str:
        """The user whose keys signed URLs depend on; "" for guests and the server."""
        return "" if self.caller.is_guest else self.caller.id

    def limit_queries(self) -> AbstractContextManager[None]:
        """Return a context manager whose block's queries end at the deadline."""
        if self.query_deadline is None:
            return nullcontext()
        return connections.time_limit(self.connection, self.query_deadline - time.monotonic())

    def run(self) -> list[Any]:
        """Run the operations and return their answers; raises HttpError: roll the transaction back then."""
        for index, operation in enumerate(self.operations):
            data = operation.get("entity_data")
            if operation.get("action") == "create" and isinstance(data, dict) and isinstance(data.get("id"), str):
                self._pending_creates.setdefault(data["id"], index)
        for index in range(len(self.operations)):
            self._run(index)
        for callback in self.before_commit:
            callback()
        self._check_references()
        return [self._answers[index] for index in range(len(self.operations))]

    def _run(self, index: int) -> None:
        if index in self._answers:
            return
        operation = self.operations[index]
        data = operation.get("entity_data")
        if isinstance(data, dict) and self._pending_creates.get(str(data.get("id"))) == index:
            del self._pending_creates[str(data["id"])]
        entity_type = self.schema.types.get(str(operation.get("entity_type")))
        if operation.get("action") != "create" or entity_type is None or entity_type.family not in _KEEP_MEMOIZED:
            self._memoized.clear()
        self._answers[index] = None
        self._answers[index] = self.actions[str(operation.get("action"))](self, operation)

    def ensure_created(self, entity_id: object) -> None:
        """Run the operation that creates this entity now, if the batch has one that has not run yet."""
        index = self._pending_creates.get(entity_id) if isinstance(entity_id, str) else None
        if index is not None:
            self._run(index)

    def track_reference(self, entity_type: EntityType, attribute: Attribute, value: str | None) -> None:
        """Record a foreign key that is checked at the end of the batch."""
        if value is None:
            return
        self.ensure_created(value)
        if attribute.rows != "*":
            family = self.schema[attribute.rows].family
            self._references.setdefault((family, value), f"{entity_type.name}.{attribute.name}")

    @property
    def max_implied_rows(self) -> int:
        """The number of rows to read of those that an operation changes without naming them: one above the limit."""
        return -1 if self.max_implied_changes is None else self.max_implied_changes + 1

    def count_implied_changes(self, number: int, change: str, remedy: str) -> None:
        """Count entities that a request changes without naming them; raises PayloadTooLarge with these sentences."""
        self._implied_changes += number
        if self.max_implied_changes is not None and self._implied_changes > self.max_implied_changes:
            raise PayloadTooLarge(
                f"{change}; a request may change at most {self.max_implied_changes} entities that it does not name. "
                + remedy
            )

    def drop_references(self, family: str, ids: Iterable[str]) -> None:
        """Discard the recorded foreign keys to entities that were deleted."""
        for entity_id in ids:
            self._references.pop((family, entity_id), None)

    def _check_references(self) -> None:
        by_family: dict[str, dict[str, str]] = {}
        for (family, value), origin in self._references.items():
            by_family.setdefault(family, {})[value] = origin
        for family, origins in by_family.items():
            key = self.schema[family].key[0]
            found = _existing_keys(self.tables, family, key).rows(self.connection, {"ids": list(origins)})
            existing = {str(value) for (value,) in found}
            for value, origin in origins.items():
                if value not in existing:
                    raise ValidationError(f"{origin} refers to {family} '{value}', which does not exist. Check the id.")

    def table(self, type_name: str) -> Table:
        """Return the table that holds the entities of a type."""
        return self.tables[self.schema[type_name]]

    def rows_to_report(self, table: Table, *conditions: ColumnElement[bool]) -> list[Row]:
        """Return the rows that fulfil the conditions if changes are recorded, else nothing."""
        if not self.changes.is_recording:
            return []
        return [dict(row) for row in self.connection.execute(select(table).where(*conditions)).mappings()]

    def stored(self, entity_type: EntityType, key: Iterable[Any]) -> Row | None:
        """Return the columns of the entity with this primary key, or None."""
        statement, names = _row_by_key(self.tables, entity_type)
        rows = statement.rows(self.connection, {f"key_{name}": part for name, part in zip(entity_type.key, key)})
        return dict(zip(names, rows[0])) if rows else None

    def has_key(self, entity_type: EntityType, key: Iterable[Any]) -> list[ColumnElement[bool]]:
        """Return the conditions that a row has this primary key."""
        columns = self.tables[entity_type].c
        return [columns[name] == part for name, part in zip(entity_type.key, key)]

    def row(self, type_name: str, entity_id: str | None) -> Row | None:
        """Return the columns of one entity, created in this batch or before, or None."""
        if entity_id is None:
            return None
        self.ensure_created(entity_id)
        family = self.schema[type_name].family
        if (known := self._memoized.get((family, entity_id))) is not None:
            return dict(known)
        statement, names = _row_by_key(self.tables, self.schema[family])
        rows = statement.rows(self.connection, {"key_id": entity_id})
        if not rows:
            return None
        row = dict(zip(names, rows[0]))
        self._memoized[family, entity_id] = row
        return dict(row)

    def memoize(self, key: tuple[Any, ...], compute: Callable[[], T]) -> T:
        """Return the result of ``compute``, which is called again only after an operation that may change it."""
        if key not in self._memoized:
            self._memoized[key] = compute()
        result: T = self._memoized[key]
        return result

    def insert(self, type_name: str, row: Row) -> bool:
        """Store a row; return False when a unique constraint keeps it out."""
        family = self.schema[type_name].family
        try:
            is_new = bool(_insertion(self.tables, family).change(self.connection, row))
        except sqlite3.Error:
            # SQLAlchemy raises the error that callers expect.
            is_new = bool(self.connection.execute(self.tables.insertions[family], row).rowcount)
        if is_new and self.caller.is_guest:
            self.created_by_guest.add(str(row.get("id")))
        return is_new


@functools.lru_cache(maxsize=1024)
def _insertion(tables: Tables, family: str) -> connections.Prepared:
    return connections.Prepared(tables.insertions[family])


@functools.lru_cache(maxsize=1024)
def _row_by_key(tables: Tables, entity_type: EntityType) -> tuple[connections.Prepared, list[str]]:
    table = tables[entity_type]
    has_key = [table.c[name] == bindparam(f"key_{name}") for name in entity_type.key]
    return connections.Prepared(select(table).where(*has_key)), list(table.c.keys())


@functools.lru_cache(maxsize=1024)
def _existing_keys(tables: Tables, family: str, name: str) -> connections.Prepared:
    key = tables.by_family[family].c[name]
    return connections.Prepared(select(key).where(key.in_(bindparam("ids", expanding=True))))


def owner_batch(services: BatchServices, connection: Connection) -> Batch:
    """Return an empty batch with all permissions, which records no changes, for the owner of the data folder."""
    caller = first_user(connection) or Caller("", "")
    changes = ChangeSet(is_recording=False)
    return Batch(services, caller, connection, "", [], {}, changes, UNLIMITED, max_implied_changes=None)


def create_operation(entity_type: str, data: dict[str, Any]) -> Operation:
    """Return the operation that creates an entity."""
    return {"action": "create", "entity_type": entity_type, "entity_data": data}


def update_operation(entity_type: str, key: str, data: dict[str, Any], *more_keys: str) -> Operation:
    """Return the operation that updates an entity with these values; some types have several keys."""
    return {"action": "update", "entity_type": entity_type, "entity_key": [key, *more_keys], "entity_data": data}


def delete_operation(entity_type: str, key: str) -> Operation:
    """Return the operation that deletes an entity."""
    return {"action": "delete", "entity_type": entity_type, "entity_key": [key]}
