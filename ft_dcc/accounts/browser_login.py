"""Find the account of a session, or get one by a login in the browser, which returns to a local port."""

from __future__ import annotations

import contextlib
import http.server
import secrets
import socket
import socketserver
import time
from typing import Callable
from urllib.parse import parse_qs, quote, urlsplit

from ft_dcc.accounts import credentials, local_server
from ft_dcc.errors import AuthenticationError, Cancelled, MissingExtra, ServerUnreachable
from ft_dcc.settings.resolve import read_settings

_LOGIN_TIMEOUT_SECONDS = 300.0
# A cancel waits for it.
_CONNECT_TIMEOUT_SECONDS = 5.0
_PAGE = "<!doctype html><title>ft-dcc</title><p>You are signed in. Go back to {program}; this page can be closed."


def find_account() -> credentials.Account | None:
    """Return the account of the settings, of the last login, or of the local studio, which is started.

    Returns None if a login is required. Raises SettingInvalid, ServerUnreachable and StorageError.
    """
    settings = read_settings()
    server, user, key = settings.get("server"), settings.get("user"), settings.get("key")
    if server and user and key:
        return credentials.Account(server, user, key)
    last = credentials.last_login()
    if last is not None and server in (None, last[0]) and user in (None, last[1]):
        server, user = last
    if server is not None:
        return credentials.load_credentials(server, user) if user else None
    try:
        return local_server.get_account(settings)
    except MissingExtra:
        return None


def require_account() -> credentials.Account:
    """Return the account that ``find_account`` finds; raise AuthenticationError, which names the menu, for None."""
    account = find_account()
    if account is None:
        raise AuthenticationError("You are not signed in. Sign in with the menu: ft-dcc, Publish for review…")
    return account


def start_browser_login(server: str, program: str) -> tuple[str, Callable[[Callable[[], bool]], credentials.Account]]:
    """Return the URL to open in a browser, and a function that waits for the account.

    The function takes a callable that returns whether to cancel. It raises Cancelled, AuthenticationError after five
    minutes, and ServerUnreachable at once if there is no server. ``program`` is the host's name as shown to the user.
    """
    listener = _Listener(server, program)
    # A server replaces the earlier key with the same identifier.
    identifier = f"ft-dcc {program}@{socket.gethostname()}"
    redirect_url = f"http://localhost:{listener.server_address[1]}/{listener.secret}"
    parameters = f"redirect_url={quote(redirect_url, safe='')}&identifier={quote(identifier, safe='')}"
    return f"{server.rstrip('/')}/user/api_credentials?{parameters}", listener.wait


class _RedirectHandler(http.server.BaseHTTPRequestHandler):
    """Receives the redirect from the server's login page."""

    server: _Listener
    # Browsers open connections in advance, and send nothing on some of them.
    timeout = 5.0

    def do_GET(self) -> None:
        address, listener = urlsplit(self.path), self.server
        fields = {name: values[0] for name, values in parse_qs(address.query).items()}
        is_valid = address.path == f"/{listener.secret}" and fields.get("api_user") and fields.get("api_key")
        self.send_response(200 if is_valid else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        if is_valid:
            listener.account = credentials.Account(listener.site, fields["api_user"], fields["api_key"])
            self.wfile.write(_PAGE.format(program=listener.program).encode("utf-8"))

    def log_message(self, format: str, *arguments: object) -> None:
        """Log nothing: the line would contain the key."""


# Not an HTTPServer: its lookup of the local host name can take seconds.
class _Listener(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """A local port that is open until the login is complete; an idle connection does not delay others."""

    timeout = 0.2
    daemon_threads, block_on_close = True, False

    def __init__(self, site: str, program: str) -> None:
        super().__init__(("127.0.0.1", 0), _RedirectHandler)
        self.site, self.program = site, program
        # Unknown to other web pages, so that they cannot sign the artist in to another account.
        self.secret = secrets.token_urlsafe(16)
        self.account: credentials.Account | None = None

    def wait(self, is_cancelled: Callable[[], bool]) -> credentials.Account:
        """Return the account after the login; raises what ``start_browser_login`` says."""
        import requests

        from ft_dcc.system.http_sessions import new_http_session

        deadline = time.monotonic() + _LOGIN_TIMEOUT_SECONDS
        with self:
            try:
                # The browser shows all errors of a server that accepts connections.
                with (
                    contextlib.suppress(
                        requests.exceptions.SSLError, requests.exceptions.ProxyError, requests.ReadTimeout
                    ),
                    new_http_session() as session,
                ):
                    session.head(self.site, timeout=_CONNECT_TIMEOUT_SECONDS, allow_redirects=False)
            except requests.RequestException as error:
                raise ServerUnreachable(
                    f"{self.site} cannot be reached. Check the address and the connection, and sign in again."
                ) from error
            while self.account is None:
                if is_cancelled():
                    raise Cancelled("Signing in was cancelled.")
                if time.monotonic() > deadline:
                    raise AuthenticationError(
                        "The login was not completed within five minutes. Try again, or sign in with an API key."
                    )
                self.handle_request()
        return self.account
