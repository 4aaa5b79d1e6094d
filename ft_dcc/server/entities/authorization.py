"""Check whether the caller of a batch may write an entity, and may refer to the entities that its keys lead to."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping
from operator import attrgetter
from typing import Any
from uuid import uuid4

import attrs
from sqlalchemy import BindParameter, Select, bindparam, literal_column, select, union_all

from ft_dcc.server.auth import permissions as access_rules
from ft_dcc.server.auth.permissions import AUTHOR, CONTRIBUTORS, MANAGERS, MEMBERS, SERVER, access_rule
from ft_dcc.server.database.connections import Prepared
from ft_dcc.server.entities import changes, ownership
from ft_dcc.server.entities.batch import Batch, Row
from ft_dcc.server.errors import Forbidden, ValidationError
from ft_dcc.server.query.row_filter import access_scope
from ft_dcc.server.schema.model import Attribute, EntityType, Schema
from ft_dcc.server.schema.tables import Tables

CREATE, UPDATE, DELETE = "create", "update", "delete"
# The attributes of their own account that users may change. The e-mail address is not one of them: a user has the
# rights of the invitee with the same address.
_OWN_ATTRIBUTES = frozenset(("first_name", "last_name", "thumbnail_id", "thumbnail", "metadata"))


def check_access(
    batch: Batch, action: str, entity_type: EntityType, row: Row, changed: Collection[str] | None = None
) -> None:
    """Raise Forbidden if the caller may not do this with an entity of these values, or to the changed attributes."""
    if not is_allowed(batch, action, entity_type, row, changed):
        raise Forbidden(_reason(batch, action, entity_type))


def check_key_access(batch: Batch, action: str, entity_type: EntityType, entity_id: str) -> None:
    """Raise Forbidden if an entity with this id exists and the caller may not do this with it."""
    if (row := batch.row(entity_type.family, entity_id)) is not None:
        check_access(batch, action, changes.stored_type(batch.schema, entity_type.family, row), row)


def is_allowed(
    batch: Batch, action: str, entity_type: EntityType, row: Row, changed: Collection[str] | None = None
) -> bool:
    """Return whether the access rules let the caller do this.

    Nobody writes what the server writes, and administrators may do all else. What a guest created belongs to the guest
    until the end of the request. For others, one of the grantees of the action must include the caller.
    """
    grants = access_rule(batch.schema, entity_type).grants[action]
    if SERVER in grants:
        return False
    if batch.permissions.is_administrator or (action != CREATE and row.get("id") in batch.created_by_guest):
        return True
    request = _Request(batch, action, entity_type, row, frozenset(changed or ()))
    return any(_GRANTEES[grantee].includes(request) for grantee in grants)


@attrs.frozen(eq=False)
class _Request:
    """What the grantees of an action are compared with: the caller, and the entity as it is or will be."""

    batch: Batch
    action: str
    entity_type: EntityType
    row: Row
    changed: frozenset[str]

    @property
    def rule(self) -> access_rules.AccessRule:
        return access_rule(self.batch.schema, self.entity_type)

    @property
    def is_of_guest(self) -> bool:
        """Whether a guest creates the entity: guests are no users, so that their notes have no author."""
        return self.batch.caller.is_guest and self.action == CREATE and self.row.get(self.rule.author) is None

    @property
    def is_author(self) -> bool:
        return bool(self.rule.author) and (self.row.get(self.rule.author) == self.batch.caller.id or self.is_of_guest)


def _is_author(request: _Request) -> bool:
    is_visible = request.action == CREATE or is_readable(request.batch, request.entity_type, request.row)
    return request.is_author and is_visible


def _is_own_account(request: _Request) -> bool:
    return request.row.get("id") == request.batch.caller.id and _OWN_ATTRIBUTES.issuperset(request.changed)


def _has_role(request: _Request, role: str) -> bool:
    """Return whether the caller has the role in all projects that own the entity, and is the users that own it."""
    owners = ownership.OwnerReader(request.batch).owners(request.entity_type, request.row)
    if owners is not None and not owners:  # It belongs to everyone.
        return request.is_author and request.batch.permissions.is_contributor
    # A component of a guest has no author and, before it is attached, no other owner.
    if owners is None and request.is_of_guest and request.entity_type.family == "Component":
        return request.batch.permissions.is_contributor
    return ownership.holds(request.batch.permissions, request.batch.caller.id, owners, role)


def _may_update_first_owner(request: _Request) -> bool:
    batch, owner = request.batch, request.rule.owners[0]
    if request.row.get(owner.column) is None:
        return False
    target = ownership.OwnerReader(batch).target(request.entity_type, request.row, owner)
    if target is None:
        return False
    part = "metadata" if request.entity_type.family == "Metadata" else "custom_attributes"
    return is_allowed(batch, UPDATE, changes.stored_type(batch.schema, *target), target[1], (part,))


@attrs.frozen
class _Grantee:
    """Whether a grantee of the access rules includes the caller, for one entity.

    ``is_possible`` is whether it does for some entity, as far as the permissions of the caller decide that.
    """

    includes: Callable[[_Request], bool]
    is_possible: Callable[[access_rules.Permissions], bool]


_CONTRIBUTOR, _MANAGER = attrgetter("is_contributor"), attrgetter("can_create_projects")
# What each grantee of ``access.rules`` means for writing. What the server writes is decided before.
_GRANTEES: Mapping[str, _Grantee] = {
    access_rules.EVERYONE: _Grantee(lambda request: True, lambda permissions: True),
    MEMBERS: _Grantee(lambda request: _has_role(request, MEMBERS), lambda permissions: True),
    access_rules.MEMBERS_AS_AUTHOR: _Grantee(
        lambda request: request.is_author and _has_role(request, MEMBERS), lambda permissions: True
    ),
    CONTRIBUTORS: _Grantee(lambda request: _has_role(request, CONTRIBUTORS), _CONTRIBUTOR),
    MANAGERS: _Grantee(lambda request: _has_role(request, MANAGERS), _MANAGER),
    access_rules.ANY_CONTRIBUTORS: _Grantee(lambda request: request.batch.permissions.is_contributor, _CONTRIBUTOR),
    access_rules.ANY_MANAGERS: _Grantee(lambda request: request.batch.permissions.can_create_projects, _MANAGER),
    AUTHOR: _Grantee(_is_author, lambda permissions: True),
    access_rules.OWNER_WRITERS: _Grantee(_may_update_first_owner, _CONTRIBUTOR),
    access_rules.SELF: _Grantee(_is_own_account, lambda permissions: False),
    access_rules.ADMINISTRATORS: _Grantee(
        lambda request: request.batch.permissions.is_administrator, lambda permissions: permissions.is_administrator
    ),
}


def check_update(batch: Batch, entity_type: EntityType, row: Row, changed: Collection[str]) -> None:
    """Raise Forbidden if the caller may not update these attributes of an entity.

    Lists of related entities are attributes of their members, whose rights are checked when they change.
    """
    attributes = entity_type.attributes
    columns = {name for name in changed if name not in attributes or not attributes[name].is_many}
    if columns or not changed:
        check_access(batch, UPDATE, entity_type, row, columns)
    elif not is_readable(batch, entity_type, row):
        raise Forbidden(_reason(batch, UPDATE, entity_type))


def check_author(batch: Batch, entity_type: EntityType, changed: Collection[str]) -> None:
    """Raise Forbidden if an update gives another author to an entity that users create in their own name only."""
    rule = access_rule(batch.schema, entity_type)
    is_own = rule.grants[CREATE] <= {AUTHOR, access_rules.MEMBERS_AS_AUTHOR}
    if is_own and rule.author in changed and not batch.permissions.is_administrator:
        raise Forbidden(f"A {entity_type.name} keeps its author. Leave '{rule.author}' out, or create one of your own.")


def may_write(batch: Batch, entity_type: EntityType, values: Row) -> bool:
    """Return whether the caller may create or update an entity of this type with these keys among its values."""
    if entity_type.is_materialised:
        entity_type = batch.schema["CustomAttributeValue"]
    rule = access_rule(batch.schema, entity_type)
    grants = rule.grants[CREATE]
    given = {name: value for name, value in values.items() if isinstance(value, str)}
    stored = batch.schema[entity_type.family]
    if stored.key == ("id",) and "id" in given and (row := batch.row(entity_type.family, given["id"])) is not None:
        return is_allowed(batch, UPDATE, changes.stored_type(batch.schema, entity_type.family, row), row)
    role = CONTRIBUTORS if CONTRIBUTORS in grants else MEMBERS
    for name, target in _targets(batch.schema, entity_type, given).items():
        found = batch.row(target.family, given[name])
        if found is None:  # It is created in the same transaction, as a new review session by a publish.
            del given[name]
            continue
        # The caller must be able to write something that belongs to it.
        found_type = changes.stored_type(batch.schema, target.family, found)
        owners = ownership.OwnerReader(batch).owners(found_type, found)
        may_own = not owners or ownership.holds(batch.permissions, batch.caller.id, owners, role)
        if not may_own or not is_readable(batch, found_type, found):
            return False
    if any(key.column in given for key in rule.owners) and entity_type.name != "Project":
        author = {rule.author: batch.caller.id} if rule.author else {}
        return is_allowed(batch, CREATE, entity_type, {**author, **given})
    if SERVER in grants or batch.permissions.is_administrator:
        return SERVER not in grants
    return any(_GRANTEES[grantee].is_possible(batch.permissions) for grantee in grants)


def _targets(schema: Schema, entity_type: EntityType, names: Collection[str]) -> dict[str, EntityType]:
    """Return the types that those of these attributes lead to which are keys of one type."""
    attributes = [found for name, found in entity_type.attributes.items() if name in names]
    keys = {found.name: schema[found.rows] for found in attributes if found.kind == "foreign key" and found.rows != "*"}
    return {name: target for name, target in keys.items() if target.key == ("id",)}


def grant_creator_access(batch: Batch, entity_type: EntityType, row: Row) -> None:
    """Add the project that the batch creates to the projects of a caller with limited access."""
    permissions, project = batch.permissions, row["id"] if entity_type.name == "Project" else None
    if project is None or permissions.is_administrator:
        return
    batch.permissions = attrs.evolve(
        permissions,
        projects=_with(permissions.projects, project),
        writable=_with(permissions.writable, project),
        managed=_with(permissions.managed, project),
    )
    user_role, role = batch.table("UserSecurityRole"), batch.table("SecurityRole")
    own = select(user_role.c.id).join(role, user_role.c.security_role_id == role.c.id)
    own = own.where(user_role.c.user_id == batch.caller.id, role.c.name == access_rules.MANAGER_ROLE)
    role_id = batch.connection.scalar(own.limit(1))
    link = {"id": str(uuid4()), "user_security_role_id": role_id, "project_id": project}
    batch.insert("UserSecurityRoleProject", link)


def _with(projects: tuple[str, ...] | None, project: str) -> tuple[str, ...] | None:
    return None if projects is None else (*projects, project)


def is_readable(batch: Batch, entity_type: EntityType, row: Row) -> bool:
    """Return whether the caller may read a stored row, by the condition that queries have."""
    reach = batch.permissions.reach
    if reach is access_rules.Reach.EVERYTHING or row.get("id") in batch.created_by_guest:
        return True
    statement = _readable_statement(batch.schema, batch.tables, reach, entity_type.family)
    if statement is None:
        return True
    key = {f"key_{name}": row[name] for name in entity_type.key}
    return bool(batch.query_context.rows(statement, **key))


def track_reference(batch: Batch, entity_type: EntityType, attribute: Attribute, value: str | None) -> None:
    """Record a foreign key, which is checked at the end; raises Forbidden if the caller may not read its target."""
    batch.track_reference(entity_type, attribute, value)
    if value is None or batch.permissions.is_administrator:
        return
    names: Collection[str] = (attribute.rows,)
    if attribute.rows == "*":
        keys = access_rule(batch.schema, entity_type).owners
        names = next((key.targets for key in keys if key.column == attribute.column), ())
    for name in names:
        check_reference(batch, name, f"{entity_type.name}.{attribute.name}", value)


def check_reference(batch: Batch, type_name: str, origin: str, entity_id: str) -> None:
    """Raise Forbidden if an entity of a type exists and the caller may not read it.

    This runs before the reference is stored: what shows a component makes it readable.
    """
    entity_type = batch.schema[type_name]
    if batch.permissions.is_administrator or entity_type.key != ("id",):
        return
    row = batch.row(type_name, entity_id)
    if row is not None and not is_readable(batch, entity_type, row):
        raise Forbidden(f"{origin} refers to a {entity_type.name} that you cannot access. Choose another one.")


def check_new_id(batch: Batch, entity_type: EntityType, entity_id: object) -> None:
    """Raise ValidationError if an entity of another type has this id: keys without a fixed type could lead to both."""
    families = _ambiguous_families(batch.schema)
    if batch.permissions.is_administrator or entity_type.family not in families or entity_type.key != ("id",):
        return
    statement = _id_statement(batch.tables, families - {entity_type.family})
    if statement.rows(batch.connection, {"key_id": entity_id}):
        raise ValidationError(f"The id '{entity_id}' is in use. Create the {entity_type.name} with another id.")


@functools.cache
def _ambiguous_families(schema: Schema) -> frozenset[str]:
    """Return the families that keys without a fixed type may lead to."""
    return frozenset(
        target
        for rule in access_rules.read_rules().values()
        for key in rule.owners
        if len(key.targets) > 1
        for target in key.targets
        if target in schema.types
    )


@functools.lru_cache(maxsize=256)
def _id_statement(tables: Tables, families: frozenset[str]) -> Prepared:
    key: BindParameter[Any] = bindparam("key_id")
    each: list[Select[Any]] = [
        select(literal_column("1")).where(tables.by_family[family].c.id == key) for family in sorted(families)
    ]
    return Prepared(union_all(*each))


@functools.lru_cache(maxsize=1024)
def _readable_statement(schema: Schema, tables: Tables, reach: access_rules.Reach, family: str) -> Prepared | None:
    entity_type = schema[family]
    source = tables[entity_type].alias()
    has_key = [source.c[name] == bindparam(f"key_{name}") for name in entity_type.key]
    condition = access_scope(schema, tables, reach).visibility(family, source)
    return None if condition is None else Prepared(select(literal_column("1")).where(*has_key, condition))


def _reason(batch: Batch, action: str, entity_type: EntityType) -> str:
    """Return what the caller lacks, and whom to ask."""
    grants, name = access_rule(batch.schema, entity_type).grants[action], entity_type.name
    if SERVER in grants:
        return f"{name} is written by the server alone. Change the entity itself."
    if grants <= {access_rules.ADMINISTRATORS, access_rules.SELF}:
        return f"Only an administrator of the studio may change a {name}. Ask one."
    if access_rules.ANY_MANAGERS in grants or (MANAGERS in grants and not batch.permissions.can_create_projects):
        return "Only a project manager or an administrator may create or delete a project. Ask one."
    if grants <= {AUTHOR, access_rules.MEMBERS_AS_AUTHOR}:
        return f"Only the user whose {name} it is may {action} it. Ask that user, or an administrator."
    if not batch.permissions.is_contributor:
        return f"A Reviewer may write notes only, and change only their own, not a {name}. Ask an administrator."
    return (
        f"The {name} belongs to a project that you cannot access, or may only review, or to another user. "
        "Ask an administrator."
    )
