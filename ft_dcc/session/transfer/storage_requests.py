"""Requests for the bytes of components, to the server and to the storage of its signed addresses, and their bodies."""

from __future__ import annotations

import base64
import hashlib
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ft_dcc.errors import TransferFailed
from ft_dcc.session.entities.entity import SessionInterface

if TYPE_CHECKING:
    import requests

# Seconds between attempts.
RETRY_DELAYS_SECONDS = (0.5, 1.0, 2.0, 4.0)
# Small enough that slow connections report progress several times a second.
_BLOCK_SIZE = 256 * 1024
_PROXY_REMEDY = (
    "If it happens again, ask the administrator for the limits of the proxy before the server: in nginx, "
    "client_max_body_size and client_body_timeout."
)


class UploadBody:
    """Bytes of a file, sent in blocks; each iteration starts again at the first block."""

    def __init__(
        self,
        path: Path,
        start: int = 0,
        size: int | None = None,
        # Called with the number of sent bytes, 0 at the start; an exception that it raises ends the attempt.
        on_sent: Callable[[int], None] | None = None,
        # The checksum of the sent bytes: "md5" or "crc32".
        checksum_name: str = "md5",
    ) -> None:
        self.checksum_name = checksum_name
        self.path, self.start, self.on_sent = path, start, on_sent
        # The local error, after which the upload is not repeated.
        self.failure: BaseException | None = None
        # The checksum of the last attempt, in hexadecimal.
        self.digest = ""
        # The number of bytes that the last attempt sent.
        self.sent = 0
        self._is_whole = start == 0 and size is None
        self.state = self.state_now()
        self.size = self.state[0] - start if size is None else size

    def __len__(self) -> int:
        return self.size

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[bytes]:
        md5, crc32, sent = hashlib.md5(usedforsecurity=False), 0, 0
        is_crc32 = self.checksum_name == "crc32"
        try:
            self._count(0)
            for block in self.blocks():
                if is_crc32:
                    crc32 = zlib.crc32(block, crc32)
                else:
                    md5.update(block)
                yield block
                sent += len(block)
                self._count(sent)
        except Exception as error:
            self.failure = error
            raise
        self.digest = f"{crc32:08x}" if is_crc32 else md5.hexdigest()

    def state_now(self) -> tuple[int, int]:
        """Return the file's size and modification time; raises TransferFailed."""
        try:
            return _state(self.path.stat())
        except OSError as error:
            raise TransferFailed(f"{self.path} cannot be read: {error.strerror}.") from error

    def changed(self) -> TransferFailed:
        """Return the error for a file that was changed during the upload."""
        return TransferFailed(f"{self.path} was changed while it was read. Upload it again when it is finished.")

    def blocks(self) -> Iterator[bytes]:
        """Yield the bytes in blocks; raises TransferFailed if the file is changed meanwhile."""
        remaining = self.size
        try:
            with self.path.open("rb", buffering=0) as file:
                # Of the open file: on network disks the state of a path is outdated, and the path can be removed.
                state = _state(os.fstat(file.fileno()))
                file.seek(self.start)
                while remaining and (block := file.read(min(_BLOCK_SIZE, remaining))):
                    remaining -= len(block)
                    yield block
                is_changed = _state(os.fstat(file.fileno())) != state or (self._is_whole and state[0] != self.size)
        except OSError as error:
            raise TransferFailed(f"{self.path} cannot be read: {error.strerror}.") from error
        if remaining:
            raise TransferFailed(f"{self.path} became shorter while it was read. Upload it again when it is finished.")
        if is_changed:
            raise self.changed()

    def checksum(self) -> str:
        """Read the bytes and return their MD5 in base64."""
        digest = hashlib.md5(usedforsecurity=False)
        for block in self.blocks():
            digest.update(block)
        return base64.b64encode(digest.digest()).decode()

    def crc32(self) -> str:
        """Read the bytes and return their CRC-32 in hexadecimal."""
        crc32 = 0
        for block in self.blocks():
            crc32 = zlib.crc32(block, crc32)
        return f"{crc32:08x}"

    def _count(self, sent: int) -> None:
        self.sent = sent
        if self.on_sent is not None:
            self.on_sent(sent)


def _state(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns


def put_body(session: SessionInterface, url: str, headers: dict[str, str], body: UploadBody) -> requests.Response:
    """Return the storage's response to the body; failed attempts are repeated from the start of the body.

    Raises TransferFailed, and the error that the body itself raised.
    """
    # Imported late: most programs that import the session never transfer files.
    import requests

    from ft_dcc.session.transport import http

    for delay in (*RETRY_DELAYS_SECONDS, None):
        try:
            response = session.transport.put(url, body if body.size else b"", headers)
        except requests.RequestException as error:
            if body.failure is not None:
                raise body.failure from error
            if delay is None:
                # The signed address is a secret, so the error that contains it is not chained.
                reason = str(http.unreachable(session.server_url, error))
                if body.sent and not isinstance(error, requests.Timeout):
                    reason = f"The connection was closed after {body.sent} of {body.size} bytes. {_PROXY_REMEDY}"
                raise TransferFailed(f"The upload of {body.path} was interrupted. {reason}") from None
            http.wait(delay)
            continue
        # Every storage returns an ETag for what it has stored.
        if response.status_code < 300 and response.headers.get("ETag"):
            return response
        # A proxy or a login page of the network may answer in place of the storage.
        is_foreign = not 400 <= response.status_code < 500
        if delay is not None and (is_foreign or http.is_busy(response)):
            http.wait(delay, http.retry_after(response))
            continue
        status = response.status_code
        if status == 413 and "exception" not in response.text:
            raise TransferFailed(
                f"The upload of {body.path} with {body.size} bytes was refused with status 413. {_PROXY_REMEDY}",
                {"status": status},
            )
        if is_foreign:
            raise TransferFailed(
                f"The upload of {body.path} did not reach the storage: something else answered with status {status}. "
                "Check the network; the upload is repeated when the job resumes."
            )
        raise TransferFailed(
            f"The upload of {body.path} was refused with status {status}. "
            "Upload it again. If that fails too, ask the administrator of the server's storage.",
            {"status": status},
        )
    raise AssertionError("the last attempt returns or raises")


def request_component(session: SessionInterface, route: str, component_id: str) -> requests.Response:
    """Return the server's response about a component, with an unread body and any status. Raises ServerUnreachable."""
    import requests

    from ft_dcc.session.transport import http

    address, in_headers = f"{session.server_url}{route}", {"id": component_id}
    # Some sites ignore the headers here and read the credentials from the address, like those of the official client.
    # Addresses get into logs, so this is the second choice.
    in_address = {**in_headers, "username": session.api_user, "apiKey": session.api_key}
    for parameters in (in_address,) if session.transport.sends_credentials_in_address else (in_headers, in_address):
        try:
            response = session.transport.http.get(
                address, params=parameters, timeout=session.transport.timeout, stream=True, headers={"Accept": "*/*"}
            )
        except requests.RequestException as error:
            raise http.unreachable(session.server_url, error) from None
        if response.status_code not in (401, 403):
            session.transport.sends_credentials_in_address = parameters is in_address
            break
        response.close()
    return response
