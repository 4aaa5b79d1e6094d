"""Who says nothing is let go; who is slow is not."""

from __future__ import annotations

import socket
import threading
import time
from urllib.parse import urlsplit

import requests


def test_a_connection_on_which_nothing_comes_is_closed_and_a_slow_one_is_not(start_changed, wire_to):
    server = start_changed("from ft_dcc.server import silence; silence.SECONDS = 1.5")
    wire, address = wire_to(server), urlsplit(server.url)
    begun = [b"", b"POST /api HTTP/1.1\r\nHost: a", b"POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n[{"]
    lines = [socket.create_connection((address.hostname, address.port), timeout=60) for _ in begun]
    for line, words in zip(lines, begun):
        line.sendall(words)
    url = wire.announce(wire.create_component(), 12)["url"]

    def slowly():
        for _ in range(12):
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
