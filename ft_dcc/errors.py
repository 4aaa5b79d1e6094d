"""Errors of the client; those that the studio server reports are in ft_dcc/server/errors.py.

A message says what happened, to what, and what to do next.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, ClassVar, NamedTuple

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


class Error(Exception):
    """Base class of the suite's errors; ``str()`` returns one line that an artist can act on."""

    # Message of an error that is raised without one; subclasses of studios set it.
    default_message: ClassVar[str] = ""

    def __init__(self, message: str = "", details: dict[str, Any] | None = None) -> None:
        message = message or self.default_message
        super().__init__(message)
        self.message = message
        self.details = details or {}

    def __str__(self) -> str:
        # Messages of studios' own errors may contain details, as in "The tape {number} is torn."
        return _PLACEHOLDER.sub(lambda name: str(self.details.get(name[1], name[0])), self.message)


def nearest_hint(name: str, known: Iterable[str], cutoff: float = 0.6, otherwise: str | None = None) -> str:
    """Return the remedy for an unknown name: the most similar known one, else this sentence, by default all of them."""
    # Imported only to report a mistake.
    import difflib

    names = list(known)
    near = difflib.get_close_matches(name, names, 1, cutoff)
    if near:
        return f"Did you mean {near[0]}?"
    return f"There are: {', '.join(names)}." if otherwise is None else otherwise


class SettingInvalid(Error):
    """A setting that is missing, unknown or has an invalid value."""


class MissingExtra(Error):
    """An optional dependency that is not installed."""

    def __init__(self, extra: str, needed_for: str) -> None:
        remedy = f'Run: pip install "ft-dcc[{extra}]"'
        if extra == "media":
            remedy += ", or set FT_DCC_FFMPEG to an ffmpeg; in Blender, choose one in the preferences of the add-on"
        super().__init__(f"{needed_for} needs more than is installed. {remedy}")


class DisplayMissing(Error):
    """A display or a system library that the dialog needs and this machine does not have."""


class HostMissing(Error):
    """A host program that was not found."""


class InstallFailed(Error):
    """A failure to install the suite into a host or to uninstall it."""


class UserFixableError(Error):
    """An input that cannot be published until the artist changes it."""

    # Set by a publish that this error alone stopped: the error with its check, its source and its repair.
    problem: ValidationIssue | None = None
    # None where no two values are compared.
    found: object = None
    expected: object = None
    # The field of a request that accepts the input as it is, with a value, such as "fps 24"; each interface words it.
    # All of them are defaults of the class, because an error from the process of a host is made again without its
    # arguments.
    option = ""

    def __init__(
        self,
        message: str = "",
        details: dict[str, Any] | None = None,
        *,
        found: object = None,
        expected: object = None,
        option: str = "",
        **report: Any,
    ) -> None:
        # A class of this one and of ServerError takes the report of the server, too.
        super().__init__(message, details, **report)
        self.found, self.expected, self.option = found, expected, option


class ValueMismatch(UserFixableError):
    """A value that differs from the expected one, as found by a validator."""

    def __init__(
        self, what: str, *, found: object, expected: object, remedy: str = "", message: str = "", option: str = ""
    ) -> None:
        message = message or f"The {what} is {found}; expected {expected}. {remedy}".strip()
        super().__init__(message, found=found, expected=expected, option=option)


class ValidationIssue(NamedTuple):
    """One issue that a validator found."""

    # The label of the plugin.
    check: str
    # "" for all instances.
    instance: str
    message: str
    # None where no two values are compared.
    found: str | None = None
    expected: str | None = None
    # What the repair does that the artist can run, None where there is none.
    repair: str | None = None
    # False where only others can remove the cause.
    user_can_fix: bool = True
    # As that of UserFixableError.
    option: str = ""
    # Whether selecting the source in the scene shows what is wrong, as it does not for the file of the scene.
    can_select: bool = True


class ValidationFailed(UserFixableError):
    """All issues that the validators found."""

    def __init__(self, problems: tuple[ValidationIssue, ...]) -> None:
        super().__init__(" ".join(problem.message for problem in problems))
        self.problems = problems


class SceneUnreadable(UserFixableError):
    """A scene file that does not exist or that the host program cannot open."""


class UnsavedChanges(UserFixableError):
    """Changes of the open scene that are not saved, and that opening another file would discard."""


class CameraMissing(UserFixableError):
    """A camera that the scene does not contain."""


class FramesMissing(UserFixableError):
    """Requested frames that are not on disk; ``missing`` lists their numbers."""

    def __init__(self, message: str, missing: tuple[int, ...] = (), **known: Any) -> None:
        # What is known of UserFixableError; found and expected are ranges of frames, such as "1001, 1003-1004".
        super().__init__(message, **known)
        self.missing = missing


class MovieUnreadable(UserFixableError):
    """A file that cannot be decoded as a movie, or that is truncated."""


class TaskNotFound(UserFixableError):
    """A task that does not exist on the server."""


class DrawingUnreadable(UserFixableError):
    """A drawing of a review whose stored form is unknown or damaged."""


class CaptureFailed(Error):
    """A host program that did not write the requested frames."""


class SceneBusy(CaptureFailed):
    """A scene that cannot be used because a capture of it is running."""


class EncodeFailed(Error):
    """An ffmpeg run that failed; ``log`` holds its last lines."""

    def __init__(self, message: str, log: str = "") -> None:
        super().__init__(message)
        self.log = log


class StorageError(Error):
    """A folder that is full, read-only or owned by another user."""


class StudioInUse(StorageError):
    """A studio folder that another server process uses."""


class DatabaseDamaged(StorageError):
    """A database whose file is damaged."""


class PluginBroken(Error):
    """A publish plugin that cannot be imported or that has a defect."""


class JobLocked(Error):
    """A job that another process works on."""


class JobNotFound(Error):
    """A job folder that is missing, or whose journal cannot be read."""


class Cancelled(Error):
    """A cancellation by the user; nothing was published."""


class ParseError(Error):
    """An expression that cannot be parsed; the message contains the position."""


class WouldBlock(Error):
    """An operation that takes too long for its thread; nothing of it was done. Repeat it on a worker thread."""


class ApiError(Error):
    """A request to the server that failed."""


class ServerUnreachable(ApiError):
    """A server that does not answer, or not in time, or in whose place a proxy answers."""


class ServerError(ApiError):
    """An error response of the server: its class, message, code and the operation that caused it."""

    def __init__(
        self,
        message: str = "",
        details: dict[str, Any] | None = None,
        *,
        error_class: str = "",
        error_code: str | None = None,
        operation: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message, details)
        self.error_class, self.error_code, self.operation = error_class, error_code, operation

    def __str__(self) -> str:
        # A server's message is not a template.
        return self.message


class AuthenticationError(ServerError):
    """A user or an API key that the server does not know."""

    CODE: ClassVar[str] = "api_credentials_invalid"


class ServerCompatibilityError(ServerError):
    """A server that is too old or too new for the request."""


class PermissionDeniedError(ServerError):
    """An operation that the user has no permission for."""


class ReviewSessionClosed(UserFixableError, ServerError):
    """A review session that is closed and cannot be changed, found by the session or reported by the server."""

    CODE: ClassVar[str] = "review_session_closed"


class ServerFull(StorageError, ServerError):
    """A server whose disk has no space for what was sent; it can be sent again when there is some."""


class ConnectionClosedError(Error):
    """A call on a session that is closed."""


class EventHubError(Error):
    """Base class of the errors of the event hub."""


class EventHubConnectionError(EventHubError):
    """An event hub that is not connected; ``details["status"]`` is the HTTP status, if there is one."""


class EventHubPacketError(EventHubError):
    """Received data that is not a packet of the event hub."""


class EventHubReplyTimeoutError(EventHubError):
    """An event that got no reply in time."""


class NotFoundError(Error):
    """An entity, attribute or file that does not exist."""


class NotUniqueError(Error):
    """An entity that exists already and must be unique."""


class IncorrectResultError(Error):
    """A query with an unexpected number of results."""


class NoResultFoundError(IncorrectResultError):
    """A query without a result where one is required."""


class MultipleResultsFoundError(IncorrectResultError):
    """A query with several results where one is required."""


class EntityTypeError(Error):
    """Base class of the errors of entity types."""


class UnrecognisedEntityTypeError(EntityTypeError, KeyError):
    """An entity type that the server's schema does not contain."""


class OperationError(Error):
    """A recorded operation that is inconsistent."""


class AttributeError(Error):
    """Base class of the errors of attributes."""


class UnrecognisedAttributeError(AttributeError, KeyError):
    """An attribute that the entity type does not have, or a missing key of a mapping."""


class ImmutableAttributeError(AttributeError):
    """An attribute that cannot be changed once it has a value."""


class CollectionError(Error):
    """Base class of the errors of collections."""


class ImmutableCollectionError(CollectionError):
    """A collection that cannot be changed."""


class DuplicateItemInCollectionError(CollectionError):
    """An item that the collection contains already."""


class LocationError(Error):
    """A component that cannot be added to a location, or found there."""


class ComponentNotInAnyLocationError(LocationError):
    """A component that is in no location that the session can reach."""


class ComponentNotInLocationError(LocationError):
    """A component that is not in the location."""


class ComponentInLocationError(LocationError):
    """A component that is in the location already."""


class AccessorError(Error):
    """A failure of the storage behind a location."""

    def __init__(self, message: str = "", details: dict[str, Any] | None = None, **facts: Any) -> None:
        # Accessors of studios may pass these facts instead of a message, or with one.
        parts = (message or facts.get("operation"), facts.get("resource_identifier"), facts.get("error"))
        super().__init__(": ".join(str(part) for part in parts if part), {**facts, **(details or {})})


class AccessorOperationFailedError(AccessorError):
    """An operation of the storage that failed."""


class AccessorUnsupportedOperationError(AccessorOperationFailedError):
    """An operation that this kind of storage does not support."""


class AccessorPermissionDeniedError(AccessorOperationFailedError):
    """An operation that the storage does not permit to this user."""


class AccessorResourceIdentifierError(AccessorError):
    """An invalid resource identifier."""


class AccessorFilesystemPathError(AccessorResourceIdentifierError):
    """A resource identifier without a path on this machine, or with one outside of the storage."""


class AccessorResourceError(AccessorError):
    """Base class of the errors of stored resources."""


class AccessorResourceNotFoundError(AccessorResourceError):
    """A resource that does not exist."""


class AccessorParentResourceNotFoundError(AccessorResourceError):
    """A resource whose parent folder does not exist."""


class AccessorResourceInvalidError(AccessorResourceError):
    """A folder where a file is required, or a file where a folder is."""


class AccessorContainerNotEmptyError(AccessorResourceError):
    """A folder that is not empty."""


class StructureError(Error):
    """A component that no resource identifier can be made for."""


class TransferFailed(Error):
    """An upload or a download that is incomplete."""
