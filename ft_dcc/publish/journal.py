"""The journal of a job: one line of JSON an event, appended and on the disk before the next thing begins."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path, PurePath
from typing import Any, Callable

import attrs

from ft_dcc.errors import DiskUnusable, JobNotFound
from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.host import Scene, Soundtrack
from ft_dcc.media import Colour, FilmFacts, Media
from ft_dcc.publish import records

_SYNC_SECONDS = 0.05

# A value is written as {"type": its text} or {"type": its fields}: a person reads it, and nothing is guessed.
_TEXTS: dict[str, Callable[[str], Any]] = {
    "FrameRange": FrameRange.parse,
    "Resolution": Resolution.parse,
    "Fraction": Fraction,
    "Path": Path,
}
_RECORDS: dict[str, type] = {
    record.__name__: record
    for record in (
        Colour,
        FilmFacts,
        Frames,
        Media,
        Scene,
        Soundtrack,
        records.Asset,
        records.Captured,
        records.CapturedCamera,
        records.Clip,
        records.Component,
        records.Details,
        records.Extra,
        records.PublishRequest,
        records.Registered,
        records.Review,
        records.ReviewEntry,
        records.Shot,
        records.Source,
        records.Task,
    )
}


def write_value(value: Any) -> str:
    """Return one line of JSON for a value made of plain data and of the suite's own types."""
    return json.dumps(value, default=_plain)


def read_value(text: str) -> Any:
    """Return the value that ``write_value`` wrote; raises ValueError for anything else."""
    return json.loads(text, object_hook=_typed)


def _plain(value: Any) -> dict[str, Any]:
    name = "Path" if isinstance(value, PurePath) else type(value).__name__
    if name in _TEXTS:
        return {name: str(value)}
    if name in _RECORDS:
        return {name: {field.name: getattr(value, field.name) for field in attrs.fields(type(value))}}
    raise TypeError(f"{name} has no text form that the journal knows")


def _typed(plain: dict[str, Any]) -> Any:
    if len(plain) == 1:
        ((name, content),) = plain.items()
        if name in _TEXTS:
            return _TEXTS[name](content)
        if name in _RECORDS:
            # JSON knows no tuple, and our records know nothing else.
            return _RECORDS[name](**{key: tuple(v) if isinstance(v, list) else v for key, v in content.items()})
    return plain


@attrs.define
class Journal:
    """A file that only grows; a line that a crash cut short does not count."""

    path: Path
    _synced_at: float = attrs.field(default=-math.inf, init=False, eq=False)
    _is_synced: bool = attrs.field(default=True, init=False, eq=False)

    def append(self, event: Mapping[str, Any]) -> None:
        """The event is on the disk; raises DiskUnusable."""
        self._write(f"{write_value(event)}\n", is_synced=True)

    def note(self, event: Mapping[str, Any]) -> None:
        """The event outlives this process at once, and a power cut after the next ``sync``; raises DiskUnusable.

        A thousand short steps share what a disk takes its time for: it is synced where 50 ms have passed.
        """
        self._write(f"{write_value(event)}\n", is_synced=time.monotonic() - self._synced_at > _SYNC_SECONDS)

    def sync(self) -> None:
        """Every event is on the disk; raises DiskUnusable."""
        if not self._is_synced:
            self._write("", is_synced=True)

    def _write(self, text: str, *, is_synced: bool) -> None:
        try:
            with self.path.open("ab") as file:
                file.write(text.encode("ascii"))
                file.flush()
                if is_synced:
                    os.fsync(file.fileno())
                    self._synced_at = time.monotonic()
        except OSError as error:
            raise DiskUnusable(
                f"The journal {self.path} cannot be written: {error.strerror}. Free space there, then resume the job."
            ) from error
        self._is_synced = is_synced

    def events(self) -> list[dict[str, Any]]:
        """Every event from the first on; raises JobNotFound when the file is gone or is no journal."""
        try:
            # Not splitlines(): it also breaks at signs that JSON allows within a string.
            lines = self.path.read_bytes().split(b"\n")[:-1]
        except OSError as error:
            raise JobNotFound(
                f"There is no readable journal at {self.path}: {error.strerror}. See the jobs with: ft-dcc queue list."
            ) from error
        return [self._event(number, line) for number, line in enumerate(lines, 1)]

    def _event(self, number: int, line: bytes) -> dict[str, Any]:
        try:
            event: dict[str, Any] = read_value(line.decode("ascii"))
        except (ValueError, TypeError) as error:
            raise JobNotFound(
                f"The journal {self.path} is damaged in line {number}. What was captured lies beside it; "
                f"publish that, or give the job up: ft-dcc queue drop {self.path.parent.name}."
            ) from error
        return event

    def mend(self) -> None:
        """What a crash left of a line is gone, so that the next one can be appended."""
        try:
            with self.path.open("r+b") as file:
                file.truncate(file.read().rfind(b"\n") + 1)
        except OSError as error:
            raise JobNotFound(f"There is no journal at {self.path}: {error.strerror}.") from error
