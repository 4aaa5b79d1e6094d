"""One POST that writes: its operations run in one transaction, and refer to each other in any order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import attrs
from sqlalchemy import ColumnElement, Connection, Table, select

from ft_dcc.errors import ValidationError
from ft_dcc.server.access import Caller, first_user
from ft_dcc.server.entities.changes import Changes
from ft_dcc.server.query.level import Reader
from ft_dcc.server.rights import UNLIMITED, Rights
from ft_dcc.server.schema.model import Attribute, EntityType
from ft_dcc.server.studio import Studio

Operation = Mapping[str, Any]
Answer = dict[str, Any]
Row = dict[str, Any]
Action = Callable[["Batch", Operation], Any]
T = TypeVar("T")

# While only these are created, what was read for one of them is still true for the next.
_PLAIN = frozenset(("Context", "Asset", "AssetVersion", "Component", "ComponentLocation", "Metadata", "Note"))


@attrs.define(eq=False)
class Batch:
    """The operations of one request, and what they leave to be done at its end."""

    studio: Studio
    caller: Caller
    connection: Connection
    base_url: str
    operations: list[Operation]
    actions: Mapping[str, Action]
    changes: Changes
    rights: Rights
    is_denormalized: bool = False
    # Called when all operations have run, still in the transaction.
    at_end: list[Callable[[], None]] = attrs.field(factory=list)
    # Called when the transaction is on the disk; nothing of it can fail any more.
    after_commit: list[Callable[[], None]] = attrs.field(factory=list)
    removed_components: list[str] = attrs.field(factory=list)
    _answers: dict[int, Any] = attrs.field(factory=dict)
    _unborn: dict[str, int] = attrs.field(factory=dict)
    _references: dict[tuple[str, str], str] = attrs.field(factory=dict)
    _known: dict[tuple[Any, ...], Any] = attrs.field(factory=dict)

    @property
    def reader(self) -> Reader:
        """What queries inside this transaction are answered with."""
        return Reader(self.connection, self.base_url, self.rights.projects)

    def run(self) -> list[Any]:
        """Return the answers in the order of the operations; raises Refused, and then nothing must be kept."""
        for index, operation in enumerate(self.operations):
            data = operation.get("entity_data")
            if operation.get("action") == "create" and isinstance(data, dict) and isinstance(data.get("id"), str):
                self._unborn.setdefault(data["id"], index)
        for index in range(len(self.operations)):
            self._run(index)
        for finish in self.at_end:
            finish()
        self._check_references()
        return [self._answers[index] for index in range(len(self.operations))]

    def _run(self, index: int) -> None:
        if index in self._answers:
            return
        operation = self.operations[index]
        data = operation.get("entity_data")
        if isinstance(data, dict) and self._unborn.get(str(data.get("id"))) == index:
            del self._unborn[str(data["id"])]
        if operation.get("action") != "create" or not self._is_plain(operation):
            self._known.clear()
        self._answers[index] = None
        self._answers[index] = self.actions[str(operation.get("action"))](self, operation)

    def _is_plain(self, operation: Operation) -> bool:
        entity_type = self.studio.schema.types.get(str(operation.get("entity_type")))
        return entity_type is not None and entity_type.family in _PLAIN

    def need(self, entity_id: object) -> None:
        """The entity exists as far as this batch creates it: its create runs now if it comes later."""
        index = self._unborn.get(entity_id) if isinstance(entity_id, str) else None
        if index is not None:
            self._run(index)

    def refer(self, entity_type: EntityType, attribute: Attribute, value: str | None) -> None:
        """Remember a foreign key, to be checked at the end of the batch."""
        if value is None:
            return
        self.need(value)
        if attribute.rows != "*":
            family = self.studio.schema[attribute.rows].family
            self._references.setdefault((family, value), f"{entity_type.name}.{attribute.name}")

    def forget(self, family: str, ids: Iterable[str]) -> None:
        """What has referred to these entities so far does not any more: they are deleted."""
        for entity_id in ids:
            self._references.pop((family, entity_id), None)

    def _check_references(self) -> None:
        by_family: dict[str, dict[str, str]] = {}
        for (family, value), origin in self._references.items():
            by_family.setdefault(family, {})[value] = origin
        for family, wanted in by_family.items():
            table = self.studio.store.tables.by_family[family]
            key = table.c[self.studio.schema[family].key[0]]
            found = {str(value) for (value,) in self.connection.execute(select(key).where(key.in_(list(wanted))))}
            for value, origin in wanted.items():
                if value not in found:
                    raise ValidationError(f"{origin} refers to {family} '{value}', which does not exist. Check the id.")

    def table(self, entity_type: EntityType) -> Table:
        """Return the table that holds entities of a type."""
        return self.studio.store.tables[entity_type]

    def rows(self, table: Table, *conditions: ColumnElement[bool]) -> list[Row]:
        """Return the columns of all entities that fulfil the conditions, for those who listen; else nothing."""
        if not self.changes.is_wanted:
            return []
        return [dict(row) for row in self.connection.execute(select(table).where(*conditions)).mappings()]

    def row(self, type_name: str, entity_id: str | None) -> Row | None:
        """Return the columns of one entity, created in this batch or before, or None."""
        if entity_id is None:
            return None
        self.need(entity_id)
        family = self.studio.schema[type_name].family
        if (known := self._known.get((family, entity_id))) is not None:
            return dict(known)
        statement = self.studio.store.tables.by_id[family]
        found = self.connection.execute(statement, {"id": entity_id}).mappings().first()
        if found is None:
            return None
        self._known[family, entity_id] = dict(found)
        return dict(found)

    def recall(self, key: tuple[Any, ...], find: Callable[[], T]) -> T:
        """Return what ``find`` returns; it is not called again while nothing can have changed it."""
        if key not in self._known:
            self._known[key] = find()
        found: T = self._known[key]
        return found

    def insert(self, entity_type: EntityType, row: Row) -> bool:
        """Store a row; return False when there is one already that it cannot stand beside."""
        return bool(self.connection.execute(self.studio.store.tables.insertions[entity_type.family], row).rowcount)


def owner_batch(studio: Studio, connection: Connection) -> Batch:
    """Return an empty batch of whoever owns the data folder: nothing is forbidden, and nobody is told of it."""
    caller = first_user(connection) or Caller("", "")
    return Batch(studio, caller, connection, "", [], {}, Changes(is_wanted=False), UNLIMITED)


def creation(entity_type: str, data: dict[str, Any]) -> Operation:
    """Return the operation that creates an entity."""
    return {"action": "create", "entity_type": entity_type, "entity_data": data}


def change(entity_type: str, key: str, data: dict[str, Any]) -> Operation:
    """Return the operation that gives an entity these values."""
    return {"action": "update", "entity_type": entity_type, "entity_key": [key], "entity_data": data}


def removal(entity_type: str, key: str) -> Operation:
    """Return the operation that deletes an entity."""
    return {"action": "delete", "entity_type": entity_type, "entity_key": [key]}
