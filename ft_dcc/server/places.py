"""How many uploads go on at once: each has a file open and a few blocks in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from ft_dcc.errors import Busy

# A workstation sends six parts of a file at once; a farm publishes from many machines as one user.
MOST, MOST_OF_ONE = 64, 32
_SECONDS = 5


class Places:
    """The uploads that are going on, by account; of one event loop."""

    def __init__(self, most: int = MOST, most_of_one: int = MOST_OF_ONE) -> None:
        self._most, self._most_of_one = most, most_of_one
        self._taken: Counter[str] = Counter()

    @contextmanager
    def taken(self, account: str) -> Iterator[None]:
        """One upload more goes on inside; raises Busy when the server, or this account, has as many as it may."""
        if sum(self._taken.values()) >= self._most:
            raise Busy(f"The server takes {self._most} uploads at once. Send it again in a moment.", _SECONDS)
        if self._taken[account] >= self._most_of_one:
            raise Busy(f"One user sends {self._most_of_one} files at once. Send it again in a moment.", _SECONDS)
        self._taken[account] += 1
        try:
            yield
        finally:
            self._taken[account] -= 1
            if not self._taken[account]:
                del self._taken[account]
