"""The sign-in page: a browser proves who its user is, and a program on the same computer gets a key of its own.

A program opens ``/user/api_credentials?redirect_url=http://localhost:PORT/...``, as ftrack's own programs do, and is
called back there with ``api_user`` and ``api_key``. The user says name and key once; the browser then remembers for
some hours who it is. ``ft-dcc studio sign-in`` gives an address that does the same without a key, once.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from anyio import to_thread
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from ft_dcc.errors import BadRequest, Forbidden, InvalidCredentials, TooLarge, TooManyRequests
from ft_dcc.server import audit
from ft_dcc.server.access import Caller, claims_of, issue_key, replace_key, sign, user_since
from ft_dcc.server.pace import Allowance, address_of
from ft_dcc.server.page_files import PageFiles, page_headers
from ft_dcc.server.studio import Studio

_BROWSER, _FORM = "browser", "sign-in form"
_BROWSER_SECONDS, _FORM_SECONDS = 12 * 3600, 600
_LARGEST_FORM = 8 << 10
_LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))
_LABEL = re.compile(r"[\w.@ -]{1,100}")
_ROOT = "../review/"


class SignIn:
    """The addresses below ``/user`` of one studio."""

    def __init__(self, studio: Studio) -> None:
        self._studio, self._files = studio, PageFiles()
        self._keys = Allowance(10, 1 / 30)
        # Cookies know no ports: two studios on one machine have two.
        self._cookie = f"ft_dcc_browser_{hashlib.sha256(b'cookie:' + studio.secret).hexdigest()[:12]}"

    def routes(self) -> list[BaseRoute]:
        """Return the address that programs open, and the one that signs a browser in by a ticket."""
        return [
            Route("/user/api_credentials", self._ask, methods=["GET"]),
            Route("/user/api_credentials", self._take, methods=["POST"]),
            Route("/user/sign_in/{word}", self._ask_once, methods=["GET"]),
            Route("/user/sign_in/{word}", self._take_once, methods=["POST"]),
        ]

    async def _ask(self, request: Request) -> Response:
        try:
            target = _target(request)
        except BadRequest as error:
            return self._say(400, "This sign-in leads nowhere", str(error))
        user = await to_thread.run_sync(self._remembered, request)
        return self._form(target, user, _asking(target, request))

    async def _take(self, request: Request) -> Response:
        try:
            target, given = _target(request), await _fields(request)
            claims = self._claims(request, given)
            return await to_thread.run_sync(self._let_in, request, target, claims, given)
        except (BadRequest, Forbidden) as error:
            return self._say(400, "This sign-in leads nowhere", str(error))
        except (InvalidCredentials, TooManyRequests) as error:
            answered = self._form(target, None, str(error), error.status, given.get("user", ""))
            if isinstance(error, TooManyRequests):
                answered.headers["Retry-After"] = str(int(error.seconds) + 1)
            return answered

    def _let_in(self, request: Request, target: str, claims: Mapping[str, Any], given: Mapping[str, str]) -> Response:
        """Send the browser back to the program with a new key; remember whoever has just said one."""
        user = self._remembered(request) if claims["user"] else None
        if claims["user"] and (user is None or user.id != claims["user"]):
            return self._form(target, None, "You were signed out here. Say who you are.")
        is_new = user is None
        if user is None:
            studio = self._studio
            user = studio.door.enter(studio.store, address_of(request), given.get("user", ""), given.get("key", ""))
        if (seconds := self._keys.wait(user.id)) > 0:
            raise TooManyRequests("Those were many sign-ins at once. Wait a minute, then try again.", seconds)
        self._keys.take(user.id)
        store = self._studio.store
        key = store.write(partial(_hand_out, user=user, label=_label(request)))
        self._studio.events.refresh(store)
        answered = RedirectResponse(_with(target, user.username, key), 303, headers={"Cache-Control": "no-store"})
        if is_new:
            self._remember(request, answered, user)
        return answered

    async def _ask_once(self, request: Request) -> Response:
        # Whoever previews a link in a chat asks for it, too: only the button uses it up.
        user = self._studio.tickets.look(request.path_params["word"])
        if user is None:
            return self._say(404, *_SPENT, depth=1)
        token = sign(self._studio.secret, _FORM, {"user": "", "at": request.url.path}, _FORM_SECONDS)
        text = "This browser then remembers who you are for twelve hours, and programs sign in here with one click."
        return self._fill("sign-in.html", 1, user=user.username, text=text, token=token)

    async def _take_once(self, request: Request) -> Response:
        try:
            self._claims(request, await _fields(request))
        except (BadRequest, Forbidden) as error:
            return self._say(400, "This sign-in leads nowhere", str(error), depth=1)
        user = self._studio.tickets.use_up(request.path_params["word"])
        if user is None:
            return self._say(404, *_SPENT, depth=1)
        answered = self._say(
            200, f"You are signed in as {user.username}", "Go back to the program and sign in.", depth=1
        )
        self._remember(request, answered, user)
        return answered

    def _claims(self, request: Request, given: Mapping[str, str]) -> dict[str, Any]:
        """Return what the form that was sent was made for; raises Forbidden for one that is not from this page."""
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise Forbidden("The form came from another page. Begin again in the program.")
        claims = claims_of(self._studio.secret, _FORM, given.get("token", ""))
        place = request.query_params.get("redirect_url") or request.url.path
        if claims["at"] != place:
            raise Forbidden("The form was made for another program. Begin again in the program.")
        return claims

    def _remembered(self, request: Request) -> Caller | None:
        """Return the active user that this browser was signed in as; revoking a key of his signs it out."""
        try:
            claims = claims_of(self._studio.secret, _BROWSER, request.cookies.get(self._cookie, ""))
        except (Forbidden, ValueError):
            return None
        with self._studio.store.reading() as connection:
            return user_since(connection, claims["user"], claims["since"])

    def _remember(self, request: Request, answered: Response, user: Caller) -> None:
        claims = {"user": user.id, "since": time.time()}
        answered.set_cookie(
            self._cookie,
            sign(self._studio.secret, _BROWSER, claims, _BROWSER_SECONDS),
            max_age=_BROWSER_SECONDS,
            path="/user",
            secure=request.url.scheme == "https",
            httponly=True,
            # Lax: the program that opens the page is another site to the browser. What changes anything is a POST.
            samesite="lax",
        )

    def _form(self, target: str, user: Caller | None, text: str, status: int = 200, name: str = "") -> Response:
        claims = {"user": "" if user is None else user.id, "at": target}
        token = sign(self._studio.secret, _FORM, claims, _FORM_SECONDS)
        place = urlsplit(target)
        # Browsers hold a redirect after a form to be the form's own target.
        back = f"{place.scheme}://{place.netloc}"
        if user is None:
            return self._fill("sign-in-key.html", 0, status, back, user=name, text=text, token=token)
        return self._fill("sign-in.html", 0, status, back, user=user.username, text=text, token=token)

    def _fill(self, page: str, depth: int, status: int = 200, back: str = "", **texts: str) -> Response:
        filled = self._files.fill(page, "../" * depth + _ROOT, **texts)
        headers = {**page_headers(f"'self' {back}".strip()), "Cache-Control": "no-store"}
        return Response(filled, status, headers=headers, media_type="text/html")

    def _say(self, status: int, title: str, text: str, depth: int = 0) -> Response:
        page = self._files.fill("door.html", "../" * depth + _ROOT, title=title, text=text)
        headers = {**page_headers(), "Cache-Control": "no-store"}
        return Response(page, status, headers=headers, media_type="text/html")


_SPENT = ("This address signs nobody in", "It was used, or is older than a quarter of an hour. Ask for a new one.")


def routes(studio: Studio) -> list[BaseRoute]:
    """Return the routes below ``/user``."""
    return SignIn(studio).routes()


def _target(request: Request) -> str:
    """Return the address on this computer that the program waits at; raises BadRequest for any other."""
    given = request.query_params.get("redirect_url", "")
    refused = BadRequest(
        "A program asks for a key at http://localhost with a port, and this is none. Begin again there."
    )
    try:
        place = urlsplit(given)
        port = place.port
    except ValueError as error:
        raise refused from error
    is_plain = given.isascii() and given.isprintable() and not set(given) & set(" \\\"'<>#;,")
    if not is_plain or place.scheme != "http" or place.hostname not in _LOOPBACK or not port or "@" in place.netloc:
        raise refused
    return given


def _with(target: str, user: str, key: str) -> str:
    return f"{target}{'&' if '?' in target else '?'}{urlencode({'api_user': user, 'api_key': key}, quote_via=quote)}"


def _label(request: Request) -> str:
    given = request.query_params.get("identifier", "")
    return given if _LABEL.fullmatch(given) else ""


def _asking(target: str, request: Request) -> str:
    name = _label(request) or "A program"
    return (
        f"{name} on this computer, at {urlsplit(target).netloc}, asks for a key to the studio {request.url.netloc}. "
        "Go on only if you have just asked it to sign in."
    )


def _hand_out(connection: Connection, user: Caller, label: str) -> str:
    key = replace_key(connection, user.id, label) if label else issue_key(connection, user.id, "sign-in page")
    audit.record(connection, user, [({"action": "sign in", "entity_type": "User", "entity_key": [user.id]}, None)])
    return key


async def _fields(request: Request) -> dict[str, str]:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_FORM:
            raise TooLarge("The form is larger than any of ours.")
    return {name: values[0] for name, values in parse_qs(body.decode(errors="replace")).items()}
