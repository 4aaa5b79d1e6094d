"""``encode_media``: what is asked for and not done yet, kept in the database until it is.

The job is what clients see of it. Beside it stands a row of our own that nobody else can write: what to encode, for
which version, and who asked.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any
from uuid import UUID, uuid4, uuid5

import attrs
from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    delete,
    select,
    update,
)

from ft_dcc.errors import ExtraMissing, ValidationError
from ft_dcc.frames import IMAGE_SUFFIXES
from ft_dcc.server.access import Caller
from ft_dcc.server.entities.batch import Answer, Batch, Operation, creation
from ft_dcc.server.entities.create import create
from ft_dcc.server.entities.guard import check_rows
from ft_dcc.server.foreign import find_ffmpeg
from ft_dcc.server.schema.tables import Tables

_METADATA = MetaData()
_OWED = Table(
    "ft_dcc_encoding",
    _METADATA,
    Column("id", Integer, primary_key=True),
    Column("job_id", String, nullable=False, unique=True),
    Column("component_id", String, nullable=False),
    Column("version_id", String, index=True),
    Column("is_kept", Boolean, nullable=False),
    Column("user_id", String, nullable=False),
    Column("username", String, nullable=False),
    Column("begun", Integer, nullable=False),
)
FILM, STILL, THUMBNAIL = "ftrackreview-mp4", "ftrackreview-image", "thumbnail"
FORMATS = {FILM: "video/mp4", STILL: "image/jpeg", THUMBNAIL: "image/jpeg"}
_SUFFIXES = {"video/mp4": ".mp4", "image/jpeg": ".jpg"}
QUEUED, RUNNING, DONE, FAILED = "queued", "running", "done", "failed"
_OPEN = (QUEUED, RUNNING)


@attrs.frozen
class Owed:
    """One job that is not done: what to encode, for which version, whether the source stays, and for whom.

    ``begun`` counts how often it was begun.
    """

    job_id: str
    component_id: str
    version_id: str | None
    is_kept: bool
    caller: Caller
    begun: int

    def output_id(self, component_name: str) -> str:
        """Return the id of a component that the job makes: the same however often it is begun."""
        return str(uuid5(UUID(self.job_id), component_name))

    def announcing(self, component_name: str) -> list[Operation]:
        """Return what makes a component known that the job is to fill: it is in no location yet."""
        output_id = self.output_id(component_name)
        suffix = _SUFFIXES[FORMATS[component_name]]
        component = {"id": output_id, "name": component_name, "file_type": suffix, "version_id": self.version_id}
        attached = {"job_id": self.job_id, "component_id": output_id}
        return [creation("FileComponent", component), creation("JobComponent", attached)]

    def data(self, name: str | None, file_type: str | None, **more: Any) -> str:
        """Return the job's data: what the source is called, what becomes of it, and what else is to be told."""
        made = outputs_of(file_type)
        output = [{"format": FORMATS[each], "component_id": self.output_id(each)} for each in made]
        known = {
            "description": f"Encoding {name or 'a component'} for browsers",
            "output": output,
            "source_component_id": self.component_id,
            "keep_original": self.is_kept,
        }
        return json.dumps({**known, **more})


def outputs_of(file_type: str | None) -> tuple[str, str]:
    """Return the names of the components that are made of a source."""
    return STILL if suffix_of(file_type) in IMAGE_SUFFIXES else FILM, THUMBNAIL


def suffix_of(file_type: str | None) -> str:
    """Return what a source is called for the encoder, one of a few texts of our own: .png and the like, .mp4, .film."""
    given = f".{(file_type or '').strip().lstrip('.').lower()}"
    return next((known for known in (*IMAGE_SUFFIXES, ".mp4") if known == given), ".film")


def create_tables(connection: Connection) -> None:
    """Have the table in the database; harmless when it is there."""
    _METADATA.create_all(connection)


def encode_media(batch: Batch, operation: Operation) -> Answer:
    """A job is queued that makes films and pictures for browsers of a component's bytes; its id is told.

    The components that it is to fill are there, as clients expect, and in no location before they are whole.
    Raises ValidationError when there are no such bytes, no such version, or nothing here that encodes.
    """
    component_id, version_id = operation.get("component_id"), operation.get("version_id")
    component = batch.row("Component", component_id if isinstance(component_id, str) else None)
    if component is None or not batch.studio.files.exists(component["id"]):
        raise ValidationError("encode_media needs a component in the ftrack.server location. Add it there first.")
    check_rows(batch, batch.studio.schema["Component"], [[component["id"]]])
    if version_id is not None:
        if not isinstance(version_id, str) or batch.row("AssetVersion", version_id) is None:
            raise ValidationError("encode_media is for a version that does not exist. Check the version_id.")
        check_rows(batch, batch.studio.schema["AssetVersion"], [[version_id]])
    _require_encoder()
    is_kept = operation.get("keep_original") is not False
    owed = Owed(str(uuid4()), component["id"], version_id, is_kept, batch.caller, 0)
    data = owed.data(component["name"], component["file_type"], progress=0)
    job = {"id": owed.job_id, "type": "encode_media", "status": QUEUED, "data": data}
    create(batch, creation("Job", job))
    for output in outputs_of(component["file_type"]):
        for operation in owed.announcing(output):
            create(batch, operation)
    caller = {"user_id": batch.caller.id, "username": batch.caller.username}
    row = {"job_id": owed.job_id, "component_id": owed.component_id, "version_id": version_id, "is_kept": is_kept}
    batch.connection.execute(_OWED.insert(), {**row, **caller, "begun": 0})
    return {"action": "encode_media", "job_id": owed.job_id}


def next_owed(connection: Connection, tables: Tables) -> Owed | None:
    """Return the oldest job that is not done, or None."""
    row = connection.execute(select(_OWED).where(_is_open(tables)).order_by(_OWED.c.id).limit(1)).first()
    return None if row is None else _read(row)


def ended(connection: Connection, tables: Tables) -> list[Owed]:
    """Return the jobs that are done, or that somebody has deleted or ended, and that are not forgotten yet."""
    return [_read(row) for row in connection.execute(select(_OWED).where(~_is_open(tables)))]


def forget(connection: Connection, job_id: str) -> None:
    """Nothing is owed for the job any more."""
    connection.execute(delete(_OWED).where(_OWED.c.job_id == job_id))


def note_begun(connection: Connection, job_id: str, more: int) -> None:
    """The job was begun so many times more."""
    connection.execute(update(_OWED).where(_OWED.c.job_id == job_id).values(begun=_OWED.c.begun + more))


def versions_in_work(connection: Connection, tables: Tables, version_ids: Collection[str]) -> set[str]:
    """Return those of the versions that a job which is not done makes media for."""
    is_it = _OWED.c.version_id.in_(version_ids), _is_open(tables)
    return set(connection.scalars(select(_OWED.c.version_id).where(*is_it)))


def _is_open(tables: Tables) -> ColumnElement[bool]:
    job = tables.by_family["Job"]
    return _OWED.c.job_id.in_(select(job.c.id).where(job.c.status.in_(_OPEN)))


def _read(row: Row[Any]) -> Owed:
    caller = Caller(row.user_id, row.username)
    return Owed(row.job_id, row.component_id, row.version_id, row.is_kept, caller, row.begun)


def _require_encoder() -> None:
    try:
        find_ffmpeg("Encoding")
    except ExtraMissing as error:
        raise ValidationError(f"'encode_media' is not done here. {error}") from error
