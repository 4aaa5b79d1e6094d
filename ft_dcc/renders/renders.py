"""Renders: the merged logs of all executions, and what they and earlier renders have left on disk."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import attrs

from ft_dcc.errors import FramesMissing, SettingInvalid
from ft_dcc.files.atomic import storage_errors
from ft_dcc.files.sequences import frame_path, frame_sizes, is_sequence
from ft_dcc.frames import FrameRange, format_ranges, frame_rate
from ft_dcc.renders.log import RenderExecution, RenderLog, digest, read_log, read_script, renders_folder

_NUMBER = re.compile(r"-?\d+")


@attrs.frozen
class Render:
    """One sequence or movie that a node has rendered, merged from the logs of all executions."""

    id: str
    folder: Path
    # The newest one, whose options apply.
    execution: RenderExecution
    source: str
    # The rendered ones, and when the execution of each began, in seconds of the epoch.
    times: Mapping[int, float] = attrs.field(hash=False)
    # The frames that the version needs, None if they are unknown for the reason in ``problem``.
    wanted: FrameRange | None
    # Those whose files have content, whoever wrote them; the rendered ones of a movie.
    on_disk: frozenset[int] = frozenset()
    # "" if the files contain all views or the main one.
    view: str = ""
    # Whether the newest execution has ended.
    is_ended: bool = True
    problem: str = ""
    # "sha256" and "modified" of the script's file at its start.
    script_revision: Mapping[str, str] = attrs.field(factory=dict, hash=False)

    @property
    def frames(self) -> tuple[int, ...]:
        """The rendered frames in order."""
        return tuple(sorted(self.times))

    @property
    def is_movie(self) -> bool:
        """Whether one file contains all frames."""
        return not is_sequence(self.source)

    def path(self, frame: int) -> Path:
        """Return the file of this frame, or the movie that contains it."""
        return Path(frame_path(self.source, frame + self.execution.file_shift))

    @property
    def missing(self) -> tuple[int, ...]:
        """The wanted frames without a file."""
        return tuple(frame for frame in self.wanted or () if frame not in self.on_disk)

    @property
    def older(self) -> tuple[int, ...]:
        """The wanted frames on disk that an earlier render has written."""
        return tuple(frame for frame in self.wanted or () if frame in self.on_disk and frame not in self.times)

    @property
    def outside(self) -> tuple[int, ...]:
        """The frames on disk between the first and the last of which none is wanted, left by a longer render."""
        whole = () if self.wanted is None else self.wanted.every_frame
        return tuple(sorted(frame for frame in self.on_disk if whole and frame not in whole))

    @property
    def is_finished(self) -> bool:
        """Whether no more frames are expected."""
        # One process of a window renders all frames of an execution; one of a farm only some of them, so that its
        # submitter must have named them.
        named = self.execution.requested
        if not named:
            return self.is_ended and self.execution.is_in_window
        return self.wanted is not None and set(FrameRange.parse(named)) <= set(self.times)

    @property
    def state_file(self) -> Path:
        """The file of the publish state."""
        return self.folder / f"{self.id}.published"

    @property
    def is_complete(self) -> bool:
        """Whether all wanted frames exist, none is expected to be rendered again, and a movie is closed."""
        if self.wanted is None or self.missing or (self.older and not self.is_finished):
            return False
        return self.is_ended or not self.is_movie

    @property
    def shortfall(self) -> str:
        """Why it is not complete, "" if it is."""
        if self.is_complete or self.problem:
            return self.problem
        if self.missing:
            return f"missing: {format_ranges(self.missing)}"
        return f"of an earlier render: {format_ranges(self.older)}" if self.older else "the movie is not closed"

    @property
    def remark(self) -> str:
        """What its version leaves out of the files on disk, "" for nothing."""
        return f"not taken, outside of {self.wanted}: {format_ranges(self.outside)}" if self.outside else ""

    @property
    def fps(self) -> Fraction:
        """The exact frame rate; raises SettingInvalid."""
        return frame_rate(self.execution.fps)


def read_renders(folder: Path | None = None, since: float = 0.0, script: str | None = None) -> list[Render]:
    """Return renders, oldest first: executed ``since`` a time in seconds of the epoch, of the ``script`` if given."""
    home = renders_folder(folder)
    if not home.is_dir():
        return []
    folders = [each for each in home.iterdir() if each.is_dir() and each.stat().st_mtime >= since]
    if script is not None:
        # From the first lines of the logs: a log may have many.
        folders = [each for each in folders if script in map(read_script, each.glob("*.jsonl"))]
    merged = [render for each in folders for render in merge_logs(each)]
    return sorted(merged, key=lambda render: (render.execution.time, render.source))


def forget(render: Render) -> None:
    """Delete the logs of the render and of its node's other outputs; raise StorageError."""
    with storage_errors(f"{render.folder} cannot be removed"):
        shutil.rmtree(render.folder)


def merge_logs(folder: Path) -> Iterator[Render]:
    """Yield a render for each sequence or movie in the logs of one folder."""
    logs = [each for path in sorted(folder.glob("*.jsonl")) if (each := read_log(path)) is not None]
    logs.sort(key=lambda each: each.execution.time)
    outputs: dict[tuple[str, bool], list[RenderLog]] = {}
    views: dict[tuple[str, bool], str] = {}
    for each in logs:
        for view in dict.fromkeys(view for _, files in each.frames for view in files):
            own = attrs.evolve(each, frames=tuple((n, files) for n, files in each.frames if view in files))
            shift = each.execution.file_shift
            key = (pattern_of((number + shift, files[view]) for number, files in own.frames), each.execution.is_proxy)
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
    times = {number: part.execution.time for part in parts for number, _ in part.frames}
    on_disk = frozenset(times)
    try:
        if is_sequence(source):
            on_disk = frozenset(number - newest.file_shift for number, size in frame_sizes(source).items() if size)
        wanted = _wanted(newest, parts, on_disk)
    except (FramesMissing, SettingInvalid) as error:
        problem = str(error)
    return Render(
        id=digest(folder.name, source, str(newest.is_proxy)),
        folder=folder,
        execution=newest,
        source=source,
        times=times,
        wanted=wanted,
        on_disk=on_disk,
        view=view,
        is_ended=parts[-1].is_ended,
        problem=problem,
        script_revision=parts[-1].script_revision,
    )


def _wanted(newest: RenderExecution, parts: Iterable[RenderLog], on_disk: frozenset[int]) -> FrameRange:
    """Return the frames of the tab, else the script's range with the step of an execution that covered all of it."""
    # A step counts while the frames between are not on disk. The frames that a submitter has requested replace them if
    # they reach from their first to their last one; fewer are a part of the sequence.
    whole = FrameRange(newest.script_range[0], newest.script_range[-1])
    own = FrameRange.parse(newest.options.frames) if newest.options.frames else whole
    requested = FrameRange.parse(newest.requested) if newest.requested else None
    if requested is not None and requested.start <= own.start and requested.end >= own.end:
        return requested
    if newest.options.frames or on_disk.issuperset(whole):
        return own
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

    The frame number, that of the file's name, is the last number in the names that equals it in each of them.
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
    return os.path.split(path) == (folder, os.path.basename(frame_path(pattern, frame)))  # noqa: PTH119
