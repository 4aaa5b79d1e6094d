"""What the owner of a studio has done in it: users, their roles and keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

import attrs
from sqlalchemy import Connection, delete, select

from ft_dcc.errors import ValidationError
from ft_dcc.server import audit
from ft_dcc.server.access import Caller, issue_key, key_id, keys_of, revoke_keys
from ft_dcc.server.entities.batch import Batch, creation, owner_batch
from ft_dcc.server.entities.create import create
from ft_dcc.server.schema.tables import TYPE_COLUMN
from ft_dcc.server.studio import Studio
from ft_dcc.server.updates import NOBODY, announce, describe

_LOOKING = frozenset(("keys", "audit"))
_MOST_CHANGES = 100_000

Words = Mapping[str, Any]
Report = dict[str, Any]


@attrs.frozen
class _Done:
    """What an errand reports, who had it done, and what those who listen are told."""

    report: Report
    caller: Caller
    updates: list[dict[str, Any]]


def run_errand(studio: Studio, name: str, words: Words) -> Report:
    """Do what is asked, in one transaction, and return the report; raises ValidationError with what is wrong."""
    if name not in ERRANDS:
        raise ValidationError(f"A studio has no errand '{name[:80]}'. There are {', '.join(ERRANDS)}.")

    def run(connection: Connection) -> _Done:
        batch = owner_batch(studio, connection)
        batch.changes.is_wanted = studio.events.has_listeners
        report = ERRANDS[name](batch, words)
        if name not in _LOOKING:
            told = {"action": f"errand: {name}", "entity_type": "User", "entity_key": [report["user_id"]]}
            audit.record(connection, batch.caller, [(told, None)])
        return _Done(report, batch.caller, describe(batch))

    def tell(done: _Done) -> None:
        if name not in _LOOKING:
            studio.events.refresh(studio.store)
        announce(studio.events, done.caller, NOBODY, done.updates)

    return studio.store.write(run, tell).report


def have_user(batch: Batch, words: Words) -> Report:
    """There is a user of this name; with a role, this one and no other, on these projects or on all open ones."""
    name = words.get("name")
    if not isinstance(name, str) or not name.strip():
        raise ValidationError("A user needs a name.")
    user_id = _user_id(batch, name)
    is_new = user_id is None
    if user_id is None:
        user_id = str(uuid4())
        data = {"id": user_id, "username": name, "is_active": True}
        create(batch, creation("User", data))
    projects = [_project_id(batch, project) for project in words.get("projects") or ()]
    if words.get("role") or projects:
        _give_role(batch, user_id, _role_id(batch, words.get("role") or "User"), projects)
    return {"user_id": user_id, "name": name, "is_new": is_new, "roles": _roles(batch, user_id)}


def make_key(batch: Batch, words: Words) -> Report:
    """The user has one more API key, which the report tells; the studio keeps only its hash."""
    user_id = _sure_user(batch, words)
    key = issue_key(batch.connection, user_id)
    made = key_id(batch.connection, user_id, key)
    return {"user_id": user_id, "id": made, "FTRACK_API_USER": words["user"], "FTRACK_API_KEY": key}


def revoke(batch: Batch, words: Words) -> Report:
    """The keys of the user whose id begins like this are good no more; "all" are all of them."""
    user_id, which = _sure_user(batch, words), str(words.get("key") or "")
    count = revoke_keys(batch.connection, user_id, "" if which == "all" else which) if which else 0
    if count == 0:
        raise ValidationError(f"{words['user']} has no live key '{which}'. See: ft-dcc studio keys")
    return {"user_id": user_id, "revoked": count}


def list_keys(batch: Batch, words: Words) -> Report:
    """Return what is known of the keys of a user, or of all."""
    user_id = _sure_user(batch, words) if words.get("user") else None
    return {"keys": [attrs.asdict(found) for found in keys_of(batch.connection, user_id)]}


def list_changes(batch: Batch, words: Words) -> Report:
    """Return who changed what, the newest first: of an entity, by a user, or all; ``most`` at a time."""
    entity_id, username, most = words.get("entity"), words.get("user"), words.get("most") or 100
    if not isinstance(most, int) or not 0 < most <= _MOST_CHANGES:
        raise ValidationError(f"At most {_MOST_CHANGES} changes are told at once.")
    found = audit.entries(batch.connection, entity_id=entity_id, username=username, most=most)
    return {"changes": [attrs.asdict(entry) for entry in found]}


def sign_in(batch: Batch, words: Words) -> Report:
    """The report has the path of a page that signs a browser in as the user, once, for a quarter of an hour."""
    user_id = _sure_user(batch, words)
    return {"user_id": user_id, "path": f"/user/sign_in/{batch.studio.tickets.issue(Caller(user_id, words['user']))}"}


def _user_id(batch: Batch, name: str) -> str | None:
    table = batch.table(batch.studio.schema["User"])
    found: str | None = batch.connection.scalar(select(table.c.id).where(table.c.username == name))
    return found


def _sure_user(batch: Batch, words: Words) -> str:
    name = str(words.get("user"))
    user_id = _user_id(batch, name)
    if user_id is None:
        raise ValidationError(f"There is no user '{name[:80]}'. Make one with: ft-dcc studio user NAME")
    return user_id


def _project_id(batch: Batch, name: str) -> str:
    table = batch.table(batch.studio.schema["Project"])
    is_it = table.c.name == name, table.c[TYPE_COLUMN] == "Project"
    found: str | None = batch.connection.scalar(select(table.c.id).where(*is_it))
    if found is None:
        raise ValidationError(f"There is no project '{str(name)[:80]}'. Check the name.")
    return found


def _role_id(batch: Batch, name: str) -> str:
    table = batch.table(batch.studio.schema["SecurityRole"])
    known = {row.name: row.id for row in batch.connection.execute(select(table.c.id, table.c.name))}
    if name not in known:
        raise ValidationError(f"There is no role '{str(name)[:80]}'. There are {', '.join(sorted(known))}.")
    return str(known[name])


def _give_role(batch: Batch, user_id: str, role_id: str, projects: list[str]) -> None:
    held_type, part_type = batch.studio.schema["UserSecurityRole"], batch.studio.schema["UserSecurityRoleProject"]
    held, part = batch.table(held_type), batch.table(part_type)
    before = list(batch.connection.scalars(select(held.c.id).where(held.c.user_id == user_id)))
    batch.connection.execute(delete(part).where(part.c.user_security_role_id.in_(before)))
    batch.connection.execute(delete(held).where(held.c.id.in_(before)))
    row = {"id": str(uuid4()), "user_id": user_id, "security_role_id": role_id, "is_all_open_projects": not projects}
    batch.insert(held_type, row)
    for project_id in dict.fromkeys(projects):
        batch.insert(part_type, {"id": str(uuid4()), "user_security_role_id": row["id"], "project_id": project_id})


def _roles(batch: Batch, user_id: str) -> list[Report]:
    """Return the names of the user's roles, and of the projects that each is limited to."""
    tables = batch.studio.store.tables.by_family
    held, role = tables["UserSecurityRole"], tables["SecurityRole"]
    part, project = tables["UserSecurityRoleProject"], tables["Context"]
    joined = held.join(role, held.c.security_role_id == role.c.id)
    found = select(held.c.id, held.c.is_all_open_projects, role.c.name).select_from(joined)
    told = []
    for row in batch.connection.execute(found.where(held.c.user_id == user_id)).all():
        names = select(project.c.name).join_from(project, part, part.c.project_id == project.c.id)
        own = batch.connection.scalars(names.where(part.c.user_security_role_id == row.id))
        told.append({"role": row.name, "projects": "all open" if row.is_all_open_projects else sorted(own)})
    return told


ERRANDS: dict[str, Callable[[Batch, Words], Report]] = {
    "user": have_user,
    "key": make_key,
    "revoke": revoke,
    "keys": list_keys,
    "sign-in": sign_in,
    "audit": list_changes,
}
