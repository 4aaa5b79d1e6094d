"""The address that the server listens at, and whether its traffic is protected."""

from __future__ import annotations

import ipaddress
import logging
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from ft_dcc.errors import SettingInvalid

_log = logging.getLogger(__name__)

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104  compared with, not listened at


@attrs.frozen
class BindAddress:
    """An address to listen at; with a certificate (PEM files) the server speaks HTTPS.

    Port 0 is any free one. ``is_plain_allowed`` is for a trusted network, or behind a proxy that does HTTPS.
    """

    host: str
    port: int
    certificate: Path | None = None
    private_key: Path | None = None
    is_plain_allowed: bool = False

    def url(self, port: int) -> str:
        """Return the server's URL for programs on this machine."""
        name = _ANY.get(self.host, self.host)
        scheme = "http" if self.certificate is None else "https"
        return f"{scheme}://[{name}]:{port}" if ":" in name else f"{scheme}://{name}:{port}"

    @contextmanager
    def listening(self) -> Iterator[socket.socket]:
        """Yield a listening socket; raises SettingInvalid when the address or the certificate cannot be used."""
        self._check_certificate()
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        try:
            listener = socket.create_server((self.host, self.port), family=family, backlog=1024)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise SettingInvalid(
                f"The server cannot listen at {self.host}, port {self.port}: {reason}. Choose another."
            ) from error
        with listener:
            # asyncio does this for its own sockets; without it a response waits 40 ms for the client's ACK.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._check_privacy(str(listener.getsockname()[0]))
            yield listener

    def _check_certificate(self) -> None:
        if self.certificate is None:
            if self.private_key is not None:
                raise SettingInvalid("A private key needs its certificate. Name both files, or neither.")
            return
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(self.certificate, self.private_key)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise SettingInvalid(
                f"The certificate {self.certificate} cannot be used: {reason}. Name PEM files that belong together."
            ) from error

    def _check_privacy(self, address: str) -> None:
        if self.certificate is not None or ipaddress.ip_address(address).is_loopback:
            return
        if self.is_plain_allowed:
            _log.warning(
                "Plain HTTP at %s: API keys can be read on the network. Name a certificate, or use a proxy.",
                self.host,
            )
            return
        raise SettingInvalid(
            f"At {self.host}, other machines can reach the server, and without HTTPS others can read the API keys. "
            "Name a certificate, or allow plain HTTP."
        )
