"""Loads entities and what is related to them: one statement for each relation, however many entities there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs
from sqlalchemy import BindParameter, Connection, FromClause, bindparam, select

from ft_dcc.errors import ParseError
from ft_dcc.server.prepared import Prepared, Rows
from ft_dcc.server.query.scope import Condition, Sight, cast_type, make_node
from ft_dcc.server.query.syntax import Projection, Step
from ft_dcc.server.query.values import shown
from ft_dcc.server.query.visibility import PROJECTS
from ft_dcc.server.schema.model import Attribute
from ft_dcc.server.schema.tables import TYPE_COLUMN

# What an answer is made of: an entity, its values in JSON, related entities as further records.
Record = dict[str, Any]


@attrs.frozen
class Reader:
    """What an answer is read with: a connection, the address that the client sees the server at, and the limit.

    ``projects`` are the ids of those that the user is limited to.
    """

    connection: Connection
    base_url: str
    projects: tuple[str, ...] | None = None

    def rows(self, statement: Prepared, **parameters: Any) -> Rows:
        """Return the rows that a statement finds for this user."""
        if self.projects is not None:
            parameters[PROJECTS] = self.projects
        return statement.rows(self.connection, parameters)


# Fills in what SQL cannot compute (links, addresses) in all records of one level.
Filler = Callable[[Reader, Sequence[Record]], None]
Fillers = Mapping[tuple[str, str], tuple[tuple[str, ...], Filler]]

_MOST_KEYS = 10_000


@attrs.define(eq=False)
class Wanted:
    """The attributes that are asked for at one place, and below which relations more.

    A relation that is asked for itself (``is_end``) comes with what its type shows.
    """

    names: dict[str, tuple[Step, Wanted]] = attrs.field(factory=dict)
    is_end: bool = False

    def add(self, path: Iterable[Step]) -> None:
        """Ask for the attribute at the end of a path."""
        here = self
        for step in path:
            here = here.names.setdefault(step.name, (step, Wanted()))[1]
        here.is_end = True


def wanted_of(projections: Iterable[Projection]) -> Wanted:
    """Return the tree of all projections."""
    wanted = Wanted()
    for projection in projections:
        wanted.add(projection.path)
    return wanted


@attrs.define(eq=False)
class Relation:
    """A related level, and the statement that finds its entities by ``:keys``.

    The keys are those of the owners; in a tree, those of the entities themselves, which ``edges`` lead to step by step.
    """

    attribute: Attribute
    level: Level
    statement: Prepared
    edges: Prepared | None


class Level:
    """The columns of one entity type at one place of an answer, and the levels below it.

    ``fill`` holds what computes attributes that have no column. Raises ParseError for names that do not exist.
    """

    def __init__(self, sight: Sight, type_name: str, wanted: Wanted, fillers: Fillers) -> None:
        self.node = make_node(sight, type_name)
        self._sight, self._all_fillers = sight, fillers
        self.columns: list[Condition] = []
        self._places: dict[str, int] = {}
        self._shown: dict[str, Callable[[Any], Any] | None] = {}
        self._fillers: list[Filler] = []
        self._helpers: set[str] = set()
        self.relations: list[Relation] = []
        self._hidden: dict[str, list[str]] = {}
        if TYPE_COLUMN in self.node.source.c and not self.node.entity_type.is_view:
            self._add_column(TYPE_COLUMN, self.node.source.c[TYPE_COLUMN], None)
        for name in (*self.node.entity_type.key, *self.node.entity_type.always_told):
            self._add(Step(name, "", 0), Wanted())
        for step, below in wanted.names.values():
            self._add(step, below)

    @property
    def reads_more(self) -> bool:
        """Whether the records take more than the one statement for their rows."""
        return bool(self.relations or self._fillers)

    def _add_column(self, name: str, column: Condition, show: Callable[[Any], Any] | None) -> None:
        if name not in self._places:
            self._places[name] = len(self.columns)
            self.columns.append(column)
            self._shown[name] = show

    def _add(self, step: Step, below: Wanted) -> None:
        attribute = self.node.attribute(step)
        if attribute.is_scalar:
            if below.names:
                raise ParseError(f"'{step.name}' is a value and has no attributes (character {step.place}).")
            self._add_scalar(attribute)
            return
        for name in attribute.related.local:
            if name not in self._places and name != attribute.name:
                self._helpers.add(name)
            self._add_column(name, self.node.sure_column(name), None)
        self.relations.append(self._relation(attribute, step, below))

    def _add_scalar(self, attribute: Attribute) -> None:
        self._helpers.discard(attribute.name)
        column = self.node.column(attribute.name)
        if column is not None:
            self._add_column(attribute.name, column, shown(attribute.kind))
            return
        found = self._all_fillers.get((self.node.entity_type.family, attribute.name))
        needs, filler = found if found is not None else ((), _fill_nothing(attribute.name))
        for name in needs:
            if name not in self._places:
                self._helpers.add(name)
                self._add_column(name, self.node.sure_column(name), None)
        self._fillers.append(filler)

    def _relation(self, attribute: Attribute, step: Step, below: Wanted) -> Relation:
        type_name = cast_type(self._sight.schema, attribute, step)
        if below.is_end:
            for name in self._sight.schema[type_name].lists.get("shows", ()):
                below.add((Step(name, "", step.place),))
        level = Level(self._sight, type_name, below, self._all_fillers)
        is_tree = attribute.related.way in ("up", "down")
        edges = level.edges(attribute) if is_tree else None
        return Relation(attribute, level, level.by_id() if is_tree else level.by_owners(attribute), edges)

    def by_id(self) -> Prepared:
        """Return the statement that finds the entities ``:keys``."""
        keys: BindParameter[Any] = bindparam("keys", expanding=True)
        return Prepared(select(*self.columns).where(self.node.source.c.id.in_(keys), self.node.is_wanted))

    def edges(self, attribute: Attribute) -> Prepared:
        """Return the statement that finds pairs of each of ``:keys`` in a tree and the next one on the way."""
        source, parent = self.node.source, attribute.related.remote[0]
        pair = (source.c.id, source.c[parent]) if attribute.related.way == "up" else (source.c[parent], source.c.id)
        keys: BindParameter[Any] = bindparam("keys", expanding=True)
        return Prepared(select(*pair).where(pair[0].in_(keys), pair[1].is_not(None)))

    def by_owners(self, attribute: Attribute) -> Prepared:
        """Return the statement that finds the related entities of the owners ``:keys``."""
        join, source = attribute.related, self.node.source
        keys: BindParameter[Any] = bindparam("keys", expanding=True)
        conditions = [self.node.is_wanted]
        if join.condition is not None:
            conditions.append(source.c[join.condition[0]] == join.condition[1])
        if join.way == "through":
            link = self._sight.tables[self._sight.schema[join.link]].alias()
            linked: FromClause = link.join(source, link.c[join.link_remote] == source.c[join.remote[0]])
            owner = link.c[join.link_local]
            found = select(owner, *self.columns).select_from(linked)
            return Prepared(found.where(owner.in_(keys), *conditions).order_by(*link.primary_key))
        own = source.c[join.remote[0]]
        return Prepared(select(own, *self.columns).where(own.in_(keys), *conditions).order_by(*self.node.order))

    def read(self, reader: Reader, rows: Iterable[Sequence[Any]]) -> list[Record]:
        """Return the records of rows that begin with this level's columns, with all that is related."""
        names, converted = list(self._places), [(name, show) for name, show in self._shown.items() if show is not None]
        fixed: Record = {} if TYPE_COLUMN in self._places else {TYPE_COLUMN: self.node.entity_type.name}
        records: list[Record] = [{**fixed, **dict(zip(names, row))} for row in rows]
        for name, show in converted:
            for record in records:
                record[name] = show(record[name])
        if records:
            for filler in self._fillers:
                filler(reader, records)
            for relation in self.relations:
                _relate(reader, relation, records)
            self._hide(records)
        return records

    def _hide(self, records: list[Record]) -> None:
        """Take out what was loaded only to find something else, and what a record's own type does not have."""
        for record in records:
            type_name = record["__entity_type__"]
            if type_name not in self._hidden:
                own = self._sight.schema[type_name].attributes
                public = {name for name in own if not own[name].is_hidden and name not in self._helpers}
                self._hidden[type_name] = [name for name in record if name not in public and name != TYPE_COLUMN]
            for name in self._hidden[type_name]:
                del record[name]


def _fill_nothing(name: str) -> Filler:
    def fill(_reader: Reader, records: Sequence[Record]) -> None:
        for record in records:
            record[name] = None

    return fill


def _relate(reader: Reader, relation: Relation, records: list[Record]) -> None:
    attribute, join = relation.attribute, relation.attribute.related
    keys = list(dict.fromkeys(record[join.local[0]] for record in records if record[join.local[0]] is not None))
    if relation.edges is not None:
        found = _relatives(reader, relation, relation.edges, keys)
    else:
        found = {}
        for start in range(0, len(keys), _MOST_KEYS):
            rows = reader.rows(relation.statement, keys=keys[start : start + _MOST_KEYS])
            for row, record in zip(rows, relation.level.read(reader, [row[1:] for row in rows])):
                found.setdefault(row[0], []).append(record)
    for record in records:
        related = found.get(record[join.local[0]], [])
        if attribute.is_many:
            record[attribute.name] = related
        else:
            record[attribute.name] = related[0] if related else None


def _relatives(reader: Reader, relation: Relation, steps: Prepared, keys: list[Any]) -> dict[Any, list[Record]]:
    """Return the entities above or below each owner in its tree, the nearest first."""
    edges: dict[Any, list[Any]] = {}
    pending = set(keys)
    while pending:
        batch = list(pending)[:_MOST_KEYS]
        pending.difference_update(batch)
        edges.update({key: [] for key in batch})
        for here, there in steps.rows(reader.connection, {"keys": batch}):
            edges[here].append(there)
            if there not in edges:
                pending.add(there)
    near = {key: _reach(edges, key) for key in keys}
    ids = list(dict.fromkeys(there for found in near.values() for there in found))
    loaded: dict[Any, Record] = {}
    for start in range(0, len(ids), _MOST_KEYS):
        rows = reader.rows(relation.statement, keys=ids[start : start + _MOST_KEYS])
        loaded.update({record["id"]: record for record in relation.level.read(reader, rows)})
    return {key: [loaded[there] for there in found if there in loaded] for key, found in near.items()}


def _reach(edges: Mapping[Any, list[Any]], start: Any) -> list[Any]:
    found: dict[Any, None] = {}
    front = [start]
    while front:
        front = [there for here in front for there in edges.get(here, ()) if there not in found and there != start]
        found.update(dict.fromkeys(front))
    return list(found)
