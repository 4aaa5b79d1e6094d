"""The Location entity: storage of components' bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

from ft_dcc import errors
from ft_dcc.session.entities.entity import Entity
from ft_dcc.session.locations import location_setup, location_transfer
from ft_dcc.session.symbol import COMPONENT_ADDED_TO_LOCATION_TOPIC, COMPONENT_REMOVED_FROM_LOCATION_TOPIC

if TYPE_CHECKING:
    from ft_dcc.session.locations.accessor import Accessor
    from ft_dcc.session.locations.structure import Structure


class Location(Entity):
    """A storage of components' bytes.

    Its ``accessor``, ``structure`` and ``priority`` (lowest first) are set on any object of it, for the whole session.
    """

    # No slots, so that any class of a studio can be mixed in.
    session: location_setup.LocationSession

    @property
    def setup(self) -> location_setup.LocationSetup:
        """How this session uses the location."""
        return self.session.location_setups.get(self.primary_key[0])

    @property
    def accessor(self) -> Any:
        """The accessor of the files, or NOT_SET if this session has none."""
        return self.setup.accessor

    @accessor.setter
    def accessor(self, value: Accessor) -> None:
        self.setup.accessor = value

    @property
    def structure(self) -> Any:
        """The structure that makes resource identifiers, or NOT_SET."""
        return self.setup.structure

    @structure.setter
    def structure(self, value: Structure) -> None:
        self.setup.structure = value

    @property
    def resource_identifier_transformer(self) -> Any:
        """The transformer of resource identifiers, or NOT_SET."""
        return self.setup.resource_identifier_transformer

    @resource_identifier_transformer.setter
    def resource_identifier_transformer(self, value: location_setup.ResourceIdentifierTransformer) -> None:
        self.setup.resource_identifier_transformer = value

    @property
    def manages_data(self) -> bool:
        """Whether bytes are copied into the location; otherwise it only records their paths."""
        return self.setup.manages_data

    @property
    def local_identifiers(self) -> dict[str, str] | None:
        """The resource identifiers by component id, if they are not stored on the server, or None."""
        return self.setup.local_identifiers

    @property
    def priority(self) -> float:
        """The priority; the location with the lowest number is picked first. The default is 95."""
        return self.setup.priority

    @priority.setter
    def priority(self, value: float) -> None:
        self.setup.priority = value

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
        pairs = location_transfer.paired(components, sources)
        if not self.structure:
            raise errors.LocationError(f"{self!r} has no structure. Set its structure.", {"location": self})
        if recursive:
            pairs = [pair for component, source in pairs for pair in location_transfer.with_members(component, source)]
        if not pairs:
            return
        self._check_absent([component for component, _ in pairs])
        location_transfer.register(self, location_transfer.transfer(self, pairs))
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
            to_remove = [each for component in to_remove for each, _ in location_transfer.with_members(component, None)]
        identifiers = self.get_resource_identifiers(to_remove)
        removed: list[Entity] = []
        try:
            for component, identifier in zip(to_remove, identifiers):
                location_transfer.remove_bytes(self, component, identifier)
                removed.append(component)
        finally:
            location_transfer.deregister(self, removed)
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
                f"{location_transfer.listed(missing)} not in {self!r}. Add it there first.",
                {"components": missing, "location": self},
            )
        return [identifiers[component["id"]] for component in components]

    def get_filesystem_path(self, component: Entity) -> str:
        """Return the path of the component on this machine.

        Raises ComponentNotInLocationError, and AccessorUnsupportedOperationError if the accessor has no paths.
        """
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
        identifier, make_url = (
            self.get_resource_identifier(component),
            getattr(self.accessor, "get_thumbnail_url", None),
        )
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
        for row in location_transfer.rows(self, by_id.values()):
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

    def _check_absent(self, components: Sequence[Entity]) -> None:
        identifiers = self.find_identifiers(components)
        present = [component for component in components if component["id"] in identifiers]
        # The origin records where files are now, so its records may be replaced.
        if present and self.local_identifiers is None:
            raise errors.ComponentInLocationError(
                f"{location_transfer.listed(present)} already in {self!r}. Remove it first, or use it.",
                {"components": present, "location": self},
            )

    def _publish(self, topic: str, component: Entity) -> None:
        self.session.events.publish(topic, component_id=component["id"], location_id=self.primary_key[0])
