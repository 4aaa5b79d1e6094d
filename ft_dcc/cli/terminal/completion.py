"""Completion of names in shells: tasks, review sessions, statuses and others of the server, and jobs.

It is silent without a server that answers at once, and starts none.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from ft_dcc import errors

_TIMEOUT_SECONDS = 1.0
_MAX_ITEMS = 200
Query = Callable[[str], "list[dict[str, Any]]"]


def _quoted(text: str) -> str:
    # Imported late: every command imports this module.
    from ft_dcc.session.query.expression import quoted

    return quoted(text)


def _names(attribute: str, source: str) -> Callable[[str, Query], Iterable[str]]:
    def find(start: str, query: Query) -> Iterable[str]:
        like = f"{source}{' and' if ' where ' in source else ' where'} {attribute} like {_quoted(f'{start}%')}"
        return (str(each[attribute]) for each in query(f"select {attribute} from {like} limit {_MAX_ITEMS}"))

    return find


def _find_paths(start: str, query: Query) -> list[str]:
    """Return the paths of the next level, and of further ones while there is only one."""
    *above, name = start.split("/")
    levels = [f"{'parent.' * level}name is {_quoted(each)}" for level, each in enumerate(reversed(above), 1)]
    levels += [f"project.name is {_quoted(each)}" for each in above[:1]]
    select = "select name, object_type.name from TypedContext" if above else "select name from Project"
    conditions = " and ".join([*levels, f"name like {_quoted(f'{name}%')}"])
    found = query(f"{select} where {conditions} order by name limit {_MAX_ITEMS}")
    paths = ["/".join([*above, str(each["name"])]) for each in found]
    is_task = [(each.get("object_type") or {}).get("name") == "Task" for each in found]
    if len(paths) == 1 and not is_task[0]:
        return _find_paths(f"{paths[0]}/", query) or paths
    return [path if is_last else f"{path}/" for path, is_last in zip(paths, is_task)]


def _find_jobs(start: str, _query: Query) -> list[str]:
    from ft_dcc.settings.resolve import read_settings

    folders = Path(read_settings().require("jobs")).glob("*/journal.jsonl")
    return sorted((path.parent.name for path in folders if path.parent.name.startswith(start)), reverse=True)[:50]


_STATUSES = _names("name", "Status where is_active is true")
_REVIEWS = _names("name", "ReviewSession")
# By the names of parameters, or what the usage calls them.
_FINDERS: dict[str, Callable[[str, Query], Iterable[str]]] = {
    **dict.fromkeys(("task", "path"), _find_paths),
    **dict.fromkeys(("status", "task_status"), _STATUSES),
    **dict.fromkeys(("review", "REVIEW", "VERSION|REVIEW"), _REVIEWS),
    "project": _names("name", "Project"),
    "task_type": _names("name", "Type"),
    "label": _names("name", "NoteLabel"),
    "username": _names("username", "User where is_active is true"),
    "job_id": _find_jobs,
}


class _Named(click.types.StringParamType):
    """A text that names something of the server."""

    def __init__(self, find: Callable[[str, Query], Iterable[str]]) -> None:
        self._find = find

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the names that begin with the text; none if the server does not answer."""
        import requests

        try:
            names = dict.fromkeys(self._find(incomplete, _query))
        except (errors.Error, requests.RequestException, OSError, ValueError, LookupError, TypeError):
            return []
        if os.environ.get("_FT_DCC_COMPLETE") == "bash_complete":
            # Other shells do it.
            return [CompletionItem(re.sub(r"([^\w./:@%+,-])", r"\\\1", name)) for name in names]
        return [CompletionItem(name) for name in names]


def _query(expression: str) -> list[dict[str, Any]]:
    # A session would read the schema of the server first.
    from ft_dcc.cli.terminal.inputs import find_account
    from ft_dcc.system.http_sessions import new_http_session

    account = find_account(starts_studio=False)
    headers = {"ftrack-user": account.user, "ftrack-api-key": account.key}
    body = [{"action": "query", "expression": expression}]
    with new_http_session() as session:
        answer = session.post(f"{account.server}/api", json=body, headers=headers, timeout=_TIMEOUT_SECONDS)
    found: list[dict[str, Any]] = answer.json()[0]["data"]
    return found


def complete_names(parameters: Iterable[click.Parameter]) -> None:
    """Complete the values of the parameters that name something."""
    for each in parameters:
        find = _FINDERS.get(each.name or "") or _FINDERS.get(each.human_readable_name)
        if find is not None and each.type is click.STRING and getattr(each, "is_flag", False) is False:
            each.type = _Named(find)
