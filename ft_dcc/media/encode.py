"""From frames, or from any film, to the one film that every browser plays frame by frame."""

from __future__ import annotations

import os
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Callable

import attrs

from ft_dcc.errors import EncodeFailed, FramesMissing, Invalid
from ft_dcc.frames import Frames, Resolution, numbering, ranges
from ft_dcc.media import colour, container, ffmpeg
from ft_dcc.media.facts import FilmFacts, Media
from ft_dcc.media.ffmpeg import Finished, IsCancelled, OnLine
from ft_dcc.media.probe import SEEING, count_pictures, film_input, probe, seen_picture

REVIEW_FILM = "ftrackreview-mp4"
# Sound of any layout becomes stereo, which every browser plays.
_SOUND = ("-c:a", "aac", "-b:a", "192k", "-ac", "2", "-ar", "48000")
OnFrame = Callable[[int], None]


def encode(
    frames: Frames, path: Path, *, on_frame: OnFrame | None = None, is_cancelled: IsCancelled | None = None
) -> Media:
    """``path`` is an H.264 film of every frame of the range, handles included, in order and at the frames' own rate.

    ``on_frame`` is called with each frame's number once it is encoded; what it raises ends the encode. Raises
    FramesMissing for frames that are absent or damaged, Invalid for one that is not of ``frames.resolution``,
    DiskUnusable, EncodeFailed or Cancelled; whatever was at ``path`` before is still there then.
    """
    missing = frames.missing()
    if missing:
        raise FramesMissing(f"Of {frames.pattern} these frames are missing: {ranges(missing)}. Render them.", missing)
    numbers = tuple(frames.frame_range.with_handles)
    if _suffix(frames) in colour.LINEAR_SUFFIXES:
        # ffmpeg would paint black what such a file lacks.
        _refuse_damaged(frames, [number for number in numbers if not container.is_whole(frames.path(number))])
    arrivals = _Arrivals(frames)
    # The next file after the range may exist, and is not looked at.
    seeing = [f"trim=end_pts={len(numbers)}", SEEING]
    picture = [*seeing, *colour.of_image(_suffix(frames)), *colour.to_review(frames.resolution)]
    take = _Take(frames.pattern, _image_input(frames), picture, [], frames.fps, frames.resolution.even, numbers)
    with ffmpeg.replacing(path) as unfinished:
        finished = _run(take, unfinished, on_frame, is_cancelled, arrivals.see)
        # After a failure of its own, ffmpeg has not come to the rest of them.
        _refuse_damaged(frames, [] if finished.returncode else arrivals.lost())
        _verify(take, unfinished, finished)
    return _media(take, path)


def transcode(
    film: Path,
    path: Path,
    *,
    facts: FilmFacts | None = None,
    on_frame: OnFrame | None = None,
    is_cancelled: IsCancelled | None = None,
) -> Media:
    """``path`` is the same film in H.264: every picture once, at its own exact rate, with its sound in step.

    ``facts`` is what ``probe`` said of the film, when that is known already. ``on_frame`` gets the number of each
    picture, counted from 0. Raises FilmUnreadable, Invalid for a variable rate, and otherwise what ``encode`` raises.
    """
    facts = probe(film, is_cancelled=is_cancelled) if facts is None else facts
    if not facts.is_constant_rate:
        remedy = "Export it at a constant rate: which picture is which frame cannot be known otherwise."
        raise Invalid(f"frame rate of {film.name}", found="variable", wanted="constant", remedy=remedy)
    # Counted anew, because a container's clock may round; each picture still has its place.
    counting = [f"settb={1 / facts.fps}", "setpts=N"]
    picture = [*counting, *colour.of_film(facts), *colour.to_review(facts.resolution)]
    sound = _sound(facts) if facts.has_audio else []
    size = facts.resolution.even
    take = _Take(str(film), film_input(film), picture, sound, facts.fps, size, range(facts.frame_count))
    with ffmpeg.replacing(path) as unfinished:
        finished = _run(take, unfinished, on_frame, is_cancelled)
        _verify(take, unfinished, finished)
    return _media(take, path)


@attrs.frozen
class _Take:
    """One film to make: ffmpeg's input, the filters of picture and sound, and the number of each picture."""

    source: str
    arguments: list[str]
    picture: list[str]
    sound: list[str]
    fps: Fraction
    resolution: Resolution
    numbers: Sequence[int]

    def command(self, target: Path) -> list[str]:
        """Every argument of the one run of ffmpeg; the graph has room for more inputs and more chains."""
        chains = [f"[0:V:0]{','.join(self.picture)}[picture]"]
        outputs = ["-map", "[picture]"]
        if self.sound:
            chains.append(f"[0:a:0]{','.join(self.sound)}[sound]")
            outputs += ["-map", "[sound]", *_SOUND]
        return [
            *self.arguments,
            "-filter_complex",
            ";".join(chains),
            *outputs,
            *h264(self.fps),
            ffmpeg.file_url(target),
        ]


def h264(fps: Fraction) -> list[str]:
    """Return the arguments for an mp4 that every browser plays and seeks in: constant rate, closed short GOPs."""
    half_a_second = max(1, int(fps / 2))
    return [
        *("-c:v", "libx264", "-profile:v", "high", "-preset", "veryfast", "-crf", "18"),
        *("-g", str(half_a_second), "-flags", "+cgop", "-r", str(fps), "-fps_mode", "cfr"),
        # What the source says of itself (a place, an owner) is no business of the review's.
        *("-map_metadata", "-1", "-map_chapters", "-1"),
        *("-movflags", "+faststart", "-f", "mp4"),
    ]


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


def _sound(facts: FilmFacts) -> list[str]:
    """The filters after which the sound starts and ends with the first and the last picture."""
    length = float(facts.frame_count / facts.fps)
    return [f"asetpts=PTS-{float(facts.start)}/TB", "aresample=async=1:first_pts=0", f"apad,atrim=end={length:.9f}"]


def _run(
    take: _Take,
    target: Path,
    on_frame: OnFrame | None,
    is_cancelled: IsCancelled | None,
    on_line: OnLine | None = None,
) -> Finished:
    done = 0

    def tell(count: int) -> None:
        nonlocal done
        for number in take.numbers[done:count]:
            done += 1
            if on_frame:
                on_frame(number)

    return ffmpeg.run(take.command(target), on_line=on_line, on_count=tell, is_cancelled=is_cancelled)


def _verify(take: _Take, target: Path, finished: Finished) -> None:
    """Raise unless the file holds what was meant; ffmpeg's exit code alone does not promise that."""
    if finished.returncode:
        raise ffmpeg.explained(finished, take.source, target)
    count = count_pictures(target)
    if count != len(take.numbers):
        raise EncodeFailed(
            f"The film of {take.source} holds {count} pictures, and {len(take.numbers)} went in. Try again.",
            finished.log,
        )


def _media(take: _Take, path: Path) -> Media:
    return Media(path, REVIEW_FILM, take.resolution, take.fps, len(take.numbers), path.stat().st_size)
