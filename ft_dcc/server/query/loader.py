"""Load entities and related entities with one statement for each relation."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import attrs
from sqlalchemy import BindParameter, Connection, bindparam, select

from ft_dcc.server.auth.permissions import UNLIMITED, Permissions, Reach
from ft_dcc.server.database.connections import Prepared, Rows
from ft_dcc.server.errors import ParseError
from ft_dcc.server.query import ast, joins, row_filter, type_conversion
from ft_dcc.server.schema import model, tables

# One entity of an answer: its values in JSON, with related entities as further records.
Record = dict[str, Any]


@attrs.frozen
class QueryContext:
    """The connection of an answer, the server's address as the client knows it, and the caller's permissions."""

    connection: Connection
    base_url: str
    permissions: Permissions = UNLIMITED
    caller_id: str = ""
    _user: dict[str, Any] = attrs.field(init=False)

    @_user.default
    def _user_parameters(self) -> dict[str, Any]:
        projects = json.dumps(self.permissions.projects) if self.permissions.projects else "[]"
        return {row_filter.CALLER_PARAMETER: self.caller_id, row_filter.PROJECTS_PARAMETER: projects}

    @property
    def reach(self) -> Reach:
        """What the user may read."""
        return self.permissions.reach

    def rows(self, statement: Prepared, **parameters: Any) -> Rows:
        """Return the rows of a statement for this user."""
        return statement.rows(self.connection, {**parameters, **self._user})

    def rows_of(self, statement: Prepared, keys: Collection[Any]) -> list[tuple[Any, ...]]:
        """Return the rows of a statement for all of these ``:keys``, of which it takes a limited number at once."""
        listed = list(keys)
        parts = (listed[start : start + _MAX_KEYS] for start in range(0, len(listed), _MAX_KEYS))
        return [row for part in parts for row in self.rows(statement, keys=part)]


# A function that sets attributes that SQL cannot compute (links, URLs) in all records of one loader.
PostProcessor = Callable[[QueryContext, Sequence[Record]], None]
PostProcessors = Mapping[tuple[str, str], tuple[tuple[str, ...], PostProcessor]]

_MAX_KEYS = 10_000


@attrs.define(eq=False)
class ProjectionTree:
    """The selected attributes of one entity type, with a subtree for each relation.

    A relation that is itself the end of a selected path (``is_end``) is loaded with the default projections of its
    type.
    """

    names: dict[str, tuple[ast.Step, ProjectionTree]] = attrs.field(factory=dict)
    is_end: bool = False

    def add(self, path: Iterable[ast.Step]) -> None:
        """Add the attribute at the end of a path."""
        node = self
        for step in path:
            node = node.names.setdefault(step.name, (step, ProjectionTree()))[1]
        node.is_end = True


@attrs.define(eq=False)
class Relation:
    """The loader of related entities, and the statement that finds them by ``:keys``.

    The keys are those of the owners; for relations along a tree, those of the entities themselves, which ``edges``
    finds level by level.
    """

    attribute: model.Attribute
    loader: EntityLoader
    statement: Prepared
    edges: Prepared | None


class EntityLoader:
    """Loads entities of one type with the selected attributes, and related entities by loaders of their own.

    Raises ParseError for attributes that do not exist.
    """

    def __init__(
        self, access: row_filter.AccessScope, type_name: str, tree: ProjectionTree, post_processors: PostProcessors
    ) -> None:
        self.node = joins.make_node(access, type_name)
        self._access, self._all_post_processors = access, post_processors
        self.columns: list[joins.Condition] = []
        self._positions: dict[str, int] = {}
        self._to_json: dict[str, Callable[[Any], Any] | None] = {}
        self._post_processors: list[PostProcessor] = []
        self._auxiliary: set[str] = set()
        self.relations: list[Relation] = []
        self._removed_names: dict[str, list[str]] = {}
        # The values that all records have.
        self._fixed: Record = {}
        if tables.TYPE_COLUMN in self.node.source.c and not self.node.entity_type.is_view:
            self._add_column(tables.TYPE_COLUMN, self.node.source.c[tables.TYPE_COLUMN], None)
        else:
            self._fixed[tables.TYPE_COLUMN] = self.node.entity_type.name
        for name in (*self.node.entity_type.key, *self.node.entity_type.always_returned):
            self._add(ast.Step(name, "", 0), ProjectionTree())
        # In the order of the schema, in which the official Python client reads related entities.
        for step, below in self.node.entity_type.in_order(tree.names).values():
            self._add(step, below)
        self._shapes = {(self.node.entity_type.family, frozenset((self.node.entity_type.name, *tree.names)))}
        self._shapes.update(*(relation.loader._shapes for relation in self.relations))
        # Whether one entity may have records with different attributes.
        self.is_partial = len(self._shapes) > len({family for family, _ in self._shapes})

    @property
    def needs_more_statements(self) -> bool:
        """Whether the records need further statements after the one for their rows."""
        return bool(self.relations or self._post_processors)

    def _add_column(self, name: str, column: joins.Condition, convert: Callable[[Any], Any] | None) -> None:
        if name not in self._positions:
            self._positions[name] = len(self.columns)
            self.columns.append(column)
            self._to_json[name] = convert

    def _add(self, step: ast.Step, below: ProjectionTree) -> None:
        attribute = self.node.attribute(step)
        if attribute.is_scalar:
            if below.names:
                raise ParseError(f"'{step.name}' is a value and has no attributes (character {step.position}).")
            self._add_scalar(attribute)
            return
        for name in attribute.related.local:
            if name not in self._positions and name != attribute.name:
                self._auxiliary.add(name)
            self._add_column(name, self.node.require_column(name), None)
        type_name = joins.cast_type(self._access.schema, attribute, step)
        if below.is_end:
            for name in self._access.schema[type_name].lists.get("shows", ()):
                below.add((ast.Step(name, "", step.position),))
        loader = EntityLoader(self._access, type_name, below, self._all_post_processors)
        self.relations.append(Relation(attribute, loader, *loader.statements(attribute.related)))

    def _add_scalar(self, attribute: model.Attribute) -> None:
        self._auxiliary.discard(attribute.name)
        column = self.node.column(attribute.name)
        found = self._all_post_processors.get((self.node.entity_type.family, attribute.name))
        if column is not None:
            self._add_column(attribute.name, column, type_conversion.to_json(attribute.kind))
        elif found is None:
            self._fixed[attribute.name] = None
        else:
            for name in found[0]:
                if name not in self._positions:
                    self._auxiliary.add(name)
                    self._add_column(name, self.node.require_column(name), None)
            self._post_processors.append(found[1])

    def statements(self, join: model.Join) -> tuple[Prepared, Prepared | None]:
        """Return the statements of a relation to these entities: the one for the entities, and that of ``edges``."""
        source, remote = self.node.source, join.remote[0]
        keys: BindParameter[Any] = bindparam("keys", expanding=True)
        if join.way in ("up", "down"):
            pair = (source.c.id, source.c[remote]) if join.way == "up" else (source.c[remote], source.c.id)
            edges = select(*pair).where(pair[0].in_(keys), pair[1].is_not(None))
            by_id = select(*self.columns).where(source.c.id.in_(keys), self.node.row_filter)
            return Prepared(by_id), Prepared(edges)
        owner, joined, order = source.c[remote], source, self.node.default_order
        if join.way == "through":
            link = self._access.tables[self._access.schema[join.link]].alias()
            joined = link.join(source, link.c[join.link_remote] == source.c[remote])
            owner, order = link.c[join.link_local], list(link.primary_key)
        found = select(owner, *self.columns).select_from(joined).where(owner.in_(keys), self.node.row_filter)
        if join.condition is not None:
            found = found.where(source.c[join.condition[0]] == join.condition[1])
        return Prepared(found.order_by(*order)), None

    def read(self, context: QueryContext, rows: Iterable[Sequence[Any]]) -> list[Record]:
        """Return the records of rows that begin with this loader's columns, with all related records."""
        names = list(self._positions)
        records: list[Record] = [{**self._fixed, **dict(zip(names, row))} for row in rows]
        for name, convert in self._to_json.items():
            if convert is None:
                continue
            for record in records:
                record[name] = convert(record[name])
        if records:
            for post_processor in self._post_processors:
                post_processor(context, records)
            for relation in self.relations:
                _relate(context, relation, records)
            self._remove_auxiliary(records)
        return records

    def _remove_auxiliary(self, records: list[Record]) -> None:
        """Remove attributes that were loaded only for relations, and those that a record's own type does not have."""
        for record in records:
            type_name = record["__entity_type__"]
            if type_name not in self._removed_names:
                own = self._access.schema[type_name].attributes
                public = {name for name in own if not own[name].is_hidden and name not in self._auxiliary}
                self._removed_names[type_name] = [
                    name for name in record if name not in public and name != tables.TYPE_COLUMN
                ]
            for name in self._removed_names[type_name]:
                del record[name]


def _relate(context: QueryContext, relation: Relation, records: list[Record]) -> None:
    attribute, join = relation.attribute, relation.attribute.related
    keys = list(dict.fromkeys(record[join.local[0]] for record in records if record[join.local[0]] is not None))
    if relation.edges is not None:
        found = _relatives(context, relation, relation.edges, keys)
    else:
        found = {}
        rows = context.rows_of(relation.statement, keys)
        for row, record in zip(rows, relation.loader.read(context, [row[1:] for row in rows])):
            found.setdefault(row[0], []).append(record)
    for record in records:
        related = found.get(record[join.local[0]], [])
        # A column of the same name would keep its place, before the relations.
        record.pop(attribute.name, None)
        record[attribute.name] = related if attribute.is_many else next(iter(related), None)


def _relatives(context: QueryContext, relation: Relation, steps: Prepared, keys: list[Any]) -> dict[Any, list[Record]]:
    """Return the entities above or below each owner in its tree, the nearest first."""
    edges: dict[Any, list[Any]] = {}
    pending = set(keys)
    while pending:
        edges.update({key: [] for key in pending})
        pairs = context.rows_of(steps, pending)
        for here, there in pairs:
            edges[here].append(there)
        pending = {there for _, there in pairs} - edges.keys()
    near = {key: _reach(edges, key) for key in keys}
    rows = context.rows_of(relation.statement, dict.fromkeys(there for found in near.values() for there in found))
    loaded = {record["id"]: record for record in relation.loader.read(context, rows)}
    return {key: [loaded[there] for there in found if there in loaded] for key, found in near.items()}


def _reach(edges: Mapping[Any, list[Any]], start: Any) -> list[Any]:
    found: dict[Any, None] = {}
    front = [start]
    while front:
        front = [there for here in front for there in edges.get(here, ()) if there not in found and there != start]
        found.update(dict.fromkeys(front))
    return list(found)
