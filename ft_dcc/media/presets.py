"""The outputs of an encode."""

from __future__ import annotations

from fractions import Fraction

import attrs

from ft_dcc.frames import Resolution

# Every browser plays stereo of 48 kHz; more channels are mixed down.
AAC = ("-c:a", "aac", "-b:a", "192k")


@attrs.frozen
class Output:
    """An output: the name of its component, how it is encoded, and its maximal number of lines.

    Without ``codec`` it is H.264 of the chosen encoder. ``keeps_timecode`` means that it begins at the timecode of the
    source, if there is one.
    """

    component_name: str
    codec: tuple[str, ...] | None
    pixel_format: str
    container: tuple[str, ...]
    lines: int | None = None
    audio: tuple[str, ...] = AAC
    keeps_timecode: bool = False

    def size(self, resolution: Resolution) -> Resolution:
        """Return the even size of the output for images of this resolution; they are never enlarged."""
        if self.lines is None or resolution.height <= self.lines:
            return resolution.even
        # The nearest even number of pixels keeps the aspect ratio best.
        width = 2 * round(Fraction(resolution.width * self.lines, resolution.height) / 2)
        return Resolution(max(2, width), self.lines).even

    def arguments(self, fps: Fraction, h264: tuple[str, ...]) -> list[str]:
        """Return ffmpeg's arguments for a constant rate and a closed group of pictures at least every half second.

        ``h264`` are the arguments of the H.264 encoder.
        """
        half_a_second = max(1, int(fps / 2))
        return [
            *(h264 if self.codec is None else self.codec),
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
REVIEW_720, REVIEW_1080, REVIEW_1440, REVIEW_2160 = (
    Output(f"ftrackreview-mp4-{lines}", None, "yuv420p", _MP4, lines) for lines in (720, 1080, 1440, 2160)
)
# ProRes 422 for editorial systems; "apl0" marks an Apple-compatible encoder.
EDITORIAL = Output(
    "prores",
    ("-c:v", "prores_ks", "-profile:v", "standard", "-vendor", "apl0"),
    "yuv422p10le",
    ("-movflags", "+write_colr", "-f", "mov"),
    audio=("-c:a", "pcm_s24le"),
    keeps_timecode=True,
)
