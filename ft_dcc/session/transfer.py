"""Bytes between a disk and the server."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from ft_dcc.errors import NotFoundError, ServerUnreachable, TransferFailed
from ft_dcc.session import operations
from ft_dcc.session.background import Moved, OnBytes, work_off
from ft_dcc.session.body import Body
from ft_dcc.session.query import quoted

if TYPE_CHECKING:
    import requests

    from ft_dcc.session.session import Session

_BLOCK = 256 * 1024
_PAUSES = (0.5, 1.0, 2.0, 4.0)


def upload(
    session: Session,
    path: str | os.PathLike[str],
    *,
    component_id: str,
    name: str,
    file_type: str,
    on_bytes: OnBytes | None = None,
    progress_file: Path | None = None,
) -> int:
    """The file component with this id and the bytes of the file are on the server; returns the size in bytes.

    It belongs to no version and is in no location yet: the batch that registers it says so. A repetition is harmless.
    See ``send`` for the rest. Raises TransferFailed, ServerUnreachable, ServerError.
    """
    source = Body(Path(path))
    component = {"id": component_id, "name": name, "file_type": file_type, "size": source.size}
    known = session.call(operations.query(f"select id, size from FileComponent where id is {quoted(component_id)}"))
    if known[0]["data"]:
        session.call(operations.update("FileComponent", component_id, {"size": source.size}))
    else:
        session.call([operations.create("FileComponent", component)])
    file_name = f"{name}.{file_type.lstrip('.')}"
    send(
        session,
        path,
        component_id=component_id,
        file_name=file_name,
        on_bytes=on_bytes,
        progress_file=progress_file,
    )
    return source.size


def send(
    session: Session,
    path: str | os.PathLike[str],
    *,
    component_id: str,
    file_name: str,
    on_bytes: OnBytes | None = None,
    progress_file: Path | None = None,
) -> None:
    """The bytes of the file are stored under the component's id, in one piece or, when it is large, in parts.

    ``on_bytes(sent, total)`` is called by this thread, ten times a second and at the end, and cancels the upload by
    raising, within a second even when the line hangs. ``progress_file`` keeps what of a large file has arrived,
    readable by its owner alone, so that the next call with it sends the rest only; it is gone when all has arrived.

    Raises TransferFailed, ServerUnreachable, ServerError.
    """
    from ft_dcc.session import parts

    source = Body(Path(path))
    announcement: dict[str, Any] = {
        "action": "get_upload_metadata",
        "component_id": component_id,
        "file_name": file_name,
        "file_size": source.size,
    }
    count = parts.count_for(source.size)
    if count <= parts.FEWEST:
        announcement["checksum"] = source.checksum()
    elif source.size <= session.server_information.get("largest_piece", 0):
        # A studio server tags what it received, so that the file need not be read twice for an announced checksum.
        source.checksum_name = "crc32"
    else:
        parts.send(session, source, {**announcement, "parts": count}, progress_file, on_bytes)
        return
    metadata = session.call(announcement)[0]
    moved = Moved(source.size)
    source.on_sent = partial(moved.count, 1)
    work_off([partial(_put_whole, session, metadata, source)], 1, moved, on_bytes)


def _put_whole(session: Session, metadata: dict[str, Any], body: Body) -> None:
    response = put(session, metadata["url"], metadata.get("headers") or {}, body)
    if body.checksum_name == "crc32" and response.headers.get("ETag", "").strip('"') != body.digest:
        raise TransferFailed(f"{body.path} arrived damaged. Upload it again.")


def put(session: Session, url: str, headers: dict[str, str], body: Body) -> requests.Response:
    """Return the storage's answer once it took the body; it is sent again from its start when the line fails.

    Raises TransferFailed, and whatever the body raises on its way.
    """
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
            return response
        if pause is None or not wire.is_busy(response):
            raise TransferFailed(
                f"The upload of {body.path} was refused with status {response.status_code}. "
                "Upload it again; if that fails too, ask whoever looks after the server's storage.",
                {"status": response.status_code},
            )
        wire.wait(pause, wire.retry_after(response))
    raise AssertionError("the last attempt returns or raises")


def get(session: Session, route: str, component_id: str) -> requests.Response:
    """Return the server's answer about the bytes of a component, not yet read; its status is the caller's to judge.

    Raises ServerUnreachable.
    """
    import requests

    from ft_dcc.session import wire

    address, identified = f"{session.server_url}{route}", {"id": component_id}
    # A site that does not look at the headers here takes the credentials in the address, as the official client sends
    # them. They would be in every log on the way, so it is the second choice.
    in_address = {**identified, "username": session.api_user, "apiKey": session.api_key}
    for parameters in (in_address,) if session.wire.is_identified_by_address else (identified, in_address):
        try:
            response = session.wire.http.get(
                address, params=parameters, timeout=session.wire.timeout, stream=True, headers={"Accept": "*/*"}
            )
        except requests.RequestException as error:
            raise wire.unreachable(session.server_url, error) from None
        if response.status_code not in (401, 403):
            session.wire.is_identified_by_address = parameters is in_address
            break
        response.close()
    return response


def download(
    session: Session,
    component_id: str,
    path: str | os.PathLike[str],
    *,
    size: int | None = None,
    checksum: str | None = None,
    on_bytes: OnBytes | None = None,
) -> int:
    """The component's bytes are in the file, all of them or none; returns their number.

    ``size`` in bytes and ``checksum`` (MD5, in base64) are compared before the file gets its name. Raises
    NotFoundError, TransferFailed, ServerUnreachable.
    """
    target = Path(path)
    moved = Moved(size or 0)
    arriving = _Arriving(session, component_id, target, size, checksum, moved)
    work_off([arriving.fetch], 1, moved, on_bytes)
    return moved.total


@attrs.frozen
class _Arriving:
    """A download, under a name of its own until it is whole."""

    session: Session
    component_id: str
    target: Path
    size: int | None
    checksum: str | None
    moved: Moved

    def fetch(self) -> None:
        """The file is there; an attempt that the line breaks is made again."""
        draft = self.target.with_name(f".{self.target.name}.{secrets.token_hex(4)}")
        for pause in (*_PAUSES, None):
            try:
                self._receive(draft)
                draft.replace(self.target)
                return
            except (ServerUnreachable, TransferFailed) as error:
                if pause is None or error.details.get("status"):
                    raise
                from ft_dcc.session import wire

                wire.wait(pause)
            except OSError as error:
                raise TransferFailed(f"{self.target} cannot be written: {error.strerror}.") from error
            finally:
                draft.unlink(missing_ok=True)

    def _receive(self, draft: Path) -> None:
        response = get(self.session, "/component/get", self.component_id)
        with response:
            if response.status_code == 404:
                raise _nothing_of(self.session, self.component_id)
            if response.status_code >= 400:
                raise TransferFailed(
                    f"The download of {self.component_id} was refused with status {response.status_code}.",
                    {} if _may_pass(response) else {"status": response.status_code},
                )
            length = response.headers.get("Content-Length", "")
            wanted = self.size if self.size is not None else int(length) if length.isdigit() else None
            self.moved.total = wanted or 0
            received, digest = self._write(response, draft)
        self.moved.total = received
        if wanted is not None and received != wanted:
            raise TransferFailed(f"The download of {self.component_id} has {received} bytes instead of {wanted}.")
        if self.checksum is not None and self.checksum != digest:
            raise TransferFailed(f"The download of {self.component_id} does not have the checksum {self.checksum}.")

    def _write(self, response: requests.Response, draft: Path) -> tuple[int, str]:
        import requests

        digest, received = hashlib.md5(usedforsecurity=False), 0
        try:
            with draft.open("xb") as file:
                for block in response.iter_content(_BLOCK):
                    file.write(block)
                    digest.update(block)
                    received += len(block)
                    self.moved.count(1, received)
        except requests.RequestException:
            raise TransferFailed(f"The download of {self.component_id} was cut off after {received} bytes.") from None
        return received, base64.b64encode(digest.digest()).decode()


def remove(session: Session, component_id: str) -> None:
    """The server has no bytes of the component; it is asked again when the line fails.

    Raises NotFoundError when it had none, TransferFailed, ServerUnreachable.
    """
    from ft_dcc.session import wire

    may_be_done = False
    for pause in (*_PAUSES, None):
        try:
            with get(session, "/component/remove", component_id) as response:
                status, is_busy = response.status_code, wire.is_busy(response)
        except ServerUnreachable:
            if pause is None:
                raise
            may_be_done = True
        else:
            if status < 400 or (status == 404 and may_be_done):
                return
            if status == 404:
                raise _nothing_of(session, component_id)
            if pause is None or not is_busy:
                raise TransferFailed(f"The removal of {component_id} was refused with status {status}.")
        wire.wait(pause)


def _nothing_of(session: Session, component_id: str) -> NotFoundError:
    return NotFoundError(
        f"{session.server_url} has no bytes of the component {component_id}. "
        "They may have been removed, or be in another location."
    )


def _may_pass(response: requests.Response) -> bool:
    from ft_dcc.session import wire

    return wire.is_busy(response)
