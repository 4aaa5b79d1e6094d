"""The layout of a slate: a title, labelled lines, an image of the shot, a logo and colour bars.

A slate is one image before the first frame. Its texts belong to the script of the burn-in, its images are drawn by the
filters of this module.
"""

from __future__ import annotations

import math
import re
import shutil
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import attrs

from ft_dcc import errors, frames
from ft_dcc.media.ffmpeg_colour import TAGS

TITLE, LABEL, VALUE = "slate title", "slate label", "slate value"
LOGO_SUFFIXES = frozenset((".png", ".jpg", ".jpeg"))
# The name of the logo in the folder in which ffmpeg runs, without its suffix.
_LOGO = "logo"
_LABELLED = re.compile(r"([^{}:\n]{1,24}): +(.*)", re.DOTALL)
# Smaller images have no room for more than text.
_MIN_SIDE = 240
_MIN_TEXT, _LINE_HEIGHT = 6, 1.35
# The mean width of a character of the built-in font by its size, measured on English sentences.
_CHARACTER_WIDTH = 0.5
# The bars of SMPTE RP 219 are seven of the twelve parts of the pattern's height; the rest is not shown.
_BARS_PART = 7 / 12
# The overlay filter blends in one of these formats; any other would change the frames after the slate.
_OVERLAY_FORMATS = {"yuv420p": "yuv420", "yuv422p10le": "yuv422p10"}


@attrs.frozen
class SlateImages:
    """What a slate shows beside its lines."""

    # The first frame of the movie.
    thumbnail: bool = False
    colour_bars: bool = False
    # The path of a PNG or JPEG file.
    logo: str | None = None


@attrs.frozen
class Box:
    """A rectangle in pixels, from the top left corner of the image."""

    x: int
    y: int
    width: int
    height: int


@attrs.frozen
class Text:
    """A text from a first to a last image; ``box`` and ``size`` in pixels are those of the slate, else its style's."""

    style: str
    text: str
    first: int = 0
    last: int = 0
    box: Box | None = None
    size: int = 0


@attrs.frozen
class Layout:
    """The boxes of a slate; a box is None if its image is not shown."""

    title: Box
    body: Box
    thumbnail: Box | None
    logo: Box | None
    bars: Box | None


def split_label(line: str) -> tuple[str, str]:
    """Return the label and the template of a line such as "Shot: {shot}"; the label is "" if it has none."""
    found = _LABELLED.fullmatch(line)
    return ("", line) if found is None else (found[1], found[2])


def layout(images: SlateImages, canvas: frames.Resolution) -> Layout:
    """Return the boxes of a slate of this size: the image is beside the lines, in portrait above them."""
    width, height = canvas.width, canvas.height
    margin = max(2, min(width, height) // 18)
    title = Box(margin, margin, width - 2 * margin, max(_MIN_TEXT, min(width, height) // 13))
    if min(width, height) < _MIN_SIDE:
        images = SlateImages()
    logo = bars = thumbnail = None
    if images.logo is not None:
        logo = Box(width - margin - width // 5, margin, width // 5, title.height * 3 // 2)
        title = attrs.evolve(title, width=logo.x - 2 * margin)
    top, bottom = margin + title.height * 2, height - margin
    if images.colour_bars:
        bars = _even(Box(margin, bottom - height // 14, width - 2 * margin, height // 14))
        bottom = bars.y - margin
    body = Box(margin, top, width - 2 * margin, bottom - top)
    if images.thumbnail and width >= height:
        wide = min(width * 45 // 100, body.height * width // height)
        thumbnail = _even(Box(width - margin - wide, top, wide, wide * height // width))
        body = attrs.evolve(body, width=thumbnail.x - 2 * margin)
    elif images.thumbnail:
        high = body.height * 45 // 100
        thumbnail = _even(Box((width - high * width // height) // 2, top, high * width // height, high))
        top += thumbnail.height + margin
        body = attrs.evolve(body, y=top, height=bottom - top)
    return Layout(title, body, thumbnail, logo, bars)


def rows(lines: Sequence[tuple[str, str]], found: Layout) -> list[Text]:
    """Return the rows of a slate of labelled lines.

    The first line is the title if it has no label. A label without a text is left out. The font is the largest with
    which all lines fit, as far as the width of a text can be estimated.
    """
    made: list[Text] = []
    if lines and not lines[0][0]:
        size = found.title.height
        while size > _MIN_TEXT and _line_count(lines[0][1], size, found.title.width) > 1:
            size -= 1
        made = [Text(TITLE, lines[0][1], box=found.title, size=size)]
        lines = lines[1:]
    shown = [(label, text) for label, text in lines if text.strip()]
    size = max(_MIN_TEXT, found.title.height * 3 // 5)
    while size > _MIN_TEXT and sum(_heights(shown, size, found.body)) > found.body.height:
        size -= 1
    y = found.body.y
    column = _label_width(shown, size, found.body)
    for (label, text), height in zip(shown, _heights(shown, size, found.body)):
        indent = column if label else 0
        if label:
            made.append(Text(LABEL, label, box=Box(found.body.x, y, column, height), size=size))
        box = Box(found.body.x + indent, y, found.body.width - indent, height)
        made.append(Text(VALUE, text, box=box, size=size))
        y += height
    return made


def filters(images: SlateImages, canvas: frames.Resolution, pixel_format: str) -> str:
    """Return ffmpeg's filters that put a slate before the first frame; they continue and end a chain of filters."""
    found = layout(images, canvas)
    sources, overlays = [], []
    if found.thumbnail is not None:
        box = found.thumbnail
        sources.append(f"[first]select=eq(n\\,0),scale={box.width}:{box.height}:flags=area[thumbnail]")
        overlays.append(("thumbnail", str(box.x), str(box.y)))
    if found.bars is not None:
        box = found.bars
        pattern = f"smptehdbars=size={box.width}x{math.ceil(box.height / _BARS_PART)}:rate=1:duration=1"
        sources.append(f"{pattern},crop={box.width}:{box.height}:0:0,{TAGS}[bars]")
        overlays.append(("bars", str(box.x), str(box.y)))
    if found.logo is not None and images.logo is not None:
        box = found.logo
        fitted = f"scale={box.width}:{box.height}:force_original_aspect_ratio=decrease"
        colours = "out_color_matrix=bt709:out_range=tv,format=yuva444p"
        sources.append(f"movie={_logo_name(images.logo)},{fitted}:{colours}[logo]")
        overlays.append(("logo", f"{box.x + box.width}-overlay_w", str(box.y)))
    if not overlays:
        return "tpad=start=1"
    split = "split[whole][first]" if found.thumbnail is not None else "null[whole]"
    chain, before = [split, *sources, "[whole]tpad=start=1[slate0]"], "slate0"
    for number, (name, x, y) in enumerate(overlays, 1):
        blend = f"overlay=x={x}:y={y}:enable=eq(n\\,0):format={_OVERLAY_FORMATS[pixel_format]}"
        end = "" if number == len(overlays) else f"[slate{number}]"
        chain.append(f"[{before}][{name}]{blend}{end}")
        before = f"slate{number}"
    return ";".join(chain)


def copy_logo(images: SlateImages, folder: Path) -> None:
    """Copy the logo into the folder in which ffmpeg runs; raise SettingInvalid if it cannot be read."""
    if images.logo is None:
        return
    try:
        shutil.copyfile(images.logo, folder / _logo_name(images.logo))
    except OSError as error:
        raise errors.SettingInvalid(
            f"The logo {images.logo} of the slate cannot be read: {error.strerror or error}. Restore the file, or "
            "publish without a slate."
        ) from error


def _logo_name(logo: str) -> str:
    return _LOGO + Path(logo).suffix.lower()


def _even(box: Box) -> Box:
    """Return the box on even pixels, so that subsampled colours are not moved."""
    return Box(box.x // 2 * 2, box.y // 2 * 2, max(2, box.width // 2 * 2), max(2, box.height // 2 * 2))


def _heights(lines: Sequence[tuple[str, str]], size: int, body: Box) -> list[int]:
    column = _label_width(lines, size, body)
    height = math.ceil(size * _LINE_HEIGHT)
    return [height * _line_count(text, size, body.width - (column if label else 0)) for label, text in lines]


def _label_width(lines: Sequence[tuple[str, str]], size: int, body: Box) -> int:
    longest = max((_columns(label) for label, _ in lines), default=0)
    return min(body.width // 2, math.ceil((longest + 2) * size * _CHARACTER_WIDTH))


def _line_count(text: str, size: int, width: int) -> int:
    columns = max(1, int(width / (size * _CHARACTER_WIDTH)))
    # Words are not divided, so that lines end early.
    return sum(max(1, math.ceil(_columns(line) * 1.1 / columns)) for line in text.splitlines() or [""])


def _columns(text: str) -> int:
    """Return the width of a text in characters; those of East Asia have the width of two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
