"""Which entities a user who is limited to some projects may see: those that belong to one of them, or to none."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, FromClause, bindparam, func, null, or_, select

from ft_dcc.server.schema.model import Schema
from ft_dcc.server.schema.tables import Tables

# The parameter of every statement for such a user: the ids of the projects.
PROJECTS = "projects"
# What a key that may lead anywhere can lead to, as far as it is part of a project.
_ANYTHING = ("Context", "AssetVersion", "Asset", "Component", "ReviewSessionObject", "ReviewSession", "List", "Note")


def is_visible(schema: Schema, tables: Tables, type_name: str, source: FromClause) -> ColumnElement[bool]:
    """Return the condition that a row of this type belongs to one of the projects, or to no project at all."""
    entity_type = schema[type_name]
    if entity_type.is_dense:
        family = schema[type_name.replace("CustomAttributeValue", "")].family
        project = _project_above(schema, tables, source.c.entity_id, family, frozenset())
    else:
        project = _project_of(schema, tables, entity_type.family, source, frozenset())
    if project is None:
        return null().is_(null())
    return or_(project.is_(None), project.in_(bindparam(PROJECTS, expanding=True)))


def _project_of(
    schema: Schema, tables: Tables, family: str, source: FromClause, seen: frozenset[str]
) -> ColumnElement[Any] | None:
    """Return the project that a row belongs to as SQL, found along the keys of what owns it; None for no project.

    ``seen`` are the families on the way.
    """
    if family == "Context":
        return source.c.project_id
    found: list[ColumnElement[Any]] = []
    for column, target in _owning_keys(schema, family).items():
        for name in _ANYTHING if target == "*" else (target,):
            # A family may lead to itself once: the members of a sequence have the version of the sequence.
            above = None if name in seen else _project_above(schema, tables, source.c[column], name, seen | {family})
            if above is not None:
                found.append(above)
    return func.coalesce(*found, null()) if found else None


def _project_above(
    schema: Schema, tables: Tables, key: ColumnElement[Any], family: str, seen: frozenset[str]
) -> ColumnElement[Any] | None:
    target = tables.by_family[family].alias()
    project = _project_of(schema, tables, family, target, seen)
    return None if project is None else select(project).where(target.c.id == key).scalar_subquery()


def _owning_keys(schema: Schema, family: str) -> dict[str, str]:
    """Return the columns whose targets own a row of this family, and the families of the targets."""
    found: dict[str, str] = {}
    for member in schema.family_of(family):
        for attribute in member.attributes.values():
            if attribute.rule == "owned" and attribute.column is not None and not member.is_view:
                found[attribute.column] = attribute.rows if attribute.rows == "*" else schema[attribute.rows].family
    return found
