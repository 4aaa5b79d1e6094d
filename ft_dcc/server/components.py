"""The addresses of components: their bytes in, their bytes out."""

from __future__ import annotations

import json
import mimetypes
from base64 import b64decode
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from anyio import CancelScope, CapacityLimiter, current_time, fail_after, move_on_after, to_thread
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ft_dcc.errors import BadRequest, Forbidden, NoSuchThing, Refused
from ft_dcc.server.api import answer
from ft_dcc.server.outgoing import send_file
from ft_dcc.server.pace import address_of
from ft_dcc.server.places import Places
from ft_dcc.server.studio import Studio
from ft_dcc.server.thumbnails import USUAL

_IDLE_SECONDS = 60
# Threads that may wait for thumbnails to be made: a page full of them must not take those that others need.
_MOST_PICTURES = 4
# A refused upload is read on for a while: a client that is still sending would not see the answer.
_READ_ON = 32 << 20
# What the JavaScript client shows for an entity without a thumbnail: one grey pixel.
_GREY_PNG = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGMwAAAAMgAxaciY+gAAAABJRU5ErkJggg==")


def routes(studio: Studio) -> list[Route]:
    """Return the routes below ``/component``."""
    places, pictures = Places(), CapacityLimiter(_MOST_PICTURES)
    return [
        Route("/component/get", partial(_get, studio), methods=["GET"]),
        Route("/component/thumbnail", partial(_get_thumbnail, studio, pictures), methods=["GET"]),
        Route("/component/remove", partial(_remove, studio), methods=["GET"]),
        Route("/component/signed/{token}", partial(_get_signed, studio, pictures), methods=["GET"]),
        Route("/component/upload/{token}", partial(_upload, studio, places), methods=["PUT"]),
        Route("/img/thumbnail2.png", _send_placeholder, methods=["GET"]),
    ]


def media_type_of(file_type: str | None) -> str:
    """Return the media type for a component's ``file_type``, such as ``.mp4``."""
    suffix = (file_type or "").strip().lstrip(".").lower()
    return mimetypes.types_map.get(f".{suffix}", "application/octet-stream")


async def _get(studio: Studio, request: Request) -> Response:
    return await to_thread.run_sync(_respond, studio, request)


def _respond(studio: Studio, request: Request) -> Response:
    component = _visible_component(studio, request)
    return studio.files.respond(request, component["id"], media_type_of(component["file_type"]))


async def _get_thumbnail(studio: Studio, pictures: CapacityLimiter, request: Request) -> Response:
    return await to_thread.run_sync(_respond_small, studio, request, limiter=pictures)


def _respond_small(studio: Studio, request: Request) -> Response:
    try:
        size = int(request.query_params.get("size", USUAL))
    except ValueError as error:
        raise BadRequest("The size of a thumbnail is a whole number of pixels.") from error
    component_id = _visible_component(studio, request)["id"]
    return send_file(request, studio.files.thumbnail(component_id, size), "image/jpeg")


async def _send_placeholder(request: Request) -> Response:
    return Response(_GREY_PNG, media_type="image/png", headers={"Cache-Control": "public, max-age=86400"})


async def _remove(studio: Studio, request: Request) -> Response:
    await to_thread.run_sync(_remove_bytes, studio, request)
    return Response()


def _remove_bytes(studio: Studio, request: Request) -> None:
    component = _visible_component(studio, request, "delete")
    # The bytes of a sequence are its members'; who removes it with them asks for it, too.
    if component["__entity_type__"] in ("SequenceComponent", "ContainerComponent"):
        return
    studio.files.size(component["id"])
    studio.files.remove(component["id"])


async def _get_signed(studio: Studio, pictures: CapacityLimiter, request: Request) -> Response:
    component_id, size = studio.files.shown(request.path_params["token"])
    if size is None:
        return await to_thread.run_sync(_respond_signed, studio, request, component_id)
    path = await to_thread.run_sync(studio.files.thumbnail, component_id, size, limiter=pictures)
    return await to_thread.run_sync(send_file, request, path, "image/jpeg")


def _respond_signed(studio: Studio, request: Request, component_id: str) -> Response:
    component = studio.store.tables.by_family["Component"]
    with studio.store.reading() as connection:
        file_type = connection.execute(select(component.c.file_type).where(component.c.id == component_id)).scalar()
    return studio.files.respond(request, component_id, media_type_of(file_type))


async def _upload(studio: Studio, places: Places, request: Request) -> Response:
    upload = studio.files.announced(request.path_params["token"])
    chunks = request.stream()
    try:
        with places.taken(upload.account), fail_after(_IDLE_SECONDS) as patience:
            tag = await studio.files.receive(upload, _noticed(chunks, patience))
    except TimeoutError as error:
        raise BadRequest(f"Nothing came for {_IDLE_SECONDS} seconds. Send the file again.") from error
    except Refused:
        await _read_on(chunks)
        raise
    return Response(headers={"ETag": f'"{tag}"'})


async def _noticed(chunks: AsyncIterator[bytes], patience: CancelScope) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        patience.deadline = current_time() + _IDLE_SECONDS
        yield chunk


async def _read_on(chunks: AsyncIterator[bytes]) -> None:
    left = _READ_ON
    with move_on_after(_IDLE_SECONDS):
        async for chunk in chunks:
            left -= len(chunk)
            if left < 0:
                return


def _visible_component(studio: Studio, request: Request, wish: str = "read") -> dict[str, Any]:
    """Return type, id and file type of the component in the query string, if the user in it may see it.

    Who knows better keeps the key out of the address, where every log on the way would have it, and sends headers.
    Raises NoSuchThing, and Forbidden when the user may see it, and not do what is wished for.
    """
    parameters, headers = request.query_params, request.headers
    username = parameters.get("username") or headers.get("ftrack-user", "")
    key = parameters.get("apiKey") or headers.get("ftrack-api-key", "")
    caller = studio.door.enter(studio.store, address_of(request), username, key)
    component_id = parameters.get("id", "")
    # By a query, because what a user may see is decided there.
    query = {"action": "query", "expression": f"select file_type from Component where id is {json.dumps(component_id)}"}
    asked = {"action": "permissions", "entity_type": "FileComponent", "entity_data": {"id": component_id}}
    told, permissions = answer(studio, caller, [query, asked], "")
    if not told["data"]:
        raise NoSuchThing("There is no such component.")
    if wish not in permissions["data"]:
        raise Forbidden(f"You may look at this component, and not {wish} it. Ask an administrator of the studio.")
    found: dict[str, Any] = told["data"][0]
    return found
