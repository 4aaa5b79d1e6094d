"""Tables in a statement: entities that conditions speak of, and the joins between them."""

from __future__ import annotations

from typing import Any

import attrs
from sqlalchemy import ColumnElement, FromClause, and_, true

from ft_dcc.errors import ParseError
from ft_dcc.server.query.computed import FORMULAS, dense_values
from ft_dcc.server.query.syntax import Step
from ft_dcc.server.query.visibility import is_visible
from ft_dcc.server.schema.model import Attribute, EntityType, Schema
from ft_dcc.server.schema.tables import ROW_COLUMN, TYPE_COLUMN, Tables

Condition = ColumnElement[Any]


@attrs.frozen(eq=False)
class Sight:
    """What a statement may see: everything, or for users with a limit what their projects have."""

    schema: Schema
    tables: Tables
    is_limited: bool = False


@attrs.frozen(eq=False)
class Node:
    """One entity type at one place of a statement."""

    sight: Sight
    entity_type: EntityType
    source: FromClause

    def attribute(self, step: Step) -> Attribute:
        """Return the attribute that a step names; raises ParseError with the place when there is none."""
        attribute = self.sight.schema.attribute(self.entity_type.name, step.name)
        if attribute is None or attribute.is_hidden:
            raise ParseError(f"{self.entity_type.name} has no attribute '{step.name}' (character {step.place}).")
        return attribute

    def column(self, name: str) -> Condition | None:
        """Return the column of an attribute, or what computes it; None when SQL cannot."""
        attribute = self.sight.schema.attribute(self.entity_type.name, name)
        if attribute is not None and attribute.column is not None:
            return self.source.c[attribute.column]
        if formula := FORMULAS.get((self.entity_type.family, name)):
            return formula(self.sight.tables.by_family, self.source)
        return None

    def sure_column(self, name: str) -> Condition:
        """Return the column of an attribute that certainly has one."""
        column = self.column(name)
        if column is None:
            raise ParseError(f"{self.entity_type.name}.{name} is computed for the answer and cannot be searched.")
        return column

    @property
    def is_wanted(self) -> Condition:
        """The condition that a row is one of this type, and may be seen."""
        conditions: list[Condition] = []
        if TYPE_COLUMN in self.source.c and not self.entity_type.is_view and self.entity_type.base:
            conditions.append(self.source.c[TYPE_COLUMN].in_(self.sight.schema.with_subtypes(self.entity_type.name)))
        if only := self.entity_type.lists.get("only"):
            conditions.append(self.source.c[only[0]] == only[1])
        if self.sight.is_limited:
            sight = self.sight
            conditions.append(is_visible(sight.schema, sight.tables, self.entity_type.name, self.source))
        return and_(true(), *conditions)

    @property
    def order(self) -> list[Condition]:
        """The order in which rows come when none is asked for."""
        if ROW_COLUMN in self.source.c:
            return [self.source.c[ROW_COLUMN]]
        return [self.source.c[name] for name in self.entity_type.key]


def make_node(sight: Sight, type_name: str) -> Node:
    """Return a new node; raises ValidationError for an unknown type."""
    schema, tables = sight.schema, sight.tables
    entity_type = schema[type_name]
    if entity_type.is_dense:
        kind = type_name.replace("CustomAttributeValue", "")
        source: FromClause = dense_values(tables.by_family, kind, schema[kind].family)
    else:
        source = tables[entity_type].alias()
    return Node(sight, entity_type, source)


@attrs.define(eq=False)
class Scope:
    """The FROM of one statement; it joins each relation to one entity at most once.

    ``is_narrow`` says that few rows of the root are left before anything else is looked at.
    """

    root: Node
    source: FromClause
    is_narrow: bool = False
    _joined: dict[tuple[int, str, str], Node] = attrs.field(factory=dict)

    @classmethod
    def of(cls, node: Node) -> Scope:
        """Return a scope that has only this node."""
        return cls(node, node.source)

    def join(self, node: Node, attribute: Attribute, step: Step) -> Node:
        """Return the entity that a relation to one leads to; rows without one stay, with nulls."""
        place = (id(node), attribute.name, step.cast)
        if place not in self._joined:
            target = make_node(node.sight, cast_type(node.sight.schema, attribute, step))
            local = [node.sure_column(name) for name in attribute.related.local]
            meeting = [a == target.source.c[b] for a, b in zip(local, attribute.related.remote)]
            kind = [target.is_wanted] if step.cast else []
            self.source = self.source.outerjoin(target.source, and_(*meeting, *kind))
            self._joined[place] = target
        return self._joined[place]


def cast_type(schema: Schema, attribute: Attribute, step: Step) -> str:
    """Return the type that a step leads to; raises ParseError when it is cast to what it cannot be."""
    if not step.cast:
        return attribute.rows
    if step.cast not in schema.with_subtypes(attribute.rows):
        raise ParseError(
            f"'{step.name}' leads to {attribute.rows}, which cannot be {step.cast} (character {step.place})."
        )
    return step.cast
