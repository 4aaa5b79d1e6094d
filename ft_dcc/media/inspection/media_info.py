"""The properties of movies and of encoded files."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import attrs

from ft_dcc.frames import Resolution

# ffmpeg's names, and those of the report.
HDR_TRANSFERS = {"smpte2084": "HDR (PQ)", "arib-std-b67": "HDR (HLG)"}
WIDE_PRIMARIES = {"bt2020": "BT.2020", "smpte431": "DCI-P3", "smpte432": "Display P3"}


@attrs.frozen
class EncodedFile:
    """A file made for the review, and the name of its component on the server.

    A still has no rate and one frame. ``size`` is in bytes. ``lead`` is the number of frames before the first one of
    the range: a slate. ``filled`` are missing frames that show another one. ``encoder`` is the encoder's name, "" for a
    copy and a still. ``changes`` says what differs from the images of the source or from the requested text, and
    ``remark`` contains that and the reason why the encoder is not the requested one. ``thumbnail`` is the thumbnail
    that the run of a movie has made as well.
    """

    path: Path
    component_name: str
    resolution: Resolution
    fps: Fraction | None
    frame_count: int
    size: int
    lead: int = 0
    filled: tuple[int, ...] = ()
    encoder: str = ""
    remark: str = ""
    changes: str = ""
    thumbnail: EncodedFile | None = None


@attrs.frozen
class MovieInfo:
    """The properties of a movie, found by decoding every frame.

    ``fps`` is the mean rate unless ``is_constant_rate``. ``is_resampled`` means that ``fps`` and ``frame_count`` are
    those after the frames of a variable rate were repeated or left out. ``matrix`` is ffmpeg's
    name of the colour matrix ("bt709", "gbr"), ``transfer`` and ``primaries`` of its transfer function and primaries,
    "unknown" if the movie has none. ``start`` is the time of the first frame in seconds, on the clock of the sound.
    ``key_interval`` is the largest distance of two key frames, in frames. ``audio_codec`` is "" without sound,
    ``timecode`` without one.
    """

    resolution: Resolution
    fps: Fraction
    frame_count: int
    codec: str
    pixel_format: str
    matrix: str
    audio_codec: str
    key_interval: int
    start: Fraction
    is_constant_rate: bool
    is_faststart: bool
    transfer: str = "unknown"
    primaries: str = "unknown"
    is_interlaced: bool = False
    is_resampled: bool = False
    timecode: str = ""

    @property
    def has_audio(self) -> bool:
        """Whether the movie has sound."""
        return bool(self.audio_codec)

    @property
    def is_hdr(self) -> bool:
        """Whether the movie is HDR: PQ or HLG."""
        return self.transfer in HDR_TRANSFERS

    @property
    def changes(self) -> str:
        """What a transcode changes in the images, as a text for the report; "" for nothing."""
        changes = []
        if self.is_interlaced:
            changes.append("deinterlaced")
        if self.is_hdr:
            changes.append(f"tone-mapped from {HDR_TRANSFERS[self.transfer]}")
        elif self.primaries in WIDE_PRIMARIES:
            changes.append(f"converted from {WIDE_PRIMARIES[self.primaries]} to BT.709")
        if self.is_resampled:
            changes.append(f"resampled from a variable rate to {float(self.fps):.6g} fps")
        return ", ".join(changes)

    @property
    def is_ready_for_review(self) -> bool:
        """Whether every browser plays the movie, and seeks in it, without a transcode."""
        return (
            (self.codec, self.pixel_format, self.matrix) == ("h264", "yuv420p", "bt709")
            and self.audio_codec in ("", "aac")
            and self.resolution == self.resolution.even
            and self.is_constant_rate
            and not self.changes
            and self.is_faststart
            and self.start == 0
            and (self.key_interval == 1 or self.key_interval * 2 <= self.fps)
        )
