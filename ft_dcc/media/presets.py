"""The outputs of an encode."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import attrs

from ft_dcc.errors import UserFixableError
from ft_dcc.frames import Resolution
from ft_dcc.media.ffmpeg_colour import to_jpeg

# Every browser plays stereo of 48 kHz; more channels are mixed down.
AAC = ("-c:a", "aac", "-b:a", "192k")


@attrs.frozen
class Output:
    """An output: the name of its component, and how it is encoded."""

    component_name: str
    # None stands for H.264 of the chosen encoder.
    codec: tuple[str, ...] | None
    pixel_format: str
    container: tuple[str, ...]
    # The maximal number of lines.
    lines: int | None = None
    audio: tuple[str, ...] = AAC
    # It begins at the timecode of the source, if there is one.
    keeps_timecode: bool = False
    # Of the images in its archive, "" for a movie; and the filters that follow the burn-in.
    image_suffix: str = ""
    filters: tuple[str, ...] = ()

    @property
    def suffix(self) -> str:
        """The suffix of its file."""
        return ".zip" if self.image_suffix else ".mov" if "mov" in self.container else ".mp4"

    def size(self, resolution: Resolution) -> Resolution:
        """Return the size of the output, even for a movie, for images of this size; they are never enlarged."""
        if self.lines is None or resolution.height <= self.lines:
            return resolution if self.image_suffix else resolution.even
        # The nearest even number of pixels keeps the aspect ratio best.
        width = 2 * round(Fraction(resolution.width * self.lines, resolution.height) / 2)
        return Resolution(max(2, width), self.lines).even

    def refuse_unfit(self, resolution: Resolution, fps: Fraction) -> None:
        """Raise UserFixableError for images whose size or rate the codec does not have."""
        size, codec = self.size(resolution), " ".join(self.codec or ())
        if "dnxhd -profile:v dnxhd" in codec and (size != Resolution(1920, 1080) or round(fps) not in _DNXHD_RATES):
            raise UserFixableError(
                f"The output {self.component_name} would be {size} at {float(fps):.5g} fps; DNxHD has 1920x1080 "
                "at 24, 25, 30, 50 or 60 fps. Use a codec of DNxHR."
            )
        if "dnxhr" in codec and (size.width < 256 or size.height < 120):
            raise UserFixableError(
                f"The output {self.component_name} would be {size}; DNxHR begins at 256x120. Leave it out."
            )

    def arguments(self, fps: Fraction, h264: tuple[str, ...]) -> list[str]:
        """Return ffmpeg's arguments for a constant rate, and in a movie a closed group of pictures each half second.

        ``h264`` are the arguments of the H.264 encoder.
        """
        if self.codec is not None and self.image_suffix:
            return [*self.codec, "-r", str(fps), "-fps_mode", "cfr", "-map_metadata", "-1", *self.container]
        half_a_second = max(1, int(fps / 2))
        return [
            *(h264 if self.codec is None else self.codec),
            # The other profiles of the encoder have their rates.
            *(["-b:v", f"{_DNXHD_RATES[round(fps)]}M"] if self.codec and self.codec[-1] == "dnxhd" else []),
            *("-g", str(half_a_second), "-flags", "+cgop", "-r", str(fps), "-fps_mode", "cfr"),
            # Metadata of the source (a location, an owner) must not be published.
            *("-map_metadata", "-1", "-map_chapters", "-1"),
            *self.container,
        ]


# The image of a version in lists, a JPEG of at most this number of pixels on its longer side.
THUMBNAIL, THUMBNAIL_LONGER_SIDE = "thumbnail", 640
JPEG = ("-q:v", "3", "-f", "mjpeg")
_MP4 = ("-movflags", "+faststart", "-f", "mp4")

REVIEW = Output("ftrackreview-mp4", None, "yuv420p", _MP4)
# The numbers of lines in the names of larger review movies; the smallest one has the name without a number
# (developer.ftrack.com/api-clients/examples/web-review).
REVIEW_LINES = (1080, 1440, 2160)
# ProRes 422 for editorial systems; "apl0" marks an Apple-compatible encoder.
EDITORIAL = Output(
    "prores",
    ("-c:v", "prores_ks", "-profile:v", "standard", "-vendor", "apl0"),
    "yuv422p10le",
    ("-movflags", "+write_colr", "-f", "mov"),
    audio=("-c:a", "pcm_s24le"),
    keeps_timecode=True,
)


def _mov(codec: str, profile: str, pixel_format: str, *more: str) -> Output:
    """Return an output of an intermediate codec in QuickTime, with PCM sound and the timecode of its source."""
    arguments = ("-c:v", codec, "-profile:v", profile, *more)
    return attrs.evolve(EDITORIAL, codec=arguments, pixel_format=pixel_format)


def _images(suffix: str, codec: Sequence[str], filters: Sequence[str]) -> Output:
    """Return an output of images, which have the burn-in of a movie of 10 bits, and then their own colours."""
    return Output("", ("-c:v", *codec), "yuv444p10le", ("-f", "image2"), None, (), False, suffix, tuple(filters))


_APPLE = ("-vendor", "apl0")
# Images of RGB are shown with the curve of sRGB, whatever their format says about it.
_RGB, _SRGB = "zscale=m=gbr:r=full", "setparams=color_trc=iec61966-2-1"
# By the names of codecs in the section ``outputs`` of the settings.
CODECS: dict[str, Output] = {
    "h264": REVIEW,
    # "hvc1" is the tag that QuickTime plays.
    "hevc": attrs.evolve(
        REVIEW,
        codec=(
            *("-c:v", "libx265", "-preset", "medium", "-crf", "20"),
            *("-tag:v", "hvc1", "-x265-params", "log-level=error"),
        ),
        pixel_format="yuv420p10le",
    ),
    "prores-proxy": _mov("prores_ks", "proxy", "yuv422p10le", *_APPLE),
    "prores-lt": _mov("prores_ks", "lt", "yuv422p10le", *_APPLE),
    "prores-422": EDITORIAL,
    "prores-hq": _mov("prores_ks", "hq", "yuv422p10le", *_APPLE),
    "prores-4444": _mov("prores_ks", "4444", "yuv444p10le", *_APPLE),
    "prores-4444xq": _mov("prores_ks", "4444xq", "yuv444p10le", *_APPLE),
    "dnxhd": _mov("dnxhd", "dnxhd", "yuv422p"),
    "dnxhr-lb": _mov("dnxhd", "dnxhr_lb", "yuv422p"),
    "dnxhr-sq": _mov("dnxhd", "dnxhr_sq", "yuv422p"),
    "dnxhr-hq": _mov("dnxhd", "dnxhr_hq", "yuv422p"),
    "dnxhr-hqx": _mov("dnxhd", "dnxhr_hqx", "yuv422p10le"),
    "dnxhr-444": _mov("dnxhd", "dnxhr_444", "yuv444p10le"),
    "png": _images(".png", ("png", "-pix_fmt", "rgb24"), (_RGB, "format=gbrp", _SRGB)),
    "jpeg": _images(".jpg", ("mjpeg", "-q:v", "2"), to_jpeg()),
    "tiff": _images(".tif", ("tiff", "-pix_fmt", "rgb48le", "-compression_algo", "deflate"), (_RGB, "format=gbrp16le")),
    "dpx": _images(".dpx", ("dpx", "-pix_fmt", "gbrp10be"), (_RGB, "format=gbrp10le", _SRGB)),
    # Scene-linear, as readers of OpenEXR expect: a display of sRGB shows the colours of the review.
    "exr": _images(
        ".exr", ("exr", "-compression", "zip16", "-format", "half"), (_SRGB, f"{_RGB}:t=linear", "format=gbrpf32le")
    ),
}
_AUDIO = {"aac": AAC, "pcm": EDITORIAL.audio, "none": ()}
# Of DNxHD 145 in megabits per second, by the rounded rate: Avid's white paper, "DNxHD Codec".
_DNXHD_RATES = {24: 115, 25: 120, 30: 145, 50: 240, 60: 290}


def output_of(name: str, preset: Mapping[str, Any]) -> Output:
    """Return the output of a preset of the settings."""
    output = CODECS[preset["codec"]]
    audio = _AUDIO[preset["audio"]] if "audio" in preset else output.audio
    return attrs.evolve(
        output, component_name=preset.get("component", name), lines=preset.get("lines", output.lines), audio=audio
    )


def review_outputs(source: Resolution, lines: Iterable[int]) -> list[Output]:
    """Return the review movies of a source, the largest first: one of each size, at most one of the source's size.

    Without ``lines`` it is one of the source's size. The size of the source is always one of the sizes, but no name has
    more than 2160 lines, so a larger source has that size if more than one movie could be made.
    """
    wanted = list(lines)
    if not wanted:
        return [REVIEW]
    largest = REVIEW_LINES[-1]
    heights = {attrs.evolve(REVIEW, lines=each).size(source).height for each in (*wanted, largest)}
    *larger, smallest = sorted(heights, reverse=True)
    names = [next(each for each in REVIEW_LINES if height <= each) for height in larger]
    made = [
        attrs.evolve(REVIEW, component_name=f"{REVIEW.component_name}-{name}", lines=height)
        for name, height in zip(names, larger)
    ]
    made.append(attrs.evolve(REVIEW, lines=smallest))
    # Its size is that of the images, whatever the shape of their pixels is.
    return [attrs.evolve(made[0], lines=largest), *made[1:]]
