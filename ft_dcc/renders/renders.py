"""Renders: the merged logs of all executions, and which frames are still missing."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import attrs

from ft_dcc.errors import SettingInvalid, StorageError
from ft_dcc.files.sequences import is_sequence
from ft_dcc.frames import FrameRange, Frames, Resolution, frame_rate
from ft_dcc.renders.log import RenderExecution, RenderLog, digest, read_log, read_script, renders_folder

_NUMBER = re.compile(r"-?\d+")
_ANY_RATE, _ANY_SIZE = Fraction(1), Resolution(1, 1)


@attrs.frozen
class Render:
    """One sequence or movie that a node has rendered, merged from the logs of all executions.

    ``execution`` is the newest one, whose options apply. ``frames`` were rendered; ``wanted`` are the frames that the
    version needs, None if they are unknown for the reason in ``problem``. ``view`` is "" if the files contain all views
    or the main one. ``is_ended`` is whether the newest execution has ended. ``script_revision`` is "sha256" and
    "modified" of the script's file at its start.
    """

    id: str
    folder: Path
    execution: RenderExecution
    source: str
    frames: tuple[int, ...]
    wanted: FrameRange | None
    view: str = ""
    is_ended: bool = True
    problem: str = ""
    script_revision: Mapping[str, str] = attrs.field(factory=dict, hash=False)

    @property
    def is_movie(self) -> bool:
        """Whether one file contains all frames."""
        return not is_sequence(self.source)

    def path(self, frame: int) -> Path:
        """Return the file of this frame, or the movie that contains it."""
        return Frames(self.source, FrameRange(frame, frame), _ANY_RATE, _ANY_SIZE).path(frame)

    @property
    def missing(self) -> tuple[int, ...]:
        """The wanted frames that were not rendered, or whose file was deleted."""
        if self.wanted is None:
            return ()
        gone: set[int] = set()
        if not self.is_movie:
            gone.update(Frames(self.source, self.wanted, _ANY_RATE, _ANY_SIZE).missing())
        return tuple(frame for frame in self.wanted if frame in gone or frame not in self.frames)

    @property
    def state_file(self) -> Path:
        """The file of the publish state."""
        return self.folder / f"{self.id}.published"

    @property
    def is_complete(self) -> bool:
        """Whether all wanted frames exist, and a movie is closed."""
        return self.wanted is not None and not self.missing and (self.is_ended or not self.is_movie)

    @property
    def fps(self) -> Fraction:
        """The exact frame rate; raises SettingInvalid."""
        return frame_rate(self.execution.fps)


def read_renders(folder: Path | None = None, since: float = 0.0, script: str | None = None) -> list[Render]:
    """Return all renders, oldest first.

    Renders without a new execution ``since`` that time, in seconds of the epoch, are left out, and those of another
    ``script`` if it is given.
    """
    home = renders_folder(folder)
    if not home.is_dir():
        return []
    folders = [each for each in home.iterdir() if each.is_dir() and each.stat().st_mtime >= since]
    if script is not None:
        folders = [each for each in folders if script in _scripts(each)]
    merged = [render for each in folders for render in merge_logs(each)]
    return sorted(merged, key=lambda render: (render.execution.time, render.source))


def _scripts(folder: Path) -> set[str]:
    """Return the scripts of the logs in a folder, from their first lines: a log may have many."""
    return {script for path in folder.glob("*.jsonl") if (script := read_script(path)) is not None}


def find_renders(render: str, node: str, folder: Path | None = None) -> list[Render]:
    """Return the renders of one node with one render id: one for each sequence or movie."""
    return list(merge_logs(renders_folder(folder) / digest(render, node)))


def forget(render: Render) -> None:
    """Delete the logs of the render and of its node's other outputs; raise StorageError."""
    try:
        shutil.rmtree(render.folder)
    except OSError as error:
        raise StorageError(f"{render.folder} cannot be removed: {error.strerror}.") from error


def merge_logs(folder: Path) -> Iterator[Render]:
    """Yield a render for each sequence or movie in the logs of one folder."""
    logs = [each for path in sorted(folder.glob("*.jsonl")) if (each := read_log(path)) is not None]
    logs.sort(key=lambda each: each.execution.time)
    outputs: dict[tuple[str, bool], list[RenderLog]] = {}
    views: dict[tuple[str, bool], str] = {}
    for each in logs:
        for view in dict.fromkeys(view for _, files in each.frames for view in files):
            own = attrs.evolve(each, frames=tuple((n, files) for n, files in each.frames if view in files))
            key = (pattern_of((number, files[view]) for number, files in own.frames), each.execution.is_proxy)
            views.setdefault(key, view)
            outputs.setdefault(key, []).append(own)
    for (source, is_proxy), parts in outputs.items():
        main = parts[-1].execution.views[:1] or ("",)
        view = views[source, is_proxy]
        yield _merged(folder, source, parts, "" if view == main[0] else view)


def _merged(folder: Path, source: str, parts: Sequence[RenderLog], view: str) -> Render:
    newest = parts[-1].execution
    # Each execution writes the whole movie.
    parts = parts if is_sequence(source) else parts[-1:]
    wanted, problem = None, ""
    try:
        wanted = _wanted(newest, parts)
    except SettingInvalid as error:
        problem = str(error)
    return Render(
        id=digest(folder.name, source, str(newest.is_proxy)),
        folder=folder,
        execution=newest,
        source=source,
        frames=tuple(sorted({number for part in parts for number, _ in part.frames})),
        wanted=wanted,
        view=view,
        is_ended=parts[-1].is_ended,
        problem=problem,
        script_revision=parts[-1].script_revision,
    )


def _wanted(newest: RenderExecution, parts: Iterable[RenderLog]) -> FrameRange:
    """Return the requested frames, else the script's range with the step of an execution that covered all of it."""
    if newest.options.frames:
        return FrameRange.parse(newest.options.frames)
    whole = FrameRange(newest.script_range[0], newest.script_range[-1])
    for part in parts:
        numbers = sorted({number for number, _ in part.frames})
        # The first and the last frame alone are a test render.
        step = numbers[1] - numbers[0] if len(numbers) > 2 else 1
        if part.is_ended and step > 1 and numbers == list(attrs.evolve(whole, step=step)):
            return attrs.evolve(whole, step=step)
    return whole


def pattern_of(files: Iterable[tuple[int, str]]) -> str:
    """Return the common pattern of the frames' files, or the one file that contains all frames.

    >>> pattern_of([(1001, "/shot/sh1001.1001.exr"), (1002, "/shot/sh1001.1002.exr")])
    '/shot/sh1001.%04d.exr'

    The frame number is the last number in the file names that equals the frame in each of them.
    """
    known = dict(files)
    first, path = next(iter(known.items()))
    if is_sequence(path):
        return path
    folder, name = os.path.split(path)
    for number in reversed(list(_NUMBER.finditer(name))):
        digits = number[0].lstrip("-")
        pattern = f"{name[: number.start()].replace('%', '%%')}%0{len(digits)}d{name[number.end() :]}"
        if int(number[0]) == first and all(_fits(folder, pattern, *each) for each in known.items()):
            return os.path.join(folder, pattern)  # noqa: PTH118 - a pattern is no path yet
    return path


def _fits(folder: str, pattern: str, frame: int, path: str) -> bool:
    filled = Frames(pattern, FrameRange(frame, frame), _ANY_RATE, _ANY_SIZE).path(frame)
    return os.path.split(path) == (folder, filled.name)
