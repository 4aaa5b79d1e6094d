"""So many requests a second: ``python load.py`` reads a plan as JSON and prints numbers as JSON.

A plan is ``{"url", "head": {name: value}, "bodies": [text], "clients", "seconds"}``: each client has one connection and
sends its next request when it has read the answer to the last one. ``<new>`` in a body is a new id every time.
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
    """One connection that asks and asks."""

    def __init__(self, address, requests):
        self.line = socket.create_connection(address)
        self.line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._requests = requests
        self._answer = bytearray()
        self._whole = 0

    def ask(self):
        head, body = next(self._requests)
        body = _NEW.sub(lambda _: str(uuid4()).encode(), body)
        self.line.sendall(head % len(body) + body)
        self.began = time.perf_counter()

    def hears_all(self):
        """Take what has arrived; whether the answer is whole now."""
        piece = self.line.recv(1 << 18)
        if not piece:
            raise SystemExit("The server closed a connection.")
        self._answer += piece
        if not self._whole and (end := self._answer.find(b"\r\n\r\n")) >= 0:
            if not self._answer.startswith(b"HTTP/1.1 200"):
                raise SystemExit(self._answer[:2000].decode(errors="replace"))
            self._whole = end + 4 + int(_LENGTH.search(self._answer, 0, end + 2)[1])
        if not self._whole or len(self._answer) < self._whole:
            return False
        self._answer.clear()
        self._whole = 0
        return True


def main():
    plan = json.load(sys.stdin)
    url = urlsplit(plan["url"])
    head = {"Host": url.netloc, "Content-Type": "application/json", **plan["head"]}
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    start = f"POST {url.path} HTTP/1.1\r\n{lines}Content-Length: %d\r\n\r\n".encode()
    requests = cycle([(start, body.encode()) for body in plan["bodies"]])
    clients = [Client((url.hostname, url.port), requests) for _ in range(plan["clients"])]
    print(json.dumps(measure(clients, plan["seconds"])))


def measure(clients, seconds):
    """Return answers a second, and the median and the 99th percentile of their milliseconds."""
    selector = selectors.DefaultSelector()
    for client in clients:
        selector.register(client.line, selectors.EVENT_READ, client)
        client.ask()
    took = []
    began = time.perf_counter()
    while (now := time.perf_counter()) < began + seconds:
        for key, _ in selector.select(1):
            if key.data.hears_all():
                took.append(time.perf_counter() - key.data.began)
                key.data.ask()
    if not took:
        raise SystemExit(f"No answer in {seconds} seconds.")
    took.sort()
    middle, late = took[len(took) // 2], took[len(took) * 99 // 100]
    return {"rate": len(took) / (now - began), "median": middle * 1000, "p99": late * 1000}


if __name__ == "__main__":
    main()
