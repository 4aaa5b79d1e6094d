import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from urllib.parse import urlsplit

import anyio
import pytest
import requests
from doubles.event_loop import run_coroutine
from run_options import TIMEOUT_SECONDS

from ft_dcc.server.errors import ServiceUnavailable
from ft_dcc.server.http.rate_limit import Slots


def test_one_account_cannot_occupy_all_slots():
    slots = Slots("uploads", per_client=2, total=3)
    with ExitStack() as going_on:
        for account in ("ada", "ada", "grace"):
            assert slots.has_room(account)
            going_on.enter_context(slots.held(account))
            if account == "ada":
                assert slots.has_room("grace")
        for account in ("ada", "grace"):
            with pytest.raises(ServiceUnavailable, match="Too many uploads at once"), slots.held(account):
                pass
    with slots.held("ada"), slots.held("ada"):
        pass


NO_WAITING = "from ft_dcc.server.storage import routes; routes.MAX_WAIT_SECONDS = 0"


@pytest.fixture
def occupied(request, start_server, http_client_for):
    """Start a server whose slots of one user are used; return it, what frees them, and the URL of another upload."""
    server = start_server(change=getattr(request, "param", ""))
    http_client = http_client_for(server)
    waiting = http_client.announce(http_client.create_component(), 4)["url"]
    with ExitStack() as going_on:
        for _ in range(32):
            address = urlsplit(http_client.announce(http_client.create_component(), 1_000_000)["url"])
            line = going_on.enter_context(socket.create_connection((str(address.hostname), address.port)))
            head = f"PUT {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: 1000000\r\n\r\n"
            line.sendall(head.encode() + b"x" * 1000)
        while len(list((server.data / "incoming").iterdir())) < 32:
            assert requests.get(f"{server.url}/health", timeout=TIMEOUT_SECONDS).status_code == 200
        yield server, going_on, waiting


@pytest.mark.parametrize("occupied", [NO_WAITING], indirect=True)
def test_upload_without_a_slot_gets_503_and_succeeds_later(occupied):
    server, going_on, waiting = occupied
    refused = requests.put(waiting, data=b"film", timeout=TIMEOUT_SECONDS)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert refused.json()["exception"] == "Busy"
    going_on.close()
    while list((server.data / "incoming").iterdir()):
        assert requests.get(f"{server.url}/health", timeout=TIMEOUT_SECONDS).status_code == 200
    assert requests.put(waiting, data=b"film", timeout=TIMEOUT_SECONDS).status_code == 200


def test_upload_waits_for_a_slot(occupied):
    _, going_on, waiting = occupied
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(requests.put, waiting, data=b"film", timeout=TIMEOUT_SECONDS)
        # The slots are freed whether or not the request is at the server already.
        going_on.close()
        assert answer.result().status_code == 200


def test_uploads_that_wait_get_the_slots_in_turn():
    slots, sent = Slots("uploads", per_client=1, total=1), []

    async def upload(name):
        await slots.wait(name)
        with slots.held(name):
            sent.append(name)
            await anyio.sleep(0)

    async def upload_all():
        async with anyio.create_task_group() as group:
            for number in range(20):
                group.start_soon(upload, f"artist {number}")

    run_coroutine(upload_all())
    assert len(set(sent)) == 20
