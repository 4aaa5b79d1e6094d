"""An unreliable connection to the studio server: a proxy that drops a request, or loses its response."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

# Headers of one connection, and length and encoding, which the proxy changes.
_OWN = {"connection", "content-length", "content-encoding", "transfer-encoding", "keep-alive", "date", "server"}


class FaultyProxy:
    """A proxy that counts requests and fails from number ``breaks_at`` on (0: never).

    With ``loses_answer`` the server receives that request and its response is lost; otherwise it never arrives.
    With ``heals`` only that request fails, with ``every`` each n-th one. With ``hangs`` the client waits until
    ``set`` is called again; ``hung`` is set as soon as a client waits. With ``path`` only requests to it are counted
    and fail, and not those of the event hub.
    """

    def __init__(self, server_url: str) -> None:
        self._server_url = server_url
        self._lock = threading.Lock()
        self._released, self.hung = threading.Event(), threading.Event()
        self._proxy = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._proxy.server_port}"
        self.set()

    def set(
        self,
        breaks_at: int = 0,
        *,
        loses_answer: bool = False,
        heals: bool = False,
        every: int = 0,
        hangs: bool = False,
        answer: tuple[int, dict[str, str], bytes] | None = None,
        path: str = "",
    ) -> None:
        with self._lock:
            self._released.set()
            self._released, self.hung, self._hangs = threading.Event(), threading.Event(), hangs
            self.count, self._every, self.answer, self._path = 0, every, answer, path
            self._breaks_at, self._loses_answer, self._heals = breaks_at, loses_answer, heals

    @contextmanager
    def open(self) -> Iterator[FaultyProxy]:
        thread = threading.Thread(target=self._proxy.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.set()
            self._proxy.shutdown()
            self._proxy.server_close()
            thread.join()

    def hang(self) -> None:
        with self._lock:
            hangs, released, hung = self._hangs, self._released, self.hung
        if hangs:
            hung.set()
            released.wait()

    def _fate(self, path: str) -> tuple[bool, bool]:
        """Return whether the server receives the next request, and whether the client receives its response."""
        with self._lock:
            if self._path not in ("", path):
                return True, True
            self.count += 1
            if self._every and self.count % self._every == 0:
                return self._loses_answer, False
            if not self._breaks_at or self.count < self._breaks_at:
                return True, True
            if self.count == self._breaks_at:
                return self._loses_answer, False
            return self._heals, self._heals

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        line = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                arrives, answers = line._fate(self.path)
                if arrives:
                    headers = {name: value for name, value in self.headers.items() if name.lower() not in _OWN}
                    answer = requests.request(
                        self.command, line._server_url + self.path, data=body, headers=headers, timeout=60
                    )
                if not answers and line.answer is not None:
                    self._send(*line.answer)
                    return
                if not answers:
                    line.hang()
                    self.close_connection = True
                    return
                headers = {name: value for name, value in answer.headers.items() if name.lower() not in _OWN}
                self._send(answer.status_code, headers, answer.content)

            def _send(self, status: int, headers: dict[str, str], content: bytes) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                # A cancelled client has closed the connection.
                with suppress(OSError):
                    self.end_headers()
                    self.wfile.write(content)

            do_GET = do_PUT = do_POST  # noqa: N815 - the names are those of http.server

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler
