"""Previews of sources before the publish: a summary and a small image."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from ft_dcc.errors import Error
from ft_dcc.files.sequences import is_sequence
from ft_dcc.frames import FrameRange, Frames, Resolution, find_frames, format_ranges
from ft_dcc.host import SupportsSnapshot
from ft_dcc.host_support.main_thread import run_when_idle

if TYPE_CHECKING:
    from ft_dcc.host import Host, Scene

_WIDTH = 320


@attrs.frozen
class Preview:
    """A summary of a source, and a small image, None if there is none."""

    summary: str
    image: Path | None = None


def preview_file(text: str, folder: Path) -> Preview:
    """Return the preview of a sequence, movie or image, with its image in the folder; errors become the summary."""
    try:
        image, summary = _describe_sequence(text) if is_sequence(text) else _describe_file(Path(text))
    except Error as error:
        return Preview(str(error))
    return Preview(summary, _make_thumbnail(image, folder))


def preview_camera(source: str, host: Host, scene: Scene, folder: Path) -> Preview:
    """Return the preview of a camera at the middle of the scene's range; raise the errors of ``Host.playblast``.

    A source with existing files is previewed from them. There is no image where making one could change what the
    artist sees, as in Maya: see ``preview_look``.
    """
    from ft_dcc.host import PlayblastRequest, SupportsFootage, find_footage

    footage = find_footage(host, source)
    if footage is not None:
        return preview_file(footage.pattern, folder)
    if isinstance(host, SupportsFootage):
        # Capturing means rendering there, which may block the main thread for minutes.
        return Preview(f"{scene.range_of(source)}, not rendered yet")
    if isinstance(host, SupportsSnapshot):
        return Preview(f"{scene.range_of(source)}, {scene.resolution}")
    middle = (scene.range_of(source).start + scene.range_of(source).end) // 2
    request = PlayblastRequest(source, FrameRange(middle, middle), _preview_size(scene), folder, "preview")
    # In a single call, so that no other call sees the scene as changed by the capture.
    frames = run_when_idle(host, lambda: host.playblast(request, lambda _: None))
    return Preview(f"{scene.range_of(source)}, {scene.resolution}", frames.path(middle))


def preview_look(source: str, host: Host, scene: Scene, folder: Path, look: Mapping[str, Any]) -> Preview:
    """Return the preview of a camera at the current time, in this look; raise the errors of ``snapshot``."""
    if not isinstance(host, SupportsSnapshot):
        return preview_camera(source, host, scene, folder)
    path = folder / "preview.png"
    run_when_idle(host, lambda: host.snapshot(source, _preview_size(scene), path, look))
    return Preview(f"{scene.range_of(source)}, {scene.resolution}", path)


def _preview_size(scene: Scene) -> Resolution:
    height = max(4, round(_WIDTH * scene.resolution.height / scene.resolution.width / 4) * 4)
    return Resolution(_WIDTH, height)


def _describe_sequence(pattern: str) -> tuple[Path, str]:
    found = find_frames(pattern)
    frames = Frames(pattern, found, Fraction(1), Resolution(1, 1))
    missing = frames.missing()
    present = [frame for frame in found if frame not in missing]
    summary = f"{found}, {len(present)} frames"
    return frames.path(
        present[len(present) // 2]
    ), f"{summary}; missing: {format_ranges(missing)}" if missing else summary


def _describe_file(path: Path) -> tuple[Path, str]:
    from ft_dcc import media

    info = media.probe(path)
    if info.frame_count == 1:
        return path, f"{info.resolution}"
    return path, f"{info.frame_count} frames, {float(info.fps):g} fps, {info.resolution}"


def _make_thumbnail(image: Path, folder: Path) -> Path | None:
    from ft_dcc import media

    try:
        return media.thumbnail(image, folder / "preview.jpg").path
    except Error:
        # The summary suffices; the validators report a broken image.
        return None
