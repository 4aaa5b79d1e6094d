"""Run one server process: open the data folder, accept connections, and stop cleanly on a signal."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import date
from pathlib import Path

import uvicorn
from anyio import CancelScope
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ft_dcc.server.admin.check import check_nightly_part
from ft_dcc.server.app import make_app, make_dispatcher
from ft_dcc.server.background import ActivityCounter, IdleTimer
from ft_dcc.server.context import ServerStart, open_server_context, start_for_clients
from ft_dcc.server.database import audit_log, data_folder, scheduled_backup
from ft_dcc.server.encoding.worker import EncodeWorker
from ft_dcc.server.events.connection import MAX_PACKET_BYTES
from ft_dcc.server.http import connections, rate_limit
from ft_dcc.server.mail.mailer import running_mail_worker
from ft_dcc.server.notifications.worker import running_notification_worker
from ft_dcc.system.signals import stopped_by_signals

_GRACE_SECONDS = 0.3
_SHUTDOWN_TIMEOUT_SECONDS = 2
# Clients keep connections for their next request; the server must not be the first to close them.
_KEEP_ALIVE_SECONDS = 75
_TICKS_PER_SECOND = 10
_STOPPING = {"exception": "ServerError", "content": "The server is stopping. Send it again later.", "error_code": None}


def serve(
    data: Path,
    host: str,
    port: int,
    on_ready: Callable[[ServerStart], None],
    *,
    certificate: Path | None = None,
    private_key: Path | None = None,
    is_plain_allowed: bool = False,
    idle_minutes: float | None = None,
    backups: scheduled_backup.BackupSchedule | None = None,
    limiter: rate_limit.RequestLimiter | None = None,
    is_clock_reset: bool = False,
) -> None:
    """Serve the studio in this folder until SIGINT or SIGTERM; a folder that is empty is set up.

    Port 0 is any free one. With a certificate (PEM) the server speaks HTTPS; without one, plain HTTP must be allowed
    if other machines could connect. After ``idle_minutes`` without a connection or a running task, the server
    stops by itself. With ``is_clock_reset``, times in the database that are later than the machine's are forgotten.
    ``on_ready`` is called when connections are accepted. Raises StorageError or SettingInvalid when the server cannot
    work.
    """
    connections.raise_file_limit()
    address = connections.BindAddress(host, port, certificate, private_key, is_plain_allowed)
    with ExitStack() as stack:
        stack.enter_context(data_folder.locked(data))
        listener = stack.enter_context(address.listening())
        schedule = scheduled_backup.BackupSchedule() if backups is None else backups
        context = stack.enter_context(
            open_server_context(data, limiter=limiter, is_clock_reset=is_clock_reset, backup_folder=schedule.folder)
        )
        dispatcher = make_dispatcher(context)
        encodes = EncodeWorker(context, dispatcher.answer)
        dispatcher.actions.on_commit["encode_media"] = encodes.submit
        encodes.submit()
        stack.enter_context(running_mail_worker(context.mailer))
        stack.enter_context(running_notification_worker(context))
        track, cleanup = context.work.activity.track, context.media.cleanup_parts

        def check_daily(folder: Path, today: date) -> None:
            context.store.write(audit_log.forget_views)
            check_nightly_part(folder, today)

        stack.enter_context(scheduled_backup.running_backups(data, schedule, track, cleanup, check_daily))
        url = address.url(listener.getsockname()[1])
        context.mailer.own_url = url
        app = CancellableApp(make_app(context, dispatcher))
        server = _Server(
            app, address, lambda: on_ready(start_for_clients(context, url)), context.work.activity, idle_minutes
        )
        with stopped_by_signals(server.stop):
            server.run(sockets=[listener])


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


class _Server(uvicorn.Server):
    """A server that reports when it accepts connections, and does not wait long for running requests at the end."""

    def __init__(
        self,
        app: CancellableApp,
        address: connections.BindAddress,
        on_ready: Callable[[], None],
        activity: ActivityCounter,
        idle_minutes: float | None,
    ) -> None:
        # uvicorn's own log lines of requests have query strings in them, and so keys.
        super().__init__(
            uvicorn.Config(
                app,
                http=connections.TimedHttpProtocol,
                log_config=None,
                log_level="warning",
                access_log=False,
                ssl_certfile=address.certificate,
                ssl_keyfile=address.private_key,
                server_header=False,
                # Without the variable, no client can name another address than its own.
                forwarded_allow_ips=os.environ.get("FORWARDED_ALLOW_IPS", ""),
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                # A client that does not read its response cannot keep the server from stopping.
                timeout_graceful_shutdown=_SHUTDOWN_TIMEOUT_SECONDS,
                # Events are small, and compression would keep a compressor for each connection.
                ws_max_size=MAX_PACKET_BYTES,
                ws_per_message_deflate=False,
            )
        )
        self._app, self._on_ready = app, on_ready
        self._activity, self._idle_minutes = activity, idle_minutes
        self._idle_timer = IdleTimer(activity, None)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self._on_ready()
            self._idle_timer = IdleTimer(self._activity, self._idle_minutes)

    def stop(self) -> None:
        """Stop soon; safe to call in a signal handler."""
        self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        """Return whether to stop; called ten times a second."""
        state = self.server_state
        if counter % _TICKS_PER_SECOND == 0:
            connections.close_stalled(state.connections)
        is_idle = self._idle_timer.is_expired(len(state.connections), state.total_requests)
        return await super().on_tick(counter) or is_idle

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=_GRACE_SECONDS)
        self._app.cancel_requests()
        await super().shutdown(sockets=sockets)
