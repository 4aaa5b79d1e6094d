"""The panel of the versions of the task, and the operators that open the scene of one and show its movie."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy

from ft_dcc.errors import Error
from ft_dcc.review.notes import ReviewedVersion
from ft_dcc.ui.background import error_message_of
from ft_dcc.ui.texts import verdict_texts

from ..host import BlenderHost
from ..scene import compare
from .controller import CONTROLLER
from .operator_class import hidden_text, operator, text_field
from .panel import TaskSidebar, draw_lines, draw_thumbnail, has_read_task

_MAX_VERSIONS = 8
_POLL_INTERVAL_SECONDS = 0.2
_TIMEOUT_SECONDS = 24 * 3600


class VersionsPanel(TaskSidebar, bpy.types.Panel):
    """Versions of the task"""

    bl_idname = "FTDCC_PT_versions"
    bl_label = "Versions"
    bl_parent_id = "FTDCC_PT_review"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 - Blender's way

    def draw(self, context: Any) -> None:
        """Draw the newest versions."""
        feedback, layout, is_loaded = CONTROLLER.feedback, self.layout, has_read_task(context)
        layout.operator("ft_dcc.read_notes", icon="FILE_REFRESH", text="Refresh" if is_loaded else "Load Versions")
        if not is_loaded:
            return
        _draw_download(layout)
        for version in feedback.versions[:_MAX_VERSIONS]:
            _draw_version(layout.box(), version)
        if not feedback.versions:
            layout.label(text="Loading…" if feedback.is_loading else "The task has no versions.")


def version_line(version: ReviewedVersion) -> str:
    """Return name, asset, status, date and artist of a version."""
    date = version.date and f"{version.date.astimezone():%Y-%m-%d %H:%M}"
    return "  ".join(filter(None, (version.name, version.asset, version.status, date, version.artist)))


def _draw_version(box: Any, version: ReviewedVersion) -> None:
    row = box.row()
    draw_thumbnail(row, version.thumbnail_id)
    column = row.column(align=True)
    draw_lines(column, version_line(version), "BLANK1")
    if verdicts := verdict_texts(version):
        draw_lines(column, ", ".join(verdicts), "CHECKMARK")
    row = box.row(align=True)
    row.operator("ft_dcc.open_version_scene", text="Open Scene", icon="FILE_BLEND").version_id = version.id
    row.operator("ft_dcc.compare_with", text="Compare", icon="IMAGE_REFERENCE").version_id = version.id


def _draw_download(layout: Any) -> None:
    """Draw the state of the download, and the button that ends a comparison."""
    files = CONTROLLER.version_files
    if files.is_loading:
        layout.label(text="Downloading…", icon="TIME")
    for text in filter(None, (files.error, *files.problems)):
        draw_lines(layout.box(), text, "ERROR")
    if compare.is_shown():
        layout.operator("ft_dcc.stop_comparing", icon="X")


def _ask_for_folder(operator: Any, context: Any) -> set[str]:
    """Ask for the folder, and what to do with unsaved changes."""
    folder = Path(bpy.data.filepath).parent if bpy.data.filepath else Path.home()
    operator.directory = operator.directory or str(folder)
    found: set[str] = context.window_manager.invoke_props_dialog(operator, width=400)
    return found


def _draw_question(operator: Any, context: Any) -> None:
    operator.layout.prop(operator, "directory")
    if bpy.data.is_dirty:
        operator.layout.label(text="This file has unsaved changes.", icon="ERROR")
        operator.layout.prop(operator, "discard_changes")


@operator(
    "open_version_scene",
    "Open the Scene of This Version",
    invoke=_ask_for_folder,
    draw=_draw_question,
    version_id=hidden_text(),
    directory=text_field("Folder", subtype="DIR_PATH"),
    discard_changes=bpy.props.BoolProperty(name="Discard the unsaved changes", options={"SKIP_SAVE"}),
)
def open_version_scene(operator: Any, context: Any) -> None:
    """Download the scene file of the version and open it"""
    session, may_discard = CONTROLLER.require_session(), bool(operator.discard_changes)
    if bpy.data.is_dirty and not may_discard:
        raise Error("This file has unsaved changes. Save it first, or choose to discard them.")
    CONTROLLER.version_files.fetch(session, operator.version_id, Path(bpy.path.abspath(operator.directory)))
    _when_fetched(lambda path: BlenderHost().open_scene_file(path, discard_changes=may_discard))


def _when_fetched(use: Callable[[Path], None]) -> None:
    """Call the function with the file when it is there; without a window, wait for it and raise its error."""
    files = CONTROLLER.version_files

    def use_if_fetched() -> float | None:
        if files.is_loading:
            return _POLL_INTERVAL_SECONDS
        path = files.path
        if path is not None:
            files.error = error_message_of("Opening the file", lambda: use(path))
        return None

    if not bpy.app.background:
        bpy.app.timers.register(use_if_fetched, first_interval=_POLL_INTERVAL_SECONDS)
        return
    files.wait(_TIMEOUT_SECONDS)
    use_if_fetched()
    if files.error:
        raise Error(files.error)


@operator("compare_with", "Compare With", version_id=hidden_text())
def compare_with(operator: Any, context: Any) -> None:
    """Show the movie of the version half transparent in front of the camera"""
    version = next((each for each in CONTROLLER.feedback.versions if each.id == operator.version_id), None)
    if version is None:
        raise Error("The version does not exist any more. Load the versions again.")
    session, source = CONTROLLER.require_session(), context.window_manager.ft_dcc.camera or None
    CONTROLLER.version_files.compare(session, BlenderHost(context.scene.name), version, source)


@operator("stop_comparing", "Stop Comparing")
def stop_comparing(operator: Any, context: Any) -> None:
    """Remove the movie from the camera"""
    CONTROLLER.version_files.stop_comparing(BlenderHost(context.scene.name))
