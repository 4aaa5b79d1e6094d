"""Validators: find what would fail later. They change nothing, and all of them run."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

from ft_dcc import errors, frames
from ft_dcc.files.atomic import write_remedy
from ft_dcc.host import find_host_of
from ft_dcc.media import variable_rate
from ft_dcc.publish import scene_origin, slots
from ft_dcc.publish.pipeline.pyblish_adapter import REVIEW, VALIDATOR, Context, ContextPlugin, Instance, InstancePlugin
from ft_dcc.publish.plugins import collect, collect_sources


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
        pattern = slots.SOURCE.get(instance).text
        wanted = self._wanted_files(instance)
        # Only the files matter here: the rate and the size of the sequence may be unknown yet.
        missing = frames.Frames(pattern, wanted, Fraction(1), frames.Resolution(1, 1)).missing()
        if slots.REQUEST.get(instance.context).fill_missing and len(missing) < len(wanted.with_handles):
            return
        if missing:
            present = tuple(set(wanted.with_handles).difference(missing))
            raise errors.FramesMissing(
                f"{len(missing)} of {len(wanted.with_handles)} frames of {pattern} are missing or empty: "
                f"{frames.format_ranges(missing)}. Render them again, publish another range, or publish with "
                "--fill-missing.",
                missing,
                found=frames.format_ranges(present) or "none",
                expected=str(wanted.with_handles),
            )

    def _wanted_files(self, instance: Instance) -> frames.FrameRange:
        """Return the numbers of the files that are wanted."""
        source = slots.SOURCE.get(instance)
        requested = slots.REQUEST.get(instance.context).frame_range
        return requested or source.frame_range or frames.find_frames(source.text)


class ShotValueValidator(InstancePlugin):
    """Compares one value of the clip with the requested one or the shot's; a camera's scene can be repaired.

    ``value`` is the attribute's name in the request, in the shot and in ``configure``.
    """

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
            message, remedy = "", "Change it, or pass --frames."
            if slots.SOURCE.get(instance).kind != "camera":
                wants = "--frames asks for" if slots.REQUEST.get(instance.context).frame_range else "the shot wants"
                fix = f"Render the rest, or add --frames {found}."
                if found.start <= expected.start and expected.end <= found.end:
                    is_movie = slots.SOURCE.get(instance).kind == "film"
                    fix = "Export only these, or add" if is_movie else f"Add --frames {expected}, or for all of them"
                    fix += f" --frames {found}."
                message = f"The source has {found}; {wants} {expected}. {fix}"
            raise errors.ValueMismatch("frame range", found=found, expected=expected, remedy=remedy, message=message)


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
                message = (
                    f"The movie runs at {rates[0]}{asked}; movies are not retimed. Use --fps {float(found):.6g}, or "
                    "export it again."
                )
            remedy = "Change it, or pass --fps."
            raise errors.ValueMismatch("frame rate", found=rates[0], expected=rates[1], remedy=remedy, message=message)


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
                message = f"The images are {found}; expected {expected}. --resolution checks and does not scale."
            elif not is_camera:
                message = f"The images are {found}; the shot wants {expected}. Add --resolution {found}."
            remedy = "Change it, or pass --resolution."
            raise errors.ValueMismatch("resolution", found=found, expected=expected, remedy=remedy, message=message)


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
            "AssetVersion": {"task_id": task.id},
            "FileComponent": {},
        }
        if reviews := slots.REVIEWS.get(context):
            wanted["ReviewSessionObject"] = {"review_session_id": reviews[0].id}
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
        needed = sum(_bytes_needed(instance) + _scene_size(instance) for instance in context)
        try:
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(b"\0" * 4096)
            free = shutil.disk_usage(folder).free
        except OSError as error:
            raise errors.StorageError(
                f"The job folder {folder} cannot be written: {error.strerror}. "
                + write_remedy(error, "Choose a writable folder with FT_DCC_JOBS.")
            ) from error
        if free < needed:
            raise errors.StorageError(
                f"{folder} has {_mib(free)} free, this publish needs {_mib(needed)}. Free space, or set FT_DCC_JOBS."
            )


def _bytes_needed(instance: Instance) -> int:
    """Return an estimate: frames and a movie at a tenth of their pixels each, or a movie at the size of its source.

    Frames of a playblast take a hundredth to a tenth of their pixels; a disk that fills up ends the capture.
    """
    clip, source = slots.CLIP.find(instance), slots.SOURCE.find(instance)
    if clip is None or source is None:
        return 0
    pixels = len(clip.frame_range.with_handles) * clip.resolution.width * clip.resolution.height * 3
    if source.kind in ("film", "image"):
        return max(pixels // 10, Path(source.text).stat().st_size)
    return pixels // 10 * (2 if source.kind == "camera" else 1)


def _scene_size(instance: Instance) -> int:
    """Return the size of the scene file if it will be copied; 0 if there is none, which another check reports."""
    scene = slots.SCENE.find(instance.context)
    if scene is None or scene.path is None or not slots.REQUEST.get(instance.context).include_scene:
        return 0
    with contextlib.suppress(OSError):
        return scene.path.stat().st_size
    return 0


def _mib(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB"


class ValidateSaved(InstancePlugin):
    """Check that the open file is saved, so that the version can be traced to it.

    A host's plugin derives from it and sets ``document``, its program's term for the file.
    """

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

    def can_repair(self, instance: Instance) -> bool:
        """Return whether the file has a name; only the artist can choose one."""
        scene = slots.SCENE.find(instance.context)
        return scene is not None and scene.path is not None

    def repair(self, instance: Instance) -> None:
        """Save the file in place."""
        host = slots.HOST.get(instance.context)
        host.run_in_main_thread(host.save)
        collect.CollectScene().process(instance.context)


class ValidateSceneFile(InstancePlugin):
    """Check that a scene file which becomes part of the version is the scene that is captured."""

    order = VALIDATOR
    label = "Scene file"
    families: ClassVar[list[str]] = [REVIEW]
    repair_families: ClassVar[list[str]] = ["camera"]
    repair_label = "Save the scene"

    def process(self, instance: Instance) -> None:
        """Raise UserFixableError for a file that is requested and not open, was never saved, or is out of date.

        The file of a finished render is attached if it is still the same, and stops nothing.
        """
        request = slots.REQUEST.get(instance.context)
        if not request.include_scene or request.rendered_from:
            return
        remedy = "or publish without the scene file"
        if not scene_origin.is_from_scene(instance):
            name = slots.SOURCE.get(instance).name
            raise errors.UserFixableError(f"{name} does not come from an open scene. Publish without the scene file.")
        scene = slots.SCENE.get(instance.context)
        if scene.path is None:
            raise errors.UserFixableError(f"The scene has never been saved. Save it under a name, {remedy}.")
        if scene.is_modified:
            raise errors.UserFixableError(
                f"{scene.path.name} has unsaved changes, which the version would not contain. Save it, {remedy}."
            )

    def can_repair(self, instance: Instance) -> bool:
        """Return whether the file has a name; only the artist can choose one."""
        scene = slots.SCENE.find(instance.context)
        return scene is not None and scene.path is not None

    def repair(self, instance: Instance) -> None:
        """Save the file in place."""
        host = slots.HOST.get(instance.context)
        host.run_in_main_thread(host.save)
        collect.CollectScene().process(instance.context)
