"""Collectors of each source and its clip. They read and change nothing."""

from __future__ import annotations

import collections
import os
import uuid
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import attrs

from ft_dcc import media
from ft_dcc.errors import CameraMissing, UserFixableError, ValueMismatch
from ft_dcc.files.sequences import IMAGE_SUFFIXES, is_sequence, split_frame_number
from ft_dcc.frames import FrameRange, Frames, Resolution, find_frames, split_range
from ft_dcc.host import find_footage
from ft_dcc.host_support.capture_files import png_size
from ft_dcc.media import frame_input
from ft_dcc.publish import encode_source, models, slots
from ft_dcc.publish.pipeline.pyblish_adapter import COLLECTOR, REVIEW, Context, ContextPlugin, Instance, InstancePlugin

if TYPE_CHECKING:
    from ft_dcc.host import Host, Scene


# Files with scene-linear light, film densities or camera log, which need a conversion for the display.
CONVERTED_SUFFIXES = frozenset((".cin", ".dpx", ".exr"))


class CollectSources(ContextPlugin):
    """Create an instance for each source."""

    order = COLLECTOR
    label = "Sources"

    def process(self, context: Context) -> None:
        """Set NUMBER, SOURCE and VERSION_ID; raise CameraMissing or UserFixableError if there is no source."""
        captured = slots.OFFLINE_CAPTURE.find(context)
        for source in _sources(context) if captured is None else captured.sources:
            instance = context.create_instance(source.name, family=REVIEW, families=[source.kind])
            slots.NUMBER.set(instance, len(context))
            slots.SOURCE.set(instance, source)
            slots.VERSION_ID.set(instance, str(uuid.uuid4()))


def _sources(context: Context) -> list[models.Source]:
    host = slots.HOST.find(context)
    scene = slots.SCENE.get(context) if host is not None else None
    texts = slots.REQUEST.get(context).source or _default_source(scene)
    found = [_footage_source(host, text) or _source(text, scene) for text in texts]
    names = collections.Counter(source.name for source in found)
    return [source if names[source.name] == 1 else _with_file_name(source) for source in found]


def _with_file_name(source: models.Source) -> models.Source:
    """Return a source that is named as another one, such as a movie beside its frames, with its whole file name."""
    return attrs.evolve(source, name=os.path.basename(source.text))  # noqa: PTH119 - a pattern is no path yet


def _default_source(scene: Scene | None) -> tuple[str, ...]:
    if scene is None:
        raise UserFixableError("No source to publish. Give frames as name.%04d.png, or a movie.")
    own = tuple(source for source in scene.sources if source not in scene.other_scenes)
    if not own:
        raise CameraMissing("The scene has no camera. Add one, or give the name of another source.")
    return own[:1]


def _footage_source(host: Host | None, name: str) -> models.Source | None:
    """Return the files that the host's source has written, with their colour space, or None."""
    footage = None if host is None else find_footage(host, name)
    if footage is None:
        return None
    source = _source(footage.pattern, None)
    colour = colour_of_files(footage.pattern, footage.colour_space, footage.ocio)
    return attrs.evolve(source, name=name, frame_range=footage.frame_range, colour=colour)


def colour_of_files(pattern: str, space: str, ocio: str, shown: str = "") -> media.ColourOptions | None:
    """Return the colour options of files that a program has written, completed by the settings.

    ``shown`` is "display/view". Returns None for files that are shown unchanged: those made for a display, and those
    without a colour space.
    """
    if not (space or shown) or Path(pattern).suffix.lower() not in CONVERTED_SUFFIXES:
        return None
    known = media.ColourOptions.of_settings()
    display, _, view = shown.rpartition("/")
    return media.ColourOptions(
        space=space or known.space,
        display=display or known.display,
        view=view or known.view,
        config=ocio or known.config,
    )


def _source(text: str, scene: Scene | None) -> models.Source:
    text, frame_range = split_range(text)
    is_file = is_sequence(text) or os.path.isfile(text)  # noqa: PTH113 - False for a folder without permission
    if scene is not None and (text in scene.sources or not is_file):
        return models.Source("camera", text, text)
    name = os.path.basename(text)  # noqa: PTH119 - a pattern is no path yet
    if is_sequence(text):
        before, _, _ = split_frame_number(name) or (name, 0, "")
        return models.Source("frames", text, before.rstrip("._-") or name, frame_range)
    kind = "image" if Path(text).suffix.lower() in IMAGE_SUFFIXES else "film"
    return models.Source(kind, text, Path(name).stem)


class CollectCamera(InstancePlugin):
    """Collect the clip of a camera."""

    order = COLLECTOR
    label = "Camera"
    families: ClassVar[list[str]] = ["camera"]

    def process(self, instance: Instance) -> None:
        """Set CLIP to the request's values, completed by those of the source and the scene."""
        scene, request = slots.SCENE.get(instance.context), slots.REQUEST.get(instance.context)
        source = slots.SOURCE.get(instance).text
        own = scene.of(source)
        frame_range = request.frame_range or scene.range_of(source)
        slots.CLIP.set(instance, models.Clip(frame_range, own.fps, request.resolution or own.resolution))


class CollectFrames(InstancePlugin):
    """Find a sequence on disk."""

    order = COLLECTOR
    label = "Frames"
    families: ClassVar[list[str]] = ["frames"]

    def process(self, instance: Instance) -> None:
        """Set FRAMES and CLIP; raise FramesMissing, or ValueMismatch if the frame rate is unknown."""
        request, pattern = slots.REQUEST.get(instance.context), slots.SOURCE.get(instance).text
        on_disk = find_frames(pattern)
        source, scene = slots.SOURCE.get(instance), slots.SCENE.find(instance.context)
        # Frames that the host has written have the rate of its scene; a validator compares it with the shot's.
        in_scene = scene is not None and source.name in scene.sources
        of_scene = scene.fps if scene is not None and in_scene else slots.SHOT.get(instance.context).fps
        fps = request.fps or of_scene
        if fps is None:
            message = "No frame rate: the shot has none. Set it on the shot, or add --fps 24."
            raise ValueMismatch("frame rate", found="not known", expected="set on the shot", message=message)
        frames = Frames(pattern, request.frame_range or source.frame_range or on_disk, fps, Resolution(1, 1))
        first = frames.path(on_disk.start)
        frame_input.raise_unless_readable(on_disk.start, first)
        # Reading the header of a PNG is faster than starting ffmpeg.
        frames = attrs.evolve(
            frames, resolution=png_size(first) or media.image_size(first, encode_source.colour_of(instance))
        )
        slots.FRAMES.set(instance, frames)
        slots.CLIP.set(instance, models.Clip(frames.frame_range, fps, frames.resolution))


class CollectMovie(InstancePlugin):
    """Read the properties of a movie."""

    order = COLLECTOR
    label = "Movie"
    families: ClassVar[list[str]] = ["film"]

    def process(self, instance: Instance) -> None:
        """Set MOVIE_INFO, and CLIP with the shot's frame numbers; raise MovieUnreadable."""
        is_cancelled = slots.PROGRESS.get(instance.context).cancel.is_set
        request, movie = slots.REQUEST.get(instance.context), Path(slots.SOURCE.get(instance).text)
        info = media.probe(movie, is_cancelled=is_cancelled)
        if request.fps and not info.is_constant_rate:
            info = media.resampled(movie, info, request.fps, is_cancelled=is_cancelled)
        shot = slots.SHOT.find(instance.context)
        wanted = request.frame_range or (shot.frame_range if shot is not None else None)
        start = _first_frame(wanted, info.frame_count)
        numbered = FrameRange(start, start + info.frame_count - 1)
        slots.MOVIE_INFO.set(instance, info)
        slots.CLIP.set(instance, models.Clip(numbered, info.fps, info.resolution))


class CollectImage(InstancePlugin):
    """Read the size of a single image."""

    order = COLLECTOR
    label = "Image"
    families: ClassVar[list[str]] = ["image"]

    def process(self, instance: Instance) -> None:
        """Set CLIP to one frame of its size at 1 fps; raise MovieUnreadable, FramesMissing or MissingExtra."""
        size = media.image_size(Path(slots.SOURCE.get(instance).text), encode_source.colour_of(instance))
        slots.CLIP.set(instance, models.Clip(FrameRange(1, 1), Fraction(1), size))


def _first_frame(wanted: FrameRange | None, frame_count: int) -> int:
    """Return the number of a movie's first frame: that of the handles if it is long enough, 1 without a range."""
    if wanted is None:
        return 1
    whole = wanted.with_handles
    return whole.start if frame_count == len(whole.every_frame) else wanted.start
