"""The events of a session: its hub, the events that it publishes, and its plugins.

A plugin is a Python file of a studio with a ``register(session, …)`` function that a session calls when it starts.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ft_dcc.errors import EntityTypeError, PluginBroken
from ft_dcc.session.entities.entity import Entity, SessionInterface
from ft_dcc.session.transport.codec import new_id

if TYPE_CHECKING:
    from ft_dcc.session.entity_types.schema import EntityTypes
    from ft_dcc.session.events.hub import EventHub

_log = logging.getLogger(__name__)

CONSTRUCT_ENTITY_TYPE = "ftrack.api.session.construct-entity-type"
CONFIGURE_LOCATION = "ftrack.api.session.configure-location"
READY, RESET = "ftrack.api.session.ready", "ftrack.api.session.reset"


class SessionEvents:
    """The events of one session; its hub is created on the first access, because there are no subscribers before."""

    def __init__(
        self, session: SessionInterface, headers: Mapping[str, str] | None, cookies: Mapping[str, str] | None
    ) -> None:
        self._session = session
        self._headers, self._cookies = headers, cookies
        self._lock = threading.Lock()
        # None as long as there cannot be subscribers.
        self.created_hub: EventHub | None = None
        self._is_closed = False

    @property
    def hub(self) -> EventHub:
        """The event hub, connected or not; that of a closed session cannot be connected."""
        # Imported late: sessions without subscribers do not need them.
        from ft_dcc.session.events.hub import EventHub
        from ft_dcc.session.locations.location_setup import subscribe

        with self._lock:
            is_new, session = self.created_hub is None, self._session
            hub = self.created_hub = self.created_hub or EventHub(
                session.server_url, session.api_user, session.api_key, self._headers, self._cookies
            )
            if self._is_closed:
                hub.close()
        if is_new:
            subscribe(self._session)
        return hub

    def load_plugins(
        self,
        paths: Iterable[str | os.PathLike[str]] | str | os.PathLike[str] | None,
        arguments: Mapping[str, Any] | None,
    ) -> None:
        """Register every plugin of the paths; None stands for FTRACK_EVENT_PLUGIN_PATH. Broken plugins are logged."""
        source = "FTRACK_EVENT_PLUGIN_PATH" if paths is None else "the argument plugin_paths"
        if paths is None:
            paths = os.environ.get("FTRACK_EVENT_PLUGIN_PATH", "").split(os.pathsep)
        discover(paths, [self._session], arguments, source)

    def publish_local(self, topic: str, **data: Any) -> list[Any]:
        """Publish to the subscribers of this session synchronously and return their results."""
        if self.created_hub is None:
            return []
        from ft_dcc.session.events.event import Event

        return list(self.created_hub.publish(Event(topic, data=data), synchronous=True))

    def publish(self, topic: str, **data: Any) -> None:
        """Publish to all subscribers if the hub is connected."""
        if self.created_hub is not None:
            from ft_dcc.session.events.event import Event

            self.created_hub.publish(Event(topic, data=data), on_error="ignore")

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
        if self.created_hub is None:
            return
        from ft_dcc.session.events.event import Event

        schemas = list(types.schemas.values())
        for schema in schemas:
            event = Event(CONSTRUCT_ENTITY_TYPE, data={"schema": schema, "schemas": schemas})
            if self.created_hub.has_listener(event):
                types[schema["id"]]

    def close(self) -> None:
        """Disconnect the hub and end its thread."""
        with self._lock:
            self._is_closed = True
            hub = self.created_hub
        if hub is not None:
            hub.close()


def discover(
    paths: Iterable[str | os.PathLike[str]] | str | os.PathLike[str],
    positional_arguments: Sequence[Any] = (),
    keyword_arguments: Mapping[str, Any] | None = None,
    source: str = "the path",
) -> list[PluginBroken]:
    """Load and register every plugin below the paths, in the order of paths and then of names.

    ``source`` names what gave the paths, for the warning about a missing folder. The errors of broken plugins are
    logged and returned; the other plugins are registered.
    """
    broken = []
    for path in _files(paths, source):
        try:
            _register(path, positional_arguments, keyword_arguments or {})
        except PluginBroken as error:
            _log.warning("%s", error)
            _log.debug("Traceback of the plugin %s:", path, exc_info=error)
            broken.append(error)
    return broken


def _files(paths: Iterable[str | os.PathLike[str]] | str | os.PathLike[str], source: str) -> Iterator[Path]:
    # Iterated by character, "/" would be searched as a folder.
    for path in [paths] if isinstance(paths, (str, os.PathLike)) else paths:
        name = os.fspath(path).strip()
        if not name:
            continue  # An empty path would be the current folder.
        folder = Path(name)
        if folder.is_dir():
            yield from sorted(file for file in folder.rglob("*.py") if file.is_file())
        else:
            _log.warning("The plugin folder %s does not exist. Check %s.", folder, source)


def _register(path: Path, positional_arguments: Sequence[Any], keyword_arguments: Mapping[str, Any]) -> None:
    register = getattr(_load(path), "register", None)
    if not callable(register):
        raise PluginBroken(f'The plugin {path} does not define a "register" function. Add one, or move the file away.')
    # Imported late: it would add a third to the import time of the session.
    from inspect import Parameter, signature

    by_kind: dict[Any, list[str]] = {}
    for parameter in signature(register).parameters.values():
        by_kind.setdefault(parameter.kind, []).append(parameter.name)
    either = by_kind.get(Parameter.POSITIONAL_OR_KEYWORD, [])
    by_position = [*by_kind.get(Parameter.POSITIONAL_ONLY, []), *either]
    has_rest = Parameter.VAR_POSITIONAL in by_kind
    positional = positional_arguments if has_rest else positional_arguments[: len(by_position)]
    accepted = {*either, *by_kind.get(Parameter.KEYWORD_ONLY, [])}
    accepted = (set(keyword_arguments) if Parameter.VAR_KEYWORD in by_kind else accepted).difference(
        by_position[: len(positional)]
    )
    keywords = {name: value for name, value in keyword_arguments.items() if name in accepted}
    left_out = sorted(keyword_arguments.keys() - keywords.keys())
    if left_out or len(positional) < len(positional_arguments):
        _log.warning("The register function of the plugin %s does not accept the arguments: %s", path, left_out)
    try:
        register(*positional, **keywords)
    except (Exception, SystemExit) as error:
        raise PluginBroken(f"The plugin {path} failed to register: {type(error).__name__}: {error}") from error


def _load(path: Path) -> ModuleType:
    import importlib.util

    name = f"ft_dcc_plugin_{new_id()}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PluginBroken(f"The plugin {path} is not a Python file. Move it away.")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pickles look a module up by its name.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise PluginBroken(f"The plugin {path} failed to load: {type(error).__name__}: {error}") from error
    return module
