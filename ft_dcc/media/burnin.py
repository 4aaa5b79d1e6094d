"""Burn-ins: texts in the corners of the image, a slate before the first frame, a watermark over all frames.

They are one libass script that ffmpeg draws while it encodes. libass wraps text, shapes it and mixes writing systems of
any direction; the text can change at each frame. In the script one second is one frame, so that no rate is rounded.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Union

import attrs

from ft_dcc import errors, frames
from ft_dcc.media import slate
from ft_dcc.media.fonts.font_files import FontChoice, choose_fonts
from ft_dcc.media.slate import SlateImages
from ft_dcc.media.timecode import timecode

Text = Union[str, Mapping[int, str]]
# The position in the image, and libass' number for it: as on a numeric keypad.
CORNERS = {"top left": 7, "top": 8, "top right": 9, "bottom left": 1, "bottom": 2, "bottom right": 3}
# The folder of the fonts, relative to the folder in which ffmpeg runs.
FONTS = "fonts"
COMPUTED = ("frame", "timecode", "range", "fps", "resolution")
_FIELD = re.compile(r"\{(\w*)\}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_WORD_JOINER = "\N{WORD JOINER}"
_MIDDLE = 5
# libass moves texts of one layer apart, so that a long one would push another out of the image.
_LAYERS = (*CORNERS, "watermark", "missing", "header left", "header right")


@attrs.frozen
class _Event:
    """A text from a first to a last image; ``box`` and ``size`` are those of the slate, else the style has them."""

    first: int
    last: int
    style: str
    text: str
    box: slate.Box | None = None
    size: int = 0


@attrs.frozen
class Burnin:
    """The templates of a burn-in and the values of their fields.

    ``corners`` maps positions ("top left") to templates ("{shot} {version}"); ``fields`` maps each field to its text,
    or to its text at each frame. ``frame``, ``timecode``, ``range``, ``fps`` and ``resolution`` are computed. ``slate``
    are the lines of a slate before the first frame, such as "Shot: {shot}", and ``slate_images`` what it shows beside
    them; ``watermark`` lies across all frames. Everything outside of the aspect ratio ``aspect`` (2.39) is black.
    """

    corners: Mapping[str, str] = attrs.field(factory=dict)
    fields: Mapping[str, Text] = attrs.field(factory=dict)
    slate: tuple[str, ...] = ()
    slate_images: SlateImages = attrs.field(factory=SlateImages)
    watermark: str = ""
    aspect: Fraction | None = None

    def __attrs_post_init__(self) -> None:
        for place in self.corners:
            _refuse_unknown("position in the image", place, tuple(CORNERS))
        known = (*self.fields, *COMPUTED)
        for template in (*self.corners.values(), *self.slate, self.watermark):
            for name in _FIELD.findall(template):
                _refuse_unknown("field", name, known)

    @property
    def is_drawn(self) -> bool:
        """Whether anything is drawn."""
        return bool(self.corners or self.slate or self.watermark or self.aspect)

    @property
    def lead(self) -> int:
        """The number of frames before the first one: 1 with a slate."""
        return 1 if self.slate else 0


@attrs.frozen
class BurninTarget:
    """The frames that a burn-in is drawn on, from which its computed fields are derived.

    ``filled`` maps each missing frame to the frame that replaces it; ``pixel_aspect`` is a pixel's width by its height.
    """

    numbers: Sequence[int]
    fps: Fraction
    resolution: frames.Resolution
    filled: Mapping[int, int] = attrs.field(factory=dict)
    pixel_aspect: Fraction = Fraction(1)

    @property
    def shape(self) -> frames.Resolution:
        """The size with square pixels, which is wider or higher, so that no pixel is lost."""
        size, aspect = self.resolution, self.pixel_aspect
        if aspect >= 1:
            return frames.Resolution(round(size.width * aspect), size.height)
        return frames.Resolution(size.width, round(size.height / aspect))


def script(burnin: Burnin, target: BurninTarget, canvas: frames.Resolution) -> str:
    """Return the libass script for images of the size ``canvas``; it needs the fonts of ``fonts_of``."""
    fonts = fonts_of(burnin, target)
    events = [*_corners(burnin, target), *_slate(burnin, target, canvas), *_watermark_and_labels(burnin, target)]
    lines = [_event(event, canvas, layer, fonts) for layer, event in enumerate(events, len(_LAYERS))]
    return "\n".join((_head(canvas), *lines, ""))


def fonts_of(burnin: Burnin, target: BurninTarget) -> FontChoice:
    """Return the fonts of the texts, and the characters that no font has."""
    events = (*_corners(burnin, target), *_watermark_and_labels(burnin, target))
    lines = (text for line in _slate_lines(burnin, target) for text in line)
    return choose_fonts((*(event.text for event in events), *lines))


def filters(
    burnin: Burnin, canvas: frames.Resolution, fps: Fraction, name: str, pixel_format: str = "yuv420p"
) -> list[str]:
    """Return ffmpeg's filters that draw the script in the file ``name``, relative to the folder where ffmpeg runs."""
    mask = [_mask(canvas, burnin.aspect)] if burnin.aspect else []
    lead = [slate.filters(burnin.slate_images, canvas, pixel_format)] if burnin.lead else []
    return [*mask, *lead, "settb=1", "setpts=N", f"ass={name}:fontsdir={FONTS}", f"settb={1 / fps}", "setpts=N"]


def _corners(burnin: Burnin, target: BurninTarget) -> Iterator[_Event]:
    """Yield an event for each run of frames with the same text."""
    for place, template in burnin.corners.items():
        runs: list[_Event] = []
        for index, frame in enumerate(target.numbers, burnin.lead):
            text = _expand(template, burnin, target, frame)
            if runs and runs[-1].text == text:
                runs[-1] = attrs.evolve(runs[-1], last=index)
            else:
                runs.append(_Event(index, index, place, text))
        yield from runs


def _slate_lines(burnin: Burnin, target: BurninTarget) -> list[tuple[str, str]]:
    """Return the label and the text of each line of the slate."""
    lines = map(slate.split_label, burnin.slate)
    return [(label, _expand(template, burnin, target, target.numbers[0])) for label, template in lines]


def _slate(burnin: Burnin, target: BurninTarget, canvas: frames.Resolution) -> list[_Event]:
    rows = slate.rows(_slate_lines(burnin, target), slate.layout(burnin.slate_images, canvas))
    return [_Event(0, 0, row.style, row.text, row.box, row.size) for row in rows]


def _watermark_and_labels(burnin: Burnin, target: BurninTarget) -> Iterator[_Event]:
    """Yield the watermark, and a label on every frame that replaces a missing one."""
    first, last = burnin.lead, burnin.lead + len(target.numbers) - 1
    if burnin.watermark:
        yield _Event(first, last, "watermark", _expand(burnin.watermark, burnin, target, target.numbers[0]))
    for index, frame in enumerate(target.numbers, burnin.lead):
        if frame in target.filled:
            yield _Event(index, index, "missing", f"FRAME {frame} IS MISSING\nthis is {target.filled[frame]}")


def _expand(template: str, burnin: Burnin, target: BurninTarget, frame: int) -> str:
    """Replace the fields; braces in the values are not replaced again."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name in burnin.fields:
            text = burnin.fields[name]
            return text if isinstance(text, str) else text.get(frame, "")
        return _computed(name, target, frame)

    return _FIELD.sub(value, template)


def _computed(name: str, target: BurninTarget, frame: int) -> str:
    return {
        "frame": str(frame),
        "timecode": timecode(frame, target.fps),
        "range": f"{target.numbers[0]}-{target.numbers[-1]}",
        "fps": f"{float(target.fps):.5g}",
        "resolution": str(target.resolution),
    }[name]


def _head(canvas: frames.Resolution) -> str:
    size, margin = max(8, canvas.height // 32), max(2, canvas.height // 45)
    # Three texts are beside each other: each wraps within its third.
    third = canvas.width // 3
    styles = []
    for place, number in CORNERS.items():
        left, right = {1: (margin, 2 * third), 2: (third, third), 0: (2 * third, margin)}[number % 3]
        styles.append(_style(place, size, number, left, right, margin))
    for name, grey in ((slate.TITLE, 0xFF), (slate.LABEL, 0xA0), (slate.VALUE, 0xFF)):
        styles.append(_style(name, size, CORNERS["top left"], 0, 0, 0, grey=grey))
    styles.append(_style("watermark", size * 4, _MIDDLE, margin, margin, margin, transparency=0xB0, angle=25))
    styles.append(_style("missing", size * 2, _MIDDLE, margin, margin, margin))
    return _script_head(canvas, styles)


def header_script(left: str, right: str, burnin: Burnin, target: BurninTarget, canvas: frames.Resolution) -> str:
    """Return the libass script of two templates in a line at the top of an image of the size ``canvas``.

    The line has the height of ``header_height``.
    """
    height = header_height(canvas)
    size, third = max(8, height * 2 // 5), canvas.width // 3
    margin = (height - size) // 2
    styles = [
        _style("header left", size, CORNERS["top left"], margin, third, margin),
        _style("header right", size, CORNERS["top right"], 2 * third, margin, margin),
    ]
    texts = {"header left": left, "header right": right}
    shown = {style: _expand(text, burnin, target, target.numbers[0]) for style, text in texts.items()}
    fonts = choose_fonts(shown.values())
    lines = [_event(_Event(0, 0, style, text), canvas, 0, fonts) for style, text in shown.items()]
    return "\n".join((_script_head(canvas, styles), *lines, ""))


def header_height(canvas: frames.Resolution) -> int:
    """Return the height of the line of ``header_script``: it depends on the width, so that usual names fit."""
    return max(16, canvas.width // 32) // 2 * 2


def _script_head(canvas: frames.Resolution, styles: Sequence[str]) -> str:
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
            "Format: Layer, Start, End, Style, MarginL, MarginR, MarginV, Text",
        )
    )


def _style(
    name: str,
    size: int,
    alignment: int,
    left: int,
    right: int,
    vertical: int,
    *,
    transparency: int = 0,
    angle: int = 0,
    grey: int = 0xFF,
) -> str:
    white, black = f"&H{transparency:02X}" + 3 * f"{grey:02X}", f"&H{transparency:02X}000000"
    outline = max(1, size // 12)
    colours = f"{white},{black},{black},0,{angle},1,{outline},0"
    # Encoding -1: libass detects the direction of the text.
    return f"Style: {name},DejaVu Sans,{size},{colours},{alignment},{left},{right},{vertical},-1"


def _event(event: _Event, canvas: frames.Resolution, layer: int, fonts: FontChoice) -> str:
    """Return the line of an event; ``layer`` is that of a text of the slate, the others have one for each place."""
    margins, size = "0,0,0", ""
    if event.box is not None:
        size = rf"{{\fs{event.size}}}"
        # At least 1: a margin of 0 stands for that of the style.
        margins = f"{max(1, event.box.x)},{max(1, canvas.width - event.box.x - event.box.width)},{event.box.y}"
    else:
        layer = _LAYERS.index(event.style)
    times = f"{_time(event.first)},{_time(event.last + 1)}"
    return f"Dialogue: {layer},{times},{event.style},{margins},{size}{_escaped(event.text, fonts)}"


def _time(index: int) -> str:
    """Return the time half a second before the frame, far from the boundary between two frames."""
    seconds = max(Fraction(0), index - Fraction(1, 2))
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}.{'50' if seconds > whole else '00'}"


def _escaped(text: str, fonts: FontChoice) -> str:
    """Return text that libass draws literally, with the same line breaks and with the font of each character."""
    lines = re.split(r"\r\n|[\r\n\x0b\x0c\x85\u2028\u2029]", text)
    return r"\N".join(
        "".join(_in_font(family, run) for family, run in fonts.runs(_CONTROL.sub(" ", line))) for line in lines
    )


def _in_font(family: str | None, text: str) -> str:
    # A zero-width character after a backslash keeps it from forming a command with the next character.
    plain = text.replace("\\", "\\" + _WORD_JOINER).replace("{", r"\{").replace("}", r"\}")
    return plain if family is None else rf"{{\fn{family}}}{plain}{{\fn}}"


def _mask(canvas: frames.Resolution, aspect: Fraction) -> str:
    """Return the filter that fills everything outside of the aspect ratio with black."""
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
        raise errors.SettingInvalid(f"There is no {what} called {name!r}. {hint}")
