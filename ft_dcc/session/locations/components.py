"""Components: their creation from files and sequences, and their availability in locations."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ft_dcc.errors import LocationError, OperationError
from ft_dcc.files import sequences
from ft_dcc.session.entities.entity import Entity, SessionInterface
from ft_dcc.session.locations.location import Location
from ft_dcc.session.locations.location_setup import BUILT_IN
from ft_dcc.session.query.expression import find
from ft_dcc.session.query.query import query_by_key
from ft_dcc.session.symbol import CREATED, ORIGIN_LOCATION_ID, REVIEW_LOCATION_ID

if TYPE_CHECKING:
    import clique


_GET_FILE_TYPE_TOPIC = "ftrack.api.session.get-file-type-from-string"
# The component names that players look for; by default these files stay where they are.
_REVIEW_COMPONENT_NAMES = frozenset({"ftrackreview-mp4", "ftrackreview-webm", "ftrackreview-image"})


class Storage(SessionInterface):
    """The session's methods for components and locations."""

    def location(self, location_id: str) -> Location:
        """Return a built-in location by its id in ``symbol``, without a request."""
        known = self.get_loaded("Location", location_id)
        if known is None:
            known = self.reconstruct("Location", {"id": location_id, "name": BUILT_IN[location_id]})
        return cast("Location", known)

    def create_component(
        self, path: str | os.PathLike[str], data: Mapping[str, Any] | None = None, location: Any = "auto"
    ) -> Entity:
        """Return a new component for a file, or for a sequence with its members: ``"/shots/head.%04d.exr [1-5, 7]"``.

        It is added to the location, which commits. "auto" stands for the accessible location with the lowest priority
        number; with None it is added to no location, and sent with the next commit. Raises LocationError and
        OperationError.
        """
        import clique

        if not isinstance(path, (str, os.PathLike)) or not isinstance(data or {}, Mapping):
            raise OperationError("A component needs the path of a file and a dictionary of attributes.")
        path, data = os.fspath(path), dict(data or {})
        if location == "auto":
            is_review = data.get("name") in _REVIEW_COMPONENT_NAMES
            location = self.location(REVIEW_LOCATION_ID) if is_review else self.pick_location()
        elif location is not None and not hasattr(location, "add_component"):
            raise LocationError(f"{location!r} is not a location. Pass a location of the session, 'auto' or None.")
        try:
            sequence = clique.parse(path)
        except ValueError:
            data.setdefault("size", _size(path))
            data.setdefault("file_type", self._file_type(path))
            component = self._create_at_origin("FileComponent", path, data)
        else:
            component = self._create_sequence(sequence, data)
        if location:
            location.add_component(component, self.location(ORIGIN_LOCATION_ID))
        return component

    def pick_location(self, component: Entity | None = None) -> Location | None:
        """Return the accessible location with the lowest priority number, or None.

        With a component, only locations that have a part of it are considered.
        """
        if component is not None:
            return self.pick_locations([component])[0]
        return next(iter(self._accessible_locations()), None)

    def pick_locations(self, components: Sequence[Entity]) -> list[Location | None]:
        """Return the location to use for each component, or None, see ``pick_location``."""
        candidates = self._accessible_locations()
        availabilities = self.get_component_availabilities(components, candidates)
        return [next((place for place in candidates if each[place["id"]] > 0), None) for each in availabilities]

    def get_component_availability(
        self, component: Entity, locations: Iterable[Entity] | None = None
    ) -> dict[str, float]:
        """Return the availability of the component in per cent, by location id; None stands for all locations."""
        return self.get_component_availabilities([component], locations)[0]

    def get_component_availabilities(
        self, components: Sequence[Entity], locations: Iterable[Entity] | None = None
    ) -> list[dict[str, float]]:
        """Return the availability of each component in per cent, by location id.

        The availability of a container is the mean of its members'.
        """
        if locations is None:
            locations = self.query("select name from Location")
        location_ids = [location["id"] for location in locations]
        ids = {leaf["id"] for leaf in self._fetch_leaves(components) if leaf.state is not CREATED}
        # The ids of the locations that have each component.
        holders: dict[str, set[str]] = {component_id: set() for component_id in sorted(ids)}
        rows = find("ComponentLocation").select("component_id", "location_id")
        for row in query_by_key(self, rows, "component_id", list(holders)):
            holders[row["component_id"]].add(row["location_id"])
        return [_availability(component, location_ids, holders) for component in components]

    def _accessible_locations(self) -> list[Location]:
        found = cast("Iterable[Location]", self.query("select name from Location"))
        return sorted((location for location in found if location.accessor), key=lambda location: location.priority)

    def _create_at_origin(self, entity_type: str, path: str, data: Mapping[str, Any]) -> Entity:
        component = self.create(entity_type, data)
        self.location(ORIGIN_LOCATION_ID).add_component(component, path, recursive=False)
        return component

    def _create_sequence(self, sequence: clique.Collection, data: dict[str, Any]) -> Entity:
        files, expression = list(sequence), sequence.format("{head}{padding}{tail}")
        if data.get("size") is None:
            sizes = [_size(file) for file in files]
            data["size"] = sum(sizes)
        else:
            sizes = [round(data["size"] / len(files))] * len(files) if files else []
        file_type = self._file_type(expression)
        data.setdefault("padding", sequence.padding)
        data.setdefault("file_type", file_type)
        container = self._create_at_origin("SequenceComponent", expression, data)
        members = []
        for file, size in zip(files, sizes):
            number = sequence.match(file).group("index")
            values = {"name": number, "container": container, "size": size, "file_type": file_type}
            members.append(self._create_at_origin("FileComponent", file, values))
        container["members"] = members
        return container

    def _file_type(self, path: str) -> str:
        """Return the extension with its dot; a subscriber can return another one, like ``.tar.gz``."""
        results = self.events.publish_local(_GET_FILE_TYPE_TOPIC, file_path=path)
        return next((result for result in results if result), None) or Path(path).suffix

    def _fetch_leaves(self, components: Sequence[Entity]) -> list[Entity]:
        """Fetch the members of containers, level by level, and return the components without members."""
        containers = [component for component in components if "members" in component]
        if not containers:
            return list(components)
        self.populate(containers, "members")
        leaves = [each for each in components if "members" not in each or not each["members"]]
        return leaves + self._fetch_leaves([member for container in containers for member in container["members"]])


def _availability(component: Entity, location_ids: Iterable[str], holders: Mapping[str, set[str]]) -> dict[str, float]:
    members = list(component["members"]) if "members" in component else []
    if not members:
        held = holders.get(component["id"], set())
        return {location_id: 100.0 if location_id in held else 0.0 for location_id in location_ids}
    parts = [_availability(member, location_ids, holders) for member in members]
    return {key: round(sum(part[key] for part in parts) / len(parts), 9) for key in location_ids}


def _size(path: str) -> int:
    """Return the size of the file in bytes, or 0 if it does not exist yet."""
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0


def is_sequence(path: str | os.PathLike[str]) -> bool:
    """Return whether a path stands for a sequence: ``head.%04d.exr [1-5, 7]``, ``head.%04d.exr`` or ``head.####.exr``.

    The path of an existing file is never a sequence.
    """
    import clique

    text = os.fspath(path)
    if Path(text).is_file():
        return False
    try:
        clique.parse(text)
    except ValueError:
        return sequences.is_sequence(text)
    return True


def sequence_files(path: str | os.PathLike[str]) -> Sequence[str]:
    """Return the files of a sequence in the order of their numbers; without a range, those on disk.

    Raises OperationError if one of them is missing or empty, or if there are none.
    """
    import clique

    text = os.fspath(path)
    try:
        files = list(clique.parse(text))
    except ValueError:
        files = [sequences.frame_path(text, frame) for frame in sorted(sequences.frame_sizes(text))]
    missing = [file for file in files if not Path(file).is_file() or not Path(file).stat().st_size]
    if missing or not files:
        problem = f"{missing[0]} is missing or empty" if missing else "no file has this name"
        raise OperationError(f"The sequence {text} cannot be added: {problem}. Render it, or name other files.")
    return files


def frame_number(file: str) -> str:
    """Return the last number in the name of a file, with its leading zeros, or the name."""
    found = re.findall(r"\d+", Path(file).stem)
    return str(found[-1]) if found else Path(file).stem
