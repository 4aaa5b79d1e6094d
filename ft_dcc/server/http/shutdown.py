"""End running requests when the server stops."""

from __future__ import annotations

from contextlib import suppress

from anyio import CancelScope
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_STOPPING = {"exception": "ServerError", "content": "The server is stopping. Send it again later.", "error_code": None}


class CancellableApp:
    """ASGI application around another one, whose running requests can be cancelled."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._running: set[CancelScope] = set()

    def cancel_requests(self) -> None:
        """End every running request: with status 503 if its response has not begun, else in the middle of it."""
        for running in tuple(self._running):
            running.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request to the application, unless it is cancelled."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        has_begun = False

        async def watched_send(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        with CancelScope() as running:
            self._running.add(running)
            try:
                # A failure has been logged and answered by now; uvicorn would only log it a second time.
                with suppress(*([Exception] if scope["type"] == "http" else [])):
                    await self._app(scope, receive, watched_send)
            finally:
                self._running.discard(running)
        if running.cancelled_caught and scope["type"] == "http" and not has_begun:
            await JSONResponse(_STOPPING, 503, {"Connection": "close"})(scope, receive, send)
