"""What is written into the pictures: texts in the corners, a slate before the first, a watermark over all.

Everything is one script for libass, which ffmpeg draws in the run that encodes: it wraps, shapes and mixes scripts of
any direction, takes text as text, and changes it on any picture. In the script one second is one picture, so that no
rate is rounded.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Union

import attrs

from ft_dcc.errors import SettingInvalid
from ft_dcc.frames import Resolution

Text = Union[str, Mapping[int, str]]
# The place in the picture, and libass' number for it: as on the digits of a keyboard.
CORNERS = {"top left": 7, "top": 8, "top right": 9, "bottom left": 1, "bottom": 2, "bottom right": 3}
# The folder of the fonts, seen from where ffmpeg runs.
FONTS = "fonts"
COMPUTED = ("frame", "timecode", "range", "fps", "resolution")
_FIELD = re.compile(r"\{(\w*)\}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_WORD_JOINER = "\N{WORD JOINER}"
_MIDDLE = 5
# Texts of one layer make room for each other, and a long one would push another out of the picture.
_LAYERS = (*CORNERS, "slate", "watermark", "missing")


@attrs.frozen
class Burnin:
    """What to write where.

    ``corners`` gives a place ("top left") its template, as "{shot} {version}"; ``fields`` gives each field its text,
    or its text on each frame. ``frame``, ``timecode``, ``range``, ``fps`` and ``resolution`` are computed. The lines of
    ``slate`` are templates for a picture of their own before the first; ``watermark`` is one that lies across all.
    ``aspect`` covers what lies outside of this shape (2.39) with black.
    """

    corners: Mapping[str, str] = attrs.field(factory=dict)
    fields: Mapping[str, Text] = attrs.field(factory=dict)
    slate: tuple[str, ...] = ()
    watermark: str = ""
    aspect: Fraction | None = None

    def __attrs_post_init__(self) -> None:
        for place in self.corners:
            _refuse_unknown("place in the picture", place, tuple(CORNERS))
        known = (*self.fields, *COMPUTED)
        for template in (*self.corners.values(), *self.slate, self.watermark):
            for name in _FIELD.findall(template):
                _refuse_unknown("field", name, known)

    @property
    def is_drawn(self) -> bool:
        """Whether there is anything to write or to cover."""
        return bool(self.corners or self.slate or self.watermark or self.aspect)

    @property
    def lead(self) -> int:
        """How many pictures come before the first frame."""
        return 1 if self.slate else 0


@attrs.frozen
class Pictures:
    """What is written on: the numbers of the frames, and what the fields that are computed are computed from.

    ``filled`` names the frames that are missing, and the frame that is shown in place of each; ``pixel_aspect`` is how
    wide a pixel is by its height.
    """

    numbers: Sequence[int]
    fps: Fraction
    resolution: Resolution
    filled: Mapping[int, int] = attrs.field(factory=dict)
    pixel_aspect: Fraction = Fraction(1)

    @property
    def shape(self) -> Resolution:
        """The size with square pixels: none is left out, so it is wider, or higher."""
        size, aspect = self.resolution, self.pixel_aspect
        if aspect >= 1:
            return Resolution(round(size.width * aspect), size.height)
        return Resolution(size.width, round(size.height / aspect))


def script(burnin: Burnin, pictures: Pictures, canvas: Resolution) -> str:
    """Return the script that libass draws on pictures of the size of ``canvas``."""
    events = [*_corners(burnin, pictures), *_slate(burnin, pictures), *_marks(burnin, pictures)]
    lines = [_event(start, end, style, text) for start, end, style, text in events]
    return "\n".join((_head(canvas), *lines, ""))


def filters(burnin: Burnin, canvas: Resolution, fps: Fraction, name: str) -> list[str]:
    """Return ffmpeg's filters that draw the script in the file ``name``, which lies in the folder where ffmpeg runs."""
    mask = [_mask(canvas, burnin.aspect)] if burnin.aspect else []
    slate = [f"tpad=start={burnin.lead}"] if burnin.lead else []
    return [*mask, *slate, "settb=1", "setpts=N", f"ass={name}:fontsdir={FONTS}", f"settb={1 / fps}", "setpts=N"]


def timecode(frame: int, fps: Fraction) -> str:
    """Return the time code of a frame without drop frames, frame 0 being midnight.

    >>> timecode(1001, Fraction(24000, 1001)), timecode(-1, Fraction(25)), timecode(7, Fraction(120))
    ('00:00:41:17', '23:59:59:24', '00:00:00:007')
    """
    rate = max(1, round(fps))
    seconds, rest = divmod(frame % (24 * 3600 * rate), rate)
    # From 101 frames a second on they have three digits, as ffmpeg writes them into the film.
    digits = max(2, len(str(rate - 1)))
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}:{rest:0{digits}d}"


def _corners(burnin: Burnin, pictures: Pictures) -> Iterator[tuple[int, int, str, str]]:
    """Yield first and last picture, style and text, one for each run of pictures with the same text."""
    for place, template in burnin.corners.items():
        runs: list[tuple[int, int, str, str]] = []
        for index, frame in enumerate(pictures.numbers, burnin.lead):
            text = _filled_in(template, burnin, pictures, frame)
            if runs and runs[-1][3] == text:
                runs[-1] = (runs[-1][0], index, place, text)
            else:
                runs.append((index, index, place, text))
        yield from runs


def _slate(burnin: Burnin, pictures: Pictures) -> Iterator[tuple[int, int, str, str]]:
    if burnin.slate:
        first = pictures.numbers[0]
        yield 0, 0, "slate", "\n".join(_filled_in(line, burnin, pictures, first) for line in burnin.slate)


def _marks(burnin: Burnin, pictures: Pictures) -> Iterator[tuple[int, int, str, str]]:
    """Yield the watermark, and a mark on every picture that stands for a missing one."""
    first, last = burnin.lead, burnin.lead + len(pictures.numbers) - 1
    if burnin.watermark:
        yield first, last, "watermark", _filled_in(burnin.watermark, burnin, pictures, pictures.numbers[0])
    for index, frame in enumerate(pictures.numbers, burnin.lead):
        if frame in pictures.filled:
            yield index, index, "missing", f"FRAME {frame} IS MISSING\nthis is {pictures.filled[frame]}"


def _filled_in(template: str, burnin: Burnin, pictures: Pictures, frame: int) -> str:
    """Put each field's text in place; what a text holds is never read as a template again."""

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name in burnin.fields:
            text = burnin.fields[name]
            return text if isinstance(text, str) else text.get(frame, "")
        return _computed(name, pictures, frame)

    return _FIELD.sub(value, template)


def _computed(name: str, pictures: Pictures, frame: int) -> str:
    return {
        "frame": str(frame),
        "timecode": timecode(frame, pictures.fps),
        "range": f"{pictures.numbers[0]}-{pictures.numbers[-1]}",
        "fps": f"{float(pictures.fps):.5g}",
        "resolution": str(pictures.resolution),
    }[name]


def _head(canvas: Resolution) -> str:
    size, margin = max(8, canvas.height // 32), max(2, canvas.height // 45)
    # Three texts stand beside each other: each wraps within its third.
    third = canvas.width // 3
    styles = []
    for place, number in CORNERS.items():
        left, right = {1: (margin, 2 * third), 2: (third, third), 0: (2 * third, margin)}[number % 3]
        styles.append(_style(place, size, number, left, right, margin))
    styles.append(_style("slate", size * 3 // 2, 4, margin * 4, margin * 4, margin))
    styles.append(_style("watermark", size * 4, _MIDDLE, margin, margin, margin, transparency=0xB0, angle=25))
    styles.append(_style("missing", size * 2, _MIDDLE, margin, margin, margin))
    return "\n".join(
        (
            "[Script Info]",
            "ScriptType: v4.00+",
            f"PlayResX: {canvas.width}\nPlayResY: {canvas.height}",
            "ScaledBorderAndShadow: yes\nWrapStyle: 0",
            "[V4+ Styles]",
            "Format: Name, Fontname, Fontsize, PrimaryColour, OutlineColour, BackColour, Bold, Angle, BorderStyle, "
            "Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding",
            *styles,
            "[Events]",
            "Format: Layer, Start, End, Style, Text",
        )
    )


def _style(
    name: str, size: int, alignment: int, left: int, right: int, vertical: int, *, transparency: int = 0, angle: int = 0
) -> str:
    white, black = f"&H{transparency:02X}FFFFFF", f"&H{transparency:02X}000000"
    outline = max(1, size // 12)
    look = f"{white},{black},{black},0,{angle},1,{outline},0"
    # Encoding -1: the text itself says in which direction it is read.
    return f"Style: {name},DejaVu Sans,{size},{look},{alignment},{left},{right},{vertical},-1"


def _event(first: int, last: int, style: str, text: str) -> str:
    return f"Dialogue: {_LAYERS.index(style)},{_moment(first)},{_moment(last + 1)},{style},{_literal(text)}"


def _moment(index: int) -> str:
    """Half a second before the picture, and so nowhere near the border of two."""
    seconds = max(Fraction(0), index - Fraction(1, 2))
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}.{'50' if seconds > whole else '00'}"


def _literal(text: str) -> str:
    """Return text that libass draws as it is: lines break where they did, and nothing else has a meaning."""
    lines = re.split(r"\r\n|[\r\n\x0b\x0c\x85\u2028\u2029]", text)
    # A character without width behind a backslash keeps it from joining what follows to a command.
    plain = (_CONTROL.sub(" ", line).replace("\\", "\\" + _WORD_JOINER) for line in lines)
    return r"\N".join(line.replace("{", r"\{").replace("}", r"\}") for line in plain)


def _mask(canvas: Resolution, aspect: Fraction) -> str:
    """The filter that covers what lies outside of the aspect ratio."""
    height = min(canvas.height, int(canvas.width / aspect))
    width = min(canvas.width, int(canvas.height * aspect))
    top, side = (canvas.height - height) // 2, (canvas.width - width) // 2
    bars = [f"0:0:iw:{top}", f"0:ih-{top}:iw:{top}", f"0:0:{side}:ih", f"iw-{side}:0:{side}:ih"]
    wanted = (bars[:2] if top else []) + (bars[2:] if side else [])
    return ",".join(f"drawbox={bar}:black:fill" for bar in wanted) or "null"


def _refuse_unknown(what: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known)}."
        raise SettingInvalid(f"There is no {what} called {name!r}. {hint}")
