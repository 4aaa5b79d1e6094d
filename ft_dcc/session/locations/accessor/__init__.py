"""Accessors: how the files of a location are read, written and copied.

The package knows nothing of components and locations.
"""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from pathlib import Path
from typing import IO, Any, Protocol, runtime_checkable

from ft_dcc.errors import AccessorError, AccessorUnsupportedOperationError

_BLOCK_SIZE = 1024 * 1024


class Accessor(ABC):
    """A storage such as a disk or a server. Only the accessor interprets resource identifiers."""

    @abstractmethod
    def list(self, resource_identifier: str) -> list[str]:
        """Return the identifiers of a folder's entries."""

    @abstractmethod
    def exists(self, resource_identifier: str) -> bool:
        """Return whether the resource exists."""

    @abstractmethod
    def is_file(self, resource_identifier: str) -> bool:
        """Return whether the resource is a file."""

    @abstractmethod
    def is_container(self, resource_identifier: str) -> bool:
        """Return whether the resource is a folder."""

    @abstractmethod
    def is_sequence(self, resource_identifier: str) -> bool:
        """Return whether the identifier stands for a sequence of files."""

    @abstractmethod
    def open(self, resource_identifier: str, mode: str = "rb") -> IO[Any]:
        """Return a file object; written data is stored when it is closed."""

    @abstractmethod
    def remove(self, resource_identifier: str) -> None:
        """Remove the resource."""

    @abstractmethod
    def make_container(self, resource_identifier: str, recursive: bool = True) -> None:
        """Create the folder if it does not exist."""

    @abstractmethod
    def get_container(self, resource_identifier: str) -> str | None:
        """Return the identifier of the resource's folder, or None if the storage has no folders."""

    def remove_container(self, resource_identifier: str) -> None:
        """Remove the folder."""
        self.remove(resource_identifier)

    def get_filesystem_path(self, resource_identifier: str) -> str:
        """Return the path on this machine; raises AccessorUnsupportedOperationError if there is none."""
        raise AccessorUnsupportedOperationError(f"{resource_identifier} has no path on this machine.")

    def get_url(self, resource_identifier: str) -> str:
        """Return the address; raises AccessorUnsupportedOperationError if there is none."""
        raise AccessorUnsupportedOperationError(f"{resource_identifier} has no address.")


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


__all__ = ["Accessor", "disk", "server"]


def __getattr__(name: str) -> Any:
    if name in ("disk", "server"):
        import importlib

        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
