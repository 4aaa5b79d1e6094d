"""Files of the strips of a sequencer that do not exist: the images and movies that are seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..scene import blender_compat
from .missing_files import resolved


def missing_strip_files(scene: Any, frames: Sequence[int]) -> Iterator[str]:
    """Yield the kind and the path of each missing file that the edit of the scene shows at the captured frames."""
    yield from _missing_in(scene.sequence_editor, frames, [scene])


def _missing_in(parent: Any, frames: Sequence[int], scenes: list[Any]) -> Iterator[str]:
    for strip in blender_compat.sequencer_strips(parent) if parent is not None else ():
        start, end = blender_compat.strip_range(strip)
        shown = [frame for frame in frames if start <= frame < end]
        if not shown or strip.mute or parent.channels[strip.channel].mute:
            continue
        if strip.type == "META":
            yield from _missing_in(strip, shown, scenes)
        elif strip.type == "SCENE" and strip.scene is not None and strip.scene_input == "SEQUENCER":
            if strip.scene not in scenes:
                begin = strip.scene.frame_start - int(blender_compat.content_start(strip))
                yield from _missing_in(
                    strip.scene.sequence_editor, [frame + begin for frame in shown], [*scenes, strip.scene]
                )
        elif strip.type == "MOVIE" and not resolved(strip.filepath, None).is_file():
            yield f"movie {strip.filepath}"
        elif strip.type == "IMAGE":
            yield from (f"image {path}" for path in _image_paths(strip, shown) if not resolved(path, None).is_file())


def _image_paths(strip: Any, frames: Sequence[int]) -> Iterator[str]:
    """Yield the paths of the images that the strip shows at these frames."""
    first, last = int(blender_compat.content_start(strip)), len(strip.elements) - 1
    trimmed = blender_compat.content_trim_start(strip)
    if strip.use_reverse_frames:
        places = set(range(last + 1))
    else:
        # The first image and the last one are shown beyond the content.
        places = {min(max(frame - first, 0) + trimmed, last) for frame in frames}
    for place in sorted(places):
        yield strip.directory + strip.elements[place].filename
