"""The changes of a batch, recorded for subscribers of ``ftrack.update``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from ft_dcc.server.query.type_conversion import to_json
from ft_dcc.server.schema import model, tables

ADD, UPDATE, REMOVE = "add", "update", "remove"
# Columns that update events never contain, also for users with read access to the entity.
_SECRET_COLUMNS = frozenset({"passphrase"})

Values = dict[str, tuple[Any, Any]]


@attrs.define(eq=False)
class Change:
    """One changed entity: its columns, and pairs of old and new values under the server's column names.

    ``former`` are the columns before an update, which may belong to another project.
    """

    action: str
    entity_type: model.EntityType
    row: Mapping[str, Any]
    values: Values
    former: Mapping[str, Any] | None = None


class ChangeSet:
    """The changes of one batch, one for each entity; nothing is recorded while no client is connected."""

    def __init__(self, is_recording: bool) -> None:
        self.is_recording = is_recording
        self._changes: dict[tuple[str, ...], Change] = {}

    def __iter__(self) -> Iterator[Change]:
        return iter(self._changes.values())

    @property
    def removed(self) -> dict[tuple[str, str], dict[str, Any]]:
        """The former columns of the deleted entities, by family and id."""
        gone = (each for each in self if each.action == REMOVE)
        return {(each.entity_type.family, str(each.row[each.entity_type.key[0]])): dict(each.row) for each in gone}

    def record_created(self, entity_type: model.EntityType, row: Mapping[str, Any]) -> None:
        """Record a new entity."""
        values = {name: (None, value) for name, value in row.items() if value is not None}
        if self.is_recording:
            self._record(ADD, entity_type, row, values)

    def record_updated(self, entity_type: model.EntityType, row: Mapping[str, Any], changed: Mapping[str, Any]) -> None:
        """Record new values of columns; ``row`` is the entity before the change."""
        values = {name: (row.get(name), value) for name, value in changed.items() if row.get(name) != value}
        if self.is_recording and values:
            self._record(UPDATE, entity_type, {**row, **changed}, values, dict(row))

    def record_removed(self, entity_type: model.EntityType, row: Mapping[str, Any]) -> None:
        """Record that an entity was deleted; ``row`` are its former columns."""
        values = {name: (value, None) for name, value in row.items() if value is not None}
        if self.is_recording:
            self._record(REMOVE, entity_type, row, values)

    def record_custom_value(
        self, entity_type: model.EntityType, row: Mapping[str, Any], key: str, old: object, new: object
    ) -> None:
        """Record a new value of a custom attribute."""
        if self.is_recording and old != new:
            values = {key: (_custom_value_text(old), _custom_value_text(new))}
            self._merge(Change(UPDATE, entity_type, row, values))

    def _record(
        self,
        action: str,
        entity_type: model.EntityType,
        row: Mapping[str, Any],
        values: Values,
        former: Mapping[str, Any] | None = None,
    ) -> None:
        """Record the values that may be published, under the column names that ftrack's events have."""
        columns = {attribute.column: attribute for attribute in entity_type.attributes.values()}
        published: Values = {}
        for name, (old, new) in values.items():
            attribute = columns.get(name)
            if attribute is not None and not attribute.is_hidden and name not in _SECRET_COLUMNS:
                convert = None if attribute.kind == "date" else to_json(attribute.kind)
                pair = (old, new) if convert is None else (convert(old), convert(new))
                published[attribute.alias or attribute.name] = pair
        self._merge(Change(action, entity_type, row, published, former))

    def _merge(self, change: Change) -> None:
        key = (change.entity_type.family, *(str(change.row[name]) for name in change.entity_type.key))
        before = self._changes.pop(key, None)
        if before is None or before.action == REMOVE:
            self._changes[key] = change
        elif change.action != REMOVE:
            old = {name: first for name, (first, _) in before.values.items()}
            values = {name: (old.get(name, first), last) for name, (first, last) in change.values.items()}
            former = before.former or (change.former if before.action == UPDATE else None)
            self._changes[key] = attrs.evolve(before, row=change.row, values={**before.values, **values}, former=former)
        elif before.action != ADD:
            self._changes[key] = change


def _custom_value_text(value: object) -> str | None:
    """Return a custom attribute's value as text, as ftrack's events have it: true is "1"."""
    if value is None or isinstance(value, str):
        return value
    return str(int(value)) if isinstance(value, bool) else json.dumps(value)


def stored_type(schema: model.Schema, family: str, row: Mapping[str, Any]) -> model.EntityType:
    """Return the entity type of a row from the table of a family."""
    return schema[row.get(tables.TYPE_COLUMN, family)]
