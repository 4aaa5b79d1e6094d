"""How a session uses its locations: their accessors, structures and priorities.

With the centralized storage scenario, which the site's administrator configures and the server information names, all
files are in one location, on a disk that all machines of the studio share.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ft_dcc.errors import LocationError
from ft_dcc.files.roots import SYSTEMS, Root, Roots, roots_of, this_system
from ft_dcc.session import symbol
from ft_dcc.session.entities.entity import SessionInterface

if TYPE_CHECKING:
    from ft_dcc.session.events.event import Event
    from ft_dcc.settings.resolve import Scope

_log = logging.getLogger(__name__)
# The locations of every session, by their ids.
BUILT_IN = {
    symbol.ORIGIN_LOCATION_ID: "ftrack.origin",
    symbol.UNMANAGED_LOCATION_ID: "ftrack.unmanaged",
    symbol.REVIEW_LOCATION_ID: "ftrack.review",
    symbol.SERVER_LOCATION_ID: "ftrack.server",
}
_UNMANAGED_PRIORITIES = {
    symbol.ORIGIN_LOCATION_ID: 100,
    symbol.UNMANAGED_LOCATION_ID: 90,
    symbol.REVIEW_LOCATION_ID: 110,
}

SCENARIO = "ftrack.centralized-storage"
ACTIVATE, VERIFY_STARTUP = "ftrack.storage-scenario.activate", "ftrack.connect.verify-startup"


class ResourceIdentifierTransformer:
    """The conversion between an accessor's resource identifiers and those on the server; this one changes nothing."""

    def __init__(self, session: SessionInterface) -> None:
        self.session = session

    def encode(self, resource_identifier: str, context: Mapping[str, Any] | None = None) -> str:
        """Return the identifier that the server stores."""
        return resource_identifier

    def decode(self, resource_identifier: str, context: Mapping[str, Any] | None = None) -> str:
        """Return the accessor's identifier."""
        return resource_identifier


class LocalPaths(ResourceIdentifierTransformer):
    """Paths are stored as the publishing machine knows them, and read with this machine's roots."""

    def decode(self, resource_identifier: str, context: Mapping[str, Any] | None = None) -> str:
        """Return the path on this machine."""
        roots: Roots = self.session.location_setups.roots
        return roots.to_local(resource_identifier)


class LocationSetup:
    """How one session uses one location."""

    def __init__(self, accessor: Any = symbol.NOT_SET, structure: Any = symbol.NOT_SET, priority: float = 95) -> None:
        self.accessor, self.structure, self.priority = accessor, structure, priority
        self.resource_identifier_transformer: Any = symbol.NOT_SET
        # False if files stay where they are and the location only records their paths.
        self.manages_data = True
        # The resource identifiers by component id, of a location without records on the server.
        self.local_identifiers: dict[str, str] | None = None


class LocationSetups:
    """The setups of a session's locations by id; they outlive the entities, which are replaced by later responses."""

    def __init__(self, session: SessionInterface) -> None:
        self._session = session
        self._by_id: dict[str, LocationSetup] = {}
        # By the project whose settings apply: a session is used for several.
        self._roots: dict[Scope, Roots] = {}

    @property
    def scenario(self) -> Scenario | None:
        """The site's centralized storage, None if it has none."""
        data = self._session.server_information.get("storage_scenario")
        try:
            return read_scenario(data) if data and data.get("scenario") == SCENARIO else None
        except LocationError:
            # Logged when the session activated it.
            return None

    @property
    def roots(self) -> Roots:
        """The roots of the setting and of the storage scenario; raises SettingInvalid."""
        # Imported late: most sessions resolve no path.
        from ft_dcc.settings.resolve import current_scope, read_settings

        scope = current_scope()
        if scope not in self._roots:
            scenario = self.scenario
            self._roots[scope] = roots_of(read_settings().items("roots"), () if scenario is None else (scenario.root,))
        return self._roots[scope]

    def get(self, location_id: str) -> LocationSetup:
        """Return the setup of the location; those of built-in locations are created on the first access."""
        if location_id in self._by_id:
            return self._by_id[location_id]
        setup = LocationSetup()
        if location_id in BUILT_IN:
            # Imported late: many sessions never use a location.
            from ft_dcc.session.locations.accessor import DiskAccessor
            from ft_dcc.session.locations.server_accessor import ServerAccessor
            from ft_dcc.session.locations.structure import EntityIdStructure, OriginStructure

            if location_id == symbol.SERVER_LOCATION_ID:
                setup = LocationSetup(ServerAccessor(self._session), EntityIdStructure(), 150)
            else:
                setup = LocationSetup(DiskAccessor(), OriginStructure(), _UNMANAGED_PRIORITIES[location_id])
                setup.manages_data = False
                setup.local_identifiers = {} if location_id == symbol.ORIGIN_LOCATION_ID else None
                if location_id == symbol.UNMANAGED_LOCATION_ID:
                    setup.resource_identifier_transformer = LocalPaths(self._session)
        # If two threads create it, both use the first.
        return self._by_id.setdefault(location_id, setup)

    def activate(self, scenario: Mapping[str, Any] | None) -> None:
        """Set up the location of the server's storage scenario; unknown scenarios are left to event subscribers."""
        self._roots = {}
        if not scenario or not scenario.get("scenario"):
            return
        if self._session.events.created_hub is not None:
            self._session.events.publish_local(ACTIVATE, storage_scenario=scenario)
        elif scenario["scenario"] == SCENARIO:
            # Without a hub there are no subscribers for other scenarios.
            try:
                activate(self._session, scenario)
            except LocationError as error:
                _log.error("%s", error)


class Scenario(NamedTuple):
    """The location of the storage scenario, and the folder of its files on each system."""

    location_id: str
    root: Root


def read_scenario(data: Mapping[str, Any]) -> Scenario:
    """Return the scenario of the server information; raises LocationError."""
    try:
        mount_points: Mapping[str, str] = data["data"]["accessor"]["mount_points"]
        # ftrack calls macOS "osx".
        paths = {{"osx": "macos"}.get(system, system): path for system, path in mount_points.items() if path}
        return Scenario(data["data"]["location_id"], Root("of the storage scenario", paths))
    except (AttributeError, KeyError, TypeError) as error:
        raise _unusable(f"its settings lack {error}") from error


def activate(session: SessionInterface, storage_scenario: Mapping[str, Any]) -> None:
    """Set up the scenario's location in the session, with the highest priority; raises LocationError."""
    from ft_dcc.session.locations.accessor import DiskAccessor
    from ft_dcc.session.locations.structure import StandardStructure

    location_id, root = read_scenario(storage_scenario)
    if root.here is None:
        raise _unusable(f"its settings lack a folder for {SYSTEMS[this_system()]}")
    setup = session.location_setups.get(location_id)
    setup.accessor, setup.structure, setup.priority = DiskAccessor(root.here), StandardStructure(), 1


def _unusable(reason: str) -> LocationError:
    return LocationError(
        f"The server's centralized storage cannot be used on this machine: {reason}. "
        "Ask the site's administrator to configure the storage scenario again."
    )


def subscribe(session: SessionInterface) -> None:
    """Subscribe the session to the activation and the verification of the scenario."""

    def activate_scenario(event: Event) -> None:
        activate(session, event["data"]["storage_scenario"])

    is_scenario = f"and data.storage_scenario.scenario={SCENARIO}"
    session.event_hub.subscribe(f"topic={ACTIVATE} {is_scenario}", activate_scenario)
    session.event_hub.subscribe(f"topic={VERIFY_STARTUP} {is_scenario}", _verify_startup)


def _verify_startup(event: Event) -> str | None:
    """Return the problem with the storage on this machine, or None."""
    folder = read_scenario(event["data"]["storage_scenario"]).root.here
    if folder is None:
        return (
            f"The studio's storage has no folder for {SYSTEMS[this_system()]}. "
            "Ask the site's administrator to configure the storage scenario."
        )
    if not folder.is_dir():
        return (
            f"The studio's storage {folder} does not exist on this machine. "
            "If it is a network drive, mount it; if it is new, create the folder."
        )
    return None
