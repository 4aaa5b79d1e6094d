"""Movies of versions as strips of the video sequencer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import bpy

from ft_dcc.errors import CaptureFailed

from . import blender_compat, maintained

# The properties of a strip: the id of the version that it shows, the colour that it had before it was marked, and
# whether the scene had a sequencer before the movies of the neighbours.
MARK, _COLOUR, _NEIGHBOUR = "ft_dcc_version", "ft_dcc_colour", "ft_dcc_neighbour"
_OUTDATED_COLOUR = "COLOR_01"


def strips_of(scene: Any) -> list[Any]:
    """Return the strips of the scene's sequencer, without those inside of meta strips."""
    editor = scene.sequence_editor
    return [] if editor is None else blender_compat.sequencer_strips(editor)


def shown_versions(scene: Any) -> dict[str, str]:
    """Return the ids of the versions that the movies of the edit show, by their strips, "" for an unknown one."""
    return {strip.name: str(strip.get(MARK, "")) for strip in _movies(scene) if _NEIGHBOUR not in strip}


def mark_outdated(scene: Any, outdated: Mapping[str, object]) -> None:
    """Colour these movies red, and give the others the colour that they had before."""
    for strip in _movies(scene):
        if strip.name not in outdated:
            _unmark(strip)
        elif _COLOUR not in strip:
            strip[_COLOUR], strip.color_tag = strip.color_tag, _OUTDATED_COLOUR


def _unmark(strip: Any) -> None:
    if _COLOUR in strip:
        strip.color_tag = strip[_COLOUR]
        del strip[_COLOUR]


def show_versions(scene: Any, movies: Mapping[str, tuple[str, Path]]) -> list[str]:
    """Let strips show these versions, their sound too, at the same place and length; return what does not fit."""
    remarks = []
    for strip in [each for each in _movies(scene) if each.name in movies]:
        (version_id, path), before = movies[strip.name], bpy.path.abspath(strip.filepath)
        place, length = blender_compat.strip_range(strip), strip.frame_duration
        previous, strip.filepath = strip.filepath, str(path)
        if not strip.fps:
            strip.filepath = previous
            remarks.append(f"{strip.name} is unchanged: Blender cannot read {path}. Delete the file and try again.")
            continue
        strip[MARK] = version_id
        _unmark(strip)
        for each in blender_compat.all_strips(scene.sequence_editor):
            if each.type == "SOUND" and bpy.path.abspath(each.sound.filepath) == before:
                each.sound.filepath = str(path)
        if strip.frame_duration != length:
            remarks.append(f"{strip.name} has {strip.frame_duration} frames instead of {length}; its cut is unchanged.")
        if blender_compat.strip_range(strip) != place:
            blender_compat.set_strip_range(strip, *place)
    return remarks


def _movies(scene: Any) -> list[Any]:
    editor = scene.sequence_editor
    return [] if editor is None else [each for each in blender_compat.all_strips(editor) if each.type == "MOVIE"]


def show_neighbours(scene: Any, before: Path | None, after: Path | None) -> None:
    """Show the movies before and after the frames of the scene as muted strips, until they are removed.

    Raises CaptureFailed for a movie that Blender cannot read, and changes nothing then.
    """
    remove_neighbours()
    had_editor = scene.sequence_editor is not None
    try:
        for path, first in ((before, scene.frame_start), (after, scene.frame_end + 1)):
            for strip in [] if path is None else add_movie(scene, path, first, has_sound=False):
                strip.frame_start -= strip.frame_duration if path is before else 0
                strip[_NEIGHBOUR] = had_editor
    except CaptureFailed:
        remove_neighbours()
        raise
    _SHOWN.keep(scene, before, after)


def are_neighbours_shown(scene: Any) -> bool:
    """Return whether the scene has movies of neighbours."""
    return any(_NEIGHBOUR in strip for strip in _movies(scene))


def _remove_neighbours() -> None:
    for scene in bpy.data.scenes:
        for strip in [each for each in _movies(scene) if _NEIGHBOUR in each]:
            had_editor = strip[_NEIGHBOUR]
            blender_compat.strip_collection(scene.sequence_editor).remove(strip)
            if not had_editor and not strips_of(scene):
                scene.sequence_editor_clear()


_SHOWN = maintained.ShownInScene(show_neighbours, _remove_neighbours)
remove_neighbours = _SHOWN.clear


def add_movie(scene: Any, path: Path, first_frame: int, version_id: str = "", *, has_sound: bool = True) -> list[Any]:
    """Add the images of a movie, muted, and its sound above all strips; return the new ones, or raise CaptureFailed."""
    had_editor, channel = scene.sequence_editor is not None, max((each.channel for each in strips_of(scene)), default=0)
    strips = blender_compat.strip_collection(scene.sequence_editor_create())
    place = {"filepath": str(path), "frame_start": first_frame}
    images = strips.new_movie(path.stem, channel=channel + 1, **place)
    # Blender adds a strip also for a file that is none.
    if not images.fps:
        strips.remove(images)
        if not had_editor:
            scene.sequence_editor_clear()
        raise CaptureFailed(f"Blender cannot read the movie {path}. Download it again.")
    images.mute, images[MARK] = True, version_id
    if not has_sound:
        return [images]
    sound = strips.new_sound(path.stem, channel=channel + 2, **place)
    if sound.sound.channels == "INVALID":
        bpy.data.sounds.remove(sound.sound)
        strips.remove(sound)
        return [images]
    return [images, sound]
