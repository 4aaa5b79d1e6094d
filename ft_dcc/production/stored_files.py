"""The files of versions on the studio's disk: where they are, and whether they are what was published."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Callable

import attrs

from ft_dcc.files.checksum import sha256_of
from ft_dcc.files.roots import is_windows_path
from ft_dcc.production.versions import CHECKSUM_KEY, disk_locations
from ft_dcc.session import Session
from ft_dcc.session.locations.location import Location
from ft_dcc.session.query import expression, query

# What verify finds for a file.
OK, MISSING, DAMAGED = "ok", "missing", "damaged"
REPLACED, UNREACHABLE, UNCHECKED = "replaced", "unreachable", "unchecked"
_VERSION = "select id, version, date, status.name, asset.name, asset.parent.name, link from AssetVersion"


@attrs.frozen
class DiskFile:
    """A file; ``member`` is its frame number in a sequence. ``size`` is in bytes, ``sha256`` is "" if it is unknown."""

    member: str
    path: str
    size: int
    sha256: str


@attrs.frozen
class DiskComponent:
    """A component on disk; ``path`` may be a pattern. ``unreachable`` is why this machine cannot see its files."""

    id: str
    name: str
    location: str
    path: str
    files: tuple[DiskFile, ...]
    unreachable: str | None = None

    @property
    def frames(self) -> tuple[int, ...]:
        """The frame numbers of a sequence."""
        return tuple(int(file.member) for file in self.files if file.member)


@attrs.frozen
class StoredVersion:
    """A version with its components on disk."""

    id: str
    project: str
    shot: str
    asset: str
    number: int
    status: str
    published: datetime
    components: tuple[DiskComponent, ...]

    @property
    def label(self) -> str:
        """Its name for people."""
        return f"{self.shot} {self.asset} v{self.number:03d}"

    def component(self, name: str) -> DiskComponent | None:
        """Return the component of this name, None if it is not on disk."""
        return next((each for each in self.components if each.name == name), None)


def read_versions(session: Session, version_ids: Sequence[str]) -> list[StoredVersion]:
    """Return these versions in their order, with the paths of their files on this machine."""
    rows = {row["id"]: row for row in _in_batches(session, _VERSION, "id", version_ids)}
    components = _read_components(session, version_ids)
    return [
        StoredVersion(
            id=version_id,
            project=row["link"][0]["name"],
            shot=row["asset"]["parent"]["name"],
            asset=row["asset"]["name"],
            number=row["version"],
            status=row["status"]["name"] if row["status"] else "",
            # An Arrow object where that package is installed.
            published=datetime.fromisoformat(row["date"].isoformat()),
            components=tuple(components.get(version_id, ())),
        )
        for version_id in version_ids
        if (row := rows.get(version_id)) is not None
    ]


def verify(
    version: StoredVersion, on_block: Callable[[], object] = lambda: None
) -> Iterator[tuple[DiskComponent, DiskFile, str]]:
    """Yield each file with OK or what is wrong; other content is REPLACED if it is newer, DAMAGED otherwise."""
    for component in version.components:
        for file in component.files:
            yield component, file, UNREACHABLE if component.unreachable else _state(version, file, on_block)


def _state(version: StoredVersion, file: DiskFile, on_block: Callable[[], object]) -> str:
    path = Path(file.path)
    try:
        found = path.stat()
        if not file.sha256:
            return UNCHECKED if found.st_size == file.size else DAMAGED
        if found.st_size == file.size and sha256_of(path, on_block) == file.sha256:
            return OK
    except FileNotFoundError:
        return MISSING
    except OSError:
        return DAMAGED
    return REPLACED if found.st_mtime > version.published.timestamp() else DAMAGED


def _read_components(session: Session, version_ids: Sequence[str]) -> dict[str, list[DiskComponent]]:
    select = "select id, name, size, version_id, metadata.key, metadata.value from Component"
    top = list(_in_batches(session, select, "version_id", version_ids))
    sequences = [row["id"] for row in top if row.entity_type == "SequenceComponent"]
    select = "select id, name, size, container_id, metadata.key, metadata.value from FileComponent"
    members: dict[str, list[Any]] = {}
    for row in _in_batches(session, select, "container_id", sequences):
        members.setdefault(row["container_id"], []).append(row)
    everything = [*top, *(member for group in members.values() for member in group)]
    found: dict[str, list[DiskComponent]] = {}
    for location in disk_locations(session):
        identifiers = location.find_identifiers(everything)
        for row in top:
            if row["id"] in identifiers:
                group = members.get(row["id"], []) if row["id"] in sequences else [row]
                found.setdefault(row["version_id"], []).append(_component(location, row, group, identifiers))
    return found


def _component(location: Location, row: Any, members: Iterable[Any], identifiers: dict[str, str]) -> DiskComponent:
    is_sequence = row.entity_type == "SequenceComponent"
    resolve = location.open_accessor().get_filesystem_path
    roots = location.session.location_setups.roots
    files = [
        DiskFile(
            member=str(member["name"]) if is_sequence else "",
            path=resolve(identifiers[member["id"]]),
            size=int(member["size"] or 0),
            sha256=member["metadata"].get(CHECKSUM_KEY) or "",
        )
        for member in members
        if member["id"] in identifiers
    ]
    files.sort(key=lambda file: int(file.member) if re.fullmatch(r"-?\d+", file.member) else 0)
    identifier = identifiers[row["id"]]
    # A path of another system would become one below this machine's working folder.
    is_foreign = is_windows_path(identifier) if os.name != "nt" else identifier.startswith("/")
    path = identifier if is_foreign else resolve(identifier)
    return DiskComponent(row["id"], row["name"], location["name"], path, tuple(files), roots.why_unreachable(path))


def _in_batches(session: Session, select: str, attribute: str, values: Sequence[str]) -> Iterator[Any]:
    for start in range(0, len(values), query.MAX_KEYS_PER_QUERY):
        keys = ", ".join(expression.quoted(value) for value in values[start : start + query.MAX_KEYS_PER_QUERY])
        yield from session.query(f"{select} where {attribute} in ({keys})")
