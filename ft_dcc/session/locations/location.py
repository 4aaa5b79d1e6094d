"""The Location entity: storage of components' bytes, and their transfer between locations."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from ft_dcc import errors
from ft_dcc.session.entities.entity import Delegated, Entity, SessionInterface
from ft_dcc.session.locations import location_setup
from ft_dcc.session.query import expression, query
from ft_dcc.session.symbol import COMPONENT_ADDED_TO_LOCATION_TOPIC, COMPONENT_REMOVED_FROM_LOCATION_TOPIC, CREATED

if TYPE_CHECKING:
    from ft_dcc.session.locations.accessor import Accessor


class Location(Entity):
    """A storage of components' bytes.

    Its ``accessor``, ``structure`` and ``priority`` (lowest first) are set on any object of it, for the whole session.
    """

    # No slots, so that any class of a studio can be mixed in.
    session: SessionInterface

    @property
    def setup(self) -> location_setup.LocationSetup:
        """How this session uses the location."""
        setup: location_setup.LocationSetup = self.session.location_setups.get(self.primary_key[0])
        return setup

    accessor = Delegated("setup", "accessor", "The accessor of the files, or NOT_SET if this session has none.")
    structure = Delegated("setup", "structure", "The structure that makes resource identifiers, or NOT_SET.")
    resource_identifier_transformer = Delegated(
        "setup", "resource_identifier_transformer", "The transformer of resource identifiers, or NOT_SET."
    )
    priority = Delegated("setup", "priority", "The location with the lowest number is picked first; 95 by default.")
    manages_data = Delegated("setup", "manages_data", "False if the location only records paths.")
    local_identifiers = Delegated("setup", "local_identifiers", "The identifiers that are not stored on the server.")

    def add_component(self, component: Entity, source: Any, recursive: bool = True) -> None:
        """Add a component to the location, see ``add_components``."""
        self.add_components([component], source, recursive)

    def add_components(self, components: Sequence[Entity], sources: Any, recursive: bool = True) -> None:
        """Add components, with their members if ``recursive``, to the location, and commit all changes.

        ``sources`` is the location that has them, or a list with one location for each; for the origin location, it is
        a path. Raises ComponentInLocationError before anything was done, and LocationError if a transfer fails or the
        server refuses the changes. Then no component is registered, and ``details["transferred"]`` lists the copied
        ones as (component, resource identifier).
        """
        # The source of the origin location is a path.
        sources = os.fspath(sources) if isinstance(sources, os.PathLike) else sources
        given = list(sources) if isinstance(sources, Sequence) and not isinstance(sources, str) else [sources]
        if len(given) not in (1, len(components)):
            raise ValueError(f"{len(components)} components need one source, or one each, and not {len(given)}.")
        pairs = list(zip(components, given if len(given) > 1 else given * len(components)))
        if not self.structure:
            raise errors.LocationError(f"{self!r} has no structure. Set its structure.", {"location": self})
        if recursive:
            pairs = [pair for component, source in pairs for pair in _with_members(component, source)]
        if not pairs:
            return
        identifiers = self.find_identifiers([component for component, _ in pairs])
        present = [component for component, _ in pairs if component["id"] in identifiers]
        # The origin records where files are now, so its records may be replaced.
        if present and self.local_identifiers is None:
            raise errors.ComponentInLocationError(
                f"{_listed(present)} already in {self!r}. Remove it first, or use it.",
                {"components": present, "location": self},
            )
        _register(self, _transfer(self, pairs))
        for component, _ in pairs:
            self._publish(COMPONENT_ADDED_TO_LOCATION_TOPIC, component)

    def remove_component(self, component: Entity, recursive: bool = True) -> None:
        """Remove a component from the location, see ``remove_components``."""
        self.remove_components([component], recursive)

    def remove_components(self, components: Iterable[Entity], recursive: bool = True) -> None:
        """Remove components, with their members if ``recursive``, and their bytes from the location.

        All changes of this thread are committed. Raises ComponentNotInLocationError before anything was done.
        """
        to_remove = list(components)
        if recursive:
            to_remove = [each for component in to_remove for each, _ in _with_members(component, None)]
        identifiers = self.get_resource_identifiers(to_remove)
        removed: list[Entity] = []
        try:
            for component, identifier in zip(to_remove, identifiers):
                if self.manages_data:
                    try:
                        self.open_accessor().remove(identifier)
                    except errors.AccessorResourceNotFoundError:
                        # A sequence has no file of its own.
                        if component.entity_type != "SequenceComponent":
                            raise
                removed.append(component)
        finally:
            _deregister(self, removed)
        for component in removed:
            self._publish(COMPONENT_REMOVED_FROM_LOCATION_TOPIC, component)

    def get_component_availability(self, component: Entity) -> float:
        """Return the availability of the component in this location, in per cent."""
        return self.get_component_availabilities([component])[0]

    def get_component_availabilities(self, components: Sequence[Entity]) -> list[float]:
        """Return the availability of each component in this location, in per cent."""
        found = self.session.get_component_availabilities(components, [self])
        return [availability[self.primary_key[0]] for availability in found]

    def get_resource_identifier(self, component: Entity) -> str:
        """Return the component's identifier for the accessor; raises ComponentNotInLocationError."""
        return self.get_resource_identifiers([component])[0]

    def get_resource_identifiers(self, components: Sequence[Entity]) -> list[str]:
        """Return the components' identifiers for the accessor; raises ComponentNotInLocationError."""
        identifiers = self.find_identifiers(components)
        missing = [component for component in components if component["id"] not in identifiers]
        if missing:
            raise errors.ComponentNotInLocationError(
                f"{_listed(missing)} not in {self!r}. Add it there first.", {"components": missing, "location": self}
            )
        return [identifiers[component["id"]] for component in components]

    def get_filesystem_path(self, component: Entity) -> str:
        """Return the path; raises ComponentNotInLocationError, AccessorUnsupportedOperationError without paths."""
        return self.get_filesystem_paths([component])[0]

    def get_filesystem_paths(self, components: Sequence[Entity]) -> list[str]:
        """Return the paths of the components on this machine, see ``get_filesystem_path``."""
        identifiers, accessor = self.get_resource_identifiers(components), self.open_accessor()
        return [accessor.get_filesystem_path(identifier) for identifier in identifiers]

    def get_url(self, component: Entity) -> str:
        """Return the address of the component's bytes; it may contain a key, so it is a secret.

        Raises ComponentNotInLocationError, and AccessorUnsupportedOperationError if the accessor has no addresses.
        """
        return self.open_accessor().get_url(self.get_resource_identifier(component))

    def get_thumbnail_url(self, component: Entity, size: int | None = None) -> str:
        """Return the address of a thumbnail that fits into ``size`` pixels; only the server's location has thumbnails.

        Raises ComponentNotInLocationError, AccessorUnsupportedOperationError.
        """
        identifier = self.get_resource_identifier(component)
        make_url = getattr(self.accessor, "get_thumbnail_url", None)
        if make_url is None:
            raise errors.AccessorUnsupportedOperationError(
                f"{self!r} has no thumbnails. Use the location ftrack.server."
            )
        return str(make_url(identifier, size))

    # The methods below are for other locations and the session.

    def find_identifiers(self, components: Iterable[Entity]) -> dict[str, str]:
        """Return the resource identifiers by component id; components that are not here are left out."""
        by_id = {component["id"]: component for component in components}
        local_identifiers = self.local_identifiers
        if local_identifiers is not None:
            return {key: local_identifiers[key] for key in by_id if key in local_identifiers}
        decode = getattr(self.resource_identifier_transformer or None, "decode", None)
        identifiers = {}
        for row in _rows(self, by_id.values()):
            component_id, identifier = row["component_id"], row["resource_identifier"]
            if decode is not None:
                identifier = decode(identifier, context={"component": by_id[component_id]})
            identifiers[component_id] = identifier
        return identifiers

    def open_accessor(self) -> Accessor:
        """Return the accessor; raises LocationError if there is none."""
        if not self.accessor:
            raise errors.LocationError(
                f"{self!r} has no accessor in this session. Set its accessor.", {"location": self}
            )
        return cast("Accessor", self.accessor)

    def _publish(self, topic: str, component: Entity) -> None:
        self.session.events.publish(topic, component_id=component["id"], location_id=self.primary_key[0])


# The mixins use the methods of the location that they are mixed into: ``mixin(location, UnmanagedLocationMixin)``.


def mixin(instance: Entity, mixin_class: type, name: str | None = None) -> None:
    """Mix a class into one object, before its own class; raises TypeError if the layouts conflict.

    Call it from a subscriber of ``ftrack.api.session.configure-location``, because it lasts only as long as the object.
    """
    kind = type(instance)
    if mixin_class in kind.__mro__:
        return
    made = type(name or f"{kind.__name__}{mixin_class.__name__}", (mixin_class, kind), {"__slots__": ()})
    try:
        instance.__class__ = made
    except TypeError as error:
        raise TypeError(
            f"{mixin_class.__name__} cannot be mixed into a {kind.entity_type}. Give it __slots__ = ()."
        ) from error


class UnmanagedLocationMixin:
    """A location that leaves files where they are and only records their paths."""

    __slots__ = ()

    manages_data = False


class MemoryLocationMixin:
    """A location whose content is recorded in memory, not on the server."""

    __slots__ = ()

    @property
    def local_identifiers(self: Any) -> dict[str, str]:
        """The resource identifiers by component id."""
        if self.setup.local_identifiers is None:
            self.setup.local_identifiers = {}
        identifiers: dict[str, str] = self.setup.local_identifiers
        return identifiers


class OriginLocationMixin(MemoryLocationMixin, UnmanagedLocationMixin):
    """The location of files before they are published; its sources are paths."""

    __slots__ = ()


class ServerLocationMixin:
    """Files on the ftrack server, which also has their thumbnails: ``get_thumbnail_url``."""

    __slots__ = ()


def _with_members(component: Entity, source: Any) -> Iterator[tuple[Entity, Any]]:
    """Yield the component's members and then the component, each with the source."""
    if "members" in component:
        for member in component["members"]:
            yield from _with_members(member, source)
    yield component, source


def _transfer(location: Location, pairs: Sequence[tuple[Entity, Any]]) -> list[tuple[Entity, str]]:
    """Copy the components' bytes to the location; return the components with their resource identifiers there.

    Raises LocationError, with the components that were copied before the failure in ``details["transferred"]``.
    """
    transferred: list[tuple[Entity, str]] = []
    try:
        # One query for each source.
        by_source: dict[int, tuple[Any, list[Entity]]] = {}
        for component, source in pairs:
            if not isinstance(source, str):
                by_source.setdefault(id(source), (source, []))[1].append(component)
        identifiers = {key: source.find_identifiers(members) for key, (source, members) in by_source.items()}
        for component, source in pairs:
            # The source of the origin location is a path, that of any other is a location.
            from_identifier = source if isinstance(source, str) else identifiers[id(source)].get(component["id"])
            context = {} if from_identifier is None else {"source_resource_identifier": from_identifier}
            identifier = location.structure.get_resource_identifier(component, context)
            if location.manages_data:
                _copy_bytes(location, component, identifier, source, from_identifier)
            transferred.append((component, identifier))
    except Exception as error:
        failed = pairs[min(len(transferred), len(pairs) - 1)][0]
        details = {"component": failed, "location": location, "error": error, "transferred": transferred}
        raise errors.LocationError(f"{failed!r} could not be transferred to {location!r}. {error}", details) from error
    return transferred


def _register(location: Location, transferred: Sequence[tuple[Entity, str]]) -> None:
    """Record the components' identifiers on the server, or in memory if the location is local."""
    if location.local_identifiers is not None:
        location.local_identifiers.update({component["id"]: identifier for component, identifier in transferred})
        return
    encode = getattr(location.resource_identifier_transformer or None, "encode", None)
    try:
        for component, identifier in transferred:
            stored = identifier if encode is None else encode(identifier, context={"component": component})
            values = {"component": component, "location": location, "resource_identifier": stored}
            location.session.create("ComponentLocation", values)
        location.session.commit()
    except Exception as error:
        details = {"location": location, "error": error, "transferred": transferred}
        raise errors.LocationError(
            f"The server refused to register components in {location!r}. {error}", details
        ) from error


def _deregister(location: Location, components: Sequence[Entity]) -> None:
    if location.local_identifiers is not None:
        for component in components:
            location.local_identifiers.pop(component["id"], None)
    elif components:
        for row in _rows(location, components):
            location.session.delete(row)
        location.session.commit()


def _rows(location: Location, components: Iterable[Entity]) -> Iterator[Entity]:
    ids = [component["id"] for component in components if component.state is not CREATED]
    wanted = expression.find("ComponentLocation").select("component_id", "resource_identifier")
    here = wanted.where(expression.field("location_id") == location.primary_key[0])
    return query.query_by_key(location.session, here, "component_id", ids)


def _listed(components: Sequence[Entity]) -> str:
    names = ", ".join(repr(component) for component in components)
    return f"{names} {'is' if len(components) == 1 else 'are'}"


def _copy_bytes(
    location: Location, component: Entity, identifier: str, source: Location, from_identifier: str | None
) -> None:
    accessor, from_accessor = location.open_accessor(), source.open_accessor()
    if "members" in component:
        # A sequence has no folder of its own.
        if component.entity_type != "SequenceComponent":
            accessor.make_container(identifier)
        return
    if from_identifier is None:
        raise errors.ComponentNotInLocationError(f"It is not in {source!r}.", {"components": [component]})
    try:
        folder = accessor.get_container(identifier)
    except errors.AccessorParentResourceNotFoundError:
        folder = None
    if folder is not None:
        accessor.make_container(folder)
    if accessor.exists(identifier):
        raise errors.LocationError(f"{identifier} already exists and would be overwritten. Remove it first.")
    # Imported late: locations that do not manage data never copy.
    from ft_dcc.session.locations.accessor import copy

    copy(from_accessor, from_identifier, accessor, identifier)
