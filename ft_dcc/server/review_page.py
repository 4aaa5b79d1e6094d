"""The review page: whoever has a session's link sees its films, and nothing else of the studio."""

from __future__ import annotations

import hashlib
import json
from functools import partial

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ft_dcc.errors import NoSuchThing
from ft_dcc.server.access import is_review_key
from ft_dcc.server.components import media_type_of
from ft_dcc.server.page_files import PageFiles
from ft_dcc.server.review_content import file_type_of, read_review
from ft_dcc.server.studio import Studio

# Nothing inline and nothing from elsewhere: a name that somebody typed can never become a script.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("connect", "font", "img", "media", "script", "style")),
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_PAGE_HEADERS = {"Content-Security-Policy": _POLICY, "Cache-Control": "private, no-cache"}


def routes(studio: Studio) -> list[Route]:
    """Return the routes below ``/review``."""
    files = PageFiles()
    session = "/review/{review_session_id}/{key}"
    return [
        Route("/review/static/{name}", partial(_send_file, files), methods=["GET"]),
        Route("/review/{review_session_id}", partial(_send_missing, files), methods=["GET"]),
        Route(session, partial(_send_page, studio, files), methods=["GET"]),
        Route(f"{session}/data", partial(_send_content, studio), methods=["GET"]),
        Route(f"{session}/media/{{component_id}}", partial(_send_media, studio), methods=["GET"]),
    ]


async def _send_file(files: PageFiles, request: Request) -> Response:
    return files.respond(request)


async def _send_page(studio: Studio, files: PageFiles, request: Request) -> Response:
    try:
        _require_key(studio, request)
    except NoSuchThing:
        return await _send_missing(files, request)
    return Response(files.text("review.html"), headers=_PAGE_HEADERS, media_type="text/html")


async def _send_missing(files: PageFiles, request: Request) -> Response:
    text = files.text("missing.html")
    if "key" not in request.path_params:
        text = text.replace("../static/", "static/")
    return Response(text, 404, headers=_PAGE_HEADERS, media_type="text/html")


async def _send_content(studio: Studio, request: Request) -> Response:
    body = await to_thread.run_sync(_read_content, studio, _require_key(studio, request))
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"Cache-Control": "private, no-cache", "ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


async def _send_media(studio: Studio, request: Request) -> Response:
    return await to_thread.run_sync(_read_media, studio, request)


def _read_content(studio: Studio, review_session_id: str) -> bytes:
    with studio.store.reading() as connection:
        return json.dumps(read_review(connection, studio.store.tables, review_session_id)).encode()


def _read_media(studio: Studio, request: Request) -> Response:
    review_session_id, component_id = _require_key(studio, request), request.path_params["component_id"]
    with studio.store.reading() as connection:
        file_type = file_type_of(connection, studio.store.tables, review_session_id, component_id)
    return studio.files.respond(request, component_id, media_type_of(file_type))


def _require_key(studio: Studio, request: Request) -> str:
    """Return the id of the session whose key is in the address; raises NoSuchThing."""
    review_session_id: str = request.path_params["review_session_id"]
    if not is_review_key(studio.secret, review_session_id, request.path_params["key"]):
        raise NoSuchThing("This review link is not valid. Ask for a new one.")
    return review_session_id
