"""Collectors of each source and its clip. They read and change nothing."""

from __future__ import annotations

import collections
import os
import uuid
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

import attrs

from ft_dcc import errors, media
from ft_dcc.files.sequences import IMAGE_SUFFIXES, is_sequence, split_frame_number
from ft_dcc.frames import FrameRange, Frames, Resolution, find_frames, find_other_padding, split_range
from ft_dcc.host import Scene, find_footage
from ft_dcc.host_support.capture_files import png_size
from ft_dcc.media import frame_input
from ft_dcc.publish import encode_source, models, slots
from ft_dcc.publish.pipeline.pyblish_adapter import COLLECTOR, REVIEW, Context, ContextPlugin, Instance, InstancePlugin

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
    request = slots.REQUEST.get(context)
    texts = request.source
    if not texts and scene is None:
        raise errors.UserFixableError("No source to publish. Give frames as name.%04d.png, or a movie.")
    if not texts and scene is not None:
        texts = tuple(source for source in scene.sources if source not in scene.other_scenes)[:1]
        if not texts:
            raise errors.CameraMissing("The scene has no camera. Add one, or give the name of another source.")
    found = []
    for text in texts:
        footage = None if host is None else find_footage(host, text)
        source = _source(text if footage is None else footage.pattern, scene if footage is None else None)
        name = request.source_name or source.name
        source = attrs.evolve(source, name=name, file_shift=request.file_shift)
        if footage is not None:
            colour = colour_of_files(footage.pattern, footage.colour_space, footage.ocio)
            shift, own_range = footage.file_shift, footage.frame_range
            source = attrs.evolve(source, name=text, frame_range=own_range, colour=colour, file_shift=shift)
        found.append(source)
    names = collections.Counter(source.name for source in found)
    return [
        # A source that is named as another one, such as a movie beside its frames, gets its whole file name.
        source if names[source.name] == 1 else attrs.evolve(source, name=os.path.basename(source.text))  # noqa: PTH119
        for source in found
    ]


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


class ClipCollector(InstancePlugin):
    """Reads the clip of one kind of source."""

    order = COLLECTOR


class CollectCamera(ClipCollector):
    """Collect the clip of a camera."""

    label = "Camera"
    families: ClassVar[list[str]] = ["camera"]

    def process(self, instance: Instance) -> None:
        """Set CLIP to the request's values, completed by those of the source and the scene."""
        scene, request = slots.SCENE.get(instance.context), slots.REQUEST.get(instance.context)
        source = slots.SOURCE.get(instance).text
        own = scene.of(source)
        frame_range = request.frame_range or scene.range_of(source)
        slots.CLIP.set(instance, models.Clip(frame_range, own.fps, request.resolution or own.resolution))


class CollectFrames(ClipCollector):
    """Find a sequence on disk."""

    label = "Frames"
    families: ClassVar[list[str]] = ["frames"]

    def process(self, instance: Instance) -> None:
        """Set FRAMES and CLIP; raise FramesMissing, or ValueMismatch if the frame rate is unknown."""
        request, source = slots.REQUEST.get(instance.context), slots.SOURCE.get(instance)
        pattern, scene = source.text, slots.SCENE.find(instance.context)
        on_disk = find_frames(pattern, source.file_shift)
        # Frames that the host has written have the rate of its scene; a validator compares it with the shot's.
        in_scene = scene is not None and source.name in scene.sources
        of_scene = scene.fps if scene is not None and in_scene else slots.SHOT.get(instance.context).fps
        fps = request.fps or of_scene
        if fps is None:
            message = "No frame rate: the shot has none. Set it on the shot."
            known = {"found": "not known", "expected": "set on the shot"}
            raise errors.ValueMismatch("frame rate", **known, message=message, option="fps 24")
        frames = Frames(pattern, request.frame_range or source.frame_range or on_disk, fps, Resolution(1, 1))
        frames = attrs.evolve(frames, file_shift=source.file_shift)
        if frames.frame_range == on_disk and (left_out := find_other_padding(pattern)):
            slots.WARNINGS.set(instance, [left_out.rstrip(".")])
        first = frames.path(on_disk.start)
        frame_input.raise_unless_readable(on_disk.start, first)
        # Reading the header of a PNG is faster than starting ffmpeg.
        frames = attrs.evolve(
            frames, resolution=png_size(first) or media.image_size(first, encode_source.colour_of(instance))
        )
        slots.FRAMES.set(instance, frames)
        slots.CLIP.set(instance, models.Clip(frames.frame_range, fps, frames.resolution))


class CollectMovie(ClipCollector):
    """Read the properties of a movie."""

    label = "Movie"
    families: ClassVar[list[str]] = ["film"]

    def process(self, instance: Instance) -> None:
        """Set MOVIE_INFO, and CLIP with the shot's frame numbers; raise MovieUnreadable."""
        is_cancelled = slots.PROGRESS.get(instance.context).cancel.is_set
        request, movie = slots.REQUEST.get(instance.context), Path(slots.SOURCE.get(instance).text)
        info = media.probe(movie, is_cancelled=is_cancelled)
        if request.fps and not info.is_constant_rate:
            info = media.resampled(movie, info, request.fps, is_cancelled=is_cancelled)
        shot, start = slots.SHOT.find(instance.context), 1
        wanted = request.frame_range or (shot.frame_range if shot is not None else None)
        if wanted is not None:
            # A movie that is long enough has the handles, too.
            whole = wanted.with_handles
            start = whole.start if info.frame_count == len(whole.every_frame) else wanted.start
        numbered = FrameRange(start, start + info.frame_count - 1)
        slots.MOVIE_INFO.set(instance, info)
        slots.CLIP.set(instance, models.Clip(numbered, info.fps, info.resolution))


class CollectImage(ClipCollector):
    """Read the size of a single image."""

    label = "Image"
    families: ClassVar[list[str]] = ["image"]

    def process(self, instance: Instance) -> None:
        """Set CLIP to one frame of its size at 1 fps; raise MovieUnreadable, FramesMissing or MissingExtra."""
        size = media.image_size(Path(slots.SOURCE.get(instance).text), encode_source.colour_of(instance))
        slots.CLIP.set(instance, models.Clip(FrameRange(1, 1), Fraction(1), size))
