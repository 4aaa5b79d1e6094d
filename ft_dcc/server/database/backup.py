"""Back up a data folder to one file while the server runs, and restore it.

The file is a tar with one state of the database, the secret, the credentials and all media that the database refers
to. Media is written before its row and never changed, so that the database is copied first. The first member names the
format, the last one has the SHA-256 of all others; backups of the first release have neither.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import secrets
import shutil
import sqlite3
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO

from ft_dcc.errors import DatabaseDamaged, StorageError
from ft_dcc.files.atomic import atomic_path, new_file, sync_folder
from ft_dcc.server.database.integrity import find_damage
from ft_dcc.server.database.migrations import STEPS

_DATABASE = "studio.db"
_PRIVATE = ("secret", "credentials.env", "schema.json")
_FORMAT_MEMBER, _SUMS_MEMBER = "backup.json", "sha256.json"
_MEMBER = re.compile(
    r"backup\.json|sha256\.json|studio\.db|secret|credentials\.env|schema\.json|"
    r"(?:media|checksums)/[0-9a-f]{2}/[0-9a-f]{62}"
)


def back_up(data: Path, target: Path, *, with_media: bool = True) -> int:
    """Write a backup of the data folder to the target file, and return the number of media files in it.

    A server may be running. A backup without media needs the folder ``media`` of the original when it is restored. The
    backup is read again and checked before it gets its name. Raises StorageError, also for a database that is damaged,
    and then the target is unchanged.
    """
    if not (data / _DATABASE).is_file():
        raise StorageError(f"There is no studio in {data}. Name the folder that its server was started with.")
    with _storage_errors(target), tempfile.TemporaryDirectory(prefix="snapshot-", dir=target.parent) as folder:
        snapshot = Path(folder) / _DATABASE
        copy_database(data / _DATABASE, snapshot)
        if damage := find_damage(snapshot):
            raise DatabaseDamaged(
                f"The database of {data} is damaged, and no backup of it is kept: {damage}. "
                "Stop the server and restore the newest backup to a new folder."
            )
        with atomic_path(target) as temporary:
            with new_file(temporary, is_private=True) as file:
                count = _write_archive(data, snapshot, file, with_media=with_media)
            verify_backup(temporary)
        return count


def verify_backup(source: Path) -> int:
    """Read a whole backup and return the number of its media files; raises StorageError when it cannot be restored."""
    with _storage_errors(source), tempfile.TemporaryDirectory(prefix="snapshot-", dir=source.parent) as folder:
        count = _read_archive(source, lambda name: Path(folder) / name if name == _DATABASE else None)
        _check_integrity(Path(folder) / _DATABASE, source)
    return count


def restore(source: Path, data: Path) -> int:
    """Restore a backup to an empty data folder, and return the number of media files.

    Raises StorageError when the folder is not empty, or the file is damaged or not a backup; then nothing is changed.
    """
    if data.exists() and any(data.iterdir()):
        raise StorageError(f"{data} is not empty, and restoring overwrites nothing. Name a new folder.")
    temporary = data.with_name(f"{data.name}.{secrets.token_hex(4)}")
    with _storage_errors(temporary):
        temporary.mkdir(mode=0o700, parents=True)
        try:
            count = _read_archive(source, lambda name: temporary / name)
            _check_integrity(temporary / _DATABASE, source)
            for folder in (temporary, *(path for path in temporary.rglob("*") if path.is_dir())):
                sync_folder(folder)
            if data.exists():
                data.rmdir()
            temporary.rename(data)
            sync_folder(data.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return count


def copy_database(source: Path, target: Path) -> None:
    """Copy one state of a database that another process may be writing to."""
    # Read-only, because two connections that checkpoint at once can damage the file in older SQLites.
    uri = f"{source.resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as original, closing(sqlite3.connect(target)) as copy:
        original.backup(copy)


def copy_studio(data: Path, target: Path) -> None:
    """Copy one state of the database, and its schema, to the target folder; a server may be running.

    Raises StorageError.
    """
    with _storage_errors(target):
        copy_database(data / _DATABASE, target / _DATABASE)
        if (data / "schema.json").exists():
            shutil.copyfile(data / "schema.json", target / "schema.json")


def keep_before_migration(database: Path, *, is_forced: bool = False) -> None:
    """Copy a database of an older version to a file beside it, before it is migrated.

    ``is_forced`` copies one of the newest version, too, because its schema is about to change. Raises StorageError.
    """
    version = _version_of(database)
    target = database.with_name(f"studio-version-{version}.db")
    if is_forced and version:
        target = database.with_name(f"studio-before-{time.strftime('%Y%m%dT%H%M%S')}.db")
    if (is_forced or version < len(STEPS)) and version > 0 and not target.exists():
        with _storage_errors(database):
            for unfinished in target.parent.glob(f"{target.name}.*"):
                unfinished.unlink()  # The process that made it was killed.
            with atomic_path(target) as temporary:
                copy_database(database, temporary)


def _version_of(database: Path) -> int:
    """Return the version of a database, or 0 for a file that is not one, which fails when it is opened."""
    if not database.is_file() or database.stat().st_size == 0:
        return 0
    uri = f"{database.resolve().as_uri()}?mode=ro"
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(uri, uri=True)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])
    return 0


def _write_archive(data: Path, snapshot: Path, file: IO[bytes], *, with_media: bool) -> int:
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
                    _add_file(archive, path, name, sums)
        _add_text(archive, _SUMS_MEMBER, json.dumps(sums))
    return sum(1 for name in sums if name.startswith("media/"))


def _add_text(archive: tarfile.TarFile, name: str, text: str) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mtime = len(text.encode()), int(time.time())
    archive.addfile(member, io.BytesIO(text.encode()))


def _add_file(archive: tarfile.TarFile, path: Path, name: str, sums: dict[str, str]) -> None:
    with path.open("rb") as file:
        hashing = _HashingReader(file)
        archive.addfile(archive.gettarinfo(arcname=name, fileobj=file), hashing)
    sums[name] = hashing.digest.hexdigest()


class _HashingReader(io.RawIOBase):
    """A file whose SHA-256 is computed while it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file, self.digest = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        block = self._file.read(size)
        self.digest.update(block)
        return block


def _read_archive(source: Path, target_of: Callable[[str], Path | None]) -> int:
    """Read all of a backup and compare its checksums; return the number of media files.

    Members are written to the path that ``target_of`` returns for their name, if any.
    """
    sums, expected, is_checked = {}, None, False
    with tarfile.open(source, "r:") as archive:
        for member in archive:
            # The names come from a file of unknown origin.
            if not member.isreg() or not _MEMBER.fullmatch(member.name):
                raise StorageError(f"{source} is not a backup of a studio: it contains '{member.name[:80]}'.")
            content = _HashingReader(archive.extractfile(member) or io.BytesIO())
            if member.name == _FORMAT_MEMBER:
                is_checked = True
                _prepare_media(content.read(), target_of("media"))
            elif member.name == _SUMS_MEMBER:
                expected = _parse_sums(content.read(), source)
            else:
                _extract(content, member, target_of(member.name))
                sums[member.name] = content.digest.hexdigest()
    damaged = [name for name in {**sums, **(expected or {})} if sums.get(name) != (expected or {}).get(name)]
    if (is_checked or expected is not None) and (expected is None or damaged):
        what = f"{len(damaged)} of its files are damaged" if expected else "it is incomplete"
        raise StorageError(f"{source} is damaged: {what}. Use an older backup.")
    return sum(1 for name in sums if name.startswith("media/"))


def _prepare_media(text: bytes, folder: Path | None) -> None:
    """Create the folder of the media of a complete backup, which may have none."""
    with suppress(ValueError, AttributeError):
        if folder is not None and json.loads(text).get("has_media"):
            folder.mkdir(exist_ok=True)


def _parse_sums(text: bytes, source: Path) -> dict[str, str]:
    try:
        return {str(name): str(digest) for name, digest in json.loads(text).items()}
    except (ValueError, AttributeError) as error:
        raise StorageError(f"{source} is damaged: its checksums cannot be read. Use an older backup.") from error


def _extract(content: _HashingReader, member: tarfile.TarInfo, target: Path | None) -> None:
    if target is None:
        while content.read(1 << 20):
            pass
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with new_file(target, is_private=True) as file:
        while block := content.read(1 << 20):
            file.write(block)
    os.utime(target, (member.mtime, member.mtime))


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
