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
    first one of the range: a slate.
    """

    path: Path
    component_name: str
    resolution: Resolution
    fps: Fraction | None
    frame_count: int
    size: int
    lead: int = 0


@attrs.frozen
class FilmFacts:
    """What a film is, found out by decoding every picture of it.

    ``fps`` is the mean rate where ``is_constant_rate`` does not hold. ``color_space`` is ffmpeg's name for the matrix
    ("bt709", "gbr"), or "unknown" for a film that does not say. ``start`` is the second at which the first picture is
    shown, counted as the sound is.
    """

    resolution: Resolution
    fps: Fraction
    frame_count: int
    codec: str
    pixel_format: str
    color_space: str
    has_audio: bool
    start: Fraction
    is_constant_rate: bool
    is_faststart: bool
