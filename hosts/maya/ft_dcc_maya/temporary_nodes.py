"""Nodes of the suite in the artist's scene, which leave no trace: neither undo steps nor a part of the saved file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from maya import cmds

from .maintained import SceneRestore

# What Maya makes between a node and the time, and does not always delete with the node.
_DRIVERS = ("animCurve", "expression", "timeToUnitConversion")


@contextmanager
def without_trace(node: str) -> Iterator[None]:
    """Keep undo steps, selection and the modified flag as they are; ``node`` tells whether the scene was closed."""
    selection = cmds.ls(selection=True, long=True) or []
    with SceneRestore(str(cmds.ls(node, uuid=True)[0]), ExitStack()).untracked():
        try:
            yield
        finally:
            kept = [name for name in selection if cmds.objExists(name)]
            if kept != (cmds.ls(selection=True, long=True) or []):
                cmds.select(clear=True)
                cmds.select(*kept, add=True)


def delete_with_drivers(nodes: Iterable[str]) -> None:
    """Delete the nodes with everything below them, and what drives them."""
    for node in nodes:
        inside = cmds.listRelatives(node, allDescendents=True, fullPath=True) or []
        drivers = [
            str(driver)
            for kind in _DRIVERS
            for driver in cmds.listConnections([node, *inside], source=True, destination=False, type=kind) or []
        ]
        for name in (node, *dict.fromkeys(drivers)):
            if cmds.objExists(name):
                cmds.delete(name)


def show_from_to(transform: str, start: int, end: int) -> None:
    """Make the node visible from the first to the last frame only."""
    for time, is_visible in ((start - 1, 0), (start, 1), (end + 1, 0)):
        cmds.setKeyframe(transform, attribute="visibility", time=time, value=is_visible, outTangentType="step")
