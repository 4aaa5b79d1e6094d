"""What a user may do: which projects, and whether the studio's own words and people too."""

from __future__ import annotations

from typing import Any

import attrs
from sqlalchemy import Connection, bindparam, or_, select
from sqlalchemy.sql.selectable import Select

from ft_dcc.server.schema.tables import TYPE_COLUMN, Tables

# Roles by name: who may change everything, and who may begin a project as well.
_ADMINISTRATORS = frozenset(("Administrator", "API"))
_PROJECT_MAKERS = _ADMINISTRATORS | {"Project Manager"}
DEFAULT_ROLE = "User"


@attrs.frozen
class Rights:
    """What one user may do; ``projects`` are the ids of those that the user is limited to, or None for no limit."""

    is_administrator: bool
    makes_projects: bool
    projects: tuple[str, ...] | None


UNLIMITED = Rights(is_administrator=True, makes_projects=True, projects=None)


def rights_of(connection: Connection, tables: Tables, user_id: str) -> Rights:
    """Return what the user's security roles add up to."""
    held = connection.execute(_roles(tables), {"user_id": user_id}).all()
    names = {name for name, _, _ in held}
    if names & _ADMINISTRATORS:
        return UNLIMITED
    project = tables.by_family["Context"]
    listed = tables.by_family["UserSecurityRoleProject"]
    is_project = project.c[TYPE_COLUMN] == "Project"
    everything = set(connection.scalars(select(project.c.id).where(is_project)))
    own = select(listed.c.project_id).where(listed.c.user_security_role_id.in_([key for _, _, key in held]))
    allowed = set(connection.scalars(own)) & everything
    if any(is_open for _, is_open, _ in held):
        is_public = or_(project.c.is_private.is_(None), project.c.is_private == 0)
        allowed.update(connection.scalars(select(project.c.id).where(is_project, is_public)))
    limit = None if allowed == everything else tuple(sorted(allowed))
    return Rights(is_administrator=False, makes_projects=bool(names & _PROJECT_MAKERS), projects=limit)


def _roles(tables: Tables) -> Select[Any]:
    held, role = tables.by_family["UserSecurityRole"], tables.by_family["SecurityRole"]
    found = select(role.c.name, held.c.is_all_open_projects, held.c.id)
    joined = found.select_from(held.join(role, held.c.security_role_id == role.c.id))
    return joined.where(held.c.user_id == bindparam("user_id"))
