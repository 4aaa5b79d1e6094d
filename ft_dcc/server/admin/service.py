"""Administer a studio, whether a server is running on its data folder or not.

Without a server, the data folder is opened and locked here. With one, the requests are sent to it as its first user:
two processes never write to one database.
"""

from __future__ import annotations

import json
import tempfile
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
from ft_dcc.server.admin import commands, import_export
from ft_dcc.server.auth.permissions import permissions_of
from ft_dcc.server.bootstrap import open_server_context, seed_if_new
from ft_dcc.server.context import ServerContext
from ft_dcc.server.database import backup, data_folder
from ft_dcc.server.errors import BadRequest, Forbidden, ValidationError
from ft_dcc.server.http.rate_limit import client_address
from ft_dcc.server.http.request_body import read_body
from ft_dcc.server.storage.upload_file import writing_to_disk

_MAX_BODY_BYTES = 1 << 16
_REQUEST_TIMEOUT_SECONDS = 3600


@contextmanager
def open_admin(data: Path, *, schema: Path | None = None) -> Iterator[StudioAdmin]:
    """Yield the administration of the studio in a folder; an empty folder is set up.

    A schema file replaces the studio's schema for good, which a running server does not allow. Raises StorageError when
    the folder cannot be used.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(data_folder.locked(data))
        except errors.StudioInUse:
            if schema is not None:
                raise
            admin: LocalAdmin | RemoteAdmin = RemoteAdmin(_credentials(data))
        else:
            admin = LocalAdmin(stack.enter_context(open_server_context(data, schema=schema, is_seeded=False)))
        yield admin


def export_lines(data: Path) -> Iterator[bytes]:
    """Yield one state of all entities of the studio in the folder as lines; a server may be running."""
    if not (data / "studio.db").is_file():
        raise errors.StorageError(f"There is no studio in {data}. Name the folder that its server was started with.")
    with tempfile.TemporaryDirectory(prefix="dump-", dir=data) as folder:
        backup.copy_studio(data, Path(folder))
        (Path(folder) / "media").mkdir()
        with open_server_context(Path(folder), is_seeded=False) as context, context.store.reading() as connection:
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

    @property
    def served(self) -> None:
        """No server is running."""
        return None

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
        return self.context.description.schemas

    def _seed(self) -> None:
        self.context.store.write(partial(seed_if_new, tables=self.context.store.tables))


@attrs.frozen
class RemoteAdmin:
    """Administration of a studio through its running server."""

    credentials: data_folder.Credentials

    @property
    def served(self) -> data_folder.Credentials:
        """The credentials of the server."""
        return self.credentials

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
        import requests  # Imported by the server as well, which never sends requests.

        known = self.credentials
        headers = {"ftrack-user": known.api_user, "ftrack-api-key": known.api_key, "ftrack-strict-api": "true"}
        try:
            response = requests.post(
                f"{known.server_url}/{route}", data=body, headers=headers, timeout=_REQUEST_TIMEOUT_SECONDS
            )
            content = response.json()
        except (requests.RequestException, ValueError) as error:
            raise errors.ServerUnreachable(
                f"A server holds the studio, but does not answer at {known.server_url}. Stop it, then try again."
            ) from error
        if response.status_code != 200:
            raise ValidationError(str(content.get("content")))
        return content


StudioAdmin = Union[LocalAdmin, RemoteAdmin]


def _credentials(data: Path) -> data_folder.Credentials:
    found = data_folder.Credentials.read(data / "credentials.env")
    if found is None:
        raise errors.StudioInUse(f"A server is starting on {data}. Try again when it accepts connections.")
    return found


async def _import(context: ServerContext, request: Request) -> Response:
    await to_thread.run_sync(_require_administrator, context, request)
    # In the data folder: the system's temporary folder may be small.
    with writing_to_disk(), tempfile.TemporaryFile(prefix="load-", dir=context.folder) as file:
        async for chunk in request.stream():
            await to_thread.run_sync(file.write, chunk)
        file.seek(0)
        count = await to_thread.run_sync(import_export.import_entities, context, file)
    return JSONResponse({"count": count}, headers={"Cache-Control": "no-store"})


async def _run(context: ServerContext, request: Request) -> Response:
    await to_thread.run_sync(_require_administrator, context, request)
    body = await read_body(request, _MAX_BODY_BYTES)
    report = await to_thread.run_sync(_run_command, context, request.path_params["command"], body)
    return JSONResponse(report, headers={"Cache-Control": "no-store"})


def _run_command(context: ServerContext, command: str, body: bytes) -> dict[str, Any]:
    try:
        arguments = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest("The arguments of a command must be JSON.") from error
    if not isinstance(arguments, dict):
        raise BadRequest("The arguments of a command must be a JSON object.")
    return commands.run_command(context, command, arguments)


def _require_administrator(context: ServerContext, request: Request) -> None:
    username, key = request.headers.get("ftrack-user", ""), request.headers.get("ftrack-api-key", "")
    caller = context.authenticator.authenticate(client_address(request), username, key)
    with context.store.reading() as connection:
        permissions = permissions_of(connection, context.store.tables, caller.id)
    if not permissions.is_administrator:
        raise Forbidden("Only an administrator of the studio may do this. Ask one.")
