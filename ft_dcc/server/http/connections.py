"""Connections of clients: the address they arrive at, limits of those without a request, and slow WebSockets."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
import ssl
import sys
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import attrs
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from ft_dcc.errors import SettingInvalid
from ft_dcc.server.http.rate_limit import client_network

_log = logging.getLogger(__name__)

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104  compared with, not listened at


@attrs.frozen
class BindAddress:
    """An address to listen at; with a certificate (PEM files) the server speaks HTTPS.

    Port 0 is any free one. ``is_plain_allowed`` is for a trusted network, or behind a proxy that does HTTPS.
    """

    host: str
    port: int
    certificate: Path | None = None
    private_key: Path | None = None
    is_plain_allowed: bool = False

    def url(self, port: int) -> str:
        """Return the server's URL for programs on this machine."""
        name = _ANY.get(self.host, self.host)
        scheme = "http" if self.certificate is None else "https"
        return f"{scheme}://[{name}]:{port}" if ":" in name else f"{scheme}://{name}:{port}"

    @contextmanager
    def listening(self) -> Iterator[socket.socket]:
        """Yield a listening socket; raises SettingInvalid when the address or the certificate cannot be used."""
        self._check_certificate()
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        try:
            listener = socket.create_server((self.host, self.port), family=family, backlog=1024)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise SettingInvalid(
                f"The server cannot listen at {self.host}, port {self.port}: {reason}. Choose another."
            ) from error
        with listener:
            # asyncio does this for its own sockets; without it a response waits 40 ms for the client's ACK.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            is_local = ipaddress.ip_address(str(listener.getsockname()[0])).is_loopback
            if self.certificate is None and not is_local:
                if not self.is_plain_allowed:
                    raise SettingInvalid(
                        f"At {self.host}, other machines can reach the server, and without HTTPS others can read the "
                        "API keys. Name a certificate, or allow plain HTTP."
                    )
                _log.warning(
                    "Plain HTTP at %s: API keys can be read on the network. Name a certificate, or use a proxy.",
                    self.host,
                )
            yield listener

    def _check_certificate(self) -> None:
        if self.certificate is None:
            if self.private_key is not None:
                raise SettingInvalid("A private key needs its certificate. Name both files, or neither.")
            return
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(self.certificate, self.private_key)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise SettingInvalid(
                f"The certificate {self.certificate} cannot be used: {reason}. Name PEM files that belong together."
            ) from error


# Longer than an upload may pause (which ends in an error response) and than a connection is kept alive.
STALLED_TIMEOUT_SECONDS = 80
# From the first byte of a request, or from the connect, to the end of its headers.
HEAD_TIMEOUT_SECONDS, MAX_HEAD_BYTES = 20, 64 << 10
# Connections of one address that wait for the headers of a request; the oldest is closed for a new one.
MAX_WAITING_PER_ADDRESS = 64
# Connections in all; at the limit, the address with the most of them gives up its oldest idle one.
MAX_CONNECTIONS = 1_000
_RESERVED_FILES = 256
# Larger pieces are sent at once, so that a streamed file does not wait in memory.
_MAX_JOINED_BYTES = 64 << 10


class JoinedWrites:
    """A transport that sends what was written in one turn of the event loop together; the rest is the given one's.

    The head and the body of a small response are one system call then, which takes as long as a small query.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self.transport = transport
        self._loop = loop
        self._pieces: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        """Keep the data until the end of this turn, or send all of it if it is much."""
        self._pieces.append(data)
        self._size += len(data)
        if self._size > _MAX_JOINED_BYTES:
            self.flush()
        elif len(self._pieces) == 1:
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Send what was written."""
        if self._pieces and not self.transport.is_closing():
            self.transport.write(b"".join(self._pieces))
        self._pieces.clear()
        self._size = 0

    def close(self) -> None:
        """Send what was written, and close the connection."""
        self.flush()
        self.transport.close()

    def abort(self) -> None:
        """Send what was written, as without this class, and abort the connection."""
        self.flush()
        self.transport.abort()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transport, name)


class TimedHttpProtocol(AutoHTTPProtocol):  # type: ignore[misc,valid-type]  # it is a class, chosen by what is installed
    """A connection that records when it last received data, and since when it waits for the headers of a request."""

    transport: Any

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.received_at = time.monotonic()
        self.head_since: float | None = self.received_at
        self._head_bytes = 0
        self.network = ""

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Accept the connection; over a limit, close the oldest waiting one of its address, or an idle one."""
        super().connection_made(JoinedWrites(transport, self.loop))
        self.network = client_network(self.client[0]) if self.client else ""
        known = [found for found in self.connections if isinstance(found, TimedHttpProtocol)]
        waiting = [found for found in known if found.head_since is not None and found.network == self.network]
        if len(waiting) > MAX_WAITING_PER_ADDRESS:
            min(waiting, key=lambda found: found.head_since or 0).transport.abort()
        elif len(known) > _max_connections():
            counts = Counter(found.network for found in known)
            idle = [found for found in known if found.is_idle and found is not self] or [self]
            # Of the address with the most connections; room is kept for the others.
            min(idle, key=lambda found: (-counts[found.network], found.received_at)).transport.abort()

    def data_received(self, data: bytes) -> None:
        """Record the time and process the data."""
        self.received_at, before = time.monotonic(), self.cycle
        if is_idle := self.is_idle:
            self.head_since = self.received_at if self.head_since is None else self.head_since
            self._head_bytes += len(data)
        super().data_received(data)
        if self.cycle is not before:
            self.head_since, self._head_bytes = None, 0
        elif is_idle and self._head_bytes > MAX_HEAD_BYTES:
            self.transport.abort()

    def handle_websocket_upgrade(self, *arguments: Any) -> None:
        """Hand over the connection itself: a WebSocket writes a message at once."""
        self.transport.flush()
        self.transport = self.transport.transport
        super().handle_websocket_upgrade(*arguments)

    @property
    def is_idle(self) -> bool:
        """Whether no request is running."""
        return self.cycle is None or self.cycle.response_complete


def close_stalled(connections: Iterable[object]) -> None:
    """Close the connections that have been waiting for their client for too long."""
    now = time.monotonic()
    for connection in tuple(connections):
        if not isinstance(connection, TimedHttpProtocol):
            continue
        # Otherwise the server is at work, and the client need not send more.
        is_client_next = (connection.is_idle or connection.cycle.more_body) and not connection.flow.read_paused
        is_stalled = is_client_next and connection.received_at < now - STALLED_TIMEOUT_SECONDS
        is_head_late = connection.head_since is not None and connection.head_since < now - HEAD_TIMEOUT_SECONDS
        if is_stalled or is_head_late:
            connection.transport.close()


def raise_file_limit() -> None:
    """Let this process open as many files as the system permits, up to what all connections and media need."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # As many WebSockets of the event hub and of review pages can be open beside the requests.
    wanted = 3 * MAX_CONNECTIONS + 4 * _RESERVED_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, limit), hard))


def _max_connections() -> int:
    if sys.platform == "win32":
        return MAX_CONNECTIONS
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_CONNECTIONS if soft == resource.RLIM_INFINITY else min(MAX_CONNECTIONS, max(64, soft - _RESERVED_FILES))


class SendQueue:
    """Messages that wait to be sent; all methods run on the event loop."""

    def __init__(self, max_messages: int, max_bytes: int) -> None:
        self._max_messages, self._max_bytes = max_messages, max_bytes
        self._messages: deque[str] = deque()
        self._bytes = 0
        self._has_changed = anyio.Event()
        self.is_closed = False

    def put(self, message: str) -> bool:
        """Queue a message, unless the queue is closed; return whether there was room for it."""
        if self.is_closed:
            return True
        if len(self._messages) >= self._max_messages or self._bytes + len(message) > self._max_bytes:
            return False
        self._messages.append(message)
        self._bytes += len(message)
        self._has_changed.set()
        return True

    def close(self) -> None:
        """Accept no more messages; those in the queue are still returned."""
        self.is_closed = True
        self._has_changed.set()

    def clear(self) -> None:
        """Remove all messages."""
        self._messages.clear()
        self._bytes = 0

    async def get(self) -> str | None:
        """Return the next message, or None when the queue is closed and empty."""
        while not self._messages:
            if self.is_closed:
                return None
            self._has_changed = anyio.Event()
            await self._has_changed.wait()
        message = self._messages.popleft()
        self._bytes -= len(message)
        return message
