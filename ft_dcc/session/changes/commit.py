"""The steps of a commit: upload files, post the batch or find out that it arrived, and request what follows it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from ft_dcc.errors import ApiError, Error, ServerError
from ft_dcc.session import operations
from ft_dcc.session.entities.entity import Entity
from ft_dcc.session.interface import SessionInterface
from ft_dcc.session.operations import DeleteEntityOperation, Operation, RequestOperation, UploadOperation
from ft_dcc.session.query.populate import key_condition

Post = Callable[[Sequence[Any]], bytes]
Types = Mapping[str, type[Entity]]

_log = logging.getLogger(__name__)

# The name prefixes of encoded components, by which ftrack's player finds them.
_REVIEW_MEDIA_PREFIXES = ("ftrackreview-", "thumbnail")


def post(session: SessionInterface, batch: list[dict[str, Any]], recorded: Sequence[Operation]) -> bytes:
    """Upload the files of new components, then post the batch and return the response.

    An upload creates its component; the batch attaches the component to a version. If the server refuses the batch,
    the uploaded components are deleted.
    """
    uploads = _last_uploads(recorded)
    if not uploads:
        return session.post(batch) if batch else b"[]"
    created = [key for each in batch if _creates_file_component(each) and (key := each["entity_key"][0]) in uploads]
    uploaded: list[str] = []
    try:
        for component_id, operation in uploads.items():
            uploaded.append(component_id)
            _upload(session, component_id, operation.path)
        changes = [_as_update(each) if each["entity_key"][0] in uploads else each for each in batch]
        return session.post([*changes, *map(operations.add_to_server_location, created)])
    except Error:
        with suppress(ApiError):
            session.call([operations.delete("FileComponent", each) for each in uploaded if each in created])
        raise


def _upload(session: SessionInterface, component_id: str, path: Path) -> None:
    # requests is imported only by sessions that transfer files.
    from ft_dcc.session.transfer.transfer import upload

    component = session.get_loaded("FileComponent", component_id)
    name, file_type = (component["name"], component["file_type"]) if component else ("main", "")
    upload(session, path, component_id=component_id, name=name, file_type=file_type or "")


def after_commit(session: SessionInterface, recorded: Sequence[Operation]) -> None:
    """Send the requests that need committed entities: encode uploaded media, send invitations."""
    for component_id, operation in _last_uploads(recorded).items():
        component = session.get_loaded("FileComponent", component_id)
        if component is None or not _is_source_media(operation.path, component["name"]):
            continue
        if (version := component["version"]) is not None:
            encode = partial(session.encode_media, component, version["id"])
            _request(encode, f"{operation.path} is not encoded for browsers")
    for each in recorded:
        if isinstance(each, RequestOperation):
            _request(partial(session.call, each.request), f"{each.request['action']} failed")


def _is_source_media(path: Path, component_name: str) -> bool:
    """Return whether the file is a movie or an image that was not encoded for review yet."""
    import mimetypes

    from ft_dcc.files.sequences import IMAGE_SUFFIXES

    if component_name.startswith(_REVIEW_MEDIA_PREFIXES):
        return False
    media_type = mimetypes.guess_type(path.name)[0] or ""
    return media_type.startswith(("video/", "image/")) or path.suffix.lower() in (*IMAGE_SUFFIXES, ".mxf")


def _request(request: Callable[[], Any], failure: str) -> None:
    try:
        request()
    except ServerError as error:
        # The changes are committed: a failed request must not look like a failed commit.
        _log.warning("%s. %s", failure, error)


def _last_uploads(recorded: Sequence[Operation]) -> dict[str, UploadOperation]:
    deleted = {each.entity_key.get("id") for each in recorded if isinstance(each, DeleteEntityOperation)}
    uploads = {each.entity_key["id"]: each for each in recorded if isinstance(each, UploadOperation)}
    return {component_id: each for component_id, each in uploads.items() if component_id not in deleted}


def _creates_file_component(payload: dict[str, Any]) -> bool:
    return bool(payload["action"] == "create" and payload["entity_type"] == "FileComponent")


def _as_update(payload: dict[str, Any]) -> dict[str, Any]:
    """Return the update of a component that its upload created, or any other payload unchanged."""
    if not _creates_file_component(payload):
        return payload
    # The size of the upload is right; that of the entity was measured earlier.
    data = {name: value for name, value in payload["entity_data"].items() if name not in ("id", "size")}
    return operations.update("FileComponent", payload["entity_key"], data)


def recover(post: Post, types: Types, batch: Sequence[Mapping[str, Any]]) -> bytes | None:
    """Return what the server would have answered, or None if the batch has to be sent again.

    A batch is one transaction and its ids are chosen by the client, so one entity tells about all of them: the first
    created one exists, or the first deleted one does not. Repeated changes of values do no harm.
    """
    for action, exists_after_commit in (("create", True), ("delete", False)):
        witness = next((each for each in batch if each.get("action") == action), None)
        if witness is not None:
            if _exists(post, types, witness) is exists_after_commit:
                return json.dumps([_result(types, each) for each in batch]).encode()
            return None
    return None


def _exists(post: Post, types: Types, operation: Mapping[str, Any]) -> bool:
    names = types[operation["entity_type"]].primary_key_attributes
    condition = key_condition(names, _key(types, operation))
    response = post([operations.query(f"select {', '.join(names)} from {operation['entity_type']} where {condition}")])
    return bool(json.loads(response)[0]["data"])


def _result(types: Types, operation: Mapping[str, Any]) -> dict[str, Any]:
    if operation["action"] == "delete":
        return {"action": "delete", "data": True}
    entity_type = operation["entity_type"]
    reference = dict(zip(types[entity_type].primary_key_attributes, _key(types, operation)))
    return {"action": operation["action"], "data": {"__entity_type__": entity_type, **reference}}


def _key(types: Types, operation: Mapping[str, Any]) -> list[str]:
    if "entity_key" in operation:
        key = operation["entity_key"]
        return [key] if isinstance(key, str) else list(key)
    names = types[operation["entity_type"]].primary_key_attributes
    return [str(operation["entity_data"].get(name, "")) for name in names]


def is_recoverable(batch: Sequence[Any]) -> bool:
    """Return whether every creation names its ids, so that a repetition cannot create a second entity."""
    return all(
        isinstance(each, Mapping)
        and (each.get("action") != "create" or "entity_key" in each or "id" in each["entity_data"])
        for each in batch
    )
