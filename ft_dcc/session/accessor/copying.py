"""A file goes from one storage to another, whole or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Protocol, runtime_checkable

from ft_dcc.errors import AccessorError
from ft_dcc.session.accessor import Accessor

_BLOCK = 1024 * 1024


@runtime_checkable
class Remote(Protocol):
    """An accessor that takes and gives whole files: it retries, and checks what arrived."""

    def upload(self, resource_identifier: str, path: Path) -> None:
        """What the file holds is stored."""

    def download(self, resource_identifier: str, path: Path) -> None:
        """The file holds what is stored."""


def copy(source: Accessor, source_identifier: str, target: Accessor, target_identifier: str) -> None:
    """The target has the bytes of the source; nothing is left of them when it fails."""
    if isinstance(target, Remote) and (path := _path(source, source_identifier)) is not None:
        target.upload(target_identifier, path)
    elif isinstance(source, Remote) and (path := _path(target, target_identifier)) is not None:
        source.download(source_identifier, path)
    else:
        _stream(source, source_identifier, target, target_identifier)


def _stream(source: Accessor, source_identifier: str, target: Accessor, target_identifier: str) -> None:
    with source.open(source_identifier, "rb") as reading:
        try:
            with target.open(target_identifier, "wb") as writing:
                shutil.copyfileobj(reading, writing, _BLOCK)
        except BaseException:
            if target.exists(target_identifier):
                target.remove(target_identifier)
            raise


def _path(accessor: Accessor, identifier: str) -> Path | None:
    try:
        return Path(accessor.get_filesystem_path(identifier))
    except AccessorError:
        return None
