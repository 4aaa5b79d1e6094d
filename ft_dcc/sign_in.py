"""Who is to be signed in, and how somebody signs in on the server's own page.

The page sends the browser back to a port of this computer, with user and key.
"""

from __future__ import annotations

import http.server
import secrets
import socket
import socketserver
import time
from typing import Callable
from urllib.parse import parse_qs, quote, urlsplit

from ft_dcc import local_studio
from ft_dcc.config import Settings, read_settings
from ft_dcc.credentials import Account, last_signed_in, recall
from ft_dcc.errors import AuthenticationError, Cancelled, ExtraMissing

_PATIENCE = 300.0
_PAGE = "<!doctype html><title>ft-dcc</title><p>You are signed in. Go back to {program}; this page can be closed."


def find_account(settings: Settings | None = None) -> Account | None:
    """Return whom the settings name, else who signed in last, else the owner of a studio on this machine, which runs.

    None when somebody has to sign in first. Raises SettingInvalid, ServerUnreachable and DiskUnusable.
    """
    settings = read_settings() if settings is None else settings
    server, user, key = settings.get("server"), settings.get("user"), settings.get("key")
    if server and user and key:
        return Account(server, user, key)
    last = last_signed_in()
    if last is not None and server in (None, last[0]) and user in (None, last[1]):
        server, user = last
    if server is not None:
        return recall(server, user) if user else None
    try:
        return local_studio.account(settings)
    except ExtraMissing:
        return None


def require_account() -> Account:
    """Return whom find_account finds, in a program with a menu of ours; raises AuthenticationError where nobody is."""
    known = find_account()
    if known is None:
        raise AuthenticationError("Nobody is signed in. Sign in with the menu: ft-dcc, Publish for review…")
    return known


def begin_in_browser(server: str, program: str) -> tuple[str, Callable[[Callable[[], bool]], Account]]:
    """Return the address to open, and the function that waits for the account, for a program as people write it.

    The function takes what says whether it is to give up; it raises AuthenticationError when nobody signs in within
    five minutes, and Cancelled.
    """
    listener = _Listener(server, program)
    # A server gives whoever comes again under the same name a new key for the old one.
    named = f"ft-dcc {program}@{socket.gethostname()}"
    asked = f"redirect_url={quote(listener.address, safe='')}&identifier={quote(named, safe='')}"
    return f"{server.rstrip('/')}/user/api_credentials?{asked}", listener.wait


class _Return(http.server.BaseHTTPRequestHandler):
    """The browser comes back from the server's page."""

    server: _Listener

    def do_GET(self) -> None:
        address, listener = urlsplit(self.path), self.server
        fields = {name: values[0] for name, values in parse_qs(address.query).items()}
        is_ours = address.path == f"/{listener.word}" and fields.get("api_user") and fields.get("api_key")
        self.send_response(200 if is_ours else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        if is_ours:
            listener.found = Account(listener.site, fields["api_user"], fields["api_key"])
            self.wfile.write(_PAGE.format(program=listener.program).encode("utf-8"))

    def log_message(self, format: str, *arguments: object) -> None:
        """The line would have the key in it."""


# An HTTPServer would ask the network for this computer's name, for which some wait for seconds.
class _Listener(socketserver.TCPServer):
    """A port of this computer that is open until somebody has signed in."""

    timeout = 0.2

    def __init__(self, site: str, program: str) -> None:
        super().__init__(("127.0.0.1", 0), _Return)
        self.site, self.program = site, program
        # Only who was sent from our own page knows it: another page cannot sign the artist in as somebody else.
        self.word = secrets.token_urlsafe(16)
        self.found: Account | None = None

    @property
    def address(self) -> str:
        """Where the browser is to come back to."""
        return f"http://localhost:{self.server_address[1]}/{self.word}"

    def wait(self, is_cancelled: Callable[[], bool]) -> Account:
        """Return who has signed in; raises AuthenticationError after five minutes, and Cancelled."""
        until = time.monotonic() + _PATIENCE
        with self:
            while self.found is None:
                if is_cancelled():
                    raise Cancelled("Signing in was cancelled.")
                if time.monotonic() > until:
                    raise AuthenticationError("Nobody signed in on the page. Try again, or sign in with an API key.")
                self.handle_request()
        return self.found
