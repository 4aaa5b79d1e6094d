"""From what a picture holds to what a reviewer sees.

One conversion for every source: zscale computes the BT.709 matrix with correct rounding, where swscale's is off by up
to three levels, and it knows transfer functions; both hold for ffmpeg 5.1 and the newest.
"""

from __future__ import annotations

from ft_dcc.frames import Resolution
from ft_dcc.media.facts import FilmFacts

# Whatever a file holds (grey, palette, 4:2:0 of odd size) becomes RGB of the same or a higher depth first. An alpha
# stays: ffmpeg 9.0 loses the right half of each row when it takes one away at the same depth, zscale does not.
_DEPTHS = ("", "10", "12", "16", "f32")
AS_RGB = "format=" + "|".join(f"gbrp{depth}|gbrap{depth}" for depth in _DEPTHS)
# What the film says of itself.
TAGS = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"


def of_film(facts: FilmFacts) -> list[str]:
    """Return the filters that a film needs before its matrix can be converted."""
    if not facts.pixel_format.startswith("yuv") or facts.resolution != facts.resolution.even:
        return [*_named_matrix(facts), AS_RGB]
    return _named_matrix(facts)


def to_review(resolution: Resolution, size: Resolution, pixel_format: str) -> list[str]:
    """Return the filters that end in BT.709, limited range, of the given even size and pixel format."""
    if size != resolution.even:
        return [f"zscale=w={size.width}:h={size.height}:filter=spline36:m=709:r=limited", f"format={pixel_format}"]
    if size == resolution:
        return ["zscale=m=709:r=limited", f"format={pixel_format}"]
    right, bottom = size.width - resolution.width, size.height - resolution.height
    return [
        "zscale=m=709:r=limited",
        "format=yuv444p",
        f"pad={size.width}:{size.height}",
        # The edge is repeated: a black line would draw a reviewer's eye, and darken the colour beside it.
        f"fillborders=right={right}:bottom={bottom}:mode=smear",
        "zscale",
        f"format={pixel_format}",
    ]


def to_jpeg() -> list[str]:
    """Return the filters that end in what JFIF prescribes: BT.601 over the full range."""
    return ["zscale=m=470bg:r=full", "format=yuvj444p"]


def _named_matrix(facts: FilmFacts) -> list[str]:
    """A film that names no matrix means BT.709 from 720 lines on and BT.601 below, which is how browsers take it."""
    if facts.matrix != "unknown":
        return []
    return [f"setparams=colorspace={'bt709' if facts.resolution.height >= 720 else 'smpte170m'}"]
