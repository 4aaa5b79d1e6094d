"""A location's files on the ftrack server."""

from __future__ import annotations

import hashlib
import logging
import shutil
import tempfile
import time
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

from ft_dcc.errors import (
    AccessorOperationFailedError,
    AccessorResourceNotFoundError,
    AccessorUnsupportedOperationError,
    NotFoundError,
    ServerError,
    ServerUnreachable,
    TransferFailed,
)
from ft_dcc.session import parts, transfer
from ft_dcc.session.accessor import Accessor
from ft_dcc.session.data import FileWrapper
from ft_dcc.session.symbol import CREATED

if TYPE_CHECKING:
    from ft_dcc.session.session import Session

_log = logging.getLogger(__name__)
# Seconds after which a storage has long forgotten the parts of an upload that nobody finished.
_WORTH_KEEPING = 7 * 24 * 3600


class ServerAccessor(Accessor):
    """Files that the server keeps, each under the id of its component. There are no folders."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def open(self, resource_identifier: str, mode: str = "rb") -> IO[Any]:
        """Return the file to read, which has arrived whole, or one to write, which is uploaded when it is closed.

        Files on the server are bytes, in whichever mode.
        """
        if mode in ("r", "rb"):
            return cast("IO[Any]", _Download(self, resource_identifier))
        if mode in ("w", "w+", "wb", "wb+", "xb"):
            return cast("IO[Any]", _Upload(self, resource_identifier))
        raise AccessorUnsupportedOperationError(f"A file on the server cannot be opened with mode {mode!r}.")

    def upload(self, resource_identifier: str, path: Path) -> None:
        """The bytes of the file are stored under the component's id, streamed from the disk.

        A large file whose upload was interrupted goes on where it stopped, when the same file is uploaded again.
        """
        component = self._session.get("FileComponent", resource_identifier)
        if component is None:
            raise AccessorResourceNotFoundError(f"There is no component {resource_identifier}. Commit it first.")
        name, progress_file = component["name"] + str(component["file_type"] or ""), None
        with _translated():
            if parts.count_for(path.stat().st_size) > parts.FEWEST:
                progress_file = _progress_file(self._session.server_url, resource_identifier)
                # A site's storage joins parts for a component that is there; one piece may come before its component.
                if component.state is CREATED:
                    self._session.commit()
            transfer.send(
                self._session,
                path,
                component_id=resource_identifier,
                file_name=name,
                progress_file=progress_file,
            )

    def download(self, resource_identifier: str, path: Path) -> None:
        """The file holds the bytes of the component, all of them or none."""
        with _translated():
            transfer.download(self._session, resource_identifier, path)

    def remove(self, resource_identifier: str) -> None:
        """The bytes are gone."""
        with _translated():
            transfer.remove(self._session, resource_identifier)

    def exists(self, resource_identifier: str) -> bool:
        """Return False: the server says what it has when it is asked for it."""
        return False

    def is_sequence(self, resource_identifier: str) -> bool:
        """Return False: the server keeps single files."""
        return False

    def is_file(self, resource_identifier: str) -> bool:
        """Raise AccessorUnsupportedOperationError."""
        raise _unsupported("is_file")

    def is_container(self, resource_identifier: str) -> bool:
        """Raise AccessorUnsupportedOperationError."""
        raise _unsupported("is_container")

    def list(self, resource_identifier: str) -> list[str]:
        """Raise AccessorUnsupportedOperationError."""
        raise _unsupported("list")

    def make_container(self, resource_identifier: str, recursive: bool = True) -> None:
        """Nothing has to be done: there are no folders."""

    def get_container(self, resource_identifier: str) -> None:
        """Return None: there are no folders."""
        return

    def get_filesystem_path(self, resource_identifier: str) -> str:
        """Raise AccessorUnsupportedOperationError."""
        raise _unsupported("get_filesystem_path")

    def get_url(self, resource_identifier: str) -> str:
        """Return the address to download from; it holds the user's key, so it is to be kept like one."""
        return self._address("/component/get", id=resource_identifier)

    def get_thumbnail_url(self, resource_identifier: str, size: int | None = None) -> str:
        """Return the address of a picture that fits into ``size`` pixels; it holds the user's key."""
        given = {} if size is None else {"size": size}
        return self._address("/component/thumbnail", id=resource_identifier, **given)

    def _address(self, path: str, **parameters: Any) -> str:
        known = {"username": self._session.api_user, "apiKey": self._session.api_key}
        return f"{self._session.server_url}{path}?{urlencode({**parameters, **known})}"


class _Download(FileWrapper):
    """A file of the server on this machine, where it stays until it is closed or nobody holds it."""

    def __init__(self, accessor: ServerAccessor, resource_identifier: str) -> None:
        folder = tempfile.mkdtemp(prefix="ft-dcc-")
        with ExitStack() as discarding:
            discarding.callback(shutil.rmtree, folder, ignore_errors=True)
            path = Path(folder) / "download"
            accessor.download(resource_identifier, path)
            file = discarding.enter_context(path.open("rb"))
            super().__init__(file)
            self._discard = weakref.finalize(self, discarding.pop_all().close)

    def close(self) -> None:
        """Nothing is left of it on this machine."""
        super().close()
        self._discard()


class _Upload(FileWrapper):
    """A file of this machine whose bytes go to the server when it is closed or flushed, once for each change."""

    def __init__(self, accessor: ServerAccessor, resource_identifier: str) -> None:
        self._accessor, self._resource_identifier = accessor, resource_identifier
        self._folder = tempfile.TemporaryDirectory(prefix="ft-dcc-")
        self._path = Path(self._folder.name) / "upload"
        # An empty file is one, too.
        self._is_changed = True
        super().__init__(self._path.open("wb+"))

    def write(self, content: bytes) -> None:
        """Put the bytes at the current position."""
        self._is_changed = True
        super().write(content)

    def flush(self) -> None:
        """What was written is on the server."""
        if self._is_changed:
            super().flush()
            self._accessor.upload(self._resource_identifier, self._path)
            self._is_changed = False

    def close(self) -> None:
        """What was written is on the server, and nowhere else."""
        try:
            super().close()
        finally:
            self._discard()

    def __exit__(self, error_type: object, *_: object) -> None:
        # Half a file is not sent.
        if error_type is None:
            self.close()
        else:
            self._discard()

    def _discard(self) -> None:
        self.closed = True
        self.wrapped_file.close()
        self._folder.cleanup()


@contextmanager
def _translated() -> Iterator[None]:
    """What goes wrong on the way to the server is inside what goes wrong with any accessor."""
    try:
        yield
    except NotFoundError as error:
        raise AccessorResourceNotFoundError(str(error)) from error
    except (ServerError, ServerUnreachable, TransferFailed) as error:
        raise AccessorOperationFailedError(str(error), details=error.details) from error


def _progress_file(server_url: str, resource_identifier: str) -> Path | None:
    """Return where to note what of a large upload has arrived, or None where nothing can be noted."""
    # Only large uploads need to know where such things lie.
    import platformdirs

    folder = Path(platformdirs.user_cache_dir("ft-dcc", appauthor=False)) / "uploads"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in folder.iterdir():
            if file.stat().st_mtime < time.time() - _WORTH_KEEPING:
                file.unlink(missing_ok=True)
    except OSError as error:
        _log.warning("%s cannot be used: an upload that is interrupted begins anew. %s", folder, error)
        return None
    name = hashlib.sha256(f"{server_url} {resource_identifier}".encode()).hexdigest()
    return folder / f"{name[:32]}.json"


def _unsupported(operation: str) -> AccessorUnsupportedOperationError:
    return AccessorUnsupportedOperationError(f"The server's storage knows no {operation}.")
