"""The live connection of a review page: a WebSocket, or server-sent events where WebSockets fail."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import anyio
from anyio import to_thread
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from ft_dcc.server.errors import BadRequest, HttpError, ValidationError
from ft_dcc.server.http import rate_limit
from ft_dcc.server.review.access import ReviewAccess
from ft_dcc.server.review.live.open_pages import LiveReviews, OpenPage, SessionPages

_KEEP_ALIVE_SECONDS = 20
_MAX_MESSAGE_BYTES = 64 << 10
# Pointers send at most 20 messages a second, strokes 60.
_MAX_MESSAGES_PER_SECOND = 120
# Close codes of WebSockets: 4000 and the HTTP status.
_CLOSE_CODE_BASE, _TOO_MANY_PAGES = 4000, 4503

Authorize = Callable[[HTTPConnection], ReviewAccess]


def routes(prefix: str, live: LiveReviews, authorize: Authorize) -> list[BaseRoute]:
    """Return the routes below the link of a session."""
    return [
        WebSocketRoute(f"{prefix}/live", partial(_serve_websocket, live, authorize)),
        Route(f"{prefix}/events", partial(_send_events, live, authorize), methods=["GET"]),
    ]


async def _serve_websocket(live: LiveReviews, authorize: Authorize, websocket: WebSocket) -> None:
    await websocket.accept()
    try:
        access = await to_thread.run_sync(authorize, websocket)
    except HttpError as error:
        await websocket.close(_CLOSE_CODE_BASE + error.status)
        return
    page = OpenPage(access, partial(authorize, websocket), _network(websocket))
    with live.connected(page) as session:
        if session is None:
            await websocket.close(_TOO_MANY_PAGES)
            return
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_send_messages, page, websocket)
            await _receive_messages(live, page, session, websocket)
            page.queue.close()
            tasks.cancel_scope.cancel()


def _network(request: HTTPConnection) -> str:
    return rate_limit.client_network(rate_limit.client_address(request))


async def _send_messages(page: OpenPage, websocket: WebSocket) -> None:
    try:
        while (message := await page.queue.get()) is not None:
            await websocket.send_text(message)
        await websocket.close(_CLOSE_CODE_BASE + 403)
    except (WebSocketDisconnect, RuntimeError):
        page.queue.close()


async def _receive_messages(live: LiveReviews, page: OpenPage, session: SessionPages, websocket: WebSocket) -> None:
    """Apply the messages of a page until it disconnects; invalid ones and those over the limit are answered."""
    count, since = 0, time.monotonic()
    while True:
        received = await websocket.receive()
        if received["type"] == "websocket.disconnect":
            return
        now = time.monotonic()
        if now - since >= 1:
            count, since = 0, now
        count += 1
        if count > _MAX_MESSAGES_PER_SECOND:
            continue
        try:
            live.receive(page, session, _parse(received.get("text")))
        except (BadRequest, ValidationError) as error:
            page.send(json.dumps({"type": "error", "text": str(error)}))


def _parse(text: object) -> dict[str, Any]:
    if not isinstance(text, str) or len(text) > _MAX_MESSAGE_BYTES:
        raise BadRequest(f"A message is text of at most {_MAX_MESSAGE_BYTES >> 10} KiB.")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRequest("The message is not JSON.") from error
    if not isinstance(found, dict):
        raise BadRequest("The message is not a JSON object.")
    if not isinstance(found.get("type"), str):
        raise BadRequest("The type of a message is a text.")
    return found


async def _send_events(live: LiveReviews, authorize: Authorize, request: Request) -> Response:
    access = await to_thread.run_sync(authorize, request)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    if request.method == "HEAD":  # It has no end otherwise.
        return Response(headers=headers, media_type="text/event-stream")
    page = OpenPage(access, partial(authorize, request), _network(request))
    return StreamingResponse(_events(live, page), headers=headers, media_type="text/event-stream")


async def _events(live: LiveReviews, page: OpenPage) -> AsyncIterator[str]:
    with live.connected(page) as session:
        if session is None:
            return
        while True:
            message: str | None = ""
            with anyio.move_on_after(_KEEP_ALIVE_SECONDS):
                message = await page.queue.get()
            if message is None:
                return
            # A comment keeps proxies from closing the connection, and detects browsers that are gone.
            yield f"data: {message}\n\n" if message else ": idle\n\n"
