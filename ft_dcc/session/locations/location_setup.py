"""How a session uses its locations: their accessors, structures and priorities."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from ft_dcc.errors import LocationError
from ft_dcc.session import symbol
from ft_dcc.session.interface import SessionInterface

_log = logging.getLogger(__name__)
# The locations of every session, by their ids.
BUILT_IN = {
    symbol.ORIGIN_LOCATION_ID: "ftrack.origin",
    symbol.UNMANAGED_LOCATION_ID: "ftrack.unmanaged",
    symbol.REVIEW_LOCATION_ID: "ftrack.review",
    symbol.SERVER_LOCATION_ID: "ftrack.server",
}


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


class LocationSetup:
    """How one session uses one location.

    ``manages_data`` is False if files stay where they are and the location only records their paths.
    ``local_identifiers`` holds the resource identifiers by component id, of a location without records on the server.
    """

    def __init__(
        self,
        accessor: Any = symbol.NOT_SET,
        structure: Any = symbol.NOT_SET,
        *,
        resource_identifier_transformer: Any = symbol.NOT_SET,
        priority: float = 95,
        manages_data: bool = True,
        local_identifiers: dict[str, str] | None = None,
    ) -> None:
        self.accessor, self.structure = accessor, structure
        self.resource_identifier_transformer = resource_identifier_transformer
        self.priority = priority
        self.manages_data = manages_data
        self.local_identifiers = local_identifiers


class LocationSetups:
    """The setups of a session's locations by id; they outlive the entities, which are replaced by later responses."""

    def __init__(self, session: SessionInterface) -> None:
        self._session = session
        self._by_id: dict[str, LocationSetup] = {}

    def get(self, location_id: str) -> LocationSetup:
        """Return the setup of the location; those of built-in locations are created on the first access."""
        setup = self._by_id.get(location_id)
        if setup is None:
            # If two threads create it, both use the first.
            setup = self._by_id.setdefault(location_id, self._create(location_id))
        return setup

    def activate(self, scenario: Mapping[str, Any] | None) -> None:
        """Set up the location of the server's storage scenario; unknown scenarios are left to event subscribers."""
        if not scenario or not scenario.get("scenario"):
            return
        if self._session.events.has_hub:
            self._session.events.publish_local("ftrack.storage-scenario.activate", storage_scenario=scenario)
        elif scenario["scenario"] == "ftrack.centralized-storage":
            # Imported late: few sites have it. Without a hub there are no subscribers for other scenarios.
            from ft_dcc.session.locations.storage_scenario import activate

            try:
                activate(self._session, scenario)
            except LocationError as error:
                _log.error("%s", error)

    def _create(self, location_id: str) -> LocationSetup:
        if location_id not in BUILT_IN:
            return LocationSetup()
        # Imported late: many sessions never use a location.
        from ft_dcc.session.locations.structure import EntityIdStructure, OriginStructure

        if location_id == symbol.SERVER_LOCATION_ID:
            from ft_dcc.session.locations.accessor.server import ServerAccessor

            return LocationSetup(ServerAccessor(self._session), EntityIdStructure(), priority=150)
        from ft_dcc.session.locations.accessor.disk import DiskAccessor

        priority = {symbol.ORIGIN_LOCATION_ID: 100, symbol.UNMANAGED_LOCATION_ID: 90, symbol.REVIEW_LOCATION_ID: 110}[
            location_id
        ]
        local_identifiers: dict[str, str] | None = {} if location_id == symbol.ORIGIN_LOCATION_ID else None
        return LocationSetup(
            DiskAccessor(),
            OriginStructure(),
            priority=priority,
            manages_data=False,
            local_identifiers=local_identifiers,
        )
