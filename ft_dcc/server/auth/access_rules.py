"""The access rules: which role may do what with the entities of each type. ``access.rules`` is the data."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from importlib import resources

import attrs

from ft_dcc.server.schema.model import EntityType, Schema

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
    grants = {row[0]: _grants(row) for row in _cells(rights_table)}
    rules: dict[str, AccessRule] = {}
    for names, rights, owners, author, unowned, also in _cells(types_table):
        rule = AccessRule(rights, grants[rights], tuple(_owner_keys(owners)), author, unowned, also)
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


def _cells(table: str) -> Iterator[list[str]]:
    """Yield the cells of each row below the head of a table."""
    for line in table.splitlines()[2:]:
        yield [cell.strip() for cell in line.strip("|").split("|")]


def _grants(row: list[str]) -> dict[str, frozenset[str]]:
    found = {action: frozenset(cell.split(", ")) for action, cell in zip(ACTIONS, row[1:])}
    if unknown := frozenset().union(*found.values()) - GRANTEES:
        raise ValueError(f"The access rules of {row[0]} name unknown grantees: {', '.join(sorted(unknown))}.")
    return found


def _owner_keys(cell: str) -> Iterator[OwnerKey]:
    for part in filter(None, cell.split(", ")):
        column, _, targets = part.partition(": ")
        yield OwnerKey(column, tuple(targets.split()))
