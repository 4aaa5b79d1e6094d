"""Read the properties of a movie by decoding it, since its header is not reliable."""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import attrs

from ft_dcc import errors, frames
from ft_dcc.files import sequences
from ft_dcc.media import ffmpeg
from ft_dcc.media.inspection import file_integrity, media_info
from ft_dcc.settings.resolve import source_of

# Reports the time and the size of each decoded frame; without the checksum it costs nothing.
SHOWINFO = "showinfo=checksum=0"
# Other demuxers read text as a terminal's screen, or playlists that open other files and URLs.
_CONTAINERS = "mov,matroska,avi,mxf,mpegts,mpeg,ogg,gif,flv,asf"
# Without an anchor: another thread of ffmpeg may have written the first part of a line of its own before.
_FRAME_LINE = re.compile(r"n: *\d+ pts: *(-?\d+) .* fmt:(\S+) .* sar:(\d+/\d+) s:(\d+x\d+) i:(\w) iskey:(\d)")
_CLOCK = re.compile(r"config in time_base: (\S+), frame_rate: (\S+)")
_COLOUR = re.compile(r"color_space:(\S+) color_primaries:(\S+) color_trc:(\S+)")
_TIMECODE = re.compile(r"\btimecode\s*: (\d\d:\d\d:\d\d[:;]\d{2,3})$")
_STREAM = re.compile(r"Stream #0:\d+.*?: (Video|Audio): (\w+)")
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# The chunk stands before the image data; other chunks in front of it, such as a colour profile, may be long.
_MAX_PNG_CHUNKS = 64
_MIN_ASPECT, _MAX_ASPECT = Fraction(1, 10), Fraction(10)


@attrs.frozen
class FrameLog:
    """A decoded frame: its time in ticks of the stream's clock, and its format."""

    ticks: int
    pixel_format: str
    resolution: frames.Resolution
    is_key: bool
    is_interlaced: bool
    pixel_aspect: Fraction


def parse_frame_line(line: str) -> FrameLog | None:
    """Return the frame of a log line that SHOWINFO has written, else None."""
    found = _FRAME_LINE.search(line)
    if found is None:
        return None
    size, aspect = frames.Resolution.parse(found[4]), _usable_aspect(*map(int, found[3].split("/")))
    return FrameLog(int(found[1]), found[2], size, found[6] == "1", found[5] in "TB", aspect)


def _usable_aspect(width: int, height: int) -> Fraction:
    """Return a pixel's width by its height, 1 if it is unknown or differs by rounding only."""
    aspect = Fraction(width, height) if width and height else Fraction(1)
    is_square = abs(aspect - 1) < Fraction(1, 500) or not _MIN_ASPECT <= aspect <= _MAX_ASPECT
    return Fraction(1) if is_square else aspect.limit_denominator(1000)


def movie_input(path: Path) -> list[str]:
    """Return ffmpeg's input arguments for a movie or a single image; playlists and URLs are not read."""
    if path.suffix.lower() in sequences.IMAGE_SUFFIXES:
        return ["-protocol_whitelist", "file", "-f", "image2", "-pattern_type", "none", "-i", ffmpeg.file_url(path)]
    return ["-protocol_whitelist", "file", "-format_whitelist", _CONTAINERS, "-i", ffmpeg.file_url(path)]


def probe(
    path: Path, *, max_frames: int | None = None, is_cancelled: ffmpeg.IsCancelled | None = None
) -> media_info.MovieInfo:
    """Return the properties of a movie or an image, after decoding every frame or the first ``max_frames``.

    Raises MovieUnreadable for a file that is missing, empty, not a movie, damaged, truncated, or without a frame.
    """
    try:
        with path.open("rb") as file:
            is_empty = not file.read(1)
    except FileNotFoundError as error:
        raise errors.MovieUnreadable(f"{path} does not exist.") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise errors.MovieUnreadable(
            f"{path} cannot be read: {reason}. Give the path of a movie or an image that you can read."
        ) from error
    if is_empty:
        raise errors.MovieUnreadable(f"{path} is empty. Export it again.")
    log = _LogReader()
    limit = [] if max_frames is None else ["-frames:v", str(max_frames)]
    sink = ["-map", "0:V:0", "-vf", SHOWINFO, *limit, "-fps_mode", "passthrough", "-f", "null", "-"]
    finished = ffmpeg.run([*movie_input(path), *sink], on_line=log.read, is_cancelled=is_cancelled)
    _check_complete(path, log, finished)
    fps, is_constant = _rate([frame.ticks for frame in log.frames], log.tick, log.claimed_fps)
    first = log.frames[0]
    # The start and the end count, too: a movie without a key frame at its start cannot be decoded there.
    keys = [index for index, frame in enumerate(log.frames) if frame.is_key]
    return media_info.MovieInfo(
        resolution=first.resolution,
        fps=fps,
        frame_count=len(log.frames),
        codec=log.codecs["Video"],
        pixel_format=first.pixel_format,
        matrix=log.matrix,
        transfer=log.transfer,
        primaries=log.primaries,
        is_interlaced=any(frame.is_interlaced for frame in log.frames),
        audio_codec=log.codecs.get("Audio", ""),
        key_interval=max(after - before for before, after in zip([0, *keys], [*keys, len(log.frames)])),
        start=first.ticks * log.tick,
        is_constant_rate=is_constant,
        is_faststart=file_integrity.is_faststart(path),
        timecode=log.timecode,
        pixel_aspect=first.pixel_aspect,
    )


def resampled(
    path: Path, info: media_info.MovieInfo, fps: Fraction, *, is_cancelled: ffmpeg.IsCancelled | None = None
) -> media_info.MovieInfo:
    """Return the properties of a movie of variable rate after its frames are repeated or left out for ``fps``."""
    log = _LogReader()
    sink = ["-map", "0:V:0", "-vf", f"fps={fps},{SHOWINFO}", "-fps_mode", "passthrough", "-f", "null", "-"]
    finished = ffmpeg.run([*movie_input(path), *sink], on_line=log.read, is_cancelled=is_cancelled)
    _check_complete(path, log, finished)
    return attrs.evolve(info, fps=fps, frame_count=len(log.frames), is_constant_rate=True, is_resampled=True)


class _LogReader:
    """Reads the movie's properties from ffmpeg's log, line by line."""

    def __init__(self) -> None:
        self.frames: list[FrameLog] = []
        self.codecs: dict[str, str] = {}
        self.matrix = self.primaries = self.transfer = "unknown"
        self.tick, self.claimed_fps, self.timecode = Fraction(1, 1000), "0/0", ""

    def read(self, line: str) -> None:
        frame = parse_frame_line(line)
        if frame:
            self.frames.append(frame)
        elif len(self.frames) == 1 and (found := _COLOUR.search(line)):
            self.matrix, self.primaries, self.transfer = found.groups()
        elif self.frames:
            return
        elif found := _STREAM.search(line):
            self.codecs.setdefault(found[1], found[2])
        elif found := _CLOCK.search(line):
            self.tick, self.claimed_fps = Fraction(found[1]), found[2]
        elif not self.timecode and (found := _TIMECODE.search(line)):
            self.timecode = found[1]


def _check_complete(path: Path, log: _LogReader, finished: ffmpeg.Finished) -> None:
    if not log.frames:
        if finished.has_crashed:
            what = f"ffmpeg crashed on {path}, with code {finished.returncode}."
            raise errors.MovieUnreadable(
                f"{what} Set {source_of('ffmpeg')} to another ffmpeg, or export the movie in another format."
            )
        if "Audio" in log.codecs:
            raise errors.MovieUnreadable(f"{path} has sound but no video. Give a movie.")
        reason = finished.errors[0] if finished.errors else "it contains no frame"
        if "whitelist" in reason or "non standard extension" in reason:
            known = ", ".join(sorted(sequences.IMAGE_SUFFIXES))
            raise errors.MovieUnreadable(
                f"The format of {path} is not supported. Give a movie such as MP4 or MOV, or images: {known}."
            )
        kind = "n image" if path.suffix.lower() in sequences.IMAGE_SUFFIXES else " movie"
        what = f"{path} is not a{kind} that can be decoded"
        raise errors.MovieUnreadable(f"{what}: {reason.rstrip('.')}. Export it again.")
    if finished.returncode or finished.errors or not file_integrity.is_whole(path):
        reason = finished.errors[0] if finished.errors else "its end is missing"
        count = len(log.frames)
        raise errors.MovieUnreadable(f"{path} is truncated or damaged after {count} frames: {reason}. Export it again.")


def _rate(ticks: Sequence[int], tick: Fraction, claimed: str) -> tuple[Fraction, bool]:
    """Return the rate at which every frame has a number of its own, and whether it is constant."""
    length = (ticks[-1] - ticks[0]) * tick
    rates: list[frames.Rate] = [claimed, (len(ticks) - 1) / length] if length > 0 else [claimed]
    usable = []
    for rate in rates:
        # "0/0" means that ffmpeg knows no rate; it may also report the frequency of the clock.
        with contextlib.suppress(errors.SettingInvalid):
            usable.append(frames.frame_rate(rate))
    for fps in usable:
        # Containers with a clock of milliseconds round the times, so half a frame is tolerated.
        if all(abs((at - ticks[0]) * tick * fps - index) < Fraction(1, 2) for index, at in enumerate(ticks)):
            return fps, True
    return (usable[-1] if usable else Fraction(1)), False


def png_pixel_aspect(path: Path) -> Fraction:
    """Return the width of the image's pixels by their height, 1 if the file does not contain it or cannot be read.

    ffmpeg reads it upside down: it takes pixels per unit for the size of a pixel.
    Source: Portable Network Graphics, third edition, section 11.3.4.3 (pHYs).
    """
    try:
        with path.open("rb") as file:
            if file.read(8) != _PNG_SIGNATURE:
                return Fraction(1)
            for _ in range(_MAX_PNG_CHUNKS):
                head = file.read(8)
                if len(head) < 8 or head[4:] == b"IDAT":
                    break
                length = struct.unpack(">I", head[:4])[0]
                if head[4:] == b"pHYs":
                    across, down, _ = struct.unpack(">IIB", file.read(9))
                    # Pixels per metre are rounded.
                    return _usable_aspect(down, across)
                file.seek(length + 4, 1)
    except (OSError, struct.error):
        pass
    return Fraction(1)
