"""Checks that only Blender can make: what would be missing or different in the image. They change nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from ft_dcc.errors import UserFixableError
from ft_dcc.publish.pipeline.pyblish_adapter import VALIDATOR, Context, ContextPlugin, Instance, InstancePlugin
from ft_dcc.publish.slots import CLIP, HOST, REQUEST, SOURCE


class ValidateCompleteness(ContextPlugin):
    """Check that the files that the scene needs exist, and that its drivers work."""

    order = VALIDATOR
    label = "Complete scene"

    def process(self, context: Context) -> None:
        """Raise UserFixableError with everything that is missing, unless the request allows that."""
        if REQUEST.get(context).allow_incomplete:
            return
        captures = list(_captures(context))
        if not captures:
            return
        host: Any = HOST.get(context)
        has_sound = REQUEST.get(context).scene_sound
        sentences = host.run_in_main_thread(lambda: host.find_incomplete(captures, has_sound=has_sound))
        if sentences:
            raise UserFixableError(f"{' '.join(sentences)} Or publish anyway.")


class ValidateCameraType(InstancePlugin):
    """Check that a playblast can show the camera's projection."""

    order = VALIDATOR
    label = "Camera type"
    families: ClassVar[list[str]] = ["camera"]

    def process(self, instance: Instance) -> None:
        """Raise UserFixableError for a panoramic camera that only Cycles renders as one."""
        request, name = REQUEST.get(instance.context), SOURCE.get(instance).text
        is_rendered = dict(request.look).get("shading") == "RENDERED"
        if request.allow_incomplete:
            return
        is_cycles, panoramic = HOST.get(instance.context).run_in_main_thread(
            lambda: _panoramic_cameras(*_find_source(instance.context, name))
        )
        if panoramic and not (is_rendered and is_cycles):
            raise UserFixableError(
                f"{', '.join(panoramic)} is panoramic, which only Cycles draws. Choose the shading Rendered with the "
                "engine Cycles, or publish anyway as a perspective view."
            )


def _find_source(context: Context, source: str) -> tuple[Any, str]:
    host: Any = HOST.get(context)
    found: tuple[Any, str] = host.find_source(source)
    return found


def _captures(context: Context) -> Iterator[tuple[str, list[int]]]:
    """Yield each source that Blender captures, with the captured frames."""
    for instance in context:
        source, clip = SOURCE.find(instance), CLIP.find(instance)
        if source is not None and source.kind == "camera":
            # Without a clip another check reports why.
            yield source.text, list(clip.frame_range.with_handles) if clip is not None else []


def _panoramic_cameras(scene: Any, source: str) -> tuple[bool, list[str]]:
    """Return whether the engine is Cycles, and the panoramic cameras of the source."""
    bound = [marker.camera for marker in scene.timeline_markers if marker.camera]
    named = [item for item in scene.objects if item.name_full == source]
    cameras = {item.name_full: item for item in named or bound if item.type == "CAMERA"}
    panoramic = [name for name, camera in cameras.items() if camera.data.type == "PANO"]
    return scene.render.engine == "CYCLES", panoramic
