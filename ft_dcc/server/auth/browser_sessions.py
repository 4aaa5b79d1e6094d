"""Sessions of signed-in browsers: a signed cookie names the user, and lasts for some hours."""

from __future__ import annotations

import hashlib
from urllib.parse import urlsplit

from sqlalchemy import Connection, func, select
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from ft_dcc.server.auth import api_keys, signed_tokens
from ft_dcc.server.database import clock
from ft_dcc.server.database.private_tables import SIGN_OUTS
from ft_dcc.server.database.store import Store
from ft_dcc.server.errors import Forbidden, InvalidCredentials
from ft_dcc.server.identity import Caller

_PURPOSE = "browser"
_LIFETIME_SECONDS = 12 * 3600


class BrowserSessions:
    """Reads and writes the cookie of signed-in browsers."""

    def __init__(self, store: Store, secret: bytes) -> None:
        self._store, self._secret = store, secret
        # Cookies do not depend on ports: two servers on one machine need two names.
        self._cookie = f"ft_dcc_user_{hashlib.sha256(b'cookie:' + secret).hexdigest()[:12]}"

    def find_user(self, request: HTTPConnection) -> Caller | None:
        """Return the active user of the browser's cookie, or None.

        A cookie is not valid any more when the user was signed out everywhere, or lost an API key, after it was set.
        """
        token = request.cookies.get(self._cookie)
        if token is None:
            return None
        try:
            claims = signed_tokens.verify(self._secret, _PURPOSE, token)
        except (Forbidden, ValueError):
            return None
        user_id, since = str(claims["user"]), float(claims["since"])
        with self._store.reading() as connection:
            signed_out = connection.scalar(select(SIGN_OUTS.c.at).where(SIGN_OUTS.c.user_id == user_id))
            if signed_out is not None and signed_out > since:
                return None
            return api_keys.active_user_since(connection, user_id, since)

    def require_user(self, request: Request) -> Caller:
        """Return the signed-in user; raises InvalidCredentials, and Forbidden for a change that another page sends."""
        if request.method != "GET":
            check_same_origin(request)
        user = self.find_user(request)
        if user is None:
            raise InvalidCredentials("You are not signed in, or your sign-in has expired. Sign in again.")
        return user

    def set_cookie(self, request: Request, response: Response, user: Caller) -> None:
        """Add the cookie of this user to the response."""
        claims = {"user": user.id, "since": clock.now()}
        response.set_cookie(
            self._cookie,
            signed_tokens.sign(self._secret, _PURPOSE, claims, _LIFETIME_SECONDS),
            max_age=_LIFETIME_SECONDS,
            path="/",
            secure=request.url.scheme == "https",
            httponly=True,
            # Lax: a link in a mail and a program on this computer are other sites to the browser.
            samesite="lax",
        )

    def delete_cookie(self, response: Response) -> None:
        """Remove the cookie from the browser that gets the response."""
        response.delete_cookie(self._cookie, path="/", httponly=True, samesite="lax")


def sign_out_everywhere(connection: Connection, user_id: str) -> None:
    """Make all browser sessions of the user invalid that exist now."""
    connection.execute(SIGN_OUTS.delete().where(SIGN_OUTS.c.user_id == user_id))
    connection.execute(SIGN_OUTS.insert(), {"user_id": user_id, "at": clock.now()})


def newest_moment(connection: Connection) -> float:
    """Return the latest time at which a user was signed out everywhere, 0 without one."""
    return connection.scalar(select(func.max(SIGN_OUTS.c.at))) or 0.0


def forget_moments_after(connection: Connection, moment: float) -> None:
    """Replace later times, which a clock that was ahead has left, by this one."""
    connection.execute(SIGN_OUTS.update().where(SIGN_OUTS.c.at > moment).values(at=moment))


def check_same_origin(request: HTTPConnection) -> None:
    """Raise Forbidden if a page of another origin sent the request, which the browser then marks."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    is_foreign = site not in ("same-origin", "none") if site is not None else _is_foreign(request, origin)
    if is_foreign:
        raise Forbidden("The request came from a page of another site. Use the page of the studio.")


def _is_foreign(request: HTTPConnection, origin: str | None) -> bool:
    return origin is not None and urlsplit(origin).netloc != request.url.netloc
