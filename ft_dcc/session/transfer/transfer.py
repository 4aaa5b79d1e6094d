"""Uploads and downloads of components' bytes."""

from __future__ import annotations

import base64
import hashlib
import os
from functools import partial
from pathlib import Path
from typing import Any

from ft_dcc.errors import NotFoundError, ServerUnreachable, TransferFailed
from ft_dcc.files.atomic import atomic_path
from ft_dcc.session import operations
from ft_dcc.session.entities.entity import SessionInterface
from ft_dcc.session.query.expression import quoted
from ft_dcc.session.transfer import multipart_upload, storage_requests
from ft_dcc.session.transport.cancellation import OnBytes, TransferProgress, run_parallel

_BLOCK_SIZE = 256 * 1024


def upload(
    session: SessionInterface,
    path: str | os.PathLike[str],
    *,
    component_id: str,
    name: str,
    file_type: str,
    on_bytes: OnBytes | None = None,
    progress_file: Path | None = None,
) -> int:
    """Upload a file as a file component with this id and return the size in bytes.

    The component is in no version and no location until a batch adds it. The call can be repeated. See ``send`` for the
    other arguments. Raises TransferFailed, ServerUnreachable, ServerError.
    """
    source = storage_requests.UploadBody(Path(path))
    component = {"id": component_id, "name": name, "file_type": file_type, "size": source.size}
    known = session.call(operations.query(f"select id, size from FileComponent where id is {quoted(component_id)}"))
    if known[0]["data"]:
        session.call(operations.update("FileComponent", component_id, {"size": source.size}))
    else:
        session.call([operations.create("FileComponent", component)])
    file_name = f"{name}.{file_type.lstrip('.')}"
    send(session, path, component_id=component_id, file_name=file_name, on_bytes=on_bytes, progress_file=progress_file)
    return source.size


def send(
    session: SessionInterface,
    path: str | os.PathLike[str],
    *,
    component_id: str,
    file_name: str,
    on_bytes: OnBytes | None = None,
    progress_file: Path | None = None,
) -> None:
    """Upload a file as the bytes of an existing component; large files are sent in parts.

    ``on_bytes(sent, total)`` is called by this thread, ten times a second and at the end. An exception that it raises
    cancels the upload within a second, even if the connection hangs. ``progress_file`` keeps the arrived parts of a
    large file, so that the next call sends only the missing ones. Only its owner can read it; the end deletes it.

    Raises TransferFailed, ServerUnreachable, ServerError.
    """
    source = storage_requests.UploadBody(Path(path))
    file: dict[str, Any] = {"component_id": component_id, "file_name": file_name, "file_size": source.size}
    announcement = {"action": "get_upload_metadata", **file}
    count = multipart_upload.count_for(source.size)
    if count <= multipart_upload.MIN_PARTS:
        announcement["checksum"] = source.checksum()
    elif source.size <= session.server_information.get("largest_piece", 0):
        # A studio server returns a checksum, so the file need not be read a second time to announce one.
        source.checksum_name = "crc32"
    else:
        multipart_upload.send(session, source, {**announcement, "parts": count}, progress_file, on_bytes)
        return
    metadata = session.call(announcement)[0]
    progress = TransferProgress(source.size)
    source.on_sent = partial(progress.report, 1)
    run_parallel([partial(_put_whole, session, metadata, source)], 1, progress, on_bytes)


def _put_whole(session: SessionInterface, metadata: dict[str, Any], body: storage_requests.UploadBody) -> None:
    response = storage_requests.put_body(session, metadata["url"], metadata.get("headers") or {}, body)
    # The ETag of a studio server is the checksum of what it has stored; other storages have tags of other kinds.
    is_checksum = "largest_piece" in session.server_information
    if is_checksum and body.size and response.headers["ETag"].strip('"') != body.digest:
        raise TransferFailed(f"{body.path} arrived damaged. Upload it again.")


def download(
    session: SessionInterface,
    component_id: str,
    path: str | os.PathLike[str],
    *,
    size: int | None = None,
    checksum: str | None = None,
    on_bytes: OnBytes | None = None,
) -> int:
    """Download the bytes of a component to a file, all of them or none, and return their number.

    ``size`` in bytes and ``checksum`` (MD5, in base64) are verified before the file gets its name. Raises
    NotFoundError, TransferFailed, ServerUnreachable.
    """
    target, progress = Path(path), TransferProgress(size or 0)

    def run() -> None:
        from ft_dcc.session.transport import http

        for delay in (*storage_requests.RETRY_DELAYS_SECONDS, None):
            try:
                with atomic_path(target) as draft:
                    digest = _receive(session, component_id, draft, size, progress)
                    if checksum is not None and checksum != digest:
                        raise TransferFailed(f"The download of {component_id} does not have the checksum {checksum}.")
                return
            except (ServerUnreachable, TransferFailed) as error:
                if delay is None or error.details.get("status"):
                    raise
                http.wait(delay)
            except OSError as error:
                raise TransferFailed(f"{target} cannot be written: {error.strerror}.") from error

    run_parallel([run], 1, progress, on_bytes)
    return progress.total


def _receive(
    session: SessionInterface, component_id: str, draft: Path, size: int | None, progress: TransferProgress
) -> str:
    """Download the bytes of a component once, and return their checksum (MD5, in base64)."""
    import requests

    from ft_dcc.session.transport import http

    digest, received = hashlib.md5(usedforsecurity=False), 0
    with storage_requests.request_component(session, "/component/get", component_id) as response:
        if response.status_code == 404:
            raise _no_bytes_error(session, component_id)
        if response.status_code >= 400:
            raise TransferFailed(
                f"The download of {component_id} was refused with status {response.status_code}.",
                {} if http.is_busy(response) else {"status": response.status_code},
            )
        length = response.headers.get("Content-Length", "")
        wanted = size if size is not None else int(length) if length.isdigit() else None
        progress.total = wanted or 0
        try:
            with draft.open("xb") as file:
                for block in response.iter_content(_BLOCK_SIZE):
                    file.write(block)
                    digest.update(block)
                    received += len(block)
                    progress.report(1, received)
        except requests.RequestException:
            raise TransferFailed(f"The download of {component_id} was interrupted after {received} bytes.") from None
    progress.total = received
    if wanted is not None and received != wanted:
        raise TransferFailed(f"The download of {component_id} has {received} bytes instead of {wanted}.")
    return base64.b64encode(digest.digest()).decode()


def remove(session: SessionInterface, component_id: str) -> None:
    """Remove the bytes from the server; raises NotFoundError for none, TransferFailed, ServerUnreachable."""
    from ft_dcc.session.transport import http

    may_have_arrived = False
    for delay in (*storage_requests.RETRY_DELAYS_SECONDS, None):
        try:
            with storage_requests.request_component(session, "/component/remove", component_id) as response:
                status, is_busy = response.status_code, http.is_busy(response)
        except ServerUnreachable:
            if delay is None:
                raise
            may_have_arrived = True
        else:
            if status < 400 or (status == 404 and may_have_arrived):
                return
            if status == 404:
                raise _no_bytes_error(session, component_id)
            if delay is None or not is_busy:
                raise TransferFailed(f"The removal of {component_id} was refused with status {status}.")
        http.wait(delay)


def _no_bytes_error(session: SessionInterface, component_id: str) -> NotFoundError:
    return NotFoundError(
        f"{session.server_url} has no bytes of the component {component_id}. "
        "They may have been removed, or be in another location."
    )
