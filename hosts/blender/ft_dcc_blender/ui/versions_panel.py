"""The panel of the versions of the task, with status, verdicts and date."""

from __future__ import annotations

from typing import Any

import bpy

from ..host import TASK_PROPERTY
from .controller import CONTROLLER
from .panel import Sidebar, draw_lines, draw_thumbnail
from .version_files_panel import draw_download, draw_version_buttons

_MAX_VERSIONS = 8


class VersionsPanel(Sidebar, bpy.types.Panel):
    """Versions of the task"""

    bl_idname = "FTDCC_PT_versions"
    bl_label = "Versions"
    bl_parent_id = "FTDCC_PT_review"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 - Blender's way

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Return whether the artist is signed in and a task is chosen."""
        return CONTROLLER.session is not None and bool(context.scene.get(TASK_PROPERTY))

    def draw(self, context: Any) -> None:
        """Draw the newest versions."""
        feedback, layout = CONTROLLER.feedback, self.layout
        is_loaded = feedback.task_id == context.scene.get(TASK_PROPERTY)
        layout.operator("ft_dcc.read_notes", icon="FILE_REFRESH", text="Refresh" if is_loaded else "Load Versions")
        if not is_loaded:
            return
        draw_download(layout)
        for version, (line, verdicts) in list(zip(feedback.versions, version_lines()))[:_MAX_VERSIONS]:
            box = layout.box()
            row = box.row()
            draw_thumbnail(row, version.thumbnail_id)
            column = row.column(align=True)
            draw_lines(column, line, "BLANK1")
            if verdicts:
                draw_lines(column, verdicts, "CHECKMARK")
            draw_version_buttons(box, version)
        if not feedback.versions:
            layout.label(text="Loading…" if feedback.is_loading else "The task has no versions.")


def version_lines() -> list[tuple[str, str]]:
    """Return a line for each version of the task, newest first, and its verdicts."""
    return [
        (
            "  ".join(
                filter(
                    None,
                    (
                        version.name,
                        version.asset,
                        version.status,
                        version.date and f"{version.date.astimezone():%Y-%m-%d %H:%M}",
                        version.artist,
                    ),
                )
            ),
            ", ".join(f"{verdict.author}: {verdict.status}" for verdict in version.verdicts if verdict.review),
        )
        for version in CONTROLLER.feedback.versions
    ]
