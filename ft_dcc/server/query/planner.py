"""Answer query expressions; plans are made once for all queries of the same template."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections import OrderedDict
from contextlib import suppress
from typing import Any
from weakref import WeakValueDictionary

import attrs
from sqlalchemy import Select, bindparam, func, select

from ft_dcc.errors import WouldBlock
from ft_dcc.server.auth.permissions import Reach
from ft_dcc.server.database import connections
from ft_dcc.server.errors import ParseError
from ft_dcc.server.query import ast, limits, row_filter
from ft_dcc.server.query.joins import Condition, JoinBuilder, make_node
from ft_dcc.server.query.loader import EntityLoader, PostProcessors, ProjectionTree, QueryContext, Record
from ft_dcc.server.query.where import BoundParameter, ConditionCompiler
from ft_dcc.server.schema.model import Schema
from ft_dcc.server.schema.tables import TYPE_COLUMN, Tables

_MAX_PLANS = 1024
_MAX_INLINE_EXPRESSION_LENGTH, _MAX_REPARSED_LENGTH, _MAX_PAGE_LENGTH = 32 << 10, 64 << 10, 200
_PAGE = re.compile(r"(?:\s+(?:offset|limit)\s+\d{1,9})+\s*$")
_PAGE_CLAUSE = re.compile(r"(offset|limit)\s+(\d+)")
_FUNCTIONS: dict[str, Any] = {"count": func.count, "sum": func.sum, "avg": func.avg, "min": func.min, "max": func.max}


@attrs.define(eq=False)
class Plan:
    """A statement, its parameters, and the loader of its entities or the names of its plain columns.

    ``is_fast`` becomes False when a query exceeds the time budget on the event loop.
    """

    statement: connections.Prepared
    parameters: tuple[BoundParameter, ...]
    loader: EntityLoader | None
    names: tuple[str, ...] = ()
    is_fast: bool = True


@attrs.frozen
class QueryTemplate:
    """The text that queries with different literals and pages share, with the literals and the page of one query."""

    text: str
    literals: list[list[str]]
    offset: int
    limit: int | None

    @classmethod
    def of(cls, expression: str) -> QueryTemplate:
        """Return the template of an expression; raises ParseError for one that is too long."""
        limits.check_expression(expression)
        text, literals = ast.parameterise(expression)
        limits.check_template(text)
        # The clause is short; in a long text the search for white space before it could take long.
        start = max(0, len(text) - _MAX_PAGE_LENGTH)
        window = _PAGE.search(text, start) if "limit" in text or "offset" in text else None
        if window is None:
            return cls(text, literals, 0, None)
        parts = dict(_PAGE_CLAUSE.findall(window[0]))
        limit = int(parts["limit"]) if "limit" in parts else None
        return cls(text[: window.start()], literals, int(parts.get("offset", 0)), limit)


class QueryPlanner:
    """Answers query expressions about the entities of one schema."""

    def __init__(self, schema: Schema, tables: Tables, post_processors: PostProcessors) -> None:
        self._schema, self._post_processors = schema, post_processors
        self._access_scopes = {reach: row_filter.access_scope(schema, tables, reach) for reach in Reach}
        self._plans: OrderedDict[tuple[str, Reach], Plan] = OrderedDict()
        self._plan_lock = threading.Lock()
        self._planning: WeakValueDictionary[tuple[str, Reach], threading.Lock] = WeakValueDictionary()

    def respond(
        self, context: QueryContext, expression: str, *, is_denormalized: bool = False, inline_only: bool = False
    ) -> dict[str, Any]:
        """Return the answer to a query: its records, and the offset of the next page or None.

        Raises ParseError and ValidationError; with ``inline_only`` also WouldBlock, unless queries of this template are
        known to be fast.
        """
        plan, records, following = self._find(context, expression, inline_only=inline_only)
        # Without relations no entity can occur twice.
        if not is_denormalized and plan.loader is not None and plan.loader.relations:
            records = Serializer(self._schema).serialize(plan.loader, records)
        return {"data": records, "metadata": {"next": {"offset": following}}}

    def find(self, context: QueryContext, expression: str) -> tuple[list[Record], int | None]:
        """Return the records, and the offset of the next page or None; raises ParseError and ValidationError."""
        _, records, following = self._find(context, expression, inline_only=False)
        return records, following

    def _find(
        self, context: QueryContext, expression: str, *, inline_only: bool
    ) -> tuple[Plan, list[Record], int | None]:
        if inline_only and len(expression) > _MAX_INLINE_EXPRESSION_LENGTH:
            raise WouldBlock("A long expression takes long to parse.")
        template, reach = QueryTemplate.of(expression), context.reach
        if not inline_only:
            plan = self._plan(template, expression, reach)
            return (plan, *self._run(context, plan, template, expression))
        known = self._plans.get((template.text, reach))
        # A text is compared with a pattern in one step of SQLite, so that the number of steps is no limit.
        if known is None or not known.is_fast or "like" in template.text.lower():
            raise WouldBlock("A query of this template may take long.")
        if known.loader is not None and known.loader.needs_more_statements:
            connections.begin(context.connection)
        try:
            return (known, *self._run(context, known, template, expression))
        except sqlite3.OperationalError:
            known.is_fast = False
            raise

    def _run(
        self, context: QueryContext, plan: Plan, template: QueryTemplate, expression: str
    ) -> tuple[list[Record], int | None]:
        # One additional row shows whether there is a next page.
        page = {"limit": -1 if template.limit is None else template.limit + 1, "offset": template.offset}
        try:
            values = {parameter.name: _value(parameter, template.literals) for parameter in plan.parameters}
            rows = context.rows(plan.statement, **values, **page)
        except sqlite3.OperationalError as error:
            if connections.limit_error(error) is not None:
                raise ParseError(f"The query is too large ({error}). Split it into several queries.") from error
            raise
        except ParseError:
            # A literal is invalid, and a plan does not know its position in the expression.
            if len(expression) <= _MAX_REPARSED_LENGTH:
                for parameter in self._make_plan(expression, context.reach).parameters:
                    _check(parameter)
            raise
        following = None
        if template.limit is not None and len(rows) > template.limit:
            rows, following = rows[: template.limit], template.offset + template.limit
        if plan.loader is not None:
            return plan.loader.read(context, rows), following
        return [dict(zip(plan.names, row)) for row in rows], following

    def _plan(self, template: QueryTemplate, expression: str, reach: Reach) -> Plan:
        key = (template.text, reach)
        plan = self._plans.get(key)
        if plan is not None:
            with suppress(KeyError):  # Another thread may have removed it.
                self._plans.move_to_end(key)
            return plan
        # Under a lock for each template: concurrent threads would make the same plan several times.
        with self._plan_lock:
            lock = self._planning.setdefault(key, threading.Lock())
        with lock:
            plan = self._plans.get(key)
            if plan is None:
                plan = self._make_plan_of_template(template.text, expression, reach)
                with self._plan_lock:
                    self._plans[key] = plan
                    if len(self._plans) > _MAX_PLANS:
                        self._plans.popitem(last=False)
            return plan

    def _make_plan_of_template(self, text: str, expression: str, reach: Reach) -> Plan:
        try:
            return self._make_plan(text, reach)
        except ParseError:
            # Parsed again from the full text, for an error with the position in the client's expression.
            if len(expression) <= _MAX_REPARSED_LENGTH:
                self._make_plan(expression, reach)
            raise
        except RecursionError as error:
            raise ParseError("The query is nested too deeply. Split it into several queries.") from error

    def _make_plan(self, expression: str, reach: Reach) -> Plan:
        # Imported here: loading the parser would double the start-up time of the server.
        from ft_dcc.server.query.parser import parse

        query, access = limits.check(parse(expression)), self._access_scopes[reach]
        entity_type, loader = access.schema.public(query.entity_type), None
        grouped: dict[str, Condition] = {}
        if query.groups or any(projection.function for projection in query.projections):
            joins = JoinBuilder(make_node(access, query.entity_type))
            grouped = _grouped_columns(joins, query)
        else:
            shown = [(ast.Step(name, "", 0),) for name in entity_type.lists.get("shows", ())]
            tree = ProjectionTree()
            for path in [projection.path for projection in query.projections] or shown:
                tree.add(path)
            loader = EntityLoader(access, query.entity_type, tree, self._post_processors)
            joins = JoinBuilder(loader.node)
        groups = [joins.column(path) for path in query.groups]
        conditions, where = ConditionCompiler(), [joins.root.row_filter]
        if query.criteria is not None:
            where.append(conditions.compile_all(joins, query.criteria))
        ordered = [(joins.column(order.path), order.is_descending) for order in query.orders]
        orders = [column.desc() if is_descending else column.asc() for column, is_descending in ordered]
        columns = list(grouped.values()) if loader is None else loader.columns
        statement: Select[Any] = select(*columns).select_from(joins.source).where(*where).group_by(*groups)
        statement = statement.order_by(*orders, *([] if loader is None else joins.root.default_order))
        statement = statement.limit(bindparam("limit")).offset(bindparam("offset"))
        return Plan(connections.Prepared(statement), tuple(conditions.parameters), loader, tuple(grouped))


def _grouped_columns(joins: JoinBuilder, query: ast.Query) -> dict[str, Condition]:
    """Return the columns of a query with ``group by`` or functions; its rows are plain objects without a type."""
    columns: dict[str, Condition] = {}
    for projection in query.projections or [ast.Projection(path) for path in query.groups]:
        name, column = "_".join(step.name for step in projection.path), joins.column(projection.path)
        if function := projection.function:
            if function not in _FUNCTIONS:
                known = ", ".join(sorted(_FUNCTIONS))
                raise ParseError(f"There is no function '{function}' (character {projection.position}). Use {known}.")
            name, column = f"{function}_{name}", _FUNCTIONS[function](column)
        columns[name] = column
    if not columns:
        raise ParseError("A query with 'group by' selects values. Name them: select status.name, count(id) from …")
    return columns


def _value(parameter: BoundParameter, literals: list[list[str]]) -> Any:
    texts = [text for found in parameter.literals for text in (literals[found] if isinstance(found, int) else [found])]
    values = [parameter.convert(text) for text in texts]
    return values if parameter.is_list else values[0]


def _check(parameter: BoundParameter) -> None:
    """Raise ParseError with the position of a literal that cannot be converted to the attribute's type."""
    for text, position in zip(parameter.literals, parameter.positions):
        try:
            parameter.convert(str(text))
        except ParseError as error:
            raise ParseError(f"At character {position}: {error}") from error


class Serializer:
    """Converts the records of one answer to JSON values.

    Each entity is written once, with the values of all its records, and as a reference after that: the official Python
    client reads only the first object of an entity, in the order of the attributes of the schema.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._written: set[tuple[Any, ...]] = set()
        # A record that many entities share, such as a status, is converted once.
        self._references: dict[int, Record] = {}
        self._collected: set[int] = set()
        self._complete: dict[tuple[Any, ...], Record] = {}

    def serialize(self, loader: EntityLoader, records: list[Record]) -> list[Record]:
        """Return the JSON values of the records of this loader."""
        if loader.is_partial:
            self._collect(loader, records)
        return [self._write(record) for record in records]

    def _collect(self, loader: EntityLoader, records: list[Record]) -> None:
        """Collect the values of entities that the records have in several places, with different attributes."""
        key, known = loader.node.entity_type.key, self._complete
        new = {id(record): record for record in records if id(record) not in self._collected}
        self._collected.update(new)
        for record in new.values():
            identity = (record[TYPE_COLUMN], *[record[name] for name in key])
            first = known.setdefault(identity, record)
            if first is not record and not record.keys() <= first.keys():
                known[identity] = self._schema.types[record[TYPE_COLUMN]].in_order({**record, **first})
        for relation in loader.relations:
            found = [record.get(relation.attribute.name) for record in new.values()]
            if relation.attribute.is_many:
                found = [each for group in found for each in group or ()]
            self._collect(relation.loader, [each for each in found if each])

    def _write(self, record: Record) -> Record:
        if (reference := self._references.get(id(record))) is not None:
            return reference
        reference = {TYPE_COLUMN: record[TYPE_COLUMN]}
        for name in self._schema.types[record[TYPE_COLUMN]].key:
            reference[name] = record[name]
        self._references[id(record)] = reference
        identity = tuple(reference.values())
        if identity in self._written:
            return reference
        self._written.add(identity)
        answer = dict(self._complete.get(identity, record))
        # Most nested values are dates, and a call for each of them would dominate the time.
        for name, found in answer.items():
            if found.__class__ is list and found and TYPE_COLUMN in found[0]:
                answer[name] = [self._write(each) for each in found]
            elif found.__class__ is dict and TYPE_COLUMN in found:
                answer[name] = self._references.get(id(found)) or self._write(found)
        return answer
