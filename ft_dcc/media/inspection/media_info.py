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
    """A file made for the review."""

    path: Path
    # The name of its component on the server.
    component_name: str
    resolution: Resolution
    # A still has no rate and one frame, images have none either.
    fps: Fraction | None
    frame_count: int
    # In bytes.
    size: int
    # The number of frames before the first one of the range: a slate.
    lead: int = 0
    # Missing frames that show another one.
    filled: tuple[int, ...] = ()
    # The encoder's name, "" for a copy and a still.
    encoder: str = ""
    # The changes, and the reason why the encoder is not the requested one.
    remark: str = ""
    # What differs from the images of the source or from the requested text.
    changes: str = ""
    # The thumbnail and the further outputs that the run of a movie has made as well.
    thumbnail: EncodedFile | None = None
    others: tuple[EncodedFile, ...] = ()


@attrs.frozen
class MovieInfo:
    """The properties of a movie, found by decoding every frame; ffmpeg's names, "unknown" if the movie has none."""

    resolution: Resolution
    # The mean rate unless ``is_constant_rate``.
    fps: Fraction
    frame_count: int
    codec: str
    pixel_format: str
    # The colour matrix ("bt709", "gbr").
    matrix: str
    # "" without sound.
    audio_codec: str
    # The largest distance of two key frames, in frames.
    key_interval: int
    # The time of the first frame in seconds, on the clock of the sound.
    start: Fraction
    is_constant_rate: bool
    is_faststart: bool
    # The transfer function.
    transfer: str = "unknown"
    primaries: str = "unknown"
    is_interlaced: bool = False
    # ``fps`` and ``frame_count`` are those after the frames of a variable rate were repeated or left out.
    is_resampled: bool = False
    # "" without one.
    timecode: str = ""
    # The width of a pixel by its height.
    pixel_aspect: Fraction = Fraction(1)

    @property
    def changes(self) -> str:
        """What a transcode changes in the images, as a text for the report; "" for nothing."""
        changes = []
        if self.is_interlaced:
            changes.append("deinterlaced")
        if self.pixel_aspect != 1:
            changes.append("scaled to square pixels")
        if self.transfer in HDR_TRANSFERS:
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
