"""A large file goes up in parts, several at a time, and goes on where it was interrupted."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from ft_dcc.errors import AuthenticationError, ServerError, TransferFailed
from ft_dcc.session.background import Moved, OnBytes, work_off
from ft_dcc.session.body import Body

if TYPE_CHECKING:
    from ft_dcc.session.session import Session

_MIB = 1024 * 1024
# The sizes of ftrack's JavaScript client: files up to the first number get parts of the second one.
_PART_SIZES = ((128 * _MIB, 8 * _MIB), (1024 * _MIB, 16 * _MIB), (8192 * _MIB, 32 * _MIB), (65536 * _MIB, 64 * _MIB))
_LARGEST_PART = 128 * _MIB
# With so few parts, one piece is as quick.
FEWEST = 2
AT_ONCE = 4
_GONE = (400, 401, 403, 404)


def part_size(size: int) -> int:
    """Return the bytes of each part but the last, for a file of so many bytes."""
    return next((part for largest, part in _PART_SIZES if size <= largest), _LARGEST_PART)


def count_for(size: int) -> int:
    """Return the number of parts that a file of so many bytes is sent in."""
    return -(-size // part_size(size))


def send(
    session: Session,
    source: Body,
    announcement: Mapping[str, Any],
    progress_file: Path | None,
    on_bytes: OnBytes | None,
) -> None:
    """The parts that had not arrived have, and the server has joined them; raises TransferFailed."""
    progress = _Progress.load(progress_file, source, announcement["component_id"])
    if progress is None:
        answer = session.call(dict(announcement))[0]
        urls = {int(part["part_number"]): str(part["signed_url"]) for part in answer["urls"]}
        # A studio server says what its tags are. Elsewhere those that look like an MD5 are one.
        checksum_name = "crc32" if answer.get("part_checksum") == "crc32" else "md5"
        component_id = announcement["component_id"]
        identity, upload_id = _identity(source), answer["upload_id"]
        progress = _Progress(progress_file, identity, component_id, upload_id, urls, checksum_name)
        progress.save()
    try:
        _send_missing(session, source, progress, on_bytes)
        if _identity(source) != progress.identity:
            progress.forget()
            raise source.changed()
        session.call(
            {
                "action": "complete_multipart_upload",
                "component_id": progress.component_id,
                "upload_id": progress.upload_id,
                "parts": [{"part_number": number, "e_tag": tag} for number, tag in sorted(progress.arrived.items())],
            }
        )
    except (TransferFailed, ServerError) as error:
        # Addresses are valid for a time only, and a server forgets parts that nobody joined.
        is_refused = isinstance(error, ServerError) and not isinstance(error, AuthenticationError)
        if is_refused or error.details.get("status") in _GONE:
            progress.forget()
        raise
    progress.forget()


@attrs.define
class _Progress:
    """What has arrived of one upload; kept in a file when there is one."""

    file: Path | None
    identity: list[Any]
    component_id: str
    upload_id: str
    urls: dict[int, str] = attrs.field(repr=False)
    checksum_name: str
    arrived: dict[int, str] = attrs.field(factory=dict)

    @classmethod
    def load(cls, file: Path | None, source: Body, component_id: str) -> _Progress | None:
        """Return what the file says of the same bytes for the same component, or None."""
        try:
            kept = json.loads(file.read_text(encoding="utf-8")) if file is not None else None
            if kept is None or kept["component_id"] != component_id or kept["source"] != _identity(source):
                return None
            upload_id, checksum_name = kept["upload_id"], kept["checksum_name"]
            urls = {int(number): url for number, url in kept["urls"].items()}
            arrived = {int(number): tag for number, tag in kept["arrived"].items()}
            return cls(file, kept["source"], component_id, upload_id, urls, checksum_name, arrived)
        except (OSError, ValueError, KeyError, TypeError):
            # What cannot be read is no loss: the upload begins anew.
            return None

    def save(self) -> None:
        """The file holds it, whole; nobody but its owner can read the addresses."""
        if self.file is None:
            return
        draft = self.file.with_name(f"{self.file.name}.draft")
        kept = {
            "component_id": self.component_id,
            "source": self.identity,
            "upload_id": self.upload_id,
            "urls": self.urls,
            "checksum_name": self.checksum_name,
            "arrived": self.arrived,
        }
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(kept, file)
        draft.replace(self.file)

    def forget(self) -> None:
        """The file is gone."""
        if self.file is not None:
            self.file.unlink(missing_ok=True)


def _identity(source: Body) -> list[Any]:
    """What changes when the file does."""
    return [str(source.path.absolute()), *source.state_now()]


def _send_missing(session: Session, source: Body, progress: _Progress, on_bytes: OnBytes | None) -> None:
    moved, lock, missing = Moved(source.size), threading.Lock(), []

    def send_one(number: int, part: Body) -> None:
        tag = _put_part(session, progress.urls[number], part)
        with lock:
            progress.arrived[number] = tag
            progress.save()

    for number in sorted(progress.urls):
        part = _part(source, number, moved, progress.checksum_name)
        if number in progress.arrived:
            moved.count(number, part.size)
        else:
            missing.append(partial(send_one, number, part))
    work_off(missing, AT_ONCE, moved, on_bytes)


def _part(source: Body, number: int, moved: Moved, checksum_name: str) -> Body:
    size = part_size(source.size)
    start = (number - 1) * size
    return Body(source.path, start, min(size, source.size - start), partial(moved.count, number), checksum_name)


def _put_part(session: Session, url: str, part: Body) -> str:
    from ft_dcc.session import transfer

    response = transfer.put(session, url, {}, part)
    tag = response.headers.get("ETag", "").strip('"')
    if not tag:
        raise TransferFailed(f"The storage took a part of {part.path} and gave no ETag for it.")
    # A storage that encrypts gives other tags; where the tag is an MD5, it is the MD5 of what has arrived.
    is_encrypted = any(name.lower().startswith("x-amz-server-side-encryption") for name in response.headers)
    is_digest = part.checksum_name == "crc32" or (re.fullmatch(r"[0-9a-f]{32}", tag) and not is_encrypted)
    if is_digest and tag != part.digest:
        raise TransferFailed(f"A part of {part.path} arrived damaged. Upload it again.")
    return tag
