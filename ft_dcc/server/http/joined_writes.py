"""Send the head and the body of a small response in one system call, which takes as long as a small query."""

from __future__ import annotations

import asyncio
from typing import Any

# Larger pieces are sent at once, so that a streamed file does not wait in memory.
_MAX_BYTES = 64 << 10


class JoinedWrites:
    """A transport that sends what was written in one turn of the event loop together; the rest is the given one's."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self.transport = transport
        self._loop = loop
        self._pieces: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        """Keep the data until the end of this turn, or send all of it if it is much."""
        self._pieces.append(data)
        self._size += len(data)
        if self._size > _MAX_BYTES:
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
