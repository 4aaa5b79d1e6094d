"""The part of a session that its own modules use: the session imports them, so they cannot import it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ft_dcc.session.entities.entity import Entity, FetchGroup
from ft_dcc.session.operations import Operations

if TYPE_CHECKING:
    from ft_dcc.session.transport.http import Transport


class SessionInterface(Protocol):
    """A session, described in its class. Parts whose modules use it are Any here."""

    server_url: str
    api_user: str
    server_information: dict[str, Any]
    transport: Transport
    # The class of each entity type, by name.
    types: Any
    events: Any
    location_setups: Any

    @property
    def api_key(self) -> str:
        """The user's API key."""

    @property
    def event_hub(self) -> Any:
        """The event hub."""

    @property
    def recorded_operations(self) -> Operations:
        """The uncommitted changes of this thread."""

    def query(self, expression: Any) -> Any:
        """Return the result of a query expression."""

    def get(self, entity_type: str, entity_key: str | Sequence[str]) -> Entity | None:
        """Return the entity with this key, or None."""

    def get_loaded(self, entity_type: str, entity_key: str) -> Entity | None:
        """Return the entity with this id if it was loaded before, without a request."""

    def create(self, entity_type: str, data: Mapping[str, Any] | None = None) -> Entity:
        """Return a new entity."""

    def reconstruct(self, entity_type: str, values: Mapping[str, Any]) -> Entity:
        """Return the entity with these values, which the server has already."""

    def delete(self, entity: Entity) -> None:
        """Delete the entity with the next commit."""

    def discard(self, entity: Entity) -> None:
        """Revert the uncommitted changes of one entity."""

    def populate(self, entities: Entity | Iterable[Entity], projections: str) -> None:
        """Fetch the projections of the entities."""

    def commit(self) -> None:
        """Send the recorded changes."""

    def call(self, data: Mapping[str, Any] | Sequence[Mapping[str, Any]], group: FetchGroup | None = None) -> list[Any]:
        """Return the results of raw operations; entities in them are added to the fetch group."""

    def post(self, operations: Sequence[Any]) -> bytes:
        """Return the JSON text of the response to raw operations."""

    def custom_attribute_configurations(self) -> list[Entity]:
        """Return the site's configurations of custom attributes."""

    def location(self, location_id: str) -> Any:
        """Return a built-in location."""

    def create_component(
        self, path: str | os.PathLike[str], data: Mapping[str, Any] | None = None, location: Any = "auto"
    ) -> Entity:
        """Return a new component for a file or a sequence."""

    def get_component_availabilities(
        self, components: Sequence[Entity], locations: Iterable[Entity] | None = None
    ) -> list[dict[str, float]]:
        """Return the availability of each component in per cent, by location id."""

    def encode_media(
        self, media: str | os.PathLike[str] | Entity, version_id: str | None = None, keep_original: bool | str = "auto"
    ) -> Entity:
        """Start to encode a file or a file component and return the job."""

    def send_user_invite(self, user: Entity) -> None:
        """Mail an invitation to the user."""

    def reset_remote(self, reset_type: str, entity: Entity | None = None) -> dict[str, Any]:
        """Reset a value on the server and return the new one."""
