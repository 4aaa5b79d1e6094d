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
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ft_dcc.server.auth import api_keys, browser_sessions, tokens
from ft_dcc.server.database import audit_log
from ft_dcc.server.database.store import Store
from ft_dcc.server.errors import BadRequest, Forbidden, HttpError, InvalidCredentials, TooManyRequests
from ft_dcc.server.http import rate_limit, request_body, static_pages
from ft_dcc.server.identity import Caller
from ft_dcc.server.work.budgets import TokenBucket

# The purpose of the tokens in forms.
_FORM = "sign-in form"
_FORM_SECONDS = 600
_LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))
_LABEL = re.compile(r"[\w.@ -]{1,100}")
_ROOT = "../review/"
_PAGE_TEXT = "Sign in to open this page of the studio."
_INVALID_LOGIN = "This sign-in cannot be completed"
_INVALID_TOKEN = {
    "title": "This sign-in address is not valid",
    "text": "It was used, or is older than a quarter of an hour. Ask for a new one.",
}


class LoginPages:
    """The routes below ``/user``; ``on_new_key`` is called after a key was issued or replaced."""

    def __init__(
        self,
        store: Store,
        authenticator: api_keys.Authenticator,
        secret: bytes,
        browsers: browser_sessions.BrowserSessions,
        login_tokens: tokens.OneTimeTokens[Caller],
        on_new_key: Callable[[], None],
    ) -> None:
        self._store, self._authenticator, self._secret, self._browsers = store, authenticator, secret, browsers
        self._login_tokens, self._on_new_key = login_tokens, on_new_key
        self._new_keys = TokenBucket(10, 1 / 30)

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

    def _show_form(self, request: Request) -> Response:
        try:
            target = _redirect_target(request)
        except BadRequest as error:
            return self._page("message.html", 400, title=_INVALID_LOGIN, text=str(error))
        program = f"{_label(request) or 'A program'} on this computer, at {urlsplit(target).netloc}"
        question = (
            f"{program}, asks for a key to the studio {request.url.netloc}. Continue only if you have just started "
            "this sign-in."
        )
        return self._form_page(target, question, user=self._browsers.find_user(request))

    async def _submit_form(self, request: Request) -> Response:
        try:
            target, fields = _redirect_target(request), await request_body.read_form(request)
            claims = self._verify_form(request, fields)
            return await to_thread.run_sync(self._log_in, request, target, claims, fields)
        except (BadRequest, Forbidden) as error:
            return self._page("message.html", 400, title=_INVALID_LOGIN, text=str(error))
        except (InvalidCredentials, TooManyRequests) as error:
            return self._form_page(target, str(error), error=error, name=fields.get("user", ""))

    def _log_in(self, request: Request, target: str, claims: Mapping[str, Any], fields: Mapping[str, str]) -> Response:
        """Redirect the browser to the program with a new key, and set the cookie after a login by name and key."""
        user = known = self._browsers.find_user(request) if claims["user"] else None
        if claims["user"] and (user is None or user.id != claims["user"]):
            return self._form_page(target, "Your session expired. Sign in again.")
        if user is None:
            user = self._authenticate(request, fields)
        if (seconds := self._new_keys.acquire(user.id)) > 0:
            raise TooManyRequests("Too many sign-ins at once. Wait a minute, then try again.", seconds)
        key = self._store.write(partial(_issue_key, user=user, label=_label(request)))
        self._on_new_key()
        query = urlencode({"api_user": user.username, "api_key": key}, quote_via=quote)
        response = static_pages.redirect(f"{target}{'&' if '?' in target else '?'}{query}")
        if known is None:
            self._browsers.begin(request, response, user)
        return response

    def _authenticate(self, request: Request, fields: Mapping[str, str]) -> Caller:
        address = rate_limit.client_address(request)
        return self._authenticator.authenticate(address, fields.get("user", ""), fields.get("key", ""))

    def _show_page_form(self, request: Request) -> Response:
        """Show the form that leads to a page of the studio, or go there when the browser is signed in."""
        if self._browsers.find_user(request) is not None:
            return static_pages.redirect(_next_page(request))
        return self._form_page(request.url.path, _PAGE_TEXT)

    async def _submit_page_form(self, request: Request) -> Response:
        fields = await request_body.read_form(request)
        try:
            self._verify_form(request, fields)
            user = await to_thread.run_sync(self._authenticate, request, fields)
        except (Forbidden, InvalidCredentials, TooManyRequests) as error:
            return self._form_page(request.url.path, str(error), error=error, name=fields.get("user", ""))
        response = static_pages.redirect(_next_page(request))
        await to_thread.run_sync(self._browsers.begin, request, response, user)
        return response

    async def _sign_out(self, request: Request) -> Response:
        browser_sessions.check_same_origin(request)
        response = static_pages.redirect("../user/sign_in")
        await to_thread.run_sync(self._browsers.end, request, response)
        return response

    async def _show_one_time_form(self, request: Request) -> Response:
        # Chat programs load a link for a preview: only the button redeems the token.
        user = self._login_tokens.peek(request.path_params["token"])
        if user is None:
            return self._page("message.html", 404, 1, **_INVALID_TOKEN)
        text = "This browser stays signed in for twelve hours, and programs sign in here with one click."
        return self._form_page(request.url.path, text, user=user, depth=1)

    async def _submit_one_time_form(self, request: Request) -> Response:
        try:
            self._verify_form(request, await request_body.read_form(request))
        except Forbidden as error:
            return self._page("message.html", 400, 1, title=_INVALID_LOGIN, text=str(error))
        user = self._login_tokens.redeem(request.path_params["token"])
        if user is None:
            return self._page("message.html", 404, 1, **_INVALID_TOKEN)
        response: Response
        if "next" in request.query_params:
            response = static_pages.redirect(_next_page(request))
        else:
            title = f"You are signed in as {user.username}"
            response = self._page("message.html", 200, 1, title=title, text="Go back to the program and sign in.")
        await to_thread.run_sync(self._browsers.begin, request, response, user)
        return response

    def _verify_form(self, request: Request, fields: Mapping[str, str]) -> dict[str, Any]:
        """Return the claims of the form's token; raises Forbidden when the form is not from this page."""
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise Forbidden("The form came from another page. Begin again in the program.")
        claims = tokens.verify(self._secret, _FORM, fields.get("token", ""))
        if claims["at"] != (request.query_params.get("redirect_url") or request.url.path):
            raise Forbidden("The form was made for another program. Begin again in the program.")
        return claims

    def _form_page(
        self,
        target: str,
        text: str,
        *,
        user: Caller | None = None,
        error: HttpError | None = None,
        name: str = "",
        depth: int = 0,
    ) -> Response:
        """Return the form; ``target`` is the program's URL or the form's path, ``error`` that of the last attempt."""
        claims = {"user": "" if user is None else user.id, "at": target}
        token = tokens.sign(self._secret, _FORM, claims, _FORM_SECONDS)
        url = urlsplit(target)
        # Browsers apply the policy for a form's target to the redirect after it, too.
        form_target = f"'self' {url.scheme}://{url.netloc}" if url.netloc else "'self'"
        page_name, name = ("sign-in-key.html", name) if user is None else ("sign-in.html", user.username)
        status = 200 if error is None else 400 if isinstance(error, Forbidden) else error.status
        response = self._page(page_name, status, depth, form_target, user=name, text=text, token=token)
        if isinstance(error, TooManyRequests):
            response.headers["Retry-After"] = str(int(error.seconds) + 1)
        return response

    def _page(self, page_name: str, status: int, depth: int = 0, form_target: str = "'none'", **texts: str) -> Response:
        response = static_pages.fill(page_name, "../" * depth + _ROOT, status, form_target=form_target, **texts)
        response.headers["Cache-Control"] = "no-store"
        return response


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


def _issue_key(connection: Connection, user: Caller, label: str) -> str:
    issue = api_keys.replace_key if label else api_keys.issue_key
    key = issue(connection, user.id, label or "sign-in page")
    audit_log.record(connection, user, [({"action": "sign in", "entity_type": "User", "entity_key": [user.id]}, None)])
    return key
