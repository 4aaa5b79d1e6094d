"""Read the bodies of API requests: with a limit for each request, for each account, and for all of them."""

from __future__ import annotations

from urllib.parse import parse_qs

from anyio import fail_after
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive

from ft_dcc.server.errors import BadRequest, PayloadTooLarge
from ft_dcc.server.http.slots import Slots

MAX_BODY_BYTES = 8 << 20
# Bytes of bodies that are held at once: of one account, and of all.
MAX_ACCOUNT_BYTES, MAX_TOTAL_BYTES = 32 << 20, 96 << 20
BODY_TIMEOUT_SECONDS = 60


async def read_body(request: Request, limit: int) -> bytes:
    """Return the body of a request; raises PayloadTooLarge above this number of bytes, a multiple of 1024."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise PayloadTooLarge(f"A request to this address has at most {limit >> 10} KiB. Send less at once.")
    return bytes(body)


async def read_form(request: Request, limit: int) -> dict[str, str]:
    """Return the first value of each field of an HTML form; raises PayloadTooLarge."""
    body = await read_body(request, limit)
    return {name: values[0] for name, values in parse_qs(body.decode(errors="replace")).items()}


class BodyReader:
    """Reads the bodies of authenticated requests, and counts the bytes that wait for the rest of theirs."""

    def __init__(self) -> None:
        self._held = Slots("large requests", MAX_ACCOUNT_BYTES, MAX_TOTAL_BYTES)

    async def read(self, receive: Receive, account: str) -> bytes:
        """Return the body of a request of this account.

        Raises PayloadTooLarge, ServiceUnavailable, BadRequest after a minute, and ClientDisconnect.
        """
        pieces: list[bytes] = []
        try:
            with fail_after(BODY_TIMEOUT_SECONDS):
                while await self._receive_piece(receive, account, pieces):
                    pass
        except TimeoutError as error:
            raise BadRequest(
                f"The request did not arrive within {BODY_TIMEOUT_SECONDS} seconds. Send it again in smaller batches."
            ) from error
        finally:
            self._held.release(account, sum(map(len, pieces)))
        return b"".join(pieces)

    async def _receive_piece(self, receive: Receive, account: str, pieces: list[bytes]) -> bool:
        """Add the next piece, and return whether more will come."""
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        piece: bytes = message.get("body", b"")
        if sum(map(len, pieces)) + len(piece) > MAX_BODY_BYTES:
            raise PayloadTooLarge(
                f"A request has at most {MAX_BODY_BYTES >> 20} MiB. Send the operations in smaller batches."
            )
        self._held.acquire(account, len(piece))
        pieces.append(piece)
        return bool(message.get("more_body"))
