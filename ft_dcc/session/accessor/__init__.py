"""What reads and writes the files of a location."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import IO, Any

from ft_dcc.errors import AccessorUnsupportedOperationError


class Accessor(ABC):
    """A storage: a disk, a server. Identifiers are texts that only the storage understands."""

    @abstractmethod
    def list(self, resource_identifier: str) -> list[str]:
        """Return the identifiers of what a folder holds."""

    @abstractmethod
    def exists(self, resource_identifier: str) -> bool:
        """Whether something is stored there."""

    @abstractmethod
    def is_file(self, resource_identifier: str) -> bool:
        """Whether a file is stored there."""

    @abstractmethod
    def is_container(self, resource_identifier: str) -> bool:
        """Whether a folder is there."""

    @abstractmethod
    def is_sequence(self, resource_identifier: str) -> bool:
        """Whether the identifier stands for many files."""

    @abstractmethod
    def open(self, resource_identifier: str, mode: str = "rb") -> IO[Any]:
        """Return a file object; what is written is stored when it is closed."""

    @abstractmethod
    def remove(self, resource_identifier: str) -> None:
        """Nothing is stored there any more."""

    @abstractmethod
    def make_container(self, resource_identifier: str, recursive: bool = True) -> None:
        """The folder is there."""

    @abstractmethod
    def get_container(self, resource_identifier: str) -> str | None:
        """Return the identifier of the folder that it is in, or None where there are no folders."""

    def remove_container(self, resource_identifier: str) -> None:
        """The folder is not there any more."""
        self.remove(resource_identifier)

    def get_filesystem_path(self, resource_identifier: str) -> str:
        """Return the path on this machine; raises AccessorUnsupportedOperationError where there is none."""
        raise AccessorUnsupportedOperationError(f"{resource_identifier} has no path on this machine.")

    def get_url(self, resource_identifier: str) -> str:
        """Return the address; raises AccessorUnsupportedOperationError where there is none."""
        raise AccessorUnsupportedOperationError(f"{resource_identifier} has no address.")


__all__ = ["Accessor", "disk", "server"]


def __getattr__(name: str) -> Any:
    if name in ("disk", "server"):
        import importlib

        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
