"""Errors that the server reports, with their HTTP status; clients read their names and codes."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from ft_dcc.errors import AuthenticationError, Error, ReviewSessionClosed

_DISK_ERRORS = (
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM} if os.name != "nt" else {errno.ENOSPC}
)


class HttpError(Error):
    """An error response of the studio server."""

    status: ClassVar[int] = 500
    error_code: ClassVar[str | None] = None
    # What clients read in ``exception``, if it is not the name of the class; some are the names of ftrack.
    wire_name: ClassVar[str] = ""


class BadRequest(HttpError):
    """A request that cannot be parsed."""

    status = 400


class ParseError(BadRequest):
    """A query expression that cannot be parsed; the message contains the position."""


class ValidationError(HttpError):
    """A request with values that are not allowed."""

    status = 422


class MediaMissing(ValidationError):
    """A component that is added to the server's location before all of its bytes have arrived."""

    error_code = "media_missing"


class InvalidCredentials(HttpError):
    """A user or an API key that is not known."""

    status = 401
    wire_name = "InvalidCredentialsError"
    error_code = AuthenticationError.CODE


class Forbidden(HttpError):
    """A request that the user has no permission for."""

    status = 403
    wire_name = "PermissionError"


class NotFound(HttpError):
    """An address without a resource."""

    status = 404
    wire_name = "NoSuchThing"


class Conflict(HttpError):
    """A request that contradicts the stored data."""

    status = 409


class DuplicateEntryError(Conflict):
    """An entity that exists already and must be unique."""


class ReviewSessionClosedError(Conflict):
    """A change to a review session that is closed; ``change`` is a sentence without the name of the session."""

    error_code = ReviewSessionClosed.CODE

    def __init__(self, message: str, session_id: str = "", change: str = "") -> None:
        super().__init__(message)
        self.session_id, self.change = session_id, change


class PassphraseRequired(HttpError):
    """A review session whose passphrase the visitor has not entered."""

    status = 401
    wire_name = "PassphraseNeeded"
    error_code = "passphrase_needed"


class ReviewUnavailable(Forbidden):
    """A valid review link that cannot be opened at present; ``title`` is the heading of the page."""

    def __init__(self, title: str, message: str) -> None:
        super().__init__(message)
        self.title = title


class PayloadTooLarge(HttpError):
    """A request body that is larger than the route accepts."""

    status = 413
    wire_name = "TooLarge"


class TooManyRequests(HttpError):
    """A client that exceeds a limit and may try again after ``seconds``."""

    status = 429

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class ServiceUnavailable(TooManyRequests):
    """A request beyond the server's limit of concurrent work of its kind."""

    status = 503
    wire_name = "Busy"


class InsufficientStorage(HttpError):
    """A request that needs more disk space than the server has."""

    status = 507
    wire_name = "StorageFull"


@contextmanager
def writing_to_disk() -> Iterator[None]:
    """Raise InsufficientStorage when the block fails on a full, read-only or forbidden disk."""
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK_ERRORS:
            raise
        raise InsufficientStorage(
            f"The server's disk cannot be written: {error.strerror}. Free some space there, then send it again."
        ) from error
