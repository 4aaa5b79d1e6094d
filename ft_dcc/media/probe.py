"""What a film is: found out by decoding it, since its own header may promise anything."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import attrs

from ft_dcc.errors import FilmUnreadable, SettingInvalid
from ft_dcc.frames import IMAGE_SUFFIXES, Rate, Resolution, frame_rate
from ft_dcc.media import container, ffmpeg
from ft_dcc.media.facts import FilmFacts
from ft_dcc.media.ffmpeg import Finished, IsCancelled

# Says of each decoded picture when it is shown and how large it is; without the checksum it costs nothing.
SEEING = "showinfo=checksum=0"
# Reads every picture and decodes none.
COUNTING = ("-loglevel", "level+verbose", "-map", "0:V:0", "-c", "copy", "-f", "null", "-")
# ffmpeg 7.0 tells the progress of what it encodes alone; every version says this of a copy at its end.
_COUNTED = re.compile(r"Output stream #0:0 \(video\): (\d+) packets muxed")
# ffmpeg also "decodes" text as a terminal's screen, and playlists that make it open other files and addresses.
_CONTAINERS = "mov,matroska,avi,mxf,mpegts,mpeg,ogg,gif,flv,asf"
_SEEN = re.compile(r" n: *\d+ pts: *(-?\d+) .* fmt:(\S+) .* s:(\d+x\d+) .*iskey:(\d)")
_CLOCK = re.compile(r"config in time_base: (\S+), frame_rate: (\S+)")
_MATRIX = re.compile(r"color_space:(\S+)")
_STREAM = re.compile(r"Stream #0:\d+.*?: (Video|Audio): (\w+)")


@attrs.frozen
class Picture:
    """One picture that ffmpeg decoded: when it is shown, in ticks of its stream's clock, and what it is made of."""

    ticks: int
    pixel_format: str
    resolution: Resolution
    is_key: bool


def seen_picture(line: str) -> Picture | None:
    """Return the picture that a line of the log reports, if SEEING wrote it."""
    found = _SEEN.search(line)
    return Picture(int(found[1]), found[2], Resolution.parse(found[3]), found[4] == "1") if found else None


def counted(line: str) -> int | None:
    """Return how many pictures a line of the log says that COUNTING has read, if it says so."""
    found = _COUNTED.search(line)
    return int(found[1]) if found else None


def film_input(path: Path) -> list[str]:
    """Return ffmpeg's arguments for reading a film or a single image: files only, and no playlists."""
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return ["-protocol_whitelist", "file", "-f", "image2", "-pattern_type", "none", "-i", ffmpeg.file_url(path)]
    return ["-protocol_whitelist", "file", "-format_whitelist", _CONTAINERS, "-i", ffmpeg.file_url(path)]


def probe(path: Path, *, at_most: int | None = None, is_cancelled: IsCancelled | None = None) -> FilmFacts:
    """Return what a film, or an image, is; every picture of it has been decoded, or ``at_most`` so many.

    Raises FilmUnreadable for what is missing, empty, no film, damaged, cut short, or without a picture.
    """
    _refuse_absent(path)
    log = _Log()
    limit = [] if at_most is None else ["-frames:v", str(at_most)]
    sink = ["-map", "0:V:0", "-vf", SEEING, *limit, "-fps_mode", "passthrough", "-f", "null", "-"]
    finished = ffmpeg.run([*film_input(path), *sink], on_line=log.read, is_cancelled=is_cancelled)
    _refuse_damaged(path, log, finished)
    fps, is_constant = _rate([picture.ticks for picture in log.pictures], log.tick, log.claimed_fps)
    first = log.pictures[0]
    return FilmFacts(
        resolution=first.resolution,
        fps=fps,
        frame_count=len(log.pictures),
        codec=log.codecs["Video"],
        pixel_format=first.pixel_format,
        matrix=log.matrix,
        audio_codec=log.codecs.get("Audio", ""),
        key_interval=_key_interval([picture.is_key for picture in log.pictures]),
        start=first.ticks * log.tick,
        is_constant_rate=is_constant,
        is_faststart=container.is_faststart(path),
    )


def count_pictures(path: Path) -> int:
    """Return how many pictures a film of our own making holds; they are counted in the file, and not decoded."""
    counts: list[int | None] = []
    ffmpeg.run([*film_input(path), *COUNTING], on_line=lambda line: counts.append(counted(line)))
    return next(filter(None, counts), 0)


class _Log:
    """What ffmpeg says of the film, picked up line by line."""

    def __init__(self) -> None:
        self.pictures: list[Picture] = []
        self.codecs: dict[str, str] = {}
        self.matrix = "unknown"
        self.tick, self.claimed_fps = Fraction(1, 1000), "0/0"

    def read(self, line: str) -> None:
        picture = seen_picture(line)
        if picture:
            self.pictures.append(picture)
        elif len(self.pictures) == 1 and (found := _MATRIX.search(line)):
            self.matrix = found[1]
        elif not self.pictures:
            self._read_header(line)

    def _read_header(self, line: str) -> None:
        if found := _STREAM.search(line):
            self.codecs.setdefault(found[1], found[2])
        elif found := _CLOCK.search(line):
            self.tick, self.claimed_fps = Fraction(found[1]), found[2]


def _refuse_absent(path: Path) -> None:
    try:
        is_empty = path.stat().st_size == 0
    except OSError as error:
        raise FilmUnreadable(f"{path} cannot be opened: {error.strerror}. Give the path of a film.") from error
    if is_empty:
        raise FilmUnreadable(f"{path} is empty. Export it again.")


def _refuse_damaged(path: Path, log: _Log, finished: Finished) -> None:
    if not log.pictures:
        if finished.has_crashed:
            what = f"ffmpeg crashed on {path}, with code {finished.returncode}."
            raise FilmUnreadable(f"{what} Set {ffmpeg.VARIABLE} to another ffmpeg, or give the film in another format.")
        if "Audio" in log.codecs:
            raise FilmUnreadable(f"{path} has sound and no picture. Give a film.")
        reason = finished.errors[0] if finished.errors else "it holds no picture"
        if "whitelist" in reason or "non standard extension" in reason:
            reason = "its format is none that films have"
        kind = "picture" if path.suffix.lower() in IMAGE_SUFFIXES else "film"
        raise FilmUnreadable(f"{path} is not a {kind} that can be decoded: {reason.rstrip('.')}. Export it again.")
    if finished.returncode or finished.errors or not container.is_whole(path):
        reason = finished.errors[0] if finished.errors else "its end is missing"
        count = len(log.pictures)
        raise FilmUnreadable(f"{path} is cut short or damaged, {count} pictures came out: {reason}. Export it again.")


def _rate(ticks: Sequence[int], tick: Fraction, claimed: str) -> tuple[Fraction, bool]:
    """Return the rate that puts every picture into a place of its own, and whether there is one."""
    length = (ticks[-1] - ticks[0]) * tick
    rates: list[Rate] = [claimed, (len(ticks) - 1) / length] if length > 0 else [claimed]
    usable = []
    for rate in rates:
        # "0/0" is ffmpeg's word for "no rate", and a clock's own frequency stands for it, too.
        with contextlib.suppress(SettingInvalid):
            usable.append(frame_rate(rate))
    for fps in usable:
        # Containers that count in milliseconds round each time, so half a picture is allowed.
        if all(abs((at - ticks[0]) * tick * fps - index) < Fraction(1, 2) for index, at in enumerate(ticks)):
            return fps, True
    return (usable[-1] if usable else Fraction(1)), False


def _key_interval(keys: Sequence[bool]) -> int:
    places = [index for index, is_key in enumerate(keys) if is_key]
    # Without a key frame at its start a film cannot be entered there.
    return max(after - before for before, after in zip([0, *places], [*places, len(keys)]))
