"""Requests for the bytes of components: to the server, and to the storage that its signed addresses lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ft_dcc.errors import TransferFailed
from ft_dcc.session.interface import SessionInterface

if TYPE_CHECKING:
    import requests

    from ft_dcc.session.transfer.upload_body import UploadBody

# Seconds between attempts.
RETRY_DELAYS_SECONDS = (0.5, 1.0, 2.0, 4.0)


def put_body(session: SessionInterface, url: str, headers: dict[str, str], body: UploadBody) -> requests.Response:
    """Return the storage's response to the body; failed attempts are repeated from the start of the body.

    Raises TransferFailed, and the error that the body itself raised.
    """
    # Imported late: most programs that import the session never transfer files.
    import requests

    from ft_dcc.session.transport import http

    for delay in (*RETRY_DELAYS_SECONDS, None):
        try:
            response = session.transport.put(url, body if body.size else b"", headers)
        except requests.RequestException as error:
            if body.failure is not None:
                raise body.failure from error
            if delay is None:
                # The signed address is a secret, so the error that contains it is not chained.
                reason = http.unreachable(session.server_url, error)
                raise TransferFailed(f"The upload of {body.path} was interrupted. {reason}") from None
            http.wait(delay)
            continue
        # Every storage returns an ETag for what it has stored.
        if response.status_code < 300 and response.headers.get("ETag"):
            return response
        # A proxy or a login page of the network may answer in place of the storage.
        is_foreign = not 400 <= response.status_code < 500
        if delay is None or not (is_foreign or http.is_busy(response)):
            raise _refused(body, response.status_code, is_foreign)
        http.wait(delay, http.retry_after(response))
    raise AssertionError("the last attempt returns or raises")


def _refused(body: UploadBody, status: int, is_foreign: bool) -> TransferFailed:
    if is_foreign:
        return TransferFailed(
            f"The upload of {body.path} did not reach the storage: something else answered with status {status}. "
            "Check the network; the upload is repeated when the job resumes."
        )
    return TransferFailed(
        f"The upload of {body.path} was refused with status {status}. "
        "Upload it again. If that fails too, ask the administrator of the server's storage.",
        {"status": status},
    )


def request_component(session: SessionInterface, route: str, component_id: str) -> requests.Response:
    """Return the server's response about a component, with an unread body and any status.

    Raises ServerUnreachable.
    """
    import requests

    from ft_dcc.session.transport import http

    address, in_headers = f"{session.server_url}{route}", {"id": component_id}
    # Some sites ignore the headers here and read the credentials from the address, like those of the official client.
    # Addresses get into logs, so this is the second choice.
    in_address = {**in_headers, "username": session.api_user, "apiKey": session.api_key}
    for parameters in (in_address,) if session.transport.sends_credentials_in_address else (in_headers, in_address):
        try:
            response = session.transport.http.get(
                address, params=parameters, timeout=session.transport.timeout, stream=True, headers={"Accept": "*/*"}
            )
        except requests.RequestException as error:
            raise http.unreachable(session.server_url, error) from None
        if response.status_code not in (401, 403):
            session.transport.sends_credentials_in_address = parameters is in_address
            break
        response.close()
    return response
