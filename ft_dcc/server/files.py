"""The bytes of components: signed addresses to send them to, one place on disk, answers in ranges."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import attrs
from anyio import CancelScope, to_thread
from starlette.requests import Request
from starlette.responses import Response

from ft_dcc.errors import NoSuchThing, StorageFull, TooLarge, ValidationError
from ft_dcc.server.access import claims_of, sign
from ft_dcc.server.incoming import IncomingFile, sync_folder, writing_to_disk
from ft_dcc.server.outgoing import send_file
from ft_dcc.server.thumbnails import thumbnail_of

# The location whose bytes are here, on every site.
SERVER_LOCATION_ID = "3a372bde-05bc-11e4-8908-20c9d081909b"
_BLOCK = 1 << 20
_HOUR = 3600
_DAY = 24 * _HOUR
_ABANDONED_AFTER = 7 * _DAY
_MOST_PARTS = 10_000  # As S3.
# Up to here one piece is quicker than parts, which have to be joined; sending it again costs a studio's network little.
LARGEST_PIECE = 4 << 30
# What the folder of an upload's parts is called, and has nothing in it, when they are joined.
_JOINED = ".joined"
_KEPT_FREE = 64 << 20  # The database lies on the same disk and must still be able to commit.


@attrs.frozen
class Upload:
    """What one signed address takes: the bytes of a component, or one part of them (then ``size`` is the most).

    ``account`` is the user to whom the address was given.
    """

    component_id: str
    size: int
    checksum: str | None = None
    upload_id: str | None = None
    part: int | None = None
    account: str = ""


class Files:
    """The media folder of a studio; it alone knows where the bytes of a component are."""

    def __init__(self, folder: Path, secret: bytes) -> None:
        self._secret = secret
        self._media, self._parts, self._incoming = folder / "media", folder / "parts", folder / "incoming"
        self._thumbnails = folder / "thumbnails"
        self._guard = threading.Lock()
        self._locks: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
        for place in (self._media, self._parts, self._incoming):
            place.mkdir(parents=True, exist_ok=True)

    def upload_url(
        self, base_url: str, component_id: str, size: int, checksum: str | None, account: str = ""
    ) -> tuple[str, dict[str, str]]:
        """Return an address that takes these bytes for an hour, and the headers to send with them."""
        self._require_room(size)
        claims = {"component_id": component_id, "size": size, "checksum": checksum, "account": account}
        headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
        return f"{base_url}/component/upload/{sign(self._secret, 'upload', claims, _HOUR)}", headers

    def part_urls(
        self, base_url: str, component_id: str, size: int, parts: int, account: str = ""
    ) -> tuple[str, list[dict[str, str | int]]]:
        """Return the id of an upload in parts and, for a day, one address a part."""
        if not 1 <= parts <= _MOST_PARTS:
            raise ValidationError(f"An upload has 1 to {_MOST_PARTS} parts, not {parts}.")
        self._require_room(2 * size)  # The parts, and beside them what they are joined to.
        claims = {"component_id": component_id, "size": size, "account": account}
        upload_id = sign(self._secret, "parts", {**claims, "parts": parts}, _ABANDONED_AFTER)
        urls: list[dict[str, str | int]] = []
        for number in range(1, parts + 1):
            token = sign(self._secret, "upload", {**claims, "upload_id": self._key(upload_id), "part": number}, _DAY)
            urls.append({"signed_url": f"{base_url}/component/upload/{token}", "part_number": number})
        return upload_id, urls

    def download_url(self, base_url: str, component_id: str, seconds: float = _HOUR, size: int | None = None) -> str:
        """Return an address that gives the component's bytes without credentials; ``size`` asks for a thumbnail."""
        token = sign(self._secret, "download", {"component_id": component_id, "size": size}, seconds)
        return f"{base_url}/component/signed/{token}"

    def announced(self, token: str) -> Upload:
        """Return what the address with this token takes; raises Forbidden."""
        return Upload(**claims_of(self._secret, "upload", token))

    def shown(self, token: str) -> tuple[str, int | None]:
        """Return the component, and the thumbnail size, that the address with this token gives; raises Forbidden."""
        claims = claims_of(self._secret, "download", token)
        return claims["component_id"], claims["size"]

    async def receive(self, upload: Upload, chunks: AsyncIterator[bytes]) -> str:
        """The announced bytes, no more and no less, are on disk; return a tag for them.

        The tag is in hexadecimal the MD5 of a file that was announced with one, and else the CRC-32.
        Raises ValidationError, TooLarge or StorageFull, and then nothing is left of them.
        """
        incoming = IncomingFile(self._incoming, is_md5=upload.checksum is not None)
        try:
            await _fill(incoming, chunks, upload, self._require_room)
            incoming.check(upload.size if upload.part is None else None, upload.checksum)
            await to_thread.run_sync(incoming.keep, self._target(upload, incoming.digest))
        finally:
            incoming.discard()
        return incoming.digest

    def complete(self, component_id: str, upload_id: str, parts: Iterable[Mapping[str, Any]]) -> None:
        """The parts are joined to the component's bytes; repeating it is harmless.

        Each part is ``{"part_number": …, "e_tag": …}``. Raises ValidationError when one is missing or another
        than was sent. It reads and writes the whole file: keep it out of a transaction.
        """
        claims = claims_of(self._secret, "parts", upload_id)
        if claims["component_id"] != component_id:
            raise ValidationError("This upload belongs to another component.")
        folder = self._parts / self._key(upload_id)
        joined = folder.with_suffix(_JOINED)
        # Whoever completes it a second time, while the first one still joins, waits for that.
        with self._only_one(folder.name):
            if joined.is_dir() and self.exists(component_id):
                return
            self._join(_in_order(folder, parts, claims["parts"]), component_id, claims["size"])
            shutil.rmtree(joined, ignore_errors=True)
            folder.replace(joined)
            for part in joined.iterdir():
                part.unlink()

    def path(self, component_id: str) -> Path:
        """Return where the component's bytes are, or would be; nothing of the id is in the path."""
        key = self._key(component_id)
        return self._media / key[:2] / key[2:]

    def exists(self, component_id: str) -> bool:
        """Whether the component's bytes are here, whole."""
        return self.path(component_id).is_file()

    def size(self, component_id: str) -> int:
        """Return the number of bytes; raises NoSuchThing."""
        try:
            return self.path(component_id).stat().st_size
        except FileNotFoundError as error:
            raise NoSuchThing("The bytes of this component are not on the server.") from error

    def adopt(self, path: Path, component_id: str) -> None:
        """The file, one on the same disk, is the component's bytes, and survives a power cut."""
        target = self.path(component_id)
        with writing_to_disk():
            with path.open("rb+") as file:
                os.fsync(file.fileno())
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
        sync_folder(target.parent)

    def room(self) -> int:
        """Return how many bytes may come in; fewer than 0 when the database itself has hardly any room."""
        with writing_to_disk():
            return shutil.disk_usage(self._incoming).free - _KEPT_FREE

    def remove(self, component_id: str) -> None:
        """The component's bytes are not here; harmless when they never were."""
        self.path(component_id).unlink(missing_ok=True)
        shutil.rmtree(self._thumbnails / self._key(component_id), ignore_errors=True)

    def thumbnail(self, component_id: str, size: int) -> Path:
        """Return a JPEG of the component that fits into size x size pixels; raises NoSuchThing."""
        return thumbnail_of(self.path(component_id), self._thumbnails / self._key(component_id), size)

    def respond(self, request: Request, component_id: str, media_type: str) -> Response:
        """Return the answer to a GET or HEAD: all of it, one range of it, or "not modified"."""
        return send_file(request, self.path(component_id), media_type)

    def sweep(self) -> int:
        """Remove what interrupted uploads left behind, and return how many there were; nobody may be uploading."""
        left = list(self._incoming.iterdir())
        for path in left:
            path.unlink()
        return len(left) + self.sweep_parts()

    def sweep_parts(self) -> int:
        """Remove the parts of uploads that were given up, and what is known of old ones; return how many there were."""
        stale = [path for path in self._parts.iterdir() if path.stat().st_mtime < time.time() - _ABANDONED_AFTER]
        for path in stale:
            shutil.rmtree(path)
        return len(stale)

    def _only_one(self, key: str) -> threading.Lock:
        """Return the lock of this name; it is forgotten when nobody holds it or waits for it."""
        with self._guard:
            return self._locks.setdefault(key, threading.Lock())

    def _key(self, text: str) -> str:
        return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()

    def _target(self, upload: Upload, digest: str) -> Path:
        if upload.upload_id is None:
            return self.path(upload.component_id)
        return self._parts / upload.upload_id / f"{upload.part}-{digest}"

    def _join(self, parts: list[Path], component_id: str, size: int) -> None:
        self._require_room(size)
        whole = IncomingFile(self._incoming)
        try:
            for part in parts:
                whole.append(part)
            whole.check(size, None)
            whole.keep(self.path(component_id))
        finally:
            whole.discard()

    def _require_room(self, size: int) -> None:
        if size < 0:
            raise ValidationError(f"A file cannot have {size} bytes.")
        if self.room() < size:
            raise StorageFull(f"The server's disk has no room for {size} bytes. Free some space there, then try again.")


async def _fill(
    incoming: IncomingFile, chunks: AsyncIterator[bytes], upload: Upload, require_room: Callable[[int], None]
) -> None:
    """Write and hash one block while the next arrives: the three cost about the same."""
    loop = asyncio.get_running_loop()
    received, under_way = 0, [loop.run_in_executor(None, incoming.write, b"")]
    try:
        require_room(0 if upload.part else upload.size)
        async for block in _blocks(chunks):
            received += len(block)
            if received > upload.size:
                raise TooLarge(f"The upload is larger than the {upload.size} bytes that were announced.")
            # Others take room meanwhile. How much of a file the other parts have brought already, nobody knows here.
            require_room(len(block) + (0 if upload.part else upload.size - received))
            await asyncio.gather(*under_way)
            under_way = [loop.run_in_executor(None, work, block) for work in (incoming.write, incoming.hash)]
        await asyncio.gather(*under_way)
    finally:
        with CancelScope(shield=True):
            await asyncio.gather(*under_way, return_exceptions=True)


async def _blocks(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytearray]:
    """Give the same bytes in blocks that are worth a thread switch."""
    gathered = bytearray()
    async for chunk in chunks:
        gathered += chunk
        if len(gathered) >= _BLOCK:
            yield gathered
            gathered = bytearray()
    if gathered:
        yield gathered


def _in_order(folder: Path, parts: Iterable[Mapping[str, Any]], count: int) -> list[Path]:
    received = {path.name: path for path in folder.iterdir()} if folder.is_dir() else {}
    tags = {part.get("part_number"): str(part.get("e_tag")).strip('"') for part in parts}
    if set(tags) != set(range(1, count + 1)):
        raise ValidationError(f"An upload in {count} parts is completed with all of them, once each.")
    missing = [number for number in range(1, count + 1) if f"{number}-{tags[number]}" not in received]
    if missing:
        raise ValidationError(f"Part {missing[0]} of the upload is not here as it was sent. Send it again.")
    return [received[f"{number}-{tags[number]}"] for number in range(1, count + 1)]
