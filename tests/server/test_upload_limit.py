from __future__ import annotations

import socket
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
import requests

from ft_dcc.errors import ServiceUnavailable
from ft_dcc.server.storage.upload_limit import UploadSlots


def test_one_account_cannot_occupy_all_upload_slots():
    slots = UploadSlots(max_uploads=3, max_per_user=2)
    with ExitStack() as going_on:
        for account in ("ada", "ada"):
            going_on.enter_context(slots.acquire(account))
        with pytest.raises(ServiceUnavailable, match="One user may send 2 files at once"), slots.acquire("ada"):
            pass
        going_on.enter_context(slots.acquire("grace"))
        with pytest.raises(ServiceUnavailable, match="The server accepts 3 uploads at once"), slots.acquire("grace"):
            pass
    with slots.acquire("ada"), slots.acquire("ada"):
        pass


def test_failed_upload_frees_its_slot():
    slots = UploadSlots(max_uploads=1)
    with pytest.raises(KeyError), slots.acquire("ada"):
        raise KeyError
    with slots.acquire("ada"):
        pass


def test_uploads_over_32_at_once_get_503_and_succeed_later(start_server, http_client_for):
    server = start_server()
    http_client = http_client_for(server)
    waiting = http_client.announce(http_client.create_component(), 4)["url"]
    with ExitStack() as going_on:
        for _ in range(32):
            address = urlsplit(http_client.announce(http_client.create_component(), 1_000_000)["url"])
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
