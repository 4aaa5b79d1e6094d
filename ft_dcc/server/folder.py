"""The studio's data folder: one server at a time, and two files that nobody else may read.

studio.db         everything but media
media/            the bytes of components, by names of our own
parts/ incoming/  uploads that are not whole yet
secret            signs addresses and review links
credentials.env   how to reach the server as its first user
server.lock       held while a server works here
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
from filelock import FileLock, Timeout

from ft_dcc.errors import DiskUnusable, StudioInUse
from ft_dcc.server.network_disk import network_filesystem

_SECRET_BYTES = 32


@attrs.frozen
class Credentials:
    """How to reach the server as one user."""

    server_url: str
    api_user: str
    api_key: str = attrs.field(repr=False)

    def as_environment(self) -> str:
        """Return three lines for an env file."""
        return f"FTRACK_SERVER={self.server_url}\nFTRACK_API_USER={self.api_user}\nFTRACK_API_KEY={self.api_key}\n"

    @classmethod
    def from_environment(cls, text: str) -> Credentials:
        """Return what :meth:`as_environment` wrote; raises DiskUnusable when a line is missing."""
        values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        try:
            return cls(values["FTRACK_SERVER"], values["FTRACK_API_USER"], values["FTRACK_API_KEY"])
        except KeyError as error:
            raise DiskUnusable("credentials.env is damaged. Delete it: the next start writes a new one.") from error


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """The folder exists, can be written, and no other server works in it inside; raises DiskUnusable."""
    if kind := network_filesystem(folder):
        raise DiskUnusable(
            f"{folder} lies on a network disk ({kind}), where a database can be damaged. Name a folder of this machine."
        )
    lock = FileLock(folder / "server.lock", timeout=0)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise StudioInUse(f"Another server works on {folder}. Use or stop that one, or name another folder.") from error
    except OSError as error:
        raise DiskUnusable(f"{folder} cannot hold a studio: {error.strerror}. Name a folder that is yours.") from error
    try:
        yield
    finally:
        lock.release()


def secret_of(folder: Path) -> bytes:
    """Return the studio's secret; the first call makes it."""
    path = folder / "secret"
    if not path.exists():
        write_private(path, secrets.token_bytes(_SECRET_BYTES))
    secret = path.read_bytes()
    if len(secret) != _SECRET_BYTES:
        raise DiskUnusable(f"{path} is damaged. Restore it from a backup; without it, review links change.")
    return secret


def write_private(path: Path, content: bytes) -> None:
    """The file has this content, whole or not at all, and only its owner can read it."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise DiskUnusable(f"{path} cannot be written: {error.strerror}. Free some space there.") from error
