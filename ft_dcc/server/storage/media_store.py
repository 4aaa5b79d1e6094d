"""The files of components: signed URLs for uploads and downloads, and the folder that holds them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import threading
import time
from base64 import b64decode
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import attrs
from anyio import CancelScope, to_thread

from ft_dcc.files.atomic import remove_tree, replace, sync_folder
from ft_dcc.server.auth.tokens import sign, verify
from ft_dcc.server.database import clock
from ft_dcc.server.database.media_checksums import Piece
from ft_dcc.server.errors import InsufficientStorage, PayloadTooLarge, ValidationError, writing_to_disk
from ft_dcc.server.storage import derived_media, media_files

_BLOCK = 1 << 20
_HOUR = 3600
_DAY = 24 * _HOUR
_MAX_UPLOAD_AGE_SECONDS = 7 * _DAY
_MAX_PARTS = 10_000  # As S3.
# Below, one upload is quicker than parts, which have to be joined, and cheap to repeat in a studio's network.
MAX_SINGLE_UPLOAD_BYTES = 4 << 30
# Under this path the JavaScript client looks for the image of an entity without a thumbnail.
PLACEHOLDER_PATH = "/img/thumbnail2.png"
# The suffix of the folder of an upload whose parts are joined; it is empty.
_JOINED_SUFFIX = ".joined"
# The database is on the same disk and must still be able to commit.
_RESERVED_BYTES = 64 << 20


_log = logging.getLogger(__name__)

# Calls the function that makes a file the component's with this id, or raises.
Place = Callable[[str, Callable[[], None]], None]


@attrs.frozen
class Upload:
    """The upload that one signed URL accepts: a component, or one part of it (then ``size`` is the maximum).

    ``account`` is the user who asked for the URL, and ``issued_at`` when. With ``equal_to``, the upload has no bytes:
    they are those of that component, whose checksum was compared when the URL was issued.
    """

    component_id: str
    size: int
    checksum: str | None = None
    equal_to: str = ""
    upload_id: str | None = None
    part: int | None = None
    account: str = ""
    issued_at: float = 0


@attrs.frozen
class Download:
    """The file that one signed URL returns: a component's, or with ``size`` its thumbnail.

    ``account`` is the user who asked for the URL, and ``issued_at`` when; "" for the server itself.
    """

    component_id: str
    size: int | None = None
    account: str = ""
    issued_at: float = 0


class MediaStore:
    """The media folder of a server; only this class knows the paths in it."""

    def __init__(self, folder: Path, secret: bytes) -> None:
        self._secret = secret
        self._files = media_files.MediaFiles(folder)
        self._held = folder / "held"
        self._parts, self._incoming = folder / "parts", folder / "incoming"
        self._thumbnails, self._derived = folder / "thumbnails", folder / "derived"
        self._locks_guard = threading.Lock()
        self._locks: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
        for path in (self._files.folder, self._parts, self._incoming):
            path.mkdir(parents=True, exist_ok=True)

    def upload_url(
        self, base_url: str, component_id: str, size: int, checksum: str | None, account: str = "", equal_to: str = ""
    ) -> tuple[str, dict[str, str]]:
        """Return a URL for the file, valid for an hour, and headers; raises ValidationError, InsufficientStorage."""
        self._require_space(size)
        claims = {"component_id": component_id, "size": size, "checksum": checksum, "account": account}
        claims.update(issued_at=clock.now(), equal_to=equal_to)
        headers = {"Content-Length": "0" if equal_to else str(size), "Content-Type": "application/octet-stream"}
        return f"{base_url}/component/upload/{sign(self._secret, 'upload', claims, _HOUR)}", headers

    def part_urls(
        self, base_url: str, component_id: str, size: int, parts: int, account: str = ""
    ) -> tuple[str, list[dict[str, str | int]]]:
        """Return the id of an upload in parts, and one URL for each part, valid for a day."""
        if not 1 <= parts <= _MAX_PARTS:
            raise ValidationError(f"An upload has 1 to {_MAX_PARTS} parts, not {parts}.")
        self._require_space(2 * size)  # The parts, and beside them the file that they are joined to.
        claims = {"component_id": component_id, "size": size, "account": account, "issued_at": clock.now()}
        upload_id = sign(self._secret, "parts", {**claims, "parts": parts}, _MAX_UPLOAD_AGE_SECONDS)
        folder = self._files.name(upload_id)
        urls: list[dict[str, str | int]] = []
        for number in range(1, parts + 1):
            token = sign(self._secret, "upload", {**claims, "upload_id": folder, "part": number}, _DAY)
            urls.append({"signed_url": f"{base_url}/component/upload/{token}", "part_number": number})
        return upload_id, urls

    def download_url(
        self, base_url: str, component_id: str, account: str = "", *, seconds: float = _HOUR, size: int | None = None
    ) -> str:
        """Return a URL of the component's file that needs no credentials; with ``size``, of its thumbnail.

        It is valid for this time, and until the account is deactivated or one of its keys is revoked.
        """
        claims: dict[str, Any] = {"component_id": component_id, "size": size}
        if account:
            claims.update(account=account, issued_at=round(clock.now(), 3))
        return f"{base_url}/component/signed/{sign(self._secret, 'download', claims, seconds)}"

    def parse_upload_token(self, token: str) -> Upload:
        """Return the upload that the URL with this token accepts; raises Forbidden."""
        return Upload(**verify(self._secret, "upload", token))

    def parse_upload_id(self, upload_id: str) -> tuple[str, float]:
        """Return the account of an upload in parts, and when it began; raises Forbidden."""
        claims = verify(self._secret, "parts", upload_id)
        return claims["account"], claims.get("issued_at", 0)

    def parse_download_token(self, token: str) -> Download:
        """Return the download that the URL with this token stands for; raises Forbidden."""
        return Download(**verify(self._secret, "download", token))

    async def receive(self, upload: Upload, chunks: AsyncIterator[bytes], place: Place) -> str:
        """Store an upload of exactly the announced size, and return its ETag.

        ``place`` is called with the component id and the function that makes the file the component's.
        The tag is the MD5, in hexadecimal, of an upload that was announced with one, and else the CRC-32.
        Raises ValidationError, PayloadTooLarge or InsufficientStorage, and then nothing is kept.
        """
        if upload.equal_to:
            return await to_thread.run_sync(self._copy, upload, place)
        incoming = media_files.IncomingFile(self._incoming, is_md5=upload.checksum is not None)
        try:
            await _fill(incoming, chunks, upload, self._require_space)
            incoming.check(upload.size if upload.part is None else None, upload.checksum)
            await to_thread.run_sync(self._keep, incoming, upload, place)
        finally:
            incoming.discard()
        return incoming.digest

    def _keep(self, incoming: media_files.IncomingFile, upload: Upload, place: Place) -> None:
        if upload.upload_id is None:
            self._replace(upload.component_id, incoming, [Piece(incoming.size, incoming.digest)], place)
        else:
            incoming.move_to(self._parts / upload.upload_id / f"{upload.part}-{incoming.digest}")

    def has(self, component_id: str, size: int, checksum: str) -> bool:
        """Return whether the component's file arrived in one piece with this CRC-32, or MD5 in base64."""
        with contextlib.suppress(ValueError):
            return self._files.has(self._files.name(component_id), Piece(size, _hexadecimal(checksum)))
        return False

    def _copy(self, upload: Upload, place: Place) -> str:
        """Make a copy of another component's file the component's, and return its ETag; nothing was sent."""
        source, copied = self.path(upload.equal_to), media_files.IncomingFile(self._incoming)
        digest = _hexadecimal(upload.checksum or "")
        try:
            media_files.stat_media(source)
            copied.append(source)
            copied.check(upload.size, None)
            self._replace(upload.component_id, copied, [Piece(copied.size, digest)], place)
        finally:
            copied.discard()
        return digest

    def _replace(
        self, component_id: str, incoming: media_files.IncomingFile, pieces: list[Piece], place: Place
    ) -> None:
        """Make the file the component's; its checksums are stored last, so that they never belong to another file."""
        name = self._files.name(component_id)
        incoming.flush()

        def move() -> None:
            self._files.forget(name)
            incoming.move_to(self._files.file(name))
            with writing_to_disk():
                self._files.record(name, pieces)

        place(component_id, move)

    def complete(self, component_id: str, upload_id: str, parts: Iterable[Mapping[str, Any]], place: Place) -> None:
        """Join the parts to the component's file; harmless when repeated.

        Each part is ``{"part_number": …, "e_tag": …}``. Raises ValidationError when one is missing or differs from
        the one that was sent. This reads and writes the whole file: keep it out of a transaction.
        """
        claims = verify(self._secret, "parts", upload_id)
        if claims["component_id"] != component_id:
            raise ValidationError("This upload belongs to another component.")
        folder = self._parts / self._files.name(upload_id)
        joined = folder.with_suffix(_JOINED_SUFFIX)
        # A second request to complete it waits for the first one. The lock exists for as long as one of them needs it.
        with self._locks_guard:
            lock = self._locks.setdefault(folder.name, threading.Lock())
        with lock:
            if joined.is_dir() and self.exists(component_id):
                return
            self._join(_check_parts(folder, parts, claims["parts"]), component_id, claims["size"], place)
            remove_tree(joined)
            replace(folder, joined)
            for part in joined.iterdir():
                part.unlink()

    def path(self, component_id: str) -> Path:
        """Return the path of the component's file, which may not exist; nothing of the id is in the path."""
        return self._files.file(self._files.name(component_id))

    def exists(self, component_id: str) -> bool:
        """Return whether the component's complete file is here."""
        return self.path(component_id).is_file()

    def size(self, component_id: str) -> int:
        """Return the size of the component's file in bytes; raises NotFound."""
        return media_files.stat_media(self.path(component_id)).st_size

    def import_file(self, path: Path, component_id: str) -> None:
        """Move a file of the same disk here as the component's, flushed to disk; raises InsufficientStorage."""
        target = self.path(component_id)
        with writing_to_disk():
            with path.open("rb+") as file:
                os.fsync(file.fileno())
            pieces = media_files.measure(path)
            self._files.forget(self._files.name(component_id))
            target.parent.mkdir(parents=True, exist_ok=True)
            replace(path, target)
            self._files.record(self._files.name(component_id), pieces)
        sync_folder(target.parent)

    def free_bytes(self) -> int:
        """Return how many bytes may be stored; below 0 when only the reserve for the database is left."""
        with writing_to_disk():
            return shutil.disk_usage(self._incoming).free - _RESERVED_BYTES

    def remove(self, component_id: str) -> None:
        """Remove a component's file and thumbnails, if any; Windows keeps a file in use for ``cleanup_parts``."""
        path, name = self.path(component_id), self._files.name(component_id)
        try:
            path.unlink(missing_ok=True)
        except PermissionError as error:
            _log.warning("%s is in use, and is removed later: %s", path, error)
            self._held.mkdir(exist_ok=True)
            (self._held / f"{name}-{path.stat().st_mtime_ns:x}").touch()
        self._files.forget(name)
        for folder in (self._thumbnails, self._derived):
            remove_tree(folder / self._files.name(component_id))

    def thumbnail(self, component_id: str, size: int) -> Path:
        """Return the path of a thumbnail of about this size, which may not exist; raises NotFound."""
        folder = self._thumbnails / self._files.name(component_id)
        return derived_media.thumbnail_path(self.path(component_id), folder, size)

    def derived_file(self, component_id: str, name: str) -> Path:
        """Return the path of a file that is made of the component's, which may not exist; raises NotFound.

        A component that is uploaded again has other ones.
        """
        facts = media_files.stat_media(self.path(component_id))
        return self._derived / self._files.name(component_id) / f"{facts.st_mtime_ns:x}-{name}"

    def keep_derived(self, made: Path, path: Path) -> None:
        """Move a file of the same disk to the path of a derived one; raises InsufficientStorage."""
        with writing_to_disk():
            path.parent.mkdir(parents=True, exist_ok=True)
            replace(made, path)

    def cleanup(self) -> int:
        """Remove the files of interrupted uploads, and return their number; no upload may be running."""
        left = list(self._incoming.iterdir())
        for path in left:
            path.unlink()
        return len(left) + self.cleanup_parts()

    def cleanup_parts(self) -> int:
        """Remove old parts of uploads, whose number is returned, marks of joined ones, and watermarked copies."""
        # Copies of movies and images for one viewer are made again when needed.
        for copy in self._derived.glob("*/*-watermark-*"):
            with contextlib.suppress(OSError):  # It is removed with its component, or in use on Windows.
                if copy.stat().st_mtime < time.time() - _MAX_UPLOAD_AGE_SECONDS:
                    copy.unlink()
        stale = [path for path in self._parts.iterdir() if path.stat().st_mtime < time.time() - _MAX_UPLOAD_AGE_SECONDS]
        for path in stale:
            remove_tree(path)
        # What another program held when the component was deleted.
        for mark in self._held.glob("*-*"):
            name, _, changed = mark.name.partition("-")
            path = self._files.file(name)
            with contextlib.suppress(PermissionError):
                # A component that was uploaded again has another file.
                if path.is_file() and f"{path.stat().st_mtime_ns:x}" == changed:
                    path.unlink()
                mark.unlink()
        return len(stale)

    def _join(self, parts: list[Path], component_id: str, size: int, place: Place) -> None:
        self._require_space(size)
        joined = media_files.IncomingFile(self._incoming)
        try:
            for part in parts:
                joined.append(part)
            joined.check(size, None)
            # Each part has its checksum in its name.
            pieces = [Piece(part.stat().st_size, part.name.partition("-")[2]) for part in parts]
            self._replace(component_id, joined, pieces, place)
        finally:
            joined.discard()

    def _require_space(self, size: int) -> None:
        if size < 0:
            raise ValidationError(f"A file cannot have {size} bytes.")
        if self.free_bytes() < size:
            raise InsufficientStorage(
                f"The server's disk has no room for {size} bytes. Free some space there, then try again."
            )


def _hexadecimal(checksum: str) -> str:
    """Return a CRC-32 as it is, and an MD5 in base64 as the stored one; raises ValueError."""
    return checksum if len(checksum) == 8 else b64decode(checksum, validate=True).hex()


async def _fill(
    incoming: media_files.IncomingFile,
    chunks: AsyncIterator[bytes],
    upload: Upload,
    require_space: Callable[[int], None],
) -> None:
    """Write and hash one block while the next arrives: the three take about the same time."""
    loop = asyncio.get_running_loop()
    received, running = 0, [loop.run_in_executor(None, incoming.write, b"")]
    try:
        require_space(0 if upload.part else upload.size)
        async for block in _blocks(chunks):
            received += len(block)
            if received > upload.size:
                raise PayloadTooLarge(f"The upload is larger than the {upload.size} bytes that were announced.")
            # Other uploads use space meanwhile. How much of a file its other parts have brought is not known here.
            require_space(len(block) + (0 if upload.part else upload.size - received))
            await asyncio.gather(*running)
            running = [loop.run_in_executor(None, work, block) for work in (incoming.write, incoming.hash)]
        await asyncio.gather(*running)
    finally:
        with CancelScope(shield=True):
            await asyncio.gather(*running, return_exceptions=True)


async def _blocks(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytearray]:
    """Yield the same bytes in blocks that are worth a thread switch."""
    gathered = bytearray()
    async for chunk in chunks:
        gathered += chunk
        if len(gathered) >= _BLOCK:
            yield gathered
            gathered = bytearray()
    if gathered:
        yield gathered


def _check_parts(folder: Path, parts: Iterable[Mapping[str, Any]], count: int) -> list[Path]:
    """Return the files of the parts in order; raises ValidationError when one is missing."""
    received = {path.name: path for path in folder.iterdir()} if folder.is_dir() else {}
    tags = {part.get("part_number"): str(part.get("e_tag")).strip('"') for part in parts}
    if set(tags) != set(range(1, count + 1)):
        raise ValidationError(f"An upload in {count} parts is completed with all of them, once each.")
    missing = [number for number in range(1, count + 1) if f"{number}-{tags[number]}" not in received]
    if missing:
        raise ValidationError(f"Part {missing[0]} of the upload is not here as it was sent. Send it again.")
    return [received[f"{number}-{tags[number]}"] for number in range(1, count + 1)]
