"""Extractors: predict the number, capture frames, encode movies, stills and thumbnails in the job folder."""

from __future__ import annotations

import logging
import shutil
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import attrs

from ft_dcc import errors, media
from ft_dcc.files import atomic, checksum
from ft_dcc.files.atomic import remove_tree
from ft_dcc.frames import Frames, format_ranges
from ft_dcc.host import CapturesAlone, DescribesCaptures, Host, PlayblastRequest, SupportsFocalLengths, find_host_of
from ft_dcc.production.versions import SCENE_COMPONENT
from ft_dcc.publish import encode_source, models, slots
from ft_dcc.publish.encode_source import media_folder
from ft_dcc.publish.pipeline.pyblish_adapter import EXTRACTOR, REVIEW, Instance, InstancePlugin
from ft_dcc.settings.publish_options import strip_surrogates

__all__ = ["add_component", "media_folder"]


def add_component(instance: Instance, path: Path, name: str) -> None:
    """Upload the file with the version as a component of this name; raise PluginBroken if the name is taken.

    The file is in ``media_folder``, or remains where it is until the publish is done. A repeated call has no effect.
    """
    extras = slots.EXTRAS.find(instance) or []
    if models.ExtraComponent(path, name) in extras:
        return
    if name in models.COMPONENT_NAMES or any(extra.component_name == name for extra in extras):
        raise errors.PluginBroken(f"{instance.name} has a component {name!r} already. Give {path.name} another name.")
    slots.EXTRAS.set(instance, [*extras, models.ExtraComponent(path, name)])


class Extractor(InstancePlugin):
    """Makes files or values of one source."""

    order = EXTRACTOR
    families: ClassVar[list[str]] = [REVIEW]


class CaptureFrames(Extractor):
    """Capture the camera's frames to the job folder."""

    label = "Capture"
    families: ClassVar[list[str]] = ["camera"]

    def process(self, instance: Instance) -> None:
        """Set FRAMES; raise what the host raises, or CaptureFailed if frames are missing."""
        host, captured = slots.HOST.find(instance.context), slots.OFFLINE_CAPTURE.find(instance.context)
        if captured is not None:
            text = slots.SOURCE.get(instance).text
            camera = next(camera for camera in captured.cameras if camera.name == text)
            slots.FRAMES.set(instance, camera.frames)
            slots.LENS.set(instance, dict(camera.lens))
            slots.ORIGIN.set(instance, dict(camera.origin))
        elif host is not None:
            capture_camera(instance, host)
        else:
            name = slots.SOURCE.get(instance).name
            raise errors.UserFixableError(f"{name} is not captured yet. Open its scene and publish it again.")


def capture_camera(instance: Instance, host: Host, *, live_encode: bool = True) -> None:
    """Set FRAMES, and LENS if it is burnt in; raise what CaptureFrames raises.

    With ``live_encode`` the frames are encoded while they are captured, unless the host captures alone, and
    LIVE_ENCODE is set.
    """
    source, clip, request = slots.SOURCE.get(instance), slots.CLIP.get(instance), slots.REQUEST.get(instance.context)
    if request.draws_field("lens") and isinstance(host, SupportsFocalLengths):
        lengths = host.run_in_main_thread(lambda: host.focal_lengths(source.text, clip.frame_range))
        slots.LENS.set(instance, {str(frame): f"{length:.4g} mm" for frame, length in lengths.items()})
    folder = media_folder(instance) / "frames"
    # Frames of an interrupted capture must not be mistaken for frames of this one.
    remove_tree(folder)
    slots.JOB.get(instance.context).make_folder(folder)
    encode_source.write_mixdown(instance, host)
    look = dict(slots.LOOK.get(instance.context))
    wanted = PlayblastRequest(source.text, clip.frame_range, clip.resolution, folder, source.file_name, look)
    origin = record_scene(instance, host)
    slots.FRAMES.set(instance, _capture(instance, host, wanted, live_encode=live_encode))
    slots.ORIGIN.set(instance, origin)


def _capture(instance: Instance, host: Host, request: PlayblastRequest, *, live_encode: bool) -> Frames:
    """Return the captured frames; raise CaptureFailed."""
    clip = slots.CLIP.get(instance)
    count = encode_source.progress_of_frames(instance, "capture", len(clip.frame_range.with_handles))
    scene = slots.SCENE.get(instance.context).of(request.source)
    expected = Frames(request.pattern, clip.frame_range, clip.fps, clip.resolution, scene.pixel_aspect)
    is_alone = isinstance(host, CapturesAlone) and host.captures_alone
    running = encode_source.start_live_encode(instance, expected) if live_encode and not is_alone else None

    def on_frame(number: int) -> None:
        if running is not None:
            running.add(number)
        count(number)

    frames = host.playblast(request, on_frame)
    missing = frames.missing()
    if missing:
        raise errors.CaptureFailed(
            f"{host.name} did not write the frames {format_ranges(missing)} of {request.source}. Try again."
        )
    if frames != expected:
        encode_source.stop_live_encode(instance)
    return frames


class EncodeFrames(Extractor):
    """Encode the frames to the largest review movie, and to all further outputs in the same run."""

    label = "Encode"
    families: ClassVar[list[str]] = ["camera", "frames"]

    def process(self, instance: Instance) -> None:
        """Set MOVIE; raise EncodeFailed, FramesMissing, MovieUnreadable or StorageError."""
        slots.MOVIE.set(instance, encode_source.make_movies(instance, encode_source.outputs_of(instance)))


class TranscodeMovie(EncodeFrames):
    """Transcode a movie to the review movie, which every browser plays frame by frame."""

    families: ClassVar[list[str]] = ["film"]


class AttachScene(Extractor):
    """Record the scene that a version comes from, and attach its file if requested."""

    label = "Scene file"

    def process(self, instance: Instance) -> None:
        """Set ORIGIN for existing files of a scene, and EXTRAS; raise StorageError or UserFixableError."""
        host = slots.HOST.find(instance.context)
        if slots.REQUEST.get(instance.context).rendered_from:
            slots.ORIGIN.set(instance, record_render(instance))
        elif slots.ORIGIN.find(instance) is None and host is not None and encode_source.is_from_scene(instance):
            slots.ORIGIN.set(instance, record_scene(instance, host))
        copy = next((media_folder(instance) / "scene").glob("*"), None)
        if copy is not None:
            extra = models.ExtraComponent(copy, SCENE_COMPONENT)
            others = [each for each in slots.EXTRAS.find(instance) or [] if each != extra]
            slots.EXTRAS.set(instance, [*others, extra])


class MakeOutputs(Extractor):
    """Collect the requested outputs, and make those that the movie was made without."""

    label = "Outputs"
    families: ClassVar[list[str]] = ["camera", "frames", "film"]

    def process(self, instance: Instance) -> None:
        """Set OUTPUTS; raise what EncodeFrames and TranscodeMovie raise."""
        made = list(slots.MOVIE.get(instance).others)
        names = [each.component_name for each in made]
        # A studio's plugin may have set another movie.
        lacking = [each for each in encode_source.outputs_of(instance)[1:] if each.component_name not in names]
        if lacking:
            first = encode_source.make_movies(instance, lacking)
            made += [attrs.evolve(first, others=()), *first.others]
        slots.OUTPUTS.set(instance, made)


class MakeStill(Extractor):
    """Convert an image to a still that every browser shows."""

    label = "Still"
    families: ClassVar[list[str]] = ["image"]

    def process(self, instance: Instance) -> None:
        """Set MOVIE to the still; raise MovieUnreadable, FramesMissing, EncodeFailed or StorageError."""
        image, path = Path(slots.SOURCE.get(instance).text), media_folder(instance) / "still.jpg"
        colour, marks = encode_source.colour_of(instance), encode_source.marks_of(instance)
        slots.MOVIE.set(instance, media.still(image, path, colour=colour, burnin=marks))


class MakeThumbnail(Extractor):
    """Make a thumbnail of the requested frame or image, or of the middle frame."""

    label = "Thumbnail"

    def process(self, instance: Instance) -> None:
        """Set THUMBNAIL; raise EncodeFailed or StorageError."""
        frames, movie = slots.FRAMES.find(instance), slots.MOVIE.get(instance)
        wanted = slots.REQUEST.get(instance.context).thumbnail
        if movie.thumbnail is not None and not wanted:
            slots.THUMBNAIL.set(instance, movie.thumbnail)
            return
        number, path = slots.REQUEST.get(instance.context).thumbnail_frame, media_folder(instance) / "thumbnail.jpg"
        if wanted and number is None:
            made = media.thumbnail(Path(wanted), path)
        elif frames is not None:
            missing = frozenset(frames.missing())
            present = [each for each in frames.frame_range.with_handles if each not in missing]
            # A missing frame shows the previous one. By default it is the middle one of those that exist.
            shown = [each for each in present if number is not None and each <= number]
            source = frames.path((shown or present[: (len(present) + 1) // 2])[-1])
            colour, marks = encode_source.colour_of(instance), encode_source.marks_of(instance)
            made = media.thumbnail(source, path, colour=colour, burnin=marks)
        else:
            # The movie and the still have the watermark already.
            start = slots.CLIP.get(instance).frame_range.with_handles.start
            made = media.thumbnail(movie.path, path, image=None if number is None else number - start + movie.lead)
        slots.THUMBNAIL.set(instance, made)


log = logging.getLogger(__name__)


def record_scene(instance: Instance, host: Host) -> dict[str, Any]:
    """Return what a source comes from, and copy the scene's file if it was requested; raise StorageError."""
    # The checksum and the time are those of the file on disk.
    scene, source = slots.SCENE.get(instance.context), slots.SOURCE.get(instance)
    origin: dict[str, Any] = {
        "camera" if source.kind == "camera" else "source": source.name,
        "program": f"{host.name} {host.version}",
        "engine": scene.of(source.text).engine,
        "has_unsaved_changes": scene.is_modified,
    }
    look = slots.LOOK.get(instance.context)
    if look:
        origin["look"] = look
    own = find_host_of(host, source.text)
    if source.kind == "camera" and isinstance(own, DescribesCaptures):
        origin.update(host.run_in_main_thread(partial(own.capture_details, look)))
    if scene.path is None:
        return origin
    origin["file"] = strip_surrogates(str(scene.path))
    raise_if_cancelled = slots.PROGRESS.get(instance.context).raise_if_cancelled
    if slots.REQUEST.get(instance.context).include_scene:
        return {**origin, **checksum.revision_of(_copy_scene(instance, scene.path), raise_if_cancelled)}
    with suppress(OSError):
        origin.update(checksum.revision_of(scene.path, raise_if_cancelled))
    return origin


def record_render(instance: Instance) -> dict[str, Any]:
    """Return the scene of rendered files; copy its file, or say why not in "scene_file". Raise StorageError."""
    # The file is copied if it was requested and is still the rendered one.
    request = slots.REQUEST.get(instance.context)
    origin = dict(request.rendered_from)
    if not request.include_scene:
        return origin
    path = Path(origin.get("file", ""))
    if "file" not in origin:
        reason = "it was never saved"
    elif origin.get("has_unsaved_changes"):
        reason = "it was rendered with unsaved changes"
    elif "sha256" not in origin or not path.is_file():
        reason = "the file is not there"
    else:
        copy = _copy_scene(instance, path)
        if checksum.sha256_of(copy, slots.PROGRESS.get(instance.context).raise_if_cancelled) == origin["sha256"]:
            return origin
        atomic.remove_tree(copy.parent)
        reason = "it has changed since the render"
    name = slots.SOURCE.get(instance).name
    log.warning("The version of %s does not contain its scene file: %s.", name, reason)
    return {**origin, "scene_file": reason}


def _copy_scene(instance: Instance, path: Path) -> Path:
    """Copy the file, which the artist may change or move while the job waits, into the job folder."""
    folder = encode_source.media_folder(instance) / "scene"
    atomic.remove_tree(folder)
    slots.JOB.get(instance.context).make_folder(folder)
    with atomic.storage_errors(f"{path} cannot be copied to {folder}", "Publish without the scene file."):
        return Path(shutil.copy2(path, folder / f"scene{path.suffix}"))
