"""What a commit does besides changing values: files go to the server before, requests follow after."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ft_dcc.errors import ApiError, Error, ServerError
from ft_dcc.session import operations
from ft_dcc.session.operations import DeleteEntityOperation, Operation, RequestOperation, UploadOperation
from ft_dcc.session.services import placing

if TYPE_CHECKING:
    from ft_dcc.session.session import Session

_log = logging.getLogger(__name__)

# What encoding makes, by the names that ftrack's player and its pages look for.
_REVIEW_MEDIA = ("ftrackreview-", "thumbnail")


def post(session: Session, batch: list[dict[str, Any]], recorded: Sequence[Operation]) -> bytes:
    """Return the server's answer to the batch, after the files of its new components were uploaded.

    A component exists on the server from its upload on, and belongs to a version from the batch on. When the server
    refuses the batch, what was uploaded for it is removed.
    """
    uploads = _last_uploads(recorded)
    if not uploads:
        return session.post(batch) if batch else b"[]"
    # requests is loaded by whoever transfers something.
    from ft_dcc.session.transfer import upload

    created = {each["entity_key"][0]: each for each in batch if _makes_file(each)}
    made: list[str] = []
    try:
        for component_id, operation in uploads.items():
            component = session.known("FileComponent", component_id)
            name, file_type = (component["name"], component["file_type"]) if component else ("main", "")
            made.append(component_id)
            upload(session, operation.path, component_id=component_id, name=name, file_type=file_type or "")
        changes = [_as_update(each) if each["entity_key"][0] in uploads else each for each in batch]
        return session.post([*changes, *(placing(each) for each in uploads if each in created)])
    except Error:
        with suppress(ApiError):
            session.call([operations.delete("FileComponent", each) for each in made if each in created])
        raise


def follow_up(session: Session, recorded: Sequence[Operation]) -> None:
    """Ask for what can be asked for only now: that films are encoded, that invitations are sent."""
    for component_id, operation in _last_uploads(recorded).items():
        component = session.known("FileComponent", component_id)
        if component is None or not _is_watched(operation.path, component["name"]):
            continue
        if (version := component["version"]) is not None:
            encode = partial(session.encode_media, component, version["id"])
            _ask(session, encode, f"{operation.path} is not encoded for browsers")
    for each in recorded:
        if isinstance(each, RequestOperation):
            _ask(session, partial(session.call, each.request), f"{each.request['action']} was not done")


def _is_watched(path: Path, component_name: str) -> bool:
    """Whether people look at such a file, and it is not yet what browsers show."""
    import mimetypes

    from ft_dcc.frames import IMAGE_SUFFIXES

    if component_name.startswith(_REVIEW_MEDIA):
        return False
    media_type = mimetypes.guess_type(path.name)[0] or ""
    return media_type.startswith(("video/", "image/")) or path.suffix.lower() in (*IMAGE_SUFFIXES, ".mxf")


def _ask(session: Session, request: Callable[[], Any], what_is_missing: str) -> None:
    try:
        request()
    except ServerError as error:
        # Everything is committed; a server that does not do this is no reason to say that it is not.
        _log.warning("%s. %s", what_is_missing, error)


def _last_uploads(recorded: Sequence[Operation]) -> dict[str, UploadOperation]:
    gone = {each.entity_key.get("id") for each in recorded if isinstance(each, DeleteEntityOperation)}
    uploads = {each.entity_key["id"]: each for each in recorded if isinstance(each, UploadOperation)}
    return {component_id: each for component_id, each in uploads.items() if component_id not in gone}


def _makes_file(payload: dict[str, Any]) -> bool:
    return bool(payload["action"] == "create" and payload["entity_type"] == "FileComponent")


def _as_update(payload: dict[str, Any]) -> dict[str, Any]:
    """Return the change of a component that its upload has made already, and any other payload as it is."""
    if not _makes_file(payload):
        return payload
    # The upload knows the size, the entity was made before it.
    data = {name: value for name, value in payload["entity_data"].items() if name not in ("id", "size")}
    return operations.update("FileComponent", payload["entity_key"], data)
