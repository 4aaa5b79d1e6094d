"""The permissions of users, which follow from their security roles."""

from __future__ import annotations

import enum
import functools
from collections.abc import Sequence
from typing import Any

import attrs
from sqlalchemy import Connection, bindparam, or_, select

from ft_dcc.server.database.prepared import Prepared
from ft_dcc.server.schema.tables import TYPE_COLUMN, Tables

# Names of roles: those that may change everything, and those that may also create projects.
_ADMINISTRATORS = frozenset(("Administrator", "API"))
MANAGER_ROLE = "Project Manager"
# Reads and writes notes, and nothing else.
REVIEWER_ROLE = "Reviewer"
DEFAULT_ROLE = "User"


class Reach(enum.Enum):
    """What a user may read: everything, all projects but only own personal entities, or some projects."""

    EVERYTHING = "everything"
    ALL_PROJECTS = "all projects"
    SOME_PROJECTS = "some projects"


@attrs.frozen
class Permissions:
    """The permissions of one user: the ids of the projects that the user may read, write to and manage.

    None stands for all projects. A ``contributor`` has another role than that of a reviewer.
    """

    is_administrator: bool
    can_create_projects: bool
    projects: tuple[str, ...] | None
    writable: tuple[str, ...] | None
    managed: tuple[str, ...] | None = ()
    is_contributor: bool = True

    @property
    def reach(self) -> Reach:
        """What the user may read."""
        if self.is_administrator:
            return Reach.EVERYTHING
        return Reach.ALL_PROJECTS if self.projects is None else Reach.SOME_PROJECTS


UNLIMITED = Permissions(is_administrator=True, can_create_projects=True, projects=None, writable=None, managed=None)


def permissions_of(connection: Connection, tables: Tables, user_id: str) -> Permissions:
    """Return the sum of the user's security roles."""
    queries = _prepare(tables)
    held = queries.roles.rows(connection, {"user_id": user_id})
    names = {name for name, _, _ in held}
    if names & _ADMINISTRATORS:
        return UNLIMITED
    everything = {project_id for (project_id,) in queries.projects.rows(connection, {})}

    def limit(roles: Sequence[Sequence[Any]]) -> tuple[str, ...] | None:
        allowed = queries.projects_of(connection, roles) & everything if roles else set()
        return None if roles and allowed == everything else tuple(sorted(allowed))

    contributing = [role for role in held if role[0] != REVIEWER_ROLE]
    readable = limit(held)
    return Permissions(
        is_administrator=False,
        can_create_projects=MANAGER_ROLE in names,
        projects=readable,
        writable=readable if len(contributing) == len(held) else limit(contributing),
        managed=limit([role for role in held if role[0] == MANAGER_ROLE]),
        is_contributor=bool(contributing),
    )


class PermissionCache:
    """The permissions of users as of the last commit; for one thread."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, Permissions]] = {}

    def get(self, connection: Connection, tables: Tables, user_id: str, commits: int) -> Permissions:
        """Return the result of :func:`permissions_of`, computed once for each number of ``commits``."""
        known = self._known.get(user_id)
        if known is not None and known[0] == commits:
            return known[1]
        permissions = permissions_of(connection, tables, user_id)
        self._known[user_id] = commits, permissions
        return permissions


@attrs.frozen
class _Queries:
    """The prepared queries for a user's roles and projects."""

    roles: Prepared
    projects: Prepared
    public_projects: Prepared
    listed_projects: Prepared

    def projects_of(self, connection: Connection, held: Sequence[Sequence[Any]]) -> set[str]:
        """Return the ids of the projects that the roles apply to; a role is its name, is_all_open_projects and id."""
        listed = self.listed_projects.rows(connection, {"roles": [key for _, _, key in held]})
        found = {str(project_id) for (project_id,) in listed}
        if any(is_open for _, is_open, _ in held):
            found.update(str(project_id) for (project_id,) in self.public_projects.rows(connection, {}))
        return found


@functools.lru_cache(maxsize=8)
def _prepare(tables: Tables) -> _Queries:
    held, role = tables.by_family["UserSecurityRole"], tables.by_family["SecurityRole"]
    project, listed = tables.by_family["Context"], tables.by_family["UserSecurityRoleProject"]
    roles = select(role.c.name, held.c.is_all_open_projects, held.c.id)
    roles = roles.select_from(held.join(role, held.c.security_role_id == role.c.id))
    projects = select(project.c.id).where(project.c[TYPE_COLUMN] == "Project")
    is_public = or_(project.c.is_private.is_(None), project.c.is_private == 0)
    is_of_role = listed.c.user_security_role_id.in_(bindparam("roles", expanding=True))
    return _Queries(
        roles=Prepared(roles.where(held.c.user_id == bindparam("user_id"))),
        projects=Prepared(projects),
        public_projects=Prepared(projects.where(is_public)),
        listed_projects=Prepared(select(listed.c.project_id).where(is_of_role)),
    )
