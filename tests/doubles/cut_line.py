"""A network line to the studio server that can be cut in the middle of a request, and connected again."""

import socket
import threading
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

_BLOCK = 1 << 16


class CutLine:
    """Passes the bytes of TCP connections on to a server; ``sent`` counts those that clients sent.

    A line that is cut closes its connections, and each new one.
    """

    def __init__(self, server_url):
        parts = urlsplit(server_url)
        self._target = (str(parts.hostname), int(parts.port or 80))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._lock = threading.Lock()
        self._sockets = set()
        self._threads = []
        self._cut_at = None
        self._is_cut = self._is_closed = False
        self.sent = 0

    @contextmanager
    def open(self):
        self._start(self._accept)
        try:
            yield self
        finally:
            self._is_closed = True
            self._close_all()
            socket.create_connection(self._listener.getsockname()).close()
            for thread in self._threads:
                thread.join()
            self._listener.close()

    def cut_after(self, count):
        """Cut the line as soon as clients have sent so many more bytes."""
        with self._lock:
            self._cut_at = self.sent + count

    def cut(self):
        self._is_cut = True
        self._close_all()

    def connect(self):
        with self._lock:
            self._cut_at, self._is_cut = None, False

    def _start(self, run, *arguments):
        thread = threading.Thread(target=run, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while not self._is_closed:
            client, _ = self._listener.accept()
            if self._is_cut or self._is_closed:
                client.close()
                continue
            server = socket.create_connection(self._target)
            with self._lock:
                self._sockets |= {client, server}
            self._start(self._pass_on, client, server, True)
            self._start(self._pass_on, server, client, False)

    def _pass_on(self, source, target, is_request):
        with suppress(OSError):
            while block := source.recv(_BLOCK):
                if is_request and self._count(len(block)):
                    self._close_all()
                    return
                target.sendall(block)
        for each in (source, target):
            _close(each)

    def _count(self, count):
        """Count bytes of a request; return whether the line is cut before they arrive."""
        with self._lock:
            self.sent += count
            if self._cut_at is not None and self.sent >= self._cut_at:
                self._is_cut = True
            return self._is_cut

    def _close_all(self):
        with self._lock:
            sockets, self._sockets = self._sockets, set()
        for each in sockets:
            _close(each)


def _close(connection):
    # Another thread that waits for bytes of it returns by the shutdown only.
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
