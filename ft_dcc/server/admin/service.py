"""Administer a studio, whether a server is running on its data folder or not.

Without a server, the data folder is opened and locked here. With one, the requests are sent to it as its first user:
two processes never write to one database. ``/health`` and ``/metrics`` are for those who operate it.
"""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Union

import attrs
from anyio import to_thread
from sqlalchemy.exc import DBAPIError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ft_dcc import errors
from ft_dcc.files.atomic import temporary_file, temporary_folder
from ft_dcc.server.admin import commands, import_export
from ft_dcc.server.context import ServerContext, open_server_context, seed_if_new
from ft_dcc.server.database import backup, data_folder
from ft_dcc.server.errors import InvalidCredentials, ValidationError, writing_to_disk
from ft_dcc.server.http import rate_limit, request_body, request_logging
from ft_dcc.server.mail.mailer import queued_messages
from ft_dcc.server.notifications.webhooks import find_webhooks
from ft_dcc.server.storage.derived_media import find_ffmpeg

_REQUEST_TIMEOUT_SECONDS = 3600
_NOT_CACHED = {"Cache-Control": "no-store"}


@contextmanager
def open_admin(data: Path) -> Iterator[StudioAdmin]:
    """Yield the administration of the studio in a folder; an empty folder is set up.

    Raises StorageError when the folder cannot be used.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(data_folder.locked(data))
        except errors.StudioInUse:
            credentials = data_folder.Credentials.read(data / "credentials.env")
            if credentials is None:
                raise errors.StudioInUse(
                    f"A server is starting on {data}. Try again when it accepts connections."
                ) from None
            admin: LocalAdmin | RemoteAdmin = RemoteAdmin(credentials)
        else:
            admin = LocalAdmin(stack.enter_context(open_server_context(data, is_seeded=False)))
        yield admin


def export_lines(data: Path) -> Iterator[bytes]:
    """Yield one state of all entities of the studio in the folder as lines; a server may be running."""
    if not (data / "studio.db").is_file():
        raise errors.StorageError(f"There is no studio in {data}. Name the folder that its server was started with.")
    with temporary_folder("dump-", data) as folder:
        backup.copy_studio(data, folder)
        (folder / "media").mkdir()
        with open_server_context(folder, is_seeded=False) as context, context.store.reading() as connection:
            yield from import_export.export_entities(context, connection)


def routes(context: ServerContext, metrics: request_logging.Metrics) -> list[Route]:
    """Return the routes for administrators of a running server, ``/health`` and ``/metrics``."""
    return [
        Route("/health", partial(_send_health, context), methods=["GET"]),
        Route("/metrics", partial(_send_metrics, context, metrics), methods=["GET"]),
        Route("/studio/load", partial(_import, context), methods=["POST"]),
        Route("/studio/{command}", partial(_run, context), methods=["POST"]),
    ]


@attrs.frozen
class LocalAdmin:
    """Administration of a studio that is open in this process."""

    context: ServerContext
    # The credentials of the server; none is running.
    served: None = None

    def load(self, file: BinaryIO) -> int:
        """Import the entities in this process."""
        return import_export.import_entities(self.context, file)

    def run(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Run the command in this process."""
        self.context.store.write(partial(seed_if_new, tables=self.context.store.tables))
        return commands.run_command(self.context, command, arguments)


@attrs.frozen
class RemoteAdmin:
    """Administration of a studio through its running server; ``served`` are the credentials for it."""

    served: data_folder.Credentials

    def load(self, file: BinaryIO) -> int:
        """Send the lines to the server."""
        return int(self._post("studio/load", file)["count"])

    def run(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Send the command to the server."""
        report: dict[str, Any] = self._post(f"studio/{command}", json.dumps(arguments).encode())
        return report

    def _post(self, route: str, body: BinaryIO | bytes) -> Any:
        # Imported by the server as well, which never sends requests.
        import requests

        from ft_dcc.system.http_sessions import new_http_session

        url, known = self.served.server_url, self.served
        headers = {"ftrack-user": known.api_user, "ftrack-api-key": known.api_key, "ftrack-strict-api": "true"}
        try:
            with new_http_session() as session:
                response = session.post(f"{url}/{route}", data=body, headers=headers, timeout=_REQUEST_TIMEOUT_SECONDS)
            content = response.json()
        except (requests.RequestException, ValueError) as error:
            raise errors.ServerUnreachable(
                f"A server holds the studio, but does not answer at {url}. Stop it, then try again."
            ) from error
        if response.status_code != 200:
            raise ValidationError(str(content.get("content")))
        return content


StudioAdmin = Union[LocalAdmin, RemoteAdmin]


async def _import(context: ServerContext, request: Request) -> Response:
    await to_thread.run_sync(_require_administrator, context, request)
    # In the data folder: the system's temporary folder may be small.
    with writing_to_disk(), temporary_file("load-", context.folder) as file:
        async for chunk in request.stream():
            await to_thread.run_sync(file.write, chunk)
        file.seek(0)
        count = await to_thread.run_sync(import_export.import_entities, context, file)
    return JSONResponse({"count": count}, headers=_NOT_CACHED)


async def _run(context: ServerContext, request: Request) -> Response:
    await to_thread.run_sync(_require_administrator, context, request)
    arguments = await request_body.read_json(request, dict)
    report = await to_thread.run_sync(commands.run_command, context, request.path_params["command"], arguments)
    return JSONResponse(report, headers=_NOT_CACHED)


def _require_administrator(context: ServerContext, request: Request) -> None:
    username, key = request.headers.get("ftrack-user", ""), request.headers.get("ftrack-api-key", "")
    commands.require_administrator(
        context, context.authenticator.authenticate(rate_limit.client_address(request), username, key)
    )


def _send_health(context: ServerContext, request: Request) -> Response:
    """Answer 200 for a studio without known problems, else 503 with where they are; the log has the details."""
    damaged = set(backup.read_problems(context.folder))
    try:
        with context.store.reading() as connection:
            # Reads a page, which "SELECT 1" does not.
            connection.exec_driver_sql("SELECT count(*) FROM sqlite_master")
    except (DBAPIError, sqlite3.Error, errors.Error):
        damaged.add("database")
    problems = damaged | {name for name, is_able in _ABILITIES.items() if not is_able(context)}
    if not problems:
        return JSONResponse({"status": "ok"}, headers=_NOT_CACHED)
    status = "damaged" if damaged else "impaired"
    return JSONResponse({"status": status, "problems": sorted(problems)}, 503, headers=_NOT_CACHED)


def _can_write(context: ServerContext) -> bool:
    try:
        with temporary_file(parent=context.folder) as file:
            file.write(b"x")
        return context.media.free_bytes() > 0
    except (OSError, errors.Error):
        return False


def _can_encode(_context: ServerContext) -> bool:
    try:
        find_ffmpeg()
    except errors.MissingExtra:
        return True  # This server was installed without.
    except errors.SettingInvalid:
        return False
    return True


def _can_mail(context: ServerContext) -> bool:
    mailer = context.mailer
    return mailer.server is None or not any(mail.reason for mail in queued_messages(mailer.outbox))


def _can_call_webhooks(context: ServerContext) -> bool:
    with context.store.reading() as connection:
        return not any(hook["error"] for hook in find_webhooks(connection))


# What ``/health`` asks for, by the word for it in the answer.
_ABILITIES = {"disk": _can_write, "encoding": _can_encode, "mail": _can_mail, "webhooks": _can_call_webhooks}


def _send_metrics(context: ServerContext, metrics: request_logging.Metrics, request: Request) -> Response:
    """Answer requests with user and API key as Prometheus' ``basic_auth``.

    A request from this machine needs them, too: it may be that of a proxy, for anybody.
    """
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    try:
        login = base64.b64decode(given, validate=True).decode()
    except ValueError as error:
        raise InvalidCredentials("The Authorization header cannot be read. Send user and API key as Basic.") from error
    if scheme.lower() != "basic":
        raise InvalidCredentials("Metrics need user and API key as Basic authorization.")
    username, _, key = login.partition(":")
    context.authenticator.authenticate(rate_limit.client_address(request), username, key)
    return Response(metrics.text(), media_type="text/plain; version=0.0.4", headers=_NOT_CACHED)
