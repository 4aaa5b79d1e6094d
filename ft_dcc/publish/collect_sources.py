"""Collectors: what each source is, and what its film will show. They read and change nothing."""

from __future__ import annotations

import os
import uuid
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import attrs

from ft_dcc import media
from ft_dcc.errors import CameraMissing, Invalid, Unpublishable
from ft_dcc.frames import IMAGE_SUFFIXES, FrameRange, Frames, Resolution, find_frames, is_sequence
from ft_dcc.host import find_footage
from ft_dcc.pictures import png_size
from ft_dcc.publish.engine import COLLECTOR, REVIEW, Context, ContextPlugin, Instance, InstancePlugin
from ft_dcc.publish.films import colour_of
from ft_dcc.publish.records import Clip, PublishRequest, Shot, Source
from ft_dcc.publish.slots import (
    CAPTURED,
    CLIP,
    FACTS,
    FRAMES,
    HOST,
    NUMBER,
    PULSE,
    REQUEST,
    SCENE,
    SHOT,
    SOURCE,
    VERSION_ID,
)

if TYPE_CHECKING:
    from ft_dcc.host import Host, Scene


# What is not made for a display, or need not be: light, film densities, a camera's logarithms.
CONVERTED_SUFFIXES = frozenset((".cin", ".dpx", ".exr"))


class CollectSources(ContextPlugin):
    """Each source is an instance, and has the id of the version that it becomes."""

    order = COLLECTOR
    label = "Sources"

    def process(self, context: Context) -> None:
        """NUMBER, SOURCE and VERSION_ID are on every instance; raises CameraMissing or Unpublishable for none."""
        captured = CAPTURED.find(context)
        for source in _sources(context) if captured is None else captured.sources:
            instance = context.create_instance(source.name, family=REVIEW, families=[source.kind])
            NUMBER.set(instance, len(context))
            SOURCE.set(instance, source)
            VERSION_ID.set(instance, str(uuid.uuid4()))


def _sources(context: Context) -> list[Source]:
    host = HOST.find(context)
    scene = SCENE.get(context) if host is not None else None
    texts = REQUEST.get(context).source or _default_source(scene)
    return [_in_host(host, text) or _source(text, scene) for text in texts]


def _default_source(scene: Scene | None) -> tuple[str, ...]:
    if scene is None:
        raise Unpublishable("Nothing was given to publish. Give frames as name.%04d.png, or a film.")
    if not scene.sources:
        raise CameraMissing("The scene has no camera. Add one, or give the name of another source.")
    return scene.sources[:1]


def _in_host(host: Host | None, name: str) -> Source | None:
    """What a program's source has on disk already, in the colours in which it was written."""
    footage = None if host is None else find_footage(host, name)
    if footage is None:
        return None
    source = _source(footage.pattern, None)
    colour = colour_of_files(footage.pattern, footage.colour_space, footage.ocio)
    return attrs.evolve(source, name=name, frame_range=footage.frame_range, colour=colour)


def colour_of_files(pattern: str, space: str, ocio: str, shown: str = "") -> media.Colour | None:
    """Return what the program that wrote the files says of their colours, the rest as the settings have it.

    Files that are made for a display are shown as they are, and so is what nobody says anything about: then it is None.
    ``shown`` is "display/view".
    """
    if not (space or shown) or Path(pattern).suffix.lower() not in CONVERTED_SUFFIXES:
        return None
    known = media.Colour.of_settings()
    display, _, view = shown.rpartition("/")
    return media.Colour(
        space=space or known.space,
        display=display or known.display,
        view=view or known.view,
        config=ocio or known.config,
    )


def _source(text: str, scene: Scene | None) -> Source:
    is_file = is_sequence(text) or Path(text).is_file()
    if scene is not None and (text in scene.sources or not is_file):
        return Source("camera", text, text)
    name = os.path.basename(text)  # noqa: PTH119 - a pattern is no path yet
    if is_sequence(text):
        return Source("frames", text, name.split("%")[0].split("#")[0].rstrip("._-") or name)
    kind = "image" if Path(text).suffix.lower() in IMAGE_SUFFIXES else "film"
    return Source(kind, text, Path(name).stem)


class CollectCamera(InstancePlugin):
    """What a camera will be filmed at is known."""

    order = COLLECTOR
    label = "Camera"
    families: ClassVar[list[str]] = ["camera"]

    def process(self, instance: Instance) -> None:
        """CLIP holds the scene's range, rate and size, or what was asked for."""
        scene, request = SCENE.get(instance.context), REQUEST.get(instance.context)
        CLIP.set(
            instance,
            Clip(request.frame_range or scene.frame_range, scene.fps, request.resolution or scene.resolution),
        )


class CollectFrames(InstancePlugin):
    """Frames that exist already are found."""

    order = COLLECTOR
    label = "Frames"
    families: ClassVar[list[str]] = ["frames"]

    def process(self, instance: Instance) -> None:
        """FRAMES and CLIP hold the sequence; raises FramesMissing, or Invalid when nobody says its rate."""
        request, pattern = REQUEST.get(instance.context), SOURCE.get(instance).text
        on_disk = find_frames(pattern)
        source, scene = SOURCE.get(instance), SCENE.find(instance.context)
        # What a program has written runs at the rate of its scene, and is judged by the shot's.
        is_scenes = scene is not None and source.name in scene.sources
        fps = request.fps or (scene.fps if scene is not None and is_scenes else SHOT.get(instance.context).fps)
        if fps is None:
            raise Invalid("frame rate", found="not known", wanted="set on the shot", remedy="Set it, or give the rate.")
        frames = Frames(pattern, request.frame_range or source.frame_range or on_disk, fps, Resolution(1, 1))
        first = frames.path(on_disk.start)
        # The head of a PNG says it at once; ffmpeg, which is asked for most others, takes its time to start.
        frames = attrs.evolve(frames, resolution=png_size(first) or media.picture_size(first, colour_of(instance)))
        FRAMES.set(instance, frames)
        CLIP.set(instance, Clip(frames.frame_range, fps, frames.resolution))


class CollectFilm(InstancePlugin):
    """A film that exists already is looked into."""

    order = COLLECTOR
    label = "Film"
    families: ClassVar[list[str]] = ["film"]

    def process(self, instance: Instance) -> None:
        """FACTS holds what the film is, CLIP its rate, its size and the shot's frames; raises FilmUnreadable."""
        is_cancelled = PULSE.get(instance.context).cancel.is_set
        facts = media.probe(Path(SOURCE.get(instance).text), is_cancelled=is_cancelled)
        wanted = _wanted_range(REQUEST.get(instance.context), SHOT.find(instance.context))
        start = _first_frame(wanted, facts.frame_count)
        FACTS.set(instance, facts)
        CLIP.set(instance, Clip(FrameRange(start, start + facts.frame_count - 1), facts.fps, facts.resolution))


class CollectImage(InstancePlugin):
    """A single picture that exists already is looked into."""

    order = COLLECTOR
    label = "Picture"
    families: ClassVar[list[str]] = ["image"]

    def process(self, instance: Instance) -> None:
        """CLIP holds its size, as one frame a second; raises FilmUnreadable, FramesMissing or ExtraMissing."""
        size = media.picture_size(Path(SOURCE.get(instance).text), colour_of(instance))
        CLIP.set(instance, Clip(FrameRange(1, 1), Fraction(1), size))


def _wanted_range(request: PublishRequest, shot: Shot | None) -> FrameRange | None:
    return request.frame_range or (shot.frame_range if shot is not None else None)


def _first_frame(wanted: FrameRange | None, frame_count: int) -> int:
    """The number of a film's first frame: with the handles if it is that long; a film of nothing counts from 1."""
    if wanted is None:
        return 1
    whole = wanted.with_handles
    return whole.start if frame_count == len(whole.every_frame) else wanted.start
