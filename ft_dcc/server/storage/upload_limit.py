"""Limit how many uploads run at once: each holds an open file and a few blocks in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from ft_dcc.server.errors import ServiceUnavailable

# A workstation sends six parts of a file at once; a farm publishes from many machines as one user.
MAX_UPLOADS, MAX_UPLOADS_PER_USER = 64, 32
_RETRY_SECONDS = 5
# A studio that publishes at once has more parts than slots: they wait with their bodies unread, each with a connection.
# A client that is refused while it sends sees a broken connection, and not the answer.
MAX_WAITING, MAX_WAIT_SECONDS = 1_000, 60.0


class UploadSlots:
    """The running uploads by account; for one event loop."""

    def __init__(self, max_uploads: int = MAX_UPLOADS, max_per_user: int = MAX_UPLOADS_PER_USER) -> None:
        self._max_uploads, self._max_per_user = max_uploads, max_per_user
        self._used: Counter[str] = Counter()
        self._waiting = 0
        self._released: anyio.Event | None = None

    async def wait(self, account: str) -> None:
        """Wait until a slot is free for the account; without one after a minute, ``acquire`` refuses."""
        if self._waiting >= MAX_WAITING:
            return
        self._waiting += 1
        try:
            with anyio.move_on_after(MAX_WAIT_SECONDS):
                while self._is_full(account):
                    self._released = self._released or anyio.Event()
                    await self._released.wait()
        finally:
            self._waiting -= 1

    def _is_full(self, account: str) -> bool:
        return sum(self._used.values()) >= self._max_uploads or self._used[account] >= self._max_per_user

    @contextmanager
    def acquire(self, account: str) -> Iterator[None]:
        """Use one slot during the block; raises ServiceUnavailable when the server or the account has none left."""
        if sum(self._used.values()) >= self._max_uploads:
            raise ServiceUnavailable(
                f"The server accepts {self._max_uploads} uploads at once. Send it again in a moment.", _RETRY_SECONDS
            )
        if self._used[account] >= self._max_per_user:
            raise ServiceUnavailable(
                f"One user may send {self._max_per_user} files at once. Send it again in a moment.", _RETRY_SECONDS
            )
        self._used[account] += 1
        try:
            yield
        finally:
            self._used[account] -= 1
            if not self._used[account]:
                del self._used[account]
            if self._released is not None:
                self._released.set()
                self._released = None
