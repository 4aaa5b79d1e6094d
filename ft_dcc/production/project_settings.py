"""The settings that a server keeps for a project, as metadata of the project, and the last known ones."""

from __future__ import annotations

from pathlib import Path

from ft_dcc.errors import NotFoundError
from ft_dcc.files import remembered
from ft_dcc.session import Session
from ft_dcc.session.entities.entity import Entity
from ft_dcc.session.query.expression import quoted
from ft_dcc.settings import resolve, toml_file

# The key of the metadata; its value is TOML.
KEY = toml_file.NAME
# The file of the last known ones, and the number of tasks whose projects are remembered.
_REMEMBERED, _MAX_TASKS = "project_settings", 1000


def find_project(session: Session, name_or_id: str) -> Entity:
    """Return the project with its metadata; raise NotFoundError."""
    text = quoted(name_or_id)
    found: Entity | None = session.query(
        f"select name, metadata from Project where name is {text} or id is {text}"
    ).first()
    if found is None:
        raise NotFoundError(f"There is no project {name_or_id} on {session.server_url}. Check its name.")
    return found


def read_text(project: Entity) -> str:
    """Return the TOML that the server keeps for the project, "" without any."""
    return str(project["metadata"].get(KEY) or "")


def write_text(session: Session, project: Entity, text: str) -> None:
    """Keep this TOML on the server for the project, nothing for an empty text; raise SettingInvalid, ServerError."""
    resolve.check_server_text(project["name"], text)
    if text.strip():
        project["metadata"][KEY] = text
    else:
        project["metadata"].pop(KEY, None)
    session.commit()


def scope_of_task(session: Session | None, server: str, task: str | None, folder: Path | None) -> resolve.Scope:
    """Return and remember the scope of a task, an id or a path, and a folder; the last known one without an answer."""
    if not task:
        return resolve.Scope(folder)
    server, project = server.rstrip("/"), None
    known = remembered.read_texts(_REMEMBERED, server)
    if session is not None and "/" in task:
        project = session.query(f"select name, metadata from Project where name is {quoted(_key(task))}").first()
    elif session is not None:
        selected = "select project.name, project.metadata from TypedContext"
        context = session.query(f"{selected} where id is {quoted(task)}").first()
        project = None if context is None else context["project"]
    if project is None:
        found = known.get(_key(task), ("", ""))
        return resolve.Scope(folder, *found[:2])
    found = (str(project["name"]), read_text(project))
    if known.get(_key(task)) != found:
        # The other tasks of the project follow.
        changed = {key: found if each[:1] == found[:1] else each for key, each in known.items() if key != _key(task)}
        newest = [*changed.items(), (_key(task), found)][-_MAX_TASKS:]
        remembered.write_texts(_REMEMBERED, server, dict(newest))
    return resolve.Scope(folder, *found)


def _key(task: str) -> str:
    """Return what the project is remembered by: the id of the task, or the name of the project in its path."""
    return task.strip("/").split("/")[0]
