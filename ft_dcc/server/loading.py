"""Entities come into a studio as lines of JSON, all in one transaction or none, and leave it the same way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import attrs
from sqlalchemy import Connection, Table, func, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import IntegrityError

from ft_dcc.errors import Refused, ValidationError
from ft_dcc.server import audit
from ft_dcc.server.access import Caller, first_user
from ft_dcc.server.entities.batch import Batch, owner_batch
from ft_dcc.server.entities.changes import Changes
from ft_dcc.server.entities.derive import add_derived
from ft_dcc.server.entities.passphrases import passphrase_columns
from ft_dcc.server.records import Form, Record, Row, read_line
from ft_dcc.server.schema.model import EntityType
from ft_dcc.server.schema.tables import ROW_COLUMN, TYPE_COLUMN
from ft_dcc.server.seed import LOCATIONS, seed
from ft_dcc.server.settling import Unsettled, lost_reference, place_contexts, settle
from ft_dcc.server.studio import Studio
from ft_dcc.server.updates import NOBODY, announce, describe

# What a create adds to an entity, by the root of its family. A line that leaves one out is completed like a create.
_DERIVED: dict[str, tuple[str, ...]] = {
    "Context": (
        *("context_type", "project_id", "parent_id", "status_id", "type_id", "sort", "bid"),
        *("full_name", "status", "project_schema_id"),
    ),
    "AssetVersion": ("date", "user_id", "version", "status_id"),
    "Component": ("system_type",),
    "CustomAttributeLink": ("from_entity_type", "to_entity_type"),
    "List": ("date", "user_id"),
    "Note": ("date", "user_id", "thread_activity", "parent_id", "parent_type"),
    "Resource": ("is_active", "is_otp_enabled", "is_totp_enabled", "require_details_update", "local"),
    "ReviewSession": ("start_date", "passphrase_enabled", "shareable_url_enabled", "is_moderated"),
    "ReviewSessionObject": ("sort_order", "name", "version"),
    "ReviewSessionInvitee": ("created_from_shared_url",),
    "Timelog": ("start", "user_id"),
    "Timer": ("start", "user_id"),
    "Job": ("user_id",),
}
_STAMPS = ("created_at", "created_by_id")
# Their rows are completed from others, which may stand further down.
_WAITING = frozenset(("Context", "AssetVersion", "Note", "ReviewSessionObject", "CustomAttributeLink"))
# Written by the server alone, so that no create completes them; a line is all there is to know.
_HISTORY = frozenset(("StatusChange", "Event"))
_AT_ONCE = 2000
# More than this at once helps nobody who listens.
_MOST_TOLD = 10_000


def dump(studio: Studio, connection: Connection) -> Iterator[bytes]:
    """Yield all entities as lines, in the order in which they were made; media and keys are not among them."""
    for family, table in studio.store.tables.by_family.items():
        own = [found for found in studio.schema.family_of(family) if not found.is_view]
        forms = {found.name: (Form.of(found), _derived(found)) for found in own}
        rows = connection.execution_options(yield_per=1000).execute(select(table).order_by(table.c[ROW_COLUMN]))
        for row in rows.mappings():
            form, derived = forms[row.get(TYPE_COLUMN, family)]
            yield form.write(dict(row), derived)


def load(studio: Studio, file: BinaryIO) -> int:
    """The entities of the lines are in the studio, all in one transaction; returns how many lines there were.

    An entity that is there already has the values that its line gives, and keeps the others. A studio that is new is
    seeded, too, unless the lines bring users and locations of their own. The file must be one that can be read twice.
    Raises ValidationError with the number of the line, and then nothing is stored.
    """

    def run(connection: Connection) -> _Loaded:
        # It is run once more when another request of the same commit fails.
        file.seek(0)
        return _Loading(studio, connection, file).run()

    def tell(loaded: _Loaded) -> None:
        studio.events.refresh(studio.store)
        announce(studio.events, loaded.caller, NOBODY, loaded.updates)

    return studio.store.write(run, tell).count


@attrs.frozen
class _Loaded:
    """What was loaded by whom, and what those who listen are told of it."""

    count: int
    caller: Caller
    updates: list[dict[str, Any]]


def _derived(entity_type: EntityType) -> frozenset[str]:
    stamps = () if entity_type.family in _HISTORY else _STAMPS
    columns = {attribute.column for attribute in entity_type.attributes.values()}
    return frozenset(name for name in (*_DERIVED.get(entity_type.family, ()), *stamps) if name in columns)


@attrs.define(eq=False)
class _Loading:
    """One load, inside its transaction."""

    studio: Studio
    connection: Connection
    file: BinaryIO
    _forms: dict[str, tuple[Form, frozenset[str]]] = attrs.field(factory=dict)
    _next_row: dict[str, int] = attrs.field(factory=dict)
    _pending: dict[tuple[str, tuple[str, ...]], list[tuple[int, Row]]] = attrs.field(factory=dict)
    _size: int = 0
    _unsettled: list[Unsettled] = attrs.field(factory=list)
    _nameless: dict[tuple[Any, ...], int] = attrs.field(factory=dict)
    _families: set[str] = attrs.field(factory=set)
    _caller: Caller | None = None
    _batch: Batch = attrs.field(init=False)
    # What was in the place of each entity before, for those who listen.
    _before: dict[tuple[EntityType, tuple[Any, ...]], Row | None] = attrs.field(factory=dict)

    def run(self) -> _Loaded:
        """Return the number of entities, and what is to be told of them."""
        self._caller = first_user(self.connection)
        self._batch = owner_batch(self.studio, self.connection)
        count = 0
        for number, line in _numbered(self.file):
            with _at(number):
                self._take(number, read_line(self.studio.schema, line))
            count += 1
        self._flush()
        self._make_usable()
        place_contexts(self._batch)
        settle(self._batch, self._unsettled, _at)
        self._check_references()
        return _Loaded(count, self._batch.caller, self._describe())

    def _take(self, number: int, record: Record) -> None:
        entity_type, said = record.entity_type, record.columns
        columns = {**said, **passphrase_columns(self._batch, entity_type, str(said.get("id")), said)}
        if entity_type.name not in self._forms:
            self._forms[entity_type.name] = Form.of(entity_type), _derived(entity_type)
        form, derived = self._forms[entity_type.name]
        absent = derived - columns.keys()
        row = form.complete(columns)
        if absent and entity_type.family not in _WAITING:
            add_derived(self._batch, entity_type, row)
            row.update(columns)
            if self._caller is None:
                row.update(dict.fromkeys(row.keys() & {"user_id", "created_by_id"} - columns.keys()))
            absent = frozenset()
        table = self.studio.store.tables[entity_type]
        if TYPE_COLUMN in table.c:
            row[TYPE_COLUMN] = entity_type.base if entity_type.is_view else entity_type.name
        key = tuple(row.get(name) for name in entity_type.key)
        if entity_type.key[0] not in columns:
            self._nameless[key] = number
        if None in key:
            raise ValidationError(f"A {entity_type.name} needs {' and '.join(entity_type.key)}.")
        if absent or record.lists:
            self._unsettled.append(Unsettled(number, entity_type, key, absent, record.lists))
        self._enqueue(number, entity_type, row, tuple(columns))

    def _enqueue(self, number: int, entity_type: EntityType, row: Row, given: tuple[str, ...]) -> None:
        family = entity_type.family
        if family not in self._next_row:
            table = self.studio.store.tables.by_family[family]
            self._next_row[family] = self.connection.scalar(select(func.max(table.c[ROW_COLUMN]))) or 0
        self._next_row[family] += 1
        row[ROW_COLUMN] = self._next_row[family]
        self._families.add(family)
        self._pending.setdefault((entity_type.name, given), []).append((number, row))
        self._size += 1
        if self._size >= _AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        for (type_name, given), rows in self._pending.items():
            entity_type = self.studio.schema[type_name]
            self._note(entity_type, given, [row for _, row in rows])
            statement = _upsert(self.studio.store.tables[entity_type], entity_type, given)
            try:
                done = self.connection.execute(statement, [row for _, row in rows])
                is_whole = done.rowcount == len(rows)
            except IntegrityError:
                is_whole = False
            if not is_whole:
                self._find_fault(statement, entity_type, rows)
        self._pending.clear()
        self._size = 0

    def _note(self, entity_type: EntityType, given: tuple[str, ...], rows: list[Row]) -> None:
        """What is about to be stored is in the audit log, and what was there is remembered for those who listen."""
        keys = [tuple(row[name] for name in entity_type.key) for row in rows]
        told = {"action": "load", "entity_type": entity_type.name, "entity_data": dict.fromkeys(given)}
        audit.record(self.connection, self._batch.caller, [({**told, "entity_key": list(key)}, None) for key in keys])
        if not self.studio.events.has_listeners or len(self._before) > _MOST_TOLD:
            return
        for key in keys:
            self._before.setdefault((entity_type, key), self._row(entity_type, key))

    def _row(self, entity_type: EntityType, key: tuple[Any, ...]) -> Row | None:
        table = self.studio.store.tables[entity_type]
        is_it = [table.c[name] == part for name, part in zip(entity_type.key, key)]
        found = self.connection.execute(select(table).where(*is_it)).mappings().first()
        return None if found is None else dict(found)

    def _describe(self) -> list[dict[str, Any]]:
        """Return what those who listen are told: each entity as it is now, of a very large load its first part."""
        changes = self._batch.changes = Changes(is_wanted=bool(self._before))
        for (entity_type, key), before in list(self._before.items())[:_MOST_TOLD]:
            row = self._row(entity_type, key)
            if row is not None and before is None:
                changes.created(entity_type, row)
            elif row is not None and before is not None:
                changes.updated(entity_type, before, row)
        return describe(self._batch)

    def _find_fault(self, statement: Any, entity_type: EntityType, rows: list[tuple[int, Row]]) -> None:
        """Store row by row, which does no harm twice, until the one is found that cannot be."""
        for number, row in rows:
            with _at(number):
                try:
                    done = self.connection.execute(statement, row)
                except IntegrityError as error:
                    raise ValidationError(f"There is another {entity_type.name} in its place.") from error
                if done.rowcount != 1:
                    raise ValidationError("There is an entity of another type with this id.")

    def _make_usable(self) -> None:
        """A new studio without users and locations has the seeds as well."""
        location = self.studio.store.tables.by_family["Location"]
        known = set(self.connection.scalars(select(location.c.id)))
        if first_user(self.connection) is None or not known >= set(LOCATIONS):
            seed(self.connection, self.studio.store.tables)
        if self._caller is None:
            self._batch = owner_batch(self.studio, self.connection)
            audit.own_up(self.connection, self._batch.caller)

    def _check_references(self) -> None:
        """Every key of what was loaded leads somewhere; raises ValidationError with the line of one that does not."""
        if (lost := lost_reference(self._batch, self._families)) is not None:
            entity_type, key, reason = lost
            with _at(self._line_of(entity_type, key)):
                raise ValidationError(reason)

    def _line_of(self, entity_type: EntityType, key: tuple[Any, ...]) -> int:
        """Return the line of an entity, by reading the file once more; 0 when none is its own."""
        if key in self._nameless:
            return self._nameless[key]
        self.file.seek(0)
        for number, line in _numbered(self.file):
            record = read_line(self.studio.schema, line)
            found = tuple(record.columns.get(name) for name in record.entity_type.key)
            if record.entity_type.family == entity_type.family and found == key:
                return number
        return 0


def _upsert(table: Table, entity_type: EntityType, given: tuple[str, ...]) -> Any:
    """Return the statement that stores a row, or gives one that is there the columns that its line gives."""
    statement = insert(table)
    changed = [name for name in given if name not in entity_type.key] or [entity_type.key[0]]
    is_same = statement.excluded[TYPE_COLUMN] == table.c[TYPE_COLUMN] if TYPE_COLUMN in table.c else None
    return statement.on_conflict_do_update(
        index_elements=list(entity_type.key),
        set_={name: statement.excluded[name] for name in changed},
        where=is_same,
    )


def _numbered(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    return ((number, line) for number, line in enumerate(file, 1) if line.strip())


@contextmanager
def _at(number: int) -> Iterator[None]:
    """What is refused inside is refused with the number of the line."""
    try:
        yield
    except Refused as error:
        raise ValidationError(f"Line {number}: {error} Nothing was loaded.") from error
