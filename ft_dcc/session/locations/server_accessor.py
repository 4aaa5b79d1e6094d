"""The accessor for files on the ftrack server."""

from __future__ import annotations

import hashlib
import logging
import time
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import urlencode

from ft_dcc import errors
from ft_dcc.files.atomic import make_temporary_folder, remove_tree
from ft_dcc.session.entities.entity import SessionInterface
from ft_dcc.session.locations.accessor import Accessor, FileWrapper
from ft_dcc.session.symbol import CREATED
from ft_dcc.session.transfer import transfer

_log = logging.getLogger(__name__)
# Storages discard the parts of unfinished uploads earlier than this.
_MAX_PROGRESS_AGE_SECONDS = 7 * 24 * 3600


class ServerAccessor(Accessor):
    """Files on the server, each under the id of its component. There are no folders."""

    def __init__(self, session: SessionInterface) -> None:
        self._session = session

    def open(self, resource_identifier: str, mode: str = "rb") -> IO[Any]:
        """Return a downloaded file to read, or a temporary file to write that is uploaded when it is closed.

        Files are opened in binary mode in any case. A file to read is downloaded completely, because libraries that
        read images seek in it; use ``get_url`` for ranges.
        """
        if mode in ("r", "rb"):
            return cast("IO[Any]", _Download(self, resource_identifier))
        if mode in ("w", "w+", "wb", "wb+", "xb"):
            return cast("IO[Any]", _Upload(self, resource_identifier))
        raise errors.AccessorUnsupportedOperationError(f"A file on the server cannot be opened with mode {mode!r}.")

    def upload(self, resource_identifier: str, path: Path) -> None:
        """Upload the file as the component's bytes; an interrupted upload of the same large file is resumed."""
        component = self._session.get("FileComponent", resource_identifier)
        if component is None:
            raise errors.AccessorResourceNotFoundError(f"There is no component {resource_identifier}. Commit it first.")
        name, progress_file = component["name"] + str(component["file_type"] or ""), None
        with _translated():
            if transfer.count_for(path.stat().st_size) > transfer.MIN_PARTS:
                progress_file = _progress_file(self._session.server_url, resource_identifier)
                # A storage joins parts only for an existing component.
                if component.state is CREATED:
                    self._session.commit()
            transfer.send(
                self._session, path, component_id=resource_identifier, file_name=name, progress_file=progress_file
            )

    def download(self, resource_identifier: str, path: Path) -> None:
        """Download the bytes of the component to the file, all of them or none."""
        with _translated():
            transfer.download(self._session, resource_identifier, path)

    def remove(self, resource_identifier: str) -> None:
        """Remove the bytes of the component."""
        with _translated():
            transfer.remove(self._session, resource_identifier)

    def exists(self, resource_identifier: str) -> bool:
        """Return False: a download tells whether the server has the bytes."""
        return False

    def is_sequence(self, resource_identifier: str) -> bool:
        """Return False: the server stores single files."""
        return False

    def make_container(self, resource_identifier: str, recursive: bool = True) -> None:
        """Do nothing: there are no folders."""

    def get_container(self, resource_identifier: str) -> None:
        """Return None: there are no folders."""
        return

    def get_url(self, resource_identifier: str) -> str:
        """Return the download address; it contains the user's API key, so it is a secret."""
        return self._address("/component/get", id=resource_identifier)

    def get_thumbnail_url(self, resource_identifier: str, size: int | None = None) -> str:
        """Return the address of a thumbnail that fits into ``size`` pixels; it contains the user's API key."""
        parameters = {} if size is None else {"size": size}
        return self._address("/component/thumbnail", id=resource_identifier, **parameters)

    def _address(self, path: str, **parameters: Any) -> str:
        credentials = {"username": self._session.api_user, "apiKey": self._session.api_key}
        return f"{self._session.server_url}{path}?{urlencode({**parameters, **credentials})}"


class _Download(FileWrapper):
    """A downloaded temporary file, deleted when it is closed or garbage-collected."""

    def __init__(self, accessor: ServerAccessor, resource_identifier: str) -> None:
        folder = make_temporary_folder()
        with ExitStack() as cleanup:
            cleanup.callback(remove_tree, folder)
            path = folder / "download"
            accessor.download(resource_identifier, path)
            file = cleanup.enter_context(path.open("rb"))
            super().__init__(file)
            self._discard = weakref.finalize(self, cleanup.pop_all().close)

    def close(self) -> None:
        """Close and delete the file."""
        super().close()
        self._discard()


class _Upload(FileWrapper):
    """A temporary file that is uploaded when it is flushed or closed after a change."""

    def __init__(self, accessor: ServerAccessor, resource_identifier: str) -> None:
        self._accessor, self._resource_identifier = accessor, resource_identifier
        folder = make_temporary_folder()
        self._remove = weakref.finalize(self, remove_tree, folder)
        self._path = folder / "upload"
        # An empty file is uploaded, too.
        self._is_changed = True
        super().__init__(self._path.open("wb+"))

    def write(self, content: bytes) -> None:
        """Write bytes at the current position."""
        self._is_changed = True
        super().write(content)

    def flush(self) -> None:
        """Upload the file if it was changed."""
        if self._is_changed:
            super().flush()
            self._accessor.upload(self._resource_identifier, self._path)
            self._is_changed = False

    def close(self) -> None:
        """Upload the file if it was changed, and delete it."""
        try:
            super().close()
        finally:
            self._discard()

    def __exit__(self, error_type: object, *_: object) -> None:
        # A partly written file is not uploaded.
        if error_type is None:
            self.close()
        else:
            self._discard()

    def _discard(self) -> None:
        self.closed = True
        self.wrapped_file.close()
        self._remove()


@contextmanager
def _translated() -> Iterator[None]:
    """Raise errors of transfers as errors of accessors."""
    try:
        yield
    except errors.NotFoundError as error:
        raise errors.AccessorResourceNotFoundError(str(error)) from error
    except (errors.ServerError, errors.ServerUnreachable, errors.TransferFailed) as error:
        raise errors.AccessorOperationFailedError(str(error), details=error.details) from error


def _progress_file(server_url: str, resource_identifier: str) -> Path | None:
    """Return the file for the progress of a large upload, or None if its folder cannot be written."""
    # Imported late: only large uploads need it.
    import platformdirs

    folder = Path(platformdirs.user_cache_dir("ft-dcc", appauthor=False)) / "uploads"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in folder.iterdir():
            if file.stat().st_mtime < time.time() - _MAX_PROGRESS_AGE_SECONDS:
                file.unlink(missing_ok=True)
    except OSError as error:
        _log.warning("%s cannot be used, so interrupted uploads start again. %s", folder, error)
        return None
    name = hashlib.sha256(f"{server_url} {resource_identifier}".encode()).hexdigest()
    return folder / f"{name[:32]}.json"
