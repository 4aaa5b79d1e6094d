"""The tasks of a user with what is open on their newest versions."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

import attrs

from ft_dcc.review import feedback, notes, parse
from ft_dcc.session import Session
from ft_dcc.session.query.expression import quoted

MAX_TASKS = 500

_TASKS = (
    "select id, link, status.name, end_date from Task where assignments any (resource.username is {user})"
    " order by name limit {limit}"
)


@attrs.frozen
class MyTask:
    """A task that is assigned to the user, its status, when it is due, and its newest version."""

    id: str
    path: str
    status: str = ""
    due: datetime | None = None
    version: notes.ReviewedVersion | None = None
    # The number of notes on all of its versions that wait for an answer.
    open_count: int = 0


def of_user(session: Session, username: str) -> list[MyTask]:
    """Return the tasks of the user, those with open notes first, then by due day; two requests for 500 versions."""
    tasks = feedback.run_queries(session, [_TASKS.format(user=quoted(username), limit=MAX_TASKS)])[0]
    if not tasks:
        return []
    condition = f"task_id in ({feedback.listed(task['id'] for task in tasks)})"
    versions = defaultdict(list)
    for version in feedback.find_feedback(session, condition, page_size=MAX_TASKS):
        versions[version.task_id].append(version)
    found = [
        MyTask(
            id=task["id"],
            path="/".join(str(part["name"]) for part in task["link"]),
            status=str((task.get("status") or {}).get("name") or ""),
            due=parse.parse_date(task.get("end_date")),
            version=next(iter(versions[task["id"]]), None),
            open_count=len(notes.unanswered_notes(versions[task["id"]])),
        )
        for task in tasks
    ]
    return sorted(found, key=lambda task: (not task.open_count, task.due is None, task.due, task.path))
