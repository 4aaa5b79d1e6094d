"""One server process: it opens the studio, accepts connections, and stops cleanly when it is told to."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

import uvicorn

from ft_dcc.server.app import make_app
from ft_dcc.server.encoder import encoding
from ft_dcc.server.endpoint import Endpoint
from ft_dcc.server.folder import Credentials, owned
from ft_dcc.server.interruptible import Interruptible
from ft_dcc.server.listener import LARGEST_PACKET
from ft_dcc.server.nightly import Nightly, backing_up
from ft_dcc.server.opening import credentials_at, opened
from ft_dcc.server.pace import Pace
from ft_dcc.server.postman import delivering
from ft_dcc.server.silence import Line, let_go_of_silent
from ft_dcc.server.store import note_old_sqlite
from ft_dcc.server.work import Idleness, Work

_GRACE_SECONDS = 0.3
_PATIENCE_SECONDS = 2
# Clients keep connections for their next request; the server must not be the one who closes them first.
_KEEP_ALIVE_SECONDS = 75
_TICKS_A_SECOND = 10


def serve(
    data: Path,
    host: str,
    port: int,
    on_ready: Callable[[Credentials], None],
    *,
    certificate: Path | None = None,
    private_key: Path | None = None,
    is_plain_allowed: bool = False,
    schema: Path | None = None,
    idle_minutes: float | None = None,
    nightly: Nightly | None = None,
    pace: Pace | None = None,
) -> None:
    """Serve the studio in this folder until SIGINT or SIGTERM; the first call makes the studio.

    Port 0 is any free one. With a certificate (PEM) it speaks HTTPS; without one, and where other machines could reach
    it, plain HTTP must be allowed. A schema file says what entity types the studio has, from now on. After
    ``idle_minutes`` without a connection, and with nothing to do, the server stops by itself. Backups are made as
    ``nightly`` says, or as it does by default, and requests are counted by ``pace``. ``on_ready`` is called when
    connections are accepted. Raises DiskUnusable or SettingInvalid when the server cannot work.
    """
    endpoint = Endpoint(host, port, certificate, private_key, is_plain_allowed)
    with ExitStack() as stack:
        stack.enter_context(owned(data))
        listener = stack.enter_context(endpoint.listening())
        studio = stack.enter_context(opened(data, schema=schema, pace=pace))
        stack.enter_context(encoding(studio))
        stack.enter_context(delivering(studio.post))
        stack.enter_context(backing_up(studio, Nightly() if nightly is None else nightly))
        note_old_sqlite()
        url = endpoint.url(listener.getsockname()[1])
        app = Interruptible(make_app(studio))
        server = _Server(app, endpoint, lambda: on_ready(credentials_at(studio, url)), studio.work, idle_minutes)
        with _stopped_by_signals(server):
            server.run(sockets=[listener])


class _Server(uvicorn.Server):
    """Says when it accepts connections, and does not wait long for those who still talk at the end."""

    def __init__(
        self,
        app: Interruptible,
        endpoint: Endpoint,
        on_ready: Callable[[], None],
        work: Work,
        idle_minutes: float | None,
    ) -> None:
        # Whatever uvicorn would log of a request has its query string in it, and there are keys in those.
        super().__init__(
            uvicorn.Config(
                app,
                http=Line,
                log_config=None,
                log_level="warning",
                access_log=False,
                ssl_certfile=endpoint.certificate,
                ssl_keyfile=endpoint.private_key,
                server_header=False,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                # A client that does not read what it is sent cannot keep the server from stopping.
                timeout_graceful_shutdown=_PATIENCE_SECONDS,
                ws_max_size=LARGEST_PACKET,
                ws_per_message_deflate=False,
            )
        )
        self._app, self._on_ready = app, on_ready
        self._work, self._idle_minutes = work, idle_minutes
        self._idleness = Idleness(work, None)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self._on_ready()
            self._idleness = Idleness(self._work, self._idle_minutes)

    async def on_tick(self, counter: int) -> bool:
        """Return whether to stop, ten times a second."""
        state = self.server_state
        if counter % _TICKS_A_SECOND == 0:
            let_go_of_silent(state.connections)
        is_idle = self._idleness.is_too_long(len(state.connections), state.total_requests)
        return await super().on_tick(counter) or is_idle

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=_GRACE_SECONDS)
        self._app.interrupt()
        await super().shutdown(sockets=sockets)


@contextmanager
def _stopped_by_signals(server: uvicorn.Server) -> Iterator[None]:
    # uvicorn raises the signal again when it has stopped: without a handler of ours, the process would die
    # there, before the store is closed.
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
