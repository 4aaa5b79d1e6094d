"""The HTTP transport: authentication, time-outs, retries, and the errors that responses stand for."""

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
from uuid import uuid4

import requests
import urllib3.exceptions
from requests.auth import AuthBase

from ft_dcc import errors
from ft_dcc.session.transport import cancellation, codec
from ft_dcc.system.http_sessions import new_http_session

_log = logging.getLogger(__name__)
# Independent of the global generator, which host scripts may have seeded.
_random = random.SystemRandom()

# Seconds before the second, third … attempt; up to half is added so that the machines of a farm do not retry at once.
_RETRY_DELAYS_SECONDS = (0.25, 0.5, 1.0, 2.0)
_MAX_RETRY_AFTER_SECONDS = 30.0
_MAX_CONNECT_TIMEOUT_SECONDS = 10.0
_BLOCK_SIZE = 256 * 1024
_BUSY_STATUSES = frozenset({429, 502, 503, 504})
# A whole response may take this many time-outs, so that one that arrives drop by drop ends, too.
_MAX_TIMEOUTS_PER_RESPONSE = 10
# A studio server returns it in its answer to the request.
_REQUEST_ID = "ft-dcc-request"
_ID = re.compile(r"[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}")
_READ_ACTIONS = frozenset(
    {"query", "search", "query_server_information", "query_schemas", "permissions", "get_upload_metadata"}
)
_CHANGE_ACTIONS = frozenset({"create", "update", "delete"})
_AUTHENTICATION_ERROR_CLASSES = ("InvalidCredentials", "InvalidCredentialsError", "FTAuthenticationError")
# Errors of requests without a connection, and reasons of others, which come from urllib3.
_CONNECTION_ERRORS = (requests.ConnectTimeout, requests.exceptions.SSLError, requests.exceptions.ProxyError)
_CONNECTION_REASONS = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)


class SessionAuthentication(AuthBase):
    """The authentication headers of requests."""

    def __init__(self, api_key: str, api_user: str) -> None:
        self._api_key = api_key
        self._api_user = api_user

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Return the request with the headers for user and key."""
        request.headers["ftrack-api-key"] = self._api_key
        request.headers["ftrack-user"] = self._api_user
        return request


class _Failed(Exception):
    """A failed attempt that can be repeated; ``may_have_arrived`` if the server may have executed the request."""

    def __init__(self, error: errors.Error, *, may_have_arrived: bool, retry_after: float | None = None) -> None:
        super().__init__(str(error))
        self.error, self.may_have_arrived, self.retry_after = error, may_have_arrived, retry_after


class Transport:
    """The HTTP connections to one server as one user; threads share it."""

    def __init__(
        self,
        server_url: str,
        api_key: str,
        api_user: str,
        timeout: float = 60,
        cookies: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        strict_api: bool = False,
    ) -> None:
        self.server_url = server_url
        self.set_timeout(timeout)
        # Whether the server reads the credentials of downloads from the address instead of the headers.
        self.sends_credentials_in_address = False
        self._requests: requests.Session | None = new_http_session()
        self._requests.auth = SessionAuthentication(api_key, api_user)
        self._requests.cookies.update(dict(cookies or {}))
        self._requests.headers.update(headers or {})
        self._requests.headers.update({"Accept": "application/json", "Content-Type": "application/json"})
        self._requests.headers["ftrack-strict-api"] = "true" if strict_api else "false"

    def set_timeout(self, seconds: float) -> None:
        """Set the time-out of responses; that of connections is at most 10 seconds."""
        self.timeout = (min(seconds, _MAX_CONNECT_TIMEOUT_SECONDS), seconds)

    @property
    def http(self) -> requests.Session:
        """The connection pool; raises ConnectionClosedError after close()."""
        if self._requests is None:
            raise errors.ConnectionClosedError(f"The session on {self.server_url} is closed. Open a new one.")
        return self._requests

    @property
    def is_closed(self) -> bool:
        """Whether close() was called."""
        return self._requests is None

    def close(self) -> None:
        """Close the connections. Safe to call twice."""
        if self._requests is not None:
            self._requests.close()
            self._requests = None

    def post(self, operations: Sequence[Any], recover: Callable[[Sequence[Any]], bytes | None] | None = None) -> bytes:
        """Send the operations as one transaction and return the response.

        After a failure of the connection or the server, queries are sent again. Changes whose creations name their ids
        are sent again if ``recover(operations)`` returns None: they have not arrived. Other operations are sent again
        only if they cannot have arrived.

        Raises ServerUnreachable, AuthenticationError, PermissionDeniedError, ServerError, ConnectionClosedError.
        """
        body = codec.dumps(operations)
        actions = {each.get("action") for each in operations if isinstance(each, Mapping)}
        is_query = actions <= _READ_ACTIONS
        if is_query or not _is_repeatable(operations) or not actions <= _READ_ACTIONS | _CHANGE_ACTIONS:
            recover = None
        may_have_arrived, refusal = False, None
        for delay in (*_RETRY_DELAYS_SECONDS, None):
            try:
                return cancellation.run_cancellable(partial(self._send, body, operations))
            except _Failed as failure:
                may_have_arrived |= failure.may_have_arrived
                if delay is None or (may_have_arrived and not is_query and recover is None):
                    raise failure.error from failure.__cause__
                wait(delay, failure.retry_after)
            except (errors.ServerError, errors.ServerUnreachable) as error:
                # A second attempt can fail because the first one arrived.
                refusal = error
            if may_have_arrived and recover is not None and (response := recover(operations)) is not None:
                return response
            if refusal is not None:
                raise refusal
        raise AssertionError("the last attempt returns or raises")

    def put(self, url: str, body: Any, headers: Mapping[str, str]) -> requests.Response:
        """Return a storage's response to a PUT at a signed address.

        The request has neither the session's credentials nor a password of a .netrc file, because the address may be
        another server's. Raises requests.RequestException.
        """
        used = {name: value for name, value in headers.items() if name.lower() != "content-length"}
        with new_http_session() as storage:
            return storage.put(url, data=body, headers=used, timeout=self.timeout, auth=lambda request: request)

    def _send(self, body: bytes, operations: Sequence[Any]) -> bytes:
        request_id = uuid4().hex
        try:
            # Following a redirect would turn the POST into a GET.
            response = self.http.post(
                f"{self.server_url}/api",
                data=body,
                headers={_REQUEST_ID: request_id},
                timeout=self.timeout,
                allow_redirects=False,
                stream=True,
            )
            content = _read(response, time.monotonic() + _MAX_TIMEOUTS_PER_RESPONSE * self.timeout[1])
        except requests.RequestException as error:
            # Without a connection the server cannot have got the request.
            reason = getattr(error.args[0], "reason", None) if error.args else None
            was_never_sent = isinstance(error, _CONNECTION_ERRORS) or isinstance(reason, _CONNECTION_REASONS)
            raise _Failed(unreachable(self.server_url, error), may_have_arrived=not was_never_sent) from error
        if response.headers.get(_REQUEST_ID, request_id) != request_id:
            what = "something in between answers with the answer to another request"
            message = f"{self.server_url} cannot be reached: {what}. Check the proxies and caches in the network."
            raise _Failed(errors.ServerUnreachable(message), may_have_arrived=True)
        # A complete list of results, as far as it shows without parsing it.
        is_list = content[:1] == b"[" and content[-8:].rstrip().endswith(b"]")
        if response.status_code < 300 and is_list and (content != b"[]" or not operations):
            return content
        raise _response_error(self.server_url, response, content, operations)


def _read(response: requests.Response, deadline: float) -> bytes:
    """Return the body; errors of urllib3 are raised as errors of requests."""
    # An older urllib3 has only read(), which waits for a whole block.
    read = getattr(response.raw, "read1", response.raw.read)
    blocks = []
    with response:
        try:
            while block := read(_BLOCK_SIZE, decode_content=True):
                blocks.append(block)
                if time.monotonic() > deadline:
                    raise requests.ReadTimeout("the response takes too long")
        except urllib3.exceptions.TimeoutError as error:
            raise requests.ReadTimeout(error) from error
        except urllib3.exceptions.HTTPError as error:
            raise requests.ConnectionError(error) from error
    return b"".join(blocks)


def wait(delay: float, retry_after: float | None = None) -> None:
    """Sleep as long as the server requested, or for the delay with up to half of it added."""
    jittered = delay * _random.uniform(1, 1.5)
    cancellation.cancellable_sleep(jittered if retry_after is None else min(retry_after, _MAX_RETRY_AFTER_SECONDS))


def unreachable(server_url: str, error: requests.RequestException) -> errors.ServerUnreachable:
    """Return the error for a failed request; it never contains a signed address."""
    if isinstance(error, requests.exceptions.SSLError):
        return errors.ServerUnreachable(tls_failure(server_url, error))
    if isinstance(error, requests.Timeout):
        return errors.ServerUnreachable(
            f"{server_url} did not respond in time. Check the connection, or set a longer time-out."
        )
    if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema)):
        return errors.ServerUnreachable(
            f"{server_url!r} is not a server's address. Write it as https://studio.example.com."
        )
    return errors.ServerUnreachable(f"{server_url} cannot be reached. Check the address and the connection.")


def tls_failure(url: str, error: requests.exceptions.SSLError) -> str:
    """Return the message for a connection without TLS: the certificate is rejected, or the server speaks no TLS."""
    if "CERTIFICATE_VERIFY_FAILED" in str(error) or "doesn't match" in str(error):
        return f"The certificate of {url} is not trusted. Set REQUESTS_CA_BUNDLE to the studio's certificates."
    if not any(
        sign in str(error) for sign in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER")
    ):
        return f"The HTTPS connection to {url} was closed. Check the network, and the log of a proxy before the server."
    plain = url.replace("https://", "http://", 1).replace("wss://", "ws://", 1)
    return f"{url} does not answer with HTTPS. If the server has no certificate, its address is {plain}."


def is_busy(response: requests.Response) -> bool:
    """Return whether the same request may succeed later."""
    return response.status_code in _BUSY_STATUSES


def retry_after(response: requests.Response) -> float | None:
    """Return the seconds of the ``Retry-After`` header, or None."""
    text = response.headers.get("Retry-After", "").strip()
    return float(text) if text.isdigit() else None


def _response_error(
    server_url: str, response: requests.Response, content: bytes, operations: Sequence[Any]
) -> errors.Error | _Failed:
    status = response.status_code
    try:
        body = json.loads(content)
    except ValueError:
        body = None
    is_temporary = is_busy(response)
    if isinstance(body, dict) and "exception" in body:
        error: errors.Error = server_error(body, operations)
        if is_temporary:
            # The server refuses requests for the moment: a job waits for it as for one that is not reachable.
            error = errors.ServerUnreachable(
                f"{server_url} is busy. Try again later. {body.get('content') or ''}".strip()
            )
    elif status == 401:
        return errors.AuthenticationError(
            f"{server_url} refused the user or the key. Check FTRACK_API_USER and FTRACK_API_KEY."
        )
    elif 300 <= status < 400:
        target = urlsplit(response.headers.get("Location", ""))
        error = errors.ServerUnreachable(
            f"{server_url} redirects to {target.scheme}://{target.netloc}. Use that as the server's address, or log in "
            "to the network if it is its login page."
        )
    else:
        # A proxy or a login page of the network answers in place of the server.
        error = errors.ServerUnreachable(
            f"{server_url} cannot be reached: status {status} came without an ftrack answer. Is it an ftrack server? "
            "Check the address and the network."
        )
        is_temporary = status < 300 or status >= 500 or is_temporary
    if is_temporary:
        return _Failed(error, may_have_arrived=status != 429, retry_after=retry_after(response))
    return error


def server_error(report: Mapping[str, Any], operations: Sequence[Any] = ()) -> errors.ServerError:
    """Return the error for a server's report, with its class, text, code and, if known, the operation."""
    error_class, content = str(report.get("exception")), str(report.get("content") or "")
    code = report.get("error_code")
    message = f"Server reported error: {error_class}({content})"
    server_error_class: type[errors.ServerError] = errors.ServerError
    if code == errors.AuthenticationError.CODE or error_class in _AUTHENTICATION_ERROR_CLASSES:
        server_error_class = errors.AuthenticationError
        # What says the same again is left out.
        reason = "" if "key" in content.lower() else f" ({content})"
        message = f"The server refused the user or the key. Check FTRACK_API_USER and FTRACK_API_KEY.{reason}"
    elif error_class in ("PermissionError", "Forbidden"):
        server_error_class = errors.PermissionDeniedError
    elif code == errors.ReviewSessionClosed.CODE:
        server_error_class, message = errors.ReviewSessionClosed, content
    elif error_class == "StorageFull":
        server_error_class = errors.ServerFull
    elif "Invalid action u'" in content:
        server_error_class = errors.ServerCompatibilityError
    details, operation = {"error": report.get("error")}, _failed_operation(report, operations)
    return server_error_class(message, details, error_class=error_class, error_code=code, operation=operation)


def _failed_operation(report: Mapping[str, Any], operations: Sequence[Any]) -> dict[str, Any] | None:
    """Return the operation that caused the error: the only one, the reported one, or the one with a reported id."""
    if len(operations) == 1:
        return dict(operations[0])
    error = report.get("error")
    index = error.get("operation") if isinstance(error, Mapping) else None
    if isinstance(index, int) and 0 <= index < len(operations):
        return dict(operations[index])
    ids = set(_ID.findall(str(report.get("content"))))
    matching = [each for each in operations if ids.intersection(_ID.findall(codec.dumps(each).decode()))]
    return dict(matching[0]) if len(matching) == 1 else None


def _is_repeatable(operations: Sequence[Any]) -> bool:
    """Return whether every creation names its ids, so that a repetition cannot create a second entity."""
    return all(
        isinstance(each, Mapping)
        and (each.get("action") != "create" or "entity_key" in each or "id" in each["entity_data"])
        for each in operations
    )
