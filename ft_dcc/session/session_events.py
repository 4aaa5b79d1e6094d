"""A session's event hub, its plugins, and what it tells them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ft_dcc.errors import EntityTypeError
from ft_dcc.session.entity import Entity

if TYPE_CHECKING:
    from ft_dcc.session.hub import EventHub
    from ft_dcc.session.schema import EntityTypes
    from ft_dcc.session.session import Session

CONSTRUCT_ENTITY_TYPE = "ftrack.api.session.construct-entity-type"
CONFIGURE_LOCATION = "ftrack.api.session.configure-location"
READY, RESET = "ftrack.api.session.ready", "ftrack.api.session.reset"


class SessionEvents:
    """The events of one session; its hub is made when somebody first asks for it, for then only can anybody listen."""

    def __init__(self, session: Session, make_hub: Callable[[], EventHub]) -> None:
        self._session = session
        self._make_hub = make_hub
        self._lock = threading.Lock()
        self._hub: EventHub | None = None

    @property
    def hub(self) -> EventHub:
        """The event hub, connected or not."""
        with self._lock:
            is_new = self._hub is None
            hub = self._hub = self._hub or self._make_hub()
        if is_new:
            from ft_dcc.session.storage_scenario import ActivateCentralizedStorageScenario

            ActivateCentralizedStorageScenario().register(self._session)
        return hub

    @property
    def has_hub(self) -> bool:
        """Whether anybody can listen."""
        return self._hub is not None

    def load_plugins(
        self,
        paths: Iterable[str | os.PathLike[str]] | str | os.PathLike[str] | None,
        arguments: Mapping[str, Any] | None,
    ) -> None:
        """Every plugin of the paths (of the environment, for None) is registered, or named in the log as broken."""
        if paths is None:
            paths = os.environ.get("FTRACK_EVENT_PLUGIN_PATH", "").split(os.pathsep)
        elif isinstance(paths, (str, os.PathLike)):
            # Letter by letter, its slashes would be the whole disk.
            paths = [paths]
        if given := [path for path in paths if os.fspath(path).strip()]:
            # Most sessions have no plugins, and start without what loads them.
            from ft_dcc.session.plugins import discover

            discover(given, [self._session], arguments)

    def tell(self, topic: str, **data: Any) -> list[Any]:
        """Publish to the subscribers of this session, at once; return their answers."""
        if self._hub is None:
            return []
        from ft_dcc.session.event import Event

        return list(self._hub.publish(Event(topic, data=data), synchronous=True))

    def tell_everybody(self, topic: str, **data: Any) -> None:
        """Publish to whoever listens, if the hub is connected."""
        if self._hub is not None:
            from ft_dcc.session.event import Event

            self._hub.publish(Event(topic, data=data), on_error="ignore")

    def construct_entity_type(self, schema: Mapping[str, Any], schemas: list[dict[str, Any]]) -> type[Entity] | None:
        """Return the class that a plugin makes for a schema, or None where none does; raises EntityTypeError."""
        answers = self.tell(CONSTRUCT_ENTITY_TYPE, schema=schema, schemas=schemas)
        made = [answer for answer in answers if answer is not None]
        if not made:
            return None
        if len(made) > 1:
            raise EntityTypeError(
                f"{len(made)} plugins construct {schema['id']}, and only one can. Disable the others."
            )
        if not (isinstance(made[0], type) and issubclass(made[0], Entity)):
            raise EntityTypeError(
                f"A plugin constructs {schema['id']} as {made[0]!r}. Let it return a class below make_type(schema)."
            )
        return made[0]

    def construct_awaited_types(self, types: EntityTypes) -> None:
        """The types that somebody listens for are made, so that plugins meet each before the session is ready."""
        if self._hub is None:
            return
        from ft_dcc.session.event import Event

        schemas = list(types.schemas.values())
        for schema in schemas:
            event = Event(CONSTRUCT_ENTITY_TYPE, data={"schema": schema, "schemas": schemas})
            if self._hub.has_listener(event):
                types[schema["id"]]

    def close(self) -> None:
        """The hub is not connected and has no thread."""
        if self._hub is not None:
            self._hub.close()
