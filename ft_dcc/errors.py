"""Every error of the suite.

    Error
    ├── SettingInvalid                     a setting is missing or cannot be used
    ├── ExtraMissing                       an optional part is not installed
    ├── HostMissing                        no such host program was found
    ├── InstallFailed                      the suite cannot be put into a host, or taken out
    ├── Unpublishable                      the artist changes something and tries again
    │   ├── Invalid                        a validator found one thing and wanted another
    │   ├── Problems                       all that the validators found, at once
    │   ├── SceneUnreadable  CameraMissing
    │   ├── FramesMissing    FilmUnreadable
    │   └── TaskNotFound     ReviewSessionClosed
    ├── CaptureFailed                      a host program did not write its frames
    │   └── SceneLent                      … because it is capturing already
    ├── EncodeFailed                       ffmpeg stopped
    ├── DiskUnusable                       full, read-only or not ours
    │   └── StudioInUse                    a server works in the folder
    ├── PluginBroken                       a publish plugin cannot be loaded, or failed
    ├── JobLocked  JobNotFound             the job folder is in use, or gone
    ├── Cancelled                          somebody asked for it
    ├── TakesLong                          work that must not hold up others goes to a thread
    ├── ApiError                           the server did not do what it was asked
    │   ├── ServerUnreachable              nobody answers at the address
    │   └── ServerError                    the server answered an operation with an error
    │       ├── AuthenticationError        … because it does not know the user or the key
    │       ├── ServerCompatibilityError   … because it is too old or too new
    │       └── PermissionDeniedError      … because this user may not
    ├── ConnectionClosedError              the session was closed before
    ├── EventHubError
    │   ├── EventHubConnectionError        the hub is not connected to the event server
    │   ├── EventHubPacketError            what arrived is not Socket.IO
    │   └── EventHubReplyTimeoutError      nobody answered the event in time
    ├── NotFoundError                      no such entity, attribute or file on the server
    ├── NotUniqueError
    ├── IncorrectResultError
    │   ├── NoResultFoundError
    │   └── MultipleResultsFoundError
    ├── EntityTypeError
    │   └── UnrecognisedEntityTypeError
    ├── OperationError                     a recorded operation makes no sense
    ├── AttributeError
    │   ├── UnrecognisedAttributeError
    │   └── ImmutableAttributeError
    ├── CollectionError
    │   ├── ImmutableCollectionError
    │   └── DuplicateItemInCollectionError
    ├── LocationError                      a component cannot be put into a location, or found there
    │   ├── ComponentNotInAnyLocationError   ComponentNotInLocationError
    │   └── ComponentInLocationError
    ├── AccessorError                      what a location stores cannot be reached
    │   ├── AccessorOperationFailedError
    │   │   └── AccessorUnsupportedOperationError   AccessorPermissionDeniedError
    │   ├── AccessorResourceIdentifierError
    │   │   └── AccessorFilesystemPathError
    │   └── AccessorResourceError
    │       ├── AccessorResourceNotFoundError   AccessorParentResourceNotFoundError
    │       └── AccessorResourceInvalidError    AccessorContainerNotEmptyError
    ├── StructureError                     no place can be named for a component
    ├── TransferFailed                     an upload or a download did not arrive whole
    └── Refused                            what the studio server answers; carries its HTTP status
        ├── BadRequest 400       ParseError 400      ValidationError 422
        ├── InvalidCredentials 401                   Forbidden 403
        ├── NoSuchThing 404      Conflict 409        DuplicateEntryError 409
        ├── ReviewSessionClosedError 409             PassphraseNeeded 401     ReviewUnavailable 403
        └── TooLarge 413         TooManyRequests 429      StorageFull 507     Busy 503

A message says what happened, to what, and what to do next.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar, NamedTuple

_NAMED = re.compile(r"\{(\w+)\}")


class Error(Exception):
    """The root of the tree; ``str()`` of it is one line that an artist can act on."""

    # What a studio's own error says when nothing else is given.
    default_message: ClassVar[str] = ""

    def __init__(self, message: str = "", details: dict[str, Any] | None = None) -> None:
        message = message or self.default_message
        super().__init__(message)
        self.message = message
        self.details = details or {}

    def __str__(self) -> str:
        # Studios' own errors name details in their texts, as in "The tape {number} is torn."
        return _NAMED.sub(lambda name: str(self.details.get(name[1], name[0])), self.message)


class SettingInvalid(Error):
    """A setting is missing, unknown or has a value that cannot be used."""


class ExtraMissing(Error):
    """An optional part of the suite is not installed."""

    def __init__(self, extra: str, needed_for: str) -> None:
        super().__init__(f"{needed_for} needs more than is installed. Run: pip install 'ft-dcc[{extra}]'")


class HostMissing(Error):
    """No such host program was found."""


class InstallFailed(Error):
    """The suite cannot be put into a host, or taken out of it."""


class Unpublishable(Error):
    """What was given cannot be published until the artist changes it."""

    # What a publish makes of it when it is the only one: with its check, its source and its repair.
    problem: Problem | None = None


class Invalid(Unpublishable):
    """A validator found one thing and wanted another."""

    def __init__(self, what: str, *, found: object, wanted: object, remedy: str = "") -> None:
        sentence = f"The {what} is {found}, wanted is {wanted}."
        super().__init__(f"{sentence} {remedy}".strip())
        self.what, self.found, self.wanted, self.remedy = what, found, wanted, remedy


class Problem(NamedTuple):
    """One thing that a validator found: the plugin's label, the instance ("" for all) and the sentence.

    ``found`` and ``wanted`` are None where there are no two things to compare, ``repair`` says what the artist can
    have done about it, and None where there is nothing. ``is_artists`` is false for what no artist can change.
    """

    check: str
    instance: str
    message: str
    found: str | None = None
    wanted: str | None = None
    repair: str | None = None
    is_artists: bool = True


class Problems(Unpublishable):
    """All that the validators found, at once."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(" ".join(problem.message for problem in problems))
        self.problems = problems


class SceneUnreadable(Unpublishable):
    """The scene file does not exist or the host program cannot open it."""


class CameraMissing(Unpublishable):
    """The scene has no camera, or not the one that was asked for."""


class FramesMissing(Unpublishable):
    """Frames that were asked for are not on disk; ``missing`` names them."""

    def __init__(self, message: str, missing: tuple[int, ...] = ()) -> None:
        super().__init__(message)
        self.missing = missing


class FilmUnreadable(Unpublishable):
    """A file is not a film that can be decoded, or it is cut short."""


class TaskNotFound(Unpublishable):
    """The task that was named is not on the server."""


class ReviewSessionClosed(Unpublishable):
    """The review session takes nothing new."""


class CaptureFailed(Error):
    """The host program did not write the frames that it was asked for."""


class SceneLent(CaptureFailed):
    """Frames of the open scene are captured just now, and until that is over nobody else gets it."""


class EncodeFailed(Error):
    """ffmpeg stopped; ``log`` holds its last lines."""

    def __init__(self, message: str, log: str = "") -> None:
        super().__init__(message)
        self.log = log


class DiskUnusable(Error):
    """A folder is full, read-only or not ours."""


class StudioInUse(DiskUnusable):
    """A studio server works in the folder, and there can be only one."""


class PluginBroken(Error):
    """A publish plugin cannot be imported, or failed in a way that is its own fault."""


class JobLocked(Error):
    """Another process works on this job."""


class JobNotFound(Error):
    """There is no such job folder, or its journal cannot be read."""


class Cancelled(Error):
    """Somebody asked for it; nothing was published."""


class TakesLong(Error):
    """Work takes longer than it may where it was begun; nothing of it was done. It is begun again on a thread."""


class ApiError(Error):
    """The server did not do what it was asked."""


class ServerUnreachable(ApiError):
    """Nobody answers at the server's address, or not in time."""


class ServerError(ApiError):
    """The server answered with an error: its class, its text, its code and the operation that caused it."""

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
        # What a server says is no template.
        return self.message


class AuthenticationError(ServerError):
    """The server does not know the user or the key."""


class ServerCompatibilityError(ServerError):
    """The server is too old, or too new, for what was asked."""


class PermissionDeniedError(ServerError):
    """This user may not do that."""


class ConnectionClosedError(Error):
    """The session was closed before this call."""


class EventHubError(Error):
    """Something is wrong with the event hub or with an event."""


class EventHubConnectionError(EventHubError):
    """The event hub is not connected, or cannot be; ``details["status"]`` is the HTTP status, if there was one."""


class EventHubPacketError(EventHubError):
    """What arrived is not a packet of the event hub."""


class EventHubReplyTimeoutError(EventHubError):
    """Nobody answered the event in time."""


class NotFoundError(Error):
    """There is no such entity, attribute or file."""


class NotUniqueError(Error):
    """There is one already, and there can be only one."""


class IncorrectResultError(Error):
    """A query gave another number of results than was asked for."""


class NoResultFoundError(IncorrectResultError):
    """A query that must give one result gave none."""


class MultipleResultsFoundError(IncorrectResultError):
    """A query that must give one result gave several."""


class EntityTypeError(Error):
    """Something is wrong with an entity type."""


class UnrecognisedEntityTypeError(EntityTypeError, KeyError):
    """The server's schema has no such entity type."""


class OperationError(Error):
    """A recorded operation makes no sense."""


class AttributeError(Error):
    """Something is wrong with an attribute."""


class UnrecognisedAttributeError(AttributeError, KeyError):
    """The entity type has no such attribute, or the mapping no such key."""


class ImmutableAttributeError(AttributeError):
    """The attribute cannot be changed once it has a value."""


class CollectionError(Error):
    """Something is wrong with a collection."""


class ImmutableCollectionError(CollectionError):
    """The collection cannot be changed."""


class DuplicateItemInCollectionError(CollectionError):
    """The item is in the collection already."""


class LocationError(Error):
    """A component cannot be put into a location, or not be found there."""


class ComponentNotInAnyLocationError(LocationError):
    """The component is in no location that this session can reach."""


class ComponentNotInLocationError(LocationError):
    """The component is not in this location."""


class ComponentInLocationError(LocationError):
    """The component is in this location already."""


class AccessorError(Error):
    """What a location stores cannot be reached.

    Accessors of a studio may say ``operation``, ``resource_identifier`` and ``error`` in the place of a message, or
    with one.
    """

    def __init__(self, message: str = "", details: dict[str, Any] | None = None, **facts: Any) -> None:
        told = (message or facts.get("operation"), facts.get("resource_identifier"), facts.get("error"))
        super().__init__(": ".join(str(each) for each in told if each), {**facts, **(details or {})})


class AccessorOperationFailedError(AccessorError):
    """The storage did not do what it was asked for."""


class AccessorUnsupportedOperationError(AccessorOperationFailedError):
    """This kind of storage cannot do that."""


class AccessorPermissionDeniedError(AccessorOperationFailedError):
    """The storage does not let this user do that."""


class AccessorResourceIdentifierError(AccessorError):
    """The identifier of something stored cannot be used."""


class AccessorFilesystemPathError(AccessorResourceIdentifierError):
    """There is no path on this machine for the identifier, or it lies outside of the storage."""


class AccessorResourceError(AccessorError):
    """Something is wrong with what is stored."""


class AccessorResourceNotFoundError(AccessorResourceError):
    """Nothing is stored there."""


class AccessorParentResourceNotFoundError(AccessorResourceError):
    """The folder that it would be in does not exist."""


class AccessorResourceInvalidError(AccessorResourceError):
    """What is stored there is of another kind: a folder for a file, or a file for a folder."""


class AccessorContainerNotEmptyError(AccessorResourceError):
    """The folder holds something."""


class StructureError(Error):
    """No place can be named for a component."""


class TransferFailed(Error):
    """An upload or a download did not arrive whole."""


class Refused(Error):
    """What the studio server answers when it does not do what was asked."""

    status: ClassVar[int] = 500
    error_code: ClassVar[str | None] = None


class BadRequest(Refused):
    """The request cannot be understood."""

    status = 400


class ParseError(BadRequest):
    """A query expression cannot be understood; the message has the place."""


class ValidationError(Refused):
    """The request is understood, and what it says is not allowed."""

    status = 422


class InvalidCredentials(Refused):
    """The user or the key is not known."""

    status = 401
    error_code = "api_credentials_invalid"


class Forbidden(Refused):
    """The user is known and may not do that."""

    status = 403


class NoSuchThing(Refused):
    """There is nothing at that address."""

    status = 404


class Conflict(Refused):
    """The request contradicts what is stored."""

    status = 409


class DuplicateEntryError(Conflict):
    """There is one already, and there can be only one."""


class ReviewSessionClosedError(Conflict):
    """The review session takes nothing new until it is opened again."""

    error_code = "review_session_closed"


class PassphraseNeeded(Refused):
    """The review session has a passphrase, and the visitor has not said it."""

    status = 401
    error_code = "passphrase_needed"


class ReviewUnavailable(Forbidden):
    """The link is a real one and opens nothing at the moment; ``title`` is the heading of the page that says why."""

    def __init__(self, title: str, message: str) -> None:
        super().__init__(message)
        self.title = title


class TooLarge(Refused):
    """The body is larger than this route takes."""

    status = 413


class TooManyRequests(Refused):
    """The client is to wait ``seconds`` before it tries again."""

    status = 429

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class Busy(TooManyRequests):
    """The server does as much of this at once as it can."""

    status = 503


class StorageFull(Refused):
    """The server's disk has no room for it."""

    status = 507
