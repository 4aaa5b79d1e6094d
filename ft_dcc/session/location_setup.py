"""What a session knows of locations beyond the server's values: how to reach them, and which to prefer."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ft_dcc.errors import LocationError
from ft_dcc.session.symbol import (
    NOT_SET,
    ORIGIN_LOCATION_ID,
    REVIEW_LOCATION_ID,
    SERVER_LOCATION_ID,
    UNMANAGED_LOCATION_ID,
)

if TYPE_CHECKING:
    from ft_dcc.session.session import Session

_log = logging.getLogger(__name__)
# The locations that every session has, by their ids.
BUILT_IN = {
    ORIGIN_LOCATION_ID: "ftrack.origin",
    UNMANAGED_LOCATION_ID: "ftrack.unmanaged",
    REVIEW_LOCATION_ID: "ftrack.review",
    SERVER_LOCATION_ID: "ftrack.server",
}


class ResourceIdentifierTransformer:
    """Turns what an accessor knows a component by into what the server keeps, and back; this one changes nothing."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def encode(self, resource_identifier: str, context: Mapping[str, Any] | None = None) -> str:
        """Return what the server keeps."""
        return resource_identifier

    def decode(self, resource_identifier: str, context: Mapping[str, Any] | None = None) -> str:
        """Return what the accessor knows."""
        return resource_identifier


class LocationSetup:
    """How one location is used by one session.

    ``manages_data`` is whether bytes are copied into it, or it only notes where they are. ``remembered`` holds the
    resource identifiers by component id, of a location that the server is told nothing of.
    """

    def __init__(
        self,
        accessor: Any = NOT_SET,
        structure: Any = NOT_SET,
        *,
        resource_identifier_transformer: Any = NOT_SET,
        priority: float = 95,
        manages_data: bool = True,
        remembered: dict[str, str] | None = None,
    ) -> None:
        self.accessor, self.structure = accessor, structure
        self.resource_identifier_transformer = resource_identifier_transformer
        self.priority = priority
        self.manages_data = manages_data
        self.remembered = remembered


class LocationSetups:
    """The setups of a session's locations, kept by id: they outlive the entities, which are read again and again."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._by_id: dict[str, LocationSetup] = {}

    def of(self, location_id: str) -> LocationSetup:
        """Return the setup of the location; the built-in ones are set up when they are first needed."""
        setup = self._by_id.get(location_id)
        if setup is None:
            # Two threads may both make it: the first one's stays.
            setup = self._by_id.setdefault(location_id, self._made(location_id))
        return setup

    def activate(self, scenario: Mapping[str, Any] | None) -> None:
        """The location that the server's storage scenario describes can be used; others know theirs by the event."""
        if not scenario or not scenario.get("scenario"):
            return
        if self._session.events.has_hub:
            self._session.events.tell("ftrack.storage-scenario.activate", storage_scenario=scenario)
        elif scenario["scenario"] == "ftrack.centralized-storage":
            # Few sites have it, and without a hub nobody else can know of another one.
            from ft_dcc.session.storage_scenario import activate

            try:
                activate(self._session, scenario)
            except LocationError as error:
                _log.error("%s", error)

    def _made(self, location_id: str) -> LocationSetup:
        if location_id not in BUILT_IN:
            return LocationSetup()
        # Sessions that never look at a location start without these.
        if location_id == SERVER_LOCATION_ID:
            from ft_dcc.session.accessor.server import ServerAccessor
            from ft_dcc.session.structure.entity_id import EntityIdStructure

            return LocationSetup(ServerAccessor(self._session), EntityIdStructure(), priority=150)
        from ft_dcc.session.accessor.disk import DiskAccessor
        from ft_dcc.session.structure.origin import OriginStructure

        priority = {ORIGIN_LOCATION_ID: 100, UNMANAGED_LOCATION_ID: 90, REVIEW_LOCATION_ID: 110}[location_id]
        remembered: dict[str, str] | None = {} if location_id == ORIGIN_LOCATION_ID else None
        return LocationSetup(
            DiskAccessor(), OriginStructure(), priority=priority, manages_data=False, remembered=remembered
        )
