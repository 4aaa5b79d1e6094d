"""One POST: who sends it, how long it may take, what is tried again, and what an answer that is an error means."""

from __future__ import annotations

import json
import logging
import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3.exceptions
from requests.auth import AuthBase

from ft_dcc.errors import (
    AuthenticationError,
    ConnectionClosedError,
    Error,
    PermissionDeniedError,
    ServerCompatibilityError,
    ServerError,
    ServerUnreachable,
)
from ft_dcc.session.background import attended, rest
from ft_dcc.session.codec import dumps

_log = logging.getLogger(__name__)

# Seconds before the second, third … attempt; up to half of it is added so that a farm does not knock in step.
_PAUSES = (0.25, 0.5, 1.0, 2.0)
_LONGEST_PAUSE = 30.0
_CONNECT_TIMEOUT = 10.0
_BLOCK = 256 * 1024
_BUSY = frozenset({429, 502, 503, 504})
# How often the time-out an answer may take as a whole, so that one that comes by drops ends, too.
_PATIENCE = 10
_ID = re.compile(r"[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}")
_READING = frozenset(
    {"query", "search", "query_server_information", "query_schemas", "permissions", "get_upload_metadata"}
)
_WRITING = frozenset({"create", "update", "delete"})


class SessionAuthentication(AuthBase):
    """Tells the server who sends a request."""

    def __init__(self, api_key: str, api_user: str) -> None:
        self._api_key = api_key
        self._api_user = api_user

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Return the request with both headers."""
        request.headers["ftrack-api-key"] = self._api_key
        request.headers["ftrack-user"] = self._api_user
        return request


class _Failed(Exception):
    """An attempt that can be made again; ``may_have_arrived`` when the server may have done what it was asked for."""

    def __init__(self, error: Error, *, may_have_arrived: bool, retry_after: float | None = None) -> None:
        super().__init__(str(error))
        self.error, self.may_have_arrived, self.retry_after = error, may_have_arrived, retry_after


class Wire:
    """The connection to one server as one user; threads share it."""

    def __init__(
        self,
        server_url: str,
        api_key: str,
        api_user: str,
        *,
        timeout: float = 60,
        cookies: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        strict_api: bool = False,
    ) -> None:
        self.server_url = server_url
        self.set_timeout(timeout)
        # Whether the server looked for the credentials of a download in its address, and not in the headers.
        self.is_identified_by_address = False
        self._requests: requests.Session | None = requests.Session()
        self._requests.auth = SessionAuthentication(api_key, api_user)
        self._requests.cookies.update(dict(cookies or {}))
        self._requests.headers.update(
            {
                **(headers or {}),
                "Accept": "application/json",
                "Content-Type": "application/json",
                "ftrack-strict-api": "true" if strict_api else "false",
            }
        )

    def set_timeout(self, seconds: float) -> None:
        """The server may be silent for so long; it must be reached sooner."""
        self.timeout = (min(seconds, _CONNECT_TIMEOUT), seconds)

    @property
    def http(self) -> requests.Session:
        """The connection pool; raises ConnectionClosedError after close()."""
        if self._requests is None:
            raise ConnectionClosedError(f"The session on {self.server_url} was closed. Open a new one.")
        return self._requests

    @property
    def is_closed(self) -> bool:
        """Whether close() was called."""
        return self._requests is None

    def close(self) -> None:
        """Let the connections go. Safe to call twice."""
        if self._requests is not None:
            self._requests.close()
            self._requests = None

    def post(self, operations: Sequence[Any], recover: Callable[[], bytes | None] | None = None) -> bytes:
        """Return the server's answer to these operations, which it does all or none of.

        Questions are asked again when the line or the server fails. Changes are sent again after ``recover()`` said
        None: that they have not arrived. Anything else is sent again only when it cannot have arrived.

        Raises ServerUnreachable, AuthenticationError, PermissionDeniedError, ServerError, ConnectionClosedError.
        """
        body = dumps(operations)
        actions = {each.get("action") for each in operations if isinstance(each, Mapping)}
        is_question = actions <= _READING
        is_change = actions <= _READING | _WRITING and recover is not None
        may_have_arrived = False
        for pause in (*_PAUSES, None):
            try:
                return attended(partial(self._send, body, operations))
            except _Failed as failure:
                may_have_arrived |= failure.may_have_arrived
                if pause is None or (may_have_arrived and not (is_question or is_change)):
                    raise failure.error from failure.__cause__
                wait(pause, failure.retry_after)
            except ServerError:
                # A second attempt may fail just because the first one arrived.
                answer = recover() if may_have_arrived and is_change and recover is not None else None
                if answer is None:
                    raise
                return answer
            if may_have_arrived and is_change and recover is not None and (answer := recover()) is not None:
                return answer
        raise AssertionError("the last attempt returns or raises")

    def put(self, url: str, body: Any, headers: Mapping[str, str]) -> requests.Response:
        """Return the answer of a storage to one PUT at a signed address.

        It carries nothing of this session, and no password of a .netrc file either: the address may be another
        server's, and says all. Raises requests.RequestException.
        """
        given = {name: value for name, value in headers.items() if name.lower() != "content-length"}
        with requests.Session() as storage:
            return storage.put(url, data=body, headers=given, timeout=self.timeout, auth=lambda request: request)

    def _send(self, body: bytes, operations: Sequence[Any]) -> bytes:
        try:
            # A redirect would turn the POST into a GET, and its answer into nonsense.
            response = self.http.post(
                f"{self.server_url}/api", data=body, timeout=self.timeout, allow_redirects=False, stream=True
            )
            content = _read(response, time.monotonic() + _PATIENCE * self.timeout[1])
        except requests.RequestException as error:
            failed = _Failed(unreachable(self.server_url, error), may_have_arrived=not was_never_sent(error))
            raise failed from error
        if response.status_code < 300 and content[:1] == b"[":
            return content
        raise _meaning(self.server_url, response, content, operations)


def _read(response: requests.Response, deadline: float) -> bytes:
    """Return the body; what the line does to it is told as requests tells it."""
    # An older urllib3 has only read(), which waits for a whole block however slowly its bytes drop in.
    read = getattr(response.raw, "read1", response.raw.read)
    blocks = []
    with response:
        try:
            while block := read(_BLOCK, decode_content=True):
                blocks.append(block)
                if time.monotonic() > deadline:
                    raise requests.ReadTimeout("the answer does not end")
        except urllib3.exceptions.TimeoutError as error:
            raise requests.ReadTimeout(error) from error
        except urllib3.exceptions.HTTPError as error:
            raise requests.ConnectionError(error) from error
    return b"".join(blocks)


def wait(pause: float, retry_after: float | None = None) -> None:
    """Wait as long as the server asked for, or the pause and a bit of chance."""
    rest(pause * random.uniform(1, 1.5) if retry_after is None else min(retry_after, _LONGEST_PAUSE))  # noqa: S311


def was_never_sent(error: requests.RequestException) -> bool:
    """Whether no connection was made, so that the server cannot have seen anything."""
    if isinstance(error, (requests.ConnectTimeout, requests.exceptions.SSLError, requests.exceptions.ProxyError)):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError))


def unreachable(server_url: str, error: requests.RequestException) -> ServerUnreachable:
    """Return the error that says why nobody answered; it never holds a signed address."""
    if isinstance(error, requests.exceptions.SSLError):
        return ServerUnreachable(
            f"{server_url} has a certificate that is not trusted here. Set REQUESTS_CA_BUNDLE to the studio's own."
        )
    if isinstance(error, requests.Timeout):
        return ServerUnreachable(
            f"{server_url} did not answer in time. Check the connection, or give a longer timeout."
        )
    if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema)):
        return ServerUnreachable(f"{server_url!r} is not a server's address. Write it as https://studio.example.com.")
    return ServerUnreachable(f"Nobody answers at {server_url}. Check the address and the connection.")


def is_busy(response: requests.Response) -> bool:
    """Whether the same request may succeed a little later."""
    return response.status_code in _BUSY


def retry_after(response: requests.Response) -> float | None:
    """Return the seconds that the server asked to wait, or None when it said nothing usable."""
    text = response.headers.get("Retry-After", "").strip()
    return float(text) if text.isdigit() else None


def _meaning(
    server_url: str, response: requests.Response, content: bytes, operations: Sequence[Any]
) -> Error | _Failed:
    """Return the error that an answer stands for which is no list of results."""
    status = response.status_code
    try:
        answer = json.loads(content)
    except ValueError:
        answer = None
    if isinstance(answer, dict) and "exception" in answer:
        error = server_error(answer, operations)
    elif 300 <= status < 400:
        target = urlsplit(response.headers.get("Location", ""))
        error = ServerError(
            f"{server_url} sends its visitors to {target.scheme}://{target.netloc}. Use that as the server's address."
        )
    elif status == 401:
        return AuthenticationError(
            f"{server_url} does not know this user or key. Check FTRACK_API_USER and FTRACK_API_KEY."
        )
    else:
        error = ServerError(
            f"{server_url} answered {status} and nothing that ftrack would say. Is it an ftrack server?"
        )
    if is_busy(response):
        return _Failed(error, may_have_arrived=status != 429, retry_after=retry_after(response))
    return error


def server_error(answer: Mapping[str, Any], operations: Sequence[Any] = ()) -> ServerError:
    """Return the error for what a server reports: its class, text and code, and the operation when it is known."""
    error_class, content = str(answer.get("exception")), str(answer.get("content") or "")
    code = answer.get("error_code")
    message = f"Server reported error: {error_class}({content})"
    if code == "api_credentials_invalid" or error_class in (
        "InvalidCredentials",
        "InvalidCredentialsError",
        "FTAuthenticationError",
    ):
        return AuthenticationError(
            f"The server refused the user or the key, see FTRACK_API_USER and FTRACK_API_KEY. It says: {content}",
            details={"error_class": error_class, "error_code": code},
            error_class=error_class,
            error_code=code,
        )
    kind = ServerError
    if error_class in ("PermissionError", "Forbidden"):
        kind = PermissionDeniedError
    elif "Invalid action u'" in content:
        kind = ServerCompatibilityError
    return kind(
        message,
        {"error": answer.get("error")},
        error_class=error_class,
        error_code=code,
        operation=_culprit(answer, operations),
    )


def _culprit(answer: Mapping[str, Any], operations: Sequence[Any]) -> dict[str, Any] | None:
    """Return the operation that caused the error: the only one, the one it names, or the only one with an id in it."""
    if len(operations) == 1:
        return dict(operations[0])
    error = answer.get("error")
    place = error.get("operation") if isinstance(error, Mapping) else None
    if isinstance(place, int) and 0 <= place < len(operations):
        return dict(operations[place])
    ids = set(_ID.findall(str(answer.get("content"))))
    named = [each for each in operations if ids.intersection(_ID.findall(dumps(each).decode()))]
    return dict(named[0]) if len(named) == 1 else None
