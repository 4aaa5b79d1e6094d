"""Limit what clients hold at once: requests, uploads, bytes of bodies, changes that wait for the writer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from ft_dcc.server.errors import ServiceUnavailable

_RETRY_SECONDS = 5


class Slots:
    """Amounts that clients hold at once, with a limit for each client and one for all; for one event loop.

    ``kind`` names what is limited, in the plural. More than ``max_waiting`` clients do not wait.
    """

    def __init__(self, kind: str, per_client: int, total: int | None = None, max_waiting: int | None = None) -> None:
        self._kind, self._per_client, self._total, self._max_waiting = kind, per_client, total, max_waiting
        self._held: Counter[str] = Counter()
        self._waiting = 0
        self._released: anyio.Event | None = None

    def has_room(self, client: str, amount: int = 1) -> bool:
        """Return whether the client may hold this amount in addition to what it holds."""
        is_full = self._total is not None and sum(self._held.values()) + amount > self._total
        return not is_full and self._held[client] + amount <= self._per_client

    async def wait(self, client: str, amount: int = 1) -> None:
        """Wait until there is room for the amount, unless too many wait already."""
        if self._max_waiting is not None and self._waiting >= self._max_waiting:
            return
        self._waiting += 1
        try:
            while not self.has_room(client, amount):
                self._released = self._released or anyio.Event()
                await self._released.wait()
        finally:
            self._waiting -= 1

    def acquire(self, client: str, amount: int = 1) -> None:
        """Add an amount to what the client holds; raises ServiceUnavailable without room for it."""
        if not self.has_room(client, amount):
            raise ServiceUnavailable(f"Too many {self._kind} at once. Send it again in a moment.", _RETRY_SECONDS)
        self._held[client] += amount

    def release(self, client: str, amount: int = 1) -> None:
        """Remove the amount from what the client holds."""
        self._held[client] -= amount
        if not self._held[client]:
            del self._held[client]
        if self._released is not None:
            self._released.set()
            self._released = None

    @contextmanager
    def held(self, client: str, amount: int = 1) -> Iterator[None]:
        """Hold an amount inside the block; raises ServiceUnavailable without room for it."""
        self.acquire(client, amount)
        try:
            yield
        finally:
            self.release(client, amount)
