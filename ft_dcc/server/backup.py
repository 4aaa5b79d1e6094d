"""A studio as one file: made while the server runs, and made a studio again.

The file is a tar with the database (one state of it), the secret, the credentials and all media that the database
could refer to. Media is written before its row and never changed, so that the database goes first.
"""

from __future__ import annotations

import io
import os
import re
import secrets
import shutil
import sqlite3
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO

from ft_dcc.errors import DiskUnusable
from ft_dcc.server.incoming import sync_folder
from ft_dcc.server.migrations import STEPS

_DATABASE = "studio.db"
_PRIVATE = ("secret", "credentials.env", "schema.json")
_MEMBER = re.compile(r"studio\.db|secret|credentials\.env|schema\.json|media/[0-9a-f]{2}/[0-9a-f]{62}")


def back_up(data: Path, target: Path, *, with_media: bool = True) -> int:
    """The studio in the folder is in the target file, whole or not at all; returns the number of media files.

    A server may go on working there. Without media, what was restored needs the folder ``media`` of the studio.
    Raises DiskUnusable.
    """
    if not (data / _DATABASE).is_file():
        raise DiskUnusable(f"There is no studio in {data}. Name the folder that its server was started with.")
    draft = target.with_name(f"{target.name}.{secrets.token_hex(4)}")
    with _telling(target), tempfile.TemporaryDirectory(prefix="snapshot-", dir=target.parent) as place:
        snapshot = Path(place) / _DATABASE
        copy_database(data / _DATABASE, snapshot)
        try:
            with _new_private(draft) as file:
                count = _write(data, snapshot, file, with_media=with_media)
            draft.replace(target)
            sync_folder(target.parent)
        finally:
            draft.unlink(missing_ok=True)
    return count


def restore(source: Path, data: Path) -> int:
    """The folder holds the studio that is in the backup; returns the number of media files.

    Raises DiskUnusable when the folder is not empty, or the file is damaged or no backup; then nothing is changed.
    """
    if data.exists() and any(data.iterdir()):
        raise DiskUnusable(f"{data} is not empty, and restoring overwrites nothing. Name a new folder.")
    draft = data.with_name(f"{data.name}.{secrets.token_hex(4)}")
    with _telling(draft):
        draft.mkdir(mode=0o700, parents=True)
        try:
            count = _read(source, draft)
            _check(draft / _DATABASE, source)
            for folder in (draft, *(path for path in draft.rglob("*") if path.is_dir())):
                sync_folder(folder)
            if data.exists():
                data.rmdir()
            draft.rename(data)
            sync_folder(data.parent)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return count


def copy_database(source: Path, target: Path) -> None:
    """The target is a copy of one state of a database that others may be writing to."""
    # Read-only, because two connections that checkpoint at once can damage the file in older SQLites.
    address = f"{source.resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as original, closing(sqlite3.connect(target)) as copy:
        original.backup(copy)


def copy_studio(data: Path, target: Path) -> None:
    """The target folder has one state of the studio's entities, without media and secrets; a server may go on."""
    with _telling(target):
        copy_database(data / _DATABASE, target / _DATABASE)
        if (data / "schema.json").exists():
            shutil.copyfile(data / "schema.json", target / "schema.json")


def keep_before_migration(database: Path, *, is_forced: bool = False) -> None:
    """A database of an older version, or of another schema, has a copy beside it, made before anything changes it."""
    version = _version_of(database)
    target = database.with_name(f"studio-version-{version}.db")
    if is_forced and version:
        target = database.with_name(f"studio-before-{time.strftime('%Y%m%dT%H%M%S')}.db")
    if (is_forced or version < len(STEPS)) and version > 0 and not target.exists():
        draft = target.with_name(f"{target.name}.{secrets.token_hex(4)}")
        with _telling(database):
            for unfinished in target.parent.glob(f"{target.name}.*"):
                unfinished.unlink()  # Whoever made it was killed.
            copy_database(database, draft)
            draft.replace(target)
            sync_folder(target.parent)


def _version_of(database: Path) -> int:
    """Return the version, or 0 for a file that is no database: whoever opens it says so."""
    if not database.is_file() or database.stat().st_size == 0:
        return 0
    address = f"{database.resolve().as_uri()}?mode=ro"
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(address, uri=True)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])
    return 0


def _write(data: Path, snapshot: Path, file: IO[bytes], *, with_media: bool) -> int:
    count = 0
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.add(snapshot, _DATABASE)
        for name in _PRIVATE:
            if (data / name).exists():
                archive.add(data / name, name)
        for path in sorted((data / "media").glob("??/*")) if with_media else ():
            try:
                archive.add(path, path.relative_to(data).as_posix())
            except FileNotFoundError:
                continue  # It was removed since; the database of the next backup knows.
            count += 1
    return count


def _read(source: Path, folder: Path) -> int:
    count = 0
    with tarfile.open(source, "r:") as archive:
        for member in archive:
            # The names come from a file that anybody could have made.
            if not member.isreg() or not _MEMBER.fullmatch(member.name):
                raise DiskUnusable(f"{source} is no backup of a studio: it has '{member.name[:80]}' in it.")
            target = folder / member.name
            target.parent.mkdir(parents=True, exist_ok=True)
            with _new_private(target) as file:
                shutil.copyfileobj(archive.extractfile(member) or io.BytesIO(), file, 1 << 20)
            os.utime(target, (member.mtime, member.mtime))
            count += member.name.startswith("media/")
    return count


def _check(database: Path, source: Path) -> None:
    if not database.is_file():
        raise DiskUnusable(f"{source} is no backup of a studio: there is no database in it.")
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute("PRAGMA integrity_check").fetchone()[0]
    if found != "ok":
        raise DiskUnusable(f"The database in {source} is damaged: {found}. Take an older backup.")


@contextmanager
def _new_private(path: Path) -> Iterator[IO[bytes]]:
    """A new file that only its owner can read, because the keys of a studio are in it; on disk afterwards."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _telling(place: Path) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, sqlite3.DatabaseError, EOFError) as error:
        if isinstance(error, sqlite3.OperationalError) and "full" in str(error):
            raise DiskUnusable(f"There is no room for {place}. Free some space on its disk.") from error
        raise DiskUnusable(f"The database or its backup cannot be read: {error}. Take another one.") from error
    except OSError as error:
        raise DiskUnusable(f"{place} cannot be written or read: {error.strerror}. Check the disk.") from error
