"""Conditions of the query language as conditions of SQL, with parameter values."""

from __future__ import annotations

import operator as python_operator
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import sqlalchemy as sql
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import Grouping
from sqlalchemy.sql.selectable import SelectBase

from ft_dcc.server.errors import ParseError
from ft_dcc.server.query import ast, limits, type_conversion
from ft_dcc.server.query.joins import Condition, JoinBuilder, Node, cast_type, make_node
from ft_dcc.server.schema import model, tables

_MAX_CHAIN_LENGTH = 100
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "is": python_operator.eq,
    "=": python_operator.eq,
    "is_not": python_operator.ne,
    "!=": python_operator.ne,
    ">": python_operator.gt,
    "after": python_operator.gt,
    "greater_than": python_operator.gt,
    "<": python_operator.lt,
    "before": python_operator.lt,
    "less_than": python_operator.lt,
    ">=": python_operator.ge,
    "<=": python_operator.le,
}


@attrs.frozen
class BoundParameter:
    """A parameter of a statement: its literals (indices or bare words), their positions, and their converter."""

    name: str
    literals: tuple[int | str, ...]
    positions: tuple[int, ...]
    convert: type_conversion.Converter
    is_list: bool


@attrs.define(eq=False)
class ConditionCompiler:
    """Compiles criteria and collects the parameters that the statement will want."""

    parameters: list[BoundParameter] = attrs.field(factory=list)

    def compile_all(self, joins: JoinBuilder, criteria: ast.Criteria) -> Condition:
        """Return the SQL of all criteria of a statement about its root.

        SQLite tests cheap conditions first. Without the guard, it would run a subquery for a hidden row that fulfils
        them, and the time of the answer would tell so.
        """
        joins.is_selective = joins.is_selective or _selects_few(joins.root, criteria)
        is_and = isinstance(criteria, ast.Junction) and criteria.word == "and"
        parts = criteria.parts if isinstance(criteria, ast.Junction) and is_and else (criteria,)
        compiled = [self.compile(joins, joins.root, part) for part in parts]
        guards = joins.guards
        plain = [condition for condition in compiled if not guards or not _has_subquery(condition)]
        guarded = [condition for condition in compiled if guards and _has_subquery(condition)]
        if not plain and not isinstance(parts[0], (ast.Junction, ast.Negation)):
            # Nothing is tested before the first one, and SQLite may begin with its rows.
            plain, guarded = guarded[:1], guarded[1:]
        if guarded:
            plain.append(sql.case((sql.and_(*guards), _joined("and", guarded)), else_=sql.literal_column("0")))
        return _joined("and", plain)

    def compile(self, joins: JoinBuilder, node: Node, criteria: ast.Criteria) -> Condition:
        """Return the SQL of criteria about a node."""
        if isinstance(criteria, ast.Junction):
            return _joined(criteria.word, [self.compile(joins, node, part) for part in criteria.parts])
        if isinstance(criteria, ast.Negation):
            # NULL counts as false: "not version is 5" finds entities without a version.
            inner = self.compile(joins, node, criteria.criteria)
            return sql.func.coalesce(inner, sql.literal_column("0")) == sql.literal_column("0")
        return self._along(joins, node, criteria.path, criteria)

    def _along(
        self,
        joins: JoinBuilder,
        node: Node,
        path: ast.Path,
        criteria: ast.Comparison | ast.InCondition | ast.RelationCondition,
    ) -> Condition:
        """Return the condition at the end of a path; a relation to many means that any of its members fulfils it."""
        step, rest = path[0], path[1:]
        attribute = node.attribute(step)
        if not attribute.is_scalar and (rest or isinstance(criteria, ast.RelationCondition) or attribute.is_many):
            if attribute.is_many:
                return self._exists(joins, node, attribute, path, criteria)
            is_key = [each.name for each in rest] == [attribute.related.remote[0]]
            if is_key and not step.cast and not isinstance(criteria, ast.RelationCondition):
                # "parent.id" is a column of the owner, and SQLite plans a join worse than a column.
                return self._compare(node, attribute, criteria)
            if rest and not step.cast and (owner := self._owner(node, attribute, rest[0])) is not None:
                key = node.require_column(attribute.related.local[0])
                return self._exists(joins, owner, owner.attribute(rest[0]), rest, criteria, key)
            target = joins.join(node, attribute, step)
            if rest:
                return self._along(joins, target, rest, criteria)
            inner = criteria.criteria if isinstance(criteria, ast.RelationCondition) else None
            found = target.source.c[target.entity_type.key[0]].is_not(None)
            return found if inner is None else sql.and_(found, self.compile(joins, target, inner))
        if rest:
            raise ParseError(f"'{step.name}' is a value and has no attributes (character {step.position}).")
        if isinstance(criteria, ast.RelationCondition):
            raise ParseError(f"'{step.name}' is a value; 'has' and 'any' need a relation (character {step.position}).")
        return self._compare(node, attribute, criteria)

    def _owner(self, node: Node, attribute: model.Attribute, step: ast.Step) -> Node | None:
        """Return the node of a relation if the step from there is a relation to many that needs only its key.

        The foreign key replaces the join then; SQLite would begin the join on the wrong side.
        """
        owner = make_node(node.access, attribute.rows)
        further = owner.attribute(step)
        if not further.is_many or further.related.local[0] != attribute.related.remote[0]:
            return None
        # Related entities that are visible only if their owner is need no join with it.
        is_implied = owner.visibility is None or (
            further.related.way == "to many" and node.access.implies_owner(further.rows, further.related.remote[0])
        )
        return owner if is_implied and node.column(attribute.related.local[0]) is not None else None

    def _exists(
        self,
        around: JoinBuilder,
        node: Node,
        attribute: model.Attribute,
        path: ast.Path,
        criteria: ast.Comparison | ast.InCondition | ast.RelationCondition,
        key: Condition | None = None,
    ) -> Condition:
        """Return the condition that a related entity fulfils the rest of the path.

        ``key`` is the foreign key to a node that is not joined.
        """
        step, rest = path[0], path[1:]
        target = make_node(node.access, cast_type(node.access.schema, attribute, step))
        joins = JoinBuilder(target)
        condition: Condition = sql.true()
        is_null_test = False
        if rest:
            condition = self._along(joins, target, rest, criteria)
        elif isinstance(criteria, ast.RelationCondition):
            if criteria.criteria is not None:
                condition = self.compile_all(joins, criteria.criteria)
        else:
            is_null_test = isinstance(criteria, ast.Comparison) and type_conversion.is_null(criteria.value.word)
            if not is_null_test:
                condition = self._compare(target, target.entity_type.attributes[target.entity_type.key[0]], criteria)
        is_root = node is around.root
        # Relatives in a tree are found by row number: those are adjacent on disk, ids are not.
        by = tables.ROW_COLUMN if is_root and attribute.related.way in ("up", "down") else attribute.related.local[0]
        owners = owners_of(node, attribute, target, joins, condition, by)
        key = node.source.c[by] if key is None else key
        is_selective = is_root and around.is_selective
        if attribute.related.way in ("to many", "through") and (is_selective or target.entity_type.is_materialised):
            # With few owners left, each is tested; otherwise the related entities are found first.
            same = owners.selected_columns[0] == key
            found: Condition = owners.where(same).correlate(node.source).exists()
        else:
            # "key = key" tells SQLite that the key is not NULL, and then it begins with the owners.
            found = key.in_(owners) if is_root or is_null_test else sql.and_(key == key, key.in_(owners))
        if is_null_test and isinstance(criteria, ast.Comparison) and criteria.operator in ("is", "="):
            return ~found
        return found

    def _compare(self, node: Node, attribute: model.Attribute, criteria: ast.Comparison | ast.InCondition) -> Condition:
        name, position = attribute.name, criteria.path[-1].position
        if not attribute.is_scalar:
            name = attribute.related.local[0]
        if attribute.kind == "secret" and not (
            isinstance(criteria, ast.Comparison) and type_conversion.is_null(criteria.value.word)
        ):
            # A comparison would answer questions about the stored digest.
            raise ParseError(f"'{name}' is secret and can be compared with none only (character {position}).")
        column = node.column(name)
        if column is None:
            raise ParseError(f"'{name}' is computed for answers and cannot be searched (character {position}).")
        kind = attribute.kind if attribute.is_scalar else "text"
        if kind == "variable":
            # A date is stored in its JSON envelope.
            column = sql.func.coalesce(sql.func.json_extract(column, "$.value"), sql.func.json_extract(column, "$"))
        if isinstance(criteria, ast.InCondition):
            return self._within(node, column, kind, criteria)
        return self._single(column, kind, criteria)

    def _single(self, column: sql.ColumnElement[Any], kind: str, criteria: ast.Comparison) -> Condition:
        word, value = criteria.operator, criteria.value
        if type_conversion.is_null(value.word):
            if word in ("is", "="):
                return column.is_(sql.null())
            if word in ("is_not", "!="):
                return column.is_not(sql.null())
            raise ParseError(f"'{word}' cannot compare with none (character {value.position}). Use 'is' or 'is_not'.")
        if word in ("like", "not_like"):
            pattern = self._bind((value,), limits.like_pattern, is_list=False)
            text = sql.func.substr(column, 1, limits.MAX_COMPARED_LENGTH)
            return text.like(pattern, escape="\\") if word == "like" else text.not_like(pattern, escape="\\")
        return _OPERATORS[word](column, self._bind((value,), type_conversion.literal_converter(kind), is_list=False))  # type: ignore[no-any-return]

    def _within(self, node: Node, column: sql.ColumnElement[Any], kind: str, criteria: ast.InCondition) -> Condition:
        if criteria.query is None:
            if not criteria.values:
                return sql.false() if criteria.is_in else sql.true()
            values = self._bind(criteria.values, type_conversion.literal_converter(kind), is_list=True)
            return column.in_(values) if criteria.is_in else column.not_in(values)
        query = criteria.query
        root = make_node(node.access, node.access.schema.public(query.entity_type).name)
        joins = JoinBuilder(root)
        selected: Condition = root.source.c[root.entity_type.key[0]]
        if query.projections:
            selected = joins.column(query.projections[0].path, "; a query in a condition gives one")
        conditions = [] if query.criteria is None else [self.compile_all(joins, query.criteria)]
        inner = sql.select(selected).select_from(joins.source)
        inner = inner.where(root.row_filter, selected.is_not(None), *conditions)
        return column.in_(inner) if criteria.is_in else column.not_in(inner)

    def _bind(self, values: Sequence[ast.Value], convert: type_conversion.Converter, *, is_list: bool) -> Any:
        name = f"p{len(self.parameters)}"
        literals = tuple(value.literal if value.word is None else value.word for value in values)
        self.parameters.append(
            BoundParameter(name, literals, tuple(value.position for value in values), convert, is_list)
        )
        return sql.bindparam(name, expanding=True) if is_list else sql.bindparam(name)


def _has_subquery(condition: Condition) -> bool:
    return any(isinstance(element, SelectBase) for element in visitors.iterate(condition))


def _selects_few(node: Node, criteria: ast.Criteria) -> bool:
    """Return whether criteria select entities by key or by what they belong to, so that few are left."""
    if isinstance(criteria, ast.Junction):
        return criteria.word == "and" and any(_selects_few(node, part) for part in criteria.parts)
    if isinstance(criteria, ast.Comparison) and criteria.operator not in ("is", "="):
        return False
    if not isinstance(criteria, (ast.Comparison, ast.InCondition)) or len(criteria.path) > 1:
        return False
    attribute = node.access.schema.attribute(node.entity_type.name, criteria.path[0].name)
    if attribute is None or attribute.name in node.entity_type.key:
        return attribute is not None
    return attribute.kind == "foreign key" and not (
        attribute.rows in node.access.schema.types and "low_cardinality" in node.access.schema[attribute.rows].flags
    )


def _joined(word: str, parts: list[Condition]) -> Condition:
    """Join conditions, many of them in groups, because SQLite limits the depth of an expression to 1000."""
    join = sql.and_ if word == "and" else sql.or_
    while len(parts) > _MAX_CHAIN_LENGTH:
        groups = [parts[start : start + _MAX_CHAIN_LENGTH] for start in range(0, len(parts), _MAX_CHAIN_LENGTH)]
        # Coerced, because SQLAlchemy would flatten the groups again.
        parts = [sql.type_coerce(Grouping(join(*group)), sql.Boolean) for group in groups]
    return join(*parts)


def owners_of(
    node: Node, attribute: model.Attribute, target: Node, joins: JoinBuilder, condition: Condition, by: str
) -> sql.Select[Any]:
    """Return the statement that selects a column of all owners with a related entity that fulfils the condition."""
    join = attribute.related
    wanted = [target.row_filter, condition]
    if join.condition is not None:
        wanted.append(target.source.c[join.condition[0]] == join.condition[1])
    if join.way == "through":
        link = node.access.tables[node.access.schema[join.link]].alias()
        linked = joins.source.join(link, link.c[join.link_remote] == target.source.c[join.remote[0]])
        return sql.select(link.c[join.link_local]).select_from(linked).where(*wanted)
    if join.way in ("up", "down"):
        return _relatives(node, attribute, target, joins, wanted, by)
    owner = target.source.c[join.remote[0]]
    return sql.select(owner).select_from(joins.source).where(owner.is_not(None), *wanted)


def _relatives(
    node: Node, attribute: model.Attribute, target: Node, joins: JoinBuilder, wanted: list[Condition], by: str
) -> sql.Select[Any]:
    """Return the statement for a column of entities below ("up") or above ("down") one that fulfils a condition."""
    table = node.access.tables[node.entity_type].alias()
    parent = attribute.related.remote[0]
    if attribute.related.way == "up":
        seed = sql.select(table.c.id, table.c[by].label("found"))
        seed = seed.select_from(joins.source.join(table, table.c[parent] == target.source.c.id))
        below = seed.where(*wanted).cte(recursive=True, nesting=True)
        further = table.alias()
        step = sql.select(further.c.id, further.c[by])
        below = below.union(step.select_from(further.join(below, further.c[parent] == below.c.id)))
        return sql.select(below.c.found)
    first = sql.select(target.source.c[parent].label("id")).select_from(joins.source).where(*wanted)
    above = first.cte(recursive=True, nesting=True)
    # A scalar query for each: SQLite would scan the table for a filter, because it cannot know how few these are.
    next_one = sql.select(table.c[parent]).where(table.c.id == above.c.id).scalar_subquery()
    above = above.union(sql.select(next_one).select_from(above).where(above.c.id.is_not(None)))
    return sql.select(table.c[by]).where(table.c.id.in_(sql.select(above.c.id)))
