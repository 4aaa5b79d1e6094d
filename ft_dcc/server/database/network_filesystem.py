"""Detect folders on network file systems, where SQLite's write-ahead log does not work."""

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
_MOUNT_LINE = re.compile(r".+? on (?P<path>.+) \((?P<kind>[\w.]+)(, .*)?\)")
_OCTAL = re.compile(r"\\(\d{3})")
_DRIVE_REMOTE = 4


def network_filesystem_type(folder: Path) -> str | None:
    """Return the type of the network file system that the folder is on, or None on a local disk."""
    path = folder.resolve()
    if os.name == "nt":
        return "network drive" if _is_windows_share(path) else None
    mounts = _read_mounts()
    # The innermost mount that contains the folder; of two with one path, the later one hides the other.
    kind = max(
        (
            (len(Path(where).parts), number, kind)
            for number, (where, kind) in enumerate(mounts)
            if _contains(where, path)
        ),
        default=(0, 0, ""),
    )[2]
    return kind if _REMOTE.fullmatch(kind) else None


def _contains(mount: str, path: Path) -> bool:
    return Path(mount) == path or Path(mount) in path.parents


def _read_mounts() -> list[tuple[str, str]]:
    """Return path and type of every mounted file system; an empty list where the system does not report them."""
    try:
        if platform.system() == "Linux":
            lines = Path("/proc/self/mounts").read_text("utf-8", errors="surrogateescape").splitlines()
            return [parse_linux_mount(line) for line in lines]
        found = subprocess.run(["/sbin/mount"], capture_output=True, encoding="utf-8", check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
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


def _is_windows_share(path: Path) -> bool:
    if path.drive.startswith("\\\\"):
        return True
    import ctypes

    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]  # exists on Windows only
    return bool(kernel.GetDriveTypeW(path.anchor) == _DRIVE_REMOTE)
