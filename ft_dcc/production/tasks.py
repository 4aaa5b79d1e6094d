"""Tasks: find, search and create them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import attrs

from ft_dcc import errors, frames
from ft_dcc.session import operations
from ft_dcc.session.query.query import quoted

if TYPE_CHECKING:
    from ft_dcc.session import Session
    from ft_dcc.session.entities.entity import Entity

# Entity types of a path's parts, from the task upwards; parts above a sequence are folders.
_TYPES_UPWARDS = ("Task", "Shot", "Sequence")
# A task makes at most some ten operations, and the studio server accepts 5,000 in a request.
_TASKS_PER_TRANSACTION = 400
_SELECT_TASKS = "select name, link, parent_id, project_id from Task"


def find_task(session: Session, id_or_path: str) -> Entity:
    """Return the task with this id or path, ``PROJECT/SEQUENCE/SHOT/TASK``; raise TaskNotFound if there is none."""
    if "/" in id_or_path:
        task = _at_path(session, _split_path(id_or_path))
    else:
        task = session.query(f"{_SELECT_TASKS} where id is {quoted(id_or_path)}").first()
    if task is None:
        raise errors.TaskNotFound(
            f"There is no task {id_or_path} on {session.server_url}.{_nearest_task(session, id_or_path)} "
            "Give a task's id or its path, PROJECT/SEQUENCE/SHOT/TASK, or create it with: ft-dcc task ensure."
        )
    return task


def _nearest_task(session: Session, path: str) -> str:
    """Return a sentence with the existing path that is nearest to this one, or "" if none is near."""
    project, _, below = path.partition("/")
    if not below:
        return ""
    projects = [str(each["name"]) for each in session.query("select name from Project")]
    if project not in projects:
        near = difflib.get_close_matches(project, projects, 1, 0.5)
        return f" There is no project {project}. Did you mean {near[0]}?" if near else ""
    tasks = session.query(f"select link from Task where project.name is {quoted(project)} limit 1000")
    paths = ["/".join(str(each["name"]) for each in task["link"]) for task in tasks]
    near = difflib.get_close_matches(path, paths, 1, 0.8)
    return f" Did you mean {near[0]}?" if near else ""


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
            _refuse_new_project(parts[0], {str(each["name"]) for each in session.query("select name from Project")})
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


@attrs.frozen
class WantedTask:
    """A task that should exist: its path, and the range and the rate of its shot; None leaves them as they are."""

    path: str
    frame_range: frames.FrameRange | None = None
    fps: Fraction | None = None


def ensure_tasks(
    session: Session,
    wanted: Sequence[WantedTask],
    *,
    create_project: bool = True,
    on_change: Callable[[str], None] | None = None,
) -> list[Entity]:
    """Return the tasks at these paths; create the missing ones and set the values of their shots.

    Three requests for up to 400 tasks: what exists, the custom attributes of the site, and a transaction. More tasks
    have a transaction for each 400 of them, because servers limit the size of a request. Idempotent, and otherwise as
    ``ensure_task``; all paths and projects are checked before the first transaction.
    """
    paths = [_split_path(each.path) for each in wanted]
    tasks: list[Entity] = []
    for first in range(0, len(paths), _TASKS_PER_TRANSACTION):
        portion = slice(first, first + _TASKS_PER_TRANSACTION)
        known = _Places.read(session, paths[portion])
        if not create_project and first == 0:
            for project in dict.fromkeys(parts[0] for parts in paths):
                _refuse_new_project(project, known.projects)
        made = [known.ensure(parts) for parts in paths[portion]]
        shots = {str(context["id"]): context for context in known.contexts.values()}
        for each, task in zip(wanted[portion], made):
            if each.frame_range is not None or each.fps is not None:
                shot = shots.get(str(task["parent_id"]))
                _change_shot_values(session, task, shot, each.frame_range, each.fps, on_change)
        session.commit()
        tasks += made
    return tasks


@attrs.define
class _Places:
    """The projects and contexts that exist or are being created, by parent and name."""

    session: Session
    projects: dict[str, Entity]
    contexts: dict[tuple[str, str], Entity]
    types: dict[str, str]
    schema: Entity | None

    @classmethod
    def read(cls, session: Session, paths: Sequence[Sequence[str]]) -> _Places:
        """Fetch all projects, and what exists under the names in the paths, with one request."""
        projects = ", ".join(quoted(name) for name in dict.fromkeys(parts[0] for parts in paths))
        names = ", ".join(quoted(name) for name in dict.fromkeys(name for parts in paths for name in parts[1:]))
        queries = (
            "select name from Project",
            "select name, parent_id, project_id, custom_attributes from TypedContext "
            f"where project.name in ({projects}) and name in ({names})",
            "select id, name from Type order by sort",
            "select id, name from ProjectSchema order by name",
        )
        found = [answer["data"] for answer in session.call([operations.query(text) for text in queries])]
        return cls(
            session,
            {str(each["name"]): each for each in found[0]},
            {(str(each["parent_id"]), str(each["name"])): each for each in found[1]},
            {str(each["name"]).lower(): str(each["id"]) for each in found[2]},
            next(iter(found[3]), None),
        )

    def ensure(self, parts: Sequence[str]) -> Entity:
        """Return the task at the path, which is recorded for the next commit if it does not exist."""
        project = self.projects.get(parts[0])
        if project is None:
            data = {"name": parts[0], "full_name": parts[0], "project_schema": self.schema}
            project = self.projects[parts[0]] = self.session.create("Project", data)
        parent = project
        for depth, name in enumerate(parts[1:], start=1):
            place = (str(parent["id"]), name)
            if place not in self.contexts:
                self.contexts[place] = _create_context(
                    self.session, parent, project, name, len(parts) - 1 - depth, self.types
                )
            parent = self.contexts[place]
        if parent.entity_type != "Task":
            raise errors.SettingInvalid(
                f"{'/'.join(parts)} is a {parent.entity_type}, not a task. Choose another name."
            )
        return parent


def _create_context(
    session: Session, parent: Entity, project: Entity, name: str, upwards: int, types: Mapping[str, str]
) -> Entity:
    entity_type = _TYPES_UPWARDS[upwards] if upwards < len(_TYPES_UPWARDS) else "Folder"
    data = {"name": name, "parent_id": parent["id"], "project_id": project["id"]}
    if entity_type == "Task":
        data["type_id"] = types.get(name.lower()) or types.get("generic") or next(iter(types.values()))
    return session.create(entity_type, data)


def _refuse_new_project(project: str, names: Collection[str]) -> None:
    """Raise SettingInvalid unless the project exists, or there is none at all."""
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
    project, types = parent, _task_types(session)
    for depth, name in enumerate(parts[1:], start=1):
        existing = session.query(
            f"TypedContext where parent_id is {quoted(parent['id'])} and name is {quoted(name)}"
        ).first()
        if existing is not None:
            parent = existing
            continue
        parent = _create_context(session, parent, project, name, len(parts) - 1 - depth, types)


def _task_types(session: Session) -> dict[str, str]:
    """Return the ids of the task types by their names in lower case."""
    return {
        str(each["name"]).lower(): str(each["id"]) for each in session.query("select id, name from Type order by sort")
    }


def _set_shot_values(
    session: Session,
    task: Entity,
    frame_range: frames.FrameRange | None,
    fps: Fraction | None,
    on_change: Callable[[str], None] | None,
) -> None:
    if frame_range is not None or fps is not None:
        shot = session.get("Context", task["parent_id"])
        _change_shot_values(session, task, shot, frame_range, fps, on_change)
        session.commit()


def _change_shot_values(
    session: Session,
    task: Entity,
    shot: Entity | None,
    frame_range: frames.FrameRange | None,
    fps: Fraction | None,
    on_change: Callable[[str], None] | None,
) -> None:
    values: dict[str, float] = {}
    if frame_range is not None:
        values.update(fstart=frame_range.start, fend=frame_range.end, handles=frame_range.handles)
    if fps is not None:
        values["fps"] = float(fps)
    attributes: Any = shot["custom_attributes"] if shot is not None else {}
    missing = sorted(set(values) - set(attributes))
    if missing:
        raise errors.SettingInvalid(
            f"The parent of task {task['name']} has no attribute {', '.join(missing)} on {session.server_url}. "
            "Add it on the site, or leave out --frames and --fps."
        )
    before = {name: attributes.inherited(name) for name in values}
    changed = {name: before[name] for name, value in values.items() if before[name] != value}
    for name in changed:
        attributes[name] = values[name]
    # A shot that was just created has no value, or 0.
    replaced = [f"{name} was {old:g}, is now {values[name]:g}" for name, old in changed.items() if old]
    if replaced and on_change is not None:
        on_change(f"The shot of {task['name']} has changed: {'; '.join(replaced)}.")
