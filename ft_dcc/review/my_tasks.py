"""The tasks of a user with what is open on their newest versions."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import attrs

from ft_dcc.review.feedback import find_feedback, listed, run_queries
from ft_dcc.review.notes import ReviewedVersion
from ft_dcc.review.parse import parse_date
from ft_dcc.session.query.query import quoted

if TYPE_CHECKING:
    from ft_dcc.session import Session

MAX_TASKS = 500

_TASKS = (
    "select id, link, status.name, end_date from Task where assignments any (resource.username is {user})"
    " order by name limit {limit}"
)
# The newest first, so that the first one of each task counts.
_VERSIONS = (
    "select id, task_id from AssetVersion where task_id in ({tasks}) order by date descending, version descending"
)


@attrs.frozen
class MyTask:
    """A task that is assigned to the user, its status, when it is due, and its newest version."""

    id: str
    path: str
    status: str = ""
    due: datetime | None = None
    version: ReviewedVersion | None = None

    @property
    def open_count(self) -> int:
        """The number of open notes on the newest version."""
        return 0 if self.version is None else len(self.version.open_notes)


def of_user(session: Session, username: str) -> list[MyTask]:
    """Return the tasks that are assigned to the user: first those with open notes, then by the day they are due.

    The number of requests does not depend on the number of tasks and versions.
    """
    tasks = run_queries(session, [_TASKS.format(user=quoted(username), limit=MAX_TASKS)])[0]
    if not tasks:
        return []
    ids = listed(task["id"] for task in tasks)
    newest: dict[str, str] = {}
    for version in run_queries(session, [_VERSIONS.format(tasks=ids)])[0]:
        newest.setdefault(version["task_id"], version["id"])
    condition = f"id in ({listed(newest.values())})"
    versions = list(find_feedback(session, condition, page_size=MAX_TASKS)) if newest else []
    by_task = {version.task_id: version for version in versions}
    found = [
        MyTask(
            id=task["id"],
            path="/".join(str(part["name"]) for part in task["link"]),
            status=str((task.get("status") or {}).get("name") or ""),
            due=parse_date(task.get("end_date")),
            version=by_task.get(task["id"]),
        )
        for task in tasks
    ]
    return sorted(found, key=lambda task: (not task.open_count, task.due is None, task.due, task.path))
