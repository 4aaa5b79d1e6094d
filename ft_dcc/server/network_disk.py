"""Whether a folder lies on another machine, where SQLite's write-ahead log does not work."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from pathlib import Path

# https://sqlite.org/wal.html: all processes must be on one host, because the index of the log is shared memory.
_REMOTE = re.compile(
    r"nfs\d?|cifs|smb\d?|smbfs|afpfs|afs|9p|ceph|glusterfs|lustre|beegfs|gpfs|webdav|davfs|"
    r"fuse\.(sshfs|s3fs|rclone|glusterfs|ceph|davfs2|gcsfuse|nfs.*|smb.*)"
)
_MOUNT_LINE = re.compile(r".+? on (?P<place>.+) \((?P<kind>[\w.]+)(, .*)?\)")
_OCTAL = re.compile(r"\\(\d{3})")
_DRIVE_REMOTE = 4


def network_filesystem(folder: Path) -> str | None:
    """Return the kind of network file system that the folder lies on, or None on a disk of this machine."""
    place = folder.resolve()
    if os.name == "nt":
        return "network drive" if _is_windows_share(place) else None
    mounts = _read_mounts()
    # The innermost mount that holds the folder; of two in one place, the later one lies above.
    kind = max(
        ((len(Path(where).parts), number, kind) for number, (where, kind) in enumerate(mounts) if _holds(where, place)),
        default=(0, 0, ""),
    )[2]
    return kind if _REMOTE.fullmatch(kind) else None


def _holds(where: str, place: Path) -> bool:
    return Path(where) == place or Path(where) in place.parents


def _read_mounts() -> list[tuple[str, str]]:
    """Return the place and kind of every mounted file system; nothing where the system does not tell."""
    try:
        if platform.system() == "Linux":
            lines = Path("/proc/self/mounts").read_text("utf-8", errors="surrogateescape").splitlines()
            return [parse_linux_mount(line) for line in lines]
        found = subprocess.run(["/sbin/mount"], capture_output=True, encoding="utf-8", check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return []
    return [mount for line in found.stdout.splitlines() if (mount := parse_bsd_mount(line)) is not None]


def parse_linux_mount(line: str) -> tuple[str, str]:
    """Return place and kind from a line of ``/proc/self/mounts``, where blanks are written in octal."""
    _, where, kind, *_ = line.split(" ")
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), where), kind


def parse_bsd_mount(line: str) -> tuple[str, str] | None:
    """Return place and kind from a line of macOS's ``mount``."""
    found = _MOUNT_LINE.fullmatch(line)
    return None if found is None else (found["place"], found["kind"])


def _is_windows_share(place: Path) -> bool:
    if place.drive.startswith("\\\\"):
        return True
    import ctypes

    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]  # it is Windows' own
    return bool(kernel.GetDriveTypeW(place.anchor) == _DRIVE_REMOTE)
