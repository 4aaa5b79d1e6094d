"""What one client holds at once is limited, and others have room."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from doubles.event_loop import run_coroutine
from starlette.requests import Request

from ft_dcc.server.errors import ServiceUnavailable
from ft_dcc.server.http.api_endpoint import ApiMiddleware
from ft_dcc.server.http.concurrent_requests import BodyLimitMiddleware
from ft_dcc.server.http.slots import Slots
from ft_dcc.server.identity import Caller


def scope_of(address: str, path: str = "/review/a/b/notes", method: str = "POST") -> dict[str, Any]:
    scope: dict[str, Any] = {"type": "http", "method": method, "path": path, "client": (address, 1), "scheme": "http"}
    return {**scope, "query_string": b"", "headers": [(b"host", b"studio.test")], "server": ("studio.test", 80)}


class Bodies:
    """Requests whose bodies stay unfinished until they are released, through the middleware."""

    def __init__(self, limit: Slots) -> None:
        self.is_released, self.read = asyncio.Event(), 0
        self.middleware = BodyLimitMiddleware(self._read, limit)

    async def _read(self, scope: Any, receive: Any, send: Any) -> None:
        async for chunk in Request(scope, receive).stream():
            self.read += len(chunk)

    async def send(self, scope: dict[str, Any], size: int) -> None:
        pieces = [{"type": "http.request", "body": b"x" * size, "more_body": True}]

        async def receive() -> dict[str, Any]:
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
    monkeypatch.setattr("ft_dcc.server.http.concurrent_requests.MAX_REQUESTS_PER_ACCOUNT", 3)

    class KnownUsers:
        """Accepts every user name."""

        def authenticate(self, address: str, username: str, key: str) -> Caller:
            return Caller(username, username)

        authenticate_cached = authenticate

    async def scenario() -> None:
        is_released, statuses = asyncio.Event(), []

        async def answer(caller: Caller, operations: list[Any], *arguments: Any, **options: Any) -> list[Any]:
            await is_released.wait()
            return [{}]

        async def never(scope: Any, receive: Any, send: Any) -> None:
            raise AssertionError

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"{}", "more_body": False}

        async def send(message: dict[str, Any]) -> None:
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
