from __future__ import annotations

import socket
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
import requests

from ft_dcc.errors import Busy
from ft_dcc.server.places import Places


def test_one_account_cannot_take_all_the_places():
    places = Places(most=3, most_of_one=2)
    with ExitStack() as going_on:
        for account in ("ada", "ada"):
            going_on.enter_context(places.taken(account))
        with pytest.raises(Busy, match="One user sends 2 files at once"), places.taken("ada"):
            pass
        going_on.enter_context(places.taken("grace"))
        with pytest.raises(Busy, match="The server takes 3 uploads at once"), places.taken("grace"):
            pass
    with places.taken("ada"), places.taken("ada"):
        pass


def test_what_fails_gives_its_place_back():
    places = Places(most=1)
    with pytest.raises(KeyError), places.taken("ada"):
        raise KeyError
    with places.taken("ada"):
        pass


def test_who_sends_more_than_32_files_at_once_is_told_to_wait_and_then_succeeds(start_server, wire_to):
    server = start_server()
    wire = wire_to(server)
    waiting = wire.announce(wire.create_component(), 4)["url"]
    with ExitStack() as going_on:
        for _ in range(32):
            address = urlsplit(wire.announce(wire.create_component(), 1_000_000)["url"])
            line = going_on.enter_context(socket.create_connection((str(address.hostname), address.port)))
            head = f"PUT {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: 1000000\r\n\r\n"
            line.sendall(head.encode() + b"x" * 1000)
        while len(list((server.data / "incoming").iterdir())) < 32:
            assert requests.get(f"{server.url}/health", timeout=30).status_code == 200
        refused = requests.put(waiting, data=b"film", timeout=30)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        assert refused.json()["exception"] == "Busy"
    while list((server.data / "incoming").iterdir()):
        assert requests.get(f"{server.url}/health", timeout=30).status_code == 200
    assert requests.put(waiting, data=b"film", timeout=30).status_code == 200
