"""Uploads and downloads of components' bytes; large files are uploaded in concurrent parts, and resumed."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from ft_dcc.errors import AuthenticationError, NotFoundError, ServerError, ServerUnreachable, TransferFailed
from ft_dcc.files.atomic import atomic_path, write_atomically
from ft_dcc.session import operations
from ft_dcc.session.entities.entity import SessionInterface
from ft_dcc.session.query.expression import quoted
from ft_dcc.session.transfer import storage_requests
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
    equal_to: str = "",
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
    send(
        session,
        path,
        component_id=component_id,
        file_name=file_name,
        on_bytes=on_bytes,
        progress_file=progress_file,
        equal_to=equal_to,
    )
    return source.size


def send(
    session: SessionInterface,
    path: str | os.PathLike[str],
    *,
    component_id: str,
    file_name: str,
    on_bytes: OnBytes | None = None,
    progress_file: Path | None = None,
    equal_to: str = "",
) -> None:
    """Upload a file as the bytes of an existing component; large files are sent in parts.

    ``equal_to`` is a component with the same bytes. A studio server copies them, unless they were sent in parts.

    ``on_bytes(sent, total)`` is called by this thread, ten times a second and at the end. An exception that it raises
    cancels the upload within a second, even if the connection hangs. ``progress_file`` keeps the arrived parts of a
    large file, so that the next call sends only the missing ones. Only its owner can read it; the end deletes it.

    Raises TransferFailed, ServerUnreachable, ServerError.
    """
    source = storage_requests.UploadBody(Path(path))
    file: dict[str, Any] = {"component_id": component_id, "file_name": file_name, "file_size": source.size}
    announcement = {"action": "get_upload_metadata", **file}
    count = count_for(source.size)
    if count <= MIN_PARTS:
        announcement["checksum"] = source.checksum()
    elif source.size <= session.server_information.get("largest_piece", 0):
        # A studio server returns a checksum, so the file need not be read a second time to announce one.
        source.checksum_name = "crc32"
        if equal_to:
            announcement["checksum"] = source.crc32()
    else:
        send_parts(session, source, {**announcement, "parts": count}, progress_file, on_bytes)
        return
    metadata = session.call({**announcement, **({"equal_to": equal_to} if equal_to else {})})[0]
    if metadata.get("is_equal"):
        source = storage_requests.UploadBody(Path(path), size=0)
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
    on_bytes: OnBytes | None = None,
) -> int:
    """Download the bytes of a component to a file, all of them or none, and return their number.

    ``size`` in bytes is verified before the file gets its name. Raises NotFoundError, TransferFailed,
    ServerUnreachable.
    """
    target, progress = Path(path), TransferProgress(size or 0)

    def run() -> None:
        from ft_dcc.session.transport import http

        for delay in (*storage_requests.RETRY_DELAYS_SECONDS, None):
            try:
                with atomic_path(target) as draft:
                    _receive(session, component_id, draft, size, progress)
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
) -> None:
    """Download the bytes of a component once."""
    import requests

    from ft_dcc.session.transport import http

    received = 0
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
                    received += len(block)
                    progress.report(1, received)
        except requests.RequestException:
            raise TransferFailed(f"The download of {component_id} was interrupted after {received} bytes.") from None
    progress.total = received
    if wanted is not None and received != wanted:
        raise TransferFailed(f"The download of {component_id} has {received} bytes instead of {wanted}.")


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


_MIB = 1024 * 1024
# As in ftrack's JavaScript client: files up to the first size have parts of the second size.
_PART_SIZES = ((128 * _MIB, 8 * _MIB), (1024 * _MIB, 16 * _MIB), (8192 * _MIB, 32 * _MIB), (65536 * _MIB, 64 * _MIB))
_MAX_PART_SIZE = 128 * _MIB
# Up to this number of parts, an upload in one request is as fast.
MIN_PARTS = 2
MAX_CONCURRENT_PARTS = 4
# Statuses of a storage that no longer accepts the parts.
_EXPIRED_STATUSES = (400, 401, 403, 404)


def part_size(size: int) -> int:
    """Return the size of each part but the last, in bytes, for a file size in bytes."""
    return next((part for max_size, part in _PART_SIZES if size <= max_size), _MAX_PART_SIZE)


def count_for(size: int) -> int:
    """Return the number of parts for a file size in bytes."""
    return -(-size // part_size(size))


def send_parts(
    session: SessionInterface,
    source: storage_requests.UploadBody,
    announcement: Mapping[str, Any],
    progress_file: Path | None,
    on_bytes: OnBytes | None,
) -> None:
    """Send the missing parts of an announced upload and join them; raises TransferFailed, ServerError."""
    component_id = announcement["component_id"]
    progress = _Progress.load(progress_file, source, component_id)
    if progress is None:
        result = session.call(dict(announcement))[0]
        urls = {str(part["part_number"]): str(part["signed_url"]) for part in result["urls"]}
        # A studio server reports the checksum of its tags. Elsewhere, tags that look like an MD5 are one.
        checksum_name = "crc32" if result.get("part_checksum") == "crc32" else "md5"
        progress = _Progress(progress_file, component_id, _identity(source), result["upload_id"], urls, checksum_name)
        progress.save()
    try:
        _send_missing(session, source, progress, on_bytes)
        if _identity(source) != progress.source:
            progress.delete()
            raise source.changed()
        arrived = sorted((int(number), tag) for number, tag in progress.arrived.items())
        parts = [{"part_number": number, "e_tag": tag} for number, tag in arrived]
        upload = {"component_id": component_id, "upload_id": progress.upload_id, "parts": parts}
        session.call({"action": "complete_multipart_upload", **upload})
    except (TransferFailed, ServerError) as error:
        # Addresses expire, and servers delete parts of unfinished uploads.
        is_refused = isinstance(error, ServerError) and not isinstance(error, AuthenticationError)
        if is_refused or error.details.get("status") in _EXPIRED_STATUSES:
            progress.delete()
        raise
    progress.delete()


@attrs.define
class _Progress:
    """The arrived parts of one upload, kept in a file if one is given; parts are numbered in text, as in JSON."""

    file: Path | None
    component_id: str
    source: list[Any]
    upload_id: str
    urls: dict[str, str] = attrs.field(repr=False)
    checksum_name: str
    arrived: dict[str, str] = attrs.field(factory=dict)

    @classmethod
    def load(cls, file: Path | None, source: storage_requests.UploadBody, component_id: str) -> _Progress | None:
        """Return the progress of an upload of the same file for the same component, or None."""
        try:
            kept = cls(file, **json.loads(file.read_text(encoding="utf-8"))) if file is not None else None
        except (OSError, ValueError, TypeError):
            # Without a readable progress file, the upload starts again.
            return None
        is_same = kept is not None and kept.component_id == component_id and kept.source == _identity(source)
        return kept if is_same else None

    def save(self) -> None:
        """Write the file atomically; only its owner can read the signed addresses."""
        if self.file is not None:
            kept = {name: value for name, value in attrs.asdict(self).items() if name != "file"}
            write_atomically(self.file, json.dumps(kept).encode(), is_private=True)

    def delete(self) -> None:
        """Delete the file."""
        if self.file is not None:
            self.file.unlink(missing_ok=True)


def _identity(source: storage_requests.UploadBody) -> list[Any]:
    """Return the path, size and modification time of the file, as JSON keeps them."""
    return [str(source.path.absolute()), *source.state_now()]


def _send_missing(
    session: SessionInterface, source: storage_requests.UploadBody, progress: _Progress, on_bytes: OnBytes | None
) -> None:
    transferred, lock, missing = TransferProgress(source.size), threading.Lock(), []

    def send_one(number: str, part: storage_requests.UploadBody) -> None:
        tag = _put_part(session, progress.urls[number], part)
        with lock:
            progress.arrived[number] = tag
            progress.save()

    size = part_size(source.size)
    for number in sorted(progress.urls, key=int):
        start, on_sent = (int(number) - 1) * size, partial(transferred.report, int(number))
        part = storage_requests.UploadBody(
            source.path, start, min(size, source.size - start), on_sent, progress.checksum_name
        )
        if number in progress.arrived:
            on_sent(part.size)
        else:
            missing.append(partial(send_one, number, part))
    run_parallel(missing, MAX_CONCURRENT_PARTS, transferred, on_bytes)


def _put_part(session: SessionInterface, url: str, part: storage_requests.UploadBody) -> str:
    response = storage_requests.put_body(session, url, {}, part)
    tag = response.headers.get("ETag", "").strip('"')
    if not tag:
        raise TransferFailed(f"The storage returned no ETag for a part of {part.path}. Upload it again.")
    # Storages that encrypt have other tags; otherwise a tag that looks like an MD5 is that of the received bytes.
    is_encrypted = any(name.lower().startswith("x-amz-server-side-encryption") for name in response.headers)
    is_digest = part.checksum_name == "crc32" or (re.fullmatch(r"[0-9a-f]{32}", tag) and not is_encrypted)
    if is_digest and tag != part.digest:
        raise TransferFailed(f"A part of {part.path} arrived damaged. Upload it again.")
    return tag
