"""How components get from one location into another, and out again: their bytes, and what the server is told."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ft_dcc.errors import (
    AccessorParentResourceNotFoundError,
    AccessorResourceNotFoundError,
    ComponentNotInLocationError,
    LocationError,
)
from ft_dcc.session.expression import field, find
from ft_dcc.session.symbol import CREATED

if TYPE_CHECKING:
    from ft_dcc.session.entity import Entity
    from ft_dcc.session.location import Location

# Few enough that a server's limit for one statement is far away.
_IN_ONE_QUERY = 500


def paired(components: Sequence[Entity], sources: Any) -> list[tuple[Entity, Any]]:
    """Return each component with its source; raises ValueError when there is not one for each, or one for all."""
    # A path may be given to the origin.
    sources = os.fspath(sources) if isinstance(sources, os.PathLike) else sources
    given = list(sources) if isinstance(sources, Sequence) and not isinstance(sources, str) else [sources]
    if len(given) not in (1, len(components)):
        raise ValueError(f"{len(components)} components need one source, or one each, and not {len(given)}.")
    return list(zip(components, given if len(given) > 1 else given * len(components)))


def members_first(component: Entity, source: Any) -> Iterator[tuple[Entity, Any]]:
    """Yield what the component holds, and then itself, each with the source."""
    if "members" in component:
        for member in component["members"]:
            yield from members_first(member, source)
    yield component, source


def transfer(location: Location, pairs: Sequence[tuple[Entity, Any]]) -> list[tuple[Entity, str]]:
    """Return the components with their resource identifiers in the location, which has their bytes now.

    Raises LocationError, whose ``details["transferred"]`` are those that were copied before one could not be.
    """
    transferred: list[tuple[Entity, str]] = []
    try:
        sources = _source_places(pairs)
        for component, source in pairs:
            # The origin is told a path; any other location is told where it comes from.
            place = source if isinstance(source, str) else sources[id(source)].get(component["id"])
            context = {} if place is None else {"source_resource_identifier": place}
            identifier = location.structure.get_resource_identifier(component, context)
            if location.manages_data:
                _bring(location, component, identifier, source, place)
            transferred.append((component, identifier))
    except Exception as error:
        what = pairs[min(len(transferred), len(pairs) - 1)][0]
        details = {"component": what, "location": location, "error": error, "transferred": transferred}
        raise LocationError(f"{what!r} could not be brought to {location!r}. {error}", details) from error
    return transferred


def register(location: Location, transferred: Sequence[tuple[Entity, str]]) -> None:
    """The server, or the location itself where it is told nothing, knows where the components are."""
    if location.remembered is not None:
        location.remembered.update({component["id"]: identifier for component, identifier in transferred})
        return
    encode = getattr(location.resource_identifier_transformer or None, "encode", None)
    try:
        for component, identifier in transferred:
            known_as = identifier if encode is None else encode(identifier, context={"component": component})
            values = {"component": component, "location": location, "resource_identifier": known_as}
            location.session.create("ComponentLocation", values)
        location.session.commit()
    except Exception as error:
        details = {"location": location, "error": error, "transferred": transferred}
        raise LocationError(f"The server did not take what was brought to {location!r}. {error}", details) from error


def remove_bytes(location: Location, component: Entity, identifier: str) -> None:
    """The location has the bytes no more, where they are its own."""
    if not location.manages_data:
        return
    try:
        location.open_accessor().remove(identifier)
    except AccessorResourceNotFoundError:
        # A sequence has no file of its own.
        if component.entity_type != "SequenceComponent":
            raise


def deregister(location: Location, components: Sequence[Entity]) -> None:
    """Nobody thinks that the components are in the location any more."""
    if location.remembered is not None:
        for component in components:
            location.remembered.pop(component["id"], None)
    elif components:
        for row in rows(location, components):
            location.session.delete(row)
        location.session.commit()


def rows(location: Location, components: Iterable[Entity]) -> Iterator[Entity]:
    """Yield the ComponentLocations of these components there; the server knows none of what was not committed."""
    ids = [component["id"] for component in components if component.state is not CREATED]
    wanted = find("ComponentLocation").select("component_id", "resource_identifier")
    for start in range(0, len(ids), _IN_ONE_QUERY):
        some = field("component_id").is_in(ids[start : start + _IN_ONE_QUERY])
        yield from location.session.query(wanted.where(field("location_id") == location.primary_key[0], some))


def listed(components: Sequence[Entity]) -> str:
    """Return the beginning of a sentence about these components."""
    names = ", ".join(repr(component) for component in components)
    return f"{names} {'is' if len(components) == 1 else 'are'}"


def _bring(location: Location, component: Entity, identifier: str, source: Location, place: str | None) -> None:
    accessor, from_accessor = location.open_accessor(), source.open_accessor()
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


def _source_places(pairs: Sequence[tuple[Entity, Any]]) -> dict[int, Mapping[str, str]]:
    """What each source knows its components by, under the id() of the source; each is asked once."""
    by_source: dict[int, tuple[Any, list[Entity]]] = {}
    for component, source in pairs:
        if not isinstance(source, str):
            by_source.setdefault(id(source), (source, []))[1].append(component)
    return {key: source.places(components) for key, (source, components) in by_source.items()}
