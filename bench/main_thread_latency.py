"""Measure the longest gap between two ticks of an idle main thread: ``python -m bench.main_thread_latency``."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator

TICK_INTERVAL_SECONDS = 0.005


def tick_gaps() -> Iterator[float]:
    """Yield the milliseconds between consecutive ticks, without end."""
    last = time.perf_counter()
    while True:
        time.sleep(TICK_INTERVAL_SECONDS)
        now = time.perf_counter()
        yield (now - last) * 1000
        last = now


def main() -> None:
    """Tick until a line arrives on standard input, then print the longest gap in milliseconds."""
    stop = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.readline(), stop.set()), daemon=True).start()
    longest = 0.0
    for gap in tick_gaps():
        longest = max(longest, gap)
        if stop.is_set():
            break
    print(longest)


if __name__ == "__main__":
    main()
