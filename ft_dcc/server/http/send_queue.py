"""The queue of messages to one WebSocket, so that a slow client does not block others."""

from __future__ import annotations

from collections import deque

import anyio


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
