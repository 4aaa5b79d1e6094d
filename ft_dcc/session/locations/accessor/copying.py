"""Copy a file from one storage to another."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Protocol, runtime_checkable

from ft_dcc.errors import AccessorError
from ft_dcc.session.locations.accessor import Accessor

_BLOCK_SIZE = 1024 * 1024


@runtime_checkable
class SupportsFileTransfer(Protocol):
    """An accessor that transfers whole files, with retries and checksums."""

    def upload(self, resource_identifier: str, path: Path) -> None:
        """Store the file."""

    def download(self, resource_identifier: str, path: Path) -> None:
        """Write the resource to the file."""


def copy(source: Accessor, source_identifier: str, target: Accessor, target_identifier: str) -> None:
    """Copy a resource; a partial copy is removed after a failure."""
    if isinstance(target, SupportsFileTransfer) and (path := _path(source, source_identifier)) is not None:
        target.upload(target_identifier, path)
    elif isinstance(source, SupportsFileTransfer) and (path := _path(target, target_identifier)) is not None:
        source.download(source_identifier, path)
    else:
        _stream(source, source_identifier, target, target_identifier)


def _stream(source: Accessor, source_identifier: str, target: Accessor, target_identifier: str) -> None:
    with source.open(source_identifier, "rb") as reading:
        try:
            with target.open(target_identifier, "wb") as writing:
                shutil.copyfileobj(reading, writing, _BLOCK_SIZE)
        except BaseException:
            if target.exists(target_identifier):
                target.remove(target_identifier)
            raise


def _path(accessor: Accessor, identifier: str) -> Path | None:
    try:
        return Path(accessor.get_filesystem_path(identifier))
    except AccessorError:
        return None
