"""Counts of the server's requests, in the text format that Prometheus reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

_BUCKETS = (0.005, 0.025, 0.1, 0.5, 2.5, 10.0)


@attrs.frozen
class RequestStats:
    """One request and its response: name of the route, status (0 when cut off), seconds and bytes."""

    route: str
    method: str
    status: int
    seconds: float
    received: int
    sent: int


class Metrics:
    """Requests by route, method and status, their bytes and durations, and gauges that are read when asked for.

    ``gauges`` are by name: the meaning, and a function that returns the value.
    """

    def __init__(self, gauges: Mapping[str, tuple[str, Callable[[], float]]]) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = registry = CollectorRegistry()
        labels = ("route", "method", "status")
        self._requests = Counter("ft_dcc_requests", "Requests that were answered.", labels, registry=registry)
        self._seconds = Histogram(
            "ft_dcc_request_seconds",
            "Time from the head of a request to the end of its response.",
            ("route",),
            buckets=_BUCKETS,
            registry=registry,
        )
        self._by_labels: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._running = Gauge("ft_dcc_requests_running", "Requests that are being answered.", registry=registry)
        self._received = Counter("ft_dcc_received_bytes", "Bytes of request bodies.", registry=registry)
        self._sent = Counter("ft_dcc_sent_bytes", "Bytes of response bodies.", registry=registry)
        for name, (meaning, read) in gauges.items():
            Gauge(name, meaning, registry=registry).set_function(read)

    def begin(self) -> None:
        """Count a request that is being answered."""
        self._running.inc()

    def end(self, done: RequestStats) -> None:
        """Count a request that has been answered."""
        self._running.dec()
        requests, seconds = self._labelled(done.route, done.method, done.status)
        requests.inc()
        seconds.observe(done.seconds)
        self._received.inc(done.received)
        self._sent.inc(done.sent)

    def _labelled(self, route: str, method: str, status: int) -> tuple[Counter, Histogram]:
        """Return the counter and the histogram of these labels; looking them up takes longer than counting."""
        found = self._by_labels.get((route, method, status))
        if found is None:
            found = self._requests.labels(route, method, status), self._seconds.labels(route)
            self._by_labels[route, method, status] = found
        return found

    def text(self) -> bytes:
        """Return all values in Prometheus' text format 0.0.4."""
        return generate_latest(self._registry)
