"""Actions about the security roles and API keys of users."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

from sqlalchemy import delete, insert, select, update

from ft_dcc.server.auth.api_keys import issue_key, revoke_keys
from ft_dcc.server.entities.batch import Action, Answer, Batch, Operation, Row
from ft_dcc.server.errors import Forbidden, ValidationError


def reset_remote(batch: Batch, operation: Operation) -> Answer:
    """Revoke a user's API keys and return a new one; raises Forbidden and ValidationError."""
    if operation.get("reset_type") != "api_key":
        raise ValidationError("Only an api_key can be reset. Send that as reset_type.")
    user_id = operation.get("entity_key") or batch.caller.id
    if not isinstance(user_id, str) or batch.row("User", user_id) is None:
        raise ValidationError(f"There is no user '{user_id}' whose API key could be reset.")
    if user_id != batch.caller.id and not batch.permissions.is_administrator:
        raise Forbidden("Only an administrator of the studio may reset the API key of somebody else. Ask one.")
    revoke_keys(batch.connection, user_id)
    return {"action": "reset_remote", "data": {"api_key": issue_key(batch.connection, user_id)}}


def add_role(batch: Batch, operation: Operation) -> Answer:
    """Give the user a role, on no project yet; does nothing if the user has it."""
    user_id, role_id = _role_key(batch, operation)
    if _find_role(batch, user_id, role_id) is None:
        row = {"id": str(uuid4()), "user_id": user_id, "security_role_id": role_id, "is_all_open_projects": 0}
        batch.insert("UserSecurityRole", row)
    return {"action": operation["action"], "data": True}


def change_role(change: Callable[[Batch, Operation, Row], None], batch: Batch, operation: Operation) -> Answer:
    """Change a role that the user has; raises ValidationError without it."""
    user_role = _find_role(batch, *_role_key(batch, operation))
    if user_role is None:
        raise ValidationError("The user does not have this role. Add it first.")
    change(batch, operation, user_role)
    return {"action": operation["action"], "data": True}


def _remove_role(batch: Batch, operation: Operation, user_role: Row) -> None:
    link, table = batch.table("UserSecurityRoleProject"), batch.table("UserSecurityRole")
    batch.connection.execute(delete(link).where(link.c.user_security_role_id == user_role["id"]))
    batch.connection.execute(delete(table).where(table.c.id == user_role["id"]))


def _replace_role(batch: Batch, operation: Operation, user_role: Row) -> None:
    new_role_id = _require_id(batch, operation, "new_role_id", "SecurityRole")
    _update_user_role(batch, user_role, security_role_id=new_role_id)


def _set_project(is_granted: bool, batch: Batch, operation: Operation, user_role: Row) -> None:
    """Extend a role of the user to a project, or to all open projects; or withdraw it from them.

    Withdrawing it from all open projects leaves those that were granted one by one.
    """
    if operation.get("all_open_projects"):
        _update_user_role(batch, user_role, is_all_open_projects=int(is_granted))
        return
    project_id = _require_id(batch, operation, "project_id", "Project")
    link = batch.table("UserSecurityRoleProject")
    row = {"user_security_role_id": user_role["id"], "project_id": project_id}
    is_link = [link.c[name] == value for name, value in row.items()]
    if not is_granted:
        batch.connection.execute(delete(link).where(*is_link))
    elif batch.connection.scalar(select(link.c.id).where(*is_link)) is None:
        batch.connection.execute(insert(link), {"id": str(uuid4()), **row})


def _require_id(batch: Batch, operation: Operation, name: str, type_name: str) -> str:
    """Return the id in a parameter of the operation; raises Forbidden for callers who are not administrators."""
    if not batch.permissions.is_administrator:
        raise Forbidden("Only an administrator of the studio may change what users may do. Ask one.")
    value = operation.get(name)
    if not isinstance(value, str) or batch.row(type_name, value) is None:
        raise ValidationError(f"The operation needs '{name}', the id of a {type_name} that exists.")
    return value


def _role_key(batch: Batch, operation: Operation) -> tuple[str, str]:
    user_id = _require_id(batch, operation, "user_id", "User")
    return user_id, _require_id(batch, operation, "role_id", "SecurityRole")


def _find_role(batch: Batch, user_id: str, role_id: str) -> Row | None:
    table = batch.table("UserSecurityRole")
    is_role = table.c.user_id == user_id, table.c.security_role_id == role_id
    row = batch.connection.execute(select(table).where(*is_role)).mappings().first()
    return None if row is None else dict(row)


def _update_user_role(batch: Batch, user_role: Row, **values: Any) -> None:
    table = batch.table("UserSecurityRole")
    batch.connection.execute(update(table).where(table.c.id == user_role["id"]).values(values))


ACCOUNT_ACTIONS: dict[str, Action] = {
    "reset_remote": reset_remote,
    "add_user_security_role": add_role,
    "remove_user_security_role": partial(change_role, _remove_role),
    "update_user_security_role": partial(change_role, _replace_role),
    "grant_user_security_role_project": partial(change_role, partial(_set_project, True)),
    "revoke_user_security_role_project": partial(change_role, partial(_set_project, False)),
}
