"""Where the bytes of components are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

from ft_dcc.errors import (
    AccessorUnsupportedOperationError,
    ComponentInLocationError,
    ComponentNotInLocationError,
    LocationError,
)
from ft_dcc.session import moving
from ft_dcc.session.entity import Entity
from ft_dcc.session.symbol import COMPONENT_ADDED_TO_LOCATION_TOPIC, COMPONENT_REMOVED_FROM_LOCATION_TOPIC

if TYPE_CHECKING:
    from ft_dcc.session.accessor import Accessor
    from ft_dcc.session.location_setup import LocationSetup, ResourceIdentifierTransformer
    from ft_dcc.session.structure import Structure


class Location(Entity):
    """A storage of components.

    How a session reaches it (``accessor``), names places in it (``structure``) and prefers it (``priority``, the lowest
    number first) is set on one object of it and holds for the session's life.
    """

    # There are no slots, so that any class of a studio can be mixed in.

    @property
    def setup(self) -> LocationSetup:
        """What this session knows of the location beyond the server's values."""
        return self.session.location_setups.of(self.primary_key[0])

    @property
    def accessor(self) -> Any:
        """What reads and writes the files, or NOT_SET where this session cannot."""
        return self.setup.accessor

    @accessor.setter
    def accessor(self, value: Accessor) -> None:
        self.setup.accessor = value

    @property
    def structure(self) -> Any:
        """What names the places of components, or NOT_SET."""
        return self.setup.structure

    @structure.setter
    def structure(self, value: Structure) -> None:
        self.setup.structure = value

    @property
    def resource_identifier_transformer(self) -> Any:
        """What ``encode``s identifiers for the server and ``decode``s them again, or NOT_SET."""
        return self.setup.resource_identifier_transformer

    @resource_identifier_transformer.setter
    def resource_identifier_transformer(self, value: ResourceIdentifierTransformer) -> None:
        self.setup.resource_identifier_transformer = value

    @property
    def manages_data(self) -> bool:
        """Whether bytes are copied into it; else it only notes where they are."""
        return self.setup.manages_data

    @property
    def remembered(self) -> dict[str, str] | None:
        """The resource identifiers by component id, where the server is told nothing of them; else None."""
        return self.setup.remembered

    @property
    def priority(self) -> float:
        """The location with the lowest number is picked first; 95 where nobody said otherwise."""
        return self.setup.priority

    @priority.setter
    def priority(self, value: float) -> None:
        self.setup.priority = value

    def add_component(self, component: Entity, source: Any, recursive: bool = True) -> None:
        """The component is in this location, see ``add_components``."""
        self.add_components([component], source, recursive)

    def add_components(self, components: Sequence[Entity], sources: Any, recursive: bool = True) -> None:
        """The components, with their members when ``recursive``, are in this location; what was changed is committed.

        ``sources`` is the location that has them, or a list of one for each; for the origin location, it is a path.
        Raises ComponentInLocationError, and then nothing was done; LocationError when one cannot be transferred or the
        server refuses: then none is registered and ``details["transferred"]`` lists (component, resource identifier) of
        what was copied.
        """
        pairs = moving.paired(components, sources)
        if not self.structure:
            raise LocationError(f"Nothing names the places in {self!r}. Set its structure.", {"location": self})
        if recursive:
            pairs = [pair for component, source in pairs for pair in moving.members_first(component, source)]
        if not pairs:
            return
        self._refuse_present([component for component, _ in pairs])
        moving.register(self, moving.transfer(self, pairs))
        for component, _ in pairs:
            self._tell(COMPONENT_ADDED_TO_LOCATION_TOPIC, component)

    def remove_component(self, component: Entity, recursive: bool = True) -> None:
        """The component is not in this location any more, see ``remove_components``."""
        self.remove_components([component], recursive)

    def remove_components(self, components: Iterable[Entity], recursive: bool = True) -> None:
        """The components, with their members when ``recursive``, and their bytes are not in this location.

        What was changed is committed. Raises ComponentNotInLocationError, and then nothing was done.
        """
        leaving = list(components)
        if recursive:
            leaving = [each for component in leaving for each, _ in moving.members_first(component, None)]
        identifiers = self.get_resource_identifiers(leaving)
        gone: list[Entity] = []
        try:
            for component, identifier in zip(leaving, identifiers):
                moving.remove_bytes(self, component, identifier)
                gone.append(component)
        finally:
            moving.deregister(self, gone)
        for component in gone:
            self._tell(COMPONENT_REMOVED_FROM_LOCATION_TOPIC, component)

    def get_component_availability(self, component: Entity) -> float:
        """Return how much of the component is here, in per cent."""
        return self.get_component_availabilities([component])[0]

    def get_component_availabilities(self, components: Sequence[Entity]) -> list[float]:
        """Return how much of each component is here, in per cent."""
        found = self.session.get_component_availabilities(components, [self])
        return [availability[self.primary_key[0]] for availability in found]

    def get_resource_identifier(self, component: Entity) -> str:
        """Return what the accessor knows the component by; raises ComponentNotInLocationError."""
        return self.get_resource_identifiers([component])[0]

    def get_resource_identifiers(self, components: Sequence[Entity]) -> list[str]:
        """Return what the accessor knows the components by; raises ComponentNotInLocationError."""
        places = self.places(components)
        missing = [component for component in components if component["id"] not in places]
        if missing:
            raise ComponentNotInLocationError(
                f"{moving.listed(missing)} not in {self!r}. Add it there first.",
                {"components": missing, "location": self},
            )
        return [places[component["id"]] for component in components]

    def get_filesystem_path(self, component: Entity) -> str:
        """Return the path of the component on this machine.

        Raises ComponentNotInLocationError, AccessorUnsupportedOperationError where there are no paths.
        """
        return self.get_filesystem_paths([component])[0]

    def get_filesystem_paths(self, components: Sequence[Entity]) -> list[str]:
        """Return the paths of the components on this machine, see ``get_filesystem_path``."""
        identifiers, accessor = self.get_resource_identifiers(components), self.open_accessor()
        return [accessor.get_filesystem_path(identifier) for identifier in identifiers]

    def get_url(self, component: Entity) -> str:
        """Return the address of the component's bytes; it may hold a key, so it is to be kept like one.

        Raises ComponentNotInLocationError, AccessorUnsupportedOperationError where there are no addresses.
        """
        return self.open_accessor().get_url(self.get_resource_identifier(component))

    def get_thumbnail_url(self, component: Entity, size: int | None = None) -> str:
        """Return the address of a picture of the component that fits into ``size`` pixels; only the server has such.

        Raises ComponentNotInLocationError, AccessorUnsupportedOperationError.
        """
        identifier, make_url = (
            self.get_resource_identifier(component),
            getattr(self.accessor, "get_thumbnail_url", None),
        )
        if make_url is None:
            raise AccessorUnsupportedOperationError(f"{self!r} makes no thumbnails. Use the location ftrack.server.")
        return str(make_url(identifier, size))

    # What follows is for other locations and the session.

    def places(self, components: Iterable[Entity]) -> dict[str, str]:
        """Return what the accessor knows the components by, under their ids; those that are not here are left out."""
        by_id = {component["id"]: component for component in components}
        remembered = self.remembered
        if remembered is not None:
            return {key: remembered[key] for key in by_id if key in remembered}
        decode = getattr(self.resource_identifier_transformer or None, "decode", None)
        places = {}
        for row in moving.rows(self, by_id.values()):
            component_id, identifier = row["component_id"], row["resource_identifier"]
            if decode is not None:
                identifier = decode(identifier, context={"component": by_id[component_id]})
            places[component_id] = identifier
        return places

    def open_accessor(self) -> Accessor:
        """Return the accessor; raises LocationError when there is none."""
        if not self.accessor:
            raise LocationError(f"This session cannot reach {self!r}. Set its accessor.", {"location": self})
        return cast("Accessor", self.accessor)

    def _refuse_present(self, components: Sequence[Entity]) -> None:
        places = self.places(components)
        present = [component for component in components if component["id"] in places]
        # The origin is where files are now, and may be told again.
        if present and self.remembered is None:
            raise ComponentInLocationError(
                f"{moving.listed(present)} in {self!r} already. Remove it first, or use it.",
                {"components": present, "location": self},
            )

    def _tell(self, topic: str, component: Entity) -> None:
        self.session.events.tell_everybody(topic, component_id=component["id"], location_id=self.primary_key[0])
