"""The routes of the review page: a link gives access to one session, and to nothing else of the studio."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote

from anyio import to_thread
from sqlalchemy import Connection
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ft_dcc.server import errors, identity
from ft_dcc.server.actions.dispatch import Dispatcher
from ft_dcc.server.auth.browser_sessions import BrowserSessions, check_same_origin
from ft_dcc.server.database import audit_log
from ft_dcc.server.encoding.worker import Renditions
from ft_dcc.server.entities.review_rules import verify_passphrase
from ft_dcc.server.http import rate_limit, request_body, static_pages
from ft_dcc.server.review import access as access_rules
from ft_dcc.server.review import content, earlier_notes, editing, exports, feedback, guest_actions, user_actions
from ft_dcc.server.review.access import USER_KEY, ReviewAccess
from ft_dcc.server.review.attachments import Attachments, author
from ft_dcc.server.review.live import routes as live_routes
from ft_dcc.server.review.live.open_pages import LiveReviews
from ft_dcc.server.review.response_cache import Cached, ResponseCache, to_json
from ft_dcc.server.storage.derived_media import make_waveform
from ft_dcc.server.storage.routes import media_type_of, send_file
from ft_dcc.server.work.budgets import Owner, TokenBucket, read_budgets

Action = Callable[[Dispatcher, ReviewAccess, dict[str, Any]], "dict[str, Any]"]

_NOT_FOUND = (
    "This link opens no review",
    "It may be incomplete, or the review session was deleted. Copy the whole link again, or ask the sender for a new "
    "one.",
)


class ReviewPages:
    """The routes below ``/review`` of one studio."""

    def __init__(self, dispatcher: Dispatcher, browsers: BrowserSessions) -> None:
        self._dispatcher, self._studio, self._browsers = dispatcher, dispatcher.context, browsers
        self._cache = ResponseCache(self._studio.store)
        self._live = LiveReviews(self._studio.store)
        self._attachments, self._flattened_notes = Attachments(self._studio), exports.FlattenedNotes(dispatcher)
        self._flattened_notes.resume()
        self._studio.events.add_observer(self._live)
        # Limits for wrong passphrases by session and address, and by session; and for writes of one invitee.
        self._guesses, self._all_guesses = TokenBucket(5, 1 / 12), TokenBucket(100, 1)
        self._guest_limit = TokenBucket(60, 2)
        # A version that a guest opens again within ten minutes is one view.
        self._views = TokenBucket(1, 1 / 600)
        self._renditions = Renditions(self._studio)

    def routes(self) -> list[BaseRoute]:
        """Return the routes of the page's own files, and of a link: page, data, media, live, notes and status."""
        session = "/review/{review_session_id}/{key}"
        component = f"{session}/media/{{component_id}}"
        bodies = {
            "data": self._read_list,
            "entries/{object_id}": self._read_entry,
            "entries/{object_id}/earlier": self._read_earlier,
            "people": self._read_people,
            "newer": self._read_newer,
        }
        files = {
            component: self._read_media,
            f"{component}/{{lines:int}}": self._read_rendition,
            f"{session}/export/{{format_name}}": self._export,
        }
        actions: dict[str, Action] = {
            "order": editing.set_order,
            "edit": editing.edit,
            "notes": self._write_note,
            "notes/edit": guest_actions.edit_note,
            "notes/delete": guest_actions.delete_note,
            "notes/done": guest_actions.complete_note,
            "notes/addressed": guest_actions.mark_addressed,
            "status": guest_actions.set_status,
            "statuses": guest_actions.set_statuses,
        }
        return [
            Route("/review/static/{name}", static_pages.send_static, methods=["GET"]),
            Route("/review/{review_session_id}", self._redirect_user, methods=["GET"]),
            Route(session, self._send_page, methods=["GET"]),
            Route(session, self._receive_passphrase, methods=["POST"]),
            # Starlette runs the functions that are no coroutines on a thread.
            *(
                Route(f"{session}/{path}", partial(self._respond, read), methods=["GET"])
                for path, read in bodies.items()
            ),
            *live_routes.routes(session, self._live, self._authorize),
            Route(f"{component}/waveform", self._send_waveform, methods=["GET"]),
            *(Route(path, read, methods=["GET"]) for path, read in files.items()),
            Route(f"{session}/attachments", self._receive_attachment, methods=["POST"]),
            Route(f"{session}/renditions", self._receive_rendition, methods=["POST"]),
            *(
                Route(f"{session}/{path}", partial(self._receive, action), methods=["POST"])
                for path, action in actions.items()
            ),
        ]

    def _redirect_user(self, request: Request) -> Response:
        """Redirect a signed-in user to the page of the session; a link without a key is incomplete for others."""
        if self._browsers.find_user(request) is None:
            return self._message_page(404, *_NOT_FOUND, depth=0)
        return static_pages.redirect(f"{request.url.path}/{USER_KEY}{_query_of(request)}")

    def _send_page(self, request: Request) -> Response:
        if request.path_params["key"] == USER_KEY and self._browsers.find_user(request) is None:
            return static_pages.redirect(f"../../user/sign_in?next={quote(f'{request.url.path}{_query_of(request)}')}")
        try:
            self._authorize(request)
        except (errors.NotFound, errors.ReviewUnavailable) as error:
            return self._refusal(error)
        except errors.PassphraseRequired as error:
            return self._passphrase_page(error.status, "The person who sent you the link has it.")
        return static_pages.fill("review.html", "../")

    def _message_page(self, status: int, title: str, text: str, depth: int = 1) -> Response:
        return static_pages.fill("message.html", "../" * depth, status, title=title, text=text)

    def _refusal(self, error: errors.NotFound | errors.ReviewUnavailable) -> Response:
        if isinstance(error, errors.ReviewUnavailable):
            return self._message_page(error.status, error.title, str(error))
        return self._message_page(404, *_NOT_FOUND)

    def _passphrase_page(self, status: int, text: str) -> Response:
        return static_pages.fill("passphrase.html", "../", status, form_target="'self'", text=text)

    async def _receive_passphrase(self, request: Request) -> Response:
        """Set a cookie for some hours if the passphrase is right; show the form again otherwise."""
        passphrase = (await request_body.read_form(request)).get("passphrase", "")
        try:
            return await to_thread.run_sync(self._verify_passphrase, request, passphrase)
        except (errors.NotFound, errors.ReviewUnavailable) as error:
            return self._refusal(error)
        except (errors.PassphraseRequired, errors.TooManyRequests) as error:
            response = self._passphrase_page(error.status, str(error))
            if isinstance(error, errors.TooManyRequests):
                response.headers["Retry-After"] = str(int(error.seconds) + 1)
            return response

    def _verify_passphrase(self, request: Request, passphrase: str) -> Response:
        response = static_pages.redirect(f"{request.url.path}{_query_of(request)}")
        try:
            self._authorize(request)
        except errors.PassphraseRequired:
            session_id: str = request.path_params["review_session_id"]
            with self._studio.store.reading() as connection:
                stored: str | None = access_rules.read_session(self._studio, connection, session_id).passphrase
            # A guess is counted before it is compared, so that concurrent requests cannot exceed the limit.
            client = f"{session_id} {rate_limit.client_address(request)}"
            seconds = max(self._guesses.retry_after(client), self._all_guesses.retry_after(session_id))
            if seconds > 0:
                raise errors.TooManyRequests(
                    "Too many wrong passphrases. Wait a minute, then try again.", seconds
                ) from None
            self._guesses.consume(client)
            self._all_guesses.consume(session_id)
            if stored is None or not verify_passphrase(self._studio.secret, session_id, stored, passphrase):
                text = "The passphrase is wrong. Try again, or ask the person who sent the link."
                raise errors.PassphraseRequired(text) from None
            response.set_cookie(
                access_rules.pass_cookie_name(session_id),
                access_rules.issue_pass(self._studio.secret, session_id, stored),
                max_age=access_rules.PASS_LIFETIME_SECONDS,
                path="/review",
                secure=request.url.scheme == "https",
                httponly=True,
                samesite="strict",
            )
        return response

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

        def read_entries(connection: Connection) -> str:
            return to_json(content.read_entries(connection, store.tables, access))

        def read(connection: Connection) -> str:
            # All visitors of a session share the list; the head is their own.
            entries = self._cache.get_value((session_id, feedback.viewer_of(access)), commit, read_entries)
            own = {"commit": commit, "may_export": access.may_export}
            head = {**own, **content.read_head(connection, store.tables, access)}
            return f'{to_json(head)[:-1]},"entries":{entries}}}'

        commit = store.commits
        return self._cache.get((access,), commit, read)

    def _read_entry(self, request: Request, access: ReviewAccess) -> Cached:
        store, object_id, commit = self._studio.store, request.path_params["object_id"], self._studio.store.commits

        def read(connection: Connection) -> str:
            return to_json({"commit": commit, **content.read_entry(connection, store.tables, access, object_id)})

        viewer = feedback.viewer_of(access)
        found = self._cache.get((access.review_session_id, "entry", object_id, viewer), commit, read)
        address = rate_limit.client_address(request)
        if access.user is None and self._views.acquire(f"{_owner(request, access).visitor} {object_id}") == 0:
            guest = identity.Caller(access.invitee_id or "", access.name or "guest", is_guest=True)
            # Nobody waits for it, and a disk that cannot be written keeps nobody from looking.
            view = partial(audit_log.record_view, guest=guest, object_id=object_id, address=address)
            store.submit(view, changes_data=False)
        return found

    def _read_earlier(self, request: Request, access: ReviewAccess) -> Cached:
        store, object_id, commit = self._studio.store, request.path_params["object_id"], self._studio.store.commits

        def read(connection: Connection) -> str:
            versions = earlier_notes.read_earlier(connection, store.tables, access, object_id)
            return to_json({"commit": commit, "versions": versions})

        return self._cache.get((access, "earlier", object_id), commit, read)

    def _read_people(self, request: Request, access: ReviewAccess) -> Cached:
        user_actions.require_right(access, "comment")
        commit = self._studio.store.commits
        read = user_actions.read_people
        return self._cache.get((access, "people"), commit, lambda _: to_json(read(self._dispatcher, access)))

    def _read_newer(self, request: Request, access: ReviewAccess) -> Cached:
        store = self._studio.store
        read = partial(editing.read_newer, tables=store.tables, access=access)
        return self._cache.get((access, "newer"), store.commits, lambda connection: to_json(read(connection)))

    async def _send_waveform(self, request: Request) -> Response:
        access = await to_thread.run_sync(self._authorize, request)
        component_id, studio = request.path_params["component_id"], self._studio
        await to_thread.run_sync(self._require_media, request, access)
        path = await to_thread.run_sync(studio.media.derived_file, component_id, "waveform")
        if not path.is_file():
            source = studio.media.path(component_id)
            owner = _owner(request, access)
            work = studio.work.submit("waveform", owner, lambda work: make_waveform(source, path, work.run))
            await studio.work.result(work, request.receive)
        return await to_thread.run_sync(send_file, request, path, "application/octet-stream")

    def _read_rendition(self, request: Request) -> Response:
        access = self._authorize(request)
        self._require_media(request, access)
        guest_actions.require_renditions(access)
        component_id, lines = request.path_params["component_id"], request.path_params["lines"]
        path = self._studio.media.derived_file(component_id, f"{lines}.mp4")
        return send_file(request, path, "video/mp4")

    def _require_media(self, request: Request, access: ReviewAccess) -> tuple[str | None, bool]:
        """Return the file type of a component of the visitor's session, and whether it is played; raises NotFound."""
        store, component_id = self._studio.store, request.path_params["component_id"]
        with store.reading() as connection:
            return content.component_file_type(connection, store.tables, access, component_id)

    def _read_media(self, request: Request) -> Response:
        access, component_id = self._authorize(request), request.path_params["component_id"]
        file_type, is_played = self._require_media(request, access)
        path = self._studio.media.path(component_id)
        if is_played and access.is_watermarked:
            owner = _owner(request, access)
            name = access.name or f"Guest at {owner.visitor}"
            path = self._renditions.watermarked(component_id, file_type, name, owner)
            file_type = path.suffix
        return send_file(request, path, media_type_of(file_type))

    async def _export(self, request: Request) -> Response:
        access = await to_thread.run_sync(self._authorize, request)
        if not access.may_export:
            raise errors.Forbidden("Only invitees and users may export a review. Ask for an invitation.")
        format_name = request.path_params["format_name"]
        # A page asks before it lets the browser save a large file: it can show the reason of a refusal, which the
        # browser's list of downloads does not have.
        if "check" in request.query_params:
            await to_thread.run_sync(exports.read_exported, self._studio, access, format_name)
            return Response(b"{}", headers={"Cache-Control": "no-store"}, media_type="application/json")
        export = partial(exports.export_response, self._studio, access, format_name)
        work = self._studio.work.submit("export", _owner(request, access), export)
        response: Response = await self._studio.work.result(work, request.receive)
        return response

    async def _receive_rendition(self, request: Request) -> Response:
        """Let a smaller movie be made, as work of the visitor."""

        def act(dispatcher: Dispatcher, access: ReviewAccess, payload: dict[str, Any]) -> dict[str, Any]:
            owner = _owner(request, access)
            return guest_actions.request_rendition(self._renditions, owner, dispatcher, access, payload)

        return await self._receive(act, request)

    async def _receive(self, action: Action, request: Request) -> Response:
        """Run an action of an invitee and return the change that it made."""
        payload = await request_body.read_json(request, dict)

        def run() -> dict[str, Any]:
            access = self._authorize(request)
            self._check_writer(request, access)
            return action(self._dispatcher, access, payload)

        change = await to_thread.run_sync(run)
        return Response(to_json(change), headers={"Cache-Control": "no-store"}, media_type="application/json")

    def _check_writer(self, request: Request, access: ReviewAccess) -> None:
        """Raise Forbidden for a request of another site, and TooManyRequests."""
        if access.user is not None:
            check_same_origin(request)
        invitee = access.invitee_id or rate_limit.client_address(request)
        if (seconds := self._guest_limit.acquire(invitee)) > 0:
            raise errors.TooManyRequests("Too many requests. Wait a moment and try again.", seconds)

    def _write_note(self, dispatcher: Dispatcher, access: ReviewAccess, payload: dict[str, Any]) -> dict[str, Any]:
        """Write a note with its files; the image of its drawing is made afterwards."""
        note_id = guest_actions.parse_note_id(payload)
        files = self._attachments.adopt(access, payload.get("files", []))
        if payload.get("drawing"):
            self._flattened_notes.remember(note_id)
        try:
            change = guest_actions.write_note(dispatcher, access, {**payload, "id": note_id}, files)
        except BaseException:
            self._attachments.discard(files, was_written=False)
            self._flattened_notes.forget(note_id)
            raise
        self._attachments.discard(files, was_written=True)
        if payload.get("drawing"):
            self._flattened_notes.add(note_id, Owner(author(access), access.review_session_id))
        return change

    async def _receive_attachment(self, request: Request) -> Response:
        """Keep a file for an unsent note."""
        access = await to_thread.run_sync(self._authorize, request)
        user_actions.require_right(access, "comment")
        self._check_writer(request, access)
        size = int(request.headers.get("content-length", read_budgets().body_limit(request.url.path).max_bytes))
        found = await self._attachments.receive(access, request.query_params.get("name", ""), size, request.stream())
        return Response(to_json(found), headers={"Cache-Control": "no-store"}, media_type="application/json")

    def _authorize(self, request: HTTPConnection) -> ReviewAccess:
        review_session_id: str = request.path_params["review_session_id"]
        user = self._browsers.find_user(request)
        name, key = request.headers.get("ftrack-user"), request.headers.get("ftrack-api-key")
        if user is None and name is not None and key is not None:
            user = self._studio.authenticator.authenticate(rate_limit.client_address(request), name, key)
        access = None if user is None else user_actions.find_user_access(self._dispatcher, user, review_session_id)
        if access is not None:
            if request.scope["type"] == "websocket":
                check_same_origin(request)
            return access
        if user is None and request.path_params["key"] == USER_KEY:
            raise errors.InvalidCredentials("Your sign-in has expired. Sign in again; unsent notes are kept.")
        review_pass = request.cookies.get(access_rules.pass_cookie_name(review_session_id), "")
        key = request.path_params["key"]
        with self._studio.store.reading() as connection:
            return access_rules.authorize(self._studio, connection, review_session_id, key, review_pass)


def _owner(request: Request, access: ReviewAccess) -> Owner:
    """Return whose budget pays for work: that of the user or invitee, or of the address of a visitor."""
    visitor = author(access) if access.may_export else rate_limit.client_network(rate_limit.client_address(request))
    return Owner(visitor, access.review_session_id)


def _query_of(request: Request) -> str:
    """Return the query of a link with its question mark, or "": it names a version and a frame."""
    return f"?{request.url.query}" if request.url.query else ""
