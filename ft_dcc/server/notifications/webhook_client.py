"""Send one request to a webhook: no redirects, no private addresses, and a limit for its whole duration."""

from __future__ import annotations

import http.client
import ipaddress
import os
import socket
import ssl
import threading
from collections.abc import Iterable, Mapping
from typing import Union
from urllib.parse import SplitResult, urlsplit

import attrs

from ft_dcc.errors import SettingInvalid
from ft_dcc.server.errors import ValidationError

_NETWORKS = "FT_DCC_WEBHOOK_NETWORKS"
_CONNECT_TIMEOUT_SECONDS, _MAX_REQUEST_SECONDS = 10.0, 20.0
_MAX_RETRY_AFTER_SECONDS = 3600.0

_Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


class DeliveryFailed(Exception):
    """A webhook did not accept a message; the text names the host only, because the rest of its URL is secret."""

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


def read_allowed_networks(environment: Mapping[str, str] = os.environ) -> tuple[_Network, ...]:
    """Return the private networks that webhooks may be in, by default none; raises SettingInvalid."""
    try:
        return tuple(map(ipaddress.ip_network, environment.get(_NETWORKS, "").replace(",", " ").split()))
    except ValueError as error:
        raise SettingInvalid(
            f"{_NETWORKS}: {error}. Write networks such as 10.0.0.0/8, with spaces between."
        ) from error


def parse_url(text: str) -> SplitResult:
    """Return the parts of a webhook's URL; raises ValidationError for one without a host, or with a login in it."""
    try:
        url = urlsplit(text)
        is_valid = url.scheme in ("http", "https") and url.hostname and (url.port is None or url.port > 0)
    except ValueError:
        is_valid = False
    if not is_valid or "@" in url.netloc or not text.isascii() or not text.isprintable() or " " in text:
        raise ValidationError("The address of a webhook is a URL that begins with https:// and has no login in it.")
    return url


@attrs.frozen
class WebhookClient:
    """Posts to public addresses over HTTPS, and to the allowed networks over HTTP, too."""

    allowed_networks: tuple[_Network, ...] = ()
    # For tests, which trust a certificate of their own.
    tls: ssl.SSLContext = attrs.field(factory=ssl.create_default_context, repr=False)

    def check(self, text: str) -> None:
        """Raise ValidationError for a URL that is invalid, or whose address is written in it and not allowed.

        Names are resolved when a message is sent: that can take long, and names change.
        """
        url = parse_url(text)
        try:
            ipaddress.ip_address(str(url.hostname))
        except ValueError:
            return
        try:
            self._resolve(url)
        except DeliveryFailed as error:
            raise ValidationError(str(error)) from error

    def post(self, text: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Send the body; raises DeliveryFailed unless the answer has a status from 200 to 299."""
        url = parse_url(text)
        address, port = self._resolve(url)
        host, path = str(url.hostname), f"{url.path or '/'}{f'?{url.query}' if url.query else ''}"
        connection: http.client.HTTPConnection = _PinnedHTTP(host, port, timeout=_CONNECT_TIMEOUT_SECONDS)
        if url.scheme == "https":
            connection = _PinnedHTTPS(host, port, timeout=_CONNECT_TIMEOUT_SECONDS, context=self.tls)
        connection.address = address  # type: ignore[attr-defined]
        # A receiver that sends a byte now and then would never reach the time-out of the socket.
        timer = threading.Timer(_MAX_REQUEST_SECONDS, _shut_down, (connection,))
        timer.daemon = True
        timer.start()
        try:
            connection.request("POST", path, body, {**headers, "User-Agent": "ft-dcc", "Connection": "close"})
            response = connection.getresponse()
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise DeliveryFailed(f"{host} did not answer ({type(error).__name__}).") from None
        finally:
            timer.cancel()
            connection.close()
        if not 200 <= response.status < 300:
            pause = response.getheader("Retry-After") or ""
            seconds = min(float(pause), _MAX_RETRY_AFTER_SECONDS) if pause.isascii() and pause.isdigit() else 0.0
            raise DeliveryFailed(f"{host} answered with status {response.status}.", seconds)

    def _resolve(self, url: SplitResult) -> tuple[str, int]:
        """Return an address of the host that may be sent to; the connection uses it, whatever its name means then."""
        host, port = str(url.hostname), url.port or (443 if url.scheme == "https" else 80)
        try:
            found = [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        except (OSError, UnicodeError) as error:
            raise DeliveryFailed(f"{host} has no address. Check the name.") from error
        for text in found:
            address = ipaddress.ip_address(text.partition("%")[0])
            mapped = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None) or address
            is_public = mapped.is_global and not mapped.is_multicast and not _contains(_NEVER_PUBLIC, mapped)
            if not _contains(self.allowed_networks, mapped) and not (is_public and url.scheme == "https"):
                raise DeliveryFailed(
                    f"{host} is in a private network, or has no https://. The administrator can allow its network with "
                    f"{_NETWORKS}."
                )
        return found[0], port


_NEVER_PUBLIC = tuple(
    map(
        ipaddress.ip_network,
        (
            # Gateways translate these IPv6 addresses into IPv4 addresses of any network.
            *("64:ff9b::/96", "64:ff9b:1::/48", "::ffff:0:0:0/96", "::/96"),
            # Special networks of the IANA registries that ``is_global`` of some releases of Python does not know.
            *("192.0.0.0/24", "192.88.99.0/24", "fec0::/10", "2001::/23", "5f00::/16"),
            # The metadata service of Azure; those of other clouds are in private networks.
            "168.63.129.16/32",
        ),
    )
)


def _contains(networks: Iterable[_Network], address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return any(address.version == network.version and address in network for network in networks)


class _PinnedHTTP(http.client.HTTPConnection):
    """A connection to one address, with the host's name in the request."""

    address = ""

    def connect(self) -> None:
        self.sock = socket.create_connection((self.address, self.port), self.timeout)


class _PinnedHTTPS(_PinnedHTTP):
    """The same with TLS, for which the host's name must be in the certificate."""

    default_port = 443

    def __init__(self, host: str, port: int, *, timeout: float, context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=timeout)
        self._context = context

    def connect(self) -> None:
        super().connect()
        self.sock = self._context.wrap_socket(self.sock, server_hostname=self.host)


def _shut_down(connection: http.client.HTTPConnection) -> None:
    if connection.sock is not None:
        try:
            connection.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # The other side has closed it.
