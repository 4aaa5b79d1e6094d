"""Stalled connections are closed; slow ones are not."""

from __future__ import annotations

import select
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest
import requests


def test_stalled_connection_is_closed_and_a_slow_one_is_not(start_server, http_client_for):
    server = start_server(
        change="from ft_dcc.server.http import idle_connections; idle_connections.STALLED_TIMEOUT_SECONDS = 3"
    )
    http_client, address = http_client_for(server), urlsplit(server.url)
    # Nothing is read for a client without a key.
    key = "".join(f"{name}: {value}\r\n" for name, value in server.headers.items()).encode()
    head = b"POST /api HTTP/1.1\r\nHost: a\r\n"
    begun = [b"", head[:-2], head + key + b"Content-Length: 9\r\n\r\n[{"]
    lines = [socket.create_connection((address.hostname, address.port), timeout=60) for _ in begun]
    for line, words in zip(lines, begun):
        line.sendall(words)
    url = http_client.announce(http_client.create_component(), 16)["url"]

    def slowly():
        for _ in range(16):
            yield b"x"
            time.sleep(0.25)

    answers: list[int] = []
    sending = threading.Thread(target=lambda: answers.append(requests.put(url, data=slowly(), timeout=60).status_code))
    sending.start()
    for line in lines:
        with line:
            assert line.recv(1) == b""
    sending.join(60)
    assert answers == [200]


def test_clients_that_drip_headers_are_disconnected(start_server):
    change = "from ft_dcc.server.http import idle_connections; idle_connections.HEAD_TIMEOUT_SECONDS = 1"
    server = start_server(change=change)
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=60) as line:
        line.settimeout(0.2)
        line.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\n")
        received = None
        for number in range(300):
            try:
                line.sendall(b"X-%d: 1\r\n" % number)
                received = line.recv(1)
                break
            except socket.timeout:
                continue
            except OSError:
                received = b""
                break
        assert received == b""


def test_silent_connections_of_one_address_leave_room_for_requests(start_server):
    server = start_server()
    address = urlsplit(server.url)
    silent = [socket.create_connection((address.hostname, address.port), timeout=60) for _ in range(400)]
    try:
        for _ in range(3):
            assert requests.get(f"{server.url}/health", timeout=10).status_code == 200
        # The oldest ones were closed.
        assert silent[0].recv(1) == b""
    finally:
        for line in silent:
            line.close()


def test_headers_without_end_are_cut_off(start_server):
    server = start_server()
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=60) as line:
        line.sendall(b"GET /health HTTP/1.1\r\n")
        with pytest.raises(OSError):
            for _ in range(1000):
                line.sendall(b"X: " + b"y" * 1000 + b"\r\n")
            line.recv(1)
            raise ConnectionError


def test_body_of_a_client_without_a_key_is_not_read(start_server):
    server = start_server()
    answer = requests.post(f"{server.url}/api", data=b"[" + b" " * (7 << 20), timeout=30)
    assert answer.json()["exception"] == "InvalidCredentialsError"
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=60) as line:
        # The answer comes although the body has not arrived.
        line.sendall(b"POST /api HTTP/1.1\r\nHost: a\r\nftrack-strict-api: true\r\nContent-Length: 999\r\n\r\n")
        assert line.recv(12) == b"HTTP/1.1 401"


def test_unfinished_bodies_of_one_user_are_bounded(start_server):
    change = "from ft_dcc.server.http import request_body; request_body.MAX_ACCOUNT_BYTES = 1 << 20"
    server = start_server(change=change)
    address = urlsplit(server.url)
    head = "".join(f"{name}: {value}\r\n" for name, value in server.headers.items())
    head = f"POST /api HTTP/1.1\r\nHost: a\r\n{head}Content-Length: 900000\r\nftrack-strict-api: true\r\n\r\n"
    lines = [socket.create_connection((address.hostname, address.port), timeout=60) for _ in range(2)]
    for line in lines:
        line.sendall(head.encode() + b" " * 800_000)
    ready, _, _ = select.select(lines, [], [], 60)
    assert ready[0].recv(12) == b"HTTP/1.1 503"
    for line in lines:
        line.close()
