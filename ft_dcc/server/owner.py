"""A studio in its owner's hands, whether a server works on it or not.

Without a server, the data folder is opened here, and nobody else can meanwhile. With one, the server is asked to do
the same, as its first user: two programs never write to one database.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import attrs
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ft_dcc.errors import (
    BadRequest,
    DiskUnusable,
    Forbidden,
    ServerUnreachable,
    StudioInUse,
    TooLarge,
    ValidationError,
)
from ft_dcc.server.backup import copy_studio
from ft_dcc.server.errands import run_errand
from ft_dcc.server.folder import Credentials, owned
from ft_dcc.server.incoming import writing_to_disk
from ft_dcc.server.loading import dump, load
from ft_dcc.server.opening import opened, seed_if_new
from ft_dcc.server.pace import address_of
from ft_dcc.server.rights import rights_of
from ft_dcc.server.studio import Studio

_LARGEST_ERRAND = 1 << 16
_PATIENCE_SECONDS = 3600


class Owner(Protocol):
    """What an owner can have done."""

    @property
    def served(self) -> Credentials | None:
        """How the server that works on the studio is reached, or None while none does."""

    def load(self, file: BinaryIO) -> int:
        """The entities in the lines are in the studio, all or none; returns their number."""

    def run(self, errand: str, **words: Any) -> dict[str, Any]:
        """Return the report of an errand."""

    def schemas(self) -> list[dict[str, Any]]:
        """Return the studio's entity types, as clients get them; a folder that was empty is seeded."""


@contextmanager
def owner_of(data: Path, *, schema: Path | None = None) -> Iterator[Owner]:
    """The studio in the folder does what it is told inside; a folder that is empty becomes one.

    A schema file becomes the studio's own, unless a server works on it. Raises DiskUnusable when the folder cannot be
    used, and ValidationError for what is refused.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(owned(data))
        except StudioInUse:
            if schema is not None:
                raise
            owner: Owner = _There(_credentials(data))
        else:
            owner = _Here(stack.enter_context(opened(data, schema=schema, is_seeded=False)))
        yield owner


def dumped(data: Path) -> Iterator[bytes]:
    """Yield all entities of the studio in the folder as lines, of one moment; a server may go on meanwhile."""
    if not (data / "studio.db").is_file():
        raise DiskUnusable(f"There is no studio in {data}. Name the folder that its server was started with.")
    with tempfile.TemporaryDirectory(prefix="dump-", dir=data) as place:
        copy_studio(data, Path(place))
        with opened(Path(place), is_seeded=False) as studio, studio.store.reading() as connection:
            yield from dump(studio, connection)


def routes(studio: Studio) -> list[Route]:
    """Return the addresses at which a running server does what its owner wants; administrators alone may ask."""
    return [
        Route("/studio/load", partial(_load, studio), methods=["POST"]),
        Route("/studio/{errand}", partial(_run, studio), methods=["POST"]),
    ]


@attrs.frozen
class _Here:
    """The studio is open in this process."""

    studio: Studio

    @property
    def served(self) -> None:
        return None

    def load(self, file: BinaryIO) -> int:
        return load(self.studio, file)

    def run(self, errand: str, **words: Any) -> dict[str, Any]:
        self._seed()
        return run_errand(self.studio, errand, words)

    def schemas(self) -> list[dict[str, Any]]:
        self._seed()
        return self.studio.description.schemas

    def _seed(self) -> None:
        self.studio.store.write(partial(seed_if_new, tables=self.studio.store.tables))


@attrs.frozen
class _There:
    """A server has the studio open."""

    credentials: Credentials

    @property
    def served(self) -> Credentials:
        return self.credentials

    def load(self, file: BinaryIO) -> int:
        return int(self._post("studio/load", file)["count"])

    def run(self, errand: str, **words: Any) -> dict[str, Any]:
        report: dict[str, Any] = self._post(f"studio/{errand}", json.dumps(words).encode())
        return report

    def schemas(self) -> list[dict[str, Any]]:
        (schemas,) = self._post("api", b'[{"action": "query_schemas"}]')
        return list(schemas)

    def _post(self, route: str, content: BinaryIO | bytes) -> Any:
        import requests  # The server has this module too, and never asks another.

        known = self.credentials
        headers = {"ftrack-user": known.api_user, "ftrack-api-key": known.api_key, "ftrack-strict-api": "true"}
        try:
            answer = requests.post(
                f"{known.server_url}/{route}", data=content, headers=headers, timeout=_PATIENCE_SECONDS
            )
            told = answer.json()
        except (requests.RequestException, ValueError) as error:
            raise ServerUnreachable(
                f"A server works on the studio, and at {known.server_url} it does not answer. Stop it, then try again."
            ) from error
        if answer.status_code != 200:
            raise ValidationError(str(told.get("content")))
        return told


def _credentials(data: Path) -> Credentials:
    try:
        return Credentials.from_environment((data / "credentials.env").read_text("utf-8"))
    except OSError as error:
        raise StudioInUse(f"A server is starting on {data}. Try again when it accepts connections.") from error


async def _load(studio: Studio, request: Request) -> Response:
    await to_thread.run_sync(_require_owner, studio, request)
    # In the studio's own folder: there is its room, and the system's may be small.
    with writing_to_disk(), tempfile.TemporaryFile(prefix="load-", dir=studio.folder) as file:
        async for chunk in request.stream():
            await to_thread.run_sync(file.write, chunk)
        file.seek(0)
        count = await to_thread.run_sync(load, studio, file)
    return JSONResponse({"count": count}, headers={"Cache-Control": "no-store"})


async def _run(studio: Studio, request: Request) -> Response:
    await to_thread.run_sync(_require_owner, studio, request)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_ERRAND:
            raise TooLarge("An errand has a few words, not so many.")
    report = await to_thread.run_sync(_carry_out, studio, request.path_params["errand"], bytes(body))
    return JSONResponse(report, headers={"Cache-Control": "no-store"})


def _carry_out(studio: Studio, errand: str, body: bytes) -> dict[str, Any]:
    try:
        words = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest("The words of an errand are not JSON.") from error
    if not isinstance(words, dict):
        raise BadRequest("The words of an errand are a JSON object.")
    return run_errand(studio, errand, words)


def _require_owner(studio: Studio, request: Request) -> None:
    username, key = request.headers.get("ftrack-user", ""), request.headers.get("ftrack-api-key", "")
    caller = studio.door.enter(studio.store, address_of(request), username, key)
    with studio.store.reading() as connection:
        rights = rights_of(connection, studio.store.tables, caller.id)
    if not rights.is_administrator:
        raise Forbidden("Only an administrator of the studio may do this. Ask one.")
