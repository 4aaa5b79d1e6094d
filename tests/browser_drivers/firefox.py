"""Firefox, controlled by WebDriver BiDi, which it speaks itself: no geckodriver is needed."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from run_options import TIMEOUT_SECONDS
from websockets.sync.client import connect

from browser_drivers import WINDOW_SIZE, Box, BrowserMissing, end
from browser_drivers.actions import drag_actions, key_actions

# No start page, no first-run page, no update, no report, no request that the test did not ask for.
_PREFERENCES = {
    "browser.startup.homepage_override.mstone": "ignore",
    "browser.startup.page": 0,
    "browser.shell.checkDefaultBrowser": False,
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "media.autoplay.default": 0,
    "media.gmp-manager.updateEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,",
    "toolkit.telemetry.reportingpolicy.firstRun": False,
}


class Firefox:
    """A headless Firefox with a profile of its own and one window."""

    def __init__(self) -> None:
        program = shutil.which("firefox-esr") or shutil.which("firefox")
        if program is None:
            raise BrowserMissing("Firefox is not installed. Run: apt-get install firefox-esr")
        self._last_id = 0
        with ExitStack() as opened:
            profile = Path(opened.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
            lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in _PREFERENCES.items()]
            (profile / "user.js").write_text("\n".join(lines), encoding="utf-8")
            process = subprocess.Popen(
                [program, "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                encoding="utf-8",
            )
            opened.callback(end, process)
            self._socket = opened.enter_context(connect(f"{_address_of(process)}/session", max_size=None))
            self._send("session.new", capabilities={})
            self._context = self._send("browsingContext.getTree")["contexts"][0]["context"]
            self.resize(*WINDOW_SIZE)
            self._exit = opened.pop_all()

    def open(self, url: str) -> None:
        # A change of the fragment alone would not load the page again.
        self._send("browsingContext.navigate", context=self._context, url="about:blank", wait="complete")
        self._send("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def evaluate(self, expression: str) -> Any:
        answer = self._send(
            "script.evaluate",
            expression=f"(async () => JSON.stringify(await ({expression})) ?? 'null')()",
            target={"context": self._context},
            awaitPromise=True,
            userActivation=True,
        )
        if answer["type"] != "success":
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']['text']}")
        return json.loads(answer["result"]["value"])

    def press(self, key: str) -> None:
        self._send("input.performActions", context=self._context, actions=key_actions(key))

    def drag(self, points: Sequence[tuple[float, float]]) -> None:
        self._send("input.performActions", context=self._context, actions=drag_actions(points))

    def screenshot(self, box: Box) -> bytes:
        left, top, width, height = box
        clip = {"type": "box", "x": left, "y": top, "width": width, "height": height}
        return base64.b64decode(
            self._send("browsingContext.captureScreenshot", context=self._context, clip=clip)["data"]
        )

    def resize(self, width: int, height: int) -> None:
        size = {"width": width, "height": height}
        self._send("browsingContext.setViewport", context=self._context, viewport=size)

    def close(self) -> None:
        self._exit.close()

    def _send(self, method: str, **params: Any) -> Any:
        """Send a command and return its result; events between the two are passed over."""
        self._last_id += 1
        self._socket.send(json.dumps({"id": self._last_id, "method": method, "params": params}))
        while True:
            answer = json.loads(self._socket.recv(timeout=TIMEOUT_SECONDS))
            if answer.get("id") != self._last_id:
                continue
            if answer["type"] == "error":
                raise RuntimeError(f"{method}: {answer['error']}: {answer['message']}")
            return answer["result"]


def _address_of(process: subprocess.Popen[str]) -> str:
    """Return the WebSocket address that Firefox prints when it listens."""
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if match := re.search(r"WebDriver BiDi listening on (ws://\S+)", line):
            return match[1]
    raise RuntimeError(f"Firefox ended before it listened: {''.join(lines)}")
