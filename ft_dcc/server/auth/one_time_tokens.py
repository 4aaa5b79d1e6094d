"""Tokens that stand for a value once and for a short time."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class OneTimeTokens(Generic[T]):
    """Values by token, in memory: at most ``max_count`` unused ones, each for ``seconds``."""

    def __init__(self, seconds: float, max_count: int = 1_000) -> None:
        self._seconds, self._max_count = seconds, max_count
        self._values: dict[str, tuple[float, T]] = {}

    def issue(self, value: T) -> str | None:
        """Return a random token for the value, or None when too many are unused."""
        now = time.monotonic()
        self._values = {token: found for token, found in self._values.items() if found[0] > now}
        if len(self._values) >= self._max_count:
            return None
        token = secrets.token_urlsafe(24)
        self._values[token] = now + self._seconds, value
        return token

    def count(self, matches: Callable[[T], bool]) -> int:
        """Return the number of unused tokens whose value matches."""
        now = time.monotonic()
        return sum(until > now and matches(value) for until, value in self._values.values())

    def peek(self, token: str) -> T | None:
        """Return the value of a token, or None for one that is unknown, used or expired."""
        until, value = self._values.get(token, (0.0, None))
        return value if until > time.monotonic() else None

    def redeem(self, token: str) -> T | None:
        """Return the value likewise, and make the token invalid."""
        value = self.peek(token)
        self._values.pop(token, None)
        return value
