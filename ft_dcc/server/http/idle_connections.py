"""Limit the connections of one address, and close those on which no request arrives or continues.

Many of them, opened on purpose or by a program that hangs, would keep other clients from connecting.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterable
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from ft_dcc.server.http.rate_limit import client_network

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
        """Make room for the connection, and accept it."""
        super().connection_made(JoinedWrites(transport, self.loop))
        self.network = client_network(self.client[0]) if self.client else ""
        make_room(self, self.connections)

    def data_received(self, data: bytes) -> None:
        """Record the time and process the data."""
        self.received_at, before = time.monotonic(), self.cycle
        is_idle = before is None or before.response_complete
        if is_idle:
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
    def is_waiting_for_client(self) -> bool:
        """Whether the server can do nothing before the client sends more."""
        cycle = self.cycle
        is_responding = cycle is not None and not cycle.more_body and not cycle.response_complete
        return not is_responding and not self.flow.read_paused

    @property
    def is_idle(self) -> bool:
        """Whether no request is running."""
        return self.cycle is None or self.cycle.response_complete


def make_room(new: TimedHttpProtocol, connections: Iterable[object]) -> None:
    """Close the oldest waiting connection of the address, or an idle one of the largest, if a limit is exceeded."""
    known = [found for found in connections if isinstance(found, TimedHttpProtocol)]
    waiting = [found for found in known if found.head_since is not None and found.network == new.network]
    if len(waiting) > MAX_WAITING_PER_ADDRESS:
        min(waiting, key=lambda found: found.head_since or 0).transport.abort()
        return
    if len(known) <= _max_connections():
        return
    counts: dict[str, int] = {}
    for found in known:
        counts[found.network] = counts.get(found.network, 0) + 1
    idle = [found for found in known if found.is_idle and found is not new] or [new]
    # Of the address with the most connections; room is kept for the others.
    min(idle, key=lambda found: (-counts[found.network], found.received_at)).transport.abort()


def close_stalled(connections: Iterable[object]) -> None:
    """Close the connections that have been waiting for their client for too long."""
    now = time.monotonic()
    for connection in tuple(connections):
        if not isinstance(connection, TimedHttpProtocol):
            continue
        is_stalled = connection.received_at < now - STALLED_TIMEOUT_SECONDS and connection.is_waiting_for_client
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
