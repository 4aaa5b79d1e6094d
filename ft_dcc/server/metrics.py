"""Counts of the server's work, in the text format that Prometheus reads."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import accumulate

import attrs

_BOUNDS = (0.005, 0.025, 0.1, 0.5, 2.5, 10.0)


@attrs.frozen
class Answered:
    """One request and its answer: the name of the route, the status (0 when cut off), seconds and bytes."""

    route: str
    method: str
    status: int
    seconds: float
    received: int
    sent: int


class Metrics:
    """Counts of requests, by route, method and status, and of the bytes and the time they took."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: defaultdict[tuple[str, str, int], int] = defaultdict(int)
        # For each bound how many took so long at most and longer than the bound before; how many longer; all seconds.
        self._seconds: defaultdict[str, list[float]] = defaultdict(lambda: [0.0] * (len(_BOUNDS) + 2))
        self._received = self._sent = self._running = 0

    def begin(self) -> None:
        """One more request is being answered."""
        with self._lock:
            self._running += 1

    def end(self, done: Answered) -> None:
        """A request has been answered."""
        with self._lock:
            self._running -= 1
            self._requests[done.route, done.method, done.status] += 1
            self._received += done.received
            self._sent += done.sent
            buckets = self._seconds[done.route]
            buckets[bisect_left(_BOUNDS, done.seconds)] += 1
            buckets[-1] += done.seconds

    def text(self, gauges: Mapping[str, tuple[str, float]]) -> str:
        """Return everything, and more gauges (name to meaning and value), in Prometheus' text format 0.0.4."""
        with self._lock:
            lines = [
                *self._lines(),
                *(line for name, (sense, value) in gauges.items() for line in _gauge(name, sense, value)),
            ]
        return "\n".join(lines) + "\n"

    def _lines(self) -> Iterator[str]:
        yield from _head("ft_dcc_requests_total", "counter", "Requests that were answered.")
        for (route, method, status), number in sorted(self._requests.items()):
            yield f'ft_dcc_requests_total{{route="{route}",method="{method}",status="{status}"}} {number}'
        yield from _head("ft_dcc_request_seconds", "histogram", "Time from the head of a request to the answer's end.")
        for route, measured in sorted(self._seconds.items()):
            *below, count = accumulate(measured[:-1])
            total = measured[-1]
            for bound, faster in zip(_BOUNDS, below):
                yield f'ft_dcc_request_seconds_bucket{{route="{route}",le="{bound}"}} {faster:.0f}'
            yield f'ft_dcc_request_seconds_bucket{{route="{route}",le="+Inf"}} {count:.0f}'
            yield f'ft_dcc_request_seconds_sum{{route="{route}"}} {total:.6f}'
            yield f'ft_dcc_request_seconds_count{{route="{route}"}} {count:.0f}'
        yield from _gauge("ft_dcc_requests_running", "Requests that are being answered.", self._running)
        yield from _head("ft_dcc_received_bytes_total", "counter", "Bytes of bodies that came in.")
        yield f"ft_dcc_received_bytes_total {self._received}"
        yield from _head("ft_dcc_sent_bytes_total", "counter", "Bytes of bodies that went out.")
        yield f"ft_dcc_sent_bytes_total {self._sent}"


def _head(name: str, kind: str, sense: str) -> Iterator[str]:
    yield f"# HELP {name} {sense}"
    yield f"# TYPE {name} {kind}"


def _gauge(name: str, sense: str, value: float) -> Iterator[str]:
    yield from _head(name, "gauge", sense)
    yield f"{name} {value}"
