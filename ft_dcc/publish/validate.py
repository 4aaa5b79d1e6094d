"""Validators: whatever would fail later is found now. They change nothing, and all of them run."""

from __future__ import annotations

import shutil
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

from ft_dcc.errors import (
    AuthenticationError,
    CameraMissing,
    DiskUnusable,
    FramesMissing,
    Invalid,
    PermissionDeniedError,
    ServerError,
)
from ft_dcc.frames import FrameRange, Frames, Resolution, find_frames, ranges
from ft_dcc.media import display, ffmpeg
from ft_dcc.publish.collect import CollectScene
from ft_dcc.publish.collect_sources import CollectCamera
from ft_dcc.publish.engine import VALIDATOR, Context, ContextPlugin, Instance, InstancePlugin
from ft_dcc.publish.films import colour_of, sounds_of
from ft_dcc.publish.slots import CLIP, ENCODER, FACTS, HOST, JOB, REQUEST, REVIEWS, SCENE, SESSION, SHOT, SOURCE, TASK


class ValidateCamera(InstancePlugin):
    """The camera is in the scene."""

    order = VALIDATOR
    label = "Camera"
    families: ClassVar[list[str]] = ["camera"]

    def process(self, instance: Instance) -> None:
        """Raise CameraMissing, naming the cameras that there are."""
        name, cameras = SOURCE.get(instance).text, SCENE.get(instance.context).sources
        if name not in cameras:
            there = f"It has {', '.join(cameras)}." if cameras else "It has no camera at all."
            raise CameraMissing(f"The scene has no camera called {name}. {there}")


class ValidateFrames(InstancePlugin):
    """No frame of the sequence is missing or empty, or those that are may be filled."""

    order = VALIDATOR
    label = "Missing frames"
    families: ClassVar[list[str]] = ["frames"]

    def process(self, instance: Instance) -> None:
        """Raise FramesMissing, naming each."""
        pattern = SOURCE.get(instance).text
        wanted = REQUEST.get(instance.context).frame_range or SOURCE.get(instance).frame_range or find_frames(pattern)
        # Only the files count here; a sequence whose rate is not known yet can have gaps, too.
        missing = Frames(pattern, wanted, Fraction(1), Resolution(1, 1)).missing()
        if REQUEST.get(instance.context).is_filling and len(missing) < len(wanted.with_handles):
            return
        if missing:
            raise FramesMissing(
                f"{len(missing)} of {len(wanted.with_handles)} frames of {pattern} are missing or empty: "
                f"{ranges(missing)}. Render them again, publish another range, or have them filled: --fill-missing.",
                missing,
            )


class ValidateFrameRange(InstancePlugin):
    """The film covers the shot, with or without its handles, or what was asked for."""

    order = VALIDATOR
    label = "Frame range"
    families: ClassVar[list[str]] = ["camera", "frames", "film"]

    repair_families: ClassVar[list[str]] = ["camera"]
    repair_label = "Give the scene the shot's frame range"

    def process(self, instance: Instance) -> None:
        """Raise Invalid for a range that begins or ends elsewhere."""
        wanted, found = self._wanted(instance), CLIP.get(instance).frame_range.with_handles
        # A step leaves pictures out, and covers the shot all the same.
        ends = [] if wanted is None else [(one.start, one.end) for one in (wanted, wanted.with_handles)]
        if wanted is None or (found.start, found.end) in ends:
            return
        raise Invalid("frame range", found=found, wanted=wanted, remedy="Set it right, or give the frames.")

    def repair(self, instance: Instance) -> None:
        """The scene has the range that is wanted."""
        configure(instance.context, frame_range=self._wanted(instance))

    def _wanted(self, instance: Instance) -> FrameRange | None:
        return REQUEST.get(instance.context).frame_range or SHOT.get(instance.context).frame_range


class ValidateFrameRate(InstancePlugin):
    """The rate is the shot's, or what was asked for."""

    order = VALIDATOR
    label = "Frame rate"
    families: ClassVar[list[str]] = ["camera", "frames", "film"]

    repair_families: ClassVar[list[str]] = ["camera"]
    repair_label = "Give the scene the shot's frame rate"

    def process(self, instance: Instance) -> None:
        """Raise Invalid for another rate, and for a film that has no constant one."""
        wanted, found, facts = self._wanted(instance), CLIP.get(instance).fps, FACTS.find(instance)
        if facts is not None and not facts.is_constant_rate:
            raise Invalid("frame rate", found="not constant", wanted="one rate", remedy="Export it at a constant rate.")
        if wanted is not None and found != wanted:
            raise Invalid(
                "frame rate", found=_fps(found), wanted=_fps(wanted), remedy="Set it right, or give the rate."
            )

    def repair(self, instance: Instance) -> None:
        """The scene has the rate that is wanted."""
        configure(instance.context, fps=self._wanted(instance))

    def _wanted(self, instance: Instance) -> Fraction | None:
        return REQUEST.get(instance.context).fps or SHOT.get(instance.context).fps


def _fps(rate: Fraction) -> str:
    return f"{float(rate):.6g} fps"


class ValidateResolution(InstancePlugin):
    """The size is the shot's, or what was asked for."""

    order = VALIDATOR
    label = "Resolution"
    families: ClassVar[list[str]] = ["camera", "frames", "film"]

    repair_families: ClassVar[list[str]] = ["camera"]
    repair_label = "Give the scene the shot's resolution"

    def process(self, instance: Instance) -> None:
        """Raise Invalid for another size."""
        wanted, found = self._wanted(instance), CLIP.get(instance).resolution
        if wanted is not None and found != wanted:
            raise Invalid("resolution", found=found, wanted=wanted, remedy="Set it right, or give the resolution.")

    def repair(self, instance: Instance) -> None:
        """The scene has the size that is wanted."""
        configure(instance.context, resolution=self._wanted(instance))

    def _wanted(self, instance: Instance) -> Resolution | None:
        return REQUEST.get(instance.context).resolution or SHOT.get(instance.context).resolution


def configure(
    context: Context,
    frame_range: FrameRange | None = None,
    fps: Fraction | None = None,
    resolution: Resolution | None = None,
) -> None:
    """The open scene has these settings, is not saved, and SCENE and every camera's CLIP say so."""
    host, scene = HOST.get(context), SCENE.get(context)
    wanted = (frame_range or scene.frame_range, fps or scene.fps, resolution or scene.resolution)
    host.run_in_main_thread(lambda: host.configure(*wanted))
    CollectScene().process(context)
    for instance in context:
        source = SOURCE.find(instance)
        if source is not None and source.kind == "camera":
            CollectCamera().process(instance)


class ValidateSound(InstancePlugin):
    """What is heard in the scene, or was asked for, can be heard in the film."""

    order = VALIDATOR
    label = "Sound"
    families: ClassVar[list[str]] = ["camera", "frames", "film"]

    def process(self, instance: Instance) -> None:
        """Raise Unpublishable for a sound that is not there or cannot be read."""
        for sound in sounds_of(instance):
            sound.refuse_unreadable()


class ValidateColour(InstancePlugin):
    """The colours that the frames are said to have can be shown."""

    order = VALIDATOR
    label = "Colour"
    families: ClassVar[list[str]] = ["frames", "image"]

    def process(self, instance: Instance) -> None:
        """Raise SettingInvalid for a config or a name that there is none of, ExtraMissing where nothing converts."""
        display.converter(Path(SOURCE.get(instance).text).suffix, colour_of(instance))


class ValidatePermission(ContextPlugin):
    """The user may make what a publish makes."""

    order = VALIDATOR
    label = "Permission"

    def process(self, context: Context) -> None:
        """Raise PermissionDeniedError; a server that does not tell says it when the version is registered."""
        session, task = SESSION.get(context), TASK.get(context)
        # What a user may do can differ from project to project, so the server is told where it would be.
        wanted: dict[str, dict[str, str]] = {
            "Asset": {"context_id": task.parent_id},
            "AssetVersion": {"task_id": task.id},
            "FileComponent": {},
        }
        if reviews := REVIEWS.get(context):
            wanted["ReviewSessionObject"] = {"review_session_id": reviews[0].id}
        questions = [
            {"action": "permissions", "entity_type": entity_type, **({"entity_data": data} if data else {})}
            for entity_type, data in wanted.items()
        ]
        try:
            answers = [answer.get("data") for answer in session.call(questions)]
        except AuthenticationError:
            raise
        except ServerError:
            return
        denied = [name for name, may in zip(wanted, answers) if isinstance(may, list) and "create" not in may]
        if denied:
            raise PermissionDeniedError(
                f"{session.api_user} may not create {', '.join(denied)} on {session.server_url}. "
                f"Ask whoever looks after the server for the right to publish in {task.names[0]}."
            )


class ValidateEncoder(ContextPlugin):
    """There is an ffmpeg, and it runs."""

    order = VALIDATOR
    label = "Encoder"

    def process(self, context: Context) -> None:
        """ENCODER holds ffmpeg's version; raises ExtraMissing, SettingInvalid or EncodeFailed."""
        ENCODER.set(context, ffmpeg.version())


class ValidateDisk(ContextPlugin):
    """The job folder can be written and has room for all that is to be made."""

    order = VALIDATOR
    label = "Disk"

    def process(self, context: Context) -> None:
        """Raise DiskUnusable where nothing can be written, or not all of it."""
        folder = JOB.get(context).folder
        needed = sum(_bytes_needed(instance) for instance in context)
        try:
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(b"\0" * 4096)
            free = shutil.disk_usage(folder).free
        except OSError as error:
            raise DiskUnusable(
                f"The job folder {folder} cannot be written: {error.strerror}. Set FT_DCC_JOBS."
            ) from error
        if free < needed:
            raise DiskUnusable(
                f"{folder} has {_mib(free)} free, this publish needs {_mib(needed)}. Free space, or set FT_DCC_JOBS."
            )


def _bytes_needed(instance: Instance) -> int:
    """An upper bound: frames as pixels without compression, a film at a tenth of that or as large as its source."""
    clip, source = CLIP.find(instance), SOURCE.find(instance)
    if clip is None or source is None:
        return 0
    pixels = len(clip.frame_range.with_handles) * clip.resolution.width * clip.resolution.height * 3
    if source.kind in ("film", "image"):
        return max(pixels // 10, Path(source.text).stat().st_size)
    return pixels // 10 + (pixels if source.kind == "camera" else 0)


def _mib(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB"
