"""An application whose running requests can be ended from outside."""

from __future__ import annotations

from contextlib import suppress

from anyio import CancelScope
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_STOPPING = {"exception": "ServerError", "content": "The server is stopping. Send it again later.", "error_code": None}


class Interruptible:
    """ASGI application around another one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._running: set[CancelScope] = set()

    def interrupt(self) -> None:
        """Every running request ends now: with status 503 if its answer has not begun, else in mid-answer."""
        for running in tuple(self._running):
            running.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does, unless interrupted."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        has_begun = False

        async def send_and_note(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        with CancelScope() as running:
            self._running.add(running)
            try:
                # What fails is in the log and answered by then; uvicorn would only log it a second time.
                with suppress(*([Exception] if scope["type"] == "http" else [])):
                    await self._app(scope, receive, send_and_note)
            finally:
                self._running.discard(running)
        if running.cancelled_caught and scope["type"] == "http" and not has_begun:
            await JSONResponse(_STOPPING, 503, {"Connection": "close"})(scope, receive, send)
