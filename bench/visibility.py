"""Measure what the row filter costs: the same queries by a user with access to one project and by an administrator.

All of it runs in one process, and the CPU time of SQLite and Python is measured, so that other programs matter little.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import attrs

from bench.table import Row, print_table
from ft_dcc.server.actions.dispatch import Dispatcher
from ft_dcc.server.app import make_dispatcher
from ft_dcc.server.auth.api_keys import first_user
from ft_dcc.server.context import open_server_context
from ft_dcc.server.database.data_folder import locked
from ft_dcc.server.identity import Caller

PROJECTS, MAX_RATIO, MAX_MICROSECONDS_PER_ROW = 4, 2.0, 25
_CHUNK = 1_000
Operation = dict[str, Any]


@attrs.frozen
class FilledStudio:
    """A server context with several projects, an administrator, and a user with access to one project."""

    dispatcher: Dispatcher
    administrator: Caller
    limited: Caller
    ids: dict[str, str]

    def send(self, operations: list[Operation]) -> list[Any]:
        """Return the answers to operations of the administrator."""
        starts = range(0, len(operations), _CHUNK)
        return [
            answer
            for start in starts
            for answer in self.dispatcher.answer(self.administrator, operations[start : start + _CHUNK])
        ]


def run(*, is_small: bool = False) -> bool:
    """Print the table, and return whether each query of the limited user stays within its goal."""
    return print_table(quick_rows(versions=50 if is_small else 500, pairs=3 if is_small else 15))


def quick_rows(versions: int = 500, pairs: int = 15) -> Iterator[Row]:
    """Yield all rows: they are measured in CPU time."""
    with tempfile.TemporaryDirectory(prefix="ft-dcc-bench-") as name:
        folder = Path(name)
        with locked(folder), open_server_context(folder) as context:
            yield from _rows(_fill(make_dispatcher(context), versions=versions), pairs)


def _rows(studio: FilledStudio, pairs: int) -> Iterator[Row]:
    for title, expression in QUERIES.items():
        theirs, ours = _measure(studio, expression.format(**studio.ids), pairs)
        yield Row(title, theirs, ours, MAX_RATIO, peer="administrator")
    for title, (entity_type, expression) in WORST.items():
        (everything,) = studio.send(_query(f"select id from {entity_type}"))
        goal = len(everything["data"]) * MAX_MICROSECONDS_PER_ROW / 1000
        theirs, ours = _measure(studio, expression.format(**studio.ids), pairs)
        yield Row(title, [goal] * pairs, ours, 1.0, peer=f"{MAX_MICROSECONDS_PER_ROW} µs for each {entity_type}")


def _measure(studio: FilledStudio, expression: str, pairs: int) -> tuple[list[float], list[float]]:
    """Return the milliseconds of the administrator and of the limited user, measured in turn."""
    users = studio.administrator, studio.limited
    for user in users:
        _milliseconds(lambda user=user: studio.dispatcher.answer(user, _query(expression)))
    measured: tuple[list[float], list[float]] = [], []
    for _ in range(pairs):
        for user, found in zip(users, measured):
            found.append(_milliseconds(lambda user=user: studio.dispatcher.answer(user, _query(expression))))
    return measured


def _milliseconds(function: Callable[[], object]) -> float:
    before = time.thread_time()
    function()
    return (time.thread_time() - before) * 1000


def _query(expression: str) -> list[Operation]:
    return [{"action": "query", "expression": expression}]


def _fill(dispatcher: Dispatcher, versions: int) -> FilledStudio:
    """Create projects with this many versions each, which have a task, two components and a note each."""
    with dispatcher.context.store.reading() as connection:
        administrator = first_user(connection)
    assert administrator is not None
    user = Caller(str(uuid4()), "limited")
    studio = FilledStudio(dispatcher, administrator, user, {})
    studio.send([_create("User", id=user.id, username=user.username, is_active=True)])
    (answer,) = studio.send(_query(f"UserSecurityRole where user_id is {user.id}"))
    role = {"id": answer["data"][0]["id"]}
    own = ""
    for _ in range(PROJECTS):
        own = str(uuid4())
        studio.send(list(_project(own, versions, studio.ids)))
    studio.send(
        [
            {
                "action": "update",
                "entity_type": "UserSecurityRole",
                "entity_key": [role["id"]],
                "entity_data": {"is_all_open_projects": False},
            },
            _create("UserSecurityRoleProject", user_security_role_id=role["id"], project_id=own),
        ]
    )
    studio.ids["user"] = user.id
    return studio


def _project(project: str, versions: int, ids: dict[str, str]) -> Iterator[Operation]:
    """Yield the operations that create a project; ``ids`` gets those of its last entities."""
    yield _create("Project", id=project, name=project)
    for number in range(versions):
        if number % 5 == 0:
            shot = str(uuid4())
            yield _create("Shot", id=shot, name=f"sh{number:04}", parent_id=project)
        task, asset, version, component = (str(uuid4()) for _ in range(4))
        yield _create("Task", id=task, name=f"task {number}", parent_id=shot)
        yield _create("Asset", id=asset, name=f"asset {number}", context_id=shot)
        yield _create("AssetVersion", id=version, asset_id=asset, task_id=task, is_published=True)
        yield _create("FileComponent", id=component, name="main", version_id=version)
        yield _create("FileComponent", id=str(uuid4()), name="preview", version_id=version)
        yield _create("Note", id=str(uuid4()), content=f"note {number}", parent_id=version, parent_type="AssetVersion")
    ids.update(project=project, shot=shot, task=task, version=version, component=component)


def _create(entity_type: str, **values: Any) -> Operation:
    return {"action": "create", "entity_type": entity_type, "entity_data": values}


QUERIES = {
    "task by id": "select name, status.name, parent.name from Task where id is {task}",
    "tasks of a shot": "select name, status.name, type.name, assignments from Task where parent_id is {shot}",
    "versions of a project, a page": "select version, asset.name, task.name, user.username from AssetVersion "
    "where asset.parent.project_id is {project} limit 100",
    "components of a version": "select name, size, component_locations.location.name from Component "
    "where version_id is {version}",
    "notes of a version": "select content, author.username from Note where parent_id is {version}",
}
# A query whose conditions have no index tests for each row of the type whether the user may read it.
WORST = {
    "notes by text, any number": ("Note", 'Note where content like "%9%" order by date'),
    "versions with an assigned task": (
        "AssetVersion",
        "AssetVersion where is_published is true and task.assignments any (resource_id is {user})",
    ),
    "all components with their versions": ("Component", "select name, version.asset.name from Component"),
    "components of versions with a note": (
        "Component",
        'Component where name is main and version.notes any (content like "note 1%" and author.username is "limited")',
    ),
}
