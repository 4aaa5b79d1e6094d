"""Contact sheets: one image of evenly spaced frames, each with its number, below a header.

Only the chosen frames are read, so that a sheet costs little and does not need a movie.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import attrs

from ft_dcc.frames import Frames, Resolution
from ft_dcc.media import burnin, encode_run, ffmpeg, ocio, presets
from ft_dcc.media import burnin as drawing
from ft_dcc.media import ffmpeg_colour as encoding
from ft_dcc.media.ffmpeg import Feed, IsCancelled
from ft_dcc.media.fonts.font_files import missing_remark
from ft_dcc.media.frame_input import FrameInput, build_frame_input
from ft_dcc.media.inspection import media_info, probe

COMPONENT_NAME = "contact-sheet"
_COLUMNS, _ROWS, _GAP = 5, 4, 4
_CELL = Resolution(384, 384)
# The height of the script's canvas: with the minimal font size, the numbers are a ninth of the cell high.
_SCRIPT_LINES = 72
# The texts above the frames, on sheets that are wide enough for them.
_HEADER = ("{project}  {shot}  {task}  {version}", "{range}  {fps} fps  {artist}")
_HEADER_FIELDS = frozenset(("project", "shot", "task", "version", "artist"))
_HEADER_SCRIPT, _MIN_HEADER_WIDTH = "header.ass", 640


def contact_sheet(
    frames: Frames,
    path: Path,
    *,
    marks: burnin.Burnin | None = None,
    colour: ocio.ColourOptions | None = None,
    fill_missing: bool = False,
    is_cancelled: IsCancelled | None = None,
) -> media_info.EncodedFile:
    """Write a JPEG with at most twenty of the frames to ``path``, the first and the last one included.

    Each frame has the watermark and the letterbox of ``marks``; its fields are in the header. The other arguments and
    the errors are those of ``encode``.
    """
    all_frames = build_frame_input(frames, colour, fill_missing=fill_missing)
    chosen = {number: all_frames.shown[number] for number in _evenly(all_frames.numbers)}
    filled = {number: shown for number, shown in all_frames.filled.items() if number in chosen}
    frame_input = FrameInput(frames, chosen, all_frames.converter, filled, all_frames.pixel_aspect)
    arguments, feed = frame_input.source(frame_input.files)
    sheet = _Sheet(frames.pattern, arguments, frame_input.filters, frame_input.target, marks, feed, frame_input)
    return sheet.make(path, is_cancelled)


def contact_sheet_of_movie(
    movie: Path,
    path: Path,
    *,
    info: media_info.MovieInfo,
    first_frame: int = 0,
    marks: burnin.Burnin | None = None,
    is_cancelled: IsCancelled | None = None,
) -> media_info.EncodedFile:
    """Write a contact sheet of a movie; ``info`` and ``first_frame`` are as for ``transcode``."""
    numbers = range(first_frame, first_frame + info.frame_count)
    chosen = _evenly(numbers)
    selection = "+".join(f"eq(n\\,{number - first_frame})" for number in chosen)
    filters = [*encode_run.movie_filters(info), f"select={selection}", f"settb={1 / info.fps}", "setpts=N"]
    target = burnin.BurninTarget(chosen, info.fps, info.resolution)
    return _Sheet(str(movie), probe.movie_input(movie), filters, target, marks).make(path, is_cancelled)


@attrs.frozen
class _Sheet:
    source: str
    arguments: list[str]
    filters: list[str]
    target: burnin.BurninTarget
    marks: burnin.Burnin | None
    feed: Feed | None = None
    frame_input: FrameInput | None = None

    def make(self, path: Path, is_cancelled: IsCancelled | None) -> media_info.EncodedFile:
        """Write the sheet to ``path``; on an error ``path`` is unchanged."""
        fonts = drawing.fonts_of(self._header or self._burnin, self.target)
        with (
            ffmpeg.replacing(path) as unfinished,
            encode_run.script_folder(self._script(), path.parent, fonts.files) as folder,
        ):
            if self._header is not None:
                header = drawing.header_script(*_HEADER, self._header, self.target, self._size)
                (folder / _HEADER_SCRIPT).write_text(header, encoding="utf-8")
            command = [
                *self.arguments,
                "-map",
                "0:V:0",
                "-vf",
                ",".join(self._chain()),
                "-frames:v",
                "1",
                *presets.JPEG,
            ]
            finished = ffmpeg.run(
                [*command, ffmpeg.file_url(unfinished)],
                folder=folder,
                feed=self.feed,
                on_line=self.frame_input.on_log_line if self.frame_input else None,
                is_cancelled=is_cancelled,
            )
            if self.frame_input:
                self.frame_input.verify_decoded(finished)
            if finished.returncode or not unfinished.stat().st_size:
                raise ffmpeg.failure(finished, self.source, path)
        lost = missing_remark(fonts.missing)
        return media_info.EncodedFile(
            path,
            COMPONENT_NAME,
            self._size,
            None,
            1,
            path.stat().st_size,
            filled=tuple(self.target.filled),
            remark=lost,
            changes=lost,
        )

    @property
    def _burnin(self) -> burnin.Burnin:
        return attrs.evolve(self.marks or burnin.Burnin(), corners={"bottom left": "{frame}"}, slate=())

    @property
    def _cell(self) -> Resolution:
        """The size of each frame in the sheet; frames are never enlarged."""
        size = self.target.shape
        factor = min(Fraction(1), Fraction(_CELL.width, size.width), Fraction(_CELL.height, size.height))
        return Resolution(max(2, round(size.width * factor)), max(2, round(size.height * factor))).even

    @property
    def _grid(self) -> tuple[int, int]:
        """The numbers of columns and rows."""
        columns = min(_COLUMNS, math.ceil(math.sqrt(len(self.target.numbers))))
        return columns, math.ceil(len(self.target.numbers) / columns)

    @property
    def _size(self) -> Resolution:
        return Resolution(self._width, self._grid[1] * (self._cell.height + _GAP) - _GAP + self._header_height)

    @property
    def _width(self) -> int:
        return self._grid[0] * (self._cell.width + _GAP) - _GAP

    @property
    def _header(self) -> burnin.Burnin | None:
        """The values of the header above the frames, None without a header."""
        if self.marks is None or self._width < _MIN_HEADER_WIDTH or not set(self.marks.fields) >= _HEADER_FIELDS:
            return None
        return attrs.evolve(self.marks, slate=_HEADER)

    @property
    def _header_height(self) -> int:
        return 0 if self._header is None else drawing.header_height(Resolution(self._width, 1))

    def _script(self) -> str:
        cell = self._cell
        canvas = Resolution(max(1, _SCRIPT_LINES * cell.width // cell.height), _SCRIPT_LINES)
        return drawing.script(self._burnin, self.target, canvas)

    def _chain(self) -> list[str]:
        columns, rows = self._grid
        return [
            *self.filters,
            *encoding.to_review(self.target.resolution, self._cell, "yuv444p"),
            *drawing.filters(self._burnin, self._cell, self.target.fps, encode_run.SCRIPT),
            f"tile={columns}x{rows}:padding={_GAP}",
            *self._header_filters(),
            *encoding.to_jpeg(),
        ]

    def _header_filters(self) -> list[str]:
        if self._header is None:
            return []
        above = f"pad=iw:ih+{self._header_height}:0:{self._header_height}"
        return [above, "settb=1", "setpts=0", f"ass={_HEADER_SCRIPT}:fontsdir={drawing.FONTS}"]


def _evenly(numbers: Sequence[int]) -> list[int]:
    """Return the first, the last, and evenly spaced numbers between them."""
    count = min(len(numbers), _COLUMNS * _ROWS)
    return [numbers[round(Fraction(place * (len(numbers) - 1), max(1, count - 1)))] for place in range(count)]
