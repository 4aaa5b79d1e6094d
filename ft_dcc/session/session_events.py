"""The events of a session: its hub, its plugins, and the events that it publishes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ft_dcc.errors import EntityTypeError
from ft_dcc.session.entities.entity import Entity

if TYPE_CHECKING:
    from ft_dcc.session.entity_types.schema import EntityTypes
    from ft_dcc.session.events.hub import EventHub
    from ft_dcc.session.interface import SessionInterface

CONSTRUCT_ENTITY_TYPE = "ftrack.api.session.construct-entity-type"
CONFIGURE_LOCATION = "ftrack.api.session.configure-location"
READY, RESET = "ftrack.api.session.ready", "ftrack.api.session.reset"


class SessionEvents:
    """The events of one session; its hub is created on the first access, because there are no subscribers before."""

    def __init__(self, session: SessionInterface, create_hub: Callable[[], EventHub]) -> None:
        self._session = session
        self._create_hub = create_hub
        self._lock = threading.Lock()
        self._hub: EventHub | None = None
        self._is_closed = False

    @property
    def hub(self) -> EventHub:
        """The event hub, connected or not; that of a closed session cannot be connected."""
        with self._lock:
            is_new = self._hub is None
            hub = self._hub = self._hub or self._create_hub()
            if self._is_closed:
                hub.close()
        if is_new:
            from ft_dcc.session.locations.storage_scenario import ActivateCentralizedStorageScenario

            ActivateCentralizedStorageScenario().register(self._session)
        return hub

    @property
    def has_hub(self) -> bool:
        """Whether there can be subscribers."""
        return self._hub is not None

    def load_plugins(
        self,
        paths: Iterable[str | os.PathLike[str]] | str | os.PathLike[str] | None,
        arguments: Mapping[str, Any] | None,
    ) -> None:
        """Register every plugin of the paths; None stands for FTRACK_EVENT_PLUGIN_PATH. Broken plugins are logged."""
        source = "FTRACK_EVENT_PLUGIN_PATH" if paths is None else "the argument plugin_paths"
        if paths is None:
            paths = os.environ.get("FTRACK_EVENT_PLUGIN_PATH", "").split(os.pathsep)
        elif isinstance(paths, (str, os.PathLike)):
            # Iterated by character, "/" would be searched as a folder.
            paths = [paths]
        if folders := [path for path in paths if os.fspath(path).strip()]:
            # Imported late: most sessions have no plugins.
            from ft_dcc.session.plugins import discover

            discover(folders, [self._session], arguments, source)

    def publish_local(self, topic: str, **data: Any) -> list[Any]:
        """Publish to the subscribers of this session synchronously and return their results."""
        if self._hub is None:
            return []
        from ft_dcc.session.events.event import Event

        return list(self._hub.publish(Event(topic, data=data), synchronous=True))

    def publish(self, topic: str, **data: Any) -> None:
        """Publish to all subscribers if the hub is connected."""
        if self._hub is not None:
            from ft_dcc.session.events.event import Event

            self._hub.publish(Event(topic, data=data), on_error="ignore")

    def construct_entity_type(self, schema: Mapping[str, Any], schemas: list[dict[str, Any]]) -> type[Entity] | None:
        """Return the class that a plugin constructs for a schema, or None; raises EntityTypeError."""
        results = self.publish_local(CONSTRUCT_ENTITY_TYPE, schema=schema, schemas=schemas)
        classes = [result for result in results if result is not None]
        if not classes:
            return None
        if len(classes) > 1:
            raise EntityTypeError(f"{len(classes)} plugins construct {schema['id']}; only one can. Disable the others.")
        if not (isinstance(classes[0], type) and issubclass(classes[0], Entity)):
            raise EntityTypeError(
                f"A plugin constructs {schema['id']} as {classes[0]!r}. Let it return a subclass of make_type(schema)."
            )
        return classes[0]

    def construct_subscribed_types(self, types: EntityTypes) -> None:
        """Create the entity types that have subscribers, so that plugins construct them before the session is ready."""
        if self._hub is None:
            return
        from ft_dcc.session.events.event import Event

        schemas = list(types.schemas.values())
        for schema in schemas:
            event = Event(CONSTRUCT_ENTITY_TYPE, data={"schema": schema, "schemas": schemas})
            if self._hub.has_listener(event):
                types[schema["id"]]

    def close(self) -> None:
        """Disconnect the hub and end its thread."""
        with self._lock:
            self._is_closed = True
            hub = self._hub
        if hub is not None:
            hub.close()
