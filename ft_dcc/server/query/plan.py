"""From an expression to an answer: plans are made once for all queries of the same form."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import attrs
from sqlalchemy import Select, bindparam, func, select

from ft_dcc.errors import ParseError, TakesLong
from ft_dcc.server.connections import begin
from ft_dcc.server.prepared import Prepared, Rows
from ft_dcc.server.query.criteria import Bound, Conditions
from ft_dcc.server.query.level import Fillers, Level, Reader, Record, wanted_of
from ft_dcc.server.query.presenter import Presenter
from ft_dcc.server.query.scope import Condition, Node, Scope, Sight, make_node
from ft_dcc.server.query.syntax import Order, Path, Projection, Query, Step, mask
from ft_dcc.server.schema.model import Schema
from ft_dcc.server.schema.tables import Tables

_REMEMBERED = 1024
_LONGEST, _LONGEST_GLANCE = 4 << 20, 32 << 10
# What SQLite says of statements that are beyond its limits (sqlite.org/limits.html).
_LIMITS = (
    "parser stack overflow",
    "Expression tree is too large",
    "too many SQL variables",
    "tables in a join",
    "too many",
)
_WINDOW = re.compile(r"(?:\s+(?:offset|limit)\s+\d{1,9})+\s*$")
_PART = re.compile(r"(offset|limit)\s+(\d+)")
_FUNCTIONS = {"count": func.count, "sum": func.sum, "avg": func.avg, "min": func.min, "max": func.max}


@attrs.define(eq=False)
class Plan:
    """A statement, its parameters, and how its rows become entities (``level``) or plain objects (``names``).

    ``is_quick`` until it once was not.
    """

    statement: Prepared
    bounds: tuple[Bound, ...]
    level: Level | None
    names: tuple[str, ...] = ()
    is_quick: bool = True


@attrs.frozen
class _Form:
    """What queries that differ only in literals and in the page have in common, and what they do not."""

    text: str
    literals: list[list[str]]
    offset: int
    limit: int | None

    @classmethod
    def of(cls, expression: str) -> _Form:
        if len(expression) > _LONGEST:
            raise ParseError("The query is too long. Ask for fewer entities at once.")
        text, literals = mask(expression)
        window = _WINDOW.search(text) if "limit" in text or "offset" in text else None
        if window is None:
            return cls(text, literals, 0, None)
        parts = dict(_PART.findall(window[0]))
        limit = int(parts["limit"]) if "limit" in parts else None
        return cls(text[: window.start()], literals, int(parts.get("offset", 0)), limit)


class Queries:
    """Answers query expressions about the entities of one schema."""

    def __init__(self, schema: Schema, tables: Tables, fillers: Fillers) -> None:
        self._schema, self._fillers = schema, fillers
        self._sights = {is_limited: Sight(schema, tables, is_limited) for is_limited in (False, True)}
        self._plans: OrderedDict[tuple[str, bool], Plan] = OrderedDict()
        self._making = threading.Lock()

    def tell(
        self, reader: Reader, expression: str, *, is_denormalized: bool = False, is_glance: bool = False
    ) -> dict[str, Any]:
        """Return what an expression finds as a client is told it, and where the next page begins."""
        plan, records, following = self._find(reader, expression, is_glance=is_glance)
        # Where nothing is related, nothing can be told twice.
        is_plain = is_denormalized or plan.level is None or not plan.level.relations
        return {
            "data": records if is_plain else Presenter(self._schema).present(records),
            "metadata": {"next": {"offset": following}},
        }

    def run(self, reader: Reader, expression: str) -> tuple[list[Record], int | None]:
        """Return the entities that an expression finds, and the offset of the next ones or None.

        Raises ParseError for what cannot be understood and ValidationError for a type that does not exist.
        """
        _, records, following = self._find(reader, expression, is_glance=False)
        return records, following

    def _find(self, reader: Reader, expression: str, *, is_glance: bool) -> tuple[Plan, list[Record], int | None]:
        """Find the entities likewise, and say by which plan.

        At a glance it raises TakesLong unless queries of this form are known, and none of them has taken long.
        """
        if is_glance and len(expression) > _LONGEST_GLANCE:
            raise TakesLong("A long expression takes long to read.")
        form, is_limited = _Form.of(expression), reader.projects is not None
        if not is_glance:
            plan = self._plan(form, expression, is_limited)
            return (plan, *self._run(reader, plan, form, expression))
        known = self._plans.get((form.text, is_limited))
        if known is None or not known.is_quick:
            raise TakesLong("A query of this form may take long.")
        if known.level is not None and known.level.reads_more:
            begin(reader.connection)
        try:
            return (known, *self._run(reader, known, form, expression))
        except sqlite3.OperationalError:
            known.is_quick = False
            raise

    def _run(self, reader: Reader, plan: Plan, form: _Form, expression: str) -> tuple[list[Record], int | None]:
        try:
            return _run(reader, plan, form)
        except ParseError:
            # A value is wrong, and a plan does not know where it stands in what the sender sees.
            for bound in self._make_plan(expression, reader.projects is not None).bounds:
                _check(bound)
            raise

    def _plan(self, form: _Form, expression: str, is_limited: bool) -> Plan:
        key = (form.text, is_limited)
        plan = self._plans.get(key)
        if plan is not None:
            with suppress(KeyError):  # Another thread may have taken it out just now.
                self._plans.move_to_end(key)
            return plan
        # One after the other: threads would only make the same plan at the same time, and wait for each other.
        with self._making:
            if key not in self._plans:
                self._plans[key] = self._make_plan_or_refuse(form.text, expression, is_limited)
                if len(self._plans) > _REMEMBERED:
                    self._plans.popitem(last=False)
            return self._plans[key]

    def _make_plan_or_refuse(self, text: str, expression: str, is_limited: bool) -> Plan:
        try:
            return self._make_plan(text, is_limited)
        except ParseError:
            # The same again from the full text, for an error with the place that the sender sees.
            self._make_plan(expression, is_limited)
            raise
        except RecursionError as error:
            raise ParseError("The query is nested too deeply. Ask in several queries.") from error

    def _make_plan(self, expression: str, is_limited: bool) -> Plan:
        # The parser takes as long to load as all else that a server needs to be ready.
        from ft_dcc.server.query.reading import parse

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
        return Plan(_windowed(statement), tuple(conditions.bounds), level)

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
        return Plan(_windowed(statement), tuple(conditions.bounds), None, tuple(columns))


def _default_projections(sight: Sight, type_name: str) -> tuple[Projection, ...]:
    names = sight.schema[type_name].lists.get("shows", ())
    return tuple(Projection((Step(name, "", 0),)) for name in names)


def _aggregate(projection: Projection) -> Any:
    if projection.function not in _FUNCTIONS:
        known = ", ".join(sorted(_FUNCTIONS))
        raise ParseError(f"There is no function '{projection.function}' (character {projection.place}). Use {known}.")
    return _FUNCTIONS[projection.function]


def _windowed(statement: Select[Any]) -> Prepared:
    return Prepared(statement.limit(bindparam("limit")).offset(bindparam("offset")))


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


def _run(reader: Reader, plan: Plan, form: _Form) -> tuple[list[Record], int | None]:
    parameters = {bound.name: _value(bound, form.literals) for bound in plan.bounds}
    # One row more than asked for tells whether there is a next page.
    most = -1 if form.limit is None else form.limit + 1
    rows = _rows(reader, plan.statement, {**parameters, "limit": most, "offset": form.offset})
    following = None
    if form.limit is not None and len(rows) > form.limit:
        rows = rows[: form.limit]
        following = form.offset + form.limit
    if plan.level is not None:
        return plan.level.read(reader, rows), following
    return [dict(zip(plan.names, row)) for row in rows], following


def _rows(reader: Reader, statement: Prepared, parameters: dict[str, Any]) -> Rows:
    try:
        return reader.rows(statement, **parameters)
    except sqlite3.OperationalError as error:
        if any(limit in str(error) for limit in _LIMITS):
            raise ParseError(f"The query is too large ({error}). Ask in several queries.") from error
        raise


def _value(bound: Bound, literals: list[list[str]]) -> Any:
    texts = [text for found in bound.masks for text in (literals[found] if isinstance(found, int) else [found])]
    values = [bound.convert(text) for text in texts]
    return values if bound.is_list else values[0]


def _check(bound: Bound) -> None:
    """Raise ParseError with the place of the value that is none of the attribute's kind."""
    for text, place in zip(bound.masks, bound.places):
        try:
            bound.convert(str(text))
        except ParseError as error:
            raise ParseError(f"At character {place}: {error}") from error
