"""Actions about the security roles of users: what clients send instead of writing the entities themselves."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from sqlalchemy import delete, insert, select, update

from ft_dcc.errors import Forbidden, ValidationError
from ft_dcc.server.entities.batch import Action, Answer, Batch, Operation, Row


def add_role(batch: Batch, operation: Operation) -> Answer:
    """The user has the role, on no project yet; repeating it is harmless."""
    user_id, role_id = _named(batch, operation, "user_id", "User"), _named(batch, operation, "role_id", "SecurityRole")
    if _held(batch, user_id, role_id) is None:
        row = {"id": str(uuid4()), "user_id": user_id, "security_role_id": role_id, "is_all_open_projects": 0}
        batch.insert(batch.studio.schema["UserSecurityRole"], row)
    return {"action": operation["action"], "data": True}


def remove_role(batch: Batch, operation: Operation) -> Answer:
    """The user does not have the role."""
    held = _sure(batch, operation)
    link, table = _table(batch, "UserSecurityRoleProject"), _table(batch, "UserSecurityRole")
    batch.connection.execute(delete(link).where(link.c.user_security_role_id == held["id"]))
    batch.connection.execute(delete(table).where(table.c.id == held["id"]))
    return {"action": operation["action"], "data": True}


def update_role(batch: Batch, operation: Operation) -> Answer:
    """The user has another role where this one was held."""
    held = _sure(batch, operation)
    new_role_id = _named(batch, operation, "new_role_id", "SecurityRole")
    table = _table(batch, "UserSecurityRole")
    batch.connection.execute(update(table).where(table.c.id == held["id"]).values(security_role_id=new_role_id))
    return {"action": operation["action"], "data": True}


def grant_project(batch: Batch, operation: Operation) -> Answer:
    """The role counts for the project, or for all that are open."""
    held = _sure(batch, operation)
    if operation.get("all_open_projects"):
        _set_open(batch, held, 1)
    else:
        project_id, link = _named(batch, operation, "project_id", "Project"), _table(batch, "UserSecurityRoleProject")
        part = {"user_security_role_id": held["id"], "project_id": project_id}
        is_it = [link.c[name] == value for name, value in part.items()]
        if batch.connection.scalar(select(link.c.id).where(*is_it)) is None:
            batch.connection.execute(insert(link), {"id": str(uuid4()), **part})
    return {"action": operation["action"], "data": True}


def revoke_project(batch: Batch, operation: Operation) -> Answer:
    """The role does not count for the project, or only for those that it was granted one by one."""
    held = _sure(batch, operation)
    if operation.get("all_open_projects"):
        _set_open(batch, held, 0)
    else:
        project_id, link = _named(batch, operation, "project_id", "Project"), _table(batch, "UserSecurityRoleProject")
        is_it = link.c.user_security_role_id == held["id"], link.c.project_id == project_id
        batch.connection.execute(delete(link).where(*is_it))
    return {"action": operation["action"], "data": True}


def _named(batch: Batch, operation: Operation, name: str, type_name: str) -> str:
    """Return the id that an operation names; only administrators come this far."""
    if not batch.rights.is_administrator:
        raise Forbidden("Only an administrator of the studio may change what users may do. Ask one.")
    value = operation.get(name)
    if not isinstance(value, str) or batch.row(type_name, value) is None:
        raise ValidationError(f"The operation needs '{name}', the id of a {type_name} that exists.")
    return value


def _held(batch: Batch, user_id: str, role_id: str) -> Row | None:
    table = _table(batch, "UserSecurityRole")
    is_it = table.c.user_id == user_id, table.c.security_role_id == role_id
    found = batch.connection.execute(select(table).where(*is_it)).mappings().first()
    return None if found is None else dict(found)


def _sure(batch: Batch, operation: Operation) -> Row:
    user_id, role_id = _named(batch, operation, "user_id", "User"), _named(batch, operation, "role_id", "SecurityRole")
    held = _held(batch, user_id, role_id)
    if held is None:
        raise ValidationError("The user does not have this role. Add it first.")
    return held


def _set_open(batch: Batch, held: Row, value: int) -> None:
    table = _table(batch, "UserSecurityRole")
    batch.connection.execute(update(table).where(table.c.id == held["id"]).values(is_all_open_projects=value))


def _table(batch: Batch, type_name: str) -> Any:
    return batch.table(batch.studio.schema[type_name])


ROLES: dict[str, Action] = {
    "add_user_security_role": add_role,
    "remove_user_security_role": remove_role,
    "update_user_security_role": update_role,
    "grant_user_security_role_project": grant_project,
    "revoke_user_security_role_project": revoke_project,
}
