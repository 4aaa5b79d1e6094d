"""Load entities and related entities with one statement for each relation."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs
from sqlalchemy import BindParameter, Connection, FromClause, bindparam, select

from ft_dcc.server.auth.permissions import UNLIMITED, Permissions, Reach
from ft_dcc.server.database.prepared import Prepared, Rows
from ft_dcc.server.errors import ParseError
from ft_dcc.server.query import ast, joins, row_filter, type_conversion
from ft_dcc.server.schema import model, tables

# One entity of an answer: its values in JSON, with related entities as further records.
Record = dict[str, Any]


@attrs.frozen
class QueryContext:
    """The connection that an answer is read with, and the options of the request.

    ``base_url`` is the address of the server as the client knows it.
    """

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


def projections_of(projections: Iterable[ast.Projection]) -> ProjectionTree:
    """Return the tree of all projections."""
    tree = ProjectionTree()
    for projection in projections:
        tree.add(projection.path)
    return tree


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
        self, access: joins.AccessScope, type_name: str, projections: ProjectionTree, post_processors: PostProcessors
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
        if tables.TYPE_COLUMN in self.node.source.c and not self.node.entity_type.is_view:
            self._add_column(tables.TYPE_COLUMN, self.node.source.c[tables.TYPE_COLUMN], None)
        for name in (*self.node.entity_type.key, *self.node.entity_type.always_returned):
            self._add(ast.Step(name, "", 0), ProjectionTree())
        for step, below in projections.names.values():
            self._add(step, below)

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
        self.relations.append(self._relation(attribute, step, below))

    def _add_scalar(self, attribute: model.Attribute) -> None:
        self._auxiliary.discard(attribute.name)
        column = self.node.column(attribute.name)
        if column is not None:
            self._add_column(attribute.name, column, type_conversion.to_json(attribute.kind))
            return
        found = self._all_post_processors.get((self.node.entity_type.family, attribute.name))
        needs, post_processor = found if found is not None else ((), _set_none(attribute.name))
        for name in needs:
            if name not in self._positions:
                self._auxiliary.add(name)
                self._add_column(name, self.node.require_column(name), None)
        self._post_processors.append(post_processor)

    def _relation(self, attribute: model.Attribute, step: ast.Step, below: ProjectionTree) -> Relation:
        type_name = joins.cast_type(self._access.schema, attribute, step)
        if below.is_end:
            for name in self._access.schema[type_name].lists.get("shows", ()):
                below.add((ast.Step(name, "", step.position),))
        loader = EntityLoader(self._access, type_name, below, self._all_post_processors)
        is_tree = attribute.related.way in ("up", "down")
        edges = loader.edges(attribute) if is_tree else None
        return Relation(attribute, loader, loader.by_id() if is_tree else loader.by_owners(attribute), edges)

    def by_id(self) -> Prepared:
        """Return the statement that finds the entities ``:keys``."""
        keys: BindParameter[Any] = bindparam("keys", expanding=True)
        return Prepared(select(*self.columns).where(self.node.source.c.id.in_(keys), self.node.row_filter))

    def edges(self, attribute: model.Attribute) -> Prepared:
        """Return the statement that finds pairs of each of ``:keys`` in a tree and its parent, or its children."""
        source, parent = self.node.source, attribute.related.remote[0]
        pair = (source.c.id, source.c[parent]) if attribute.related.way == "up" else (source.c[parent], source.c.id)
        keys: BindParameter[Any] = bindparam("keys", expanding=True)
        return Prepared(select(*pair).where(pair[0].in_(keys), pair[1].is_not(None)))

    def by_owners(self, attribute: model.Attribute) -> Prepared:
        """Return the statement that finds the related entities of the owners ``:keys``."""
        join, source = attribute.related, self.node.source
        keys: BindParameter[Any] = bindparam("keys", expanding=True)
        conditions = [self.node.row_filter]
        if join.condition is not None:
            conditions.append(source.c[join.condition[0]] == join.condition[1])
        if join.way == "through":
            link = self._access.tables[self._access.schema[join.link]].alias()
            linked: FromClause = link.join(source, link.c[join.link_remote] == source.c[join.remote[0]])
            owner = link.c[join.link_local]
            found = select(owner, *self.columns).select_from(linked)
            return Prepared(found.where(owner.in_(keys), *conditions).order_by(*link.primary_key))
        own = source.c[join.remote[0]]
        return Prepared(select(own, *self.columns).where(own.in_(keys), *conditions).order_by(*self.node.default_order))

    def read(self, context: QueryContext, rows: Iterable[Sequence[Any]]) -> list[Record]:
        """Return the records of rows that begin with this loader's columns, with all related records."""
        names, converted = (
            list(self._positions),
            [(name, convert) for name, convert in self._to_json.items() if convert is not None],
        )
        fixed: Record = (
            {} if tables.TYPE_COLUMN in self._positions else {tables.TYPE_COLUMN: self.node.entity_type.name}
        )
        records: list[Record] = [{**fixed, **dict(zip(names, row))} for row in rows]
        for name, convert in converted:
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


def _set_none(name: str) -> PostProcessor:
    def fill(_reader: QueryContext, records: Sequence[Record]) -> None:
        for record in records:
            record[name] = None

    return fill


def _relate(context: QueryContext, relation: Relation, records: list[Record]) -> None:
    attribute, join = relation.attribute, relation.attribute.related
    keys = list(dict.fromkeys(record[join.local[0]] for record in records if record[join.local[0]] is not None))
    if relation.edges is not None:
        found = _relatives(context, relation, relation.edges, keys)
    else:
        found = {}
        for start in range(0, len(keys), _MAX_KEYS):
            rows = context.rows(relation.statement, keys=keys[start : start + _MAX_KEYS])
            for row, record in zip(rows, relation.loader.read(context, [row[1:] for row in rows])):
                found.setdefault(row[0], []).append(record)
    for record in records:
        related = found.get(record[join.local[0]], [])
        if attribute.is_many:
            record[attribute.name] = related
        else:
            record[attribute.name] = related[0] if related else None


def _relatives(context: QueryContext, relation: Relation, steps: Prepared, keys: list[Any]) -> dict[Any, list[Record]]:
    """Return the entities above or below each owner in its tree, the nearest first."""
    edges: dict[Any, list[Any]] = {}
    pending = set(keys)
    while pending:
        batch = list(pending)[:_MAX_KEYS]
        pending.difference_update(batch)
        edges.update({key: [] for key in batch})
        for here, there in steps.rows(context.connection, {"keys": batch}):
            edges[here].append(there)
            if there not in edges:
                pending.add(there)
    near = {key: _reach(edges, key) for key in keys}
    ids = list(dict.fromkeys(there for found in near.values() for there in found))
    loaded: dict[Any, Record] = {}
    for start in range(0, len(ids), _MAX_KEYS):
        rows = context.rows(relation.statement, keys=ids[start : start + _MAX_KEYS])
        loaded.update({record["id"]: record for record in relation.loader.read(context, rows)})
    return {key: [loaded[there] for there in found if there in loaded] for key, found in near.items()}


def _reach(edges: Mapping[Any, list[Any]], start: Any) -> list[Any]:
    found: dict[Any, None] = {}
    front = [start]
    while front:
        front = [there for here in front for there in edges.get(here, ()) if there not in found and there != start]
        found.update(dict.fromkeys(front))
    return list(found)
