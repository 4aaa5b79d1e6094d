"""The condition that a user may read a row, from the access rules; every table of a statement has it."""

from __future__ import annotations

import functools
import sqlite3
from typing import Any

import attrs
from sqlalchemy import CTE, ColumnElement, FromClause, and_, bindparam, exists, false, func, literal_column, or_, select

from ft_dcc.server.auth.permissions import ATTACHED, PARTICIPANTS, SHARED, AccessRule, OwnerKey, Reach, access_rule
from ft_dcc.server.schema.model import Schema
from ft_dcc.server.schema.tables import Tables

# The parameters of statements for users with a limit: the id of the user, and the ids of the projects as JSON.
CALLER_PARAMETER, PROJECTS_PARAMETER = "caller", "projects"
_ROOT = "Context"
# Families whose owners can have owners of the same families; only one level of those is followed.
_RECURSIVE = ("Component", "Note")
# The keys by which an entity shows a component that has no owner: as its thumbnail, or attached to it.
_THUMBNAIL_FAMILIES = ("Context", "AssetVersion", "Resource")
_ATTACHMENTS = {"NoteComponent": "note_id", "JobComponent": "job_id", "SettingComponent": ""}
# From this version on, SQLite would store the rows of an expression that is used twice.
_NOT_MATERIALIZED = sqlite3.sqlite_version_info >= (3, 35, 0)

Condition = ColumnElement[Any]


@attrs.frozen(eq=False)
class AccessScope:
    """What a statement may read: conditions of one reach; those that are inner follow no recursive family again."""

    schema: Schema
    tables: Tables
    reach: Reach
    _expressions: dict[tuple[str, bool], CTE] = attrs.field(factory=dict)

    def visibility(self, type_name: str, source: FromClause) -> Condition | None:
        """Return the condition that a row of a type may be seen, or None if all may."""
        if self.reach is Reach.EVERYTHING:
            return None
        if self.schema[type_name].is_materialised:
            family = self.schema[type_name.replace("CustomAttributeValue", "")].family
            return self._leads_to(family, source.c.entity_id)
        return self._condition(self.schema[type_name].family, source)

    def implies_owner(self, type_name: str, column: str) -> bool:
        """Return whether a row of this type is visible only if the entity that this column leads to is visible."""
        rule = access_rule(self.schema, self.schema[self.schema[type_name].family])
        return column in {key.column for key in rule.owners}

    def _condition(self, family: str, source: FromClause, *, is_inner: bool = False) -> Condition | None:
        rule = access_rule(self.schema, self.schema[family])
        if rule.is_public:
            return None
        if family == _ROOT:
            return None if self.reach is Reach.ALL_PROJECTS else source.c.project_id.in_(_projects())
        if rule.is_personal:
            own: Condition | None = source.c[rule.author] == _caller()
        elif not rule.owners:
            return false()
        else:
            own = self._member(family, rule, source, is_inner=is_inner)
        return own if own is None or is_inner else or_(own, *self._also(rule.also, source))

    def _member(self, family: str, rule: AccessRule, source: FromClause, *, is_inner: bool) -> Condition | None:
        """Return the condition that the user may read all owners, or that the row has none and is the user's."""
        found = [(source.c[key.column], self._leads(family, key, source, is_inner=is_inner)) for key in rule.owners]
        if not rule.unowned:
            conditions = [condition for _, condition in found if condition is not None]
            return and_(*conditions) if conditions else None
        has_owner = or_(*(column.is_not(None) for column, _ in found))
        each = [or_(column.is_(None), condition) for column, condition in found if condition is not None]
        own = [source.c[rule.author] == _caller()] if rule.unowned == "author" else []
        return or_(and_(has_owner, *each), and_(~has_owner, *own))

    def _leads(self, family: str, key: OwnerKey, source: FromClause, *, is_inner: bool) -> Condition | None:
        """Return the condition that a key leads to a visible row, or None if all rows are visible."""
        column, targets = source.c[key.column], key.targets or self._targets(family, key.column)
        if len(targets) == 1:
            is_next_inner = is_inner or targets[0] == family
            return false() if is_inner and targets[0] == family else self._leads_to(targets[0], column, is_next_inner)
        values = []
        for target in targets:
            if is_inner and target in _RECURSIVE:
                continue
            # The frames of a sequence and the replies to a note have parts, too.
            row = self._rows(target, is_inner=target in _RECURSIVE and family in _RECURSIVE)
            if row is not None or self.reach is Reach.SOME_PROJECTS:
                found = self.tables.by_family[target].alias() if row is None else row.alias()
                value = literal_column("1") if row is None else found.c.is_visible
                values.append(func.coalesce(select(value).where(found.c.id == column).scalar_subquery(), 2))
        # None of the rows that the key may lead to is hidden: ids of different types can be equal.
        if self.reach is Reach.ALL_PROJECTS:
            return func.min(*values, 2) > 0 if values else None
        return func.min(*values, 2) == 1

    def _leads_to(self, family: str, column: Condition, is_inner: bool = False) -> Condition | None:
        """Return the condition that a column is the id of a visible row of a family, or None if all are visible."""
        if family == _ROOT:
            # Of a row that is found by its key, SQLite compares the value instead of searching the index of projects.
            row = self.tables.by_family[_ROOT].alias()
            project = select(row.c.project_id).where(row.c.id == column).scalar_subquery()
            return None if self.reach is Reach.ALL_PROJECTS else project.in_(_projects())
        rows = self._rows(family, is_inner=is_inner)
        if rows is None:
            return None
        found = rows.alias()
        return exists(select(literal_column("1")).where(found.c.id == column, found.c.is_visible))

    def _rows(self, family: str, *, is_inner: bool) -> CTE | None:
        """Return the ids of the rows of a family and whether each is visible, or None if all are.

        SQLite replaces a common table expression by its content; its parser would not take so many subqueries inside
        each other.
        """
        if (family, is_inner) in self._expressions:
            return self._expressions[family, is_inner]
        row = self.tables.by_family[family].alias()
        condition = self._condition(family, row, is_inner=is_inner)
        if condition is None:
            return None
        name = f"visible_{'inner_' if is_inner else ''}{self.tables.by_family[family].name}"
        found = select(row.c.id, func.coalesce(condition, 0).label("is_visible")).cte(name)
        if _NOT_MATERIALIZED:
            found = found.prefix_with("NOT MATERIALIZED")
        self._expressions[family, is_inner] = found
        return found

    def _targets(self, family: str, column: str) -> tuple[str, ...]:
        found = {
            self.schema[attribute.rows].family
            for member in self.schema.family_of(family)
            for attribute in member.attributes.values()
            if attribute.column == column and attribute.rows
        }
        return tuple(sorted(found))

    def _also(self, name: str, source: FromClause) -> list[Condition]:
        """Return the further conditions under which a row can be read."""
        if name == SHARED:
            link = self.tables.by_family["DashboardResource"].alias()
            is_given = exists(select(1).where(link.c.dashboard_id == source.c.id, link.c.resource_id == _caller()))
            return [source.c.is_shared_with_everyone == 1, is_given]
        if name == PARTICIPANTS:
            link = self.tables.by_family["Participant"].alias()
            return [exists(select(1).where(link.c.conversation_id == source.c.id, link.c.resource_id == _caller()))]
        if name != ATTACHED:
            return []
        # A component without an owner is the thumbnail of a visible entity, or attached to one.
        found: list[Condition] = []
        for family in _THUMBNAIL_FAMILIES:
            row = self.tables.by_family[family].alias()
            is_visible = self._condition(family, row)
            wanted = [row.c.thumbnail_id == source.c.id, *([] if is_visible is None else [is_visible])]
            found.append(exists(select(literal_column("1")).where(*wanted)))
        for family, column in _ATTACHMENTS.items():
            row = self.tables.by_family[family].alias()
            targets = self._targets(family, column) if column else ()
            shown = [self._leads_to(target, row.c[column], is_inner=target in _RECURSIVE) for target in targets]
            wanted = [row.c.component_id == source.c.id, *(condition for condition in shown if condition is not None)]
            found.append(exists(select(literal_column("1")).where(*wanted)))
        return [and_(source.c.version_id.is_(None), source.c.container_id.is_(None), or_(*found))]


@functools.lru_cache(maxsize=16)
def access_scope(schema: Schema, tables: Tables, reach: Reach) -> AccessScope:
    """Return the scope of a reach, which keeps the expressions that it has built."""
    return AccessScope(schema, tables, reach)


def _caller() -> Condition:
    return bindparam(CALLER_PARAMETER)


def _projects() -> Any:
    # One parameter for any number of projects, because a statement may need it many times.
    return select(func.json_each(bindparam(PROJECTS_PARAMETER)).table_valued("value").c.value)
