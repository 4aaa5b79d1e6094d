"""The transfer of components between locations: their bytes, and their records on the server."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ft_dcc import errors
from ft_dcc.session.query import expression, populate
from ft_dcc.session.symbol import CREATED

if TYPE_CHECKING:
    from ft_dcc.session.entities.entity import Entity
    from ft_dcc.session.locations.location import Location


def paired(components: Sequence[Entity], sources: Any) -> list[tuple[Entity, Any]]:
    """Return each component with its source; raises ValueError if there is not one for each, or one for all."""
    # The source of the origin location is a path.
    sources = os.fspath(sources) if isinstance(sources, os.PathLike) else sources
    given = list(sources) if isinstance(sources, Sequence) and not isinstance(sources, str) else [sources]
    if len(given) not in (1, len(components)):
        raise ValueError(f"{len(components)} components need one source, or one each, and not {len(given)}.")
    return list(zip(components, given if len(given) > 1 else given * len(components)))


def with_members(component: Entity, source: Any) -> Iterator[tuple[Entity, Any]]:
    """Yield the component's members and then the component, each with the source."""
    if "members" in component:
        for member in component["members"]:
            yield from with_members(member, source)
    yield component, source


def transfer(location: Location, pairs: Sequence[tuple[Entity, Any]]) -> list[tuple[Entity, str]]:
    """Copy the components' bytes to the location; return the components with their resource identifiers there.

    Raises LocationError, with the components that were copied before the failure in ``details["transferred"]``.
    """
    transferred: list[tuple[Entity, str]] = []
    try:
        identifiers_by_source = _find_source_identifiers(pairs)
        for component, source in pairs:
            # The source of the origin location is a path, that of any other is a location.
            from_identifier = (
                source if isinstance(source, str) else identifiers_by_source[id(source)].get(component["id"])
            )
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


def register(location: Location, transferred: Sequence[tuple[Entity, str]]) -> None:
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


def remove_bytes(location: Location, component: Entity, identifier: str) -> None:
    """Remove the component's bytes if the location manages them."""
    if not location.manages_data:
        return
    try:
        location.open_accessor().remove(identifier)
    except errors.AccessorResourceNotFoundError:
        # A sequence has no file of its own.
        if component.entity_type != "SequenceComponent":
            raise


def deregister(location: Location, components: Sequence[Entity]) -> None:
    """Remove the records of the components' identifiers."""
    if location.local_identifiers is not None:
        for component in components:
            location.local_identifiers.pop(component["id"], None)
    elif components:
        for row in rows(location, components):
            location.session.delete(row)
        location.session.commit()


def rows(location: Location, components: Iterable[Entity]) -> Iterator[Entity]:
    """Yield the ComponentLocations of the committed components in the location."""
    ids = [component["id"] for component in components if component.state is not CREATED]
    wanted = expression.find("ComponentLocation").select("component_id", "resource_identifier")
    for start in range(0, len(ids), populate.MAX_KEYS_PER_QUERY):
        some = expression.field("component_id").is_in(ids[start : start + populate.MAX_KEYS_PER_QUERY])
        yield from location.session.query(
            wanted.where(expression.field("location_id") == location.primary_key[0], some)
        )


def listed(components: Sequence[Entity]) -> str:
    """Return the beginning of a sentence about these components."""
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
    from ft_dcc.session.locations.accessor.copying import copy

    copy(from_accessor, from_identifier, accessor, identifier)


def _find_source_identifiers(pairs: Sequence[tuple[Entity, Any]]) -> dict[int, Mapping[str, str]]:
    """Return the resource identifiers of each source by the source's id(), with one query for each source."""
    by_source: dict[int, tuple[Any, list[Entity]]] = {}
    for component, source in pairs:
        if not isinstance(source, str):
            by_source.setdefault(id(source), (source, []))[1].append(component)
    return {key: source.find_identifiers(components) for key, (source, components) in by_source.items()}
