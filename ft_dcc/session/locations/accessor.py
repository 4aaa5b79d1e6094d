"""How the files of a location, also on disks, are read, written and copied; knows nothing of components."""

from __future__ import annotations

import errno
import io
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from ft_dcc import errors
from ft_dcc.files import atomic, sequences

_BLOCK_SIZE = 1024 * 1024


class Accessor(ABC):
    """A storage such as a disk or a server. Only the accessor interprets resource identifiers.

    The methods that not every storage has raise AccessorUnsupportedOperationError here.
    """

    def list(self, resource_identifier: str) -> list[str]:
        """Return the identifiers of a folder's entries."""
        raise _unsupported("list", resource_identifier)

    @abstractmethod
    def exists(self, resource_identifier: str) -> bool:
        """Return whether the resource exists."""

    def is_file(self, resource_identifier: str) -> bool:
        """Return whether the resource is a file."""
        raise _unsupported("is_file", resource_identifier)

    def is_container(self, resource_identifier: str) -> bool:
        """Return whether the resource is a folder."""
        raise _unsupported("is_container", resource_identifier)

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
        """Return the path on this machine."""
        raise errors.AccessorUnsupportedOperationError(f"{resource_identifier} has no path on this machine.")

    def get_url(self, resource_identifier: str) -> str:
        """Return the address."""
        raise errors.AccessorUnsupportedOperationError(f"{resource_identifier} has no address.")


def copy(source: Accessor, source_identifier: str, target: Accessor, target_identifier: str) -> None:
    """Copy a resource; a partial copy is removed after a failure.

    An accessor with the methods ``upload`` and ``download`` transfers whole files, with retries and checksums.
    """
    upload, download = getattr(target, "upload", None), getattr(source, "download", None)
    if upload is not None and (path := _path(source, source_identifier)) is not None:
        upload(target_identifier, path)
        return
    if download is not None and (path := _path(target, target_identifier)) is not None:
        download(source_identifier, path)
        return
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
    except errors.AccessorError:
        return None


def _unsupported(operation: str, resource: str) -> errors.AccessorUnsupportedOperationError:
    return errors.AccessorUnsupportedOperationError(f"The storage of {resource} does not support {operation}.")


class DiskAccessor(Accessor):
    """Files below the folder ``prefix``, out of which no identifier leads, or anywhere without a prefix."""

    def __init__(self, prefix: str | os.PathLike[str] = "") -> None:
        # normpath of another system's path is harmless: a session on that system uses it.
        self.prefix = os.path.normpath(os.path.expandvars(os.path.expanduser(prefix))) if os.fspath(prefix) else ""  # noqa: PTH111

    def list(self, resource_identifier: str) -> list[str]:
        """Return the identifiers of a folder's entries, without those of sub-folders."""
        with _translated(resource_identifier):
            names = sorted(os.listdir(self.get_filesystem_path(resource_identifier)))  # noqa: PTH208
        return [os.path.join(resource_identifier, name) for name in names]  # noqa: PTH118

    def exists(self, resource_identifier: str) -> bool:
        """Return whether the file or folder exists."""
        return self._path(resource_identifier).exists()

    def is_file(self, resource_identifier: str) -> bool:
        """Return whether it is a file."""
        return self._path(resource_identifier).is_file()

    def is_container(self, resource_identifier: str) -> bool:
        """Return whether it is a folder."""
        return self._path(resource_identifier).is_dir()

    def is_sequence(self, resource_identifier: str) -> bool:
        """Return whether the identifier stands for a sequence of files."""
        return sequences.is_sequence(resource_identifier)

    def open(self, resource_identifier: str, mode: str = "rb") -> IO[Any]:
        """Return the open file; raises AccessorResourceInvalidError for a folder, and other AccessorErrors."""
        path = self._path(resource_identifier)
        if path.is_dir():
            raise errors.AccessorResourceInvalidError(f"{path} is a folder. Name a file.")
        with _translated(resource_identifier):
            return path.open(mode, encoding=None if "b" in mode else "utf-8")

    def remove(self, resource_identifier: str) -> None:
        """Remove the file, or the empty folder."""
        path = self._path(resource_identifier)
        if not path.exists():
            raise errors.AccessorResourceNotFoundError(f"{path} does not exist, so it cannot be removed.")
        with _translated(resource_identifier):
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink()

    def make_container(self, resource_identifier: str, recursive: bool = True) -> None:
        """Create the folder if it does not exist, with its parents if ``recursive``."""
        path = self._path(resource_identifier)
        if path.exists() and not path.is_dir():
            raise errors.AccessorResourceInvalidError(f"{path} is a file. Name a folder, or remove the file.")
        with _translated(resource_identifier):
            path.mkdir(parents=recursive, exist_ok=True)

    def get_container(self, resource_identifier: str) -> str:
        """Return the identifier of the folder; raises AccessorParentResourceNotFoundError for the root."""
        path = self.get_filesystem_path(resource_identifier)
        folder = os.path.dirname(path)  # noqa: PTH120
        if folder == path or (self.prefix and not _is_below(folder, self.prefix)):
            raise errors.AccessorParentResourceNotFoundError(f"{path} is the root of this storage.")
        if not self.prefix:
            return folder
        container = os.path.relpath(folder, self.prefix)
        return "" if container == os.curdir else container

    def get_filesystem_path(self, resource_identifier: str) -> str:
        """Return the path on this machine; raises AccessorFilesystemPathError for one outside of the prefix."""
        path = os.path.normpath(os.path.join(self.prefix, resource_identifier))  # noqa: PTH118
        if self.prefix and not _is_below(path, self.prefix):
            raise errors.AccessorFilesystemPathError(
                f"{resource_identifier} lies outside of {self.prefix}. Move it there, or use another location."
            )
        return path

    def _path(self, resource_identifier: str) -> Path:
        return Path(self.get_filesystem_path(resource_identifier))


def _is_below(path: str, folder: str) -> bool:
    # Paths are case-insensitive on some systems.
    path, folder = os.path.normcase(path), os.path.normcase(folder)
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


_ERRORS_BY_ERRNO: dict[int, type[errors.AccessorError]] = {
    errno.ENOENT: errors.AccessorResourceNotFoundError,
    errno.ENOTDIR: errors.AccessorResourceInvalidError,
    errno.EISDIR: errors.AccessorResourceInvalidError,
    errno.ENOTEMPTY: errors.AccessorContainerNotEmptyError,
    errno.EACCES: errors.AccessorPermissionDeniedError,
    errno.EPERM: errors.AccessorPermissionDeniedError,
    errno.EROFS: errors.AccessorPermissionDeniedError,
}


@contextmanager
def _translated(resource_identifier: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        error_class = _ERRORS_BY_ERRNO.get(error.errno or 0, errors.AccessorOperationFailedError)
        if error_class is errors.AccessorResourceNotFoundError and not Path(error.filename or "").parent.exists():
            error_class = errors.AccessorParentResourceNotFoundError
        raise error_class(f"{error.filename or resource_identifier}: {error.strerror}.") from error


class Data(ABC):
    """An object to read from and write to."""

    def __init__(self) -> None:
        self.closed = False

    @abstractmethod
    def read(self, limit: int | None = None) -> Any:
        """Return the content from the current position on, at most ``limit`` bytes."""

    @abstractmethod
    def write(self, content: Any) -> None:
        """Write the content at the current position."""

    def flush(self) -> None:  # noqa: B027 - unbuffered implementations need none
        """Write buffered content."""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> None:
        """Change the position; raises NotImplementedError if that is not supported."""
        raise NotImplementedError(f"A {type(self).__name__} has no position.")

    def tell(self) -> int:
        """Return the position; raises NotImplementedError if that is not supported."""
        raise NotImplementedError(f"A {type(self).__name__} has no position.")

    def close(self) -> None:
        """Flush and close."""
        self.flush()
        self.closed = True

    def __enter__(self) -> Data:
        return self

    def __exit__(self, error_type: object, *_: object) -> None:
        self.close()


# Python's own file objects have the same methods.
Data.register(io.IOBase)


class FileWrapper(Data):
    """A wrapped Python file object; subclasses extend flush() and close()."""

    def __init__(self, wrapped_file: IO[Any]) -> None:
        super().__init__()
        self.wrapped_file = wrapped_file
        self._was_read = False

    def read(self, limit: int | None = None) -> Any:
        """Return the content from the current position on, at most ``limit`` bytes."""
        self._was_read = True
        return self.wrapped_file.read(-1 if limit is None else limit)

    def write(self, content: Any) -> None:
        """Write the content at the current position."""
        if self._was_read:
            # Windows needs a seek between reading and writing.
            self.seek(self.tell())
            self._was_read = False
        self.wrapped_file.write(content)

    def flush(self) -> None:
        """Flush the file."""
        self.wrapped_file.flush()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> None:
        """Change the position."""
        self.wrapped_file.seek(offset, whence)

    def tell(self) -> int:
        """Return the position."""
        return self.wrapped_file.tell()

    def close(self) -> None:
        """Flush and close the file. Safe to call twice."""
        if not self.closed:
            super().close()
            self.wrapped_file.close()


class File(FileWrapper):
    """A file on disk."""

    def __init__(self, path: str | os.PathLike[str], mode: str = "rb") -> None:
        super().__init__(open(path, mode, encoding=None if "b" in mode else "utf-8"))  # noqa: SIM115, PTH123


class String(FileWrapper):
    """A temporary file; content that was written as text is read as text."""

    def __init__(self, content: str | bytes | None = None) -> None:
        super().__init__(atomic.temporary_file())
        self.is_binary = True
        if content is not None:
            self.wrapped_file.write(self._bytes_of(content))
            self.wrapped_file.seek(0)

    def write(self, content: str | bytes) -> None:
        """Write the content at the current position."""
        super().write(self._bytes_of(content))

    def read(self, limit: int | None = None) -> str | bytes:
        """Return the content from the current position on, at most ``limit`` bytes."""
        content: bytes = super().read(limit)
        return content if self.is_binary else content.decode("utf-8")

    def _bytes_of(self, content: str | bytes) -> bytes:
        if isinstance(content, str):
            self.is_binary = False
            return content.encode("utf-8")
        return content
