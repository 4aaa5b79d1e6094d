"""Limit how many uploads run at once: each holds an open file and a few blocks in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from ft_dcc.errors import ServiceUnavailable

# A workstation sends six parts of a file at once; a farm publishes from many machines as one user.
MAX_UPLOADS, MAX_UPLOADS_PER_USER = 64, 32
_RETRY_SECONDS = 5


class UploadSlots:
    """The running uploads by account; for one event loop."""

    def __init__(self, max_uploads: int = MAX_UPLOADS, max_per_user: int = MAX_UPLOADS_PER_USER) -> None:
        self._max_uploads, self._max_per_user = max_uploads, max_per_user
        self._used: Counter[str] = Counter()

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
