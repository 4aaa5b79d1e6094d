"""The encode of a file in a process that runs ``ft_dcc.media``, and one job of ``encode_media`` from begin to end."""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import uuid4

import attrs
from sqlalchemy import select

from ft_dcc import errors, frames
from ft_dcc.files.sequences import IMAGE_SUFFIXES
from ft_dcc.review.stored_values import MOVIE_KEY, first_integer, json_object
from ft_dcc.server.auth.permissions import UNLIMITED
from ft_dcc.server.context import ServerContext
from ft_dcc.server.database import clock, seed
from ft_dcc.server.encoding import queue
from ft_dcc.server.entities.batch import Operation, create_operation, delete_operation, update_operation
from ft_dcc.server.errors import Forbidden
from ft_dcc.server.work.queue import Work

_log = logging.getLogger(__name__)

_REPORT_INTERVAL_SECONDS = 1


@attrs.frozen
class EncodedOutput:
    """A file that browsers show, and the name of its component; ``fps`` is None for an image."""

    path: Path
    component_name: str
    width: int
    height: int
    fps: str | None
    frame_count: int


def encode(
    work: Work,
    source: Path,
    folder: Path,
    *,
    max_bytes: int,
    lines: int | None = None,
    watermark: str = "",
    fps: str | None = None,
    on_progress: Callable[[int], None] = lambda _percent: None,
) -> list[EncodedOutput]:
    """Encode a source to what browsers show, into a folder, in a process of its own, and return the outputs.

    With ``lines`` it makes one smaller movie, with ``watermark`` one copy with that text. A source that is a folder has
    numbered images, played at ``fps``. The process is stopped when its outputs exceed ``max_bytes``. ``on_progress`` is
    called with percents; what it raises is raised, and EncodeFailed and Cancelled.
    """
    unread = ""
    # The process' own limit counts the CPU time of all cores, and applies when this process has been killed.
    cpu_seconds = int(work.seconds + 1) * (os.cpu_count() or 1)
    options = {"source": str(source), "folder": str(folder), "seconds": cpu_seconds, "max_bytes": max_bytes}
    options |= {"lines": lines, "watermark": watermark, "fps": fps}
    command = [sys.executable, "-m", "ft_dcc.media.web_outputs", json.dumps(options)]
    with (folder / "progress").open("a+", encoding="ascii") as file:

        def watch() -> None:
            nonlocal unread
            *percents, unread = (unread + file.read()).split("\n")
            for percent in percents:
                on_progress(int(percent))

        result = json.loads(work.run(command, watch))
    if result.get("is_full"):
        raise errors.EncodeFailed("The server's disk has no room for the outputs. Free some space, then encode again.")
    if "error" in result:
        raise errors.EncodeFailed(str(result["error"]))
    return [EncodedOutput(folder / facts.pop("file"), **facts) for facts in result["made"]]


class EncodeJob:
    """A job that the worker runs, and what clients see of it; ``answer`` is that of the dispatcher."""

    def __init__(self, context: ServerContext, answer: Callable[..., list[Any]], pending: queue.PendingEncode) -> None:
        self._context, self._answer, self._pending = context, answer, pending
        self._reported_at = 0.0
        self._first_frame = 0
        component = self._row("Component", pending.component_id)
        self._component = component or {}
        self.name = f"{self._component.get('name') or ''}{self._component.get('file_type') or ''}" or "the component"

    @property
    def is_open(self) -> bool:
        """Whether the job is to be run: no client has ended or deleted it."""
        return self._is_in(queue.QUEUED, queue.RUNNING)

    def begin(self) -> None:
        """Set the job to running."""
        self._run([self._change(status=queue.RUNNING, data=self._data(progress=0))])

    def link_source(self, folder: Path) -> Path:
        """Link the source into the folder and return its path; a later upload of the component does not change it.

        The source of a sequence is a folder with its images, whose names are their frame numbers. Raises EncodeFailed
        when the source is gone.
        """
        component_id, media = self._pending.component_id, self._context.media
        if not queue.is_sequence(self._component):
            # A publisher writes the numbers of its frames; other movies begin at 0.
            self._first_frame = first_integer(json_object(self._exact_values()).get("first_frame")) or 0
            source = folder / f"source{queue.source_suffix(self._component.get('file_type'))}"
            return copy_source(media.path(component_id), source)
        member = self._context.store.tables.by_family["Component"]
        statement = select(member.c.id, member.c.name, member.c.file_type).where(member.c.container_id == component_id)
        with self._context.store.reading() as connection:
            members = connection.execute(statement).all()
        source = folder / "source"
        source.mkdir()
        for row in members:
            suffix = queue.source_suffix(row.file_type)
            if not row.name.isascii() or not row.name.isdecimal() or suffix not in IMAGE_SUFFIXES:
                raise errors.EncodeFailed(f"'{row.name}{row.file_type or ''}' of {self.name} is no numbered image.")
            copy_source(media.path(row.id), source / f"source.{int(row.name):04}{suffix}")
        self._first_frame = min((int(row.name) for row in members), default=0)
        return source

    @property
    def fps(self) -> str | None:
        """The rate of a sequence, from the metadata ``ft_dcc`` of its component; None for files and without one."""
        found = self._exact_values()
        if found is None or not queue.is_sequence(self._component):
            return None
        try:
            return str(frames.frame_rate(json.loads(found)["fps"]))
        except (ValueError, TypeError, KeyError, errors.SettingInvalid) as error:
            raise errors.EncodeFailed(
                f"The rate of {self.name} cannot be read: {found[:80]}. Set a rate such as 24."
            ) from error

    def _exact_values(self) -> str | None:
        """Return the metadata ``ft_dcc`` of the source."""
        metadata = self._context.store.tables.by_family["Metadata"]
        is_own = metadata.c.parent_id == self._pending.component_id, metadata.c.key == MOVIE_KEY
        with self._context.store.reading() as connection:
            found: str | None = connection.scalar(select(metadata.c.value).where(*is_own))
        return found

    def report(self, percent: int) -> None:
        """Store the progress, at most once a second; raises Cancelled when a client ended or deleted the job."""
        if time.monotonic() - self._reported_at < _REPORT_INTERVAL_SECONDS:
            return
        self._reported_at = time.monotonic()
        if not self._is_in(queue.RUNNING):
            raise errors.Cancelled("The job was ended by a client.")
        self._run([self._change(data=self._data(progress=percent))])

    def finish(self, outputs: Sequence[EncodedOutput]) -> None:
        """Store the outputs and set the job to done, all in one transaction."""
        pending, media, operations = self._pending, self._context.media, []
        for each in outputs:
            component_id = pending.output_id(each.component_name)
            media.import_file(each.path, component_id)
            # A client may have deleted it since the job was made.
            if not self._row("Component", component_id):
                operations += pending.create_output(each.component_name)
            place = {"id": str(uuid4()), "component_id": component_id, "resource_identifier": component_id}
            operations += [
                update_operation("FileComponent", component_id, {"size": media.size(component_id)}),
                *(create_operation("Metadata", entry) for entry in _metadata(component_id, each, self._first_frame)),
                create_operation("ComponentLocation", {**place, "location_id": seed.SERVER_LOCATION_ID}),
            ]
        version = self._row("AssetVersion", pending.version_id)
        if version is not None and version["thumbnail_id"] is None:
            thumbnail = {"thumbnail_id": pending.output_id(queue.THUMBNAIL)}
            operations.append(update_operation("AssetVersion", version["id"], thumbnail))
        done = self._change(status=queue.DONE, finished_at=_now(), data=self._data(progress=100))
        self._run([*operations, *self._remove_source(), done])

    def wait(self, reason: str) -> None:
        """Set the job to queued again, with what it waits for."""
        if self._is_in(queue.RUNNING):
            self._run_as_server([self._change(status=queue.QUEUED, data=self._data(progress=0, waiting=reason))])

    def fail(self, reason: str) -> None:
        """Set the job to failed with the reason, and remove its outputs."""
        data = self._data(output=[], error=reason)
        self.clean()
        if self.is_open:
            self._run_as_server([self._change(status=queue.FAILED, finished_at=_now(), data=data)])

    def clean(self) -> None:
        """Remove unfinished outputs, and a source that belongs to nothing and was not to be kept."""
        store, ids = self._context.store, [self._pending.output_id(name) for name in queue.FORMATS]
        place = store.tables.by_family["ComponentLocation"]
        conditions = place.c.component_id.in_(ids), place.c.location_id == seed.SERVER_LOCATION_ID
        with store.reading() as connection:
            # Those in the server's location are complete.
            stored = set(connection.scalars(select(place.c.component_id).where(*conditions)))
        operations = []
        for output_id in ids:
            if output_id not in stored:
                self._context.media.remove(output_id)
                if self._row("Component", output_id):
                    operations.append(delete_operation("FileComponent", output_id))
        if self._component.get("version_id") is None and self._component.get("container_id") is None:
            try:
                self._run(self._remove_source())
            except Forbidden:
                _log.warning("the source of a job was kept: its user may not delete it any more")
        # These were made by the server for this job and never published.
        if operations:
            self._run_as_server(operations)

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
        raise errors.EncodeFailed("The bytes of the component are not on the server any more.") from error
    except OSError:  # Not every file system has links.
        shutil.copyfile(path, source)
    return source


def _metadata(component_id: str, output: EncodedOutput, first: int) -> list[dict[str, str]]:
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
