"""The event server as a hub sees it: how one gets in, and a socket to it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import requests
import websocket
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from ft_dcc.errors import EventHubConnectionError

_HANDSHAKE_TIMEOUT = (10, 30)
# A server sends a heartbeat every few seconds. A laptop that slept finds out by the silence.
_SILENCE = 60


class Socket:
    """An open WebSocket that one thread receives from and any thread may send to."""

    def __init__(self, socket: websocket.WebSocket) -> None:
        self._socket = socket

    def send(self, text: str) -> None:
        """Send one packet; raises EventHubConnectionError."""
        try:
            self._socket.send(text)
        except (OSError, websocket.WebSocketException) as error:
            raise EventHubConnectionError(f"The event server does not take what is sent: {error}.") from error

    def receive(self) -> str:
        """Return the next packet; raises EventHubConnectionError when there will be none."""
        try:
            code, data = self._socket.recv_data()
            if code == websocket.ABNF.OPCODE_TEXT:
                return str(data, "utf-8")
        except (OSError, websocket.WebSocketException, UnicodeDecodeError) as error:
            raise EventHubConnectionError(f"The event server says nothing any more: {error}.") from error
        raise EventHubConnectionError("The event server closed the connection.")

    def send_close(self) -> None:
        """Say that nothing more will be sent; the server answers when it has read everything."""
        try:
            self._socket.send_close()
        except (OSError, websocket.WebSocketException) as error:
            raise EventHubConnectionError(f"The event server was gone before we took leave: {error}.") from error

    def interrupt(self) -> None:
        """Make the thread that receives stop."""
        self._socket.abort()  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Let go of the connection."""
        self._socket.shutdown()  # type: ignore[no-untyped-call]


@attrs.frozen
class EventServer:
    """Where the event server is, and what it wants to see: credentials first, then headers and cookies of a studio."""

    url: str
    credentials: Mapping[str, str] = attrs.field(repr=False)
    headers: Mapping[str, str] = attrs.field(repr=False)
    cookies: Mapping[str, str] = attrs.field(repr=False)

    def connect(self) -> Socket:
        """Return an open socket; raises EventHubConnectionError."""
        identifier = self._shake_hands()
        scheme, location = self.url.split("://", 1)
        try:
            socket = websocket.create_connection(
                f"{'wss' if scheme == 'https' else 'ws'}://{location}/socket.io/1/websocket/{identifier}",
                timeout=_SILENCE,
                sslopt=_trusted(),
                # receive() decodes strictly, forty times faster than the library looks at each byte.
                skip_utf8_validation=True,
                header=dict(self.headers),
                cookie="; ".join(f"{name}={value}" for name, value in self.cookies.items()) or None,
            )
        except (OSError, websocket.WebSocketException, ValueError) as error:
            # The address of the socket is a secret, and what websocket says may have it.
            raise EventHubConnectionError(
                f"The event server at {self.url} does not open a WebSocket: {type(error).__name__}. "
                "Check that proxies between here and there let it pass."
            ) from None
        return Socket(socket)

    def _shake_hands(self) -> str:
        """Return the name that the server has given to the connection that is wanted."""
        try:
            response = requests.get(
                f"{self.url}/socket.io/1/",
                headers={**self.headers, **self.credentials},
                cookies=dict(self.cookies),
                timeout=_HANDSHAKE_TIMEOUT,
                # The key is not for whoever an address leads to.
                allow_redirects=False,
            )
        except requests.exceptions.SSLError as error:
            raise EventHubConnectionError(
                f"The certificate of {self.url} is not trusted here. Name the one that signed it in REQUESTS_CA_BUNDLE."
            ) from error
        except requests.RequestException as error:
            raise EventHubConnectionError(
                f"No event server answers at {self.url}: {type(error).__name__}. Check FTRACK_SERVER and the network."
            ) from error
        if response.status_code != 200:
            raise EventHubConnectionError(
                f"The event server at {self.url} answered {response.status_code}. Check address, user and key.",
                {"status": response.status_code},
            )
        parts = response.text.split(":")
        if len(parts) < 4 or "websocket" not in parts[3].split(","):
            raise EventHubConnectionError(f"The server at {self.url} has no event hub that speaks WebSocket.")
        return parts[0]


def _trusted() -> dict[str, Any]:
    """Return the certificates that requests trusts: both connections believe the same."""
    bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or DEFAULT_CA_BUNDLE_PATH
    return {"ca_cert_path" if Path(bundle).is_dir() else "ca_certs": bundle}
