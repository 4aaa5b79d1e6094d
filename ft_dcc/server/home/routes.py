"""The routes of the home, the project pages and the administration page, for browsers that are signed in."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import orjson
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from ft_dcc.server.actions.dispatch import Dispatcher
from ft_dcc.server.auth.browser_sessions import BrowserSessions
from ft_dcc.server.errors import BadRequest
from ft_dcc.server.home import administration, cards
from ft_dcc.server.http import static_pages
from ft_dcc.server.http.request_body import read_body
from ft_dcc.server.identity import Caller

_MAX_BODY_BYTES = 8 << 20
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
        pages = [Route(path, self._page(depth, view), methods=["GET"]) for path, depth, view in _PAGES]
        return [
            *pages,
            Route("/home/api", self._run_operations, methods=["POST"]),
            Route("/home/me", self._answer(cards.describe_user), methods=["GET"]),
            Route("/home/reviews", self._answer(cards.read_cards), methods=["GET"]),
            Route("/home/status", self._answer(administration.read_status), methods=["GET"]),
            Route("/home/commands/{command}", self._run_command, methods=["POST"]),
        ]

    def _page(self, depth: int, view: str) -> Callable[[Request], Any]:
        async def send(request: Request) -> Response:
            user = await to_thread.run_sync(self._browsers.find_user, request)
            root = "../" * depth
            if user is None:
                target = quote(request.url.path)
                return RedirectResponse(f"{root or './'}user/sign_in?next={target}", 303, headers=_NOT_STORED)
            page = self._files.fill("home.html", f"{root}review/", view=view, base=root)
            return Response(page, headers=static_pages.page_headers("'self'"), media_type="text/html")

        return send

    def _answer(self, read: Callable[[Dispatcher, Caller, Request], Any]) -> Callable[[Request], Any]:
        def run(request: Request) -> Response:
            return _json(read(self._dispatcher, self._browsers.require_user(request), request))

        async def send(request: Request) -> Response:
            return await to_thread.run_sync(run, request)

        return send

    async def _run_operations(self, request: Request) -> Response:
        """Answer operations as ``POST /api`` does, for the user of the browser's cookie."""
        caller = await to_thread.run_sync(self._browsers.require_user, request)
        operations = await _read_json(request)
        if not isinstance(operations, list) or not all(isinstance(operation, dict) for operation in operations):
            raise BadRequest("A request is a list of operations. Load the page again.")
        base_url = f"{request.url.scheme}://{request.url.netloc}"
        return _json(await self._dispatcher.answer_async(caller, operations, base_url, is_denormalized=True))

    async def _run_command(self, request: Request) -> Response:
        caller = await to_thread.run_sync(self._browsers.require_user, request)
        arguments = await _read_json(request)
        if not isinstance(arguments, dict):
            raise BadRequest("The arguments of a command are a JSON object. Load the page again.")
        name = request.path_params["command"]
        report = await to_thread.run_sync(administration.run, self._dispatcher, caller, name, arguments)
        return _json(report)


def routes(dispatcher: Dispatcher, browsers: BrowserSessions) -> list[BaseRoute]:
    """Return the routes of the studio's home."""
    return HomePages(dispatcher, browsers).routes()


def _json(content: Any) -> Response:
    return Response(orjson.dumps(content), headers=_NOT_STORED, media_type="application/json")


async def _read_json(request: Request) -> Any:
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise BadRequest("The request is not JSON. Load the page again.")
    try:
        return json.loads(await read_body(request, _MAX_BODY_BYTES))
    except (ValueError, RecursionError) as error:
        raise BadRequest("The request is not JSON. Load the page again.") from error
