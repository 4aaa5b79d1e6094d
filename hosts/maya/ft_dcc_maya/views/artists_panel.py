"""A capture through the artist's own view, for a Maya in which a view of our own does not draw everything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from maya import cmds

from ft_dcc_maya.look import queryable_settings
from ft_dcc_maya.viewport import maintained_focus

from .plugin_objects import find_filters


@contextmanager
def borrowed_panel(panel: str) -> Iterator[str]:
    """Yield the artist's panel; give back its camera, its settings and its filters of plug-ins on exit."""
    camera = str(cmds.modelPanel(panel, query=True, camera=True))
    settings: dict[str, Any] = {
        name: cmds.modelEditor(panel, query=True, **{name: True})  # type: ignore[call-overload] # names of look
        for name in queryable_settings()
    }
    filters = [
        (name, bool(cmds.modelEditor(panel, query=True, queryPluginObjects=name)))  # type: ignore[call-overload] # it takes the name here
        for name in find_filters()
    ]
    with maintained_focus():
        try:
            yield panel
        finally:
            if cmds.modelPanel(panel, exists=True):
                _give_back(panel, camera, settings, filters)


def _give_back(panel: str, camera: str, settings: dict[str, Any], filters: list[tuple[str, bool]]) -> None:
    # The camera is gone if another scene was opened.
    if cmds.objExists(camera):
        cmds.modelEditor(panel, edit=True, camera=camera)
    for name, value in settings.items():
        cmds.modelEditor(panel, edit=True, **{name: value})
    for name, is_shown in filters:
        cmds.modelEditor(panel, edit=True, pluginObjects=(name, is_shown))
