"""The handshake with the event server, and the WebSocket to it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import requests
import websocket
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from ft_dcc.errors import EventHubConnectionError
from ft_dcc.session.transport.http import tls_failure
from ft_dcc.system import http_sessions

_HANDSHAKE_TIMEOUT_SECONDS = (10, 30)
# The server sends a heartbeat every few seconds; without one the connection is lost.
_RECEIVE_TIMEOUT_SECONDS = 60


class Socket:
    """An open WebSocket that one thread receives from and any thread may send to."""

    def __init__(self, socket: websocket.WebSocket) -> None:
        self._socket = socket

    def send(self, text: str) -> None:
        """Send one packet; raises EventHubConnectionError."""
        try:
            self._socket.send(text)
        except (OSError, websocket.WebSocketException) as error:
            raise EventHubConnectionError(f"Sending to the event server failed: {error}.") from error

    def receive(self) -> str:
        """Return the next packet; raises EventHubConnectionError when the connection ends."""
        try:
            code, data = self._socket.recv_data()
            if code == websocket.ABNF.OPCODE_TEXT:
                return str(data, "utf-8")
        except (OSError, websocket.WebSocketException, UnicodeDecodeError) as error:
            raise EventHubConnectionError(f"Receiving from the event server failed: {error}.") from error
        raise EventHubConnectionError("The event server closed the connection.")

    def send_close(self) -> None:
        """Send the closing frame; the server replies after it has read all packets."""
        try:
            self._socket.send_close()
        except (OSError, websocket.WebSocketException) as error:
            raise EventHubConnectionError(f"The connection was lost before it was closed: {error}.") from error

    def interrupt(self) -> None:
        """Stop the receiving thread."""
        self._socket.abort()  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Close the connection."""
        self._socket.shutdown()  # type: ignore[no-untyped-call]


def connect(url: str, credentials: Mapping[str, str], headers: Mapping[str, str], cookies: Mapping[str, str]) -> Socket:
    """Return an open socket of the event server, with a studio's headers; raises EventHubConnectionError."""
    identifier = _handshake(url, {**headers, **credentials}, cookies)
    scheme, location = url.split("://", 1)
    # The certificates that requests trusts.
    bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or DEFAULT_CA_BUNDLE_PATH
    try:
        socket = websocket.create_connection(
            f"{'wss' if scheme == 'https' else 'ws'}://{location}/socket.io/1/websocket/{identifier}",
            timeout=_RECEIVE_TIMEOUT_SECONDS,
            sslopt={"ca_cert_path" if Path(bundle).is_dir() else "ca_certs": bundle},
            # receive() decodes strictly, which is forty times as fast as the library's validation.
            skip_utf8_validation=True,
            header=dict(headers),
            http_no_proxy=[urlsplit(url).hostname] if http_sessions.is_loopback(url) else None,
            cookie="; ".join(f"{name}={value}" for name, value in cookies.items()) or None,
        )
    except (OSError, websocket.WebSocketException, ValueError) as error:
        # The address of the socket is a secret that websocket's message can contain.
        raise EventHubConnectionError(
            f"The event server at {url} did not open a WebSocket: {type(error).__name__}. "
            "Check that proxies allow WebSockets."
        ) from None
    return Socket(socket)


def _handshake(url: str, headers: Mapping[str, str], cookies: Mapping[str, str]) -> str:
    """Return the server's one-time id for the new connection."""
    try:
        response = http_sessions.get(
            f"{url}/socket.io/1/",
            headers=headers,
            cookies=dict(cookies),
            timeout=_HANDSHAKE_TIMEOUT_SECONDS,
            # A redirect must not get the key.
            allow_redirects=False,
        )
    except requests.exceptions.SSLError as error:
        raise EventHubConnectionError(tls_failure(url, error)) from error
    except requests.RequestException as error:
        raise EventHubConnectionError(
            f"The event server at {url} cannot be reached: {type(error).__name__}. Check FTRACK_SERVER and the network."
        ) from error
    if response.status_code != 200:
        raise EventHubConnectionError(
            f"The event server at {url} returned status {response.status_code}. Check address, user and key.",
            {"status": response.status_code},
        )
    parts = response.text.split(":")
    if len(parts) < 4 or "websocket" not in parts[3].split(","):
        raise EventHubConnectionError(f"The server at {url} has no event hub with WebSockets.")
    return parts[0]
