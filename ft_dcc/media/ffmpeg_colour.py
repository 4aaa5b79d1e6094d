"""ffmpeg's filters from the source's colours to those of the review.

All sources are converted by zscale, which rounds the BT.709 matrix correctly (swscale is off by up to three levels) and
knows transfer functions, in ffmpeg 5.1 as in the newest release.
"""

from __future__ import annotations

from ft_dcc.frames import Resolution
from ft_dcc.media.inspection.media_info import HDR_TRANSFERS, WIDE_PRIMARIES, MovieInfo

# Grey, palette and 4:2:0 of odd size are converted to RGB of the same or a higher depth first. Alpha is kept: ffmpeg
# 9.0 loses the right half of each row when it removes alpha at the same depth, zscale does not.
_DEPTHS = ("", "10", "12", "16", "f32")
AS_RGB = "format=" + "|".join(f"gbrp{depth}|gbrap{depth}" for depth in _DEPTHS)
# zscale of ffmpeg 9.0 multiplies the colours by their alpha when it removes alpha, that of 5.1 does not: opaque images
# have the same colours in both.
OPAQUE_RGB, _OPAQUE_YUV = f"{AS_RGB},lutrgb=a=maxval", "lutyuv=a=maxval"
# Reference white of HDR is 203 cd/m2 (ITU-R BT.2408); what is brighter is compressed up to a peak of 1000 cd/m2, and
# colours of up to 0.3 of white are unchanged.
_MOBIUS = "tonemap=mobius:param=0.3:peak=4.926:desat=0"
_TONE_MAP = ["zscale=t=linear:npl=203", "format=gbrpf32le", "zscale=p=709", _MOBIUS]
_DEINTERLACE = "bwdif=mode=send_frame:deint=interlaced"
# The colour tags of the encoded movie.
TAGS = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"


def from_movie(info: MovieInfo) -> list[str]:
    """Return the filters that a movie needs before the conversion of its matrix: those of ``info.changes`` first."""
    filters = [_DEINTERLACE] if info.is_interlaced else []
    if info.matrix == "unknown":
        # BT.709 from 720 lines on, BT.601 below, like browsers.
        filters.append(f"setparams=colorspace={'bt709' if info.resolution.height >= 720 else 'smpte170m'}")
    if info.pixel_format.startswith("yuva"):
        filters.append(_OPAQUE_YUV)
    if info.transfer in HDR_TRANSFERS:
        return [*filters, *_TONE_MAP, "zscale=t=709", AS_RGB]
    if info.primaries in WIDE_PRIMARIES:
        # Movies of BT.2020 and P3 without a transfer function have that of BT.709, whose curve is the same.
        transfer = ["setparams=color_trc=bt709"] if info.transfer in ("unknown", "reserved") else []
        return [*filters, *transfer, "zscale=p=709:t=709:m=gbr:r=full", AS_RGB]
    if not info.pixel_format.startswith("yuv") or info.resolution != info.resolution.even:
        return [*filters, OPAQUE_RGB]
    return filters


def to_review(resolution: Resolution, size: Resolution, pixel_format: str) -> list[str]:
    """Return the filters to BT.709, limited range, of the given even size and pixel format."""
    if size not in (resolution, resolution.even):
        return [f"zscale=w={size.width}:h={size.height}:filter=spline36:m=709:r=limited", f"format={pixel_format}"]
    if size == resolution:
        return ["zscale=m=709:r=limited", f"format={pixel_format}"]
    right, bottom = size.width - resolution.width, size.height - resolution.height
    return [
        "zscale=m=709:r=limited",
        "format=yuv444p",
        # 4:2:0 needs even sizes. Scaling would soften every pixel and cropping would lose some.
        f"pad={size.width}:{size.height}",
        # The edge is repeated: a black line would be visible and would darken the chroma beside it.
        f"fillborders=right={right}:bottom={bottom}:mode=smear",
        "zscale",
        f"format={pixel_format}",
    ]


def to_jpeg(longer_side: int | None = None) -> list[str]:
    """Return the filters to BT.601, full range, which JFIF prescribes.

    With ``longer_side`` the images get square pixels, because a JPEG is always shown with them, and at most this number
    of pixels on their longer side. One filter scales and leaves 4:2:0, which has no odd sizes.
    """
    scaling = ""
    if longer_side is not None:
        factor = f"min(1\\,{longer_side}/max(iw*sar\\,ih))"
        scaling = f"w=max(1\\,round(iw*sar*{factor})):h=max(1\\,round(ih*{factor})):filter=spline36:"
    return [f"zscale={scaling}m=470bg:r=full", "format=yuvj444p"]
