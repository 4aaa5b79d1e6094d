"""The routes of the home, the project pages and the administration page, for browsers that are signed in."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote

import orjson
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from ft_dcc.errors import SettingInvalid
from ft_dcc.server import errors, identity
from ft_dcc.server.actions.dispatch import Dispatcher
from ft_dcc.server.admin import commands
from ft_dcc.server.auth.browser_sessions import BrowserSessions
from ft_dcc.server.home import views
from ft_dcc.server.http import request_body, static_pages
from ft_dcc.settings.resolve import check_server_text

_NOT_STORED = {"Cache-Control": "no-store"}
# The pages: their path, the number of folders in it, and the view that the script shows.
_PAGES = (
    ("/", 0, "reviews"),
    ("/projects", 0, "projects"),
    ("/projects/{project_id}", 1, "project"),
    ("/administration", 0, "administration"),
)


class HomePages:
    """The pages, and the requests of their script; every request acts with the permissions of the signed-in user."""

    def __init__(self, dispatcher: Dispatcher, browsers: BrowserSessions) -> None:
        self._dispatcher, self._browsers = dispatcher, browsers
        self._files = static_pages.StaticPages()

    def routes(self) -> list[BaseRoute]:
        """Return the routes of the pages and of their requests."""
        return [
            *(Route(path, partial(self._send_page, depth, view), methods=["GET"]) for path, depth, view in _PAGES),
            Route("/home/api", self._run_operations, methods=["POST"]),
            Route("/home/me", partial(self._read, views.describe_user), methods=["GET"]),
            Route("/home/reviews", partial(self._read, views.read_cards), methods=["GET"]),
            Route("/home/status", partial(self._read, views.read_status), methods=["GET"]),
            Route("/home/sessions", self._read_sessions, methods=["GET"]),
            Route("/home/sessions", self._end_sessions, methods=["POST"]),
            Route("/home/publish_settings", self._check_publish_settings, methods=["POST"]),
            Route("/home/commands/{command}", self._run_command, methods=["POST"]),
        ]

    def _send_page(self, depth: int, view: str, request: Request) -> Response:
        root = "../" * depth
        if self._browsers.find_user(request) is None:
            target = f"{root or './'}user/sign_in?next={quote(request.url.path)}"
            return RedirectResponse(target, 303, headers=_NOT_STORED)
        return self._files.fill("home.html", f"{root}review/", form_target="'self'", view=view, base=root)

    def _read(self, read: Callable[[Dispatcher, identity.Caller, Request], Any], request: Request) -> Response:
        return _json(read(self._dispatcher, self._browsers.require_user(request), request))

    async def _run_operations(self, request: Request) -> Response:
        """Answer operations as ``POST /api`` does, for the user of the browser's cookie."""
        caller, operations = await self._read_request(request, list)
        if not all(isinstance(operation, dict) for operation in operations):
            raise errors.BadRequest("A request is a list of operations. Load the page again.")
        base_url = f"{request.url.scheme}://{request.url.netloc}"
        return _json(await self._dispatcher.answer_async(caller, operations, base_url, is_denormalized=True))

    async def _check_publish_settings(self, request: Request) -> Response:
        """Refuse a text that clients could not read as the settings of a project."""
        _, given = await self._read_request(request, dict)
        try:
            check_server_text(str(given.get("project")), str(given.get("text")), with_studio=False)
        except SettingInvalid as error:
            raise errors.BadRequest(str(error)) from error
        return _json({})

    async def _run_command(self, request: Request) -> Response:
        caller, arguments = await self._read_request(request, dict)
        context, name = self._dispatcher.context, request.path_params["command"]
        return _json(await to_thread.run_sync(commands.run_command, context, name, arguments, caller))

    def _read_sessions(self, request: Request) -> Response:
        """Return the sessions of the signed-in user in all browsers."""
        return _json(self._browsers.list_sessions(self._browsers.require_user(request), request))

    async def _end_sessions(self, request: Request) -> Response:
        """End one session of the signed-in user, or with the id null all of them."""
        caller, payload = await self._read_request(request, dict)
        session_id = payload.get("id")
        if session_id is not None and not isinstance(session_id, str):
            raise errors.BadRequest("The id of a session is a text, or null for all. Load the page again.")
        await to_thread.run_sync(self._browsers.end_sessions, caller.id, session_id)
        return _json({})

    async def _read_request(self, request: Request, kind: type[Any]) -> tuple[identity.Caller, Any]:
        """Return the signed-in user, and the JSON of a request, which a form of another page cannot send."""
        caller = await to_thread.run_sync(self._browsers.require_user, request)
        if not request.headers.get("content-type", "").startswith("application/json"):
            raise errors.BadRequest("The request is not JSON. Load the page again.")
        return caller, await request_body.read_json(request, kind)


def _json(content: Any) -> Response:
    return Response(orjson.dumps(content), headers=_NOT_STORED, media_type="application/json")
