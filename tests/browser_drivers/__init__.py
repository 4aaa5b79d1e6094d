"""Drivers for the three browser engines, behind one small interface."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import Any, Protocol

_END_TIMEOUT_SECONDS = 20

# Wide enough for the wide layout; each screenshot costs time by its size.
# Left, top, width and height in CSS pixels.
Box = tuple[float, float, float, float]
WINDOW_SIZE = (1024, 640)


class Driver(Protocol):
    """A browser window that a test controls: one page at a time, in CSS pixels of its viewport."""

    def open(self, url: str) -> None:
        """Load a page and return when its load event has fired."""

    def evaluate(self, expression: str) -> Any:
        """Return the JSON value of a JavaScript expression, awaited if it is a promise."""

    def press(self, key: str) -> None:
        """Press and release a key, named as in ``KeyboardEvent.key``, with "Shift+" or "Control+" before it."""

    def drag(self, points: Sequence[tuple[float, float]]) -> None:
        """Press the main button at the first point, move through the others, and release it at the last one."""

    def screenshot(self, box: Box) -> bytes:
        """Return a part of the viewport as a PNG file; an engine may return all of the viewport."""

    def resize(self, width: int, height: int) -> None:
        """Change the size of the window, in CSS pixels; its viewport may be smaller."""

    def close(self) -> None:
        """End the browser."""


def end(process: subprocess.Popen[Any]) -> None:
    """End a browser or its driver, and close what it prints to."""
    process.terminate()
    try:
        process.wait(timeout=_END_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for stream in filter(None, (process.stdout, process.stderr)):
        stream.close()


class BrowserMissing(Exception):
    """The browser or its driver is not installed on this machine."""


class EngineHung(Exception):
    """The browser has stopped answering its driver, whatever the page does."""
