"""The WebKit engine as WebKitGTK has it, controlled by WebDriver on a display of its own."""

from __future__ import annotations

import base64
import itertools
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import Any

import requests
from run_options import TIMEOUT_SECONDS

from browser_drivers import WINDOW_SIZE, Box, BrowserMissing, EngineHung, end
from browser_drivers.actions import drag_actions, key_actions

_END_TIMEOUT_SECONDS = 10
# A browser that needs longer for an answer has hung, and is replaced.
_HUNG_SECONDS = 45
_STARTS = itertools.count()
_PROGRAMS = {"WebKitWebDriver": "webkit2gtk-driver", "Xvfb": "xvfb"}


class WebKit:
    """A window of WebKitGTK's MiniBrowser."""

    def __init__(self) -> None:
        for program, package in _PROGRAMS.items():
            if shutil.which(program) is None:
                raise BrowserMissing(f"{program} is not installed. Run: apt-get install {package}")
        self._http = requests.Session()
        self._http.trust_env = False
        self._start()

    def restart(self) -> None:
        """End a browser that does not answer, and start another one."""
        self.close()
        self._start()

    def _start(self) -> None:
        with ExitStack() as opened:
            display = subprocess.Popen(
                ["Xvfb", "-displayfd", "1", "-screen", "0", "1600x1200x24", "-nolisten", "tcp"],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                encoding="utf-8",
            )
            opened.callback(end, display)
            assert display.stdout is not None
            environment = {**os.environ, "DISPLAY": f":{display.stdout.readline().strip()}"}
            if os.geteuid() == 0:
                # Its sandbox needs name spaces that the root user of a container does not get.
                environment["WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS"] = "1"
            port = _own_port()
            driver = subprocess.Popen(
                ["WebKitWebDriver", f"--port={port}"],
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            opened.callback(end, driver)
            # A hung browser outlives its driver.
            opened.callback(os.killpg, driver.pid, signal.SIGKILL)
            self._address = f"http://127.0.0.1:{port}/session"
            self._address += "/" + self._start_session()
            opened.callback(self._http.close)
            opened.callback(self._delete_session)
            self.resize(*WINDOW_SIZE)
            self._exit = opened.pop_all()

    def open(self, url: str) -> None:
        # A change of the fragment alone would not load the page again.
        self._send("POST", "/url", url="about:blank")
        self._send("POST", "/url", url=url)

    def evaluate(self, expression: str) -> Any:
        script = f"return (async () => JSON.stringify(await ({expression})) ?? 'null')()"
        return json.loads(self._send("POST", "/execute/sync", script=script, args=[]))

    def press(self, key: str) -> None:
        self._send("POST", "/actions", actions=key_actions(key))

    def drag(self, points: Sequence[tuple[float, float]]) -> None:
        self._send("POST", "/actions", actions=drag_actions(points))

    def screenshot(self, box: Box) -> bytes:
        return base64.b64decode(self._send("GET", "/screenshot"))

    def resize(self, width: int, height: int) -> None:
        self._send("POST", "/window/rect", width=width, height=height)

    def close(self) -> None:
        self._exit.close()

    def _start_session(self) -> str:
        capabilities = {"alwaysMatch": {"webkitgtk:browserOptions": {"args": ["--automation"]}}}
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while True:
            try:
                return str(self._send("POST", "", capabilities=capabilities)["sessionId"])
            except requests.ConnectionError:
                # The driver does not listen yet.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def _delete_session(self) -> None:
        """Ask for the end of the browser; the end of the driver ends a browser that does not answer."""
        with suppress(requests.RequestException):
            self._http.delete(self._address, timeout=_END_TIMEOUT_SECONDS)

    def _send(self, method: str, path: str, **values: Any) -> Any:
        body = values if method == "POST" else None
        address = self._address + path
        try:
            answer = self._http.request(method, address, json=body, timeout=_HUNG_SECONDS).json()["value"]
        except requests.Timeout as error:
            raise EngineHung(f"{method} {path} got no answer from WebKit in {_HUNG_SECONDS} s") from error
        if isinstance(answer, dict) and "error" in answer:
            raise RuntimeError(f"{method} {path}: {answer['error']}: {answer['message']}")
        return answer


def _own_port() -> int:
    """Return a port of this process below those that systems give away, so that no other program can take it."""
    return 16_384 + (16 * os.getpid() + next(_STARTS) % 16) % 16_384
