"""Drivers for the three browser engines, behind one small interface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

WINDOW_SIZE = (1440, 900)


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

    def screenshot(self) -> bytes:
        """Return the viewport as a PNG file."""

    def close(self) -> None:
        """End the browser."""


class BrowserMissing(Exception):
    """The browser or its driver is not installed on this machine."""


class EngineHung(Exception):
    """The browser has stopped answering its driver, whatever the page does."""
