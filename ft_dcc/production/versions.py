"""Versions: find them by path, and download their components."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from ft_dcc import errors
from ft_dcc.files.atomic import atomic_path
from ft_dcc.files.checksum import sha256_of
from ft_dcc.session.query.query import quoted
from ft_dcc.session.transfer.transfer import download
from ft_dcc.session.transport.cancellation import OnBytes

if TYPE_CHECKING:
    from ft_dcc.session import Session

# The component with the scene file, and the key of a component's metadata with the SHA-256 of its file.
SCENE_COMPONENT = "scene"
CHECKSUM_KEY = "ft_dcc_sha256"

_VERSION_PATH = re.compile(r"(?P<context>.+)/(?P<asset>[^/]+)/v(?P<number>\d+)")
_SELECT_COMPONENTS = (
    "select id, name, file_type, size, metadata.key, metadata.value, version.version, version.asset.name,"
    " version.asset.parent.name from FileComponent"
)


@attrs.frozen
class StoredComponent:
    """A file of a version; ``size`` is None and ``sha256`` is "" if they are not stored."""

    id: str
    name: str
    file_name: str
    size: int | None
    sha256: str


def find_version_id(session: Session, id_or_path: str) -> str:
    """Return the id of a version given by id or path, PROJECT/SEQUENCE/SHOT/ASSET/v003.

    Raises SettingInvalid if there is none at the path. An id is returned as it is.
    """
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
    """Return the component of a version with this name, by default its scene file.

    Raises NotFoundError for a version that does not exist, and UserFixableError for a missing component.
    """
    if session.query(f"select id from AssetVersion where id is {quoted(version_id)}").first() is None:
        raise errors.NotFoundError(f"There is no version {version_id} on {session.server_url}. Check the id.")
    found = session.query(f"{_SELECT_COMPONENTS} where version_id is {quoted(version_id)} order by name").all()
    wanted = SCENE_COMPONENT if name is None else name
    component = next((each for each in found if each["name"] == wanted), None)
    if component is None:
        raise errors.UserFixableError(_missing(found, wanted))
    metadata = component["metadata"]
    size = component["size"]
    return StoredComponent(
        component["id"], component["name"], _file_name(component), size or None, metadata.get(CHECKSUM_KEY) or ""
    )


def fetch(session: Session, component: StoredComponent, folder: Path, on_bytes: OnBytes | None = None) -> Path:
    """Download a component into a folder, check its size and checksum, and return the path of the new file.

    Never writes over a file. Raises UserFixableError if the file exists, TransferFailed for damaged content, and
    StorageError, NotFoundError or ServerUnreachable.
    """
    target = folder / component.file_name
    with _reserved(target):
        try:
            with atomic_path(target) as draft:
                download(session, component.id, draft, size=component.size, on_bytes=on_bytes)
                if component.sha256 and sha256_of(draft) != component.sha256:
                    raise errors.TransferFailed(
                        f"{component.name} does not have the checksum of the file that was published, and was not "
                        f"written. Report the component {component.id} to the administrator of {session.server_url}."
                    )
        except OSError as error:
            raise _unwritable(target, error) from error
    return target


@contextmanager
def _reserved(target: Path) -> Iterator[None]:
    """Hold the name of a new file with an empty one, which is removed if the block raises."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    except FileExistsError as error:
        raise errors.UserFixableError(f"{target} exists. Move it, or choose another folder with --to.") from error
    except OSError as error:
        raise _unwritable(target, error) from error
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            target.unlink(missing_ok=True)
        raise


def _unwritable(target: Path, error: OSError) -> errors.StorageError:
    return errors.StorageError(f"{target} cannot be written: {error.strerror}. Choose another folder.")


def _missing(found: Sequence[Mapping[str, Any]], wanted: str) -> str:
    names = ", ".join(str(each["name"]) for each in found) or "none"
    if wanted == SCENE_COMPONENT:
        return (
            f"The version does not contain its scene file; publish with --include-scene to store it. Its components "
            f"are: {names}. Choose one with --component."
        )
    return f"The version has no component {wanted}. Its components are: {names}."


def _file_name(component: Mapping[str, Any]) -> str:
    """Return a file name such as ``sh010_main_v003_scene.blend``, valid on each system whatever the names contain."""
    version = component["version"]
    asset = version["asset"]
    parts = (asset["parent"]["name"], asset["name"], f"v{version['version']:03d}", component["name"])
    stem = "_".join(re.sub(r"[^\w-]+", "_", str(part)).strip("_") for part in parts)
    suffix = re.sub(r"[^\w.]+", "", str(component["file_type"] or "")).strip(".")
    return f"{stem}.{suffix}" if suffix else stem
