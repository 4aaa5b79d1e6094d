"""Tasks: find, search and create them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import attrs

from ft_dcc import errors
from ft_dcc.frames import FrameRange
from ft_dcc.session import Session, operations
from ft_dcc.session.entities.entity import Entity
from ft_dcc.session.query.expression import quoted

# Entity types of a path's parts, from the task upwards; parts above a sequence are folders.
_TYPES_UPWARDS = ("Task", "Shot", "Sequence")
# The object types of shots and assets; sites of ftrack write the name of the last one with a space.
_PARENT_TYPES = ("Shot", "AssetBuild", "Asset Build")
# A task makes at most some ten operations, and the studio server accepts 5,000 in a request.
_TASKS_PER_TRANSACTION = 400
_SELECT = "select name, link, parent_id, project_id, type.name from"
_SELECT_TASKS = f"{_SELECT} Task"


def find_task(session: Session, id_or_path: str, *, or_parent: bool = False) -> Entity:
    """Return the task at this id or PROJECT/SEQUENCE/SHOT/TASK; raise TaskNotFound.

    With ``or_parent`` it can be a parent, too: a shot, an asset, or a project as PROJECT/.
    """
    entity_type = "TypedContext" if or_parent else "Task"
    if or_parent and id_or_path.find("/") == len(id_or_path) - 1:
        return _find_project(session, id_or_path[:-1])
    if "/" in id_or_path:
        task = _at_path(session, _split_path(id_or_path), entity_type)
    else:
        task = session.query(f"{_SELECT} {entity_type} where id is {quoted(id_or_path)}").first()
    if task is None:
        raise errors.TaskNotFound(
            f"There is no task {id_or_path} on {session.server_url}.{_nearest_task(session, id_or_path)} "
            "Give a task's id or its path, PROJECT/SEQUENCE/SHOT/TASK, or create it with: ft-dcc task ensure."
        )
    return task


def _find_project(session: Session, name: str) -> Entity:
    known = {str(each["name"]): each for each in session.query("select name, link from Project")}
    if name not in known:
        raise errors.TaskNotFound(
            f"There is no project {name} on {session.server_url}. {errors.nearest_hint(name, sorted(known))}"
        )
    return known[name]


def _nearest_task(session: Session, path: str) -> str:
    """Return a sentence with the existing path that is nearest to this one, or "" if none is near."""
    project, _, below = path.partition("/")
    if not below:
        return ""
    projects = [str(each["name"]) for each in session.query("select name from Project")]
    if project not in projects:
        hint = errors.nearest_hint(project, projects, 0.5, "")
        return f" There is no project {project}. {hint}" if hint else ""
    tasks = session.query(f"select link from Task where project.name is {quoted(project)} limit 1000")
    paths = ["/".join(str(each["name"]) for each in task["link"]) for task in tasks]
    hint = errors.nearest_hint(path, paths, 0.8, "")
    return f" {hint}" if hint else ""


def search_tasks(session: Session, text: str, limit: int = 50, *, or_parent: bool = False) -> list[Entity]:
    """Return the tasks whose path from the project down contains each word of the text, in any order.

    A slash separates words, so that a path finds its task. With ``or_parent`` shots and assets follow the tasks, for
    versions without a task.
    """
    levels = ("name", "parent.name", "parent.parent.name", "project.name")
    conditions = []
    for word in text.replace("/", " ").split():
        pattern = quoted(f"%{word}%")
        conditions.append(f"({' or '.join(f'{level} like {pattern}' for level in levels)})")
    if not conditions:
        return []
    source, order = "Task", "name"
    if or_parent:
        # In one request, because panels wait for it; "Task" is the last name of the types.
        source, order = "TypedContext", "object_type.name desc, name"
        conditions.append(f"object_type.name in ({', '.join(map(quoted, ('Task', *_PARENT_TYPES)))})")
    found: list[Entity] = session.query(
        f"{_SELECT} {source} where {' and '.join(conditions)} order by {order} limit {limit}"
    ).all()
    return found


def assigned_tasks(session: Session, user: str, limit: int = 1000) -> list[Entity]:
    """Return the tasks that the user is assigned to, or all tasks if there are none."""
    is_assigned = f"assignments any (resource.username is {quoted(user)})"
    found: list[Entity] = session.query(f"{_SELECT_TASKS} where {is_assigned} limit {limit}").all()
    return found or list(session.query(f"{_SELECT_TASKS} order by name limit {limit}").all())


def tasks_of_shots(session: Session, task_id: str, names: Sequence[str]) -> dict[str, Entity]:
    """Return by shot the task that has the name of this one, in its sequence or project; raise TaskNotFound."""
    own = find_task(session, task_id)
    project = f"project_id is {quoted(own['project_id'])} and name is {quoted(own['name'])}"
    tasks = session.query(f"{_SELECT_TASKS} where {project} and parent.name in ({', '.join(map(quoted, names))})").all()
    found = {}
    for name in names:
        known = [task for task in tasks if task["link"][-2]["name"] == name]
        # A shot of another sequence may have the same name.
        near = [task for task in known if task["link"][:-2] in (own["link"][:-2], own["link"][:-1])] or known
        if len(near) != 1 or name in found:
            reason = "is there more than once" if known else f"has no task {own['name']}"
            raise errors.TaskNotFound(f"The shot {name} {reason}. Name each strip or marker as its shot.")
        found[name] = near[0]
    return found


def ensure_task(
    session: Session, path: str, *, frame_range: FrameRange | None = None, fps: Fraction | None = None, **options: Any
) -> Entity:
    """Return the task at this path, which another client may create at the same time; else as ``ensure_tasks``."""
    wanted = [WantedTask(path, frame_range, fps)]
    try:
        ensure_tasks(session, wanted, **options)
    except errors.ServerError:
        session.rollback()
        if _at_path(session, _split_path(path)) is None:
            raise
        ensure_tasks(session, wanted, **options)
    return find_task(session, path)


@attrs.frozen
class WantedTask:
    """A task that should exist: its path, and the range and the rate of its shot; None leaves them as they are."""

    path: str
    frame_range: FrameRange | None = None
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
    have a transaction for each 400 of them, because servers limit the size of a request. Idempotent.

    Range and rate are the shot's attributes fstart, fend, handles and fps; ``on_change`` gets a sentence if they
    replace other values. Without ``create_project`` a project is created only if there is none at all. Raises
    SettingInvalid for that, and for an invalid path, before the first transaction, or for shots without the attributes.
    """
    paths = [_split_path(each.path) for each in wanted]
    tasks: list[Entity] = []
    for first in range(0, len(paths), _TASKS_PER_TRANSACTION):
        portion = slice(first, first + _TASKS_PER_TRANSACTION)
        known = _Places.read(session, paths[portion])
        if not create_project and first == 0:
            for project in dict.fromkeys(parts[0] for parts in paths):
                if known.projects and project not in known.projects:
                    hint = errors.nearest_hint(project, known.projects, 0.5, "")
                    sentences = f"There is no project {project}.", hint, "Add --create-project to create it."
                    raise errors.SettingInvalid(" ".join(filter(None, sentences)))
        made = [known.ensure(parts) for parts in paths[portion]]
        shots = {str(context["id"]): context for context in known.contexts.values()}
        for each, task in zip(wanted[portion], made):
            if each.frame_range is not None or each.fps is not None:
                shot = shots.get(str(task["parent_id"]))
                _change_shot_values(session, task, shot, each, on_change)
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
                upwards = len(parts) - 1 - depth
                entity_type = _TYPES_UPWARDS[upwards] if upwards < len(_TYPES_UPWARDS) else "Folder"
                data = {"name": name, "parent_id": parent["id"], "project_id": project["id"]}
                if entity_type == "Task":
                    types = self.types
                    data["type_id"] = types.get(name.lower()) or types.get("generic") or next(iter(types.values()))
                self.contexts[place] = self.session.create(entity_type, data)
            parent = self.contexts[place]
        if parent.entity_type != "Task":
            raise errors.SettingInvalid(
                f"{'/'.join(parts)} is a {parent.entity_type}, not a task. Choose another name."
            )
        return parent


def _split_path(path: str) -> list[str]:
    parts = [part.strip() for part in path.strip("/").split("/")]
    if len(parts) < 2 or not all(parts):
        raise errors.SettingInvalid(f"{path!r} is not the path of a task. Write it as PROJECT/SEQUENCE/SHOT/TASK.")
    return parts


def _at_path(session: Session, parts: Sequence[str], entity_type: str = "Task") -> Entity | None:
    conditions = [f"project.name is {quoted(parts[0])}"]
    for level, name in enumerate(reversed(parts[1:])):
        conditions.append(f"{'parent.' * level}name is {quoted(name)}")
    found = session.query(f"{_SELECT} {entity_type} where {' and '.join(conditions)}").all()
    # Skip those with the same names at a deeper level.
    return next((each for each in found if len(each["link"]) == len(parts)), None)


def _change_shot_values(
    session: Session, task: Entity, shot: Entity | None, wanted: WantedTask, on_change: Callable[[str], None] | None
) -> None:
    values: dict[str, float] = {}
    if (own := wanted.frame_range) is not None:
        values.update(fstart=own.start, fend=own.end, handles=own.handles)
    if wanted.fps is not None:
        values["fps"] = float(wanted.fps)
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
