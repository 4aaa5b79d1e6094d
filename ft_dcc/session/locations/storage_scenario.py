"""The centralized storage scenario: one location for all files, on a disk that all machines of a studio share.

The server information names the site's scenario, which its administrator configures.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ft_dcc.errors import LocationError

if TYPE_CHECKING:
    from ft_dcc.session.events.event import Event
    from ft_dcc.session.interface import SessionInterface

SCENARIO = "ftrack.centralized-storage"
ACTIVATE, VERIFY_STARTUP = "ftrack.storage-scenario.activate", "ftrack.connect.verify-startup"
# ftrack's names of the systems, and their labels.
_SYSTEMS = {"linux": "Linux", "osx": "macOS", "windows": "Windows"}


def activate(session: SessionInterface, storage_scenario: Mapping[str, Any]) -> None:
    """Set up the scenario's location in the session, with the highest priority; raises LocationError."""
    from ft_dcc.session.locations.accessor.disk import DiskAccessor
    from ft_dcc.session.locations.structure import StandardStructure

    try:
        location_id, prefix = storage_scenario["data"]["location_id"], _mount_points(storage_scenario)[_system()]
    except (KeyError, TypeError) as error:
        raise LocationError(
            f"The server's centralized storage cannot be used on this machine: its settings lack {error}. "
            "Ask the site's administrator to configure the storage scenario again."
        ) from error
    setup = session.location_setups.get(location_id)
    setup.accessor, setup.structure, setup.priority = DiskAccessor(prefix), StandardStructure(), 1


class ActivateCentralizedStorageScenario:
    """A subscriber that activates the scenario in a session."""

    session: SessionInterface

    def register(self, session: SessionInterface) -> None:
        """Subscribe to the activation and the verification of the scenario."""
        self.session = session
        is_scenario = f"and data.storage_scenario.scenario={SCENARIO}"
        session.event_hub.subscribe(f"topic={ACTIVATE} {is_scenario}", self.activate)
        session.event_hub.subscribe(f"topic={VERIFY_STARTUP} {is_scenario}", self._verify_startup)

    def activate(self, event: Event) -> None:
        """Set up the location of the event's scenario; raises LocationError."""
        activate(self.session, event["data"]["storage_scenario"])

    def _verify_startup(self, event: Event) -> str | None:
        """Return the problem with the storage on this machine, or None."""
        prefix = _mount_points(event["data"]["storage_scenario"]).get(_system())
        if not prefix:
            return (
                f"The studio's storage has no folder for {_SYSTEMS[_system()]}. "
                "Ask the site's administrator to configure the storage scenario."
            )
        if not Path(prefix).is_dir():
            return (
                f"The studio's storage {prefix} does not exist on this machine. "
                "If it is a network drive, mount it; if it is new, create the folder."
            )
        return None


def _system() -> str:
    """Return ftrack's name of this machine's system."""
    if sys.platform == "darwin":
        return "osx"
    return "windows" if sys.platform == "win32" else "linux"


def _mount_points(storage_scenario: Mapping[str, Any]) -> Mapping[str, str]:
    found: Mapping[str, str] = storage_scenario["data"]["accessor"]["mount_points"]
    return found
