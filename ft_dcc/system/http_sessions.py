"""Sessions of requests that reach this machine without a proxy."""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter


def new_http_session() -> requests.Session:
    """Return a session that uses the proxies of the system, except for addresses of this machine."""
    # The exception "<local>" of Windows, and an environment without NO_PROXY, send these to the proxy, too, which
    # cannot reach this machine.
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, _DirectOnLoopback())
    return session


def get(url: str, **options: Any) -> requests.Response:
    """Return the response to one GET of a new session; raises requests.RequestException."""
    with new_http_session() as session:
        return session.get(url, **options)


def is_loopback(url: str) -> bool:
    """Return whether the address is one of this machine.

    >>> is_loopback("http://127.0.0.1:8080/api"), is_loopback("http://[::1]/"), is_loopback("http://127.0.0.1.example.com")
    (True, True, False)
    """
    host = (urlsplit(url).hostname or "").rstrip(".")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


class _DirectOnLoopback(HTTPAdapter):
    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """Send the request, with the proxies only if it leaves this machine."""
        if is_loopback(request.url or ""):
            options["proxies"] = None
        return super().send(request, *args, **options)
