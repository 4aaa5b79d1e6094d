"""Tasks: find, search and create them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from ft_dcc import errors, frames
from ft_dcc.session.query.query import quoted

if TYPE_CHECKING:
    from ft_dcc.session import Session
    from ft_dcc.session.entities.entity import Entity

# Entity types of a path's parts, from the task upwards; parts above a sequence are folders.
_TYPES_UPWARDS = ("Task", "Shot", "Sequence")
_SELECT_TASKS = "select name, link, parent_id, project_id from Task"


def find_task(session: Session, id_or_path: str) -> Entity:
    """Return the task with this id or path, ``PROJECT/SEQUENCE/SHOT/TASK``; raise TaskNotFound if there is none."""
    if "/" in id_or_path:
        task = _at_path(session, _split_path(id_or_path))
    else:
        task = session.query(f"{_SELECT_TASKS} where id is {quoted(id_or_path)}").first()
    if task is None:
        raise errors.TaskNotFound(
            f"There is no task {id_or_path} on {session.server_url}. "
            "Give a task's id or its path, PROJECT/SEQUENCE/SHOT/TASK, or create it with: ft-dcc task ensure."
        )
    return task


def search_tasks(session: Session, text: str, limit: int = 50) -> list[Entity]:
    """Return the tasks whose path from the project down contains each word of the text, in any order."""
    levels = ("name", "parent.name", "parent.parent.name", "project.name")
    conditions = []
    for word in text.split():
        pattern = quoted(f"%{word}%")
        conditions.append(f"({' or '.join(f'{level} like {pattern}' for level in levels)})")
    if not conditions:
        return []
    found: list[Entity] = session.query(
        f"{_SELECT_TASKS} where {' and '.join(conditions)} order by name limit {limit}"
    ).all()
    return found


def assigned_tasks(session: Session, user: str, limit: int = 1000) -> list[Entity]:
    """Return the tasks that the user is assigned to, or all tasks if there are none."""
    is_assigned = f"assignments any (resource.username is {quoted(user)})"
    found: list[Entity] = session.query(f"{_SELECT_TASKS} where {is_assigned} limit {limit}").all()
    return found or list(session.query(f"{_SELECT_TASKS} order by name limit {limit}").all())


def ensure_task(
    session: Session,
    path: str,
    *,
    frame_range: frames.FrameRange | None = None,
    fps: Fraction | None = None,
    create_project: bool = True,
    on_change: Callable[[str], None] | None = None,
) -> Entity:
    """Return the task at this path; create it and its missing parents in one transaction if it does not exist.

    ``frame_range`` and ``fps`` are written to the shot's attributes fstart, fend, handles and fps; ``on_change`` gets a
    sentence if they replace other values. Idempotent. Without ``create_project`` a project is created only if there is
    none at all. Raises SettingInvalid for that, for an invalid path, or if the shots of the site do not have these
    attributes.
    """
    parts = _split_path(path)
    task = _at_path(session, parts)
    if task is None:
        if not create_project:
            _refuse_new_project(session, parts[0])
        try:
            _create_path(session, parts)
            session.commit()
        except errors.ServerError:
            # Another client may have created the same path at the same time.
            session.rollback()
            if _at_path(session, parts) is None:
                raise
        task = find_task(session, path)
    _set_shot_values(session, task, frame_range, fps, on_change)
    return task


def _refuse_new_project(session: Session, project: str) -> None:
    names = [str(each["name"]) for each in session.query("select name from Project")]
    if not names or project in names:
        return
    near = difflib.get_close_matches(project, names, 1, 0.5)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise errors.SettingInvalid(f"There is no project {project}.{hint} Add --create-project to create it.")


def _split_path(path: str) -> list[str]:
    parts = [part.strip() for part in path.strip("/").split("/")]
    if len(parts) < 2 or not all(parts):
        raise errors.SettingInvalid(f"{path!r} is not the path of a task. Write it as PROJECT/SEQUENCE/SHOT/TASK.")
    return parts


def _at_path(session: Session, parts: Sequence[str]) -> Entity | None:
    conditions = [f"project.name is {quoted(parts[0])}"]
    for level, name in enumerate(reversed(parts[1:])):
        conditions.append(f"{'parent.' * level}name is {quoted(name)}")
    found = session.query(f"{_SELECT_TASKS} where {' and '.join(conditions)}").all()
    # Skip tasks with the same names at a deeper level.
    return next((task for task in found if len(task["link"]) == len(parts)), None)


def _create_path(session: Session, parts: Sequence[str]) -> None:
    parent: Entity | None = session.query(f"Project where name is {quoted(parts[0])}").first()
    if parent is None:
        schema = session.query("ProjectSchema order by name").first()
        parent = session.create("Project", {"name": parts[0], "full_name": parts[0], "project_schema": schema})
    project_id = parent["id"]
    for depth, name in enumerate(parts[1:], start=1):
        upwards = len(parts) - 1 - depth
        entity_type = _TYPES_UPWARDS[upwards] if upwards < len(_TYPES_UPWARDS) else "Folder"
        existing = session.query(
            f"TypedContext where parent_id is {quoted(parent['id'])} and name is {quoted(name)}"
        ).first()
        if existing is not None:
            parent = existing
            continue
        data = {"name": name, "parent_id": parent["id"], "project_id": project_id}
        if entity_type == "Task":
            data["type_id"] = _task_type_id(session, name)
        parent = session.create(entity_type, data)


def _task_type_id(session: Session, task_name: str) -> str:
    """Return the id of the type with the task's name, of Generic, or of the first type."""
    types = {
        str(each["name"]).lower(): str(each["id"]) for each in session.query("select id, name from Type order by sort")
    }
    return types.get(task_name.lower()) or types.get("generic") or next(iter(types.values()))


def _set_shot_values(
    session: Session,
    task: Entity,
    frame_range: frames.FrameRange | None,
    fps: Fraction | None,
    on_change: Callable[[str], None] | None,
) -> None:
    values: dict[str, float] = {}
    if frame_range is not None:
        values.update(fstart=frame_range.start, fend=frame_range.end, handles=frame_range.handles)
    if fps is not None:
        values["fps"] = float(fps)
    if not values:
        return
    shot = session.get("Context", task["parent_id"])
    attributes = shot["custom_attributes"] if shot is not None else {}
    missing = sorted(set(values) - set(attributes))
    if missing:
        raise errors.SettingInvalid(
            f"The parent of task {task['name']} has no attribute {', '.join(missing)} on {session.server_url}. "
            "Add it on the site, or leave out --frames and --fps."
        )
    changed = {name: attributes[name] for name, value in values.items() if attributes[name] != value}
    for name in changed:
        attributes[name] = values[name]
    session.commit()
    # A shot that was just created has no value, or 0.
    replaced = [f"{name} was {old:g}, is now {values[name]:g}" for name, old in changed.items() if old]
    if replaced and on_change is not None:
        on_change(f"The shot of {task['name']} has changed: {'; '.join(replaced)}.")
