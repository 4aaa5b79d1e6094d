"""Components of a session: made from files, found in locations."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ft_dcc.errors import LocationError, OperationError
from ft_dcc.session.entity import Entity
from ft_dcc.session.expression import field, find
from ft_dcc.session.location_setup import BUILT_IN
from ft_dcc.session.symbol import CREATED, ORIGIN_LOCATION_ID, REVIEW_LOCATION_ID

if TYPE_CHECKING:
    import clique

    from ft_dcc.session.location import Location
    from ft_dcc.session.location_setup import LocationSetups
    from ft_dcc.session.session import Session

_IN_ONE_QUERY = 500
_GET_FILE_TYPE = "ftrack.api.session.get-file-type-from-string"
# What players look for; it stays where it is unless somebody says otherwise.
_REVIEWABLE = frozenset({"ftrackreview-mp4", "ftrackreview-webm", "ftrackreview-image"})


class Storage:
    """What a session can do with components and locations."""

    # How this session uses each location.
    location_setups: LocationSetups

    @property
    def _session(self) -> Session:
        return cast("Session", self)

    def location(self, location_id: str) -> Location:
        """Return one of the locations that every site has, by its id in ``symbol``; nobody is asked for it."""
        known = self._session.known("Location", location_id)
        if known is None:
            known = self._session.reconstruct("Location", {"id": location_id, "name": BUILT_IN[location_id]})
        return cast("Location", known)

    def create_component(
        self, path: str | os.PathLike[str], data: Mapping[str, Any] | None = None, location: Any = "auto"
    ) -> Entity:
        """Return a new component for a file, or with members for a sequence: ``"/shots/head.%04d.exr [1-5, 7]"``.

        It is put into the location, which commits; into the one with the lowest priority number that this session can
        reach, for "auto"; for None into none, and is sent with the next commit. Raises LocationError, OperationError.
        """
        import clique

        if not isinstance(path, (str, os.PathLike)) or not isinstance(data or {}, Mapping):
            raise OperationError("A component is made of a file's path and a dictionary of its attributes.")
        path, data = os.fspath(path), dict(data or {})
        if location == "auto":
            location = self.location(REVIEW_LOCATION_ID) if data.get("name") in _REVIEWABLE else self.pick_location()
        elif location is not None and not hasattr(location, "add_component"):
            raise LocationError(f"{location!r} is no location. Give one of the session's, 'auto' or None.")
        try:
            sequence = clique.parse(path)
        except ValueError:
            data.setdefault("size", _size(path))
            data.setdefault("file_type", self._file_type(path))
            component = self._component("FileComponent", path, data)
        else:
            component = self._sequence(sequence, data)
        if location:
            location.add_component(component, self.location(ORIGIN_LOCATION_ID))
        return component

    def pick_location(self, component: Entity | None = None) -> Location | None:
        """Return the location with the lowest priority number that this session can reach, or None.

        With a component, only locations that have some of it are looked at.
        """
        if component is not None:
            return self.pick_locations([component])[0]
        return next(iter(self._reachable_locations()), None)

    def pick_locations(self, components: Sequence[Entity]) -> list[Location | None]:
        """Return for each component the location to use, or None, see ``pick_location``."""
        candidates = self._reachable_locations()
        availabilities = self.get_component_availabilities(components, candidates)
        return [
            next((location for location in candidates if availability[location["id"]] > 0), None)
            for availability in availabilities
        ]

    def get_component_availability(
        self, component: Entity, locations: Iterable[Entity] | None = None
    ) -> dict[str, float]:
        """Return how much of the component each location has, in per cent, by location id; all of them for None."""
        return self.get_component_availabilities([component], locations)[0]

    def get_component_availabilities(
        self, components: Sequence[Entity], locations: Iterable[Entity] | None = None
    ) -> list[dict[str, float]]:
        """Return for each component how much of it each location has, in per cent, by location id.

        That of a container is the mean of its members'.
        """
        if locations is None:
            locations = self._session.query("select name from Location")
        location_ids = [location["id"] for location in locations]
        self._read_members(components)
        ids = {leaf["id"] for component in components for leaf in _leaves(component) if leaf.state is not CREATED}
        holders = self._holders(sorted(ids))
        return [_availability(component, location_ids, holders) for component in components]

    def _reachable_locations(self) -> list[Location]:
        found = cast("Iterable[Location]", self._session.query("select name from Location"))
        return sorted((location for location in found if location.accessor), key=lambda location: location.priority)

    def _component(self, entity_type: str, path: str, data: Mapping[str, Any]) -> Entity:
        component = self._session.create(entity_type, data)
        self.location(ORIGIN_LOCATION_ID).add_component(component, path, recursive=False)
        return component

    def _sequence(self, sequence: clique.Collection, data: dict[str, Any]) -> Entity:
        files, expression = list(sequence), sequence.format("{head}{padding}{tail}")
        if data.get("size") is None:
            sizes = [_size(file) for file in files]
            data["size"] = sum(sizes)
        else:
            sizes = [round(data["size"] / len(files))] * len(files) if files else []
        file_type = self._file_type(expression)
        data.setdefault("padding", sequence.padding)
        data.setdefault("file_type", file_type)
        container = self._component("SequenceComponent", expression, data)
        members = []
        for file, size in zip(files, sizes):
            number = sequence.match(file).group("index")
            values = {"name": number, "container": container, "size": size, "file_type": file_type}
            members.append(self._component("FileComponent", file, values))
        container["members"] = members
        return container

    def _file_type(self, path: str) -> str:
        """Return the extension with its dot; a plugin may know better that it is ``.tar.gz``."""
        answers = self._session.events.tell(_GET_FILE_TYPE, file_path=path)
        return next((answer for answer in answers if answer), None) or Path(path).suffix

    def _read_members(self, components: Iterable[Entity]) -> None:
        containers = [component for component in components if "members" in component]
        if containers:
            self._session.populate(containers, "members")
            self._read_members(member for container in containers for member in container["members"])

    def _holders(self, component_ids: Sequence[str]) -> dict[str, set[str]]:
        """Return the ids of the locations that have each component."""
        holders: dict[str, set[str]] = {component_id: set() for component_id in component_ids}
        rows = find("ComponentLocation").select("component_id", "location_id")
        for start in range(0, len(component_ids), _IN_ONE_QUERY):
            some = field("component_id").is_in(component_ids[start : start + _IN_ONE_QUERY])
            for row in self._session.query(rows.where(some)):
                holders[row["component_id"]].add(row["location_id"])
        return holders


def _leaves(component: Entity) -> Iterator[Entity]:
    members = list(component["members"]) if "members" in component else []
    for member in members:
        yield from _leaves(member)
    if not members:
        yield component


def _availability(component: Entity, location_ids: Iterable[str], holders: Mapping[str, set[str]]) -> dict[str, float]:
    members = list(component["members"]) if "members" in component else []
    if not members:
        held = holders.get(component["id"], set())
        return {location_id: 100.0 if location_id in held else 0.0 for location_id in location_ids}
    parts = [_availability(member, location_ids, holders) for member in members]
    return {key: round(sum(part[key] for part in parts) / len(parts), 9) for key in location_ids}


def _size(path: str) -> int:
    """Return the bytes of the file; one that is not there has none yet."""
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0
