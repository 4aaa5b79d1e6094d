"""Validators: find what would fail later. They change nothing, and all of them run."""

from __future__ import annotations

import contextlib
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

from ft_dcc import errors, frames
from ft_dcc.files.atomic import temporary_file
from ft_dcc.host import find_host_of
from ft_dcc.media import variable_rate
from ft_dcc.publish import encode_source, slots
from ft_dcc.publish.jobs.journal import folder_errors
from ft_dcc.publish.pipeline.pyblish_adapter import REVIEW, VALIDATOR, Context, ContextPlugin, Instance, InstancePlugin
from ft_dcc.publish.plugins import collect, collect_sources
from ft_dcc.settings.resolve import source_of


class ValidateCamera(InstancePlugin):
    """Check that the camera is in the scene."""

    order = VALIDATOR
    label = "Camera"
    families: ClassVar[list[str]] = ["camera"]

    def process(self, instance: Instance) -> None:
        """Raise CameraMissing, which lists the scene's cameras."""
        name, cameras = slots.SOURCE.get(instance).text, slots.SCENE.get(instance.context).sources
        if name not in cameras:
            existing = f"It has {', '.join(cameras)}." if cameras else "It has no cameras."
            raise errors.CameraMissing(f"The scene has no camera called {name}. {existing}")


class ValidateFrames(InstancePlugin):
    """Check that no frame is missing or empty, unless missing frames are filled."""

    order = VALIDATOR
    label = "Missing frames"
    families: ClassVar[list[str]] = ["frames"]

    def process(self, instance: Instance) -> None:
        """Raise FramesMissing, which lists them."""
        source, request = slots.SOURCE.get(instance), slots.REQUEST.get(instance.context)
        pattern, shift = source.text, source.file_shift
        wanted = request.frame_range or source.frame_range or frames.find_frames(pattern, shift)
        # Only the files matter here: the rate and the size of the sequence may be unknown yet.
        missing = frames.Frames(pattern, wanted, Fraction(1), frames.Resolution(1, 1), file_shift=shift).missing()
        if request.fill_missing and len(missing) < len(wanted.with_handles):
            return
        if missing:
            present = tuple(set(wanted.with_handles).difference(missing))
            remedy = "Render them again, or publish another range."
            raise errors.FramesMissing(
                f"{len(missing)} of {len(wanted.with_handles)} frames of {pattern} are missing or empty: "
                f"{frames.format_ranges(missing)}. {frames.find_other_padding(pattern) or remedy}",
                missing,
                found=frames.format_ranges(present) or "none",
                expected=str(wanted.with_handles),
                option="fill_missing",
            )


class ShotValueValidator(InstancePlugin):
    """Compares ``value`` of the clip with the requested one or the shot's; a camera's scene can be repaired."""

    order = VALIDATOR
    families: ClassVar[list[str]] = ["camera", "frames", "film"]
    repair_families: ClassVar[list[str]] = ["camera"]
    value: ClassVar[str]

    def repair(self, instance: Instance) -> None:
        """Set the scene's value."""
        configure(instance, **{self.value: self.expected(instance)})

    def expected(self, instance: Instance) -> Any:
        """Return the requested value, else the shot's, None if neither has one."""
        request, shot = slots.REQUEST.get(instance.context), slots.SHOT.get(instance.context)
        return getattr(request, self.value) or getattr(shot, self.value)


class ValidateFrameRange(ShotValueValidator):
    """Check that the source covers the shot, with or without its handles, or the requested range."""

    label = "Frame range"
    repair_label = "Give the scene the shot's frame range"
    value = "frame_range"

    def process(self, instance: Instance) -> None:
        """Raise ValueMismatch if the first or last frame differs."""
        info = slots.MOVIE_INFO.find(instance)
        if info is not None and not info.is_constant_rate:
            # Its frames are known once a rate is given: ValidateFrameRate asks for it.
            return
        expected, found = self.expected(instance), slots.CLIP.get(instance).frame_range.with_handles
        # A range with a step covers the shot, too.
        ends = [] if expected is None else [(one.start, one.end) for one in (expected, expected.with_handles)]
        if expected is not None and (found.start, found.end) not in ends:
            message, option = "", f"frame_range {found}"
            if slots.SOURCE.get(instance).kind != "camera":
                wants = "the publish asks for" if slots.REQUEST.get(instance.context).frame_range else "the shot wants"
                fix = "Render the rest."
                if found.start <= expected.start and expected.end <= found.end:
                    is_movie = slots.SOURCE.get(instance).kind == "film"
                    fix = "Export only these." if is_movie else "Publish only these, or all of them."
                    option = option if is_movie else f"frame_range {expected}"
                message = f"The source has {found}; {wants} {expected}. {fix}"
            raise mismatch("frame range", found, expected, message, option)


class ValidateFrameRate(ShotValueValidator):
    """Check that the rate is the shot's or the requested one."""

    label = "Frame rate"
    repair_label = "Give the scene the shot's frame rate"
    value = "fps"

    def process(self, instance: Instance) -> None:
        """Raise ValueMismatch for another rate, and for a movie with a variable rate."""
        expected, found, info = self.expected(instance), slots.CLIP.get(instance).fps, slots.MOVIE_INFO.find(instance)
        if info is not None and not info.is_constant_rate:
            raise variable_rate(Path(slots.SOURCE.get(instance).text))
        if expected is not None and found != expected:
            rates = [f"{float(rate):.6g} fps" for rate in (found, expected)]
            message = ""
            if info is not None:
                asked = "" if slots.REQUEST.get(instance.context).fps else f", and the shot at {rates[1]}"
                message = f"The movie runs at {rates[0]}{asked}; movies are not retimed. Export it again."
            raise mismatch("frame rate", rates[0], rates[1], message, f"fps {float(found):.6g}")


class ValidateResolution(ShotValueValidator):
    """Check that the resolution is the shot's or the requested one."""

    label = "Resolution"
    repair_label = "Give the scene the shot's resolution"
    value = "resolution"

    def process(self, instance: Instance) -> None:
        """Raise ValueMismatch for another resolution."""
        expected, found = self.expected(instance), slots.CLIP.get(instance).resolution
        if expected is not None and found != expected:
            is_camera, message = slots.SOURCE.get(instance).kind == "camera", ""
            if not is_camera and slots.REQUEST.get(instance.context).resolution:
                message = f"The images are {found}; expected {expected}. They are checked and not scaled."
            elif not is_camera:
                message = f"The images are {found}; the shot wants {expected}."
            raise mismatch("resolution", found, expected, message, f"resolution {found}")


def mismatch(what: str, found: object, expected: object, message: str, option: str) -> errors.ValueMismatch:
    """Return the error for a value that this option accepts, by default with the usual message."""
    remedy = "Change it."
    return errors.ValueMismatch(what, found=found, expected=expected, remedy=remedy, message=message, option=option)


def configure(
    instance: Instance,
    frame_range: frames.FrameRange | None = None,
    fps: Fraction | None = None,
    resolution: frames.Resolution | None = None,
) -> None:
    """Change these settings of the source's scene, without saving it, and update SCENE and the cameras' CLIP."""
    context, source = instance.context, slots.SOURCE.get(instance).text
    scene, host = slots.SCENE.get(context).of(source), find_host_of(slots.HOST.get(context), source)
    wanted = (frame_range or scene.frame_range, fps or scene.fps, resolution or scene.resolution)
    host.run_in_main_thread(lambda: host.configure(*wanted))
    collect.CollectScene().process(context)
    for each in context:
        found = slots.SOURCE.find(each)
        if found is not None and found.kind == "camera":
            collect_sources.CollectCamera().process(each)


class ValidatePermission(ContextPlugin):
    """Check that the user may create the entities of a publish."""

    order = VALIDATOR
    label = "Permission"

    def process(self, context: Context) -> None:
        """Raise PermissionDeniedError; servers without this action report it when the version is registered."""
        session, task = slots.SESSION.get(context), slots.TASK.get(context)
        # Permissions can differ between projects, so the server needs the parents.
        wanted: dict[str, dict[str, str]] = {
            "Asset": {"context_id": task.parent_id},
            "AssetVersion": {"task_id": task.id} if task.is_task else {},
            "FileComponent": {},
        }
        if reviews := slots.REVIEWS.get(context):
            wanted["ReviewSessionObject"] = {"review_session_id": reviews[0].id}
        if lists := slots.LISTS.find(context):
            wanted["ListObject"] = {"list_id": lists[0].id}
        calls = [
            {"action": "permissions", "entity_type": entity_type, **({"entity_data": data} if data else {})}
            for entity_type, data in wanted.items()
        ]
        try:
            answers = [answer.get("data") for answer in session.call(calls)]
        except errors.AuthenticationError:
            raise
        except errors.ServerError:
            return
        denied = [name for name, may in zip(wanted, answers) if isinstance(may, list) and "create" not in may]
        if denied:
            raise errors.PermissionDeniedError(
                f"{session.api_user} may not create {', '.join(denied)} on {session.server_url}. "
                f"Ask the administrator for the right to publish in {task.names[0]}."
            )


class ValidateDisk(ContextPlugin):
    """Check that the job folder is writable and has enough space."""

    order = VALIDATOR
    label = "Disk"

    def process(self, context: Context) -> None:
        """Raise StorageError if the folder cannot be written or is too full."""
        folder = slots.JOB.get(context).folder
        needed = sum(map(_bytes_needed, context))
        with folder_errors(f"The job folder {folder} cannot be written"):
            with temporary_file(parent=folder) as file:
                file.write(b"\0" * 4096)
            free = shutil.disk_usage(folder).free
        if free < needed:
            unit, name = (2**20, "MiB") if free >= 100 * 2**20 else (2**10, "KiB")
            sizes = [f"{-(-size // unit):,} {name}" for size in (free, needed)]
            raise errors.StorageError(
                f"{folder} has {sizes[0]} free, this publish needs {sizes[1]}. Free space, or set {source_of('jobs')}."
            )


def _bytes_needed(instance: Instance) -> int:
    """Return an estimate: frames and movies at a tenth of their pixels, images, a movie of its source's size, scene."""
    # Frames of a playblast take a hundredth to a tenth of their pixels; a disk that fills up ends the capture.
    clip, source, scene = slots.CLIP.find(instance), slots.SOURCE.find(instance), slots.SCENE.find(instance.context)
    needed = 0
    if clip is not None and source is not None:
        pixels = len(clip.frame_range.with_handles) * clip.resolution.width * clip.resolution.height * 3
        if source.kind in ("film", "image"):
            needed = max(pixels // 10, Path(source.text).stat().st_size)
        else:
            needed = pixels // 10 * (2 if source.kind == "camera" else 1)
        needed += pixels * sum(bool(output.image_suffix) for output in encode_source.outputs_of(instance))
    if scene is not None and scene.path is not None and slots.REQUEST.get(instance.context).include_scene:
        # Another check reports a file that is missing.
        with contextlib.suppress(OSError):
            needed += scene.path.stat().st_size
    return needed


class SavesScene(InstancePlugin):
    """Repairs a scene with unsaved changes: saves the file in place."""

    can_select = False

    def can_repair(self, instance: Instance) -> bool:
        """Return whether the file has a name; only the artist can choose one."""
        scene = slots.SCENE.find(instance.context)
        return scene is not None and scene.path is not None

    def repair(self, instance: Instance) -> None:
        """Save the file in place."""
        host = slots.HOST.get(instance.context)
        host.run_in_main_thread(host.save)
        collect.CollectScene().process(instance.context)


class ValidateSaved(SavesScene):
    """Check that the open file is saved; a host's plugin sets ``document``, its program's term for the file."""

    # After the other checks, since their repairs change the scene.
    order = VALIDATOR + 0.4
    families: ClassVar[list[str]] = ["camera"]
    document: ClassVar[str]

    def process(self, instance: Instance) -> None:
        """Raise UserFixableError for a scene that was never saved, or has unsaved changes."""
        scene = slots.SCENE.get(instance.context)
        if scene.path is None:
            raise errors.UserFixableError(f"The {self.document} has never been saved. Save it under a name first.")
        if scene.is_modified:
            raise errors.UserFixableError(f"{scene.path.name} has unsaved changes. Save it.")


class ValidateSceneFile(SavesScene):
    """Check that a scene file which becomes part of the version is the scene that is captured."""

    order = VALIDATOR
    label = "Scene file"
    families: ClassVar[list[str]] = [REVIEW]
    repair_families: ClassVar[list[str]] = ["camera"]
    repair_label = "Save the scene"

    def process(self, instance: Instance) -> None:
        """Raise UserFixableError for a file not open, unsaved or out of date; that of a render stops nothing."""
        request = slots.REQUEST.get(instance.context)
        if not request.include_scene or request.rendered_from:
            return
        remedy = "or publish without the scene file"
        if not encode_source.is_from_scene(instance):
            name = slots.SOURCE.get(instance).name
            raise errors.UserFixableError(f"{name} does not come from an open scene. Publish without the scene file.")
        scene = slots.SCENE.get(instance.context)
        if scene.path is None:
            raise errors.UserFixableError(f"The scene has never been saved. Save it under a name, {remedy}.")
        if scene.is_modified:
            raise errors.UserFixableError(
                f"{scene.path.name} has unsaved changes, which the version would not contain. Save it, {remedy}."
            )
