"""Objects of plug-ins in a view. A plug-in can register filters for them, which the menu Show of a view lists.

Sources: Autodesk's reference of ``pluginDisplayFilter``, ``modelEditor`` and ``getClassification``. A locator of a
plug-in may ignore the view's own switch for locators (``MPxLocatorNode.excludeAsLocator``).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from maya import cmds


def find_filters() -> list[str]:
    """Return the names of all filters that plug-ins have registered."""
    names: Any = cmds.pluginDisplayFilter(query=True, listFilters=True) or []
    return [str(name) for name in names]


def apply_filters(panel: str, hidden: Collection[str]) -> None:
    """Show the objects of each filter in the panel, except those of the hidden ones."""
    for name in find_filters():
        cmds.modelEditor(panel, edit=True, pluginObjects=(name, name not in hidden))


def copy_filters(panel: str, source: str) -> None:
    """Show and hide objects of plug-ins as the other panel does."""
    for name in find_filters():
        is_shown = bool(cmds.modelEditor(source, query=True, queryPluginObjects=name))  # type: ignore[call-overload] # it takes the name here
        cmds.modelEditor(panel, edit=True, pluginObjects=(name, is_shown))


def find_locator_filters() -> list[str]:
    """Return the filters that hide locators of plug-ins, and no other object of this scene.

    A GPU cache is content of the shot, a gizmo is not. Their classifications look alike, but a gizmo is a locator.
    """
    locators = _types(type="locator")
    others = _types(shapes=True) - locators
    found = []
    for name in find_filters() if locators else ():
        classification = str(cmds.pluginDisplayFilter(name, query=True, classification=True) or "")
        is_of_locators = any(_satisfies(kind, classification) for kind in locators)
        if is_of_locators and not any(_satisfies(kind, classification) for kind in others):
            found.append(name)
    return found


def _types(**flags: Any) -> set[str]:
    """Return the types of the nodes that ``ls`` lists, derived types included."""
    names_and_types = cmds.ls(showType=True, **flags) or []
    return {str(each) for each in names_and_types[1::2]}


def _satisfies(kind: str, classification: str) -> bool:
    # By its documentation, a filter without a classification hides nothing in Viewport 2.0.
    return bool(classification) and bool(cmds.getClassification(kind, satisfies=classification))
