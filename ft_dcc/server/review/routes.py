"""The routes of the review page: a link gives access to one session, and to nothing else of the studio."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote

from anyio import CapacityLimiter, to_thread
from sqlalchemy import Connection
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from ft_dcc.server.actions.dispatch import Dispatcher
from ft_dcc.server.auth.browser_sessions import BrowserSessions, check_same_origin
from ft_dcc.server.entities.passphrases import verify_passphrase
from ft_dcc.server.errors import (
    BadRequest,
    Forbidden,
    InvalidCredentials,
    NotFound,
    PassphraseRequired,
    PayloadTooLarge,
    ReviewUnavailable,
    TooManyRequests,
)
from ft_dcc.server.http import rate_limit, static_pages
from ft_dcc.server.http.request_body import read_body, read_form
from ft_dcc.server.identity import Caller
from ft_dcc.server.review import content, guest_actions, playback_actions
from ft_dcc.server.review.access import (
    PASS_LIFETIME_SECONDS,
    USER_KEY,
    ReviewAccess,
    authorize,
    issue_pass,
    pass_cookie_name,
    stored_passphrase,
)
from ft_dcc.server.review.attachments import MAX_ATTACHMENT_BYTES, Attachments
from ft_dcc.server.review.earlier_notes import read_earlier
from ft_dcc.server.review.export.flattened_notes import FlattenedNotes
from ft_dcc.server.review.feedback import viewer_of
from ft_dcc.server.review.live import routes as live_routes
from ft_dcc.server.review.live.open_pages import LiveReviews
from ft_dcc.server.review.response_cache import Cached, ResponseCache, to_json
from ft_dcc.server.review.user_actions import find_user_access, read_people, require_right
from ft_dcc.server.storage import file_response
from ft_dcc.server.storage.routes import media_type_of

Action = Callable[[Dispatcher, ReviewAccess, dict[str, Any]], "dict[str, Any]"]

_MAX_FORM_BYTES, _MAX_BODY_BYTES = 4 << 10, 2 << 20
_NOT_FOUND = (
    "This link opens no review",
    "It may be incomplete, or the review session was deleted. Copy the whole link again, or ask the sender for a new "
    "one.",
)


class ReviewPages:
    """The routes below ``/review`` of one studio."""

    def __init__(self, dispatcher: Dispatcher, browsers: BrowserSessions) -> None:
        self._dispatcher, self._studio, self._browsers = dispatcher, dispatcher.context, browsers
        self._files = static_pages.StaticPages()
        self._cache = ResponseCache(self._studio.store)
        self._live = LiveReviews(self._studio.store)
        self._attachments, self._flattened_notes = Attachments(self._studio), FlattenedNotes(dispatcher)
        self._flattened_notes.resume()
        self._studio.events.add_observer(self._live)
        # Limits for wrong passphrases by session and address, and by session; and for writes of one invitee.
        self._guesses, self._all_guesses = rate_limit.TokenBucket(5, 1 / 12), rate_limit.TokenBucket(100, 1)
        self._guest_limit = rate_limit.TokenBucket(60, 2)
        # Each waits for a process that keeps one core busy.
        self._waveform_threads = CapacityLimiter(2)
        self._export_limit = rate_limit.TokenBucket(10, 1 / 6)

    def routes(self) -> list[BaseRoute]:
        """Return the routes of the page's own files, and of a link: page, data, media, live, notes and status."""
        session = "/review/{review_session_id}/{key}"
        component = f"{session}/media/{{component_id}}"
        bodies = {
            "data": self._read_list,
            "entries/{object_id}": self._read_entry,
            "entries/{object_id}/earlier": self._read_earlier,
            "people": self._read_people,
        }
        files = {
            component: self._read_media,
            f"{component}/{{lines:int}}": self._read_rendition,
            f"{session}/export/{{format_name}}": self._export,
        }
        actions: dict[str, Action] = {
            "order": playback_actions.set_order,
            "renditions": playback_actions.request_rendition,
            "notes": self._write_note,
            "notes/edit": guest_actions.edit_note,
            "notes/delete": guest_actions.delete_note,
            "notes/done": guest_actions.complete_note,
            "notes/addressed": guest_actions.mark_addressed,
            "status": guest_actions.set_status,
            "statuses": guest_actions.set_statuses,
        }
        return [
            Route("/review/static/{name}", self._send_file, methods=["GET"]),
            Route("/review/{review_session_id}", self._redirect_user, methods=["GET"]),
            Route(session, self._send_page, methods=["GET"]),
            Route(session, self._receive_passphrase, methods=["POST"]),
            *(
                Route(f"{session}/{path}", partial(self._send_body, read), methods=["GET"])
                for path, read in bodies.items()
            ),
            *live_routes.routes(session, self._live, self._authorize),
            Route(f"{component}/waveform", self._send_waveform, methods=["GET"]),
            *(Route(path, partial(self._send_response, read), methods=["GET"]) for path, read in files.items()),
            Route(f"{session}/attachments", self._receive_attachment, methods=["POST"]),
            *(
                Route(f"{session}/{path}", partial(self._receive, action), methods=["POST"])
                for path, action in actions.items()
            ),
        ]

    async def _send_file(self, request: Request) -> Response:
        return self._files.respond(request)

    async def _redirect_user(self, request: Request) -> Response:
        """Redirect a signed-in user to the page of the session; a link without a key is incomplete for others."""
        if await to_thread.run_sync(self._browsers.find_user, request) is None:
            return self._message_page(404, *_NOT_FOUND, depth=0)
        return RedirectResponse(
            f"{request.url.path}/{USER_KEY}{_query_of(request)}", 303, headers={"Cache-Control": "no-store"}
        )

    async def _send_page(self, request: Request) -> Response:
        is_for_users = request.path_params["key"] == USER_KEY
        if is_for_users and await to_thread.run_sync(self._browsers.find_user, request) is None:
            target = quote(f"{request.url.path}{_query_of(request)}")
            return RedirectResponse(f"../../user/sign_in?next={target}", 303, headers={"Cache-Control": "no-store"})
        try:
            await to_thread.run_sync(self._authorize, request)
        except NotFound:
            return self._message_page(404, *_NOT_FOUND)
        except ReviewUnavailable as error:
            return self._message_page(error.status, error.title, str(error))
        except PassphraseRequired as error:
            return self._passphrase_page(error.status, "The person who sent you the link has it.")
        return Response(self._files.text("review.html"), headers=static_pages.page_headers(), media_type="text/html")

    def _message_page(self, status: int, title: str, text: str, depth: int = 1) -> Response:
        page = self._files.fill("message.html", "../" * depth, title=title, text=text)
        return Response(page, status, headers=static_pages.page_headers(), media_type="text/html")

    def _passphrase_page(self, status: int, text: str) -> Response:
        page = self._files.fill("passphrase.html", "../", text=text)
        return Response(page, status, headers=static_pages.page_headers("'self'"), media_type="text/html")

    async def _receive_passphrase(self, request: Request) -> Response:
        """Set a cookie for some hours if the passphrase is right; show the form again otherwise."""
        passphrase = (await read_form(request, _MAX_FORM_BYTES)).get("passphrase", "")
        try:
            return await to_thread.run_sync(self._verify_passphrase, request, passphrase)
        except NotFound:
            return self._message_page(404, *_NOT_FOUND)
        except ReviewUnavailable as error:
            return self._message_page(error.status, error.title, str(error))
        except PassphraseRequired as error:
            return self._passphrase_page(error.status, str(error))
        except TooManyRequests as error:
            response = self._passphrase_page(error.status, str(error))
            response.headers["Retry-After"] = str(int(error.seconds) + 1)
            return response

    def _verify_passphrase(self, request: Request, passphrase: str) -> Response:
        try:
            self._authorize(request)
        except PassphraseRequired:
            review_session_id = request.path_params["review_session_id"]
            with self._studio.store.reading() as connection:
                stored = stored_passphrase(self._studio, connection, review_session_id)
            self._count_guess(review_session_id, rate_limit.client_address(request))
            if stored is None or not verify_passphrase(self._studio.secret, review_session_id, stored, passphrase):
                raise PassphraseRequired(
                    "The passphrase is wrong. Try again, or ask the person who sent the link."
                ) from None
            response = RedirectResponse(
                f"{request.url.path}{_query_of(request)}", 303, headers={"Cache-Control": "no-store"}
            )
            response.set_cookie(
                pass_cookie_name(review_session_id),
                issue_pass(self._studio.secret, review_session_id, stored),
                max_age=PASS_LIFETIME_SECONDS,
                path="/review",
                secure=request.url.scheme == "https",
                httponly=True,
                samesite="strict",
            )
            return response
        return RedirectResponse(f"{request.url.path}{_query_of(request)}", 303, headers={"Cache-Control": "no-store"})

    def _count_guess(self, review_session_id: str, address: str) -> None:
        """Count a guess before it is compared, so that concurrent requests cannot exceed the limit."""
        client = f"{review_session_id} {address}"
        seconds = max(self._guesses.retry_after(client), self._all_guesses.retry_after(review_session_id))
        if seconds > 0:
            raise TooManyRequests("Too many wrong passphrases. Wait a minute, then try again.", seconds)
        self._guesses.consume(client)
        self._all_guesses.consume(review_session_id)

    async def _send_response(self, read: Callable[[Request], Response], request: Request) -> Response:
        return await to_thread.run_sync(read, request)

    async def _send_body(self, read: Callable[[Request, ReviewAccess], Cached], request: Request) -> Response:
        return await to_thread.run_sync(self._respond, read, request)

    def _respond(self, read: Callable[[Request, ReviewAccess], Cached], request: Request) -> Response:
        """Return a body that is cached until the next commit, compressed if the browser accepts it."""
        found = read(request, self._authorize(request))
        headers = {"Cache-Control": "private, no-cache", "ETag": found.tag, "Vary": "Accept-Encoding"}
        if request.headers.get("if-none-match") == found.tag:
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            compressed = {**headers, "Content-Encoding": "gzip"}
            return Response(found.compressed, headers=compressed, media_type="application/json")
        return Response(found.body, headers=headers, media_type="application/json")

    def _read_list(self, request: Request, access: ReviewAccess) -> Cached:
        store, session_id = self._studio.store, access.review_session_id
        may_order = playback_actions.may_order(self._dispatcher, access)

        def read_entries(connection: Connection) -> str:
            return to_json(content.read_entries(connection, store.tables, access))

        def read(connection: Connection) -> str:
            # All visitors of a session share the list; the head is their own.
            entries = self._cache.get_text((session_id, viewer_of(access)), commit, read_entries)
            own = {"commit": commit, "may_order": may_order, "may_export": access.may_export}
            head = {**own, **content.read_head(connection, store.tables, access)}
            return f'{to_json(head)[:-1]},"entries":{entries}}}'

        commit = store.commits
        return self._cache.get((access, may_order), commit, read)

    def _read_entry(self, request: Request, access: ReviewAccess) -> Cached:
        store, session_id, object_id = self._studio.store, access.review_session_id, request.path_params["object_id"]

        def read(connection: Connection) -> str:
            return to_json({"commit": commit, **content.read_entry(connection, store.tables, access, object_id)})

        commit = store.commits
        return self._cache.get((session_id, "entry", object_id, viewer_of(access)), commit, read)

    def _read_earlier(self, request: Request, access: ReviewAccess) -> Cached:
        store, object_id = self._studio.store, request.path_params["object_id"]

        def read(connection: Connection) -> str:
            return to_json({"commit": commit, "versions": read_earlier(connection, store.tables, access, object_id)})

        commit = store.commits
        return self._cache.get((access, "earlier", object_id), commit, read)

    def _read_people(self, request: Request, access: ReviewAccess) -> Cached:
        require_right(access, "comment")
        return self._cache.get(
            (access, "people"), self._studio.store.commits, lambda _: to_json(read_people(self._dispatcher, access))
        )

    async def _send_waveform(self, request: Request) -> Response:
        return await to_thread.run_sync(self._read_waveform, request, limiter=self._waveform_threads)

    def _read_waveform(self, request: Request) -> Response:
        self._require_media(request)
        path = self._studio.media.waveform(request.path_params["component_id"])
        return file_response.send_file(request, path, "application/octet-stream")

    def _read_rendition(self, request: Request) -> Response:
        self._require_media(request)
        path = self._studio.renditions.path(request.path_params["component_id"], request.path_params["lines"])
        return file_response.send_file(request, path, "video/mp4")

    def _require_media(self, request: Request) -> str | None:
        """Return the file type of a component of the visitor's session; raises NotFound for any other."""
        access, component_id = self._authorize(request), request.path_params["component_id"]
        with self._studio.store.reading() as connection:
            tables = self._studio.store.tables
            return content.component_file_type(connection, tables, access, component_id)

    def _read_media(self, request: Request) -> Response:
        file_type = self._require_media(request)
        return self._studio.media.respond(request, request.path_params["component_id"], media_type_of(file_type))

    def _export(self, request: Request) -> Response:
        access = self._authorize(request)
        if not access.may_export:
            raise Forbidden("Only invitees and users may export a review. Ask for an invitation.")
        client = access.invitee_id or rate_limit.client_address(request)
        # A page asks before it lets the browser save a large file: it can show the reason of a refusal, which the
        # browser's list of downloads does not have.
        is_check = "check" in request.query_params
        seconds = self._export_limit.retry_after(client) if is_check else self._export_limit.acquire(client)
        if seconds > 0:
            raise TooManyRequests("Too many exports at once. Wait a minute, then try again.", seconds)
        # Imported late: the libraries for documents and images are large, and most servers start without an export.
        from ft_dcc.server.review.export.routes import export_response, read_exported

        format_name = request.path_params["format_name"]
        if is_check:
            read_exported(self._studio, access, format_name)
            return Response(b"{}", headers={"Cache-Control": "no-store"}, media_type="application/json")
        return export_response(self._studio, access, format_name)

    async def _receive(self, action: Action, request: Request) -> Response:
        """Run an action of an invitee and return the change that it made."""
        body = await read_body(request, _MAX_BODY_BYTES)
        try:
            payload = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise BadRequest("The request is not JSON. Send a JSON object.") from error
        if not isinstance(payload, dict):
            raise BadRequest("The request is not a JSON object. Send one.")
        change = await to_thread.run_sync(self._run_action, action, request, payload)
        return Response(to_json(change), headers={"Cache-Control": "no-store"}, media_type="application/json")

    def _run_action(self, action: Action, request: Request, payload: dict[str, Any]) -> dict[str, Any]:
        access = self._authorize(request)
        self._check_writer(request, access)
        return action(self._dispatcher, access, payload)

    def _check_writer(self, request: Request, access: ReviewAccess) -> None:
        """Raise Forbidden for a request of another site, and TooManyRequests."""
        if access.user is not None:
            check_same_origin(request)
        invitee = access.invitee_id or rate_limit.client_address(request)
        if (seconds := self._guest_limit.retry_after(invitee)) > 0:
            raise TooManyRequests("Too many requests. Wait a moment and try again.", seconds)
        self._guest_limit.consume(invitee)

    def _write_note(self, dispatcher: Dispatcher, access: ReviewAccess, payload: dict[str, Any]) -> dict[str, Any]:
        """Write a note with its files; the image of its drawing is made afterwards."""
        files = self._attachments.adopt(access, payload.get("files", []))
        try:
            change = guest_actions.write_note(dispatcher, access, payload, files)
        except BaseException:
            self._attachments.discard(files, was_written=False)
            raise
        self._attachments.discard(files, was_written=True)
        for note in change["notes"]:
            if note["drawing"]:
                self._flattened_notes.add(note["id"])
        return change

    async def _receive_attachment(self, request: Request) -> Response:
        """Keep a file for an unsent note."""
        access = await to_thread.run_sync(self._authorize, request)
        require_right(access, "comment")
        self._check_writer(request, access)
        if int(request.headers.get("content-length") or 0) > MAX_ATTACHMENT_BYTES:
            raise PayloadTooLarge(f"A file has at most {MAX_ATTACHMENT_BYTES >> 20} MB. Attach a smaller one.")
        found = await self._attachments.receive(access, request.query_params.get("name", ""), request.stream())
        return Response(to_json(found), headers={"Cache-Control": "no-store"}, media_type="application/json")

    def _find_api_user(self, request: HTTPConnection) -> Caller | None:
        """Return the user whose API key a program sends in the headers, or None without one."""
        name, key = request.headers.get("ftrack-user"), request.headers.get("ftrack-api-key")
        if name is None or key is None:
            return None
        return self._studio.authenticator.authenticate(rate_limit.client_address(request), name, key)

    def _authorize(self, request: HTTPConnection) -> ReviewAccess:
        review_session_id: str = request.path_params["review_session_id"]
        user = self._browsers.find_user(request) or self._find_api_user(request)
        if user is not None and (access := find_user_access(self._dispatcher, user, review_session_id)) is not None:
            if request.scope["type"] == "websocket":
                check_same_origin(request)
            return access
        if user is None and request.path_params["key"] == USER_KEY:
            raise InvalidCredentials("Your sign-in has expired. Sign in again; unsent notes are kept.")
        review_pass = request.cookies.get(pass_cookie_name(review_session_id), "")
        with self._studio.store.reading() as connection:
            return authorize(self._studio, connection, review_session_id, request.path_params["key"], review_pass)


def routes(dispatcher: Dispatcher, browsers: BrowserSessions) -> list[BaseRoute]:
    """Return the routes below ``/review``."""
    return ReviewPages(dispatcher, browsers).routes()


def _query_of(request: Request) -> str:
    """Return the query of a link with its question mark, or "": it names a version and a frame."""
    return f"?{request.url.query}" if request.url.query else ""
