"""Sessions of signed-in browsers: a row for each, whose id is in a signed cookie; they last for some hours."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from sqlalchemy import Connection, delete, select
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from ft_dcc import plain_text
from ft_dcc.server import errors, identity
from ft_dcc.server.auth import api_keys, tokens
from ft_dcc.server.database import clock
from ft_dcc.server.database.private_tables import BROWSER_SESSIONS, SIGN_OUTS
from ft_dcc.server.database.store import Store

_PURPOSE = "browser"
_LIFETIME_SECONDS, _MAX_BROWSER_LENGTH = 12 * 3600, 200


class BrowserSessions:
    """Reads and writes the cookie of signed-in browsers."""

    def __init__(self, store: Store, secret: bytes, on_end: Callable[[], None] = lambda: None) -> None:
        self._store, self._secret, self._on_end = store, secret, on_end
        # Cookies do not depend on ports: two servers on one machine need two names.
        self._cookie = f"ft_dcc_user_{hashlib.sha256(b'cookie:' + secret).hexdigest()[:12]}"

    def find_user(self, request: HTTPConnection) -> identity.Caller | None:
        """Return the active user of the browser's cookie, or None.

        A session ends when it is signed out, and when its user was signed out everywhere or lost an API key after it
        began.
        """
        session_id = self.session_id(request)
        if session_id is None:
            return None
        with self._store.reading() as connection:
            is_own = BROWSER_SESSIONS.c.id == session_id
            found = connection.execute(select(BROWSER_SESSIONS).where(is_own)).first()
            if found is None or found.created_at < clock.now() - _LIFETIME_SECONDS:
                return None
            signed_out = connection.scalar(select(SIGN_OUTS.c.at).where(SIGN_OUTS.c.user_id == found.user_id))
            if signed_out is not None and signed_out > found.created_at:
                return None
            return api_keys.active_user_since(connection, found.user_id, found.created_at)

    def session_id(self, request: HTTPConnection) -> str | None:
        """Return the id in the browser's cookie, or None without a valid cookie."""
        found = tokens.valid_claims(self._secret, _PURPOSE, request.cookies.get(self._cookie, "")).get("session")
        return found if isinstance(found, str) else None

    def list_sessions(self, user: identity.Caller, request: HTTPConnection) -> list[dict[str, Any]]:
        """Return the sessions of a user, the newest first, with their browsers."""
        own, oldest = self.session_id(request), clock.now() - _LIFETIME_SECONDS
        is_own = BROWSER_SESSIONS.c.user_id == user.id, BROWSER_SESSIONS.c.created_at >= oldest
        statement = select(BROWSER_SESSIONS).where(*is_own).order_by(BROWSER_SESSIONS.c.created_at.desc())
        with self._store.reading() as connection:
            rows = connection.execute(statement).all()
        return [
            {"id": row.id, "browser": row.browser, "created_at": row.created_at, "is_current": row.id == own}
            for row in rows
        ]

    def end_sessions(self, user_id: str, session_id: str | None = None) -> None:
        """End one session of a user, or all; open pages of it are disconnected."""
        condition = BROWSER_SESSIONS.c.user_id == user_id
        if session_id is not None:
            condition &= BROWSER_SESSIONS.c.id == session_id
        self._store.write(lambda connection: connection.execute(delete(BROWSER_SESSIONS).where(condition)))
        self._on_end()

    def require_user(self, request: Request) -> identity.Caller:
        """Return the signed-in user; raises InvalidCredentials, and Forbidden for a change that another page sends."""
        if request.method != "GET":
            check_same_origin(request)
        user = self.find_user(request)
        if user is None:
            raise errors.InvalidCredentials("You are not signed in, or your sign-in has expired. Sign in again.")
        return user

    def begin(self, request: Request, response: Response, user: identity.Caller) -> None:
        """Begin a session of this user, and add its cookie to the response; writes to the database."""
        claims, now = {"session": str(uuid4())}, clock.now()
        browser = plain_text.single_line(request.headers.get("user-agent", ""))[:_MAX_BROWSER_LENGTH]
        row = {"id": claims["session"], "user_id": user.id, "created_at": now, "browser": browser}

        def write(connection: Connection) -> None:
            is_old = BROWSER_SESSIONS.c.created_at < now - _LIFETIME_SECONDS
            connection.execute(delete(BROWSER_SESSIONS).where(is_old))
            connection.execute(BROWSER_SESSIONS.insert(), row)

        self._store.write(write)
        response.set_cookie(
            self._cookie,
            tokens.sign(self._secret, _PURPOSE, claims, _LIFETIME_SECONDS),
            max_age=_LIFETIME_SECONDS,
            path="/",
            secure=request.url.scheme == "https",
            httponly=True,
            # Lax: a link in a mail and a program on this computer are other sites to the browser.
            samesite="lax",
        )

    def end(self, request: Request, response: Response) -> None:
        """End the session of the browser, and remove its cookie; writes to the database."""
        user = self.find_user(request)
        if user is not None:
            self.end_sessions(user.id, self.session_id(request))
        response.delete_cookie(self._cookie, path="/", httponly=True, samesite="lax")


def sign_out_everywhere(connection: Connection, user_id: str) -> None:
    """Make all browser sessions of the user invalid that exist now."""
    connection.execute(SIGN_OUTS.delete().where(SIGN_OUTS.c.user_id == user_id))
    connection.execute(SIGN_OUTS.insert(), {"user_id": user_id, "at": clock.now()})


def check_same_origin(request: HTTPConnection) -> None:
    """Raise Forbidden if a page of another origin sent the request, which the browser then marks."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    is_foreign = origin is not None and urlsplit(origin).netloc != request.url.netloc
    if is_foreign if site is None else site not in ("same-origin", "none"):
        raise errors.Forbidden("The request came from a page of another site. Use the page of the studio.")
