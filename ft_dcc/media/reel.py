"""Frames on their way into ffmpeg: how they get in, and whether each of them came out as a picture.

Whole sequences are read by ffmpeg itself. Where a file stands for several pictures, or is not there yet, the files go
through a pipe as the pictures of an AVI: it keeps them apart, and what is damaged loses its own place only.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Generator, Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Callable

import attrs

from ft_dcc.errors import FramesMissing, Invalid
from ft_dcc.frames import Frames, Resolution, numbering, ranges
from ft_dcc.media import ffmpeg
from ft_dcc.media.burnin import Pictures
from ft_dcc.media.colour import AS_RGB
from ft_dcc.media.display import Colour, Converter, Files, converter, wrong_size
from ft_dcc.media.ffmpeg import Buffer, Feed, Finished
from ft_dcc.media.probe import SEEING, seen_picture

_DECODERS = {
    ".bmp": "bmp",
    ".cin": "cineon",
    ".dpx": "dpx",
    ".exr": "exr",
    ".jpeg": "mjpeg",
    ".jpg": "mjpeg",
    ".png": "png",
    ".tga": "targa",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".webp": "webp",
}


@attrs.frozen
class Reel:
    """The frames, and which frame's file is shown at each number of the film; ``filled`` are the marked ones of them.

    ``converter`` is there for files that are not made for a display, and ``pixel_aspect`` is how wide their pixels are
    by their height. ``arrived`` collects the numbers that ffmpeg has decoded.
    """

    frames: Frames
    shown: Mapping[int, int]
    converter: Converter | None = None
    filled: Mapping[int, int] = attrs.field(factory=dict)
    pixel_aspect: Fraction = Fraction(1)
    numbers: tuple[int, ...] = attrs.field(init=False, default=attrs.Factory(lambda self: tuple(self.shown), True))
    arrived: set[int] = attrs.field(factory=set, init=False)

    @property
    def pictures(self) -> Pictures:
        """What the film shows, for whoever writes on it."""
        return Pictures(self.numbers, self.frames.fps, self.frames.resolution, self.filled, self.pixel_aspect)

    @property
    def suffix(self) -> str:
        """What kind of files they are, ".png"."""
        return Path(self.frames.pattern).suffix.lower()

    @property
    def is_plain(self) -> bool:
        """Whether the files have the numbers of the pictures, one after the other."""
        return all(number == shown for number, shown in self.shown.items())

    @property
    def filters(self) -> list[str]:
        """The filters that report each picture and bring it to where the matrix can be converted."""
        # The next file after the range may exist, and is not looked at.
        shape = [] if self.pixel_aspect == 1 else [f"setsar={self.pixel_aspect}"]
        return [f"trim=end_pts={len(self.shown)}", SEEING, *shape, AS_RGB]

    def files(self, _is_stopped: Callable[[], bool]) -> Iterable[tuple[int, Path]]:
        """The file of each picture, and the frame that it is of."""
        return ((shown, self.frames.path(shown)) for shown in self.shown.values())

    def source(self, files: Files | None = None) -> tuple[list[str], Feed | None]:
        """Return ffmpeg's arguments for reading the frames, and what writes them into its pipe, if it reads from one.

        ``files`` hands out those that are not on disk yet.
        """
        if self.converter:
            return self.converter.piped(files or self.files, self.frames.resolution, self.frames.fps)
        if files is None and self.is_plain:
            return self._on_disk(), None
        return self._piped(files or self.files)

    def _piped(self, files: Files) -> tuple[list[str], Feed]:
        if self.suffix not in _DECODERS:
            known = ", ".join(sorted(_DECODERS))
            raise Invalid("kind of image", found=self.suffix or "none", wanted=f"one of {known}")
        frames = self.frames

        def feed(is_stopped: Callable[[], bool]) -> Generator[Buffer, None, None]:
            yield _avi_header(frames.resolution, frames.fps)
            for number, path in files(is_stopped):
                content = _read(number, path)
                yield _avi_chunk_head(b"00dc", len(content))
                yield content
                yield b"\0" * (len(content) % 2)

        # Each chunk is one whole file: a parser would look for the borders itself, and lose two for a damaged one.
        reading = ["-fflags", "+noparse", "-f", "avi", "-c:v", _DECODERS[self.suffix], "-i", "pipe:0"]
        return [*self._strict, *reading], feed

    def _on_disk(self) -> list[str]:
        folder, name = os.path.split(self.frames.pattern)
        before, width, after = (str(part).replace("%", "%%") for part in numbering(name) or (name, 0, ""))
        pattern = os.path.join(folder.replace("%", "%%"), f"{before}%0{width}d{after}")  # noqa: PTH118
        timing = ["-framerate", str(self.frames.fps), "-start_number", str(self.numbers[0])]
        return [*self._strict, "-f", "image2", *timing, "-i", ffmpeg.file_url(pattern)]

    @property
    def _strict(self) -> list[str]:
        # Only JPEG needs to be told: it fills what is missing with grey. TIFF refuses good files when it is told.
        return ["-err_detect", "explode"] if self.suffix in (".jpg", ".jpeg") else []

    def see(self, line: str) -> None:
        """Raise Invalid if a line of the log reports a picture of another size."""
        picture = seen_picture(line)
        if picture is None:
            return
        number = self.numbers[picture.ticks]
        if picture.resolution != self.frames.resolution:
            path = self.frames.path(self.shown[number])
            raise wrong_size(self.shown[number], path, found=picture.resolution, wanted=self.frames.resolution)
        self.arrived.add(number)

    def judge(self, finished: Finished) -> None:
        """Raise FramesMissing for what went in and did not come out as a picture."""
        # After a failure of its own, ffmpeg has not come to the rest of them.
        if not finished.returncode:
            lost = {shown for number, shown in self.shown.items() if number not in self.arrived}
            refuse_damaged(self.frames, sorted(lost))


def as_numbered(
    frames: Frames, colour: Colour | None = None, *, is_filling: bool = False, is_awaited: bool = False
) -> Reel:
    """Return the reel that shows every frame at its number; for one without a picture the one before is held.

    A step leaves frames out. What is missing from the disk is an error, or marked in the picture with ``is_filling``.
    With ``is_awaited`` nobody looks at the disk yet. Raises FramesMissing, SettingInvalid or ExtraMissing.
    """
    if numbering(os.path.basename(frames.pattern)) is None:  # noqa: PTH119 - a pattern is no path yet
        raise FramesMissing(f"{frames.pattern} is one file. Give the frames as name.%04d.png or name.####.png.")
    missing = () if is_awaited else frames.missing()
    present = sorted(set(frames.frame_range.with_handles) - set(missing))
    if missing and not (is_filling and present):
        raise FramesMissing(f"Of {frames.pattern} these frames are missing: {ranges(missing)}. Render them.", missing)
    own, held = set(present), present[0]
    shown = {}
    for number in frames.frame_range.with_handles.every_frame:
        held = number if number in own else held
        shown[number] = held
    suffix = Path(frames.pattern).suffix
    conversion = converter(suffix, colour)
    # What ffmpeg reads itself says it in the film without us; nobody films a scene through an anamorphic lens.
    aspect = Fraction(1) if conversion is None or is_awaited else conversion.pixel_aspect_of(frames.path(present[0]))
    return Reel(frames, shown, conversion, {gap: shown[gap] for gap in missing}, pixel_aspect=aspect)


def refuse_damaged(frames: Frames, damaged: Sequence[int]) -> None:
    """Raise FramesMissing if there are any."""
    if damaged:
        which = f"Frame {damaged[0]} is" if len(damaged) == 1 else f"Frames {ranges(tuple(damaged))} are"
        raise FramesMissing(f"{which} damaged: {frames.path(damaged[0])}. Render again.", tuple(damaged))


def _read(number: int, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise FramesMissing(
            f"Frame {number} cannot be read: {path}: {error.strerror}. Render it.", (number,)
        ) from error


def _avi_header(resolution: Resolution, fps: Fraction) -> bytes:
    """An AVI that says of its length nothing, and so has none: Microsoft's "AVI RIFF File Reference"."""
    width, height = resolution.width, resolution.height
    main = struct.pack("<14I", 0, 0, 0, 0, 0, 0, 1, 0, width, height, 0, 0, 0, 0)
    # The size of the picture is in the files; here it stands for show.
    clock = (fps.denominator, fps.numerator)
    stream = b"vids" + struct.pack("<IIHHI2I4iI8x", 0, 0, 0, 0, 0, *clock, 0, 0, 0, -1, 0)
    bitmap = struct.pack("<IiiHH4sIiiII", 40, width, height, 1, 24, b"MPNG", 0, 0, 0, 0, 0)
    streams = _avi_chunk(b"LIST", b"strl" + _avi_chunk(b"strh", stream) + _avi_chunk(b"strf", bitmap))
    header = _avi_chunk(b"LIST", b"hdrl" + _avi_chunk(b"avih", main) + streams)
    return b"RIFF\0\0\0\0AVI " + header + b"LIST\0\0\0\0movi"


def _avi_chunk(name: bytes, content: bytes) -> bytes:
    return _avi_chunk_head(name, len(content)) + content + b"\0" * (len(content) % 2)


def _avi_chunk_head(name: bytes, size: int) -> bytes:
    return name + struct.pack("<I", size)
