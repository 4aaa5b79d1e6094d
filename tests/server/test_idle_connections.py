"""Stalled connections are closed; slow ones are not. The server's clock is set by the tests."""

import select
import socket
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import attrs
import pytest
import requests
from run_options import TIMEOUT_SECONDS, wait_until

CHANGE = """
import pathlib, time, types
from ft_dcc.server.http import api_endpoint, connections

api_endpoint.MAX_ACCOUNT_BYTES = 1 << 20
offset = pathlib.Path({offset!r})
connections.time = types.SimpleNamespace(monotonic=lambda: time.monotonic() + float(offset.read_text() or 0))
"""


@attrs.define
class TimedServer:
    """A server whose clock for connections can be set forward."""

    server: object
    offset: Path
    seconds: int = 0

    def advance(self, seconds: int) -> None:
        # With the second answer, what was sent before the first request has been received.
        for _ in range(2):
            assert requests.get(f"{self.server.url}/health", timeout=TIMEOUT_SECONDS).status_code == 200
        self.seconds += seconds
        # An empty file, as the server may see it in the middle of a write, would set the clock back.
        new = self.offset.with_suffix(".new")
        new.write_text(str(self.seconds))
        new.replace(self.offset)

    def connect(self, content: bytes = b"") -> socket.socket:
        address = urlsplit(self.server.url)
        line = socket.create_connection((address.hostname, address.port), timeout=TIMEOUT_SECONDS)
        line.sendall(content)
        return line


@pytest.fixture(scope="module")
def timed(start_module_server, tmp_path_factory) -> TimedServer:
    folder = tmp_path_factory.mktemp("idle")
    (folder / "offset").write_text("0")
    change = CHANGE.format(offset=str(folder / "offset"))
    return TimedServer(start_module_server(folder / "data", change=change), folder / "offset")


def is_closed(line: socket.socket) -> bool:
    try:
        return bool(select.select([line], [], [], 0)[0]) and line.recv(1) == b""
    except ConnectionError:
        return True


def test_stalled_connections_are_closed_and_a_slow_one_is_not(timed, http_client_for):
    http_client, pieces = http_client_for(timed.server), 50
    # Nothing is read for a client without a key.
    key = "".join(f"{name}: {value}\r\n" for name, value in timed.server.headers.items()).encode()
    head = b"POST /api HTTP/1.1\r\nHost: a\r\n"
    url = urlsplit(http_client.announce(http_client.create_component(), pieces)["url"])
    put = f"PUT {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: {pieces}\r\n\r\n".encode()
    with ExitStack() as opened:
        begun = [b"", head[:-2], head + key + b"Content-Length: 9\r\n\r\n[{"]
        stalled = [opened.enter_context(timed.connect(content)) for content in begun]
        slow, sent = opened.enter_context(timed.connect(put)), 0

        def send_piece_later() -> bool:
            nonlocal sent
            slow.sendall(b"x")
            sent += 1
            timed.advance(41)
            stalled[:] = [line for line in stalled if not is_closed(line)]
            return not stalled and sent > 3

        wait_until(send_piece_later, "the end of the stalled connections", lambda: len(stalled))
        slow.sendall(b"x" * (pieces - sent))
        assert slow.recv(12) == b"HTTP/1.1 200"


def test_clients_that_drip_headers_are_disconnected(timed):
    with timed.connect(b"GET /health HTTP/1.1\r\nHost: a\r\n") as line:

        def send_header_later() -> bool:
            try:
                line.sendall(b"X: 1\r\n")
            except ConnectionError:
                return True
            timed.advance(15)
            return is_closed(line)

        wait_until(send_header_later, "the end of the connection")


def test_silent_connections_of_one_address_leave_room_for_requests(timed):
    silent = [timed.connect() for _ in range(400)]
    try:
        for _ in range(3):
            assert requests.get(f"{timed.server.url}/health", timeout=TIMEOUT_SECONDS).status_code == 200
        # The oldest ones were closed.
        assert silent[0].recv(1) == b""
    finally:
        for line in silent:
            line.close()


def test_headers_without_end_are_cut_off(timed):
    with timed.connect(b"GET /health HTTP/1.1\r\n") as line, pytest.raises(OSError):
        for _ in range(1000):
            line.sendall(b"X: " + b"y" * 1000 + b"\r\n")
        line.recv(1)
        raise ConnectionError


def test_body_of_a_client_without_a_key_is_not_read(timed):
    answer = requests.post(f"{timed.server.url}/api", data=b"[" + b" " * (7 << 20), timeout=TIMEOUT_SECONDS)
    assert answer.json()["exception"] == "InvalidCredentialsError"
    head = b"POST /api HTTP/1.1\r\nHost: a\r\nftrack-strict-api: true\r\nContent-Length: 999\r\n\r\n"
    with timed.connect(head) as line:
        # The answer comes although the body has not arrived.
        assert line.recv(12) == b"HTTP/1.1 401"


def test_unfinished_bodies_of_one_user_are_bounded(timed):
    head = "".join(f"{name}: {value}\r\n" for name, value in timed.server.headers.items())
    head = f"POST /api HTTP/1.1\r\nHost: a\r\n{head}Content-Length: 900000\r\nftrack-strict-api: true\r\n\r\n"
    begun = head.encode() + b" " * 800_000
    with timed.connect(begun) as first, timed.connect(begun) as second:
        ready, _, _ = select.select([first, second], [], [], TIMEOUT_SECONDS)
        assert ready[0].recv(12) == b"HTTP/1.1 503"
