"""What is known about a film."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import attrs

from ft_dcc.frames import Resolution


@attrs.frozen
class Media:
    """A file made for the review, and the name its component has on the server.

    A still has no rate, and one frame. ``size`` is in bytes. ``lead`` says how many of the frames come before the
    first one of the range: a slate. ``filled`` are the frames that were missing and show another one. ``encoder`` is
    what made the film, empty for a copy and a still, and ``remark`` why it was not what was asked for.
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


@attrs.frozen
class FilmFacts:
    """What a film is, found out by decoding every picture of it.

    ``fps`` is the mean rate where ``is_constant_rate`` does not hold. ``matrix`` is ffmpeg's name for the matrix
    ("bt709", "gbr"), or "unknown" for a film that does not say. ``start`` is the second at which the first picture is
    shown, counted as the sound is. ``key_interval`` is the longest way, in pictures, from one key frame to the next.
    ``audio_codec`` is empty for a silent film.
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

    @property
    def has_audio(self) -> bool:
        """Whether there is a sound track."""
        return bool(self.audio_codec)

    @property
    def is_ready_for_review(self) -> bool:
        """Whether every browser plays it, and seeks in it, as it is."""
        return (
            (self.codec, self.pixel_format, self.matrix) == ("h264", "yuv420p", "bt709")
            and self.audio_codec in ("", "aac")
            and self.resolution == self.resolution.even
            and self.is_constant_rate
            and self.is_faststart
            and self.start == 0
            and (self.key_interval == 1 or self.key_interval * 2 <= self.fps)
        )
