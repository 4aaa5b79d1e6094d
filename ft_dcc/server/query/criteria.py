"""Conditions of the query language as conditions of SQL, with bound values."""

from __future__ import annotations

import operator as python_operator
from collections.abc import Callable, Sequence
from typing import Any

import attrs
from sqlalchemy import (
    Boolean,
    ColumnElement,
    Select,
    and_,
    bindparam,
    false,
    func,
    literal_column,
    null,
    or_,
    select,
    true,
    type_coerce,
)
from sqlalchemy.sql.elements import Grouping

from ft_dcc.errors import ParseError
from ft_dcc.server.query.scope import Condition, Node, Scope, cast_type, make_node
from ft_dcc.server.query.syntax import (
    Comparison,
    Criteria,
    Junction,
    Negation,
    Path,
    Query,
    Related,
    Step,
    Value,
    Within,
)
from ft_dcc.server.query.values import Converter, converter, is_null
from ft_dcc.server.schema.model import Attribute
from ft_dcc.server.schema.tables import ROW_COLUMN

_LONGEST_CHAIN = 100
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
class Bound:
    """A parameter of a statement: which literals it takes, where they stand, and what makes values of them."""

    name: str
    masks: tuple[int | str, ...]
    places: tuple[int, ...]
    convert: Converter
    is_list: bool


@attrs.define(eq=False)
class Conditions:
    """Compiles criteria and collects the parameters that the statement will want."""

    bounds: list[Bound] = attrs.field(factory=list)

    def compile(self, scope: Scope, node: Node, criteria: Criteria) -> Condition:
        """Return the SQL of criteria about a node."""
        if node is scope.root:
            scope.is_narrow = scope.is_narrow or _finds_few(node, criteria)
        if isinstance(criteria, Junction):
            return _joined(criteria.word, [self.compile(scope, node, part) for part in criteria.parts])
        if isinstance(criteria, Negation):
            # What is unknown is not so: "not version is 5" finds what has no version.
            inner = self.compile(scope, node, criteria.criteria)
            return func.coalesce(inner, literal_column("0")) == literal_column("0")
        return self._along(scope, node, criteria.path, criteria)

    def _along(self, scope: Scope, node: Node, path: Path, criteria: Comparison | Within | Related) -> Condition:
        """Follow the path; a relation to many means that one of them fulfils the rest."""
        step, rest = path[0], path[1:]
        attribute = node.attribute(step)
        if not attribute.is_scalar and (rest or isinstance(criteria, Related) or attribute.is_many):
            if attribute.is_many:
                return self._exists(scope, node, attribute, path, criteria)
            if not isinstance(criteria, Related) and not step.cast and _is_key(attribute, rest):
                # "parent.id" is known without the parent, and SQLite plans a join worse than a value.
                return self._compare(node, attribute, criteria)
            if rest and not step.cast and (owner := self._owner(node, attribute, rest[0])) is not None:
                key = node.sure_column(attribute.related.local[0])
                return self._exists(scope, owner, owner.attribute(rest[0]), rest, criteria, key)
            target = scope.join(node, attribute, step)
            if rest:
                return self._along(scope, target, rest, criteria)
            inner = criteria.criteria if isinstance(criteria, Related) else None
            found = target.source.c[target.entity_type.key[0]].is_not(None)
            return found if inner is None else and_(found, self.compile(scope, target, inner))
        if rest:
            raise ParseError(f"'{step.name}' is a value and has no attributes (character {step.place}).")
        if isinstance(criteria, Related):
            raise ParseError(f"'{step.name}' is a value; 'has' and 'any' need a relation (character {step.place}).")
        return self._compare(node, attribute, criteria)

    def _owner(self, node: Node, attribute: Attribute, step: Step) -> Node | None:
        """Return what a relation leads to, if the step is one to many from there and nothing else is to be known of it.

        The key that leads there is as good as a join, and SQLite begins a join on the wrong side.
        """
        owner = make_node(node.sight, attribute.rows)
        further = owner.attribute(step)
        is_it = further.is_many and further.related.local[0] == attribute.related.remote[0]
        return owner if is_it and node.column(attribute.related.local[0]) is not None else None

    def _exists(
        self,
        around: Scope,
        node: Node,
        attribute: Attribute,
        path: Path,
        criteria: Comparison | Within | Related,
        key: Condition | None = None,
    ) -> Condition:
        """Return that one of the related fulfils the rest of the path; ``key`` stands for a node that is not joined."""
        step, rest = path[0], path[1:]
        target = make_node(node.sight, cast_type(node.sight.schema, attribute, step))
        scope = Scope.of(target)
        condition: Condition = true()
        wants_none = False
        if rest:
            condition = self._along(scope, target, rest, criteria)
        elif isinstance(criteria, Related):
            if criteria.criteria is not None:
                condition = self.compile(scope, target, criteria.criteria)
        else:
            wants_none = isinstance(criteria, Comparison) and is_null(criteria.value.word)
            if not wants_none:
                condition = self._compare(target, target.entity_type.attributes[target.entity_type.key[0]], criteria)
        is_root = node is around.root
        # Relatives are found by their rows: those lie beside each other, and ids anywhere.
        by = ROW_COLUMN if is_root and attribute.related.way in ("up", "down") else attribute.related.local[0]
        owners = owners_of(node, attribute, target, scope, condition, by)
        key = node.source.c[by] if key is None else key
        is_narrow = is_root and around.is_narrow
        if attribute.related.way in ("to many", "through") and (is_narrow or target.entity_type.is_dense):
            # Few owners are left to look at, so each is asked; otherwise the related ones are found first.
            same = owners.selected_columns[0] == key
            found: Condition = owners.where(same).correlate(node.source).exists()
        else:
            # A key that equals itself tells SQLite that there is one, and then it begins with the owners.
            found = key.in_(owners) if is_root or wants_none else and_(key == key, key.in_(owners))
        if wants_none and isinstance(criteria, Comparison) and criteria.operator in ("is", "="):
            return ~found
        return found

    def _compare(self, node: Node, attribute: Attribute, criteria: Comparison | Within) -> Condition:
        name = attribute.name if attribute.is_scalar else attribute.related.local[0]
        column = node.column(name)
        if column is None:
            place = criteria.path[-1].place
            raise ParseError(f"'{name}' is computed for the answer and cannot be searched (character {place}).")
        kind = attribute.kind if attribute.is_scalar else "text"
        if kind == "variable":
            # A date lies in an envelope that says so.
            column = func.coalesce(func.json_extract(column, "$.value"), func.json_extract(column, "$"))
        if isinstance(criteria, Within):
            return self._within(node, column, kind, criteria)
        return self._single(column, kind, criteria)

    def _single(self, column: ColumnElement[Any], kind: str, criteria: Comparison) -> Condition:
        word, value = criteria.operator, criteria.value
        if is_null(value.word):
            if word in ("is", "="):
                return column.is_(null())
            if word in ("is_not", "!="):
                return column.is_not(null())
            raise ParseError(f"'{word}' cannot compare with none (character {value.place}). Use 'is' or 'is_not'.")
        if word in ("like", "not_like"):
            pattern = self._bind((value,), str, is_list=False)
            return column.like(pattern, escape="\\") if word == "like" else column.not_like(pattern, escape="\\")
        return _OPERATORS[word](column, self._bind((value,), converter(kind), is_list=False))  # type: ignore[no-any-return]

    def _within(self, node: Node, column: ColumnElement[Any], kind: str, criteria: Within) -> Condition:
        if criteria.query is not None:
            inner = self.select_one(node, criteria.query)
            return column.in_(inner) if criteria.is_in else column.not_in(inner)
        if not criteria.values:
            return false() if criteria.is_in else true()
        values = self._bind(criteria.values, converter(kind), is_list=True)
        return column.in_(values) if criteria.is_in else column.not_in(values)

    def select_one(self, node: Node, query: Query) -> Select[Any]:
        """Return the statement of a query inside a condition; it gives one column."""
        root = make_node(node.sight, node.sight.schema.public(query.entity_type).name)
        scope = Scope.of(root)
        path = query.projections[0].path if query.projections else ()
        found = root
        column: Condition = root.source.c[root.entity_type.key[0]]
        for index, step in enumerate(path):
            attribute = found.attribute(step)
            if attribute.is_many:
                raise ParseError(
                    f"'{step.name}' has many values; a query in a condition gives one (character {step.place})."
                )
            if attribute.is_scalar or index == len(path) - 1:
                column = found.sure_column(step.name if attribute.is_scalar else attribute.related.local[0])
                break
            found = scope.join(found, attribute, step)
        conditions = [] if query.criteria is None else [self.compile(scope, root, query.criteria)]
        return select(column).select_from(scope.source).where(root.is_wanted, column.is_not(None), *conditions)

    def _bind(self, values: Sequence[Value], convert: Converter, *, is_list: bool) -> Any:
        name = f"p{len(self.bounds)}"
        masks = tuple(value.mask if value.word is None else value.word for value in values)
        self.bounds.append(Bound(name, masks, tuple(value.place for value in values), convert, is_list))
        return bindparam(name, expanding=True) if is_list else bindparam(name)


def _finds_few(node: Node, criteria: Criteria) -> bool:
    """Whether criteria name the entities, or what they belong to, so that few are left."""
    if isinstance(criteria, Junction):
        return criteria.word == "and" and any(_finds_few(node, part) for part in criteria.parts)
    if isinstance(criteria, Comparison) and criteria.operator not in ("is", "="):
        return False
    if not isinstance(criteria, (Comparison, Within)) or len(criteria.path) > 1:
        return False
    attribute = node.sight.schema.attribute(node.entity_type.name, criteria.path[0].name)
    if attribute is None or attribute.name in node.entity_type.key:
        return attribute is not None
    return attribute.kind == "foreign key" and not (
        attribute.rows in node.sight.schema.types and "few" in node.sight.schema[attribute.rows].flags
    )


def _is_key(attribute: Attribute, rest: Path) -> bool:
    """Whether the rest of a path is what the owner refers to the related entity by."""
    return [step.name for step in rest] == [attribute.related.remote[0]]


def _joined(word: str, parts: list[Condition]) -> Condition:
    """Join conditions; many of them in groups, because SQLite takes chains of a thousand at most."""
    join = and_ if word == "and" else or_
    while len(parts) > _LONGEST_CHAIN:
        groups = [parts[start : start + _LONGEST_CHAIN] for start in range(0, len(parts), _LONGEST_CHAIN)]
        # Coerced, because SQLAlchemy would make one chain of them again.
        parts = [type_coerce(Grouping(join(*group)), Boolean) for group in groups]
    return join(*parts)


def owners_of(
    node: Node, attribute: Attribute, target: Node, scope: Scope, condition: Condition, by: str
) -> Select[Any]:
    """Return the statement that gives all owners one of whose related entities fulfils the condition, by a column."""
    join = attribute.related
    wanted = [target.is_wanted, condition]
    if join.condition is not None:
        wanted.append(target.source.c[join.condition[0]] == join.condition[1])
    if join.way == "through":
        link = node.sight.tables[node.sight.schema[join.link]].alias()
        linked = scope.source.join(link, link.c[join.link_remote] == target.source.c[join.remote[0]])
        return select(link.c[join.link_local]).select_from(linked).where(*wanted)
    if join.way in ("up", "down"):
        return _relatives(node, attribute, target, scope, wanted, by)
    owner = target.source.c[join.remote[0]]
    return select(owner).select_from(scope.source).where(owner.is_not(None), *wanted)


def _relatives(
    node: Node, attribute: Attribute, target: Node, scope: Scope, wanted: list[Condition], by: str
) -> Select[Any]:
    """Return all entities below (for "up") or above (for "down") one that fulfils the condition, by a column."""
    table = node.sight.tables[node.entity_type].alias()
    parent = attribute.related.remote[0]
    if attribute.related.way == "up":
        seed = select(table.c.id, table.c[by].label("found"))
        seed = seed.select_from(scope.source.join(table, table.c[parent] == target.source.c.id))
        below = seed.where(*wanted).cte(recursive=True, nesting=True)
        further = table.alias()
        step = select(further.c.id, further.c[by])
        below = below.union(step.select_from(further.join(below, further.c[parent] == below.c.id)))
        return select(below.c.found)
    first = select(target.source.c[parent].label("id")).select_from(scope.source).where(*wanted)
    above = first.cte(recursive=True, nesting=True)
    # Asked for one by one: SQLite would read the whole table for a filter, because it cannot know how few these are.
    next_one = select(table.c[parent]).where(table.c.id == above.c.id).scalar_subquery()
    above = above.union(select(next_one).select_from(above).where(above.c.id.is_not(None)))
    return select(table.c[by]).where(table.c.id.in_(select(above.c.id)))
