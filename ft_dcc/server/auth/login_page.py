"""The login page: it signs a browser in, and gives a program on the user's computer an API key of its own.

A program opens ``/user/api_credentials?redirect_url=http://localhost:PORT/...``, as ftrack's own programs do, and the
browser is redirected there with ``api_user`` and ``api_key``. The user enters name and key once; a cookie then keeps
the browser logged in for some hours. ``ft-dcc studio sign-in`` prints a one-time URL that logs a browser in without a
key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from anyio import to_thread
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from ft_dcc.server.auth import api_keys, one_time_tokens, signed_tokens
from ft_dcc.server.auth.authenticator import Authenticator
from ft_dcc.server.auth.browser_sessions import BrowserSessions, check_same_origin
from ft_dcc.server.database import audit_log
from ft_dcc.server.database.store import Store
from ft_dcc.server.errors import BadRequest, Forbidden, InvalidCredentials, TooManyRequests
from ft_dcc.server.http import rate_limit, static_pages
from ft_dcc.server.http.request_body import read_form
from ft_dcc.server.identity import Caller

# The purpose of the tokens in forms.
_FORM = "sign-in form"
_FORM_SECONDS = 600
_MAX_FORM_BYTES = 8 << 10
_LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))
_LABEL = re.compile(r"[\w.@ -]{1,100}")
_ROOT = "../review/"
_PAGE_TEXT = "Sign in to open this page of the studio."
_INVALID_LOGIN = "This sign-in cannot be completed"
_INVALID_TOKEN = (
    "This sign-in address is not valid",
    "It was used, or is older than a quarter of an hour. Ask for a new one.",
)


class LoginPages:
    """The routes below ``/user``; ``on_new_key`` is called after a key was issued or replaced."""

    def __init__(
        self,
        store: Store,
        authenticator: Authenticator,
        secret: bytes,
        browsers: BrowserSessions,
        login_tokens: one_time_tokens.OneTimeTokens[Caller],
        on_new_key: Callable[[], None],
    ) -> None:
        self._store, self._authenticator, self._secret, self._browsers = store, authenticator, secret, browsers
        self._login_tokens, self._on_new_key, self._pages = login_tokens, on_new_key, static_pages.StaticPages()
        self._new_keys = rate_limit.TokenBucket(10, 1 / 30)

    def routes(self) -> list[BaseRoute]:
        """Return the routes for programs, for the pages of the studio, and for one-time logins."""
        return [
            Route("/user/api_credentials", self._show_form, methods=["GET"]),
            Route("/user/api_credentials", self._submit_form, methods=["POST"]),
            Route("/user/sign_in", self._show_page_form, methods=["GET"]),
            Route("/user/sign_in", self._submit_page_form, methods=["POST"]),
            Route("/user/sign_out", self._sign_out, methods=["POST"]),
            Route("/user/sign_in/{token}", self._show_one_time_form, methods=["GET"]),
            Route("/user/sign_in/{token}", self._submit_one_time_form, methods=["POST"]),
        ]

    async def _show_form(self, request: Request) -> Response:
        try:
            target = _redirect_target(request)
        except BadRequest as error:
            return self._message_page(400, _INVALID_LOGIN, str(error))
        user = await to_thread.run_sync(self._browsers.find_user, request)
        return self._form_page(target, user, _question(target, request))

    async def _submit_form(self, request: Request) -> Response:
        try:
            target, fields = _redirect_target(request), await read_form(request, _MAX_FORM_BYTES)
            claims = self._verify_form(request, fields)
            return await to_thread.run_sync(self._log_in, request, target, claims, fields)
        except (BadRequest, Forbidden) as error:
            return self._message_page(400, _INVALID_LOGIN, str(error))
        except (InvalidCredentials, TooManyRequests) as error:
            response = self._form_page(target, None, str(error), error.status, fields.get("user", ""))
            if isinstance(error, TooManyRequests):
                response.headers["Retry-After"] = str(int(error.seconds) + 1)
            return response

    def _log_in(self, request: Request, target: str, claims: Mapping[str, Any], fields: Mapping[str, str]) -> Response:
        """Redirect the browser to the program with a new key, and set the cookie after a login by name and key."""
        user = self._browsers.find_user(request) if claims["user"] else None
        if claims["user"] and (user is None or user.id != claims["user"]):
            return self._form_page(target, None, "Your session expired. Sign in again.")
        is_new = user is None
        if user is None:
            address = rate_limit.client_address(request)
            user = self._authenticator.authenticate(address, fields.get("user", ""), fields.get("key", ""))
        if (seconds := self._new_keys.acquire(user.id)) > 0:
            raise TooManyRequests("Too many sign-ins at once. Wait a minute, then try again.", seconds)
        key = self._store.write(partial(_issue_key, user=user, label=_label(request)))
        self._on_new_key()
        query = urlencode({"api_user": user.username, "api_key": key}, quote_via=quote)
        url = f"{target}{'&' if '?' in target else '?'}{query}"
        response = RedirectResponse(url, 303, headers={"Cache-Control": "no-store"})
        if is_new:
            self._browsers.set_cookie(request, response, user)
        return response

    async def _show_page_form(self, request: Request) -> Response:
        """Show the form that leads to a page of the studio, or go there when the browser is signed in."""
        user = await to_thread.run_sync(self._browsers.find_user, request)
        if user is not None:
            return RedirectResponse(_next_page(request), 303, headers={"Cache-Control": "no-store"})
        return self._page_form(request, _PAGE_TEXT)

    async def _submit_page_form(self, request: Request) -> Response:
        fields = await read_form(request, _MAX_FORM_BYTES)
        try:
            self._verify_form(request, fields)
            name, key = fields.get("user", ""), fields.get("key", "")
            address = rate_limit.client_address(request)
            user = await to_thread.run_sync(self._authenticator.authenticate, address, name, key)
        except (BadRequest, Forbidden) as error:
            return self._page_form(request, f"{error}", 400, fields.get("user", ""))
        except (InvalidCredentials, TooManyRequests) as error:
            response = self._page_form(request, str(error), error.status, fields.get("user", ""))
            if isinstance(error, TooManyRequests):
                response.headers["Retry-After"] = str(int(error.seconds) + 1)
            return response
        response = RedirectResponse(_next_page(request), 303, headers={"Cache-Control": "no-store"})
        self._browsers.set_cookie(request, response, user)
        return response

    def _page_form(self, request: Request, text: str, status: int = 200, name: str = "") -> Response:
        token = signed_tokens.sign(self._secret, _FORM, {"user": "", "at": request.url.path}, _FORM_SECONDS)
        return self._page("sign-in-key.html", 0, status, user=name, text=text, token=token)

    async def _sign_out(self, request: Request) -> Response:
        check_same_origin(request)
        response = RedirectResponse("../user/sign_in", 303, headers={"Cache-Control": "no-store"})
        self._browsers.delete_cookie(response)
        return response

    async def _show_one_time_form(self, request: Request) -> Response:
        # Chat programs load a link for a preview: only the button redeems the token.
        user = self._login_tokens.peek(request.path_params["token"])
        if user is None:
            return self._message_page(404, *_INVALID_TOKEN, depth=1)
        token = signed_tokens.sign(self._secret, _FORM, {"user": "", "at": request.url.path}, _FORM_SECONDS)
        text = "This browser stays signed in for twelve hours, and programs sign in here with one click."
        return self._page("sign-in.html", 1, user=user.username, text=text, token=token)

    async def _submit_one_time_form(self, request: Request) -> Response:
        try:
            self._verify_form(request, await read_form(request, _MAX_FORM_BYTES))
        except (BadRequest, Forbidden) as error:
            return self._message_page(400, _INVALID_LOGIN, str(error), depth=1)
        user = self._login_tokens.redeem(request.path_params["token"])
        if user is None:
            return self._message_page(404, *_INVALID_TOKEN, depth=1)
        response: Response
        if "next" in request.query_params:
            response = RedirectResponse(_next_page(request), 303, headers={"Cache-Control": "no-store"})
        else:
            title = f"You are signed in as {user.username}"
            response = self._message_page(200, title, "Go back to the program and sign in.", depth=1)
        self._browsers.set_cookie(request, response, user)
        return response

    def _verify_form(self, request: Request, fields: Mapping[str, str]) -> dict[str, Any]:
        """Return the claims of the form's token; raises Forbidden when the form is not from this page."""
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise Forbidden("The form came from another page. Begin again in the program.")
        claims = signed_tokens.verify(self._secret, _FORM, fields.get("token", ""))
        if claims["at"] != (request.query_params.get("redirect_url") or request.url.path):
            raise Forbidden("The form was made for another program. Begin again in the program.")
        return claims

    def _form_page(self, target: str, user: Caller | None, text: str, status: int = 200, name: str = "") -> Response:
        claims = {"user": "" if user is None else user.id, "at": target}
        token = signed_tokens.sign(self._secret, _FORM, claims, _FORM_SECONDS)
        url = urlsplit(target)
        # Browsers apply the policy for a form's target to the redirect after it, too.
        origin = f"{url.scheme}://{url.netloc}"
        if user is None:
            return self._page("sign-in-key.html", 0, status, origin, user=name, text=text, token=token)
        return self._page("sign-in.html", 0, status, origin, user=user.username, text=text, token=token)

    def _page(self, page_name: str, depth: int, status: int = 200, origin: str = "", **texts: str) -> Response:
        content = self._pages.fill(page_name, "../" * depth + _ROOT, **texts)
        headers = {**static_pages.page_headers(f"'self' {origin}".strip()), "Cache-Control": "no-store"}
        return Response(content, status, headers=headers, media_type="text/html")

    def _message_page(self, status: int, title: str, text: str, depth: int = 0) -> Response:
        content = self._pages.fill("message.html", "../" * depth + _ROOT, title=title, text=text)
        headers = {**static_pages.page_headers(), "Cache-Control": "no-store"}
        return Response(content, status, headers=headers, media_type="text/html")


def _redirect_target(request: Request) -> str:
    """Return the URL on this computer at which the program listens; raises BadRequest for any other."""
    given = request.query_params.get("redirect_url", "")
    refused = BadRequest("The redirect_url must be http://localhost with a port. Begin again in the program.")
    try:
        url = urlsplit(given)
        port = url.port
    except ValueError as error:
        raise refused from error
    is_plain = given.isascii() and given.isprintable() and not set(given) & set(" \\\"'<>#;,")
    if not is_plain or url.scheme != "http" or url.hostname not in _LOOPBACK or not port or "@" in url.netloc:
        raise refused
    return given


def _next_page(request: Request) -> str:
    """Return the path of this studio that the browser wants to open after the login, else that of the home."""
    given = request.query_params.get("next", "")
    is_plain = given.isascii() and given.isprintable() and not set(given) & set(" \\\"'<>")
    return given if is_plain and given.startswith("/") and not given.startswith("//") else "/"


def _label(request: Request) -> str:
    given = request.query_params.get("identifier", "")
    return given if _LABEL.fullmatch(given) else ""


def _question(target: str, request: Request) -> str:
    return (
        f"{_label(request) or 'A program'} on this computer, at {urlsplit(target).netloc}, asks for a key to the "
        f"studio {request.url.netloc}. Continue only if you have just started this sign-in."
    )


def _issue_key(connection: Connection, user: Caller, label: str) -> str:
    key = (
        api_keys.replace_key(connection, user.id, label)
        if label
        else api_keys.issue_key(connection, user.id, "sign-in page")
    )
    audit_log.record(connection, user, [({"action": "sign in", "entity_type": "User", "entity_key": [user.id]}, None)])
    return key
