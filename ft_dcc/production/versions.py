"""Versions: find them by path, download their components, and check what is on disk of them."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Callable

import attrs

from ft_dcc import errors
from ft_dcc.files import atomic, checksum
from ft_dcc.files.roots import is_windows_path
from ft_dcc.review.stored_values import REVIEW_MOVIE, REVIEW_MOVIES, movie_lines
from ft_dcc.session import ORIGIN_LOCATION_ID, REVIEW_LOCATION_ID, SERVER_LOCATION_ID, Session
from ft_dcc.session.locations.location import Location
from ft_dcc.session.query import expression, query
from ft_dcc.session.query.expression import quoted
from ft_dcc.session.transfer.transfer import download
from ft_dcc.session.transport.cancellation import OnBytes

# The component with the scene file, and the key of a component's metadata with the SHA-256 of its file.
SCENE_COMPONENT = "scene"
# The components of a version's source files, and of its movie on the studio's disk.
MAIN_COMPONENT, MOVIE_ON_DISK = "main", "movie"
CHECKSUM_KEY = "ft_dcc_sha256"

# What verify finds for a file.
OK, MISSING, DAMAGED = "ok", "missing", "damaged"
REPLACED, UNREACHABLE, UNCHECKED = "replaced", "unreachable", "unchecked"
_VERSION = "select id, version, date, status.name, asset.name, asset.parent.name, link from AssetVersion"
_VERSION_PATH = re.compile(r"(?P<context>.+)/(?P<asset>[^/]+)/v(?P<number>\d+)")
_SELECT_COMPONENTS = (
    "select id, name, file_type, size, metadata.key, metadata.value, version.version, version.asset.name,"
    " version.asset.parent.name from FileComponent"
)


@attrs.frozen
class StoredComponent:
    """A file of a version; ``size`` is None and ``sha256`` is "" if they are not stored.

    ``paths`` are where this machine may have it on disk. One that was not uploaded is there only.
    """

    id: str
    name: str
    file_name: str
    size: int | None
    sha256: str
    paths: tuple[Path, ...] = ()
    is_uploaded: bool = True


def find_version_id(session: Session, id_or_path: str) -> str:
    """Return the id of a version at PROJECT/SEQUENCE/SHOT/ASSET/v003; raise SettingInvalid. An id stays as it is."""
    match = _VERSION_PATH.fullmatch(id_or_path.strip("/"))
    if match is None:
        return id_or_path
    names = match["context"].split("/")
    conditions = [f"version is {int(match['number'])}", f"asset.name is {quoted(match['asset'])}"]
    conditions += [
        f"asset.parent.{'parent.' * level}name is {quoted(name)}" for level, name in enumerate(reversed(names[1:]))
    ]
    conditions.append(f"asset.parent.project.name is {quoted(names[0])}")
    found = session.query(f"select id from AssetVersion where {' and '.join(conditions)}").first()
    if found is None:
        raise errors.SettingInvalid(f"There is no version {id_or_path} on {session.server_url}. Check the path.")
    return str(found["id"])


def find_component(session: Session, version_id: str, name: str | None = None) -> StoredComponent:
    """Return a component, by default the scene file; raise NotFoundError, or UserFixableError if it is missing."""
    if session.query(f"select id from AssetVersion where id is {quoted(version_id)}").first() is None:
        raise errors.NotFoundError(f"There is no version {version_id} on {session.server_url}. Check the id.")
    found = session.query(f"{_SELECT_COMPONENTS} where version_id is {quoted(version_id)} order by name").all()
    wanted = SCENE_COMPONENT if name is None else name
    component = next((each for each in found if each["name"] == wanted), None)
    if component is None:
        names = ", ".join(str(each["name"]) for each in found) or "none"
        if wanted == SCENE_COMPONENT:
            raise errors.UserFixableError(
                "The version does not contain its scene file; publish with the scene file to store it. Its components "
                f"are: {names}. Choose one with --component."
            )
        raise errors.UserFixableError(f"The version has no component {wanted}. Its components are: {names}.")
    stored = f"component_id is {quoted(component['id'])} and location_id is {quoted(SERVER_LOCATION_ID)}"
    paths = [
        Path(location.open_accessor().get_filesystem_path(identifier))
        for location in disk_locations(session)
        for identifier in location.find_identifiers([component]).values()
    ]
    return StoredComponent(
        component["id"],
        component["name"],
        _file_name(component),
        component["size"] or None,
        component["metadata"].get(CHECKSUM_KEY) or "",
        tuple(paths),
        session.query(f"select id from ComponentLocation where {stored}").first() is not None,
    )


def find_movie(session: Session, version_id: str) -> StoredComponent:
    """Return the largest review movie of a version; raises what ``find_component`` raises."""
    names = ", ".join(map(quoted, REVIEW_MOVIES))
    select = "select name, metadata.key, metadata.value from FileComponent"
    found = session.query(f"{select} where version_id is {quoted(version_id)} and name in ({names})").all()
    largest = max(found, key=lambda each: movie_lines(each["name"], each["metadata"]), default={"name": REVIEW_MOVIE})
    return find_component(session, version_id, largest["name"])


def disk_locations(session: Session) -> list[Location]:
    """Return the locations that record files on disk, of this session."""
    from ft_dcc.session.locations.accessor import DiskAccessor

    elsewhere = (ORIGIN_LOCATION_ID, REVIEW_LOCATION_ID, SERVER_LOCATION_ID)
    found: list[Any] = session.query("select id, name from Location").all()
    return [each for each in found if each["id"] not in elsewhere and isinstance(each.accessor, DiskAccessor)]


def fetch(session: Session, component: StoredComponent, folder: Path, on_bytes: OnBytes | None = None) -> Path:
    """Copy a component from disk or download it, check its size and checksum, and return the path of the new file.

    Never writes over a file. Raises UserFixableError if the file exists, TransferFailed for damaged content, and
    StorageError, NotFoundError or ServerUnreachable.
    """
    target = folder / component.file_name
    with _reserved(target), atomic.atomic_path(target) as draft:
        if not _copy_from_disk(component, draft):
            download(session, component.id, draft, size=component.size, on_bytes=on_bytes)
        if component.sha256 and checksum.sha256_of(draft) != component.sha256:
            raise errors.TransferFailed(
                f"{component.name} does not have the checksum of the file that was published, and was not "
                f"written. Report the component {component.id} to the administrator of {session.server_url}."
            )
    return target


def _copy_from_disk(component: StoredComponent, draft: Path) -> bool:
    """Copy the file and return whether it is the published one; raise UserFixableError if it is nowhere else."""
    for path in component.paths:
        with contextlib.suppress(OSError):
            shutil.copyfile(path, draft)
            if component.sha256 and checksum.sha256_of(draft) == component.sha256:
                return True
    if not component.is_uploaded:
        where = component.paths[0] if component.paths else "on the disk of another machine"
        raise errors.UserFixableError(
            f"The {component.name} of the version is {where}, and was changed, moved or cannot be seen from this "
            "machine. Publish with --include-scene to store scene files on the server, too."
        )
    return False


@contextmanager
def _reserved(target: Path) -> Iterator[None]:
    """Hold the name of a new file with an empty one, which is removed if the block raises."""
    with atomic.storage_errors(f"{target} cannot be written", "Choose another folder."):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        except FileExistsError as error:
            raise errors.UserFixableError(f"{target} exists. Move it, or choose another folder with --to.") from error
        try:
            yield
        except BaseException:
            with contextlib.suppress(OSError):
                target.unlink(missing_ok=True)
            raise


def _file_name(component: Mapping[str, Any]) -> str:
    """Return a file name such as ``sh010_main_v003_scene.blend``, valid on each system whatever the names contain."""
    version = component["version"]
    asset = version["asset"]
    parts = (asset["parent"]["name"], asset["name"], f"v{version['version']:03d}", component["name"])
    stem = "_".join(re.sub(r"[^\w-]+", "_", str(part)).strip("_") for part in parts)
    suffix = re.sub(r"[^\w.]+", "", str(component["file_type"] or "")).strip(".")
    return f"{stem}.{suffix}" if suffix else stem


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
        if found.st_size == file.size and checksum.sha256_of(path, on_block) == file.sha256:
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
