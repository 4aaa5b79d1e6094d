"""Find a task by its id or its path, and make the path where it is missing."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from ft_dcc.errors import ServerError, SettingInvalid, TaskNotFound
from ft_dcc.frames import FrameRange
from ft_dcc.session.query import quoted

if TYPE_CHECKING:
    from ft_dcc.session import Session
    from ft_dcc.session.entity import Entity

# What a path's parts are, counted from the task upwards; whatever lies above a sequence is a folder.
_KINDS_UPWARDS = ("Task", "Shot", "Sequence")
_TASKS = "select name, link, parent_id, project_id from Task"


def find_task(session: Session, id_or_path: str) -> Entity:
    """Return the task with this id, or at this path: ``PROJECT/SEQUENCE/SHOT/TASK``.

    Raises TaskNotFound.
    """
    if "/" in id_or_path:
        task = _at_path(session, _parts(id_or_path))
    else:
        task = session.query(f"{_TASKS} where id is {quoted(id_or_path)}").first()
    if task is None:
        raise TaskNotFound(
            f"There is no task {id_or_path} on {session.server_url}. "
            "Give a task's id, or its path as PROJECT/SEQUENCE/SHOT/TASK; make it with: ft-dcc task ensure."
        )
    return task


def search_tasks(session: Session, words: str, limit: int = 50) -> list[Entity]:
    """Return tasks of which each word is part of a name on the way from the project down to them, in any order."""
    levels = ("name", "parent.name", "parent.parent.name", "project.name")
    conditions = []
    for word in words.split():
        wanted = quoted(f"%{word}%")
        conditions.append(f"({' or '.join(f'{level} like {wanted}' for level in levels)})")
    if not conditions:
        return []
    found: list[Entity] = session.query(f"{_TASKS} where {' and '.join(conditions)} order by name limit {limit}").all()
    return found


def tasks_of(session: Session, user: str, limit: int = 1000) -> list[Entity]:
    """Return the tasks that the user is assigned to; whoever has none is offered everybody's."""
    is_assigned = f"assignments any (resource.username is {quoted(user)})"
    found: list[Entity] = session.query(f"{_TASKS} where {is_assigned} limit {limit}").all()
    return found or list(session.query(f"{_TASKS} order by name limit {limit}").all())


def ensure_task(
    session: Session, path: str, *, frame_range: FrameRange | None = None, fps: Fraction | None = None
) -> Entity:
    """Return the task at this path, made in one transaction with whatever is missing above it.

    ``frame_range`` and ``fps`` are written to the shot's fstart, fend, handles and fps. Calling it again changes
    nothing. Raises SettingInvalid for a path that is no path, or a site whose shots have no such attributes.
    """
    parts = _parts(path)
    task = _at_path(session, parts)
    if task is None:
        try:
            _make(session, parts)
            session.commit()
        except ServerError:
            # Somebody else may have made the same path in the meantime; whatever else it was is raised again.
            session.rollback()
            if _at_path(session, parts) is None:
                raise
        task = find_task(session, path)
    _set_shot(session, task, frame_range, fps)
    return task


def _parts(path: str) -> list[str]:
    parts = [part.strip() for part in path.strip("/").split("/")]
    if len(parts) < 2 or not all(parts):
        raise SettingInvalid(f"{path!r} is not the path of a task. Write it as PROJECT/SEQUENCE/SHOT/TASK.")
    return parts


def _at_path(session: Session, parts: Sequence[str]) -> Entity | None:
    conditions = [f"project.name is {quoted(parts[0])}"]
    for level, name in enumerate(reversed(parts[1:])):
        conditions.append(f"{'parent.' * level}name is {quoted(name)}")
    found = session.query(f"{_TASKS} where {' and '.join(conditions)}").all()
    # A path names every level, so a task of the same names further down is not meant.
    return next((task for task in found if len(task["link"]) == len(parts)), None)


def _make(session: Session, parts: Sequence[str]) -> None:
    parent: Entity | None = session.query(f"Project where name is {quoted(parts[0])}").first()
    if parent is None:
        schema = session.query("ProjectSchema order by name").first()
        parent = session.create("Project", {"name": parts[0], "full_name": parts[0], "project_schema": schema})
    project_id = parent["id"]
    for depth, name in enumerate(parts[1:], start=1):
        upwards = len(parts) - 1 - depth
        kind = _KINDS_UPWARDS[upwards] if upwards < len(_KINDS_UPWARDS) else "Folder"
        existing = session.query(
            f"TypedContext where parent_id is {quoted(parent['id'])} and name is {quoted(name)}"
        ).first()
        if existing is not None:
            parent = existing
            continue
        data = {"name": name, "parent_id": parent["id"], "project_id": project_id}
        if kind == "Task":
            data["type_id"] = _task_type_id(session, name)
        parent = session.create(kind, data)


def _task_type_id(session: Session, task_name: str) -> str:
    """The type that the task is named after, else Generic, else the first."""
    types = {
        str(kind["name"]).lower(): str(kind["id"]) for kind in session.query("select id, name from Type order by sort")
    }
    return types.get(task_name.lower()) or types.get("generic") or next(iter(types.values()))


def _set_shot(session: Session, task: Entity, frame_range: FrameRange | None, fps: Fraction | None) -> None:
    wanted: dict[str, float] = {}
    if frame_range is not None:
        wanted.update(fstart=frame_range.start, fend=frame_range.end, handles=frame_range.handles)
    if fps is not None:
        wanted["fps"] = float(fps)
    if not wanted:
        return
    shot = session.get("Context", task["parent_id"])
    attributes = shot["custom_attributes"] if shot is not None else {}
    lacking = sorted(set(wanted) - set(attributes))
    if lacking:
        raise SettingInvalid(
            f"What holds {task['name']} has no attribute {', '.join(lacking)} on {session.server_url}."
        )
    for name, value in wanted.items():
        if attributes[name] != value:
            attributes[name] = value
    session.commit()
