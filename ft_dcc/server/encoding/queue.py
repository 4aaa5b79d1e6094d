"""The queue of ``encode_media`` in the database.

Clients see a Job. Beside it is a row that no client can write: the component, the version and the caller.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID, uuid4, uuid5

import attrs
from sqlalchemy import Connection, delete, select, update

from ft_dcc import errors
from ft_dcc.files import sequences
from ft_dcc.server.database import clock
from ft_dcc.server.database.private_tables import ENCODE_QUEUE
from ft_dcc.server.entities import authorization, write
from ft_dcc.server.entities.batch import Answer, Batch, Operation, create_operation
from ft_dcc.server.errors import ValidationError
from ft_dcc.server.identity import Caller
from ft_dcc.server.schema.tables import Tables
from ft_dcc.server.storage.derived_media import find_ffmpeg

MOVIE, STILL, THUMBNAIL = "ftrackreview-mp4", "ftrackreview-image", "thumbnail"
FORMATS = {MOVIE: "video/mp4", STILL: "image/jpeg", THUMBNAIL: "image/jpeg"}
_SUFFIXES = {"video/mp4": ".mp4", "image/jpeg": ".jpg"}
QUEUED, RUNNING, DONE, FAILED = "queued", "running", "done", "failed"


@attrs.frozen
class PendingEncode:
    """An unfinished job: the component, its version, whether the source is kept, the caller, attempts and time."""

    job_id: str
    component_id: str
    version_id: str | None
    is_source_kept: bool
    caller: Caller
    attempts: int
    created_at: float

    def output_id(self, component_name: str) -> str:
        """Return the id of a component that the job makes; it is the same at each attempt."""
        return str(uuid5(UUID(self.job_id), component_name))

    def create_output(self, component_name: str) -> list[Operation]:
        """Return the operations that create a component for an output; it is in no location yet."""
        output_id = self.output_id(component_name)
        suffix = _SUFFIXES[FORMATS[component_name]]
        component = {"id": output_id, "name": component_name, "file_type": suffix, "version_id": self.version_id}
        attached = {"job_id": self.job_id, "component_id": output_id}
        return [create_operation("FileComponent", component), create_operation("JobComponent", attached)]

    def data(self, name: str | None, file_type: str | None, **more: Any) -> str:
        """Return the JSON of the job's ``data`` for a source of this name and type, with more values."""
        output = [
            {"format": FORMATS[found], "component_id": self.output_id(found)} for found in output_names(file_type)
        ]
        known = {
            "description": f"Encoding {name or 'a component'} for browsers",
            "output": output,
            "source_component_id": self.component_id,
            "keep_original": self.is_source_kept,
        }
        return json.dumps({**known, **more})


def output_names(file_type: str | None) -> tuple[str, str]:
    """Return the names of the components that are made from a source."""
    return STILL if source_suffix(file_type) in sequences.IMAGE_SUFFIXES else MOVIE, THUMBNAIL


def source_suffix(file_type: str | None) -> str:
    """Return a known suffix for the encoder's source file: that of an image, .mp4, or .movie for all others."""
    given = f".{(file_type or '').strip().lstrip('.').lower()}"
    return given if given in (*sequences.IMAGE_SUFFIXES, ".mp4") else ".movie"


def encode_media(batch: Batch, operation: Operation) -> Answer:
    """Queue a job that makes media for browsers from a component's file, and return its id.

    Its output components exist at once, as clients expect, and are added to a location when they are complete.
    Raises ValidationError when there is no such file or version, or no encoder.
    """
    component_id, version_id = operation.get("component_id"), operation.get("version_id")
    component = batch.row("Component", component_id if isinstance(component_id, str) else None)
    if component is None or not _has_files(batch, component):
        raise ValidationError("encode_media needs a component in the ftrack.server location. Add it there first.")
    authorization.check_key_access(batch, authorization.UPDATE, batch.schema["Component"], component["id"])
    if version_id is not None:
        if not isinstance(version_id, str) or batch.row("AssetVersion", version_id) is None:
            raise ValidationError("encode_media is for a version that does not exist. Check the version_id.")
        authorization.check_key_access(batch, authorization.UPDATE, batch.schema["AssetVersion"], version_id)
    try:
        find_ffmpeg("Encoding")
    except (errors.MissingExtra, errors.SettingInvalid) as error:
        raise ValidationError(f"'encode_media' is not available on this server. {error}") from error
    is_source_kept = operation.get("keep_original") is not False
    pending = PendingEncode(str(uuid4()), component["id"], version_id, is_source_kept, batch.caller, 0, clock.now())
    file_type = None if is_sequence(component) else component["file_type"]
    data = pending.data(component["name"], file_type, progress=0)
    job = {"id": pending.job_id, "type": "encode_media", "status": QUEUED, "data": data}
    write.create_entity(batch, create_operation("Job", job))
    for output in output_names(file_type):
        for operation in pending.create_output(output):
            write.create_entity(batch, operation)
    caller = {"user_id": batch.caller.id, "username": batch.caller.username}
    row = {"job_id": pending.job_id, "component_id": pending.component_id, "version_id": version_id, **caller}
    state = {"is_kept": is_source_kept, "begun": 0, "created_at": pending.created_at}
    batch.connection.execute(ENCODE_QUEUE.insert(), {**row, **state})
    return {"action": "encode_media", "job_id": pending.job_id}


def is_sequence(component: Mapping[str, Any]) -> bool:
    """Return whether a component is a sequence of images, which becomes a movie."""
    return bool(component.get("__entity_type__") == "SequenceComponent")


def _has_files(batch: Batch, component: Mapping[str, Any]) -> bool:
    """Return whether the file of a component, or the files of all members of a sequence, are on the server."""
    if not is_sequence(component):
        return batch.services.media.exists(component["id"])
    member = batch.tables.by_family["Component"]
    ids = list(batch.connection.scalars(select(member.c.id).where(member.c.container_id == component["id"])))
    return bool(ids) and all(batch.services.media.exists(each) for each in ids)


def waiting_jobs(connection: Connection) -> list[tuple[str, str]]:
    """Return the ids of the jobs in the queue and of their users, the oldest first."""
    found = connection.execute(select(ENCODE_QUEUE.c.job_id, ENCODE_QUEUE.c.user_id).order_by(ENCODE_QUEUE.c.id))
    return [(row.job_id, row.user_id) for row in found]


def read_pending(connection: Connection, job_id: str) -> PendingEncode | None:
    """Return a job of the queue, or None if it is not in it any more."""
    row = connection.execute(select(ENCODE_QUEUE).where(ENCODE_QUEUE.c.job_id == job_id)).first()
    if row is None:
        return None
    caller = Caller(row.user_id, row.username)
    return PendingEncode(row.job_id, row.component_id, row.version_id, row.is_kept, caller, row.begun, row.created_at)


def delete_pending(connection: Connection, job_id: str) -> None:
    """Remove the job from the queue."""
    connection.execute(delete(ENCODE_QUEUE).where(ENCODE_QUEUE.c.job_id == job_id))


def add_attempts(connection: Connection, job_id: str, count: int) -> None:
    """Add to the number of times that the job was begun."""
    connection.execute(
        update(ENCODE_QUEUE).where(ENCODE_QUEUE.c.job_id == job_id).values(begun=ENCODE_QUEUE.c.begun + count)
    )


def versions_being_encoded(connection: Connection, tables: Tables, version_ids: Collection[str]) -> set[str]:
    """Return those of the versions that have an unfinished job."""
    job = tables.by_family["Job"]
    is_open = ENCODE_QUEUE.c.job_id.in_(select(job.c.id).where(job.c.status.in_((QUEUED, RUNNING))))
    return set(
        connection.scalars(select(ENCODE_QUEUE.c.version_id).where(ENCODE_QUEUE.c.version_id.in_(version_ids), is_open))
    )
