"""The hook of ftrack Connect: it adds ft-dcc to the environment of each Maya, Nuke and Blender that Connect launches.

Connect finds it in this plugin's folder ``hook`` and calls ``register``. Launch configurations request the integrations
``ft-dcc-maya``, ``ft-dcc-nuke`` and ``ft-dcc-blender``. Nuke includes Nuke Studio, which ftrack's own launch
configurations call "nuke-studio".
"""

from __future__ import annotations

import functools
import json
from pathlib import Path

_TOP = Path(__file__).absolute().parents[3]
# Folders and variables of the start-up scripts. Blender before 4.2 ignores its variable.
_VARIABLES = {"maya": "MAYA_MODULE_PATH", "nuke": "NUKE_PATH", "blender": "BLENDER_SYSTEM_SCRIPTS"}
_OLDEST_BLENDER_WITH_VARIABLE = (4, 2)


def register(session, **_options):
    """Subscribe to the discovery and the launch of applications."""
    import ftrack_api

    if not isinstance(session, ftrack_api.Session):
        return
    # A host's name is the beginning of the identifiers of its programs in Connect.
    for host in _VARIABLES:
        for topic, handler in (("discover", _discover), ("launch", _launch)):
            session.event_hub.subscribe(
                f"topic=ftrack.connect.application.{topic} and data.application.identifier={host}*",
                functools.partial(handler, host),
                priority=40,
            )


def _discover(host, _event):
    return {"integration": {"name": f"ft-dcc-{host}", "version": _release()}}


def _launch(host, event):
    """Return the integration with its variables; Connect appends values to variables that exist."""
    # Other hooks get the same dictionary, so this one is a copy.
    given = event["data"].get("integration") or {}
    # The variables of the launch configuration come first.
    environment = {**(given.get("env") or {}), _VARIABLES[host]: str(_TOP / host)}
    arguments = []
    if host == "blender" and _version(event) < _OLDEST_BLENDER_WITH_VARIABLE:
        arguments = ["--python", str(_TOP / "blender" / "startup" / "ft_dcc_start.py")]
    selection = (event["data"].get("context") or {}).get("selection") or []
    if selection:
        environment["FTRACK_CONTEXTID.set"] = selection[0]["entityId"]
    integration = {**given, **_discover(host, event)["integration"], "env": environment, "launch_arguments": arguments}
    return {"integration": integration}


def _release():
    try:
        return str(json.loads((_TOP / "current.json").read_text(encoding="utf-8"))["release"])
    except (OSError, ValueError, KeyError, TypeError):
        # The start-up scripts report it in the host.
        return "unknown"


def _version(event):
    parts = str(event["data"]["application"].get("version", "")).split(".")
    numbers = tuple(int(part) for part in parts[:2] if part.isdigit())
    return numbers or _OLDEST_BLENDER_WITH_VARIABLE
