"""What was rendered: the records of all of its executions joined, and which frames are still missing."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import attrs

from ft_dcc.errors import DiskUnusable, SettingInvalid
from ft_dcc.frames import FrameRange, Frames, Resolution, frame_rate, is_sequence
from ft_dcc.render_records import Execution, Told, digest, read_record, renders_folder

_NUMBER = re.compile(r"-?\d+")
_ANY_RATE, _ANY_SIZE = Fraction(1), Resolution(1, 1)


@attrs.frozen
class Render:
    """All that was rendered to one sequence or film, joined: what it is published from.

    ``execution`` is the newest, whose wish counts. ``frames`` were rendered; ``wanted`` are those that the version is
    to have, and None where that cannot be told, for the reason in ``problem``. ``view`` is "" where the files hold all
    views there are, or the main one. ``is_ended`` says whether the newest execution came to its end.
    """

    id: str
    folder: Path
    execution: Execution
    source: str
    frames: tuple[int, ...]
    wanted: FrameRange | None
    view: str = ""
    is_ended: bool = True
    problem: str = ""

    @property
    def is_film(self) -> bool:
        """Whether one file holds all frames."""
        return not is_sequence(self.source)

    def path(self, frame: int) -> Path:
        """Where the picture of this frame lies, or the film that it is in."""
        return Frames(self.source, FrameRange(frame, frame), _ANY_RATE, _ANY_SIZE).path(frame)

    @property
    def missing(self) -> tuple[int, ...]:
        """The wanted frames that were not rendered, or whose file is gone since."""
        if self.wanted is None:
            return ()
        gone: set[int] = set()
        if not self.is_film:
            gone.update(Frames(self.source, self.wanted, _ANY_RATE, _ANY_SIZE).missing())
        return tuple(frame for frame in self.wanted if frame in gone or frame not in self.frames)

    @property
    def mark(self) -> Path:
        """The file that says what became of it."""
        return self.folder / f"{self.id}.published"

    @property
    def is_complete(self) -> bool:
        """Whether all that was asked for is there, and a film is closed."""
        return self.wanted is not None and not self.missing and (self.is_ended or not self.is_film)

    @property
    def fps(self) -> Fraction:
        """The exact rate; raises SettingInvalid."""
        return frame_rate(self.execution.fps)


def read_renders(folder: Path | None = None, since: float = 0.0) -> list[Render]:
    """Return every render that there are records of, in the order in which they began.

    Those to which no execution was added ``since``, in seconds of the epoch, are left out.
    """
    home = renders_folder(folder)
    if not home.is_dir():
        return []
    folders = [each for each in home.iterdir() if each.is_dir() and each.stat().st_mtime >= since]
    joined = [render for each in folders for render in join_records(each)]
    return sorted(joined, key=lambda render: (render.execution.time, render.source))


def find_renders(render: str, node: str, folder: Path | None = None) -> list[Render]:
    """Return what one node has rendered in one render: a render for each sequence or film."""
    return list(join_records(renders_folder(folder) / digest(render, node)))


def forget(render: Render) -> None:
    """What is noted of the render is gone, with what else its executions wrote; raises DiskUnusable."""
    try:
        shutil.rmtree(render.folder)
    except OSError as error:
        raise DiskUnusable(f"{render.folder} cannot be removed: {error.strerror}.") from error


def join_records(folder: Path) -> Iterator[Render]:
    """Yield what the records of one folder tell of: a render for each sequence or film that they wrote."""
    told = [each for path in sorted(folder.glob("*.jsonl")) if (each := read_record(path)) is not None]
    told.sort(key=lambda each: each.execution.time)
    outputs: dict[tuple[str, bool], list[Told]] = {}
    views: dict[tuple[str, bool], str] = {}
    for each in told:
        for view in dict.fromkeys(view for _, files in each.frames for view in files):
            own = attrs.evolve(each, frames=tuple((n, files) for n, files in each.frames if view in files))
            key = (pattern_of((number, files[view]) for number, files in own.frames), each.execution.is_proxy)
            views.setdefault(key, view)
            outputs.setdefault(key, []).append(own)
    for (source, is_proxy), parts in outputs.items():
        main = parts[-1].execution.views[:1] or ("",)
        view = views[source, is_proxy]
        yield _joined(folder, source, parts, "" if view == main[0] else view)


def _joined(folder: Path, source: str, parts: Sequence[Told], view: str) -> Render:
    newest = parts[-1].execution
    # Each execution writes the film anew.
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
    )


def _wanted(newest: Execution, parts: Iterable[Told]) -> FrameRange:
    """What was said, else the script's own range; with the step of an execution that went from its start to its end."""
    if newest.wish.frames:
        return FrameRange.parse(newest.wish.frames)
    whole = FrameRange(newest.script_range[0], newest.script_range[-1])
    for part in parts:
        numbers = sorted({number for number, _ in part.frames})
        # The first and the last frame alone are a test.
        step = numbers[1] - numbers[0] if len(numbers) > 2 else 1
        if part.is_ended and step > 1 and numbers == list(attrs.evolve(whole, step=step)):
            return attrs.evolve(whole, step=step)
    return whole


def pattern_of(files: Iterable[tuple[int, str]]) -> str:
    """Return the pattern that the frames' files have in common, or the one file that holds them all.

    >>> pattern_of([(1001, "/shot/sh1001.1001.exr"), (1002, "/shot/sh1001.1002.exr")])
    '/shot/sh1001.%04d.exr'

    The number is the last one in the file's name that is the frame's in each of them.
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
