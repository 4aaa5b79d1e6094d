"""Burn-ins: texts in the corners of the image, a slate before the first frame, a watermark over all frames.

They are one libass script that ffmpeg draws while it encodes. libass wraps text, shapes it and mixes writing systems of
any direction; the text can change at each frame. In the script one second is one frame, so that no rate is rounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import attrs

from ft_dcc import errors, frames
from ft_dcc.media import slate
from ft_dcc.media.fonts import FontChoice, choose_fonts
from ft_dcc.media.slate import SlateImages, Text
from ft_dcc.settings.fields import FIELD, formatted

# The position in the image, and libass' number for it: as on a numeric keypad.
CORNERS = {"top left": 7, "top": 8, "top right": 9, "bottom left": 1, "bottom": 2, "bottom right": 3}
# The folder of the fonts, relative to the folder in which ffmpeg runs.
FONTS = "fonts"
COMPUTED = ("frame", "timecode", "range", "cut", "fps", "resolution")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_WORD_JOINER = "\N{WORD JOINER}"
_MIDDLE = 5
# libass moves texts of one layer apart, so that a long one would push another out of the image.
_LAYERS = (*CORNERS, "watermark", "missing", "handle")


@attrs.frozen
class Burnin:
    """The templates of a burn-in and the values of their fields.

    The fields ``frame``, ``timecode``, ``range``, ``cut``, ``fps`` and ``resolution`` are computed.
    """

    # Templates ("{shot} {version}") by position ("top left").
    corners: Mapping[str, str] = attrs.field(factory=dict)
    # The value of each field, or its text at each frame.
    fields: Mapping[str, Any] = attrs.field(factory=dict)
    # The lines of a slate before the first frame, such as "Shot: {shot}", and what it shows beside them.
    slate: tuple[str, ...] = ()
    slate_images: SlateImages = attrs.field(factory=SlateImages)
    # Lies across all frames.
    watermark: str = ""
    # Everything outside of this aspect ratio (2.39) is black.
    aspect: Fraction | None = None
    # The frames without their handles; None stands for all of them.
    cut: frames.FrameRange | None = None
    # Whether the frames outside of the cut have a label.
    marks_handles: bool = False

    def __attrs_post_init__(self) -> None:
        for place in self.corners:
            _refuse_unknown("position in the image", place, tuple(CORNERS))
        known = (*self.fields, *COMPUTED)
        for template in (*self.corners.values(), *self.slate, self.watermark):
            for name, _ in FIELD.findall(template):
                _refuse_unknown("field", name, known)

    @property
    def is_drawn(self) -> bool:
        """Whether anything is drawn."""
        has_marks = self.marks_handles and self.cut is not None and self.cut.handles + self.cut.tail > 0
        return bool(self.corners or self.slate or self.watermark or self.aspect or has_marks)

    @property
    def lead(self) -> int:
        """The number of frames before the first one: 1 with a slate."""
        return 1 if self.slate else 0


@attrs.frozen
class BurninTarget:
    """The frames that a burn-in is drawn on, from which its computed fields are derived."""

    numbers: Sequence[int]
    fps: Fraction
    resolution: frames.Resolution
    # Each missing frame with the frame that replaces it.
    filled: Mapping[int, int] = attrs.field(factory=dict)
    # A pixel's width by its height.
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
    slate_events = slate.rows(_slate_lines(burnin, target), slate.layout(burnin.slate_images, canvas))
    events = [*_corners(burnin, target), *slate_events, *_watermark_and_labels(burnin, target)]
    lines = [_event(event, canvas, layer, fonts) for layer, event in enumerate(events, len(_LAYERS))]
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
    # Above the text at the bottom.
    styles.append(_style("handle", size * 3 // 2, CORNERS["bottom"], margin, margin, 2 * margin + 2 * size))
    return "\n".join((_script_head(canvas, styles), *lines, ""))


def fonts_of(burnin: Burnin, target: BurninTarget) -> FontChoice:
    """Return the fonts of the texts, and the characters that no font has."""
    events = (*_corners(burnin, target), *_watermark_and_labels(burnin, target))
    lines = (text for line in _slate_lines(burnin, target) for text in line)
    return choose_fonts((*(event.text for event in events), *lines))


def filters(
    burnin: Burnin, canvas: frames.Resolution, fps: Fraction, name: str, pixel_format: str = "yuv420p"
) -> list[str]:
    """Return ffmpeg's filters that draw the script in the file ``name``, relative to the folder where ffmpeg runs."""
    masks = []
    if burnin.aspect:
        # Everything outside of the aspect ratio is black.
        height = min(canvas.height, int(canvas.width / burnin.aspect))
        width = min(canvas.width, int(canvas.height * burnin.aspect))
        top, side = (canvas.height - height) // 2, (canvas.width - width) // 2
        bars = [f"0:0:iw:{top}", f"0:ih-{top}:iw:{top}"] if top else []
        bars += [f"0:0:{side}:ih", f"iw-{side}:0:{side}:ih"] if side else []
        masks = [f"drawbox={bar}:black:fill" for bar in bars]
    lead = [slate.filters(burnin.slate_images, canvas, pixel_format)] if burnin.lead else []
    return [*masks, *lead, "settb=1", "setpts=N", f"ass={name}:fontsdir={FONTS}", f"settb={1 / fps}", "setpts=N"]


def _corners(burnin: Burnin, target: BurninTarget) -> Iterator[Text]:
    """Yield an event for each run of frames with the same text."""
    for place, template in burnin.corners.items():
        runs: list[Text] = []
        for index, frame in enumerate(target.numbers, burnin.lead):
            text = _expand(template, burnin, target, frame)
            if runs and runs[-1].text == text:
                runs[-1] = attrs.evolve(runs[-1], last=index)
            else:
                runs.append(Text(place, text, index, index))
        yield from runs


def _slate_lines(burnin: Burnin, target: BurninTarget) -> list[tuple[str, str]]:
    lines = map(slate.split_label, burnin.slate)
    return [(label, _expand(template, burnin, target, target.numbers[0])) for label, template in lines]


def _watermark_and_labels(burnin: Burnin, target: BurninTarget) -> Iterator[Text]:
    """Yield the watermark, and a label on every frame that replaces a missing one or is in the handles."""
    first, last = burnin.lead, burnin.lead + len(target.numbers) - 1
    if burnin.watermark:
        yield Text("watermark", _expand(burnin.watermark, burnin, target, target.numbers[0]), first, last)
    for index, frame in enumerate(target.numbers, burnin.lead):
        if frame in target.filled:
            yield Text("missing", f"FRAME {frame} IS MISSING\nthis is {target.filled[frame]}", index, index)
        if burnin.marks_handles and burnin.cut is not None and frame not in burnin.cut.every_frame:
            yield Text("handle", "HANDLE", index, index)


def _expand(template: str, burnin: Burnin, target: BurninTarget, frame: int) -> str:
    """Replace the fields; braces in the values are not replaced again."""
    cut = burnin.cut or frames.FrameRange(target.numbers[0], target.numbers[-1])

    def value(match: re.Match[str]) -> str:
        name, form = match[1], match[2] or ""
        if name in burnin.fields:
            known = burnin.fields[name]
            return formatted(name, known.get(frame, "") if isinstance(known, Mapping) else known, form)
        computed: dict[str, Any] = {
            "frame": frame,
            "timecode": timecode(frame, target.fps),
            "range": f"{target.numbers[0]}-{target.numbers[-1]}",
            "cut": f"{cut.start}-{cut.end}",
            "fps": f"{float(target.fps):.5g}",
            "resolution": str(target.resolution),
        }
        return formatted(name, computed[name], form)

    return FIELD.sub(value, template)


def _script_head(canvas: frames.Resolution, styles: Sequence[str]) -> str:
    size = f"PlayResX: {canvas.width}\nPlayResY: {canvas.height}"
    info = f"[Script Info]\nScriptType: v4.00+\n{size}\nScaledBorderAndShadow: yes\nWrapStyle: 0"
    columns = (
        "Format: Name, Fontname, Fontsize, PrimaryColour, OutlineColour, BackColour, Bold, Angle, BorderStyle, "
        "Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding"
    )
    events = "[Events]\nFormat: Layer, Start, End, Style, MarginL, MarginR, MarginV, Text"
    return "\n".join((info, "[V4+ Styles]", columns, *styles, events))


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


def _event(event: Text, canvas: frames.Resolution, layer: int, fonts: FontChoice) -> str:
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
    lines = []
    for line in re.split(r"\r\n|[\r\n\x0b\x0c\x85\u2028\u2029]", text):
        escaped = ""
        for family, run in fonts.runs(_CONTROL.sub(" ", line)):
            # A zero-width character after a backslash keeps it from forming a command with the next character.
            plain = run.replace("\\", "\\" + _WORD_JOINER).replace("{", r"\{").replace("}", r"\}")
            escaped += plain if family is None else rf"{{\fn{family}}}{plain}{{\fn}}"
        lines.append(escaped)
    return r"\N".join(lines)


def _refuse_unknown(what: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise errors.SettingInvalid(f"There is no {what} called {name!r}. {errors.nearest_hint(name, known)}")


def earlier_timecode(text: str, frames: int, fps: Fraction) -> str:
    """Return the timecode of this many frames before a timecode; after ";" it is a drop-frame timecode.

    >>> earlier_timecode("10:00:00:00", 1, Fraction(25)), earlier_timecode("00:01:00;02", 1, Fraction(30000, 1001))
    ('09:59:59:24', '00:00:59;29')
    """
    if not frames:
        return text
    hours, minutes, seconds, number = map(int, text.replace(";", ":").split(":"))
    rate = round(fps)
    total = ((hours * 60 + minutes) * 60 + seconds) * rate + number
    if ";" not in text:
        return timecode(total - frames, fps)
    # Source: SMPTE ST 12-1: each minute except each tenth one leaves out the first numbers.
    dropped = rate // 15
    per_minute, per_ten = 60 * rate - dropped, 600 * rate - 9 * dropped
    all_minutes = 60 * hours + minutes
    tens, rest = divmod((total - dropped * (all_minutes - all_minutes // 10) - frames) % (144 * per_ten), per_ten)
    left_out = 9 * tens + (max(0, rest - dropped) // per_minute if rest >= dropped else 0)
    before, _, last = timecode(tens * per_ten + rest + dropped * left_out, fps).rpartition(":")
    return f"{before};{last}"


def timecode(frame: int, fps: Fraction) -> str:
    """Return the non-drop-frame timecode of a frame; frame 0 is midnight.

    >>> timecode(1001, Fraction(24000, 1001)), timecode(-1, Fraction(25)), timecode(7, Fraction(120))
    ('00:00:41:17', '23:59:59:24', '00:00:00:007')
    """
    rate = max(1, round(fps))
    seconds, rest = divmod(frame % (24 * 3600 * rate), rate)
    # From 101 fps on the frames have three digits, as in the timecode that ffmpeg writes.
    digits = max(2, len(str(rate - 1)))
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}:{rest:0{digits}d}"
