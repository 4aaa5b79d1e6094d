"""The journal of a job: one line of JSON per event, appended and synced before the next step begins."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path, PurePath
from typing import Any, Callable

import attrs

from ft_dcc import errors, frames, host
from ft_dcc.files.atomic import write_remedy
from ft_dcc.media import EncodedFile, MovieInfo
from ft_dcc.publish import models
from ft_dcc.settings.resolve import source_of

_APPENDING = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
SYNC_INTERVAL_SECONDS = 0.05

# A value is written as {type: its text} or {type: its fields}, which people can read, too.
_TEXT_TYPES: dict[str, Callable[[str], Any]] = {
    "FrameRange": frames.FrameRange.parse,
    "Resolution": frames.Resolution.parse,
    "Fraction": Fraction,
    "Path": Path,
}
_KNOWN = (*vars(models).values(), EncodedFile, MovieInfo, host.Scene, host.Soundtrack)
_RECORD_TYPES = {each.__name__: each for each in _KNOWN if isinstance(each, type) and attrs.has(each)}


def write_value(value: Any) -> str:
    """Return one line of JSON for a value made of plain data and of the suite's own types."""
    return json.dumps(value, default=_to_plain)


def read_value(text: str) -> Any:
    """Return the value that ``write_value`` wrote; raise ValueError for other text."""
    return json.loads(text, object_hook=_from_plain)


def read_issues(values: Iterable[Iterable[Any]]) -> tuple[errors.ValidationIssue, ...]:
    """Return the issues of a written value: they are named tuples, so JSON has lists of their fields."""
    return tuple(errors.ValidationIssue(*each) for each in values)


def _to_plain(value: Any) -> dict[str, Any]:
    name = "Path" if isinstance(value, PurePath) else type(value).__name__
    if isinstance(value, errors.Error):
        # The nearest class of the suite, the message, and the problems.
        known = next(each.__name__ for each in type(value).__mro__ if each.__module__ == errors.__name__)
        problems, problem = getattr(value, "problems", ()), getattr(value, "problem", None)
        texts = {"class": known, "message": str(value), "job": value.details.get("job")}
        return {"Error": {**texts, "problems": problems, "problem": problem}}
    if name in _TEXT_TYPES:
        return {name: str(value)}
    if _RECORD_TYPES.get(name) is type(value):
        return {name: attrs.asdict(value, recurse=False)}
    raise TypeError(f"{name} has no text form that the journal knows")


def _from_plain(plain: dict[str, Any]) -> Any:
    if len(plain) == 1:
        ((name, content),) = plain.items()
        if name in _TEXT_TYPES:
            return _TEXT_TYPES[name](content)
        if name == "Error":
            return _error_from_plain(content)
        if name in _RECORD_TYPES:
            # JSON has no tuples, and the records have no lists.
            values = {key: tuple(value) if isinstance(value, list) else value for key, value in content.items()}
            if name == "Published":
                values["problems"] = read_issues(values["problems"])
            return _RECORD_TYPES[name](**values)
    return plain


def _error_from_plain(data: Mapping[str, Any]) -> errors.Error:
    kind: type[errors.Error] = getattr(errors, data["class"])
    # Not the constructor of the class: its arguments are part of the message already.
    error = kind.__new__(kind)
    errors.Error.__init__(error, data["message"], {"job": data["job"]} if data.get("job") else None)
    if isinstance(error, errors.ValidationFailed):
        error.problems = read_issues(data["problems"])
    if isinstance(error, errors.UserFixableError) and data.get("problem") is not None:
        error.problem = errors.ValidationIssue(*data["problem"])
    return error


@contextmanager
def folder_errors(what: str, then: str = "") -> Iterator[None]:
    """Raise StorageError for an OSError of the block: a file or a folder of a job cannot be written."""
    try:
        yield
    except OSError as error:
        remedy = write_remedy(error, f"Choose a writable folder with {source_of('jobs')}.")
        raise errors.StorageError(f"{what}: {error.strerror}. {remedy}{then}") from error


@attrs.define
class Journal:
    """A file of events that only grows; an incomplete last line, left by a crash, is ignored."""

    path: Path
    _synced_at: float = attrs.field(default=-math.inf, init=False, eq=False)
    _is_synced: bool = attrs.field(default=True, init=False, eq=False)

    def append(self, event: Mapping[str, Any], *, batched: bool = False) -> None:
        """Write the event and sync it to the disk, with ``batched`` at most every 50 ms; raise StorageError.

        A batched event survives a crash of this process at once, and a power failure after the next ``sync``.
        """
        is_due = time.monotonic() - self._synced_at > SYNC_INTERVAL_SECONDS
        self._write(f"{write_value(event)}\n", sync=is_due or not batched)

    def sync(self) -> None:
        """Sync all events to the disk; raise StorageError."""
        if not self._is_synced:
            self._write("", sync=True)

    def _write(self, text: str, *, sync: bool) -> None:
        failing = folder_errors(f"The journal {self.path} cannot be written", " Then resume the job.")
        # The link to a review is in it, which is for its owner only.
        with failing, os.fdopen(os.open(self.path, _APPENDING, 0o600), "ab") as file:
            file.write(text.encode("ascii"))
            file.flush()
            if sync:
                os.fsync(file.fileno())
                self._synced_at = time.monotonic()
        self._is_synced = sync

    def events(self) -> list[dict[str, Any]]:
        """Return all events; raise JobNotFound if the file is missing or is not a journal."""
        try:
            # splitlines() would also split at characters that JSON allows within a string.
            lines = self.path.read_bytes().split(b"\n")[:-1]
        except OSError as error:
            raise errors.JobNotFound(
                f"The journal {self.path} cannot be read: {error.strerror}. List the jobs with: ft-dcc queue list."
            ) from error
        events = []
        for number, line in enumerate(lines, 1):
            try:
                event = read_value(line.decode("ascii"))
                if not isinstance(event, dict):
                    raise ValueError("an event is an object")
            except (ValueError, TypeError, AttributeError, KeyError) as error:
                raise errors.JobNotFound(
                    f"The journal {self.path} is damaged in line {number}. Publish the captured frames beside it, "
                    f"or remove the job: ft-dcc queue drop {self.path.parent.name}."
                ) from error
            events.append(event)
        return events

    def repair_tail(self) -> None:
        """Remove an incomplete last line, so that events can be appended; raise JobNotFound."""
        try:
            with self.path.open("r+b") as file:
                file.truncate(file.read().rfind(b"\n") + 1)
        except OSError as error:
            raise errors.JobNotFound(f"There is no journal at {self.path}: {error.strerror}.") from error
