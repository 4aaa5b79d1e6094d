"""Chromium, controlled by Playwright."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Sequence
from typing import Any

from playwright.sync_api import Browser, Playwright

from browser_drivers import WINDOW_SIZE, Box, BrowserMissing

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def launch(playwright: Playwright) -> Browser:
    """Start the machine's Chromium; raises BrowserMissing."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        raise BrowserMissing("Chromium is not installed. Run: apt-get install chromium")
    return playwright.chromium.launch(executable_path=program, args=FLAGS)


class Chromium:
    """A window of a Chromium that Playwright started."""

    def __init__(self, browser: Browser) -> None:
        width, height = WINDOW_SIZE
        self._context = browser.new_context(viewport={"width": width, "height": height})
        self._page = self._context.new_page()
        self._debugger = self._context.new_cdp_session(self._page)

    def open(self, url: str) -> None:
        self._page.goto(url)

    def evaluate(self, expression: str) -> Any:
        return self._page.evaluate(f"() => ({expression})")

    def press(self, key: str) -> None:
        self._page.keyboard.press(key)

    def drag(self, points: Sequence[tuple[float, float]]) -> None:
        mouse = self._page.mouse
        mouse.move(*points[0])
        mouse.down()
        for point in points[1:]:
            mouse.move(*point)
        mouse.up()

    def screenshot(self, box: Box) -> bytes:
        left, top, width, height = box
        clip = {"x": left, "y": top, "width": width, "height": height, "scale": 1}
        # Playwright's own function waits for fonts and prepares the page, which costs more than the image.
        image = self._debugger.send("Page.captureScreenshot", {"clip": clip, "optimizeForSpeed": True})
        return base64.b64decode(image["data"])

    def resize(self, width: int, height: int) -> None:
        self._page.set_viewport_size({"width": width, "height": height})

    def close(self) -> None:
        self._context.close()
