"""Back up a data folder to one file while the server runs, restore it, and find damage in its database.

The file is a tar with one state of the database, the secret, the credentials and all media that the database refers
to. Media is written before its row and never changed, so that the database is copied first. The first member names the
format, the last one has the SHA-256 of all others. The media of nightly backups is kept once for all of them in a
folder beside them, each file by the name of its SHA-256.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import sqlite3
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO

from ft_dcc.errors import DatabaseDamaged, StorageError
from ft_dcc.files import atomic
from ft_dcc.review.stored_values import json_object
from ft_dcc.server.database import media_checksums, migrations

_DATABASE = "studio.db"
_PRIVATE = ("secret", "credentials.env")
_HEALTH_FILE, _MAX_MESSAGES = "health.json", 3
_KEPT = "media"
_FORMAT_MEMBER, _SUMS_MEMBER = "backup.json", "sha256.json"
_MEMBER = re.compile(
    r"backup\.json|sha256\.json|studio\.db|secret|credentials\.env|schema\.json|"
    r"(?:media|checksums)/[0-9a-f]{2}/[0-9a-f]{62}"
)


def back_up(data: Path, target: Path, *, with_media: bool = True, is_incremental: bool = False) -> int:
    """Write a backup of the data folder to a new file, and return the number of media files in it.

    A server may be running. A backup without media needs the folder ``media`` of the original when it is restored. The
    backup is read again and checked before it gets its name. An incremental one keeps its media in the folder ``media``
    beside the target, where only what is not in it yet is written. Raises StorageError, also for a database that is
    damaged, and for a target that exists.
    """
    if target.exists():
        raise StorageError(f"{target} exists, and a backup overwrites nothing. Name a new file.")
    if not (data / _DATABASE).is_file():
        raise StorageError(f"There is no studio in {data}. Name the folder that its server was started with.")
    with _storage_errors(target), atomic.temporary_folder("snapshot-", target.parent) as folder:
        snapshot = folder / _DATABASE
        copy_database(data / _DATABASE, snapshot)
        if damage := find_damage(snapshot):
            raise DatabaseDamaged(
                f"The database of {data} is damaged, and no backup of it is kept: {damage}. "
                "Stop the server and restore the newest backup to a new folder."
            )
        with atomic.atomic_path(target) as temporary:
            with atomic.new_file(temporary, is_private=True) as file:
                kept = target.with_name(_KEPT) if is_incremental else None
                count = _write_archive(data, snapshot, file, kept, with_media=with_media)
            # What is kept was read again when it was kept.
            verify_backup(temporary, with_kept=False)
        return count


def remove_unused(folder: Path, backups: Iterable[Path]) -> None:
    """Remove the media files in the folder of incremental backups that none of these backups refers to."""
    with _storage_errors(folder):
        used: set[str] = set()
        for path in backups:
            with tarfile.open(path, "r:") as archive:
                sums = archive.extractfile(_SUMS_MEMBER) if _SUMS_MEMBER in archive.getnames() else None
                used.update(_read_sums(path, sums.read()).values() if sums is not None else ())
        for kept in (folder / _KEPT).glob("*"):
            if kept.name not in used:
                kept.unlink()


def verify_backup(source: Path, *, with_kept: bool = True) -> int:
    """Read a whole backup and return the number of its media files; raises StorageError when it cannot be restored."""
    with _storage_errors(source), atomic.temporary_folder("snapshot-", source.parent) as folder:
        count = _read_archive(source, lambda name: folder / name if name == _DATABASE else None, with_kept=with_kept)
        _check_integrity(folder / _DATABASE, source)
    return count


def restore(source: Path, data: Path) -> int:
    """Restore a backup to an empty data folder, and return the number of media files.

    Raises StorageError when the folder is not empty, or the file is damaged or not a backup; then nothing is changed.
    """
    if data.exists() and any(data.iterdir()):
        raise StorageError(f"{data} is not empty, and restoring overwrites nothing. Name a new folder.")
    with _storage_errors(data), atomic.sibling_folder(data, mode=0o700) as temporary:
        count = _read_archive(source, lambda name: temporary / name)
        _check_integrity(temporary / _DATABASE, source)
        for folder in (temporary, *(path for path in temporary.rglob("*") if path.is_dir())):
            atomic.sync_folder(folder)
        if data.exists():
            data.rmdir()
        atomic.rename(temporary, data)
        atomic.sync_folder(data.parent)
    return count


def copy_database(source: Path, target: Path) -> None:
    """Copy one state of a database that another process may be writing to."""
    # Read-only, because two connections that checkpoint at once can damage the file in older SQLites.
    with _reading(source) as original, closing(sqlite3.connect(target)) as copy:
        original.backup(copy)


def _reading(database: Path) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True))


def copy_studio(data: Path, target: Path) -> None:
    """Copy one state of the database, also of a server that is running; raises StorageError."""
    with _storage_errors(target):
        copy_database(data / _DATABASE, target / _DATABASE)


def keep_before_migration(database: Path) -> None:
    """Copy a database of an older version to a file beside it, before it is migrated; raises StorageError."""
    version = _version_of(database)
    target = database.with_name(f"studio-version-{version}.db")
    if 0 < version < len(migrations.STEPS) and not target.exists():
        with _storage_errors(database):
            for unfinished in target.parent.glob(f"{target.name}.*"):
                unfinished.unlink()  # The process that made it was killed.
            with atomic.atomic_path(target) as temporary:
                copy_database(database, temporary)


def _version_of(database: Path) -> int:
    """Return the version of a database, or 0 for a file that is not one, which fails when it is opened."""
    if not database.is_file() or database.stat().st_size == 0:
        return 0
    with suppress(sqlite3.DatabaseError), _reading(database) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])
    return 0


def _write_archive(data: Path, snapshot: Path, file: IO[bytes], kept: Path | None, *, with_media: bool) -> int:
    sums: dict[str, str] = {}
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        _add_text(archive, _FORMAT_MEMBER, json.dumps({"format": 2, "has_media": with_media}))
        _add_file(archive, snapshot, _DATABASE, sums)
        for name in _PRIVATE:
            if (data / name).exists():
                _add_file(archive, data / name, name, sums)
        folders = ("media", "checksums") if with_media else ()
        for path in (found for folder in folders for found in sorted((data / folder).glob("??/*"))):
            name = path.relative_to(data).as_posix()
            # A file that was removed meanwhile is left out; the next backup has neither the file nor its row.
            if _MEMBER.fullmatch(name):
                with suppress(FileNotFoundError):
                    _add_file(archive, path, name, sums, data / "checksums" / path.parent.name / path.name, kept)
        _add_text(archive, _SUMS_MEMBER, json.dumps(sums))
    return sum(1 for name in sums if name.startswith("media/"))


def _add_text(archive: tarfile.TarFile, name: str, text: str) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mtime = len(text.encode()), int(time.time())
    archive.addfile(member, io.BytesIO(text.encode()))


def _add_file(
    archive: tarfile.TarFile,
    path: Path,
    name: str,
    sums: dict[str, str],
    checksums: Path | None = None,
    kept: Path | None = None,
) -> None:
    """Add a file, or keep it in a folder; raises StorageError for a media file that is not as it arrived."""
    is_media = name.startswith("media/")
    pieces = media_checksums.read_pieces(checksums) if checksums is not None and is_media else []
    check = media_checksums.PieceCheck(pieces)
    with path.open("rb") as file:
        hashing = _HashingReader(file, check.update if pieces else None)
        if is_media and kept is not None:
            _extract(hashing, 0, None)
        else:
            archive.addfile(archive.gettarinfo(arcname=name, fileobj=file), hashing)
    # An upload may have replaced the file, and its checksums, while it was read.
    if pieces and not check.is_intact and checksums is not None and media_checksums.read_pieces(checksums) == pieces:
        raise StorageError(
            f"The media file {path} is not as it arrived, and no backup of it is kept. "
            "Put it back from an older backup, then back up again."
        )
    sums[name] = hashing.digest.hexdigest()
    if is_media and kept is not None:
        _keep(path, kept / sums[name])


def _keep(path: Path, target: Path) -> None:
    """Copy a media file to the name of its SHA-256, unless it is there intact; raises StorageError."""
    if target.is_file() and _read_kept(target, None) == target.name:
        return
    target.parent.mkdir(mode=0o700, exist_ok=True)
    with atomic.atomic_path(target) as temporary, path.open("rb") as file:
        _extract(_HashingReader(file), path.stat().st_mtime, temporary)
        if _read_kept(temporary, None) != target.name:
            raise StorageError(f"The copy of {path} in {target.parent} differs. Check the disk of the backups.")


def _read_kept(kept: Path, target: Path | None) -> str:
    """Copy a kept file to the target, if there is one, and return its SHA-256."""
    with kept.open("rb") as file:
        content = _HashingReader(file)
        _extract(content, kept.stat().st_mtime, target)
    return content.digest.hexdigest()


class _HashingReader(io.RawIOBase):
    """A file whose SHA-256 is computed while it is read."""

    def __init__(self, file: IO[bytes], on_block: Callable[[bytes], None] | None = None) -> None:
        super().__init__()
        self._file, self._on_block, self.digest = file, on_block, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        block = self._file.read(size)
        self.digest.update(block)
        if self._on_block is not None:
            self._on_block(block)
        return block


def _read_archive(source: Path, target_of: Callable[[str], Path | None], *, with_kept: bool = True) -> int:
    """Read a backup, compare checksums and write members to ``target_of(name)``; return the number of media files.

    ``with_kept`` reads the media that is kept beside an incremental backup, too.
    """
    sums, expected = {}, None
    with tarfile.open(source, "r:") as archive:
        for member in archive:
            # The names come from a file of unknown origin.
            if not member.isreg() or not _MEMBER.fullmatch(member.name):
                raise StorageError(f"{source} is not a backup of a studio: it contains '{member.name[:80]}'.")
            content = _HashingReader(archive.extractfile(member) or io.BytesIO())
            if member.name == _FORMAT_MEMBER:
                folder = target_of("media")
                # A complete backup may have no media.
                with suppress(ValueError, AttributeError):
                    if folder is not None and json.loads(content.read()).get("has_media"):
                        folder.mkdir(exist_ok=True)
            elif member.name == _SUMS_MEMBER:
                expected = _read_sums(source, content.read())
            else:
                _extract(content, member.mtime, target_of(member.name))
                sums[member.name] = content.digest.hexdigest()
    if expected is None:
        raise StorageError(f"{source} is damaged: it is incomplete. Use an older backup.")
    others = {name: digest for name, digest in expected.items() if name not in sums}
    sums.update(_read_others(others, source.with_name(_KEPT), target_of) if with_kept else others)
    if damaged := [name for name in {**sums, **expected} if sums.get(name) != expected.get(name)]:
        raise StorageError(
            f"{source} is damaged: {len(damaged)} of its files are damaged or missing. Use an older backup."
        )
    return sum(1 for name in sums if name.startswith("media/"))


def _read_others(
    others: Mapping[str, str], kept: Path, target_of: Callable[[str], Path | None]
) -> Iterator[tuple[str, str]]:
    """Copy the kept media files among these, and yield the name and SHA-256 of each."""
    for name, digest in others.items():
        path = kept / Path(digest).name
        if name.startswith("media/") and _MEMBER.fullmatch(name) and path.is_file():
            yield name, _read_kept(path, target_of(name))


def _read_sums(source: Path, text: bytes) -> dict[str, str]:
    try:
        return {str(name): str(digest) for name, digest in json.loads(text).items()}
    except (ValueError, AttributeError) as error:
        raise StorageError(f"{source} is damaged: its checksums cannot be read. Use an older backup.") from error


def _extract(content: _HashingReader, modified_at: float, target: Path | None) -> None:
    if target is None:
        while content.read(1 << 20):
            pass
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic.new_file(target, is_private=True) as file:
        while block := content.read(1 << 20):
            file.write(block)
    os.utime(target, (modified_at, modified_at))


def _check_integrity(database: Path, source: Path) -> None:
    if not database.is_file():
        raise StorageError(f"{source} is not a backup of a studio: it contains no database.")
    if damage := find_damage(database):
        raise StorageError(f"The database in {source} is damaged: {damage}. Use an older backup.")


@contextmanager
def _storage_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, sqlite3.DatabaseError, EOFError) as error:
        if isinstance(error, sqlite3.OperationalError) and "full" in str(error):
            raise StorageError(f"There is no space for {path}. Free some space on its disk.") from error
        raise StorageError(f"The database or its backup cannot be read: {error}. Use another one.") from error
    except OSError as error:
        raise StorageError(f"{path} cannot be written or read: {error.strerror}. Check the disk.") from error


def find_damage(database: Path) -> str:
    """Return what is wrong with the pages, indexes and keys of a database, "" for nothing; it may be in use."""
    try:
        with _reading(database) as connection:
            for check in ("quick_check", "integrity_check"):
                found = [str(row[0]) for row in connection.execute(f"PRAGMA {check}({_MAX_MESSAGES})")]
                if found != ["ok"]:
                    return " ".join("; ".join(found).split())
            orphans = {str(row[0]) for row in connection.execute("PRAGMA foreign_key_check")}
    except sqlite3.DatabaseError as error:
        return str(error)
    return f"rows of {', '.join(sorted(orphans))} refer to rows that are missing" if orphans else ""


def read_problems(data: Path) -> dict[str, list[str]]:
    """Return the problems of a data folder by their source: "backup", "database" or "media"."""
    try:
        found = json_object((data / _HEALTH_FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(source): [str(text) for text in texts] for source, texts in found.items() if isinstance(texts, list)}


def write_problems(data: Path, problems: Mapping[str, Iterable[str]]) -> None:
    """Replace the problems of these sources; they are kept across restarts until a later check finds none."""
    known = read_problems(data)
    found = {**known, **{source: list(texts) for source, texts in problems.items()}}
    updated = {source: texts for source, texts in found.items() if texts}
    if updated != known:
        # A full disk is a problem that /health shows without this file.
        with suppress(OSError):
            atomic.write_atomically(data / _HEALTH_FILE, json.dumps(updated).encode(), is_private=True)
