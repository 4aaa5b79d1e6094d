"""The operators that open the scene of a version, and that show its movie for comparison."""

# Blender reads the annotations of a class as its properties, so they cannot be postponed.
from collections.abc import Callable
from pathlib import Path
from typing import Any, Optional

import bpy

from ft_dcc.errors import Error
from ft_dcc.review.notes import ReviewedVersion

from ..host import BlenderHost
from ..scene import compare
from .controller import CONTROLLER
from .panel import draw_lines

_POLL_INTERVAL_SECONDS = 0.2
_TIMEOUT_SECONDS = 24 * 3600
_SKIP_SAVE = {"SKIP_SAVE", "HIDDEN"}


class OpenVersionScene(bpy.types.Operator):
    """Download the scene file of the version and open it"""

    bl_idname = "ft_dcc.open_version_scene"
    bl_label = "Open the Scene of This Version"

    version_id: bpy.props.StringProperty(options=_SKIP_SAVE)
    directory: bpy.props.StringProperty(name="Folder", subtype="DIR_PATH", options={"SKIP_SAVE"})
    discard_changes: bpy.props.BoolProperty(name="Discard the unsaved changes", options={"SKIP_SAVE"})

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Ask for the folder, and what to do with unsaved changes."""
        self.directory = self.directory or str(Path(bpy.data.filepath).parent if bpy.data.filepath else Path.home())
        found: set[str] = context.window_manager.invoke_props_dialog(self, width=400)
        return found

    def draw(self, context: Any) -> None:
        """Draw the question."""
        self.layout.prop(self, "directory")
        if bpy.data.is_dirty:
            self.layout.label(text="This file has unsaved changes.", icon="ERROR")
            self.layout.prop(self, "discard_changes")

    def execute(self, context: Any) -> set[str]:
        """Start the download; the file is opened when it is complete. Without a window, wait."""
        if CONTROLLER.session is None:
            self.report({"ERROR"}, "You are not signed in. Sign in first.")
            return {"CANCELLED"}
        if bpy.data.is_dirty and not self.discard_changes:
            self.report({"ERROR"}, "This file has unsaved changes. Save it first, or choose to discard them.")
            return {"CANCELLED"}
        may_discard = bool(self.discard_changes)
        CONTROLLER.version_files.fetch(CONTROLLER.session, self.version_id, Path(bpy.path.abspath(self.directory)))
        return _when_fetched(self, lambda path: _open(path, may_discard=may_discard))


class CompareWithVersion(bpy.types.Operator):
    """Show the movie of the version half transparent in front of the camera"""

    bl_idname = "ft_dcc.compare_with"
    bl_label = "Compare With"

    version_id: bpy.props.StringProperty(options=_SKIP_SAVE)

    def execute(self, context: Any) -> set[str]:
        """Start the download; the movie is shown when it is complete."""
        version = next((each for each in CONTROLLER.feedback.versions if each.id == self.version_id), None)
        if CONTROLLER.session is None or version is None:
            self.report({"ERROR"}, "The version does not exist any more. Load the versions again.")
            return {"CANCELLED"}
        source = context.window_manager.ft_dcc.camera or None
        CONTROLLER.version_files.compare(CONTROLLER.session, BlenderHost(context.scene.name), version, source)
        return {"FINISHED"}


class StopComparing(bpy.types.Operator):
    """Remove the movie from the camera"""

    bl_idname = "ft_dcc.stop_comparing"
    bl_label = "Stop Comparing"

    def execute(self, context: Any) -> set[str]:
        """Start removing."""
        CONTROLLER.version_files.stop_comparing(BlenderHost(context.scene.name))
        return {"FINISHED"}


CLASSES = (OpenVersionScene, CompareWithVersion, StopComparing)


def draw_version_buttons(layout: Any, version: ReviewedVersion) -> None:
    """Draw the buttons of one version."""
    row = layout.row(align=True)
    row.operator("ft_dcc.open_version_scene", text="Open Scene", icon="FILE_BLEND").version_id = version.id
    row.operator("ft_dcc.compare_with", text="Compare", icon="IMAGE_REFERENCE").version_id = version.id


def draw_download(layout: Any) -> None:
    """Draw the state of the download, and the button that ends a comparison."""
    files = CONTROLLER.version_files
    if files.is_loading:
        layout.label(text="Downloading…", icon="TIME")
    for text in (files.error, *files.problems):
        if text:
            draw_lines(layout.box(), text, "ERROR")
    if compare.is_shown():
        layout.operator("ft_dcc.stop_comparing", icon="X")


def _when_fetched(operator: Any, use: Callable[[Path], str]) -> set[str]:
    """Call the function with the file when it is there; without a window, wait for it and report its error."""
    if not bpy.app.background:
        bpy.app.timers.register(lambda: _use_if_fetched(use), first_interval=_POLL_INTERVAL_SECONDS)
        return {"FINISHED"}
    CONTROLLER.version_files.wait(_TIMEOUT_SECONDS)
    _use_if_fetched(use)
    if CONTROLLER.version_files.error:
        operator.report({"ERROR"}, CONTROLLER.version_files.error)
        return {"CANCELLED"}
    return {"FINISHED"}


def _use_if_fetched(use: Callable[[Path], str]) -> Optional[float]:
    files = CONTROLLER.version_files
    if files.is_loading:
        return _POLL_INTERVAL_SECONDS
    if files.path is not None:
        files.error = use(files.path)
    return None


def _open(path: Path, *, may_discard: bool) -> str:
    """Open the file, and return a sentence if that is not possible."""
    try:
        BlenderHost().open_scene_file(path, discard_changes=may_discard)
    except Error as error:
        return str(error)
    return ""
