"""The routes of components: uploads, downloads and thumbnails."""

from __future__ import annotations

import json
import mimetypes
import re
import stat
from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import attrs
from anyio import CancelScope, current_time, fail_after, move_on_after, to_thread
from sqlalchemy import select
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from ft_dcc.server.auth.api_keys import Authenticator
from ft_dcc.server.database.store import Store
from ft_dcc.server.errors import BadRequest, Forbidden, NotFound
from ft_dcc.server.http.rate_limit import Slots, client_address, client_network
from ft_dcc.server.identity import Caller
from ft_dcc.server.storage import derived_media, media_files, media_store, published_media
from ft_dcc.server.storage.derived_media import make_thumbnail
from ft_dcc.server.work import budgets, queue

_UPLOAD_TIMEOUT_SECONDS = 60
# Each holds an open file and a few blocks in memory. A workstation sends six parts of a file at once; a farm publishes
# from many machines as one user.
MAX_UPLOADS, MAX_UPLOADS_PER_USER = 64, 32
# A studio that publishes at once has more parts than slots: they wait with their bodies unread, each with a connection.
# A client that is refused while it sends sees a broken connection, and not the answer.
MAX_WAITING, MAX_WAIT_SECONDS = 1_000, 60.0
# The image of an entity without a thumbnail: one grey pixel.
_GREY_PNG = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGMwAAAAMgAxaciY+gAAAABJRU5ErkJggg==")


def media_type_of(file_type: str | None) -> str:
    """Return the media type for a component's ``file_type``, such as ``.mp4``."""
    suffix = (file_type or "").strip().lstrip(".").lower()
    return mimetypes.types_map.get(f".{suffix}", "application/octet-stream")


@attrs.frozen(eq=False)
class ComponentEndpoints:
    """What is below ``/component``."""

    store: Store
    media: media_store.MediaStore
    work: queue.WorkQueue
    authenticator: Authenticator
    # As ``Dispatcher.answer`` does.
    answer_operations: Callable[..., list[Any]]
    slots: Slots = attrs.field(factory=partial(Slots, "uploads", MAX_UPLOADS_PER_USER, MAX_UPLOADS, MAX_WAITING))

    def routes(self) -> list[Route]:
        """Return the routes, with that of the placeholder for a thumbnail."""
        placeholder = Response(_GREY_PNG, media_type="image/png", headers={"Cache-Control": "public, max-age=86400"})
        return [
            Route("/component/get", self._get, methods=["GET"]),
            Route("/component/thumbnail", self._get_thumbnail, methods=["GET"]),
            Route("/component/remove", self._remove, methods=["GET"]),
            Route("/component/signed/{token}", self._get_signed, methods=["GET"]),
            Route("/component/upload/{token}", self._upload, methods=["PUT"]),
            Route(media_store.PLACEHOLDER_PATH, placeholder, methods=["GET"]),
        ]

    def _get(self, request: Request) -> Response:
        component = self._visible_component(request)
        return send_file(request, self.media.path(component["id"]), media_type_of(component["file_type"]))

    async def _get_thumbnail(self, request: Request) -> Response:
        try:
            size = int(request.query_params.get("size", derived_media.DEFAULT_SIZE))
        except ValueError as error:
            raise BadRequest("The size of a thumbnail is a whole number of pixels.") from error
        component = await to_thread.run_sync(self._visible_component, request)
        return await self._send_thumbnail(request, component["id"], size, request.query_params.get("username", ""))

    async def _send_thumbnail(self, request: Request, component_id: str, size: int, account: str) -> Response:
        path = await to_thread.run_sync(self.media.thumbnail, component_id, size)
        if not path.is_file():
            source = self.media.path(component_id)
            owner = budgets.Owner(account or client_network(client_address(request)))
            work = self.work.submit("thumbnail", owner, lambda work: make_thumbnail(source, path, work.run))
            await self.work.result(work, request.receive)
        return await to_thread.run_sync(send_file, request, path, "image/jpeg")

    def _remove(self, request: Request) -> Response:
        caller = self._authenticate(request)
        component = self._visible_component(request, "delete")
        # The files of a sequence are its members'; a client that removes those asks for the sequence, too.
        if component["__entity_type__"] not in ("SequenceComponent", "ContainerComponent"):
            self.media.size(component["id"])
            published_media.record_removal(self.store, caller, component["id"])
            self.media.remove(component["id"])
        return Response()

    async def _get_signed(self, request: Request) -> Response:
        download = self.media.parse_download_token(request.path_params["token"])
        file_type = await to_thread.run_sync(self._file_type, download)
        if download.size is not None:
            return await self._send_thumbnail(request, download.component_id, download.size, download.account)
        path, media_type = self.media.path(download.component_id), media_type_of(file_type)
        return await to_thread.run_sync(send_file, request, path, media_type)

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

    async def _upload(self, request: Request) -> Response:
        upload = self.media.parse_upload_token(request.path_params["token"])
        chunks = request.stream()
        place = partial(published_media.place_upload, self.store, self.media, upload.account, upload.issued_at)
        try:
            await to_thread.run_sync(self._check_upload, upload)
            with move_on_after(MAX_WAIT_SECONDS):
                await self.slots.wait(upload.account)
            with self.slots.held(upload.account), fail_after(_UPLOAD_TIMEOUT_SECONDS) as timeout:
                tag = await self.media.receive(upload, _extending(timeout, chunks), place)
        except TimeoutError as error:
            raise BadRequest(f"No data came for {_UPLOAD_TIMEOUT_SECONDS} seconds. Send the file again.") from error
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


async def _extending(timeout: CancelScope, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        timeout.deadline = current_time() + _UPLOAD_TIMEOUT_SECONDS
        yield chunk


_ONE_RANGE = re.compile(rb"bytes=(\d{1,18}-\d{0,18}|-\d{1,18})")
_MEDIA_TYPE = re.compile(r"(image/(?!svg)|video/|audio/)[\w.+-]+")


class MediaResponse(FileResponse):
    """A media file, or the one range of it that a player requests; it ends when the client disconnects."""

    chunk_size = 256 * 1024

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file."""

        async def send_to_client(message: Message) -> None:
            if is_gone.is_set():
                raise ClientDisconnect
            await send(message)

        async def watch() -> None:
            await queue.wait_for_disconnect(receive)
            is_gone.set()

        is_gone = anyio.Event()
        # The whole file is the response to several ranges at once, and to other units (RFC 9110, 14.2).
        headers = [pair for pair in scope["headers"] if pair[0] != b"range" or _ONE_RANGE.fullmatch(pair[1])]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch)
            with suppress(ClientDisconnect):
                await super().__call__({**scope, "headers": headers}, receive, send_to_client)
            tasks.cancel_scope.cancel()


def send_file(request: Request, path: Path, media_type: str) -> Response:
    """Return the response to a GET or HEAD for the file; raises NotFound.

    Only images, movies and sound keep their media type: anything else is sent as a download, so that an uploaded page
    cannot act in a browser.
    """
    facts = media_files.stat_media(path)
    if not stat.S_ISREG(facts.st_mode):
        raise NotFound("The bytes of this component are not on the server.")
    headers = {"ETag": f'"{facts.st_mtime_ns:x}-{facts.st_size:x}"', "Cache-Control": "private, no-cache"}
    if headers["ETag"] in request.headers.get("if-none-match", "").replace(" ", "").split(","):
        return Response(status_code=304, headers=headers)
    if not _MEDIA_TYPE.fullmatch(media_type):
        media_type = "application/octet-stream"
        headers["Content-Disposition"] = "attachment"
    return MediaResponse(path, headers=headers, media_type=media_type, stat_result=facts)
