"""A line to the studio server that breaks: a proxy that drops one request, or loses its answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

# Headers that belong to one connection, and length and coding, which change on the way.
_OWN = {"connection", "content-length", "content-encoding", "transfer-encoding", "keep-alive", "date", "server"}


class FaultyLine:
    """Passes requests on and counts them; from number ``breaks_at`` on (0: never) it is dead.

    ``loses_answer`` says what happens to that request: the server still gets it and its answer is lost, or it never
    arrives. With ``heals`` the line is dead for that request only, with ``every`` for each so-many-th one. With
    ``hangs`` whoever asks waits, until ``set`` is called again; ``hung`` is set as soon as somebody does.
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
    ) -> None:
        with self._lock:
            self._released.set()
            self._released, self.hung, self._hangs = threading.Event(), threading.Event(), hangs
            self.count, self._every = 0, every
            self._breaks_at, self._loses_answer, self._heals = breaks_at, loses_answer, heals

    @contextmanager
    def open(self) -> Iterator[FaultyLine]:
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

    def _fate(self) -> tuple[bool, bool]:
        """Whether the server gets the next request, and whether the client gets its answer."""
        with self._lock:
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
                arrives, answers = line._fate()
                if arrives:
                    headers = {name: value for name, value in self.headers.items() if name.lower() not in _OWN}
                    answer = requests.request(
                        self.command, line._server_url + self.path, data=body, headers=headers, timeout=60
                    )
                if not answers:
                    line.hang()
                    self.close_connection = True
                    return
                self.send_response(answer.status_code)
                for name, value in answer.headers.items():
                    if name.lower() not in _OWN:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.content)))
                # Whoever was cancelled has hung up.
                with suppress(OSError):
                    self.end_headers()
                    self.wfile.write(answer.content)

            do_GET = do_PUT = do_POST  # noqa: N815 - the names are those of http.server

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler
