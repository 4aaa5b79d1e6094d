"""The routes of components: uploads, downloads and thumbnails."""

from __future__ import annotations

import json
import mimetypes
from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import attrs
from anyio import CancelScope, CapacityLimiter, current_time, fail_after, move_on_after, to_thread
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ft_dcc.server.auth.authenticator import Authenticator
from ft_dcc.server.database.store import Store
from ft_dcc.server.errors import BadRequest, Forbidden, HttpError, NotFound
from ft_dcc.server.http.rate_limit import client_address
from ft_dcc.server.http.slots import Slots
from ft_dcc.server.identity import Caller
from ft_dcc.server.storage import file_response, media_store, published_media, thumbnails

_UPLOAD_TIMEOUT_SECONDS = 60
# Each holds an open file and a few blocks in memory. A workstation sends six parts of a file at once; a farm publishes
# from many machines as one user.
MAX_UPLOADS, MAX_UPLOADS_PER_USER = 64, 32
# A studio that publishes at once has more parts than slots: they wait with their bodies unread, each with a connection.
# A client that is refused while it sends sees a broken connection, and not the answer.
MAX_WAITING, MAX_WAIT_SECONDS = 1_000, 60.0
# Threads that may wait for thumbnails: a page full of them must not take the threads that other requests need.
_MAX_THUMBNAIL_THREADS = 4
# So much of a refused upload is read and dropped: a client that is still sending would not see the response.
_MAX_DRAINED_BYTES = 32 << 20
# What the JavaScript client shows for an entity without a thumbnail: one grey pixel.
_GREY_PNG = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGMwAAAAMgAxaciY+gAAAABJRU5ErkJggg==")

# Answers operations, as ``Dispatcher.answer`` does.
AnswerOperations = Callable[..., "list[Any]"]


def routes(
    store: Store, media: media_store.MediaStore, authenticator: Authenticator, answer_operations: AnswerOperations
) -> list[Route]:
    """Return the routes below ``/component``."""
    endpoints = _ComponentEndpoints(store, media, authenticator, answer_operations)
    return [
        Route("/component/get", endpoints.get, methods=["GET"]),
        Route("/component/thumbnail", endpoints.get_thumbnail, methods=["GET"]),
        Route("/component/remove", endpoints.remove, methods=["GET"]),
        Route("/component/signed/{token}", endpoints.get_signed, methods=["GET"]),
        Route("/component/upload/{token}", endpoints.upload, methods=["PUT"]),
        Route("/img/thumbnail2.png", _send_placeholder, methods=["GET"]),
    ]


def media_type_of(file_type: str | None) -> str:
    """Return the media type for a component's ``file_type``, such as ``.mp4``."""
    suffix = (file_type or "").strip().lstrip(".").lower()
    return mimetypes.types_map.get(f".{suffix}", "application/octet-stream")


@attrs.frozen(eq=False)
class _ComponentEndpoints:
    store: Store
    media: media_store.MediaStore
    authenticator: Authenticator
    answer_operations: AnswerOperations
    slots: Slots = attrs.field(factory=partial(Slots, "uploads", MAX_UPLOADS_PER_USER, MAX_UPLOADS, MAX_WAITING))
    thumbnail_threads: CapacityLimiter = attrs.field(factory=partial(CapacityLimiter, _MAX_THUMBNAIL_THREADS))

    async def get(self, request: Request) -> Response:
        return await to_thread.run_sync(self._send_component, request)

    def _send_component(self, request: Request) -> Response:
        component = self._visible_component(request)
        return self.media.respond(request, component["id"], media_type_of(component["file_type"]))

    async def get_thumbnail(self, request: Request) -> Response:
        return await to_thread.run_sync(self._send_thumbnail, request, limiter=self.thumbnail_threads)

    def _send_thumbnail(self, request: Request) -> Response:
        try:
            size = int(request.query_params.get("size", thumbnails.DEFAULT_SIZE))
        except ValueError as error:
            raise BadRequest("The size of a thumbnail is a whole number of pixels.") from error
        component_id = self._visible_component(request)["id"]
        return file_response.send_file(request, self.media.thumbnail(component_id, size), "image/jpeg")

    async def remove(self, request: Request) -> Response:
        await to_thread.run_sync(self._remove_file, request)
        return Response()

    def _remove_file(self, request: Request) -> None:
        caller = self._authenticate(request)
        component = self._visible_component(request, "delete")
        # The files of a sequence are its members'; a client that removes those asks for the sequence, too.
        if component["__entity_type__"] in ("SequenceComponent", "ContainerComponent"):
            return
        self.media.size(component["id"])
        published_media.record_removal(self.store, caller, component["id"])
        self.media.remove(component["id"])

    async def get_signed(self, request: Request) -> Response:
        download = self.media.parse_download_token(request.path_params["token"])
        file_type = await to_thread.run_sync(self._file_type, download)
        if download.size is None:
            media_type = media_type_of(file_type)
            return await to_thread.run_sync(self.media.respond, request, download.component_id, media_type)
        path = await to_thread.run_sync(
            self.media.thumbnail, download.component_id, download.size, limiter=self.thumbnail_threads
        )
        return await to_thread.run_sync(file_response.send_file, request, path, "image/jpeg")

    def _file_type(self, download: media_store.Download) -> str | None:
        """Return the file type of a component; raises Forbidden when the URL's account is not valid any more."""
        component = self.store.tables.by_family["Component"]
        found = select(component.c.file_type).where(component.c.id == download.component_id)
        with self.store.reading() as connection:
            if download.account:
                published_media.check_account(connection, download.account, download.issued_at)
            file_type: str | None = connection.execute(found).scalar()
        return file_type

    def _check_upload(self, upload: media_store.Upload) -> None:
        """Raise Forbidden or Conflict for an upload that would be refused in the end, before its bytes are read."""
        locations = self.store.tables.by_family["ComponentLocation"]
        with self.store.reading() as connection:
            published_media.check_account(connection, upload.account, upload.issued_at)
            published_media.check_replaceable(connection, locations, self.media, upload.component_id)

    async def upload(self, request: Request) -> Response:
        upload = self.media.parse_upload_token(request.path_params["token"])
        chunks = request.stream()
        place = partial(published_media.MediaPlacement(self.store, self.media).place, upload.account, upload.issued_at)
        try:
            await to_thread.run_sync(self._check_upload, upload)
            with move_on_after(MAX_WAIT_SECONDS):
                await self.slots.wait(upload.account)
            with self.slots.held(upload.account), fail_after(_UPLOAD_TIMEOUT_SECONDS) as timeout:
                tag = await self.media.receive(upload, _extending(timeout, chunks), place)
        except TimeoutError as error:
            raise BadRequest(f"No data came for {_UPLOAD_TIMEOUT_SECONDS} seconds. Send the file again.") from error
        except HttpError:
            await _drain(chunks)
            raise
        return Response(headers={"ETag": f'"{tag}"'})

    def _authenticate(self, request: Request) -> Caller:
        parameters, headers = request.query_params, request.headers
        username = parameters.get("username") or headers.get("ftrack-user", "")
        key = parameters.get("apiKey") or headers.get("ftrack-api-key", "")
        return self.authenticator.authenticate(client_address(request), username, key)

    def _visible_component(self, request: Request, action: str = "read") -> dict[str, Any]:
        """Return type, id and file type of the component in the query string.

        User and key are in the query string, too, or in headers, which keep the key out of logs. Raises NotFound when
        the user may not see the component, and Forbidden when the user may see it but not do the action.
        """
        caller, component_id = self._authenticate(request), request.query_params.get("id", "")
        # By a query, which decides what a user may see.
        expression = f"select file_type from Component where id is {json.dumps(component_id)}"
        query = {"action": "query", "expression": expression}
        check = {"action": "permissions", "entity_type": "FileComponent", "entity_data": {"id": component_id}}
        components, permissions = self.answer_operations(caller, [query, check])
        if not components["data"]:
            raise NotFound("There is no such component.")
        if action not in permissions["data"]:
            raise Forbidden(f"You may read this component, but not {action} it. Ask an administrator of the studio.")
        found: dict[str, Any] = components["data"][0]
        return found


async def _send_placeholder(request: Request) -> Response:
    return Response(_GREY_PNG, media_type="image/png", headers={"Cache-Control": "public, max-age=86400"})


async def _extending(timeout: CancelScope, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        timeout.deadline = current_time() + _UPLOAD_TIMEOUT_SECONDS
        yield chunk


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    left = _MAX_DRAINED_BYTES
    with move_on_after(_UPLOAD_TIMEOUT_SECONDS):
        async for chunk in chunks:
            left -= len(chunk)
            if left < 0:
                return
