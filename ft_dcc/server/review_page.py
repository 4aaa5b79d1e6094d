"""The review page: whoever has a link to a session sees its films, and nothing else of the studio."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qs

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ft_dcc.errors import (
    BadRequest,
    NoSuchThing,
    PassphraseNeeded,
    ReviewUnavailable,
    TooLarge,
    TooManyRequests,
)
from ft_dcc.server.components import media_type_of
from ft_dcc.server.entities.passphrases import is_passphrase
from ft_dcc.server.guests import set_status, write_note
from ft_dcc.server.pace import Allowance, address_of
from ft_dcc.server.page_files import PageFiles, page_headers
from ft_dcc.server.review_content import file_type_of, read_review
from ft_dcc.server.studio import Studio
from ft_dcc.server.visits import PASS_SECONDS, Visit, admit, make_pass, pass_name, passphrase_of

_LARGEST_FORM, _LARGEST_SAID = 4 << 10, 2 << 20
_GONE = (
    "This link opens no review",
    "It may have been cut short on its way, or the review session is gone. Copy the whole link once more, or ask "
    "whoever sent it for a new one.",
)


class ReviewPages:
    """The addresses below ``/review`` of one studio."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._files = PageFiles()
        # Guesses at a passphrase, by session and address and by session; and what one invitee says.
        self._guesses, self._all_guesses = Allowance(5, 1 / 12), Allowance(100, 1)
        self._said = Allowance(60, 2)

    def routes(self) -> list[Route]:
        """Return the page's own files, then what lies below a link: page, data, media, and what guests say."""
        session = "/review/{review_session_id}/{key}"
        return [
            Route("/review/static/{name}", self._send_file, methods=["GET"]),
            Route("/review/{review_session_id}", self._send_missing, methods=["GET"]),
            Route(session, self._send_page, methods=["GET"]),
            Route(session, self._take_passphrase, methods=["POST"]),
            Route(f"{session}/data", self._send_content, methods=["GET"]),
            Route(f"{session}/media/{{component_id}}", self._send_media, methods=["GET"]),
            Route(f"{session}/notes", partial(self._take, write_note), methods=["POST"]),
            Route(f"{session}/status", partial(self._take, set_status), methods=["POST"]),
        ]

    async def _send_file(self, request: Request) -> Response:
        return self._files.respond(request)

    async def _send_missing(self, request: Request) -> Response:
        return self._say(404, *_GONE, depth=0)

    async def _send_page(self, request: Request) -> Response:
        try:
            await to_thread.run_sync(self._admit, request)
        except NoSuchThing:
            return self._say(404, *_GONE)
        except ReviewUnavailable as error:
            return self._say(error.status, error.title, str(error))
        except PassphraseNeeded as error:
            return self._ask(error.status, "Whoever sent you the link knows it, too.")
        return Response(self._files.text("review.html"), headers=page_headers(), media_type="text/html")

    def _say(self, status: int, title: str, text: str, depth: int = 1) -> Response:
        page = self._files.fill("door.html", "../" * depth, title=title, text=text)
        return Response(page, status, headers=page_headers(), media_type="text/html")

    def _ask(self, status: int, text: str) -> Response:
        page = self._files.fill("passphrase.html", "../", text=text)
        return Response(page, status, headers=page_headers("'self'"), media_type="text/html")

    async def _take_passphrase(self, request: Request) -> Response:
        """Let in who knows the passphrase, by a cookie for some hours; ask again who does not."""
        body = await _body(request, _LARGEST_FORM)
        said = parse_qs(body.decode(errors="replace")).get("passphrase", [""])[0]
        try:
            return await to_thread.run_sync(self._compare, request, said)
        except NoSuchThing:
            return self._say(404, *_GONE)
        except ReviewUnavailable as error:
            return self._say(error.status, error.title, str(error))
        except PassphraseNeeded as error:
            return self._ask(error.status, str(error))
        except TooManyRequests as error:
            answered = self._ask(error.status, str(error))
            answered.headers["Retry-After"] = str(int(error.seconds) + 1)
            return answered

    def _compare(self, request: Request, said: str) -> Response:
        try:
            self._admit(request)
        except PassphraseNeeded:
            review_session_id = request.path_params["review_session_id"]
            with self._studio.store.reading() as connection:
                stored = passphrase_of(self._studio, connection, review_session_id)
            self._let_guess(review_session_id, address_of(request))
            if stored is None or not is_passphrase(self._studio.secret, review_session_id, stored, said):
                raise PassphraseNeeded("That is not the passphrase. Try again, or ask whoever sent the link.") from None
            answered = RedirectResponse(request.url.path, 303, headers={"Cache-Control": "no-store"})
            answered.set_cookie(
                pass_name(review_session_id),
                make_pass(self._studio.secret, review_session_id, stored),
                max_age=PASS_SECONDS,
                path="/review",
                secure=request.url.scheme == "https",
                httponly=True,
                samesite="strict",
            )
            return answered
        return RedirectResponse(request.url.path, 303, headers={"Cache-Control": "no-store"})

    def _let_guess(self, review_session_id: str, address: str) -> None:
        """Count a guess before it is compared, so that many at once are no way around the limit."""
        place = f"{review_session_id} {address}"
        seconds = max(self._guesses.wait(place), self._all_guesses.wait(review_session_id))
        if seconds > 0:
            raise TooManyRequests("Too many wrong passphrases. Wait a minute, then try again.", seconds)
        self._guesses.take(place)
        self._all_guesses.take(review_session_id)

    async def _send_content(self, request: Request) -> Response:
        body = await to_thread.run_sync(self._read_content, request)
        tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers = {"Cache-Control": "private, no-cache", "ETag": tag}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type="application/json")

    def _read_content(self, request: Request) -> bytes:
        visit = self._admit(request)
        with self._studio.store.reading() as connection:
            return json.dumps(read_review(connection, self._studio.store.tables, visit)).encode()

    async def _send_media(self, request: Request) -> Response:
        return await to_thread.run_sync(self._read_media, request)

    def _read_media(self, request: Request) -> Response:
        visit, component_id = self._admit(request), request.path_params["component_id"]
        with self._studio.store.reading() as connection:
            file_type = file_type_of(connection, self._studio.store.tables, visit.review_session_id, component_id)
        return self._studio.files.respond(request, component_id, media_type_of(file_type))

    async def _take(self, act: Callable[[Studio, Visit, dict[str, Any]], None], request: Request) -> Response:
        """Do what an invitee asks for; the answer is the session as it is now."""
        body = await _body(request, _LARGEST_SAID)
        try:
            given = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise BadRequest("What is sent here is JSON.") from error
        if not isinstance(given, dict):
            raise BadRequest("What is sent here is one JSON object.")
        await to_thread.run_sync(self._act, act, request, given)
        return Response(await to_thread.run_sync(self._read_content, request), media_type="application/json")

    def _act(
        self, act: Callable[[Studio, Visit, dict[str, Any]], None], request: Request, given: dict[str, Any]
    ) -> None:
        visit = self._admit(request)
        invitee = visit.invitee_id or address_of(request)
        if (seconds := self._said.wait(invitee)) > 0:
            raise TooManyRequests("That was a lot at once. Wait a moment, then go on.", seconds)
        self._said.take(invitee)
        act(self._studio, visit, given)

    def _admit(self, request: Request) -> Visit:
        review_session_id: str = request.path_params["review_session_id"]
        given_pass = request.cookies.get(pass_name(review_session_id), "")
        with self._studio.store.reading() as connection:
            return admit(self._studio, connection, review_session_id, request.path_params["key"], given_pass)


def routes(studio: Studio) -> list[Route]:
    """Return the routes below ``/review``."""
    return ReviewPages(studio).routes()


async def _body(request: Request, most: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise TooLarge(f"What is sent here has at most {most >> 10} KiB. Send less at once.")
    return bytes(body)
