"""The administrator's commands: users, their roles and keys, one-time logins, the audit log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, delete, or_, select

from ft_dcc.errors import SettingInvalid, StorageError
from ft_dcc.server.admin.check import check_backup
from ft_dcc.server.admin.vocabulary import apply_vocabulary, read_vocabulary
from ft_dcc.server.auth import api_keys, browser_sessions
from ft_dcc.server.auth.permissions import DEFAULT_ROLE, permissions_of
from ft_dcc.server.context import ServerContext, replace_revoked_credentials
from ft_dcc.server.database import audit_log, clock
from ft_dcc.server.entities.batch import Batch, create_operation, owner_batch
from ft_dcc.server.entities.write import create_entity
from ft_dcc.server.errors import Forbidden, ValidationError
from ft_dcc.server.events.update_events import EntityUpdate, describe_changes, publish_changes
from ft_dcc.server.identity import Caller
from ft_dcc.server.mail.mailer import queued_messages
from ft_dcc.server.notifications import webhooks
from ft_dcc.server.schema.tables import TYPE_COLUMN

_READ_ONLY = frozenset(("keys", "audit", "webhooks", "vocabulary", "schemas"))
_MAX_CHANGES = 100_000
# The types of arguments in JSON; all others are texts, and a list has texts.
_TYPES: dict[str, tuple[type, str]] = {
    "most": (int, "a whole number"),
    "projects": (list, "a list of texts"),
    "events": (list, "a list of texts"),
    "document": (dict, "a document with sections, such as [status.Approved]"),
}

Arguments = Mapping[str, Any]
Report = dict[str, Any]


def run_command(context: ServerContext, name: str, arguments: Arguments, caller: Caller | None = None) -> Report:
    """Run a command and return its report; raises ValidationError.

    Without a caller, it is a command of the owner of the data folder. Raises Forbidden for other callers who are not
    administrators.
    """
    if caller is not None:
        require_administrator(context, caller)
    _check_types(arguments)
    if name in _SERVER_COMMANDS:
        try:
            return _SERVER_COMMANDS[name](context, arguments)
        except (SettingInvalid, StorageError) as error:
            raise ValidationError(str(error)) from error
    if name not in COMMANDS:
        raise ValidationError(f"There is no command '{name[:80]}'. Use one of {', '.join(COMMANDS)}.")

    def run(connection: Connection) -> tuple[Report, Caller, list[EntityUpdate]]:
        batch = owner_batch(context, connection)
        batch.changes.is_recording = context.events.needs_changes
        report = COMMANDS[name](context, batch, arguments)
        if name not in _READ_ONLY:
            kind = "User" if "user_id" in report else "Project"
            changed = {"entity_type": kind, "entity_key": [report[f"{kind.lower()}_id"]]}
            operation = {"action": f"errand: {name}", **changed}
            audit_log.record(connection, batch.caller, [(operation, None)])
        return report, batch.caller, describe_changes(batch)

    def publish(result: tuple[Report, Caller, list[EntityUpdate]]) -> None:
        if name not in _READ_ONLY:
            context.events.refresh_permissions(context.store)
        publish_changes(context.events, result[1], result[2])

    report = context.store.write(run, publish)[0]
    if name == "revoke":
        replace_revoked_credentials(context)
    return report


def _check_types(arguments: Arguments) -> None:
    for name, value in arguments.items():
        expected, description = _TYPES.get(name, (str, "a text"))
        is_list_of_others = isinstance(value, list) and not all(isinstance(each, str) for each in value)
        if value is not None and (type(value) is not expected or is_list_of_others):
            raise ValidationError(f"The argument '{name[:80]}' of a command is {description}.")


def require_administrator(context: ServerContext, caller: Caller, action: str = "may do this") -> None:
    """Raise Forbidden unless the caller has the role Administrator."""
    with context.store.reading() as connection:
        permissions = permissions_of(connection, context.store.tables, caller.id)
    if not permissions.is_administrator:
        raise Forbidden(f"Only an administrator of the studio {action}. Ask one.")


def upsert_user(context: ServerContext, batch: Batch, arguments: Arguments) -> Report:
    """Create a user unless there is one of this name; with a role, replace the user's roles by it.

    The role applies to the given projects, or to all open ones.
    """
    name = arguments.get("name")
    if not name or not name.strip():
        raise ValidationError("A user needs a name.")
    user_id = _find_user_id(batch, name)
    is_new = user_id is None
    if user_id is None:
        user_id = str(uuid4())
        data = {"id": user_id, "username": name, "is_active": True}
        create_entity(batch, create_operation("User", data))
    projects = [_project_id(batch, project) for project in arguments.get("projects") or ()]
    if arguments.get("role") or projects:
        table, role = batch.table("SecurityRole"), arguments.get("role") or DEFAULT_ROLE
        known = {row.name: row.id for row in batch.connection.execute(select(table.c.id, table.c.name))}
        if role not in known:
            raise ValidationError(f"There is no role '{role[:80]}'. Use one of {', '.join(sorted(known))}.")
        _set_role(batch, user_id, known[role], projects)
    return {"user_id": user_id, "name": name, "is_new": is_new, "roles": _roles(batch, user_id)}


def make_key(context: ServerContext, batch: Batch, arguments: Arguments) -> Report:
    """Issue an API key to the user, and report it; the database holds only its hash."""
    user_id = _require_active_user_id(batch, arguments)
    key = api_keys.issue_key(batch.connection, user_id)
    issued_id = api_keys.key_id(batch.connection, user_id, key)
    return {"user_id": user_id, "id": issued_id, "FTRACK_API_USER": arguments["user"], "FTRACK_API_KEY": key}


def revoke(context: ServerContext, batch: Batch, arguments: Arguments) -> Report:
    """Revoke the keys of the user whose ids begin with ``key``; "all" revokes all of them."""
    user_id, prefix = _require_user_id(batch, arguments), arguments.get("key") or ""
    count = api_keys.revoke_keys(batch.connection, user_id, "" if prefix == "all" else prefix) if prefix else 0
    if count == 0:
        raise ValidationError(f"{arguments['user']} has no live key '{prefix}'. See: ft-dcc studio keys")
    return {"user_id": user_id, "revoked": count}


def list_keys(context: ServerContext, batch: Batch, arguments: Arguments) -> Report:
    """Report the keys of a user, or of all users."""
    user_id = _require_user_id(batch, arguments) if arguments.get("user") else None
    return {"keys": api_keys.find_keys(batch.connection, user_id)}


def list_changes(context: ServerContext, batch: Batch, arguments: Arguments) -> Report:
    """Report the audit log, the newest changes first: of an entity, by a user, or all; at most ``most``."""
    limit = arguments.get("most") or 100
    if not 0 < limit <= _MAX_CHANGES:
        raise ValidationError(f"The number of changes must be between 1 and {_MAX_CHANGES}.")
    wanted = {"entity_id": arguments.get("entity"), "username": arguments.get("user")}
    return {"changes": audit_log.entries(batch.connection, limit=limit, **wanted)}


def create_login_link(context: ServerContext, batch: Batch, arguments: Arguments) -> Report:
    """Report the path of a page that logs a browser in as the user, once, within a quarter of an hour."""
    user_id = _require_active_user_id(batch, arguments)
    token = context.login_tokens.issue(Caller(user_id, arguments["user"]))
    if token is None:
        raise ValidationError("Too many sign-in addresses are unused. Wait a quarter of an hour, then try again.")
    path = f"/user/sign_in/{token}?next=/"
    return {"user_id": user_id, "path": path, "address": f"{context.mailer.link_base}{path}"}


def add_webhook(context: ServerContext, batch: Batch, arguments: Arguments) -> Report:
    """Add a webhook of a project, and report its id and secret; the secret is not shown again."""
    project_id = _project_id(batch, str(arguments.get("project")))
    url = str(arguments.get("url"))
    webhooks.WebhookClient(webhooks.read_allowed_networks()).check(url)
    form, events = arguments.get("form") or "json", arguments.get("events") or []
    added = webhooks.add_webhook(batch.connection, project_id, url, form, events)
    return {"project_id": project_id, **added}


def remove_webhook(context: ServerContext, batch: Batch, arguments: Arguments) -> Report:
    """Remove a webhook with the messages that wait for it."""
    hook = _require_webhook(context, batch, arguments)
    webhooks.remove_webhook(batch.connection, hook["id"])
    return {"project_id": hook["project_id"], "webhook_id": hook["id"]}


def ping_webhook(context: ServerContext, batch: Batch, arguments: Arguments) -> Report:
    """Queue a test message for a webhook."""
    hook = _require_webhook(context, batch, arguments)
    webhooks.queue_ping(batch.connection, hook, clock.now())
    return {"project_id": hook["project_id"], "webhook_id": hook["id"]}


def list_webhooks(context: ServerContext, batch: Batch, arguments: Arguments) -> Report:
    """Report the webhooks of all projects, without secrets."""
    table = batch.table("Project")
    names = {row.id: row.name for row in batch.connection.execute(select(table.c.id, table.c.name))}
    found = webhooks.find_webhooks(batch.connection)
    return {"webhooks": [{**hook, "project": names.get(hook["project_id"]) or ""} for hook in found]}


def change_vocabulary(context: ServerContext, batch: Batch, arguments: Arguments) -> Report:
    """Apply a document of statuses, types, workflows, schemas and roles, and report how many were changed."""
    document = arguments.get("document")
    if not document or not all(isinstance(section, dict) for section in document.values()):
        raise ValidationError("The document must have sections, such as [status.Approved].")
    return {"user_id": batch.caller.id, **apply_vocabulary(batch, document)}


def sign_out(context: ServerContext, arguments: Arguments) -> Report:
    """Sign a user out in all browsers."""
    user_id = str(arguments.get("user_id", ""))
    context.store.write(
        lambda connection: browser_sessions.sign_out_everywhere(connection, user_id),
        lambda _: context.events.refresh_permissions(context.store),
    )
    return {"user_id": user_id}


def send_mails(context: ServerContext, arguments: Arguments) -> Report:
    """Send the mails of the outbox, and report how many were sent, and why others were kept."""
    reasons = [reason for _, reason in context.mailer.send_queued(is_everything=True)]
    return {"sent": reasons.count(""), "kept": [reason for reason in reasons if reason]}


def drop_mail(context: ServerContext, arguments: Arguments) -> Report:
    """Remove a mail from the outbox."""
    mail_id = str(arguments.get("id", ""))
    for mail in queued_messages(context.mailer.outbox):
        if mail.id == mail_id:
            mail.path.unlink(missing_ok=True)
            return {"id": mail.id, "to": mail.to}
    raise ValidationError(f"There is no mail '{mail_id[:80]}' in the outbox. Load the page again.")


def _require_webhook(context: ServerContext, batch: Batch, arguments: Arguments) -> Report:
    start = arguments.get("webhook") or ""
    hooks = list_webhooks(context, batch, {})["webhooks"]
    found: list[Report] = [hook for hook in hooks if start and hook["id"].startswith(start)]
    if len(found) != 1:
        raise ValidationError(f"There is no webhook '{start[:80]}'. See: ft-dcc studio webhook list")
    return found[0]


def _find_user_id(batch: Batch, name: str) -> str | None:
    table = batch.table("User")
    found: str | None = batch.connection.scalar(select(table.c.id).where(table.c.username == name))
    return found


def _require_user_id(batch: Batch, arguments: Arguments) -> str:
    name = str(arguments.get("user"))
    user_id = _find_user_id(batch, name)
    if user_id is None:
        raise ValidationError(f"There is no user '{name[:80]}'. Create one with: ft-dcc studio user NAME")
    return user_id


def _require_active_user_id(batch: Batch, arguments: Arguments) -> str:
    user_id, table = _require_user_id(batch, arguments), batch.table("User")
    if not batch.connection.scalar(select(table.c.is_active).where(table.c.id == user_id)):
        raise ValidationError(f"{arguments['user']} is not active. Activate the user on the page Administration first.")
    return user_id


def _project_id(batch: Batch, name: str) -> str:
    """Return the id of the project with this name or id; users of different projects can use the same name."""
    table = batch.table("Project")
    conditions = or_(table.c.name == name, table.c.id == name), table.c[TYPE_COLUMN] == "Project"
    found = sorted(batch.connection.scalars(select(table.c.id).where(*conditions)))
    if not found:
        raise ValidationError(f"There is no project '{name[:80]}'. Check the name.")
    if len(found) > 1:
        raise ValidationError(f"There are {len(found)} projects '{name[:80]}'. Give an id: {', '.join(found)}")
    return str(found[0])


def _set_role(batch: Batch, user_id: str, role_id: str, projects: list[str]) -> None:
    held_type, part_type = batch.schema["UserSecurityRole"], batch.schema["UserSecurityRoleProject"]
    held, part = batch.tables[held_type], batch.tables[part_type]
    before = list(batch.connection.scalars(select(held.c.id).where(held.c.user_id == user_id)))
    batch.connection.execute(delete(part).where(part.c.user_security_role_id.in_(before)))
    batch.connection.execute(delete(held).where(held.c.id.in_(before)))
    row = {"id": str(uuid4()), "user_id": user_id, "security_role_id": role_id, "is_all_open_projects": not projects}
    batch.insert(held_type.name, row)
    for project_id in dict.fromkeys(projects):
        batch.insert(part_type.name, {"id": str(uuid4()), "user_security_role_id": row["id"], "project_id": project_id})


def _roles(batch: Batch, user_id: str) -> list[Report]:
    """Return the user's roles, with the projects that each is limited to."""
    tables = batch.tables.by_family
    held, role = tables["UserSecurityRole"], tables["SecurityRole"]
    part, project = tables["UserSecurityRoleProject"], tables["Context"]
    joined = held.join(role, held.c.security_role_id == role.c.id)
    found = select(held.c.id, held.c.is_all_open_projects, role.c.name).select_from(joined)
    roles = []
    for row in batch.connection.execute(found.where(held.c.user_id == user_id)).all():
        names = select(project.c.name).join_from(project, part, part.c.project_id == project.c.id)
        own = batch.connection.scalars(names.where(part.c.user_security_role_id == row.id))
        roles.append({"role": row.name, "projects": "all open" if row.is_all_open_projects else sorted(own)})
    return roles


COMMANDS: dict[str, Callable[[ServerContext, Batch, Arguments], Report]] = {
    "user": upsert_user,
    "key": make_key,
    "revoke": revoke,
    "keys": list_keys,
    "sign-in": create_login_link,
    "audit": list_changes,
    "webhook-add": add_webhook,
    "webhook-remove": remove_webhook,
    "webhook-test": ping_webhook,
    "webhooks": list_webhooks,
    "vocabulary": lambda context, batch, arguments: read_vocabulary(batch),
    "vocabulary-set": change_vocabulary,
    "schemas": lambda context, batch, arguments: {"schemas": context.schemas},
}
# Commands of the administration page, which take long or touch no entities: they run outside of a transaction.
_SERVER_COMMANDS: dict[str, Callable[[ServerContext, Arguments], Report]] = {
    "sign-out": sign_out,
    "check-backup": lambda context, arguments: check_backup(context.backup_folder, str(arguments.get("name", ""))),
    "send-mail": send_mails,
    "drop-mail": drop_mail,
}
