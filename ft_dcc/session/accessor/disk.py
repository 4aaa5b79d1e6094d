"""A location's files on a disk that this machine sees."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from ft_dcc.errors import (
    AccessorContainerNotEmptyError,
    AccessorError,
    AccessorFilesystemPathError,
    AccessorOperationFailedError,
    AccessorParentResourceNotFoundError,
    AccessorPermissionDeniedError,
    AccessorResourceInvalidError,
    AccessorResourceNotFoundError,
    AccessorUnsupportedOperationError,
)
from ft_dcc.frames import is_sequence
from ft_dcc.session.accessor import Accessor


class DiskAccessor(Accessor):
    """Files below one folder; without a prefix, files anywhere.

    Nothing outside of the prefix can be reached, whatever the identifier says.
    """

    def __init__(self, prefix: str | os.PathLike[str] = "") -> None:
        # A path of another system's is kept as it is: the session that it is for runs there.
        self.prefix = os.path.normpath(os.path.expandvars(os.path.expanduser(prefix))) if os.fspath(prefix) else ""  # noqa: PTH111

    def list(self, resource_identifier: str) -> list[str]:
        """Return the identifiers of what a folder holds, without those of sub-folders."""
        with _translated(resource_identifier):
            names = sorted(os.listdir(self.get_filesystem_path(resource_identifier)))  # noqa: PTH208
        return [os.path.join(resource_identifier, name) for name in names]  # noqa: PTH118

    def exists(self, resource_identifier: str) -> bool:
        """Whether something is stored there."""
        return self._path(resource_identifier).exists()

    def is_file(self, resource_identifier: str) -> bool:
        """Whether a file is stored there."""
        return self._path(resource_identifier).is_file()

    def is_container(self, resource_identifier: str) -> bool:
        """Whether a folder is there."""
        return self._path(resource_identifier).is_dir()

    def is_sequence(self, resource_identifier: str) -> bool:
        """Whether the identifier stands for many files."""
        return is_sequence(resource_identifier)

    def open(self, resource_identifier: str, mode: str = "rb") -> IO[Any]:
        """Return the open file; raises AccessorResourceInvalidError for a folder, or what the disk says."""
        path = self._path(resource_identifier)
        if path.is_dir():
            raise AccessorResourceInvalidError(f"{path} is a folder. Name a file.")
        with _translated(resource_identifier):
            return path.open(mode, encoding=None if "b" in mode else "utf-8")

    def remove(self, resource_identifier: str) -> None:
        """The file, or the empty folder, is gone."""
        path = self._path(resource_identifier)
        if not path.exists():
            raise AccessorResourceNotFoundError(f"There is nothing at {path} to remove.")
        with _translated(resource_identifier):
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink()

    def make_container(self, resource_identifier: str, recursive: bool = True) -> None:
        """The folder is there, with those above it when ``recursive``."""
        path = self._path(resource_identifier)
        if path.exists() and not path.is_dir():
            raise AccessorResourceInvalidError(f"{path} is a file. Name a folder, or remove the file.")
        with _translated(resource_identifier):
            path.mkdir(parents=recursive, exist_ok=True)

    def get_container(self, resource_identifier: str) -> str:
        """Return the identifier of the folder; raises AccessorParentResourceNotFoundError for the root."""
        path = self.get_filesystem_path(resource_identifier)
        folder = os.path.dirname(path)  # noqa: PTH120
        if folder == path or (self.prefix and not _is_below(folder, self.prefix)):
            raise AccessorParentResourceNotFoundError(f"{path} is the root of this storage.")
        if not self.prefix:
            return folder
        container = os.path.relpath(folder, self.prefix)
        return "" if container == os.curdir else container

    def get_filesystem_path(self, resource_identifier: str) -> str:
        """Return the path on this machine; raises AccessorFilesystemPathError for one outside of the prefix."""
        path = os.path.normpath(os.path.join(self.prefix, resource_identifier))  # noqa: PTH118
        if self.prefix and not _is_below(path, self.prefix):
            raise AccessorFilesystemPathError(
                f"{resource_identifier} lies outside of {self.prefix}. Move it there, or use another location."
            )
        return path

    def get_url(self, resource_identifier: str) -> str:
        """Raise AccessorUnsupportedOperationError: a disk has no addresses."""
        raise AccessorUnsupportedOperationError(f"{resource_identifier} is on a disk, and has a path instead of a URL.")

    def _path(self, resource_identifier: str) -> Path:
        return Path(self.get_filesystem_path(resource_identifier))


def _is_below(path: str, folder: str) -> bool:
    # Two names of one place differ in their case on some systems.
    path, folder = os.path.normcase(path), os.path.normcase(folder)
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


_BY_NUMBER: dict[int, type[AccessorError]] = {
    errno.ENOENT: AccessorResourceNotFoundError,
    errno.ENOTDIR: AccessorResourceInvalidError,
    errno.EISDIR: AccessorResourceInvalidError,
    errno.ENOTEMPTY: AccessorContainerNotEmptyError,
    errno.EACCES: AccessorPermissionDeniedError,
    errno.EPERM: AccessorPermissionDeniedError,
    errno.EROFS: AccessorPermissionDeniedError,
}


@contextmanager
def _translated(resource_identifier: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        kind = _BY_NUMBER.get(error.errno or 0, AccessorOperationFailedError)
        if kind is AccessorResourceNotFoundError and not Path(error.filename or "").parent.exists():
            kind = AccessorParentResourceNotFoundError
        raise kind(f"{error.filename or resource_identifier}: {error.strerror}.") from error
