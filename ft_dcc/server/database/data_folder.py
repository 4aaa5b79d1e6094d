"""The data folder: locked by one server at a time, with two private files.

studio.db         everything but media
media/            the bytes of components
parts/ incoming/  incomplete uploads
secret            signs URLs and review links
credentials.env   URL of the server, name and key of its first user
server.lock       held while a server works here
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
from filelock import FileLock, Timeout

from ft_dcc.errors import StorageError, StudioInUse
from ft_dcc.files.atomic import write_atomically
from ft_dcc.server.database.network_filesystem import network_filesystem_type

_SECRET_BYTES = 32


@attrs.frozen
class Credentials:
    """The URL of a server, and the name and key of one user."""

    server_url: str
    api_user: str
    api_key: str = attrs.field(repr=False)

    def as_environment(self) -> str:
        """Return three lines for an env file."""
        return f"FTRACK_SERVER={self.server_url}\nFTRACK_API_USER={self.api_user}\nFTRACK_API_KEY={self.api_key}\n"

    @classmethod
    def read(cls, path: Path) -> Credentials | None:
        """Return the credentials in a file, or None without one; raises StorageError for any other content."""
        try:
            return cls.from_environment(path.read_text("utf-8"))
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as error:
            raise StorageError(f"{path} is damaged. Delete it: the next start writes a new one.") from error
        except OSError as error:
            raise StorageError(f"{path} cannot be read: {error.strerror}. Check its owner.") from error

    @classmethod
    def from_environment(cls, text: str) -> Credentials:
        """Parse the lines of :meth:`as_environment`; raises StorageError when one is missing."""
        values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        try:
            return cls(values["FTRACK_SERVER"], values["FTRACK_API_USER"], values["FTRACK_API_KEY"])
        except KeyError as error:
            raise StorageError("credentials.env is damaged. Delete it: the next start writes a new one.") from error


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Create the folder if needed, and keep other servers out of it during the block.

    Raises StorageError when it cannot be used, and StudioInUse.
    """
    if kind := network_filesystem_type(folder):
        raise StorageError(
            f"{folder} lies on a network disk ({kind}), where a database can be damaged. Name a folder of this machine."
        )
    lock = FileLock(folder / "server.lock", timeout=0)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise StudioInUse(f"Another server works on {folder}. Use or stop that one, or name another folder.") from error
    except OSError as error:
        raise StorageError(f"{folder} cannot hold a studio: {error.strerror}. Name a folder that is yours.") from error
    try:
        yield
    finally:
        lock.release()


def check_complete(folder: Path) -> None:
    """Raise StorageError if a data folder has only some of its parts: a new studio must not hide a lost one."""
    has_database = (folder / "studio.db").is_file()
    others = ["credentials.env"] if (folder / "credentials.env").exists() else []
    others += ["media"] if any((folder / "media").glob("??/*")) else []
    if not has_database and others:
        raise StorageError(
            f"{folder} has {' and '.join(others)}, but no studio.db. Restore the database from a backup, or name an "
            "empty folder for a new studio."
        )
    if has_database and others and not (folder / "secret").is_file():
        raise StorageError(
            f"{folder} has no file 'secret', which signs review links. Restore it from a backup. Without one, write 32 "
            "random bytes to it: all review links change."
        )


def load_secret(folder: Path) -> bytes:
    """Return the secret of a data folder; the first call generates it."""
    path = folder / "secret"
    if not path.exists():
        write_private(path, secrets.token_bytes(_SECRET_BYTES))
    secret = path.read_bytes()
    if len(secret) != _SECRET_BYTES:
        raise StorageError(f"{path} is damaged. Restore it from a backup; without it, review links change.")
    return secret


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, all of it or nothing; raises StorageError."""
    try:
        write_atomically(path, content, is_private=True)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}. Free some space there.") from error
