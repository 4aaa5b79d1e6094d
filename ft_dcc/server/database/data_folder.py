"""The data folder: locked by one server at a time, with two private files.

studio.db         everything but media
media/            the bytes of components
parts/ incoming/  incomplete uploads
secret            signs URLs and review links
credentials.env   URL of the server, name and key of its first user
server.lock       held while a server works here
"""

from __future__ import annotations

import os
import platform
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
from filelock import FileLock, Timeout

from ft_dcc.errors import StorageError, StudioInUse
from ft_dcc.files.atomic import write_atomically
from ft_dcc.system import child_process

_SECRET_BYTES = 32
# https://sqlite.org/wal.html: all processes must be on one host, because the index of the log is shared memory.
_REMOTE = re.compile(
    r"nfs\d?|cifs|smb\d?|smbfs|afpfs|afs|9p|ceph|glusterfs|lustre|beegfs|gpfs|webdav|davfs|"
    r"fuse\.(sshfs|s3fs|rclone|glusterfs|ceph|davfs2|gcsfuse|nfs.*|smb.*)"
)
_MOUNT_LINE = re.compile(r".+? on (?P<path>.+) \((?P<kind>[\w.]+)(, .*)?\)")
_OCTAL = re.compile(r"\\(\d{3})")
_DRIVE_REMOTE = 4


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
            values = dict(line.split("=", 1) for line in path.read_text("utf-8").splitlines() if "=" in line)
            return cls(values["FTRACK_SERVER"], values["FTRACK_API_USER"], values["FTRACK_API_KEY"])
        except FileNotFoundError:
            return None
        except (UnicodeDecodeError, KeyError) as error:
            raise StorageError(f"{path} is damaged. Delete it: the next start writes a new one.") from error
        except OSError as error:
            raise StorageError(f"{path} cannot be read: {error.strerror}. Check its owner.") from error


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Create the folder, and keep other servers out of it during the block; raises StorageError and StudioInUse."""
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


def network_filesystem_type(folder: Path) -> str | None:
    """Return the type of the network file system that the folder is on, or None on a local disk."""
    path = folder.resolve()
    if os.name == "nt":
        import ctypes

        kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]  # exists on Windows only
        is_share = path.drive.startswith("\\\\") or kernel.GetDriveTypeW(path.anchor) == _DRIVE_REMOTE
        return "network drive" if is_share else None
    mounts = [(Path(where), kind) for where, kind in _read_mounts()]
    around = [(len(where.parts), number, kind) for number, (where, kind) in enumerate(mounts)]
    containing = [each for each, (where, _) in zip(around, mounts) if where in (path, *path.parents)]
    # The innermost mount that contains the folder; of two with one path, the later one hides the other.
    kind = max(containing, default=(0, 0, ""))[2]
    return kind if _REMOTE.fullmatch(kind) else None


def _read_mounts() -> list[tuple[str, str]]:
    """Return path and type of every mounted file system; an empty list where the system does not report them."""
    try:
        if platform.system() == "Linux":
            lines = Path("/proc/self/mounts").read_text("utf-8", errors="surrogateescape").splitlines()
            return [parse_linux_mount(line) for line in lines]
        found = child_process.run(["/sbin/mount"], capture_output=True, encoding="utf-8", check=True, timeout=10)
    except (OSError, child_process.CalledProcessError, child_process.TimeoutExpired):
        return []
    return [mount for line in found.stdout.splitlines() if (mount := parse_bsd_mount(line)) is not None]


def parse_linux_mount(line: str) -> tuple[str, str]:
    """Return path and type from a line of ``/proc/self/mounts``, where blanks are written in octal."""
    _, where, kind, *_ = line.split(" ")
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), where), kind


def parse_bsd_mount(line: str) -> tuple[str, str] | None:
    """Return path and type from a line of macOS's ``mount``, or None for another line."""
    found = _MOUNT_LINE.fullmatch(line)
    return None if found is None else (found["path"], found["kind"])
