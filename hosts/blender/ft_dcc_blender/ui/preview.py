"""The operators that capture and encode a movie, play it, and then send or delete it."""

# Blender reads the annotations of a class as its properties, so they cannot be postponed.
from pathlib import Path
from typing import Any

import bpy

from .controller import CONTROLLER
from .operators import publish, wait_for_result


class Preview(bpy.types.Operator):
    """Capture and encode the movie without sending it, to look at it before it is published"""

    bl_idname = "ft_dcc.preview"
    bl_label = "Preview"

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Return whether the artist is signed in and nothing runs."""
        return CONTROLLER.session is not None and not CONTROLLER.is_busy

    def execute(self, context: Any) -> set[str]:
        """Start; without a window, wait."""
        return publish(self, context, is_previewed=True)


class PlayPreview(bpy.types.Operator):
    """Play the movie with the program that the system uses for movies"""

    bl_idname = "ft_dcc.play_preview"
    bl_label = "Play"

    index: bpy.props.IntProperty(options={"SKIP_SAVE", "HIDDEN"})

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Return whether there is a movie."""
        return bool(CONTROLLER.previews)

    def execute(self, context: Any) -> set[str]:
        """Open the file."""
        path = CONTROLLER.previews[self.index] if self.index < len(CONTROLLER.previews) else Path()
        if not path.is_file():
            self.report({"ERROR"}, "The movie does not exist any more. Make the preview again.")
            return {"CANCELLED"}
        return bpy.ops.wm.path_open(filepath=str(path))


class SendPreview(bpy.types.Operator):
    """Publish exactly this movie"""

    bl_idname = "ft_dcc.send_preview"
    bl_label = "Send"

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Return whether there is a movie and nothing runs."""
        return bool(CONTROLLER.previews) and not CONTROLLER.is_busy

    def execute(self, context: Any) -> set[str]:
        """Start the upload; without a window, wait."""
        CONTROLLER.send_preview()
        return wait_for_result(self) if bpy.app.background else {"FINISHED"}


class DropPreview(bpy.types.Operator):
    """Delete the movie; nothing was sent"""

    bl_idname = "ft_dcc.drop_preview"
    bl_label = "Drop"

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Return whether there is a movie and nothing runs."""
        return bool(CONTROLLER.previews) and not CONTROLLER.is_busy

    def execute(self, context: Any) -> set[str]:
        """Delete it."""
        CONTROLLER.discard_preview()
        return {"FINISHED"}


def draw_previews(layout: Any) -> None:
    """Draw the movies that wait for a decision, and its buttons."""
    if not CONTROLLER.previews:
        return
    box = layout.box()
    for index, path in enumerate(CONTROLLER.previews):
        box.operator("ft_dcc.play_preview", icon="PLAY", text=f"Play {path.stem}").index = index
    row = box.row(align=True)
    row.operator("ft_dcc.send_preview", icon="EXPORT")
    row.operator("ft_dcc.drop_preview", icon="TRASH")


CLASSES = (Preview, PlayPreview, SendPreview, DropPreview)
