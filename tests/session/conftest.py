"""Sessions, servers and connections for the session's tests."""

import json
import socket
import threading
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from ft_dcc.session import Session
from ft_dcc.session.events.event import Event
from ft_dcc.session.events.hub import EventHub
from ft_dcc.session.transfer import transfer
from ft_dcc.session.transport.codec import dumps
from ft_dcc.session.transport.http import Transport


@pytest.fixture
def open_session(studio_server):
    """Open more sessions on the shared server: nothing is known to them but what the server says."""
    opened = []

    def open_one(**arguments):
        url = arguments.pop("server_url", studio_server.server_url)
        opened.append(Session(url, studio_server.api_key, studio_server.api_user, **arguments))
        return opened[-1]

    yield open_one
    for session in opened:
        session.close()


@pytest.fixture
def movie(tmp_path):
    (tmp_path / "film.mov").write_bytes(b"the film")
    return tmp_path / "film.mov"


@pytest.fixture
def version(session, project_shot):
    """Return a version of the asset ``render`` of the shot."""
    asset = session.create("Asset", {"name": "render", "parent": project_shot})
    version = session.create("AssetVersion", {"asset": asset})
    session.commit()
    return version


@pytest.fixture
def small_parts(monkeypatch) -> int:
    """Send large files in parts of 8 KiB; return a size of more than two parts, which makes a file large."""
    monkeypatch.setattr(transfer, "_PART_SIZES", ((128 * 2**20, 8192),))
    return 2 * 8192 + 4099


@pytest.fixture
def sent(monkeypatch):
    """Record the operations of each request that sessions send."""
    requests = []
    post = Transport.post

    def remember(self, operations, recover=None):
        requests.append(json.loads(dumps(operations)))
        return post(self, operations, recover)

    monkeypatch.setattr(Transport, "post", remember)
    return requests


class ScriptedServer:
    """A server that returns scripted responses, the last one repeatedly, and records the requests."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.paths: list[str] = []
        script = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                script.paths.append(self.path)
                script.requests.append((self.command, dict(self.headers), body))
                status, headers, content = script.answers[0]
                if len(script.answers) > 1:
                    script.answers.pop(0)
                if status == 0:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)
                # What was announced and is not there is never going to come.
                self.close_connection = int(headers.get("Content-Length", len(content))) != len(content)

            do_GET = do_POST = do_PUT = answer  # noqa: N815 - the names are http.server's

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def scripted():
    server = ScriptedServer()
    yield server
    server.close()


@pytest.fixture
def open_hub(studio_server):
    """Open hubs on the shared server; each ends with the test."""
    opened: list[EventHub] = []

    def open_one(*, is_connected=True, **arguments):
        url = arguments.pop("server_url", studio_server.server_url)
        key = arguments.pop("api_key", studio_server.api_key)
        opened.append(EventHub(url, studio_server.api_user, key, **arguments))
        if is_connected:
            opened[-1].connect()
        return opened[-1]

    yield open_one
    for hub in opened:
        hub.close()


@pytest.fixture
def hub(open_hub):
    return open_hub()


@pytest.fixture
def topic() -> str:
    """Return a topic that no other test uses."""
    return f"test.{uuid4().hex}"


@pytest.fixture
def wait_for():
    """Handle a hub's events until something is done; the test's own time limit ends what never is."""

    def wait(hub, is_done):
        while not is_done():
            hub.wait(0.05)

    return wait


@pytest.fixture
def settle(wait_for):
    """Wait until the server has done all that a hub asked of it so far."""

    def settled(hub: EventHub) -> None:
        token, seen = f"settle.{uuid4().hex}", []
        with hub.subscription(f"topic={token}", seen.append):
            hub.publish(Event(token))
            wait_for(hub, lambda: seen)

    return settled


class Line:
    """A line to the server that can be cut, and mended; a proxy of requests would not keep the hub's connection."""

    def __init__(self, server_url: str) -> None:
        parts = urlsplit(server_url)
        self._target = (parts.hostname, parts.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._ends: list[socket.socket] = []
        self._is_cut = False
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self._is_cut = True
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self._is_cut = False

    def close(self) -> None:
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self._is_cut:
                    client.close()
                    continue
                server = socket.create_connection(self._target)
                self._ends += [client, server]
                for ends in ((client, server), (server, client)):
                    threading.Thread(target=_pump, args=ends, daemon=True).start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with closing(source), suppress(OSError):
        while block := source.recv(65536):
            target.sendall(block)
        target.shutdown(socket.SHUT_WR)


@pytest.fixture
def line(studio_server):
    line = Line(studio_server.server_url)
    yield line
    line.close()
