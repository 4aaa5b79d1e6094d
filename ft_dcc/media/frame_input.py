"""Read frames into ffmpeg, and verify that each of them was decoded.

Complete sequences are read by ffmpeg itself. If a file is shown repeatedly, or does not exist yet, the files go through
a pipe as the frames of an AVI, which keeps them apart: a damaged file affects its own frame only.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Generator, Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Callable

import attrs

from ft_dcc.errors import FramesMissing, MovieUnreadable, ValueMismatch
from ft_dcc.files.sequences import split_frame_number
from ft_dcc.frames import Frames, Resolution, format_ranges
from ft_dcc.media import burnin, ffmpeg, ffmpeg_colour, ocio
from ft_dcc.media.inspection import file_integrity, probe

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
# After a failed run; each of them starts ffmpeg.
_MAX_DECODED_AGAIN = 20


@attrs.frozen
class FrameInput:
    """A sequence, and the frame whose file is shown at each frame number of the movie."""

    frames: Frames
    shown: Mapping[int, int]
    # Converts files that are not made for a display.
    converter: ocio.Converter | None = None
    # The missing frames in ``shown``.
    filled: Mapping[int, int] = attrs.field(factory=dict)
    # A pixel's width by its height.
    pixel_aspect: Fraction = Fraction(1)
    numbers: tuple[int, ...] = attrs.field(init=False, default=attrs.Factory(lambda self: tuple(self.shown), True))
    # The numbers that ffmpeg has decoded.
    decoded: set[int] = attrs.field(factory=set, init=False)

    @property
    def target(self) -> burnin.BurninTarget:
        """The frames of the movie, for the burn-in."""
        return burnin.BurninTarget(
            self.numbers, self.frames.fps, self.frames.resolution, self.filled, self.pixel_aspect
        )

    @property
    def suffix(self) -> str:
        """The suffix of the files, ".png"."""
        return Path(self.frames.pattern).suffix.lower()

    @property
    def filters(self) -> list[str]:
        """The filters that report each frame, and after which its matrix can be converted."""
        # ffmpeg would also read existing files after the range.
        is_square = self.pixel_aspect == 1 and self.suffix != ".png"
        shape = [] if is_square else [f"setsar={self.pixel_aspect}"]
        rgb = ffmpeg_colour.OPAQUE_RGB if self.converter is None else ffmpeg_colour.AS_RGB
        return [f"trim=end_pts={len(self.shown)}", probe.SHOWINFO, *shape, rgb]

    @property
    def middle(self) -> int:
        """The place in the movie, from 0, of the middle one of the frames that exist."""
        own = [place for place, number in enumerate(self.numbers) if self.shown[number] == number]
        return own[(len(own) - 1) // 2]

    def files(self, _is_stopped: Callable[[], bool]) -> Iterable[tuple[int, Path]]:
        """Return the frame number and the file of each frame of the movie."""
        return ((shown, self.frames.path(shown)) for shown in self.shown.values())

    def source(self, files: ocio.Files | None = None) -> tuple[list[str], ffmpeg.Feed | None]:
        """Return ffmpeg's input arguments and its pipe's feed; ``files`` yields files that do not exist yet."""
        if self.converter:
            return self.converter.piped(files or self.files, self.frames.resolution, self.frames.fps)
        # The JPEG decoder fills missing parts with grey. The TIFF decoder rejects good files with this option.
        strict = ["-err_detect", "explode"] if self.suffix in (".jpg", ".jpeg") else []
        frames = self.frames
        first_file = self.numbers[0] + frames.file_shift
        is_plain = first_file >= 0 and all(number == shown for number, shown in self.shown.items())
        if files is None and is_plain:
            # Every frame of the movie shows its own file, whose name ffmpeg can make from its number.
            folder, name = os.path.split(frames.pattern)
            before, width, after = (str(part).replace("%", "%%") for part in split_frame_number(name) or (name, 0, ""))
            pattern = os.path.join(folder.replace("%", "%%"), f"{before}%0{width}d{after}")  # noqa: PTH118
            timing = ["-framerate", str(frames.fps), "-start_number", str(first_file)]
            return [*strict, "-f", "image2", *timing, "-i", ffmpeg.file_url(pattern)], None
        if self.suffix not in _DECODERS:
            known = ", ".join(sorted(_DECODERS))
            raise ValueMismatch("kind of image", found=self.suffix or "none", expected=f"one of {known}")

        def feed(is_stopped: Callable[[], bool]) -> Generator[ffmpeg.Buffer, None, None]:
            yield _avi_header(frames.resolution, frames.fps)
            for number, path in (files or self.files)(is_stopped):
                try:
                    content = path.read_bytes()
                except OSError as error:
                    raise _unreadable(number, path, error) from error
                yield _avi_chunk_head(b"00dc", len(content))
                yield content
                yield b"\0" * (len(content) % 2)

        # Each chunk is one file: a parser would search the boundaries itself, and lose two frames for a damaged one.
        arguments = ["-fflags", "+noparse", "-f", "avi", "-c:v", _DECODERS[self.suffix], "-i", "pipe:0"]
        return [*strict, *arguments], feed

    def on_log_line(self, line: str) -> None:
        """Read a line of ffmpeg's log; raise ValueMismatch if it reports a frame of another size."""
        decoded = probe.parse_frame_line(line)
        if decoded is None:
            return
        number = self.numbers[decoded.ticks]
        if decoded.resolution != self.frames.resolution:
            path = self.frames.path(self.shown[number])
            raise ocio.wrong_size(self.shown[number], path, found=decoded.resolution, wanted=self.frames.resolution)
        self.decoded.add(number)

    def verify_decoded(self, finished: ffmpeg.Finished, *, is_on_disk: bool = True) -> None:
        """Raise FramesMissing for frames that ffmpeg has not decoded.

        After a run that failed, only if all files exist already: ``is_on_disk``. Then the undecoded frames whose files
        cannot be read or decoded are the reason.
        """
        lost = sorted({shown for number, shown in self.shown.items() if number not in self.decoded})
        if not finished.returncode:
            refuse_damaged(self.frames, lost)
        elif is_on_disk:
            for number in lost:
                raise_unless_readable(number, self.frames.path(number))
            refuse_damaged(self.frames, self._undecodable(lost))

    def _undecodable(self, lost: Sequence[int]) -> list[int]:
        """Return the undecoded frames of a failed run that are damaged, [] if ffmpeg has decoded no frame at all.

        The frames after the last decoded one may be intact, and only be unread: they are decoded again, up to the first
        one that is intact.
        """
        if not self.decoded:
            return []
        last = max(self.shown[number] for number in self.decoded)
        damaged = [number for number in lost if number < last]
        for number in [number for number in lost if number > last][:_MAX_DECODED_AGAIN]:
            try:
                probe.probe(self.frames.path(number), max_frames=1)
                break
            except MovieUnreadable:
                damaged.append(number)
        return damaged


def build_frame_input(
    frames: Frames, colour: ocio.ColourOptions | None = None, *, fill_missing: bool = False, check_disk: bool = True
) -> FrameInput:
    """Return the input that shows every frame at its number, and the previous one at numbers that a step leaves out.

    Frames that are missing on disk raise FramesMissing, or with ``fill_missing`` show the previous one. Without
    ``check_disk`` all frames are expected later. Raises FramesMissing, SettingInvalid or MissingExtra.
    """
    if split_frame_number(os.path.basename(frames.pattern)) is None:  # noqa: PTH119 - a pattern is no path yet
        raise FramesMissing(f"{frames.pattern} is one file. Give the frames as name.%04d.png or name.####.png.")
    missing = frames.missing() if check_disk else ()
    present = sorted(set(frames.frame_range.with_handles) - set(missing))
    if missing and not (fill_missing and present):
        raise FramesMissing(
            f"Of {frames.pattern} these frames are missing: {format_ranges(missing)}. Render them.", missing
        )
    own, held = set(present), present[0]
    shown = {}
    for number in frames.frame_range.with_handles.every_frame:
        held = number if number in own else held
        shown[number] = held
    suffix = Path(frames.pattern).suffix
    conversion = ocio.converter(suffix, colour)
    aspect = frames.pixel_aspect
    if aspect is None:
        first = frames.path(present[0])
        if check_disk and conversion is not None:
            aspect = conversion.pixel_aspect_of(first)
        else:
            # ffmpeg reads the pixel aspect of its other formats.
            is_png = check_disk and first.suffix.lower() == ".png"
            aspect = probe.png_pixel_aspect(first) if is_png else Fraction(1)
    return FrameInput(frames, shown, conversion, {gap: shown[gap] for gap in missing}, pixel_aspect=aspect)


def refuse_damaged(frames: Frames, damaged: Sequence[int]) -> None:
    """Raise FramesMissing if frames are damaged."""
    if damaged:
        raise_unless_readable(damaged[0], frames.path(damaged[0]))
        which = f"Frame {damaged[0]} is" if len(damaged) == 1 else f"Frames {format_ranges(tuple(damaged))} are"
        raise FramesMissing(f"{which} damaged: {frames.path(damaged[0])}. Render them again.", tuple(damaged))


def refuse_truncated(frames: Frames, files: Iterable[tuple[int, Path]]) -> None:
    """Raise FramesMissing if files are shorter than they declare, or cannot be read."""
    damaged = []
    for number, path in dict(files).items():
        try:
            if not file_integrity.is_whole(path):
                damaged.append(number)
        except OSError as error:
            raise _unreadable(number, path, error) from error
    refuse_damaged(frames, damaged)


def raise_unless_readable(number: int, path: Path) -> None:
    """Raise FramesMissing with the reason if the file of a frame cannot be read."""
    reason = file_integrity.read_failure(path)
    if reason is not None:
        raise FramesMissing(f"Frame {number} cannot be read: {path}: {reason}.", (number,))


def _unreadable(number: int, path: Path, error: OSError) -> FramesMissing:
    reason = (error.strerror or str(error)).lower()
    return FramesMissing(f"Frame {number} cannot be read: {path}: {reason}.", (number,))


def _avi_header(resolution: Resolution, fps: Fraction) -> bytes:
    """Return the header of an AVI of unknown length. Source: Microsoft, "AVI RIFF File Reference"."""
    width, height = resolution.width, resolution.height
    main = struct.pack("<14I", 0, 0, 0, 0, 0, 0, 1, 0, width, height, 0, 0, 0, 0)
    # Decoders read the size from the files; the header only needs a value.
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
