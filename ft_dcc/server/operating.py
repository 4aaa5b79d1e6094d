"""The addresses for whoever operates the server: is it well, and how much does it do."""

from __future__ import annotations

import base64
import ipaddress
import shutil
from functools import partial

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ft_dcc.errors import InvalidCredentials
from ft_dcc.server.metrics import Metrics
from ft_dcc.server.pace import address_of
from ft_dcc.server.studio import Studio


def routes(studio: Studio, metrics: Metrics) -> list[Route]:
    """Return ``/health`` and ``/metrics``."""
    return [
        Route("/health", partial(_tell_health, studio), methods=["GET"]),
        Route("/metrics", partial(_tell_metrics, studio, metrics), methods=["GET"]),
    ]


async def _tell_health(studio: Studio, request: Request) -> Response:
    await to_thread.run_sync(_read_anything, studio)
    return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


def _read_anything(studio: Studio) -> None:
    with studio.store.reading() as connection:
        connection.exec_driver_sql("SELECT 1")


async def _tell_metrics(studio: Studio, metrics: Metrics, request: Request) -> Response:
    text = await to_thread.run_sync(_measure, studio, metrics, request)
    return Response(text, media_type="text/plain; version=0.0.4", headers={"Cache-Control": "no-store"})


def _measure(studio: Studio, metrics: Metrics, request: Request) -> str:
    _require_operator(studio, request)
    waiting = sum(1 for _ in studio.post.outbox.glob("*.eml"))
    return metrics.text(
        {
            "ft_dcc_event_clients": ("Clients of the event hub.", studio.events.count),
            "ft_dcc_outbox_mails": ("Mails in the outbox.", waiting),
            "ft_dcc_disk_free_bytes": ("Room on the studio's disk.", shutil.disk_usage(studio.folder).free),
            "ft_dcc_database_bytes": ("Size of the database.", (studio.folder / "studio.db").stat().st_size),
        }
    )


def _require_operator(studio: Studio, request: Request) -> None:
    """Raise unless the request comes from this machine, or with user and API key as Prometheus' ``basic_auth``."""
    address = address_of(request)
    try:
        if ipaddress.ip_address(address).is_loopback:
            return
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        username, _, key = base64.b64decode(given, validate=True).decode().partition(":")
    except ValueError as error:
        raise InvalidCredentials("The Authorization header cannot be read. Send user and API key as Basic.") from error
    if scheme.lower() != "basic":
        raise InvalidCredentials("From other machines, metrics need user and API key as Basic authorization.")
    studio.door.enter(studio.store, address, username, key)
