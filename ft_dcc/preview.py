"""How a source looks before it is published: what it is in words, and a small picture."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from ft_dcc.errors import Error
from ft_dcc.frames import FrameRange, Frames, Resolution, find_frames, is_sequence, ranges
from ft_dcc.main_thread import ask_at_rest

if TYPE_CHECKING:
    from ft_dcc.host import Host, Scene

_WIDTH = 320


@attrs.frozen
class Preview:
    """``words`` say what is known of a source; ``picture`` is None where none can be made."""

    words: str
    picture: Path | None = None


def preview_file(text: str, folder: Path) -> Preview:
    """Return how frames, a film or a picture look; the folder takes the picture. What is wrong is said in words."""
    try:
        picture, words = _look_at_frames(text) if is_sequence(text) else _look_at_film(Path(text))
    except Error as error:
        return Preview(str(error))
    return Preview(words, _small(picture, folder))


def preview_camera(source: str, host: Host, scene: Scene, folder: Path) -> Preview:
    """Return how the scene looks through the camera, from the middle of its range; raises what a playblast raises.

    What a source has on disk already is looked at there.
    """
    from ft_dcc.host import KnowsFootage, PlayblastRequest, find_footage

    footage = find_footage(host, source)
    if footage is not None:
        return preview_file(footage.pattern, folder)
    if isinstance(host, KnowsFootage):
        # There a picture is a render, which may take minutes of the main thread.
        return Preview(f"{scene.frame_range}, not rendered yet")
    middle = (scene.frame_range.start + scene.frame_range.end) // 2
    height = max(2, round(_WIDTH * scene.resolution.height / scene.resolution.width / 2) * 2)
    size = Resolution(_WIDTH, height)
    request = PlayblastRequest(source, FrameRange(middle, middle), size, folder, "seen")
    # In one go: whoever reads the scene meanwhile would find it as the capture has changed it.
    frames = ask_at_rest(host, lambda: host.playblast(request, lambda _: None))
    return Preview(f"{scene.frame_range}, {scene.resolution}", frames.path(middle))


def _look_at_frames(pattern: str) -> tuple[Path, str]:
    found = find_frames(pattern)
    frames = Frames(pattern, found, Fraction(1), Resolution(1, 1))
    missing = frames.missing()
    there = [frame for frame in found if frame not in missing]
    words = f"{found}, {len(there)} frames"
    return frames.path(there[len(there) // 2]), f"{words}; missing: {ranges(missing)}" if missing else words


def _look_at_film(path: Path) -> tuple[Path, str]:
    from ft_dcc import media

    facts = media.probe(path)
    if facts.frame_count == 1:
        return path, f"{facts.resolution}"
    return path, f"{facts.frame_count} frames, {float(facts.fps):g} fps, {facts.resolution}"


def _small(picture: Path, folder: Path) -> Path | None:
    from ft_dcc import media

    try:
        return media.thumbnail(picture, folder / "seen.jpg").path
    except Error:
        # The words are there; what is wrong with the picture is for the checks to say.
        return None
