"""Extractors: frames from the host, a film and a thumbnail from the frames; all of it in the job folder."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Callable, ClassVar

from ft_dcc import media
from ft_dcc.errors import CaptureFailed, PluginBroken, Unpublishable
from ft_dcc.frames import Frames, ranges
from ft_dcc.host import PlayblastRequest
from ft_dcc.publish.engine import EXTRACTOR, Instance, InstancePlugin
from ft_dcc.publish.records import COMPONENT_NAMES, Extra, Progress
from ft_dcc.publish.slots import CLIP, EXTRAS, FACTS, FILM, FRAMES, HOST, JOB, NUMBER, PULSE, SOURCE, THUMBNAIL


def media_folder(instance: Instance) -> Path:
    """Return the folder of the job, made, in which this source's files lie."""
    return JOB.get(instance.context).media_folder(NUMBER.get(instance))


def add_component(instance: Instance, path: Path, name: str) -> None:
    """The file goes up with the version, as its component of this name; raises PluginBroken for a name that is taken.

    The file lies in ``media_folder``, or it stays where it is until the publish is through.
    """
    extras = EXTRAS.find(instance) or []
    if name in COMPONENT_NAMES or any(extra.component_name == name for extra in extras):
        raise PluginBroken(f"{instance.name} has a component {name!r} already. Give {path.name} another name.")
    EXTRAS.set(instance, [*extras, Extra(path, name)])


def counting_frames(instance: Instance, step: str) -> Callable[[int], None]:
    """Return what a step calls with each frame that is done; it raises Cancelled when somebody asked for it."""
    pulse, source = PULSE.get(instance.context), SOURCE.get(instance).name
    total = len(CLIP.get(instance).frame_range.with_handles)
    done = 0

    def count(_frame: int) -> None:
        nonlocal done
        done += 1
        pulse.beat(Progress(step, source, done, total, "frames"))

    return count


class CaptureFrames(InstancePlugin):
    """The camera's frames lie in the job folder."""

    order = EXTRACTOR
    label = "Capture"
    families: ClassVar[list[str]] = ["camera"]

    def process(self, instance: Instance) -> None:
        """FRAMES holds the frames; raises what the host raises, or CaptureFailed when frames are missing."""
        host = HOST.find(instance.context)
        source, clip = SOURCE.get(instance), CLIP.get(instance)
        if host is None:
            raise Unpublishable(f"{source.name} was not filmed yet. Open its scene and publish it again.")
        folder = media_folder(instance) / "frames"
        # What an interrupted capture left could be mistaken for frames of this one.
        shutil.rmtree(folder, ignore_errors=True)
        JOB.get(instance.context).make(folder)
        request = PlayblastRequest(source.text, clip.frame_range, clip.resolution, folder, source.file_name)
        on_frame = counting_frames(instance, "capture")
        frames = host.playblast(request, on_frame)
        missing = frames.missing()
        if missing:
            raise CaptureFailed(f"{host.name} did not write the frames {ranges(missing)} of {source.name}. Try again.")
        FRAMES.set(instance, frames)


class EncodeFrames(InstancePlugin):
    """The frames are a film."""

    order = EXTRACTOR
    label = "Encode"
    families: ClassVar[list[str]] = ["camera", "frames"]

    def process(self, instance: Instance) -> None:
        """FILM holds the film; raises EncodeFailed, FramesMissing or DiskUnusable."""
        film = media.encode(
            FRAMES.get(instance),
            media_folder(instance) / "film.mp4",
            on_frame=counting_frames(instance, "encode"),
            is_cancelled=PULSE.get(instance.context).cancel.is_set,
        )
        FILM.set(instance, film)


class TranscodeFilm(InstancePlugin):
    """The film that was given is one that every browser plays, frame by frame."""

    order = EXTRACTOR
    label = "Encode"
    families: ClassVar[list[str]] = ["film"]

    def process(self, instance: Instance) -> None:
        """FILM holds the film; raises EncodeFailed, FilmUnreadable or DiskUnusable."""
        film = media.transcode(
            Path(SOURCE.get(instance).text),
            media_folder(instance) / "film.mp4",
            facts=FACTS.get(instance),
            on_frame=counting_frames(instance, "encode"),
            is_cancelled=PULSE.get(instance.context).cancel.is_set,
        )
        FILM.set(instance, film)


class MakeThumbnail(InstancePlugin):
    """A small picture of the middle of the film lies beside it."""

    order = EXTRACTOR
    label = "Thumbnail"

    def process(self, instance: Instance) -> None:
        """THUMBNAIL holds the picture; raises EncodeFailed or DiskUnusable."""
        frames = FRAMES.find(instance)
        picture = _middle(frames) if frames is not None else FILM.get(instance).path
        THUMBNAIL.set(instance, media.thumbnail(picture, media_folder(instance) / "thumbnail.jpg"))


def _middle(frames: Frames) -> Path:
    whole = frames.frame_range.with_handles
    return frames.path((whole.start + whole.end) // 2)
