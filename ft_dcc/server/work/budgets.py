"""The limits in ``auth/budgets.rules`` for work, attachments and request bodies, and token buckets for rate limits."""

from __future__ import annotations

import functools
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from importlib import resources

import attrs

_MAX_REMEMBERED, _ROUNDING = 10_000, 1e-6


@attrs.frozen
class Owner:
    """Who causes work: the id or address of a visitor, and the review session; "" for the server itself."""

    visitor: str = ""
    session: str = ""


@attrs.frozen
class WorkLimits:
    """The lane of one kind of work, how much of it may wait, the seconds that it may take, and who pays for them."""

    lane: str
    is_charged: bool
    of_visitor: int
    of_session: int
    in_all: int
    seconds: int


@attrs.frozen
class BodyLimit:
    """The largest body of a route in bytes, and whether it is held in memory."""

    path: re.Pattern[str]
    max_bytes: int
    is_in_memory: bool


@attrs.frozen
class Budgets:
    """The tables of the file."""

    work: Mapping[str, WorkLimits]
    # CPU seconds of a visitor and of a session in an hour, and bytes of attachments.
    cpu_seconds: tuple[int, int]
    attachment_bytes: tuple[int, int]
    bodies: tuple[BodyLimit, ...]

    def body_limit(self, path: str) -> BodyLimit:
        """Return the limit of the route at a path; where no route takes a body, it is the last one of the table."""
        return next((each for each in self.bodies if each.path.fullmatch(path)), self.bodies[-1])


@functools.cache
def read_budgets() -> Budgets:
    """Return the budgets; raises ValueError for a file with an error."""
    text = resources.files("ft_dcc.server.auth").joinpath("budgets.rules").read_text(encoding="utf-8")
    work, amounts, bodies = (table_rows(table) for table in text.split("\n\n")[1:])
    cpu, attachments = ((int(visitor), int(session)) for _, visitor, session in amounts)
    return Budgets(
        work={name: WorkLimits(lane, payer == "the owner", *map(int, limits)) for name, lane, payer, *limits in work},
        cpu_seconds=cpu,
        attachment_bytes=(attachments[0] << 20, attachments[1] << 20),
        bodies=tuple(
            BodyLimit(re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), int(size) << 10, kept == "in memory")
            for path, size, kept in bodies
        ),
    )


def table_rows(table: str) -> list[list[str]]:
    """Return the cells of each row below the head of a table."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


class TokenBucket:
    """A bucket of ``burst`` tokens for each key, which ``per_second`` are added to up to that; thread-safe."""

    def __init__(self, burst: float, per_second: float, now: Callable[[], float] = time.monotonic) -> None:
        self._interval, self._now = 1 / per_second, now
        self._slack = (burst - 1) * self._interval
        # When each bucket is full again: from this number follows how many tokens it has at any time.
        self._full_at: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def retry_after(self, key: str, count: int = 1) -> float:
        """Return the seconds until the key has this many tokens; 0 when it has them."""
        now = self._now()
        full_at = max(self._full_at.get(key, 0.0), now)
        return self._missing_seconds(full_at + (count - 1) * self._interval, now)

    def consume(self, key: str, count: float = 1) -> None:
        """Remove tokens from the key, even if it has none."""
        with self._lock:
            self._remove(key, max(self._full_at.get(key, 0.0), self._now()), count)

    def acquire(self, key: str) -> float:
        """Remove a token from the key and return 0, or return the seconds until it has one."""
        now = self._now()
        with self._lock:
            full_at = self._full_at.get(key, now)
            missing = self._missing_seconds(full_at, now)
            if missing == 0:
                self._remove(key, full_at if full_at > now else now)
        return missing

    def _missing_seconds(self, full_at: float, now: float) -> float:
        missing = full_at - now - self._slack
        # A hundred thousand intervals do not add up exactly.
        return missing if missing > _ROUNDING else 0.0

    def _remove(self, key: str, since: float, count: float = 1) -> None:
        self._full_at[key] = since + count * self._interval
        self._full_at.move_to_end(key)
        # A client that invents names must not fill the memory; the least recently used keys are dropped.
        if len(self._full_at) > _MAX_REMEMBERED:
            self._full_at.popitem(last=False)
