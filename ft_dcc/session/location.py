"""Where the bytes of components are, and how they get from one place to another."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from ft_dcc.errors import (
    AccessorParentResourceNotFoundError,
    AccessorResourceNotFoundError,
    AccessorUnsupportedOperationError,
    ComponentInLocationError,
    ComponentNotInLocationError,
    LocationError,
)
from ft_dcc.session.entity import Entity
from ft_dcc.session.expression import field, find
from ft_dcc.session.symbol import (
    COMPONENT_ADDED_TO_LOCATION_TOPIC,
    COMPONENT_REMOVED_FROM_LOCATION_TOPIC,
    CREATED,
)

if TYPE_CHECKING:
    from ft_dcc.session.accessor import Accessor
    from ft_dcc.session.location_setup import LocationSetup, ResourceIdentifierTransformer
    from ft_dcc.session.structure import Structure

# Few enough that a server's limit for one statement is far away.
_IN_ONE_QUERY = 500


class Location(Entity):
    """A storage of components.

    How a session reaches it (``accessor``), names places in it (``structure``) and prefers it (``priority``, the lowest
    number first) is set on one object of it and holds for the session's life.
    """

    __slots__ = ()

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
        pairs = _paired(components, sources)
        if not self.structure:
            raise LocationError(f"Nothing names the places in {self!r}. Set its structure.", {"location": self})
        if recursive:
            pairs = [pair for component, source in pairs for pair in _members_first(component, source)]
        if not pairs:
            return
        self._refuse_present([component for component, _ in pairs])
        self._register(self._transfer(pairs))
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
            leaving = [each for component in leaving for each, _ in _members_first(component, None)]
        identifiers = self.get_resource_identifiers(leaving)
        gone: list[Entity] = []
        try:
            for component, identifier in zip(leaving, identifiers):
                self._remove_bytes(component, identifier)
                gone.append(component)
        finally:
            self._deregister(gone)
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
                f"{_listed(missing)} not in {self!r}. Add it there first.", {"components": missing, "location": self}
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
        if self.setup.remembered is not None:
            return {key: self.setup.remembered[key] for key in by_id if key in self.setup.remembered}
        decode = getattr(self.resource_identifier_transformer or None, "decode", None)
        places = {}
        for row in self._rows(by_id.values()):
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
        if present and self.setup.is_told_to_the_server:
            raise ComponentInLocationError(
                f"{_listed(present)} in {self!r} already. Remove it first, or use it.",
                {"components": present, "location": self},
            )

    def _transfer(self, pairs: Sequence[tuple[Entity, Any]]) -> list[tuple[Entity, str]]:
        transferred: list[tuple[Entity, str]] = []
        try:
            sources = _source_places(pairs)
            for component, source in pairs:
                # The origin is told a path; any other location is told where it comes from.
                place = source if isinstance(source, str) else sources[id(source)].get(component["id"])
                context = {} if place is None else {"source_resource_identifier": place}
                identifier = self.structure.get_resource_identifier(component, context)
                if self.setup.manages_data:
                    self._bring(component, identifier, source, place)
                transferred.append((component, identifier))
        except Exception as error:
            what = pairs[min(len(transferred), len(pairs) - 1)][0]
            details = {"component": what, "location": self, "error": error, "transferred": transferred}
            raise LocationError(f"{what!r} could not be brought to {self!r}. {error}", details) from error
        return transferred

    def _bring(self, component: Entity, identifier: str, source: Location, place: str | None) -> None:
        accessor, from_accessor = self.open_accessor(), source.open_accessor()
        if "members" in component:
            # The files of a sequence lie side by side with those of others.
            if component.entity_type != "SequenceComponent":
                accessor.make_container(identifier)
            return
        if place is None:
            raise ComponentNotInLocationError(f"It is not in {source!r}.", {"components": [component]})
        try:
            folder = accessor.get_container(identifier)
        except AccessorParentResourceNotFoundError:
            folder = None
        if folder is not None:
            accessor.make_container(folder)
        if accessor.exists(identifier):
            raise LocationError(f"There is something at {identifier} already, which would be lost. Remove it first.")
        # Locations that only name places need nothing that copies.
        from ft_dcc.session.accessor.copying import copy

        copy(from_accessor, place, accessor, identifier)

    def _register(self, transferred: Sequence[tuple[Entity, str]]) -> None:
        if self.setup.remembered is not None:
            self.setup.remembered.update({component["id"]: identifier for component, identifier in transferred})
            return
        encode = getattr(self.resource_identifier_transformer or None, "encode", None)
        try:
            for component, identifier in transferred:
                known_as = identifier if encode is None else encode(identifier, context={"component": component})
                values = {"component": component, "location": self, "resource_identifier": known_as}
                self.session.create("ComponentLocation", values)
            self.session.commit()
        except Exception as error:
            details = {"location": self, "error": error, "transferred": transferred}
            raise LocationError(f"The server did not take what was brought to {self!r}. {error}", details) from error

    def _remove_bytes(self, component: Entity, identifier: str) -> None:
        if not self.setup.manages_data:
            return
        try:
            self.open_accessor().remove(identifier)
        except AccessorResourceNotFoundError:
            # A sequence has no file of its own.
            if component.entity_type != "SequenceComponent":
                raise

    def _deregister(self, components: Sequence[Entity]) -> None:
        if self.setup.remembered is not None:
            for component in components:
                self.setup.remembered.pop(component["id"], None)
        elif components:
            for row in self._rows(components):
                self.session.delete(row)
            self.session.commit()

    def _rows(self, components: Iterable[Entity]) -> Iterator[Entity]:
        """The ComponentLocations of these components here; the server knows none of what was not committed."""
        ids = [component["id"] for component in components if component.state is not CREATED]
        rows = find("ComponentLocation").select("component_id", "resource_identifier")
        for start in range(0, len(ids), _IN_ONE_QUERY):
            some = field("component_id").is_in(ids[start : start + _IN_ONE_QUERY])
            yield from self.session.query(rows.where(field("location_id") == self.primary_key[0], some))

    def _tell(self, topic: str, component: Entity) -> None:
        self.session.events.tell_everybody(topic, component_id=component["id"], location_id=self.primary_key[0])


def _paired(components: Sequence[Entity], sources: Any) -> list[tuple[Entity, Any]]:
    # A path may be given to the origin.
    sources = os.fspath(sources) if isinstance(sources, os.PathLike) else sources
    given = list(sources) if isinstance(sources, Sequence) and not isinstance(sources, str) else [sources]
    if len(given) not in (1, len(components)):
        raise ValueError(f"{len(components)} components need one source, or one each, and not {len(given)}.")
    return list(zip(components, given if len(given) > 1 else given * len(components)))


def _members_first(component: Entity, source: Any) -> Iterator[tuple[Entity, Any]]:
    if "members" in component:
        for member in component["members"]:
            yield from _members_first(member, source)
    yield component, source


def _source_places(pairs: Sequence[tuple[Entity, Any]]) -> dict[int, Mapping[str, str]]:
    """What each source knows its components by, under the id() of the source; each is asked once."""
    by_source: dict[int, tuple[Any, list[Entity]]] = {}
    for component, source in pairs:
        if isinstance(source, Location):
            by_source.setdefault(id(source), (source, []))[1].append(component)
    return {key: source.places(components) for key, (source, components) in by_source.items()}


def _listed(components: Sequence[Entity]) -> str:
    names = ", ".join(repr(component) for component in components)
    return f"{names} {'is' if len(components) == 1 else 'are'}"
