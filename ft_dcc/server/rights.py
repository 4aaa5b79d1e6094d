"""What a user may do: which projects, and whether the studio's own words and people too."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import attrs
from sqlalchemy import Connection, bindparam, or_, select

from ft_dcc.server.prepared import Prepared
from ft_dcc.server.schema.tables import TYPE_COLUMN, Tables

# Roles by name: who may change everything, and who may begin a project as well.
_ADMINISTRATORS = frozenset(("Administrator", "API"))
_PROJECT_MAKERS = _ADMINISTRATORS | {"Project Manager"}
# Who looks and writes notes, and nothing else.
REVIEWER = "Reviewer"
DEFAULT_ROLE = "User"


@attrs.frozen
class Rights:
    """What one user may do; ``projects`` are the ids of those that the user is limited to, or None for no limit.

    Who ``is_reviewer`` writes notes and nothing else anywhere; others do so in the projects that are ``reviewed``.
    """

    is_administrator: bool
    makes_projects: bool
    projects: tuple[str, ...] | None
    is_reviewer: bool = False
    reviewed: frozenset[str] = frozenset()

    @property
    def writable(self) -> tuple[str, ...] | None:
        """The projects in which the user may write everything, or None for no limit."""
        if self.projects is None or not self.reviewed:
            return self.projects
        return tuple(project for project in self.projects if project not in self.reviewed)


UNLIMITED = Rights(is_administrator=True, makes_projects=True, projects=None)


def rights_of(connection: Connection, tables: Tables, user_id: str) -> Rights:
    """Return what the user's security roles add up to."""
    asked = _asked(tables)
    held = asked.roles.rows(connection, {"user_id": user_id})
    names = {name for name, _, _ in held}
    if names & _ADMINISTRATORS:
        return UNLIMITED
    everything = {project_id for (project_id,) in asked.projects.rows(connection, {})}
    allowed = asked.reach(connection, held) & everything
    limit = None if allowed == everything else tuple(sorted(allowed))
    rights = Rights(is_administrator=False, makes_projects=bool(names & _PROJECT_MAKERS), projects=limit)
    if REVIEWER not in names:
        return rights
    if names == {REVIEWER}:
        return attrs.evolve(rights, is_reviewer=True)
    reviewed = allowed - asked.reach(connection, [role for role in held if role[0] != REVIEWER])
    return attrs.evolve(rights, projects=tuple(sorted(allowed)), reviewed=frozenset(reviewed))


class KnownRights:
    """What users were allowed when the database had seen so many commits; read by one thread."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, Rights]] = {}

    def of(self, connection: Connection, tables: Tables, user_id: str, commits: int) -> Rights:
        """Return what :func:`rights_of` returns; it is asked only when something has been written since."""
        known = self._known.get(user_id)
        if known is not None and known[0] == commits:
            return known[1]
        rights = rights_of(connection, tables, user_id)
        self._known[user_id] = commits, rights
        return rights


@attrs.frozen
class _Asked:
    """What the database is asked for about a user."""

    roles: Prepared
    projects: Prepared
    public_projects: Prepared
    listed_projects: Prepared

    def reach(self, connection: Connection, held: Sequence[Sequence[Any]]) -> set[str]:
        """Return the projects that these roles count for: name, whether for all that are open, and id of each."""
        listed = self.listed_projects.rows(connection, {"roles": [key for _, _, key in held]})
        found = {str(project_id) for (project_id,) in listed}
        if any(is_open for _, is_open, _ in held):
            found.update(str(project_id) for (project_id,) in self.public_projects.rows(connection, {}))
        return found


@functools.lru_cache(maxsize=8)
def _asked(tables: Tables) -> _Asked:
    held, role = tables.by_family["UserSecurityRole"], tables.by_family["SecurityRole"]
    project, listed = tables.by_family["Context"], tables.by_family["UserSecurityRoleProject"]
    roles = select(role.c.name, held.c.is_all_open_projects, held.c.id)
    roles = roles.select_from(held.join(role, held.c.security_role_id == role.c.id))
    projects = select(project.c.id).where(project.c[TYPE_COLUMN] == "Project")
    is_public = or_(project.c.is_private.is_(None), project.c.is_private == 0)
    is_of_role = listed.c.user_security_role_id.in_(bindparam("roles", expanding=True))
    return _Asked(
        roles=Prepared(roles.where(held.c.user_id == bindparam("user_id"))),
        projects=Prepared(projects),
        public_projects=Prepared(projects.where(is_public)),
        listed_projects=Prepared(select(listed.c.project_id).where(is_of_role)),
    )
