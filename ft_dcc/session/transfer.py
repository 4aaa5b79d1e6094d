"""Bytes between a disk and the server."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ft_dcc.errors import TransferFailed
from ft_dcc.session import operations
from ft_dcc.session.expression import quoted

if TYPE_CHECKING:
    from ft_dcc.session.session import Session

OnBytes = Callable[[int, int], None]

_BLOCK = 1024 * 1024
_PAUSES = (0.5, 1.0, 2.0, 4.0)


def upload(
    session: Session,
    path: str | os.PathLike[str],
    *,
    component_id: str,
    name: str,
    file_type: str,
    on_bytes: OnBytes | None = None,
) -> int:
    """The file component with this id and the bytes of the file are on the server; returns the size in bytes.

    It belongs to no version and is in no location yet: the batch that registers it says so. A repetition is harmless.
    ``on_bytes(sent, total)`` is called after each block, and cancels the upload by raising.

    Raises TransferFailed, ServerUnreachable, ServerError.
    """
    source = _Body(Path(path), on_bytes)
    component = {"id": component_id, "name": name, "file_type": file_type, "size": source.size}
    known = session.call(operations.query(f"select id, size from FileComponent where id is {quoted(component_id)}"))
    announce = {
        "action": "get_upload_metadata",
        "component_id": component_id,
        "file_name": f"{name}.{file_type.lstrip('.')}",
        "file_size": source.size,
        "checksum": source.checksum(),
    }
    if known[0]["data"]:
        session.call(operations.update("FileComponent", component_id, {"size": source.size}))
    else:
        session.call([operations.create("FileComponent", component)])
    metadata = session.call(announce)[0]
    _put(session, metadata["url"], metadata.get("headers") or {}, source)
    return source.size


class _Body:
    """A file as the body of a request: sent block by block, from its start on each attempt."""

    def __init__(self, path: Path, on_bytes: OnBytes | None) -> None:
        self.path = path
        self._on_bytes = on_bytes
        # What went wrong on this side of the line, and is no reason to try again.
        self.failure: Exception | None = None
        try:
            self.size = path.stat().st_size
        except OSError as error:
            raise _unreadable(path, error) from error

    def __len__(self) -> int:
        return self.size

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[bytes]:
        try:
            sent = 0
            for block in self._blocks():
                yield block
                sent += len(block)
                if self._on_bytes is not None:
                    self._on_bytes(sent, self.size)
        except Exception as error:
            self.failure = error
            raise

    def checksum(self) -> str:
        """Return the MD5 of the file as the server wants it: in base64."""
        digest = hashlib.md5(usedforsecurity=False)
        for block in self._blocks():
            digest.update(block)
        return base64.b64encode(digest.digest()).decode()

    def _blocks(self) -> Iterator[bytes]:
        left = self.size
        try:
            with self.path.open("rb") as file:
                while left and (block := file.read(min(_BLOCK, left))):
                    left -= len(block)
                    yield block
        except OSError as error:
            raise _unreadable(self.path, error) from error
        if left:
            raise TransferFailed(f"{self.path} became shorter while it was read. Upload it again when it is finished.")


def _put(session: Session, url: str, headers: Mapping[str, str], body: _Body) -> None:
    # Whoever has a session has imported these.
    import requests

    from ft_dcc.session import wire

    for pause in (*_PAUSES, None):
        try:
            response = session.wire.put(url, body if body.size else b"", headers)
        except requests.RequestException as error:
            if body.failure is not None:
                raise body.failure from error
            if pause is None:
                # The address is a secret while it is valid, so that nothing that quotes it goes into a traceback.
                reason = wire.unreachable(session.server_url, error)
                raise TransferFailed(f"The upload of {body.path} was cut off. {reason}") from None
            wire.wait(pause)
            continue
        if response.status_code < 400:
            return
        if pause is None or not wire.is_busy(response):
            raise TransferFailed(
                f"The upload of {body.path} was refused with status {response.status_code}. "
                "Upload it again; if that fails too, ask whoever looks after the server's storage."
            )
        wire.wait(pause, wire.retry_after(response))


def _unreadable(path: Path, error: OSError) -> TransferFailed:
    return TransferFailed(f"{path} cannot be read: {error.strerror}.")
