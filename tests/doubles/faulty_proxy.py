"""An unreliable connection to the studio server: a proxy that drops a request, or loses its response."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests
from run_options import TIMEOUT_SECONDS

# The status, headers and content of an answer.
Answer = tuple[int, dict[str, str], bytes]
# Headers of one connection, and length and encoding, which the proxy changes.
_OWN = {"connection", "content-length", "content-encoding", "transfer-encoding", "keep-alive", "date", "server"}


class FaultyProxy:
    """A proxy that counts requests and fails from number ``breaks_at`` on (0: never).

    With ``loses_answer`` the server receives that request and its response is lost; otherwise it never arrives.
    With ``heals`` only that request fails, with ``every`` each n-th one. With ``hangs`` the client waits until
    ``set`` is called again; ``hung`` is set as soon as a client waits. With ``answer`` the client gets that one, with
    ``distort`` the server's own after something was done to it; ``earlier`` is the last one that arrived as it was.
    With ``path`` only requests to it are counted and fail, and not those of the event hub; ``methods`` are those of the
    counted requests so far.
    """

    def __init__(self, server_url):
        self.server_url = server_url
        self._lock = threading.Lock()
        self._released, self.hung = threading.Event(), threading.Event()
        self._proxy = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"proxy": self}))
        self.url = f"http://127.0.0.1:{self._proxy.server_port}"
        self.set()

    def set(
        self, breaks_at=0, *, loses_answer=False, heals=False, every=0, hangs=False, answer=None, distort=None, path=""
    ):
        with self._lock:
            self._released.set()
            self._released, self.hung, self._hangs = threading.Event(), threading.Event(), hangs
            self.count, self._every, self.answer, self._path = 0, every, answer, path
            self._breaks_at, self._loses_answer, self._heals = breaks_at, loses_answer, heals
            self.distort, self.earlier = distort, None
            self.methods = []

    @contextmanager
    def open(self):
        thread = threading.Thread(target=self._proxy.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.set()
            self._proxy.shutdown()
            self._proxy.server_close()
            thread.join()

    def hang(self):
        with self._lock:
            hangs, released, hung = self._hangs, self._released, self.hung
        if hangs:
            hung.set()
            released.wait()

    def fate(self, method, path):
        with self._lock:
            if self._path not in ("", path):
                return True, True
            self.count += 1
            self.methods.append(method)
            if self._every and self.count % self._every == 0:
                return self._loses_answer, False
            if not self._breaks_at or self.count < self._breaks_at:
                return True, True
            if self.count == self._breaks_at:
                return self._loses_answer, False
            return self._heals, self._heals


class Handler(BaseHTTPRequestHandler):
    """Passes requests on; ``proxy`` decides what happens to each."""

    proxy: FaultyProxy
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        proxy = self.proxy
        self._body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        arrives, answers = proxy.fate(self.command, self.path)
        answer = self.forward() if arrives or proxy.distort is not None else None
        if answers and answer is not None:
            proxy.earlier = answer
            self.send_answer(answer)
        elif proxy.distort is not None and answer is not None:
            proxy.distort(proxy, self, answer)
        elif proxy.answer is not None:
            self.send_answer(proxy.answer)
        else:
            proxy.hang()
            self.close_connection = True

    do_GET = do_PUT = do_POST  # noqa: N815 - the names are those of http.server

    def forward(self):
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _OWN}
        url = self.proxy.server_url + self.path
        answer = requests.request(self.command, url, data=self._body, headers=headers, timeout=TIMEOUT_SECONDS)
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in _OWN}
        return answer.status_code, kept, answer.content

    def send_answer(self, answer, length=None):
        """Send an answer, whose content may end after ``length`` bytes although all are announced."""
        status, headers, content = answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        # A cancelled client has closed the connection.
        with suppress(OSError):
            self.end_headers()
            self.wfile.write(content[:length])

    def log_message(self, format, *args):
        pass


def cut_off(proxy, handler, answer):
    """Announce the whole answer, send half of it, and close the connection."""
    handler.send_answer(answer, length=len(answer[2]) // 2)
    handler.close_connection = True


def send_byte_by_byte(proxy, handler, answer):
    handler.send_answer(answer, length=0)
    with suppress(OSError):
        for position in range(len(answer[2])):
            handler.wfile.write(answer[2][position : position + 1])
            handler.wfile.flush()


def repeat_earlier_answer(proxy, handler, answer):
    """Send the answer to the request before, as a cache does that ignores what was asked."""
    handler.send_answer(proxy.earlier or answer)


def send_request_again(proxy, handler, answer):
    handler.send_answer(handler.forward())


def send_answer_twice(proxy, handler, answer):
    """Send the answer two times, of which the second would be read as that to the next request."""
    handler.send_answer(answer)
    handler.send_answer(answer)


def claim_failure(proxy, handler, answer):
    handler.send_answer((502, *answer[1:]))


# What happens to the answer of a request that the server has received.
DISTORTIONS = (cut_off, send_byte_by_byte, repeat_earlier_answer, send_request_again, send_answer_twice, claim_failure)
