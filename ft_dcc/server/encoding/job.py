"""One job of ``encode_media``, from its begin to its end."""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import select

from ft_dcc.errors import Cancelled, EncodeFailed, SettingInvalid
from ft_dcc.files.sequences import IMAGE_SUFFIXES
from ft_dcc.frames import frame_rate
from ft_dcc.server.auth.permissions import UNLIMITED
from ft_dcc.server.context import ServerContext
from ft_dcc.server.database import clock
from ft_dcc.server.database.seed import SERVER_LOCATION_ID
from ft_dcc.server.encoding import process, queue
from ft_dcc.server.entities.batch import Operation, create_operation, delete_operation, update_operation
from ft_dcc.server.errors import Forbidden

_log = logging.getLogger(__name__)

_REPORT_INTERVAL_SECONDS = 1


class EncodeJob:
    """A job that the worker runs, and what clients see of it; ``answer`` is that of the dispatcher."""

    def __init__(self, context: ServerContext, answer: Callable[..., list[Any]], pending: queue.PendingEncode) -> None:
        self._context, self._answer, self._pending = context, answer, pending
        self._reported_at = 0.0
        # Movies begin at 0, sequences at their first number.
        self._first_frame = 0
        component = self._row("Component", pending.component_id)
        self._component = component or {}
        self.name = f"{self._component.get('name') or ''}{self._component.get('file_type') or ''}" or "the component"

    def begin(self) -> None:
        """Set the job to running."""
        self._run([self._change(status=queue.RUNNING, data=self._data(progress=0))])

    def link_source(self, folder: Path) -> Path:
        """Link the source into the folder and return its path; a later upload of the component does not change it.

        The source of a sequence is a folder with its images. Raises EncodeFailed when the source is gone.
        """
        if queue.is_sequence(self._component):
            return self._link_images(folder / "source")
        source = folder / f"source{queue.source_suffix(self._component.get('file_type'))}"
        return copy_source(self._context.media.path(self._pending.component_id), source)

    @property
    def fps(self) -> str | None:
        """The rate of a sequence, from the metadata ``ft_dcc`` of its component; None for files and without one."""
        metadata = self._context.store.tables.by_family["Metadata"]
        is_own = metadata.c.parent_id == self._pending.component_id, metadata.c.key == "ft_dcc"
        with self._context.store.reading() as connection:
            found = connection.scalar(select(metadata.c.value).where(*is_own))
        if found is None or not queue.is_sequence(self._component):
            return None
        try:
            return str(frame_rate(json.loads(found)["fps"]))
        except (ValueError, TypeError, KeyError, SettingInvalid) as error:
            raise EncodeFailed(
                f"The rate of {self.name} cannot be read: {found[:80]}. Set a rate such as 24."
            ) from error

    def _link_images(self, folder: Path) -> Path:
        """Link the members of a sequence, whose names are their frame numbers."""
        member = self._context.store.tables.by_family["Component"]
        statement = select(member.c.id, member.c.name, member.c.file_type).where(
            member.c.container_id == self._pending.component_id
        )
        with self._context.store.reading() as connection:
            members = connection.execute(statement).all()
        folder.mkdir()
        for row in members:
            suffix = queue.source_suffix(row.file_type)
            if not row.name.isascii() or not row.name.isdecimal() or suffix not in IMAGE_SUFFIXES:
                raise EncodeFailed(f"'{row.name}{row.file_type or ''}' of {self.name} is no numbered image.")
            copy_source(self._context.media.path(row.id), folder / f"source.{int(row.name):04}{suffix}")
        self._first_frame = min((int(row.name) for row in members), default=0)
        return folder

    def report(self, percent: int) -> None:
        """Store the progress, at most once a second; raises Cancelled when a client ended or deleted the job."""
        if time.monotonic() - self._reported_at < _REPORT_INTERVAL_SECONDS:
            return
        self._reported_at = time.monotonic()
        if not self._is_in(queue.RUNNING):
            raise Cancelled("The job was ended by a client.")
        self._run([self._change(data=self._data(progress=percent))])

    def finish(self, outputs: Sequence[process.EncodedOutput]) -> None:
        """Store the outputs and set the job to done, all in one transaction."""
        for each in outputs:
            self._context.media.import_file(each.path, self._pending.output_id(each.component_name))
        done = self._change(status=queue.DONE, finished_at=_now(), data=self._data(progress=100))
        self._run([*self._register_outputs(outputs), *self._set_thumbnail(), *self._remove_source(), done])

    def wait(self, reason: str) -> None:
        """Set the job to queued again, with what it waits for."""
        if self._is_in(queue.RUNNING):
            self._run_as_server([self._change(status=queue.QUEUED, data=self._data(progress=0, waiting=reason))])

    def fail(self, reason: str) -> None:
        """Set the job to failed with the reason, and remove its outputs."""
        data = self._data(output=[], error=reason)
        self.clean()
        if self._is_in(queue.QUEUED, queue.RUNNING):
            self._run_as_server([self._change(status=queue.FAILED, finished_at=_now(), data=data)])

    def clean(self) -> None:
        """Remove unfinished outputs, and a source that belongs to nothing and was not to be kept."""
        operations = []
        for output_id in map(self._pending.output_id, queue.FORMATS):
            if not self._is_stored(output_id):
                self._context.media.remove(output_id)
                operations += (
                    [delete_operation("FileComponent", output_id)] if self._row("Component", output_id) else []
                )
        if self._component.get("version_id") is None and self._component.get("container_id") is None:
            self._remove_unused_source()
        # These were made by the server for this job and never published.
        if operations:
            self._run_as_server(operations)

    def _remove_unused_source(self) -> None:
        try:
            self._run(self._remove_source())
        except Forbidden:
            _log.warning("the source of a job was kept: its user may not delete it any more")

    def _register_outputs(self, outputs: Sequence[process.EncodedOutput]) -> list[Operation]:
        pending, operations = self._pending, []
        for each in outputs:
            component_id = pending.output_id(each.component_name)
            size = {"size": self._context.media.size(component_id)}
            place = {"id": str(uuid4()), "component_id": component_id, "resource_identifier": component_id}
            operations += [
                # A client may have deleted it since the job was made.
                *([] if self._row("Component", component_id) else pending.create_output(each.component_name)),
                update_operation("FileComponent", component_id, size),
                *(create_operation("Metadata", entry) for entry in _metadata(component_id, each, self._first_frame)),
                create_operation("ComponentLocation", {**place, "location_id": SERVER_LOCATION_ID}),
            ]
        return operations

    def _set_thumbnail(self) -> list[Operation]:
        version = self._row("AssetVersion", self._pending.version_id)
        if version is None or version["thumbnail_id"] is not None:
            return []
        thumbnail = {"thumbnail_id": self._pending.output_id(queue.THUMBNAIL)}
        return [update_operation("AssetVersion", version["id"], thumbnail)]

    def _remove_source(self) -> list[Operation]:
        if self._pending.is_source_kept:
            return []
        return [delete_operation("FileComponent", self._pending.component_id)]

    def _data(self, **more: Any) -> str:
        file_type = None if queue.is_sequence(self._component) else self._component.get("file_type")
        return self._pending.data(self._component.get("name"), file_type, **more)

    def _change(self, **values: Any) -> Operation:
        return update_operation("Job", self._pending.job_id, values)

    def _run(self, operations: list[Operation]) -> None:
        """Run operations with the permissions that the user has now; raises Forbidden.

        A project may have been closed to the user since the job was made, the user deactivated, or a key revoked.
        """
        if operations:
            # The review session may have been closed since: reviewers see the same media, in another encoding.
            options = {"may_change_closed": True, "valid_since": self._pending.created_at}
            self._answer(self._pending.caller, operations, **options)

    def _run_as_server(self, operations: list[Operation]) -> None:
        """Run operations that end the job, whatever its user may do now."""
        self._answer(self._pending.caller, operations, permissions=UNLIMITED, may_change_closed=True)

    def _is_in(self, *statuses: str) -> bool:
        """Return whether the job exists in one of these statuses."""
        job = self._row("Job", self._pending.job_id)
        return job is not None and job["status"] in statuses

    def _is_stored(self, component_id: str) -> bool:
        """Return whether the component is in the server's location, and so complete."""
        store = self._context.store
        place = store.tables.by_family["ComponentLocation"]
        conditions = place.c.component_id == component_id, place.c.location_id == SERVER_LOCATION_ID
        with store.reading() as connection:
            return connection.execute(select(place.c.id).where(*conditions)).first() is not None

    def _row(self, family: str, entity_id: str | None) -> dict[str, Any] | None:
        store = self._context.store
        with store.reading() as connection:
            found = connection.execute(store.tables.by_id[family], {"id": entity_id}).mappings().first()
        return None if found is None else dict(found)


def copy_source(path: Path, source: Path) -> Path:
    """Link or copy a media file to the path of a source, and return that; raises EncodeFailed when it is gone."""
    try:
        os.link(path, source)
    except FileNotFoundError as error:
        raise EncodeFailed("The bytes of the component are not on the server any more.") from error
    except OSError:  # Not every file system has links.
        shutil.copyfile(path, source)
    return source


def _metadata(component_id: str, output: process.EncodedOutput, first: int) -> list[dict[str, str]]:
    """Return the metadata that players read (docs/decisions/0004), with the number of the first frame."""
    size = {"width": output.width, "height": output.height}
    if output.fps is None:
        values: dict[str, Any] = {"ftr_meta": {"format": "image", **size}}
    else:
        rate, last = float(Fraction(output.fps)), first + output.frame_count - 1
        exact = {"fps": output.fps, "first_frame": first, "frame_count": output.frame_count}
        values = {"ftr_meta": {"frameIn": first, "frameOut": last, "frameRate": rate, **size}, "ft_dcc": exact}
    parent = {"parent_id": component_id, "parent_type": "FileComponent"}
    return [{**parent, "key": key, "value": json.dumps(value)} for key, value in values.items()]


def _now() -> dict[str, str]:
    return {"__type__": "datetime", "value": clock.now_text()}
