"""What one client holds at once is limited, others have room, and a body has to arrive in time."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from urllib.parse import urlsplit

import anyio
import pytest
import requests
from doubles.event_loop import run_coroutine
from run_options import TIMEOUT_SECONDS
from starlette.requests import Request

from ft_dcc.server.errors import BadRequest, ServiceUnavailable
from ft_dcc.server.http import api_endpoint
from ft_dcc.server.http.api_endpoint import ApiMiddleware
from ft_dcc.server.http.rate_limit import Slots
from ft_dcc.server.http.request_body import BodyLimitMiddleware
from ft_dcc.server.identity import Caller


def scope_of(address, path="/review/a/b/notes", method="POST"):
    scope = {"type": "http", "method": method, "path": path, "client": (address, 1), "scheme": "http"}
    return {**scope, "query_string": b"", "headers": [(b"host", b"studio.test")], "server": ("studio.test", 80)}


class Bodies:
    """Requests whose bodies stay unfinished until they are released, through the middleware."""

    def __init__(self, limit: Slots) -> None:
        self.is_released, self.read = asyncio.Event(), 0
        self.middleware = BodyLimitMiddleware(self._read, limit)

    async def _read(self, scope, receive, send):
        async for chunk in Request(scope, receive).stream():
            self.read += len(chunk)

    async def send(self, scope, size):
        pieces = [{"type": "http.request", "body": b"x" * size, "more_body": True}]

        async def receive():
            if pieces:
                return pieces.pop()
            await self.is_released.wait()
            return {"type": "http.request", "body": b"", "more_body": False}

        await self.middleware(scope, receive, None)


def test_bodies_without_a_key_are_bounded_per_address_and_in_all() -> None:
    async def scenario() -> None:
        bodies = Bodies(Slots("requests run", per_client=100, total=250))
        running = [asyncio.create_task(bodies.send(scope_of(address), 80)) for address in ("1.1.1.1", "2.2.2.2")]
        await asyncio.sleep(0)
        with pytest.raises(ServiceUnavailable):
            await bodies.send(scope_of("1.1.1.1"), 30)
        # Addresses of one IPv6 network are one client.
        running.append(asyncio.create_task(bodies.send(scope_of("2001:db8::1"), 80)))
        await asyncio.sleep(0)
        with pytest.raises(ServiceUnavailable):
            await bodies.send(scope_of("2001:db8::2"), 30)
        with pytest.raises(ServiceUnavailable):
            await bodies.send(scope_of("3.3.3.3"), 20)
        # Requests that are authenticated before have limits of their own.
        for scope in (scope_of("3.3.3.3", "/api"), scope_of("3.3.3.3", "/component/upload/x", "PUT")):
            running.append(asyncio.create_task(bodies.send(scope, 1_000)))
        bodies.is_released.set()
        await asyncio.gather(*running)
        await bodies.send(scope_of("1.1.1.1"), 100)
        assert bodies.read == 80 * 3 + 2_000 + 100

    run_coroutine(scenario())


def test_running_requests_of_one_account_leave_room_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ft_dcc.server.http.api_endpoint.MAX_REQUESTS_PER_ACCOUNT", 3)

    class KnownUsers:
        """Accepts every user name."""

        def authenticate(self, address: str, username: str, key: str) -> Caller:
            return Caller(username, username)

        authenticate_cached = authenticate

    async def scenario() -> None:
        is_released, statuses = asyncio.Event(), []

        async def answer(caller, operations, *arguments, **options):
            await is_released.wait()
            return [{}]

        async def never(scope, receive, send):
            raise AssertionError

        async def receive():
            return {"type": "http.request", "body": b"{}", "more_body": False}

        async def send(message):
            if "status" in message:
                statuses.append(message["status"])

        middleware = ApiMiddleware(never, KnownUsers(), answer)

        def request(user: bytes) -> asyncio.Task[None]:
            scope = scope_of("1.1.1.1", "/api")
            scope["headers"] = [*scope["headers"], (b"ftrack-user", user), (b"ftrack-api-key", b"key")]
            return asyncio.create_task(middleware(scope, receive, send))

        running = [request(b"farm") for _ in range(3)]
        await asyncio.sleep(0)
        await request(b"farm")
        assert statuses == [503]
        running.append(request(b"artist"))
        is_released.set()
        await asyncio.gather(*running)
        await request(b"farm")
        assert statuses == [503, 200, 200, 200, 200, 200]

    run_coroutine(scenario())


@pytest.fixture
def bodies(monkeypatch):
    monkeypatch.setattr(api_endpoint, "BODY_TIMEOUT_SECONDS", 0.05)
    return api_endpoint.BodyReader()


async def never():
    await asyncio.Event().wait()


def receive_from(messages):
    """Return an ASGI ``receive`` that returns these messages, and then waits for ever."""
    remaining = iter(messages)

    async def receive():
        message = next(remaining, None)
        return message if message is not None else await never()

    return receive


@pytest.mark.parametrize("messages", [[], [{"type": "http.request", "body": b"[", "more_body": True}]])
def test_a_body_that_does_not_arrive_is_refused(bodies, messages):
    with pytest.raises(BadRequest, match="did not arrive within"):
        run_coroutine(bodies.read(receive_from(messages), "user"))


def test_a_body_in_pieces_is_read():
    whole = [{"type": "http.request", "body": b"[1", "more_body": True}, {"type": "http.request", "body": b"]"}]
    assert run_coroutine(api_endpoint.BodyReader().read(receive_from(whole), "user")) == b"[1]"


def test_bodies_give_their_room_back(monkeypatch):
    monkeypatch.setattr(api_endpoint, "MAX_ACCOUNT_BYTES", 3)
    bodies = api_endpoint.BodyReader()
    for _ in range(2):
        assert run_coroutine(bodies.read(receive_from([{"type": "http.request", "body": b"[1]"}]), "user")) == b"[1]"
    with pytest.raises(ServiceUnavailable):
        run_coroutine(bodies.read(receive_from([{"type": "http.request", "body": b"[10]"}]), "user"))


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
