"""Tables in a statement: entities that conditions speak of, and the joins between them."""

from __future__ import annotations

from typing import Any

import attrs
from sqlalchemy import ColumnElement, FromClause, and_, or_, true

from ft_dcc.server.errors import ParseError
from ft_dcc.server.query import ast, computed, limits
from ft_dcc.server.query.row_filter import AccessScope
from ft_dcc.server.schema.model import Attribute, EntityType, Schema
from ft_dcc.server.schema.tables import ROW_COLUMN, TYPE_COLUMN

Condition = ColumnElement[Any]


@attrs.frozen(eq=False)
class Node:
    """One occurrence of an entity type in a statement."""

    access: AccessScope
    entity_type: EntityType
    source: FromClause

    def attribute(self, step: ast.Step) -> Attribute:
        """Return the attribute of a step; raises ParseError with the position when there is none."""
        attribute = self.access.schema.attribute(self.entity_type.name, step.name)
        if attribute is None or attribute.is_hidden:
            raise ParseError(f"{self.entity_type.name} has no attribute '{step.name}' (character {step.position}).")
        return attribute

    def column(self, name: str) -> Condition | None:
        """Return the column of an attribute or the SQL that computes it, or None when SQL cannot compute it."""
        attribute = self.access.schema.attribute(self.entity_type.name, name)
        if attribute is not None and attribute.column is not None:
            return self.source.c[attribute.column]
        if formula := computed.COMPUTED_COLUMNS.get((self.entity_type.family, name)):
            return formula(self.access, self.source)
        return None

    def require_column(self, name: str) -> Condition:
        """Return the column of an attribute; raises ParseError when it has none, or is secret."""
        column = self.column(name)
        attribute = self.access.schema.attribute(self.entity_type.name, name)
        if attribute is not None and attribute.kind == "secret":
            raise ParseError(f"{self.entity_type.name}.{name} is secret and cannot be searched. Leave it out.")
        if column is None:
            raise ParseError(f"{self.entity_type.name}.{name} is computed for answers and cannot be searched.")
        return column

    @property
    def row_filter(self) -> Condition:
        """The condition that a row has this type and may be seen."""
        conditions: list[Condition] = []
        if TYPE_COLUMN in self.source.c and not self.entity_type.is_view and self.entity_type.base:
            conditions.append(self.source.c[TYPE_COLUMN].in_(self.access.schema.with_subtypes(self.entity_type.name)))
        if only := self.entity_type.lists.get("only"):
            conditions.append(self.source.c[only[0]] == only[1])
        if (is_visible := self.visibility) is not None:
            conditions.append(is_visible)
        return and_(true(), *conditions)

    @property
    def visibility(self) -> Condition | None:
        """The condition that a row may be seen, or None if all may."""
        return self.access.visibility(self.entity_type.name, self.source)

    @property
    def default_order(self) -> list[Condition]:
        """The order of rows in queries without an order."""
        if ROW_COLUMN in self.source.c:
            return [self.source.c[ROW_COLUMN]]
        return [self.source.c[name] for name in self.entity_type.key]


def make_node(access: AccessScope, type_name: str) -> Node:
    """Return a new node; raises ValidationError for an unknown type."""
    schema, tables = access.schema, access.tables
    entity_type = schema[type_name]
    if entity_type.is_materialised:
        kind = type_name.replace("CustomAttributeValue", "")
        source: FromClause = computed.materialised_values(tables.by_family, kind, schema[kind].family)
    else:
        source = tables[entity_type].alias()
    return Node(access, entity_type, source)


@attrs.define(eq=False)
class JoinBuilder:
    """The FROM clause of one statement; it joins each relation to one entity at most once.

    ``is_selective`` says that the conditions on the root alone leave few of its rows.
    """

    root: Node
    source: FromClause = attrs.field(default=attrs.Factory(lambda self: self.root.source, takes_self=True))
    is_selective: bool = False
    _joined: dict[tuple[int, str, str], Node] = attrs.field(factory=dict)

    @property
    def guards(self) -> list[Condition]:
        """The conditions that the rows of all tables may be seen, except those that SQLite tests first anyway."""
        # Contexts are seen by the value of a column, the project, and not by that of other tables.
        is_visible = None if self.root.entity_type.family == "Context" else self.root.visibility
        found = [] if is_visible is None else [is_visible]
        for target in self._joined.values():
            if (is_visible := target.visibility) is not None:
                found.append(or_(target.source.c[target.entity_type.key[0]].is_(None), is_visible))
        return found

    def join(self, node: Node, attribute: Attribute, step: ast.Step) -> Node:
        """Return the node of a relation to one entity; rows without a related entity stay, with nulls."""
        position = (id(node), attribute.name, step.cast)
        if position not in self._joined:
            target = make_node(node.access, cast_type(node.access.schema, attribute, step))
            local = [node.require_column(name) for name in attribute.related.local]
            meeting = [a == target.source.c[b] for a, b in zip(local, attribute.related.remote)]
            if step.cast:
                meeting.append(target.row_filter)
            elif (is_visible := target.visibility) is not None:
                meeting.append(is_visible)
            limits.check_joins(len(self._joined) + 1)
            self.source = self.source.outerjoin(target.source, and_(*meeting))
            self._joined[position] = target
        return self._joined[position]

    def column(self, path: ast.Path, problem: str = " and cannot be sorted by") -> Condition:
        """Return the column at the end of a path; raises ParseError with the problem for a relation to many on it."""
        node = self.root
        for step in path[:-1]:
            attribute = node.attribute(step)
            if attribute.is_scalar:
                raise ParseError(f"'{step.name}' is a value and has no attributes (character {step.position}).")
            _check_one(attribute, step, problem)
            node = self.join(node, attribute, step)
        attribute = node.attribute(path[-1])
        _check_one(attribute, path[-1], problem)
        return node.require_column(attribute.name if attribute.is_scalar else attribute.related.local[0])


def _check_one(attribute: Attribute, step: ast.Step, problem: str) -> None:
    if attribute.is_many:
        raise ParseError(f"'{step.name}' has many values{problem} (character {step.position}).")


def cast_type(schema: Schema, attribute: Attribute, step: ast.Step) -> str:
    """Return the type that a step leads to; raises ParseError when it is cast to a type that is no subtype."""
    if not step.cast:
        return attribute.rows
    if step.cast not in schema.with_subtypes(attribute.rows):
        raise ParseError(
            f"'{step.name}' leads to {attribute.rows}, which cannot be {step.cast} (character {step.position})."
        )
    return step.cast
