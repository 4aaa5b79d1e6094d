"""The status that a verdict sets, by the settings of the project and the studio or from the workflow.

The mapping is the JSON value of the ``EntitySetting`` of a project, or of the ``Setting`` of the studio, with the
group ``REVIEW`` and the name ``verdict_statuses``: ``{"approved": "Final", "require_changes": null}``. A status is
given by its name or id, and null sets none. A verdict that the mapping lacks sets the default.
"""

from __future__ import annotations

import json
from typing import Any

from ft_dcc.server.actions.dispatch import Dispatcher
from ft_dcc.server.identity import Caller

_IS_SETTING = 'group is "REVIEW" and name is "verdict_statuses"'
_DONE, _BLOCKED = "DONE", "BLOCKED"


def find_status(dispatcher: Dispatcher, caller: Caller, project_id: str | None, verdict: str) -> str | None:
    """Return the id of the status of a version with this verdict, or None if its status does not change."""
    if project_id is None or verdict not in ("approved", "require_changes"):
        return None
    statuses = _workflow_statuses(dispatcher, caller, project_id)
    key = json.dumps(project_id)
    for expression in (
        f"select value from EntitySetting where parent_id is {key} and {_IS_SETTING}",
        f"select value from Setting where {_IS_SETTING}",
    ):
        for setting in dispatcher.query(caller, expression):
            mapping = _parse_mapping(setting.get("value"))
            if verdict in mapping:
                return _named_status(statuses, mapping[verdict])
    return _default_status(statuses, verdict)


def _default_status(statuses: list[dict[str, Any]], verdict: str) -> str | None:
    """Return the first status that is done, or the first one that is blocked or asks for changes."""
    for status in statuses:
        state = (status.get("state") or {}).get("short")
        is_change = state == _BLOCKED or "change" in str(status.get("name")).lower()
        if state == _DONE if verdict == "approved" else is_change:
            return str(status["id"])
    return None


def _named_status(statuses: list[dict[str, Any]], name: Any) -> str | None:
    """Return the id of the status with this name or id, if versions of the project can have it."""
    wanted = str(name or "").lower()
    found = (status["id"] for status in statuses if wanted in (status["id"], str(status.get("name")).lower()))
    return next(found, None)


def _workflow_statuses(dispatcher: Dispatcher, caller: Caller, project_id: str) -> list[dict[str, Any]]:
    path = "project_schema.asset_version_workflow_schema.statuses"
    names = ", ".join(f"{path}.{name}" for name in ("name", "sort", "is_active", "state.short"))
    projects = dispatcher.query(caller, f"select {names} from Project where id is {json.dumps(project_id)}")
    schema = (projects[0].get("project_schema") or {}) if projects else {}
    statuses = (schema.get("asset_version_workflow_schema") or {}).get("statuses") or []
    return sorted((found for found in statuses if found.get("is_active")), key=lambda found: found.get("sort") or 0)


def _parse_mapping(text: Any) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
