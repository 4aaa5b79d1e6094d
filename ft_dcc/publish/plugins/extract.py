"""Extractors: capture frames and encode movies, stills and thumbnails in the job folder."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import ClassVar

from ft_dcc import media
from ft_dcc.errors import CaptureFailed, PluginBroken, UserFixableError
from ft_dcc.frames import Frames, format_ranges
from ft_dcc.host import CapturesAlone, Host, PlayblastRequest
from ft_dcc.host_support.camera_settings import Settings
from ft_dcc.media import presets
from ft_dcc.production.versions import SCENE_COMPONENT
from ft_dcc.publish import burnin_values, encode_source, models, scene_origin, slots
from ft_dcc.publish.encode_source import media_folder
from ft_dcc.publish.pipeline.pyblish_adapter import EXTRACTOR, REVIEW, Instance, InstancePlugin

__all__ = ["add_component", "media_folder"]


def add_component(instance: Instance, path: Path, name: str) -> None:
    """Upload the file with the version as a component of this name; raise PluginBroken if the name is taken.

    The file is in ``media_folder``, or remains where it is until the publish is done. A repeated call has no effect.
    """
    extras = slots.EXTRAS.find(instance) or []
    if models.ExtraComponent(path, name) in extras:
        return
    if name in models.COMPONENT_NAMES or any(extra.component_name == name for extra in extras):
        raise PluginBroken(f"{instance.name} has a component {name!r} already. Give {path.name} another name.")
    slots.EXTRAS.set(instance, [*extras, models.ExtraComponent(path, name)])


class CaptureFrames(InstancePlugin):
    """Capture the camera's frames to the job folder."""

    order = EXTRACTOR
    label = "Capture"
    families: ClassVar[list[str]] = ["camera"]

    def process(self, instance: Instance) -> None:
        """Set FRAMES; raise what the host raises, or CaptureFailed if frames are missing."""
        host, captured = slots.HOST.find(instance.context), slots.OFFLINE_CAPTURE.find(instance.context)
        if captured is not None:
            camera = captured.camera(slots.SOURCE.get(instance).text)
            slots.FRAMES.set(instance, camera.frames)
            slots.LENS.set(instance, dict(camera.lens))
            slots.ORIGIN.set(instance, dict(camera.origin))
        elif host is not None:
            capture_camera(instance, host)
        else:
            name = slots.SOURCE.get(instance).name
            raise UserFixableError(f"{name} is not captured yet. Open its scene and publish it again.")


def capture_camera(instance: Instance, host: Host, *, live_encode: bool = True) -> None:
    """Set FRAMES, and LENS if it is burnt in; raise what CaptureFrames raises.

    With ``live_encode`` the frames are encoded while they are captured, unless the host captures alone, and
    LIVE_ENCODES is set.
    """
    source, clip, request = slots.SOURCE.get(instance), slots.CLIP.get(instance), slots.REQUEST.get(instance.context)
    if request.draws_field("lens"):
        slots.LENS.set(instance, burnin_values.read_lenses(host, source, clip))
    folder = media_folder(instance) / "frames"
    # Frames of an interrupted capture must not be mistaken for frames of this one.
    shutil.rmtree(folder, ignore_errors=True)
    slots.JOB.get(instance.context).make_folder(folder)
    encode_source.write_mixdown(instance, host)
    wanted = PlayblastRequest(
        source.text, clip.frame_range, clip.resolution, folder, source.file_name, dict(request.look)
    )
    origin = scene_origin.record(instance, host)
    settings: dict[int, Settings] = {}
    slots.FRAMES.set(instance, _capture(instance, host, wanted, settings, live_encode=live_encode))
    slots.ORIGIN.set(instance, {**origin, **scene_origin.camera_settings(settings)})


def _capture(
    instance: Instance, host: Host, request: PlayblastRequest, settings: dict[int, Settings], *, live_encode: bool
) -> Frames:
    """Return the captured frames, whose live encodes have started; raise CaptureFailed.

    Adds the camera's settings at each frame to ``settings``, because the host has evaluated the scene at this moment.
    """
    clip = slots.CLIP.get(instance)
    count = encode_source.progress_of_frames(instance, "capture", len(clip.frame_range.with_handles))
    scene = slots.SCENE.get(instance.context).of(request.source)
    expected = Frames(request.pattern, clip.frame_range, clip.fps, clip.resolution, scene.pixel_aspect)
    is_alone = isinstance(host, CapturesAlone) and host.captures_alone
    live_encodes = encode_source.start_live_encodes(instance, expected) if live_encode and not is_alone else {}

    def on_frame(number: int) -> None:
        for encode in live_encodes.values():
            encode.add(number)
        settings.update(scene_origin.read_camera(host, request.source, [number]))
        count(number)

    slots.LIVE_ENCODES.set(instance, live_encodes)
    frames = host.playblast(request, on_frame)
    missing = frames.missing()
    if missing:
        raise CaptureFailed(
            f"{host.name} did not write the frames {format_ranges(missing)} of {request.source}. Try again."
        )
    if frames != expected:
        encode_source.stop_live_encodes(instance)
    return frames


class EncodeFrames(InstancePlugin):
    """Encode the frames to the review movie."""

    order = EXTRACTOR
    label = "Encode"
    families: ClassVar[list[str]] = ["camera", "frames"]

    def process(self, instance: Instance) -> None:
        """Set MOVIE; raise EncodeFailed, FramesMissing, MovieUnreadable or StorageError."""
        slots.MOVIE.set(instance, encode_source.make_movie(instance, presets.REVIEW))


class TranscodeMovie(EncodeFrames):
    """Transcode a movie to the review movie, which every browser plays frame by frame."""

    families: ClassVar[list[str]] = ["film"]


class AttachScene(InstancePlugin):
    """Record the scene that a version comes from, and attach its file if requested."""

    order = EXTRACTOR
    label = "Scene file"
    families: ClassVar[list[str]] = [REVIEW]

    def process(self, instance: Instance) -> None:
        """Set ORIGIN for existing files of a scene, and EXTRAS; raise StorageError or UserFixableError."""
        host = slots.HOST.find(instance.context)
        if slots.REQUEST.get(instance.context).rendered_from:
            slots.ORIGIN.set(instance, scene_origin.record_render(instance))
        elif slots.ORIGIN.find(instance) is None and host is not None and scene_origin.is_from_scene(instance):
            slots.ORIGIN.set(instance, scene_origin.record(instance, host))
        copy = scene_origin.copied_scene(instance)
        if copy is not None:
            extra = models.ExtraComponent(copy, SCENE_COMPONENT)
            others = [each for each in slots.EXTRAS.find(instance) or [] if each != extra]
            slots.EXTRAS.set(instance, [*others, extra])


class MakeOutputs(InstancePlugin):
    """Make the requested outputs: other sizes of the movie, a movie for editorial, a contact sheet."""

    order = EXTRACTOR
    label = "Outputs"
    families: ClassVar[list[str]] = ["camera", "frames", "film"]

    def process(self, instance: Instance) -> None:
        """Set OUTPUTS; raise what EncodeFrames and TranscodeMovie raise."""
        outputs = [encode_source.OUTPUT_BY_NAME.get(name) for name in slots.REQUEST.get(instance.context).outputs or ()]
        slots.OUTPUTS.set(
            instance,
            [
                encode_source.make_contact_sheet(instance)
                if output is None
                else encode_source.make_movie(instance, output)
                for output in outputs
            ],
        )


class MakeStill(InstancePlugin):
    """Convert an image to a still that every browser shows."""

    order = EXTRACTOR
    label = "Still"
    families: ClassVar[list[str]] = ["image"]

    def process(self, instance: Instance) -> None:
        """Set MOVIE to the still; raise MovieUnreadable, FramesMissing, EncodeFailed or StorageError."""
        image, path = Path(slots.SOURCE.get(instance).text), media_folder(instance) / "still.jpg"
        colour, marks = encode_source.colour_of(instance), encode_source.marks_of(instance)
        slots.MOVIE.set(instance, media.still(image, path, colour=colour, burnin=marks))


class MakeThumbnail(InstancePlugin):
    """Make a thumbnail of the middle frame."""

    order = EXTRACTOR
    label = "Thumbnail"
    families: ClassVar[list[str]] = [REVIEW]

    def process(self, instance: Instance) -> None:
        """Set THUMBNAIL; raise EncodeFailed or StorageError."""
        frames, movie = slots.FRAMES.find(instance), slots.MOVIE.get(instance)
        if movie.thumbnail is not None:
            slots.THUMBNAIL.set(instance, movie.thumbnail)
            return
        # The movie and the still have the watermark already.
        source, colour, marks = movie.path, None, None
        if frames is not None:
            source, colour = _middle(frames), encode_source.colour_of(instance)
            marks = encode_source.marks_of(instance)
        path = media_folder(instance) / "thumbnail.jpg"
        slots.THUMBNAIL.set(instance, media.thumbnail(source, path, colour=colour, burnin=marks))


def _middle(frames: Frames) -> Path:
    """Return the file of the middle one of the existing frames."""
    missing = frozenset(frames.missing())
    present = [number for number in frames.frame_range.with_handles if number not in missing]
    return frames.path(present[(len(present) - 1) // 2])
