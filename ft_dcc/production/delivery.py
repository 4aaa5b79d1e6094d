"""Delivery: copies of the versions of a review session in a folder, with a manifest."""

from __future__ import annotations

import csv
import glob
import io
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Callable

import attrs

from ft_dcc.errors import StorageError, UserFixableError
from ft_dcc.files.atomic import removed_afterwards, replace, storage_errors, write_atomically
from ft_dcc.files.checksum import sha256_of
from ft_dcc.production import versions
from ft_dcc.production.versions import StoredVersion, read_versions
from ft_dcc.review.export.spreadsheet import without_formula
from ft_dcc.session import Session
from ft_dcc.session.transfer.transfer import download
from ft_dcc.settings import fields

FIELDS = ("project", "shot", "asset", "version", "status")
STANDARD_RULE = "{shot}_{asset}_{version}"
MANIFEST = "manifest.csv"
_COLUMNS = ("file", "project", "shot", "asset", "version", "status", "frames", "size", "sha256")
_STILL = "ftrackreview-image"


@attrs.frozen
class Delivered:
    """The result of a delivery: numbers of files, and a sentence for each version that lacks what was asked for."""

    folder: Path
    copied: int
    unchanged: int
    problems: tuple[str, ...]


@attrs.frozen
class _Item:
    """A file to deliver: from a path on disk, or from a component on the server."""

    version: StoredVersion
    name: str
    path: Path | None
    component: versions.StoredComponent | None
    frames: str
    size: int
    sha256: str


def deliver(
    session: Session,
    version_ids: Sequence[str],
    folder: Path,
    *,
    rule: str = STANDARD_RULE,
    frames: bool = False,
    on_file: Callable[[int, int, str], object] = lambda done, total, name: None,
) -> Delivered:
    """Copy the movies, or the frames, of versions into a folder, and write ``manifest.csv`` there.

    A file that is there already with the right checksum is left; a repetition copies only what is missing or differs.
    ``rule`` has the fields of ``FIELDS``; ``on_file`` is called with the number of finished files, that of all, and a
    name. Raises SettingInvalid or UserFixableError for a rule, StorageError and TransferFailed.
    """
    fields.check_path_rule(FIELDS)(rule)
    found = read_versions(session, version_ids)
    problems: list[str] = []
    items = [item for version in found for item in _items(session, version, rule, frames, problems)]
    for name, count in Counter(item.name.casefold() for item in items).items():
        if count > 1:
            raise UserFixableError(f"Two versions would both be delivered as {name}. Add {{asset}} or {{version}}.")
    copied, rows = 0, []
    for number, item in enumerate(items):
        on_file(number, len(items), item.name)
        target = folder / item.name
        remedy = "Check that both folders can be reached, and deliver again."
        with storage_errors(f"{target} cannot be delivered", remedy):
            checksum = _checksum_of_present(target, item)
            if not checksum:
                checksum = _copy(session, item, target)
                copied += 1
        rows.append(_row(item, checksum))
    _write_manifest(folder, rows)
    return Delivered(folder, copied, len(items) - copied, tuple(problems))


def _items(session: Session, version: StoredVersion, rule: str, frames: bool, problems: list[str]) -> Iterator[_Item]:
    values = {
        "project": version.project,
        "shot": version.shot,
        "asset": version.asset,
        "version": fields.VersionNumber(version.number),
        "status": version.status,
    }
    stem = fields.fill_path(rule, values)
    component = version.component(versions.MAIN_COMPONENT if frames else versions.MOVIE_ON_DISK)
    if component is not None and component.unreachable:
        problems.append(f"{version.label}: {component.path} cannot be read: {component.unreachable}.")
    elif component is not None and (component.frames or not frames):
        for file in component.files:
            suffix = Path(file.path).suffix
            name = f"{stem}/{Path(stem).name}.{file.member}{suffix}" if file.member else stem + suffix
            yield _Item(version, name, Path(file.path), None, file.member, file.size, file.sha256)
    elif frames:
        problems.append(f"{version.label} has no frames on disk.")
    else:
        # What reviewers see: the movie, or the image.
        stored = _find(session, version.id)
        if stored is None:
            problems.append(f"{version.label} has no movie.")
        else:
            suffix = Path(stored.file_name).suffix
            yield _Item(version, stem + suffix, None, stored, "", stored.size or 0, stored.sha256)


def _find(session: Session, version_id: str) -> versions.StoredComponent | None:
    with suppress(UserFixableError):
        return versions.find_movie(session, version_id)
    with suppress(UserFixableError):
        return versions.find_component(session, version_id, _STILL)
    return None


def _checksum_of_present(target: Path, item: _Item) -> str:
    """Return the checksum of the file that is there if it is the one to deliver, else ""."""
    if not target.is_file() or (item.size and target.stat().st_size != item.size):
        return ""
    checksum = sha256_of(target)
    wanted = item.sha256 or (sha256_of(item.path) if item.path is not None else "")
    return checksum if checksum == wanted else ""


def _copy(session: Session, item: _Item, target: Path) -> str:
    target.parent.mkdir(parents=True, exist_ok=True)
    with removed_afterwards(target.with_name(f".{target.name}.part")) as draft:
        # What a delivery that was killed has left; a download has a further suffix.
        for left in target.parent.glob(f"{glob.escape(draft.name)}*"):
            left.unlink()
        if item.path is not None:
            shutil.copyfile(item.path, draft)
        elif item.component is not None:
            download(session, item.component.id, draft, size=item.component.size)
        checksum = sha256_of(draft)
        if item.sha256 and checksum != item.sha256:
            raise StorageError(
                f"{item.path or item.name} is not the file that was published, and was not delivered. "
                f"See: ft-dcc version verify {item.version.id}"
            )
        replace(draft, target)
    return checksum


def _row(item: _Item, checksum: str) -> list[str]:
    version = item.version
    values = [version.project, version.shot, version.asset, f"v{version.number:03d}", version.status]
    return [item.name, *values, item.frames, str(item.size), checksum]


def _write_manifest(folder: Path, rows: Sequence[Sequence[str]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([_COLUMNS, *([without_formula(cell) for cell in row] for row in rows)])
    with storage_errors(f"{folder / MANIFEST} cannot be written", "Choose another folder."):
        folder.mkdir(parents=True, exist_ok=True)
        # With a mark, without which Excel reads names of other scripts wrongly.
        write_atomically(folder / MANIFEST, text.getvalue().encode("utf-8-sig"))
