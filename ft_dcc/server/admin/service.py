"""Administer a studio, whether a server is running on its data folder or not.

Without a server, the data folder is opened and locked here. With one, the requests are sent to it as its first user:
two processes never write to one database.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Union

import attrs
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ft_dcc import errors
from ft_dcc.files.atomic import temporary_file, temporary_folder
from ft_dcc.server.admin import commands, import_export
from ft_dcc.server.context import ServerContext, open_server_context, seed_if_new
from ft_dcc.server.database import backup, data_folder
from ft_dcc.server.errors import ValidationError, writing_to_disk
from ft_dcc.server.http.rate_limit import client_address
from ft_dcc.server.http.request_body import read_json

_REQUEST_TIMEOUT_SECONDS = 3600


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


def routes(context: ServerContext) -> list[Route]:
    """Return the routes for administrators of a running server."""
    return [
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
        self._seed()
        return commands.run_command(self.context, command, arguments)

    def schemas(self) -> list[dict[str, Any]]:
        """Return the entity types of the open studio."""
        self._seed()
        return self.context.schemas

    def _seed(self) -> None:
        self.context.store.write(partial(seed_if_new, tables=self.context.store.tables))


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

    def schemas(self) -> list[dict[str, Any]]:
        """Query the entity types of the server."""
        (schemas,) = self._post("api", b'[{"action": "query_schemas"}]')
        return list(schemas)

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
    return JSONResponse({"count": count}, headers={"Cache-Control": "no-store"})


async def _run(context: ServerContext, request: Request) -> Response:
    await to_thread.run_sync(_require_administrator, context, request)
    arguments = await read_json(request, dict)
    report = await to_thread.run_sync(commands.run_command, context, request.path_params["command"], arguments)
    return JSONResponse(report, headers={"Cache-Control": "no-store"})


def _require_administrator(context: ServerContext, request: Request) -> None:
    username, key = request.headers.get("ftrack-user", ""), request.headers.get("ftrack-api-key", "")
    commands.require_administrator(context, context.authenticator.authenticate(client_address(request), username, key))
