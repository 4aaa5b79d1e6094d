"""Extractors: frames from the host, a film and a thumbnail from the frames; all of it in the job folder."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import ClassVar

from ft_dcc import media
from ft_dcc.errors import CaptureFailed, PluginBroken, Unpublishable
from ft_dcc.frames import Frames, ranges
from ft_dcc.host import Host, PlayblastRequest
from ft_dcc.media import Media, presets
from ft_dcc.publish.draw import read_lenses
from ft_dcc.publish.engine import EXTRACTOR, REVIEW, Instance, InstancePlugin
from ft_dcc.publish.films import (
    OUTPUT_BY_NAME,
    begin_films,
    colour_of,
    counting_frames,
    make_film,
    make_sheet,
    media_folder,
    stop_films,
)
from ft_dcc.publish.records import COMPONENT_NAMES, Extra
from ft_dcc.publish.slots import (
    CAPTURED,
    CLIP,
    ENCODINGS,
    EXTRAS,
    FILM,
    FRAMES,
    HOST,
    JOB,
    LENS,
    OUTPUTS,
    REQUEST,
    SOURCE,
    THUMBNAIL,
)

__all__ = ["add_component", "media_folder"]


def add_component(instance: Instance, path: Path, name: str) -> None:
    """The file goes up with the version, as its component of this name; raises PluginBroken for a name that is taken.

    The file lies in ``media_folder``, or it stays where it is until the publish is through. Twice is as good as once.
    """
    extras = EXTRAS.find(instance) or []
    if Extra(path, name) in extras:
        return
    if name in COMPONENT_NAMES or any(extra.component_name == name for extra in extras):
        raise PluginBroken(f"{instance.name} has a component {name!r} already. Give {path.name} another name.")
    EXTRAS.set(instance, [*extras, Extra(path, name)])


class CaptureFrames(InstancePlugin):
    """The camera's frames lie in the job folder."""

    order = EXTRACTOR
    label = "Capture"
    families: ClassVar[list[str]] = ["camera"]

    def process(self, instance: Instance) -> None:
        """FRAMES holds the frames; raises what the host raises, or CaptureFailed when frames are missing."""
        host, captured = HOST.find(instance.context), CAPTURED.find(instance.context)
        if captured is not None:
            camera = captured.camera(SOURCE.get(instance).text)
            FRAMES.set(instance, camera.frames)
            LENS.set(instance, dict(camera.lens))
        elif host is not None:
            capture_camera(instance, host)
        else:
            name = SOURCE.get(instance).name
            raise Unpublishable(f"{name} was not filmed yet. Open its scene and publish it again.")


def capture_camera(instance: Instance, host: Host, *, is_encoding: bool = True) -> None:
    """FRAMES holds the camera's frames, and LENS its lens where that is drawn; raises what CaptureFrames raises.

    With ``is_encoding`` their films are made meanwhile, and ENCODINGS holds them.
    """
    source, clip, request = SOURCE.get(instance), CLIP.get(instance), REQUEST.get(instance.context)
    if request.draws("lens"):
        LENS.set(instance, read_lenses(host, source, clip))
    folder = media_folder(instance) / "frames"
    # What an interrupted capture left could be mistaken for frames of this one.
    shutil.rmtree(folder, ignore_errors=True)
    JOB.get(instance.context).make(folder)
    wanted = PlayblastRequest(
        source.text, clip.frame_range, clip.resolution, folder, source.file_name, dict(request.look)
    )
    FRAMES.set(instance, _capture(instance, host, wanted, is_encoding=is_encoding))


def _capture(instance: Instance, host: Host, request: PlayblastRequest, *, is_encoding: bool) -> Frames:
    """The frames are on disk, and their films, if they are made, already on the way; raises CaptureFailed."""
    clip = CLIP.get(instance)
    count = counting_frames(instance, "capture", len(clip.frame_range.with_handles))
    awaited = Frames(request.pattern, clip.frame_range, clip.fps, clip.resolution)
    encodings = begin_films(instance, awaited) if is_encoding else {}

    def on_frame(number: int) -> None:
        for encoding in encodings.values():
            encoding.add(number)
        count(number)

    ENCODINGS.set(instance, encodings)
    frames = host.playblast(request, on_frame)
    missing = frames.missing()
    if missing:
        raise CaptureFailed(f"{host.name} did not write the frames {ranges(missing)} of {request.source}. Try again.")
    if frames != awaited:
        stop_films(instance)
    return frames


class EncodeFrames(InstancePlugin):
    """The frames are a film."""

    order = EXTRACTOR
    label = "Encode"
    families: ClassVar[list[str]] = ["camera", "frames"]

    def process(self, instance: Instance) -> None:
        """FILM holds the film; raises EncodeFailed, FramesMissing or DiskUnusable."""
        FILM.set(instance, make_film(instance, presets.REVIEW))


class TranscodeFilm(InstancePlugin):
    """The film that was given is one that every browser plays, frame by frame."""

    order = EXTRACTOR
    label = "Encode"
    families: ClassVar[list[str]] = ["film"]

    def process(self, instance: Instance) -> None:
        """FILM holds the film; raises EncodeFailed, FilmUnreadable or DiskUnusable."""
        FILM.set(instance, make_film(instance, presets.REVIEW))


class MakeOutputs(InstancePlugin):
    """What else was asked for is there: the film in other sizes, or for editorial, or a contact sheet."""

    order = EXTRACTOR
    label = "Outputs"
    families: ClassVar[list[str]] = ["camera", "frames", "film"]

    def process(self, instance: Instance) -> None:
        """OUTPUTS holds them; raises what EncodeFrames and TranscodeFilm raise."""
        wanted = REQUEST.get(instance.context).outputs or ()
        OUTPUTS.set(instance, [self._make(instance, name) for name in wanted])

    def _make(self, instance: Instance, name: str) -> Media:
        output = OUTPUT_BY_NAME.get(name)
        return make_sheet(instance) if output is None else make_film(instance, output)


class MakeStill(InstancePlugin):
    """The picture that was given is one that every browser shows."""

    order = EXTRACTOR
    label = "Still"
    families: ClassVar[list[str]] = ["image"]

    def process(self, instance: Instance) -> None:
        """FILM holds the still; raises FilmUnreadable, FramesMissing, EncodeFailed or DiskUnusable."""
        image, path = Path(SOURCE.get(instance).text), media_folder(instance) / "still.jpg"
        FILM.set(instance, media.still(image, path, colour=colour_of(instance)))


class MakeThumbnail(InstancePlugin):
    """A small picture of the middle of the film lies beside it."""

    order = EXTRACTOR
    label = "Thumbnail"
    families: ClassVar[list[str]] = [REVIEW]

    def process(self, instance: Instance) -> None:
        """THUMBNAIL holds the picture; raises EncodeFailed or DiskUnusable."""
        frames = FRAMES.find(instance)
        picture, colour = FILM.get(instance).path, None
        if frames is not None:
            picture, colour = _middle(frames), colour_of(instance)
        THUMBNAIL.set(instance, media.thumbnail(picture, media_folder(instance) / "thumbnail.jpg", colour=colour))


def _middle(frames: Frames) -> Path:
    """The file of the frame in the middle, of those that there are."""
    missing = frozenset(frames.missing())
    there = [number for number in frames.frame_range.with_handles if number not in missing]
    return frames.path(there[(len(there) - 1) // 2])
