"""Words that sign a browser in once, instead of a key."""

from __future__ import annotations

import secrets
import time

from ft_dcc.server.access import Caller

_SECONDS = 900


class Tickets:
    """Addresses that sign a browser in once, for a quarter of an hour; they end with the server."""

    def __init__(self) -> None:
        self._users: dict[str, tuple[float, Caller]] = {}

    def issue(self, caller: Caller) -> str:
        """Return a word nobody can guess, which stands for this user."""
        now = time.monotonic()
        self._users = {word: found for word, found in self._users.items() if found[0] > now}
        word = secrets.token_urlsafe(24)
        self._users[word] = now + _SECONDS, caller
        return word

    def look(self, word: str) -> Caller | None:
        """Return whom the word stands for, or None when it is unknown, used or too old."""
        until, caller = self._users.get(word, (0.0, None))
        return caller if until > time.monotonic() else None

    def use_up(self, word: str) -> Caller | None:
        """Return the same; the word stands for nobody any more."""
        caller = self.look(word)
        self._users.pop(word, None)
        return caller
