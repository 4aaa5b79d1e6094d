"""A main thread with nothing to do: ``python -m bench.heart`` prints the longest gap between two beats when told to."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator

PAUSE = 0.005


def beats() -> Iterator[float]:
    """Yield the milliseconds since the beat before, for ever."""
    last = time.perf_counter()
    while True:
        time.sleep(PAUSE)
        now = time.perf_counter()
        yield (now - last) * 1000
        last = now


def main() -> None:
    """Beat until a line comes in."""
    stop = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.readline(), stop.set()), daemon=True).start()
    longest = 0.0
    for gap in beats():
        longest = max(longest, gap)
        if stop.is_set():
            break
    print(longest)


if __name__ == "__main__":
    main()
