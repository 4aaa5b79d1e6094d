"""Resumable uploads of large files in concurrent parts."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from ft_dcc.errors import AuthenticationError, ServerError, TransferFailed
from ft_dcc.files.atomic import write_atomically
from ft_dcc.session.entities.entity import SessionInterface
from ft_dcc.session.transfer import storage_requests
from ft_dcc.session.transport.cancellation import OnBytes, TransferProgress, run_parallel

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


def send(
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
