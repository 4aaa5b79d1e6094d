"""The permissions of users by their roles, and the access rules: which role may do what with entities of each type."""

from __future__ import annotations

import enum
import functools
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import attrs
from sqlalchemy import Connection, bindparam, or_, select

from ft_dcc.server.database.connections import Prepared
from ft_dcc.server.schema.model import EntityType, Schema
from ft_dcc.server.schema.tables import TYPE_COLUMN, Tables
from ft_dcc.server.work.budgets import table_rows

ACTIONS = ("read", "create", "update", "delete")
# Grantees of an action. Those of a role refer to the projects that the entity belongs to.
MEMBERS, CONTRIBUTORS, MANAGERS = "members", "contributors", "managers"
ANY_CONTRIBUTORS, ANY_MANAGERS = "contributors of any project", "managers of any project"
MEMBERS_AS_AUTHOR, AUTHOR, SELF, OWNER_WRITERS = "members as author", "author", "self", "writers of the first owner"
EVERYONE, ADMINISTRATORS, SERVER = "everyone", "administrators", "server"
GRANTEES = frozenset(
    (
        *(MEMBERS, CONTRIBUTORS, MANAGERS, ANY_CONTRIBUTORS, ANY_MANAGERS, MEMBERS_AS_AUTHOR, AUTHOR, SELF),
        *(OWNER_WRITERS, EVERYONE, ADMINISTRATORS, SERVER),
    )
)
ATTACHED, SHARED, PARTICIPANTS = "attached", "shared", "participants"


@attrs.frozen
class OwnerKey:
    """A column that leads to an owner, and the families that it may lead to; () for the target of the schema."""

    column: str
    targets: tuple[str, ...] = ()


@attrs.frozen
class AccessRule:
    """The rule of an entity type.

    ``grants`` are the grantees of each action. An entity belongs to all owners that its ``owners`` lead to. One without
    any of them belongs to the user in the column ``author`` or to everyone (``unowned``), else to administrators only.
    ``also`` names a further condition under which it can be read.
    """

    rights: str
    grants: Mapping[str, frozenset[str]] = attrs.field(eq=False)
    owners: tuple[OwnerKey, ...] = ()
    author: str = ""
    unowned: str = ""
    also: str = ""

    @property
    def is_public(self) -> bool:
        """Whether every user may read all entities of the type."""
        return EVERYONE in self.grants["read"]

    @property
    def is_personal(self) -> bool:
        """Whether the entities belong to their authors and to no project."""
        return AUTHOR in self.grants["read"]


# A type that the table does not name is refused to all users but administrators.
_NO_ACCESS = AccessRule("", dict.fromkeys(ACTIONS, frozenset((ADMINISTRATORS,))))


def access_rule(schema: Schema, entity_type: EntityType) -> AccessRule:
    """Return the rule of a type, which may be that of its nearest base; users get no access without one."""
    rules = read_rules()
    found: EntityType | None = entity_type
    while found is not None:
        if found.name in rules:
            return rules[found.name]
        found = schema.types.get(found.base)
    return _NO_ACCESS


@functools.lru_cache(maxsize=1)
def read_rules() -> Mapping[str, AccessRule]:
    """Return the rules by the names of entity types; raises ValueError for a file with an error."""
    rights_table, types_table = rule_tables()
    grants: dict[str, dict[str, frozenset[str]]] = {}
    for rights, *cells in table_rows(rights_table):
        grants[rights] = {action: frozenset(cell.split(", ")) for action, cell in zip(ACTIONS, cells)}
        if unknown := frozenset().union(*grants[rights].values()) - GRANTEES:
            raise ValueError(f"The access rules of {rights} name unknown grantees: {', '.join(sorted(unknown))}.")
    rules: dict[str, AccessRule] = {}
    for names, rights, owners, author, unowned, also in table_rows(types_table):
        parts = [part.partition(": ") for part in owners.split(", ") if part]
        keys = tuple(OwnerKey(column, tuple(targets.split())) for column, _, targets in parts)
        rule = AccessRule(rights, grants[rights], keys, author, unowned, also)
        for name in names.split(", "):
            if name in rules:
                raise ValueError(f"The access rules name {name} twice.")
            rules[name] = rule
    return rules


def rule_tables() -> tuple[str, str]:
    """Return the tables of rights and of entity types as they are written, for the server and its documentation."""
    text = resources.files("ft_dcc.server.auth").joinpath("access.rules").read_text(encoding="utf-8")
    _comment, rights, types = text.strip().split("\n\n")
    return rights, types


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
    roles_of_user, all_projects, public_projects, listed_projects = _prepare(tables)
    held = roles_of_user.rows(connection, {"user_id": user_id})
    names = {name for name, _, _ in held}
    if names & _ADMINISTRATORS:
        return UNLIMITED
    everything = {project_id for (project_id,) in all_projects.rows(connection, {})}

    def limit(roles: Sequence[Sequence[Any]]) -> tuple[str, ...] | None:
        # A role is its name, whether it applies to all open projects, and its id.
        listed = listed_projects.rows(connection, {"roles": [key for _, _, key in roles]}) if roles else []
        if any(is_open for _, is_open, _ in roles):
            listed = [*listed, *public_projects.rows(connection, {})]
        allowed = {str(project_id) for (project_id,) in listed} & everything
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


@functools.lru_cache(maxsize=8)
def _prepare(tables: Tables) -> tuple[Prepared, ...]:
    """Return the queries for the roles of a user, all projects, those that are public, and those of roles."""
    held, role = tables.by_family["UserSecurityRole"], tables.by_family["SecurityRole"]
    project, listed = tables.by_family["Context"], tables.by_family["UserSecurityRoleProject"]
    roles = select(role.c.name, held.c.is_all_open_projects, held.c.id)
    roles = roles.select_from(held.join(role, held.c.security_role_id == role.c.id))
    projects = select(project.c.id).where(project.c[TYPE_COLUMN] == "Project")
    is_public = or_(project.c.is_private.is_(None), project.c.is_private == 0)
    is_of_role = listed.c.user_security_role_id.in_(bindparam("roles", expanding=True))
    queries = (roles.where(held.c.user_id == bindparam("user_id")), projects, projects.where(is_public))
    return tuple(map(Prepared, (*queries, select(listed.c.project_id).where(is_of_role))))
