"""One job of ``encode_media`` from its beginning to its end, as clients see it and as the database has it."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import select

from ft_dcc.errors import Cancelled, EncodeFailed
from ft_dcc.server.api import answer
from ft_dcc.server.encoding import DONE, FAILED, FORMATS, QUEUED, RUNNING, THUMBNAIL, Owed, suffix_of
from ft_dcc.server.entities.batch import Operation, change, creation, removal
from ft_dcc.server.files import SERVER_LOCATION_ID
from ft_dcc.server.query.values import now
from ft_dcc.server.rights import UNLIMITED
from ft_dcc.server.studio import Studio
from ft_dcc.server.workshop import Made

_REPORT_SECONDS = 1


class EncodeJob:
    """A job that an encoder has begun; raises EncodeFailed when its source is gone."""

    def __init__(self, studio: Studio, owed: Owed) -> None:
        self._studio, self._owed = studio, owed
        self._reported = 0.0
        component = self._row("Component", owed.component_id)
        self._component = component or {}
        self.name = f"{self._component.get('name') or ''}{self._component.get('file_type') or ''}" or "the component"

    def begin(self) -> None:
        """Whoever looks sees that it is running."""
        self._act([self._change(status=RUNNING, data=self._data(progress=0))])

    def link_source(self, folder: Path) -> Path:
        """Return the source under a name in the folder; it stays what it is, even if other bytes are uploaded."""
        source = folder / f"source{suffix_of(self._component.get('file_type'))}"
        path = self._studio.files.path(self._owed.component_id)
        try:
            os.link(path, source)
        except FileNotFoundError as error:
            raise EncodeFailed("The bytes of the component are not on the server any more.") from error
        except OSError:  # Not every disk has links.
            shutil.copyfile(path, source)
        return source

    def report(self, percent: int) -> None:
        """Whoever looks sees how much is done; raises Cancelled when the job was ended or deleted by somebody."""
        if time.monotonic() - self._reported < _REPORT_SECONDS:
            return
        self._reported = time.monotonic()
        if not self._is_in(RUNNING):
            raise Cancelled("The job was ended by somebody.")
        self._act([self._change(data=self._data(progress=percent))])

    def finish(self, made: Sequence[Made]) -> None:
        """The components are there with their bytes, and the job is done: all of it, or nothing."""
        for each in made:
            self._studio.files.adopt(each.path, self._owed.output_id(each.component_name))
        done = self._change(status=DONE, finished_at=_moment(), data=self._data(progress=100))
        self._act([*self._registering(made), *self._describing_version(), *self._removing_source(), done])

    def wait(self, reason: str) -> None:
        """The job says what it waits for; it is begun again later."""
        if self._is_in(RUNNING):
            self._act([self._change(status=QUEUED, data=self._data(progress=0, waiting=reason))])

    def fail(self, reason: str) -> None:
        """The job says why it failed, and nothing that it made is left."""
        data = self._data(output=[], error=reason)
        self.clean()
        if self._is_in(QUEUED, RUNNING):
            self._act([self._change(status=FAILED, finished_at=_moment(), data=data)])

    def clean(self) -> None:
        """Nothing that was not finished is left, nor a source that belongs to nothing and was not to be kept."""
        operations = []
        for output_id in map(self._owed.output_id, FORMATS):
            if not self._is_in_place(output_id):
                self._studio.files.remove(output_id)
                operations += [removal("FileComponent", output_id)] if self._row("Component", output_id) else []
        if self._component.get("version_id") is None and self._component.get("container_id") is None:
            operations += self._removing_source()
        self._act(operations)

    def _registering(self, made: Sequence[Made]) -> list[Operation]:
        owed, operations = self._owed, []
        for each in made:
            component_id = owed.output_id(each.component_name)
            size = {"size": self._studio.files.size(component_id)}
            place = {"id": str(uuid4()), "component_id": component_id, "resource_identifier": component_id}
            operations += [
                # Somebody may have removed it since the job was made.
                *([] if self._row("Component", component_id) else owed.announcing(each.component_name)),
                change("FileComponent", component_id, size),
                *(creation("Metadata", entry) for entry in _metadata(component_id, each)),
                creation("ComponentLocation", {**place, "location_id": SERVER_LOCATION_ID}),
            ]
        return operations

    def _describing_version(self) -> list[Operation]:
        version = self._row("AssetVersion", self._owed.version_id)
        if version is None or version["thumbnail_id"] is not None:
            return []
        picture = {"thumbnail_id": self._owed.output_id(THUMBNAIL)}
        return [change("AssetVersion", version["id"], picture)]

    def _removing_source(self) -> list[Operation]:
        if self._owed.is_kept:
            return []
        return [removal("FileComponent", self._owed.component_id)]

    def _data(self, **more: Any) -> str:
        return self._owed.data(self._component.get("name"), self._component.get("file_type"), **more)

    def _change(self, **values: Any) -> Operation:
        return change("Job", self._owed.job_id, values)

    def _act(self, operations: list[Operation]) -> None:
        # Whether the user may was asked when the job was made; a project may have been closed to him since.
        if operations:
            answer(self._studio, self._owed.caller, operations, "", rights=UNLIMITED)

    def _is_in(self, *statuses: str) -> bool:
        """Whether the job is there, in one of these statuses."""
        job = self._row("Job", self._owed.job_id)
        return job is not None and job["status"] in statuses

    def _is_in_place(self, component_id: str) -> bool:
        """Whether the component is in the server's location, and so whole."""
        store = self._studio.store
        place = store.tables.by_family["ComponentLocation"]
        is_it = place.c.component_id == component_id, place.c.location_id == SERVER_LOCATION_ID
        with store.reading() as connection:
            return connection.execute(select(place.c.id).where(*is_it)).first() is not None

    def _row(self, family: str, entity_id: str | None) -> dict[str, Any] | None:
        store = self._studio.store
        with store.reading() as connection:
            found = connection.execute(store.tables.by_id[family], {"id": entity_id}).mappings().first()
        return None if found is None else dict(found)


def _metadata(component_id: str, made: Made) -> list[dict[str, str]]:
    """What players read of it: docs/decisions/0004. The frames of a film whose numbers nobody said begin at 0."""
    size = {"width": made.width, "height": made.height}
    if made.fps is None:
        told: dict[str, Any] = {"ftr_meta": {"format": "image", **size}}
    else:
        rate, last = float(Fraction(made.fps)), made.frame_count - 1
        exact = {"fps": made.fps, "first_frame": 0, "frame_count": made.frame_count}
        told = {"ftr_meta": {"frameIn": 0, "frameOut": last, "frameRate": rate, **size}, "ft_dcc": exact}
    parent = {"parent_id": component_id, "parent_type": "FileComponent"}
    return [{**parent, "key": key, "value": json.dumps(value)} for key, value in told.items()]


def _moment() -> dict[str, str]:
    return {"__type__": "datetime", "value": now()}
