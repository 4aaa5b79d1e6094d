"""From frames, or from any film, to the one film that every browser plays frame by frame."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from ft_dcc.errors import FramesMissing, Invalid
from ft_dcc.frames import Frames, numbering, ranges
from ft_dcc.media import colour, container, ffmpeg
from ft_dcc.media.burnin import Burnin, Pictures
from ft_dcc.media.facts import FilmFacts, Media
from ft_dcc.media.ffmpeg import Finished, IsCancelled
from ft_dcc.media.presets import REVIEW, Output
from ft_dcc.media.probe import SEEING, film_input, probe, seen_picture
from ft_dcc.media.sound import Sound
from ft_dcc.media.take import OnFrame, Take


def encode(
    frames: Frames,
    path: Path,
    *,
    output: Output = REVIEW,
    burnin: Burnin | None = None,
    sounds: Sequence[Sound] = (),
    is_filling: bool = False,
    on_frame: OnFrame | None = None,
    is_cancelled: IsCancelled | None = None,
) -> Media:
    """``path`` is a film of every frame of the range, handles included, in order and at the frames' own rate.

    With ``is_filling`` a frame that is missing shows the one before it, marked in the picture. ``on_frame`` is called
    with each frame's number once it is encoded; what it raises ends the encode. Raises FramesMissing for frames that
    are absent or damaged, Invalid for one that is not of ``frames.resolution``, DiskUnusable, EncodeFailed or
    Cancelled; whatever was at ``path`` before is still there then.
    """
    filled = _filled(frames, is_filling)
    numbers = tuple(frames.frame_range.with_handles)
    if _suffix(frames) in colour.LINEAR_SUFFIXES:
        present = [number for number in numbers if number not in filled]
        # ffmpeg would paint black what such a file lacks.
        _refuse_damaged(frames, [number for number in present if not container.is_whole(frames.path(number))])
    # The next file after the range may exist, and is not looked at.
    filters = [f"trim=end_pts={len(numbers)}", SEEING, *colour.of_image(_suffix(frames))]
    pictures = Pictures(numbers, frames.fps, frames.resolution, filled)
    arrivals = _Arrivals(frames)

    def judge(finished: Finished) -> None:
        # After a failure of its own, ffmpeg has not come to the rest of them.
        _refuse_damaged(frames, [] if finished.returncode else arrivals.lost())

    with _without_gaps(frames, filled, path.parent) as whole:
        take = Take(frames.pattern, _image_input(whole), filters, pictures, output, burnin or Burnin(), sounds)
        return take.film(path, on_frame, is_cancelled, arrivals.see, judge)


def transcode(
    film: Path,
    path: Path,
    *,
    facts: FilmFacts | None = None,
    first_frame: int = 0,
    output: Output = REVIEW,
    burnin: Burnin | None = None,
    sounds: Sequence[Sound] = (),
    on_frame: OnFrame | None = None,
    is_cancelled: IsCancelled | None = None,
) -> Media:
    """``path`` is the same film in H.264: every picture once, at its own exact rate, with its sound in step.

    A film that is ready for the review as it is becomes a copy, unless something is to be changed about it.
    ``facts`` is what ``probe`` said of the film, when that is known already. ``first_frame`` is the number of the
    first picture, for ``on_frame``, ``burnin`` and ``sounds``. Raises FilmUnreadable, Invalid for a variable rate, and
    otherwise what ``encode`` raises.
    """
    facts = probe(film, is_cancelled=is_cancelled) if facts is None else facts
    if not facts.is_constant_rate:
        remedy = "Export it at a constant rate: which picture is which frame cannot be known otherwise."
        raise Invalid(f"frame rate of {film.name}", found="variable", wanted="constant", remedy=remedy)
    # Counted anew, because a container's clock may round; each picture still has its place.
    filters = [f"settb={1 / facts.fps}", "setpts=N", f"fps={facts.fps}", *colour.of_film(facts)]
    pictures = Pictures(range(first_frame, first_frame + facts.frame_count), facts.fps, facts.resolution)
    own_sound = -facts.start if facts.has_audio else None
    take = Take(str(film), film_input(film), filters, pictures, output, burnin or Burnin(), sounds, own_sound)
    if film.suffix == ".mp4" and facts.is_ready_for_review and take.changes_nothing:
        return take.copy(film, path, on_frame)
    return take.film(path, on_frame, is_cancelled)


class _Arrivals:
    """Which frames ffmpeg has decoded, and whether they fit."""

    def __init__(self, frames: Frames) -> None:
        self.frames = frames
        self.first = frames.frame_range.with_handles.start
        self.arrived: set[int] = set()

    def see(self, line: str) -> None:
        """Raise Invalid if a line of the log reports a picture of another size."""
        picture = seen_picture(line)
        if picture is None:
            return
        number = self.first + picture.ticks
        if picture.resolution != self.frames.resolution:
            remedy = "Render all frames at one size."
            what = f"size of frame {number} ({self.frames.path(number).name})"
            raise Invalid(what, found=picture.resolution, wanted=self.frames.resolution, remedy=remedy)
        self.arrived.add(number)

    def lost(self) -> list[int]:
        """The frames that went in and did not come out as pictures."""
        return [number for number in self.frames.frame_range.with_handles if number not in self.arrived]


def _refuse_damaged(frames: Frames, damaged: Sequence[int]) -> None:
    if damaged:
        which = f"Frame {damaged[0]} is" if len(damaged) == 1 else f"Frames {ranges(tuple(damaged))} are"
        raise FramesMissing(f"{which} damaged: {frames.path(damaged[0])}. Render again.", tuple(damaged))


def _suffix(frames: Frames) -> str:
    return Path(frames.pattern).suffix.lower()


def _image_input(frames: Frames) -> list[str]:
    folder, name = os.path.split(frames.pattern)
    parts = numbering(name)
    if parts is None:
        raise FramesMissing(f"{frames.pattern} is one file. Give the frames as name.%04d.png or name.####.png.")
    before, width, after = (str(part).replace("%", "%%") for part in parts)
    pattern = os.path.join(folder.replace("%", "%%"), f"{before}%0{width}d{after}")  # noqa: PTH118
    # Only JPEG needs to be told: it fills what is missing with grey. TIFF refuses good files when it is told.
    strict = ["-err_detect", "explode"] if _suffix(frames) in (".jpg", ".jpeg") else []
    start = str(frames.frame_range.with_handles.start)
    timing = ["-framerate", str(frames.fps), "-start_number", start]
    return [*strict, "-f", "image2", *timing, "-i", ffmpeg.file_url(pattern)]


def _filled(frames: Frames, is_filling: bool) -> dict[int, int]:
    """The frames that are missing, and which one is shown in place of each: the one before, at the start the first."""
    missing = frames.missing()
    numbers = tuple(frames.frame_range.with_handles)
    present = [number for number in numbers if number not in set(missing)]
    if missing and not (is_filling and present):
        raise FramesMissing(f"Of {frames.pattern} these frames are missing: {ranges(missing)}. Render them.", missing)
    return {gap: max((number for number in present if number < gap), default=present[0]) for gap in missing}


@contextlib.contextmanager
def _without_gaps(frames: Frames, filled: Mapping[int, int], folder: Path) -> Iterator[Frames]:
    """Lend the same frames under names without a gap: ffmpeg ends a sequence at the first number that is missing."""
    if not filled:
        yield frames
        return
    with ffmpeg.naming_the_folder(folder):
        temporary = tempfile.TemporaryDirectory(prefix=".frames-", dir=folder)
    with temporary as name:
        whole = attrs.evolve(frames, pattern=str(Path(name, f"frame.%04d{_suffix(frames)}").absolute()))
        with ffmpeg.naming_the_folder(folder):
            for number in frames.frame_range.with_handles:
                _link(frames.path(filled.get(number, number)), whole.path(number))
        yield whole


def _link(source: Path, target: Path) -> None:
    try:
        target.symlink_to(source.absolute())
    except OSError:
        # Windows asks for a privilege, and some disks have no links.
        shutil.copyfile(source, target)
