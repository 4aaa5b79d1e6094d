"""From an expression to an answer: plans are made once for all queries of the same form."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Any

import attrs
from sqlalchemy import Row, Select, func, select
from sqlalchemy.exc import OperationalError

from ft_dcc.errors import ParseError
from ft_dcc.server.query.criteria import Bound, Conditions
from ft_dcc.server.query.level import Fillers, Level, Reader, Record, wanted_of
from ft_dcc.server.query.scope import Condition, Node, Scope, Sight, make_node
from ft_dcc.server.query.syntax import Order, Path, Projection, Query, Step, mask, parse
from ft_dcc.server.schema.model import Schema
from ft_dcc.server.schema.tables import TYPE_COLUMN, Tables

_REMEMBERED = 1024
_LONGEST = 4 << 20
# What SQLite says of statements that are beyond its limits (sqlite.org/limits.html).
_LIMITS = (
    "parser stack overflow",
    "Expression tree is too large",
    "too many SQL variables",
    "tables in a join",
    "too many",
)
_FUNCTIONS = {"count": func.count, "sum": func.sum, "avg": func.avg, "min": func.min, "max": func.max}


@attrs.frozen(eq=False)
class Plan:
    """A statement, its parameters, and how its rows become entities (``level``) or plain objects (``names``)."""

    statement: Select[Any]
    bounds: tuple[Bound, ...]
    offset: int
    limit: int | None
    level: Level | None
    names: tuple[str, ...] = ()


class Queries:
    """Answers query expressions about the entities of one schema."""

    def __init__(self, schema: Schema, tables: Tables, fillers: Fillers) -> None:
        self._fillers = fillers
        self._sights = {is_limited: Sight(schema, tables, is_limited) for is_limited in (False, True)}
        self._plan = functools.lru_cache(maxsize=_REMEMBERED)(self._make_plan)

    def run(self, reader: Reader, expression: str) -> tuple[list[Record], int | None]:
        """Return the entities that an expression finds, and the offset of the next ones or None.

        Raises ParseError for what cannot be understood and ValidationError for a type that does not exist.
        """
        if len(expression) > _LONGEST:
            raise ParseError("The query is too long. Ask for fewer entities at once.")
        masked, literals = mask(expression)
        try:
            plan = self._plan(masked, reader.projects is not None)
        except ParseError:
            # The same again from the full text, for an error with the place that the sender sees.
            self._make_plan(expression, reader.projects is not None)
            raise
        return _run(reader, plan, literals)

    def _make_plan(self, expression: str, is_limited: bool) -> Plan:
        query, sight = parse(expression), self._sights[is_limited]
        sight.schema.public(query.entity_type)
        if query.groups or any(projection.function for projection in query.projections):
            return self._plan_groups(sight, query)
        projections = query.projections or _default_projections(sight, query.entity_type)
        level = Level(sight, query.entity_type, wanted_of(projections), self._fillers)
        scope, conditions = Scope.of(level.node), Conditions()
        where = [level.node.is_wanted]
        if query.criteria is not None:
            where.append(conditions.compile(scope, level.node, query.criteria))
        orders = [*_orders(scope, level.node, query.orders), *level.node.order]
        statement: Select[Any] = select(*level.columns).select_from(scope.source).where(*where).order_by(*orders)
        return Plan(_window(statement, query), tuple(conditions.bounds), query.offset, query.limit, level)

    def _plan_groups(self, sight: Sight, query: Query) -> Plan:
        """Plan a query with ``group by``; its rows are plain objects without a type."""
        root = make_node(sight, query.entity_type)
        scope, conditions = Scope.of(root), Conditions()
        columns: dict[str, Condition] = {}
        for projection in query.projections:
            name = "_".join(step.name for step in projection.path)
            column = _column(scope, root, projection.path)
            if projection.function:
                name, column = f"{projection.function}_{name}", _aggregate(projection)(column)
            columns[name] = column
        groups = [_column(scope, root, path) for path in query.groups]
        where = [root.is_wanted]
        if query.criteria is not None:
            where.append(conditions.compile(scope, root, query.criteria))
        orders = _orders(scope, root, query.orders)
        statement: Select[Any] = select(*columns.values()).select_from(scope.source).where(*where)
        statement = statement.group_by(*groups).order_by(*orders)
        return Plan(
            _window(statement, query), tuple(conditions.bounds), query.offset, query.limit, None, tuple(columns)
        )


def _default_projections(sight: Sight, type_name: str) -> tuple[Projection, ...]:
    names = sight.schema[type_name].lists.get("shows", ())
    return tuple(Projection((Step(name, "", 0),)) for name in names)


def _aggregate(projection: Projection) -> Any:
    if projection.function not in _FUNCTIONS:
        known = ", ".join(sorted(_FUNCTIONS))
        raise ParseError(f"There is no function '{projection.function}' (character {projection.place}). Use {known}.")
    return _FUNCTIONS[projection.function]


def _window(statement: Select[Any], query: Query) -> Select[Any]:
    if query.limit is not None:
        # One row more than asked for tells whether there is a next page.
        return statement.limit(query.limit + 1).offset(query.offset)
    return statement.limit(-1).offset(query.offset) if query.offset else statement


def _orders(scope: Scope, node: Node, orders: Iterable[Order]) -> list[Condition]:
    columns = [(_column(scope, node, order.path), order.is_descending) for order in orders]
    return [column.desc() if is_descending else column.asc() for column, is_descending in columns]


def _column(scope: Scope, node: Node, path: Path) -> Condition:
    """Return the one column that a path leads to; raises ParseError when it leads to many."""
    for index, step in enumerate(path):
        attribute = node.attribute(step)
        if attribute.is_many:
            raise ParseError(f"'{step.name}' has many values and cannot be sorted by (character {step.place}).")
        if attribute.is_scalar and index < len(path) - 1:
            raise ParseError(f"'{step.name}' is a value and has no attributes (character {step.place}).")
        if attribute.is_scalar or index == len(path) - 1:
            return node.sure_column(step.name if attribute.is_scalar else attribute.related.local[0])
        node = scope.join(node, attribute, step)
    raise ParseError("A path cannot be empty.")


def _run(reader: Reader, plan: Plan, literals: list[list[str]]) -> tuple[list[Record], int | None]:
    parameters = {bound.name: _value(bound, literals) for bound in plan.bounds}
    rows = _execute(reader, plan.statement, parameters)
    following = None
    if plan.limit is not None and len(rows) > plan.limit:
        rows = rows[: plan.limit]
        following = plan.offset + plan.limit
    if plan.level is not None:
        return plan.level.read(reader, rows), following
    return [dict(zip(plan.names, row)) for row in rows], following


def _execute(reader: Reader, statement: Select[Any], parameters: dict[str, Any]) -> Sequence[Row[Any]]:
    try:
        return reader.execute(statement, **parameters)
    except RecursionError as error:
        raise ParseError("The query is nested too deeply. Ask in several queries.") from error
    except OperationalError as error:
        if any(limit in str(error.orig) for limit in _LIMITS):
            raise ParseError(f"The query is too large ({error.orig}). Ask in several queries.") from error
        raise


def _value(bound: Bound, literals: list[list[str]]) -> Any:
    texts = [text for found in bound.masks for text in (literals[found] if isinstance(found, int) else [found])]
    values = [bound.convert(text) for text in texts]
    return values if bound.is_list else values[0]


class Presenter:
    """Turns the records of one answer into JSON; what was told of an entity once is not told again."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._told: dict[tuple[Any, ...], set[str]] = {}
        # A record that many entities share, such as a status, is looked at once.
        self._references: dict[int, Record] = {}

    def present(self, value: Any) -> Any:
        """Return a record, a list of them or any other value as it stands in the answer."""
        if isinstance(value, list):
            return [self.present(item) for item in value]
        if not isinstance(value, dict) or TYPE_COLUMN not in value:
            return value
        if (reference := self._references.get(id(value))) is not None:
            return reference
        type_name = value[TYPE_COLUMN]
        reference = {TYPE_COLUMN: type_name, **{name: value[name] for name in self._schema.types[type_name].key}}
        self._references[id(value)] = reference
        known = self._told.setdefault(tuple(reference.values()), set())
        answer = dict(reference)
        for name, found in value.items():
            if name not in reference and name not in known:
                known.add(name)
                answer[name] = self.present(found) if isinstance(found, (list, dict)) else found
        return answer
