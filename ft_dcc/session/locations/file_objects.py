"""File objects for accessors whose storage has none of its own."""

from __future__ import annotations

import io
import os
from abc import ABC, abstractmethod
from typing import IO, Any

from ft_dcc.files.atomic import temporary_file


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
        super().__init__(temporary_file())
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
