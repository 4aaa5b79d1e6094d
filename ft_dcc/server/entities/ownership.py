"""The owners of a row, from the access rules: the projects and users that all must be accessible to reach it."""

from __future__ import annotations

from typing import Optional

import attrs

from ft_dcc.server.auth.permissions import CONTRIBUTORS, MANAGERS, OwnerKey, Permissions, access_rule
from ft_dcc.server.entities.batch import Batch, Row
from ft_dcc.server.schema.model import EntityType

PROJECT, USER = "project", "user"
# Pairs of PROJECT or USER and an id; empty for a row that belongs to everyone, None for one that nobody owns.
Owners = Optional[frozenset[tuple[str, str]]]
_EVERYONE: frozenset[tuple[str, str]] = frozenset()
_MAX_DEPTH = 12


@attrs.define(eq=False)
class OwnerReader:
    """Reads the owners of rows inside a batch; ``removed`` are rows that the batch has deleted, by family and id."""

    batch: Batch
    removed: dict[tuple[str, str], Row] = attrs.field(factory=dict)
    _known: dict[tuple[str, str], Owners] = attrs.field(factory=dict)

    def owners(self, entity_type: EntityType, row: Row, depth: int = 0) -> Owners:
        """Return the owners of a row of this type."""
        rule = access_rule(self.batch.schema, entity_type)
        if entity_type.family == "Context":
            return _single(PROJECT, row.get("project_id"))
        if rule.is_personal:
            return _single(USER, row.get(rule.author))
        set_keys = [key for key in rule.owners if row.get(key.column) is not None]
        if not set_keys:
            if rule.unowned == "author":
                return _single(USER, row.get(rule.author))
            return _EVERYONE if rule.is_public or rule.unowned == "everyone" else None
        found = _EVERYONE
        for key in set_keys:
            target = self.target(entity_type, row, key)
            if target is None or depth >= _MAX_DEPTH:
                return None
            known = (target[0], str(target[1]["id"]))
            if known not in self._known:
                self._known[known] = self.owners(self.batch.schema[target[0]], target[1], depth + 1)
            if (owners := self._known[known]) is None:
                return None
            found |= owners
        return found

    def target(self, entity_type: EntityType, row: Row, key: OwnerKey) -> tuple[str, Row] | None:
        """Return the family and the row of the entity that a key of a row leads to, or None."""
        attributes = (each for each in entity_type.attributes.values() if each.column == key.column and each.rows)
        families = key.targets or {self.batch.schema[each.rows].family for each in attributes}
        target_id = str(row[key.column])
        # The family that the row names comes first; what it names can be wrong.
        named = self.batch.schema.types.get(str(row.get("parent_type")))
        for family in sorted(families, key=lambda family: named is None or family != named.family):
            found = self.removed.get((family, target_id)) or self.batch.row(family, target_id)
            if found is not None:
                return family, found
        return None


def holds(permissions: Permissions, user_id: str, owners: Owners, role: str) -> bool:
    """Return whether a user has a role in all of the owning projects, and is all of the owning users."""
    if permissions.is_administrator:
        return True
    if owners is None:
        return False
    projects = {CONTRIBUTORS: permissions.writable, MANAGERS: permissions.managed}.get(role, permissions.projects)
    has_role = permissions.is_contributor or role not in (CONTRIBUTORS, MANAGERS)
    for kind, key in owners:
        if kind == PROJECT and projects is not None and key not in projects:
            return False
        if kind == USER and not (key == user_id and has_role):
            return False
    return True


def _single(kind: str, key: object) -> Owners:
    return None if key is None else frozenset(((kind, str(key)),))
