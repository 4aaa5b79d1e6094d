"""A contact sheet: one picture of frames that are evenly taken, each with its number.

Only the frames that are shown are read. So it costs next to nothing beside a film, and needs no film to be made of.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import attrs

from ft_dcc.frames import Frames, Resolution
from ft_dcc.media import burnin as drawing
from ft_dcc.media import colour as encoding
from ft_dcc.media import ffmpeg
from ft_dcc.media.burnin import Burnin, Pictures
from ft_dcc.media.display import Colour
from ft_dcc.media.facts import FilmFacts, Media
from ft_dcc.media.ffmpeg import Feed, IsCancelled
from ft_dcc.media.probe import film_input
from ft_dcc.media.reel import Reel, as_numbered
from ft_dcc.media.take import SCRIPT, film_filters, staged

COMPONENT_NAME = "contact-sheet"
_COLUMNS, _ROWS, _GAP = 5, 4, 4
_CELL = Resolution(384, 384)
# The numbers are a ninth of the picture high: the script's letters have eight lines at least.
_SCRIPT_LINES = 72


def contact_sheet(
    frames: Frames,
    path: Path,
    *,
    aspect: Fraction | None = None,
    colour: Colour | None = None,
    is_filling: bool = False,
    is_cancelled: IsCancelled | None = None,
) -> Media:
    """``path`` is a JPEG of at most twenty of the frames, first and last among them, handles included.

    ``aspect`` covers what lies outside of this shape with black; the other arguments are those of ``encode``, and so is
    what it raises.
    """
    whole = as_numbered(frames, colour, is_filling=is_filling)
    chosen = {number: whole.shown[number] for number in _evenly(whole.numbers)}
    filled = {number: shown for number, shown in whole.filled.items() if number in chosen}
    reel = Reel(frames, chosen, whole.converter, filled, whole.pixel_aspect)
    arguments, feed = reel.source(reel.files)
    sheet = _Sheet(frames.pattern, arguments, reel.filters, reel.pictures, aspect, feed, reel)
    return sheet.make(path, is_cancelled)


def contact_sheet_of_film(
    film: Path,
    path: Path,
    *,
    facts: FilmFacts,
    first_frame: int = 0,
    aspect: Fraction | None = None,
    is_cancelled: IsCancelled | None = None,
) -> Media:
    """The same of a film's pictures; ``facts`` and ``first_frame`` are what they are for ``transcode``."""
    numbers = range(first_frame, first_frame + facts.frame_count)
    chosen = _evenly(numbers)
    these = "+".join(f"eq(n\\,{number - first_frame})" for number in chosen)
    filters = [*film_filters(facts), f"select={these}", f"settb={1 / facts.fps}", "setpts=N"]
    pictures = Pictures(chosen, facts.fps, facts.resolution)
    return _Sheet(str(film), film_input(film), filters, pictures, aspect).make(path, is_cancelled)


@attrs.frozen
class _Sheet:
    source: str
    arguments: list[str]
    filters: list[str]
    pictures: Pictures
    aspect: Fraction | None
    feed: Feed | None = None
    reel: Reel | None = None

    def make(self, path: Path, is_cancelled: IsCancelled | None) -> Media:
        """``path`` is the sheet, or as it was."""
        with ffmpeg.replacing(path) as unfinished, staged(self._script(), path.parent) as folder:
            command = [*self.arguments, "-map", "0:V:0", "-vf", ",".join(self._chain()), "-frames:v", "1", "-q:v", "3"]
            finished = ffmpeg.run(
                [*command, "-f", "mjpeg", ffmpeg.file_url(unfinished)],
                folder=folder,
                feed=self.feed,
                on_line=self.reel.see if self.reel else None,
                is_cancelled=is_cancelled,
            )
            if self.reel:
                self.reel.judge(finished)
            if finished.returncode or not unfinished.stat().st_size:
                raise ffmpeg.explained(finished, self.source, path)
        return Media(path, COMPONENT_NAME, self._size, None, 1, path.stat().st_size, filled=tuple(self.pictures.filled))

    @property
    def _look(self) -> Burnin:
        return Burnin({"bottom left": "{frame}"}, aspect=self.aspect)

    @property
    def _cell(self) -> Resolution:
        """The size of each picture in the sheet; none is enlarged."""
        size = self.pictures.shape
        factor = min(Fraction(1), Fraction(_CELL.width, size.width), Fraction(_CELL.height, size.height))
        return Resolution(max(2, round(size.width * factor)), max(2, round(size.height * factor))).even

    @property
    def _grid(self) -> tuple[int, int]:
        """How many columns and rows there are."""
        columns = min(_COLUMNS, math.ceil(math.sqrt(len(self.pictures.numbers))))
        return columns, math.ceil(len(self.pictures.numbers) / columns)

    @property
    def _size(self) -> Resolution:
        (columns, rows), cell = self._grid, self._cell
        return Resolution(columns * (cell.width + _GAP) - _GAP, rows * (cell.height + _GAP) - _GAP)

    def _script(self) -> str:
        cell = self._cell
        canvas = Resolution(max(1, _SCRIPT_LINES * cell.width // cell.height), _SCRIPT_LINES)
        return drawing.script(self._look, self.pictures, canvas)

    def _chain(self) -> list[str]:
        columns, rows = self._grid
        return [
            *self.filters,
            *encoding.to_review(self.pictures.resolution, self._cell, "yuv444p"),
            *drawing.filters(self._look, self._cell, self.pictures.fps, SCRIPT),
            f"tile={columns}x{rows}:padding={_GAP}",
            *encoding.to_jpeg(),
        ]


def _evenly(numbers: Sequence[int]) -> list[int]:
    """Return the first, the last, and what lies evenly between them."""
    count = min(len(numbers), _COLUMNS * _ROWS)
    return [numbers[round(Fraction(place * (len(numbers) - 1), max(1, count - 1)))] for place in range(count)]
