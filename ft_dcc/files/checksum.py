"""The checksum and the revision that versions store of their files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

_BLOCK_SIZE = 1 << 20


def sha256_of(path: Path, on_block: Callable[[], object] = lambda: None) -> str:
    """Return the SHA-256 in hexadecimal digits; ``on_block``, before each megabyte, may raise. Raises OSError."""
    checksum = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_SIZE):
            on_block()
            checksum.update(block)
    return checksum.hexdigest()


def revision_of(path: Path, on_block: Callable[[], object] = lambda: None) -> dict[str, str]:
    """Return "sha256" and "modified", an ISO 8601 time in UTC, of a file; raises as ``sha256_of``."""
    modified = datetime.fromtimestamp(path.stat().st_mtime, timezone.utc)
    return {"sha256": sha256_of(path, on_block), "modified": modified.isoformat(timespec="seconds")}
