"""Checks that only Blender can make: what would be missing or different in the image. They change nothing."""

from __future__ import annotations

from typing import Any, ClassVar

from ft_dcc.errors import UserFixableError
from ft_dcc.publish.pipeline.pyblish_adapter import VALIDATOR, Context, ContextPlugin, Instance, InstancePlugin
from ft_dcc.publish.slots import CLIP, HOST, LOOK, REQUEST, SOURCE


class ValidateCompleteness(ContextPlugin):
    """Check that the files that the scene needs exist, and that its drivers work."""

    order = VALIDATOR
    label = "Complete scene"

    def process(self, context: Context) -> None:
        """Raise UserFixableError with everything that is missing, unless the request allows that."""
        if REQUEST.get(context).allow_incomplete:
            return
        captures = []
        for instance in context:
            source, clip = SOURCE.find(instance), CLIP.find(instance)
            if source is not None and source.kind == "camera":
                # Without a clip another check reports why.
                captures.append((source.text, [] if clip is None else list(clip.frame_range.with_handles)))
        if not captures:
            return
        host: Any = HOST.get(context)
        has_sound = REQUEST.get(context).scene_sound
        sentences = host.run_in_main_thread(lambda: host.completeness_warnings(captures, has_sound=has_sound))
        if sentences:
            raise UserFixableError(f"{' '.join(sentences)} Or publish anyway.")


class ValidateCameraType(InstancePlugin):
    """Check that a playblast can show the camera's projection."""

    order = VALIDATOR
    label = "Camera type"
    families: ClassVar[list[str]] = ["camera"]

    def process(self, instance: Instance) -> None:
        """Raise UserFixableError for a panoramic camera that only Cycles renders as one."""
        request = REQUEST.get(instance.context)
        host: Any = HOST.get(instance.context)
        if request.allow_incomplete:
            return

        def find_panoramic() -> tuple[bool, list[str]]:
            """Return whether the engine is Cycles, and the panoramic cameras of the source."""
            scene, source = host.find_source(SOURCE.get(instance).text)
            bound = [marker.camera for marker in scene.timeline_markers if marker.camera]
            named = [item for item in scene.objects if item.name_full == source]
            cameras = {item.name_full: item for item in named or bound if item.type == "CAMERA"}
            panoramic = [name for name, camera in cameras.items() if camera.data.type == "PANO"]
            return scene.render.engine == "CYCLES", panoramic

        is_cycles, panoramic = host.run_in_main_thread(find_panoramic)
        shading = str(LOOK.get(instance.context).get("shading")).upper()
        if panoramic and not (is_cycles and shading == "RENDERED"):
            raise UserFixableError(
                f"{', '.join(panoramic)} is panoramic, which only Cycles draws. Choose the shading Rendered with the "
                "engine Cycles, or publish anyway as a perspective view."
            )
