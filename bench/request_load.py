"""Measure requests per second: ``request_load.py`` reads a plan as JSON from stdin and prints the figures as JSON.

A plan is ``{"url", "headers": {name: value}, "bodies": [text], "clients", "seconds"}``. Each client has one connection
and sends its next request after it has read an answer. ``<new>`` in a body is replaced by a new id in each request.
"""

import json
import re
import selectors
import socket
import sys
import time
from itertools import cycle
from urllib.parse import urlsplit
from uuid import uuid4

_NEW = re.compile(rb"<new>")
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Client:
    """One keep-alive connection that sends the next request after each answer."""

    def __init__(self, address, requests):
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._requests = requests
        self._answer = bytearray()
        self._expected_bytes = 0

    def send_next(self):
        head, body = next(self._requests)
        body = _NEW.sub(lambda _: str(uuid4()).encode(), body)
        self.socket.sendall(head % len(body) + body)
        self.began = time.perf_counter()

    def receive(self):
        """Read the available bytes and return whether the answer is complete."""
        piece = self.socket.recv(1 << 18)
        if not piece:
            raise SystemExit("The server closed a connection.")
        self._answer += piece
        if not self._expected_bytes and (end := self._answer.find(b"\r\n\r\n")) >= 0:
            if not self._answer.startswith(b"HTTP/1.1 200"):
                raise SystemExit(self._answer[:2000].decode(errors="replace"))
            self._expected_bytes = end + 4 + int(_LENGTH.search(self._answer, 0, end + 2)[1])
        if not self._expected_bytes or len(self._answer) < self._expected_bytes:
            return False
        self._answer.clear()
        self._expected_bytes = 0
        return True


def main():
    plan = json.load(sys.stdin)
    url = urlsplit(plan["url"])
    head = {"Host": url.netloc, "Content-Type": "application/json", **plan["headers"]}
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    start = f"POST {url.path} HTTP/1.1\r\n{lines}Content-Length: %d\r\n\r\n".encode()
    requests = cycle([(start, body.encode()) for body in plan["bodies"]])
    clients = [Client((url.hostname, url.port), requests) for _ in range(plan["clients"])]
    print(json.dumps(measure(clients, plan["seconds"])))


def measure(clients, seconds):
    """Return answers per second, and the median and 99th percentile of their latency in milliseconds."""
    selector = selectors.DefaultSelector()
    for client in clients:
        selector.register(client.socket, selectors.EVENT_READ, client)
        client.send_next()
    took = []
    began = time.perf_counter()
    # On a busy machine the first answer may take longer than the measurement.
    while (now := time.perf_counter()) < began + seconds or (not took and now < began + 60):
        for key, _ in selector.select(1):
            if key.data.receive():
                took.append(time.perf_counter() - key.data.began)
                key.data.send_next()
    if not took:
        raise SystemExit("No answer in 60 seconds.")
    took.sort()
    middle, late = took[len(took) // 2], took[len(took) * 99 // 100]
    return {"rate": len(took) / (now - began), "median": middle * 1000, "p99": late * 1000}


if __name__ == "__main__":
    main()
