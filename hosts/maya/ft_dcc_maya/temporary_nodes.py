"""Nodes of the suite in the artist's scene, which leave no trace: neither undo steps nor a part of the saved file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Callable

from maya import cmds

from .maintained import SceneRestore, call_around_save, stop_calls

# What Maya makes between a node and the time, and does not always delete with the node.
_DRIVERS = ("animCurve", "expression", "timeToUnitConversion")


class ShownNodes:
    """Nodes of the suite that are removed before a save and made again after it; ``delete`` returns whether any was."""

    def __init__(self, delete: Callable[[], bool]) -> None:
        self._delete = delete
        self._show_again: Callable[[], object] | None = None
        self._callbacks: list[Any] = []

    def keep(self, show_again: Callable[[], object]) -> None:
        """Call the function after each save."""
        self._show_again = show_again
        self._callbacks.extend(call_around_save(self._before_save, self._after_save))

    def remove(self) -> None:
        """Remove the nodes; do nothing if there are none."""
        self._show_again = None
        stop_calls(self._callbacks)
        self._delete()

    def _before_save(self, _data: object) -> None:
        if not self._delete():
            # Another scene was opened meanwhile, or the artist has removed the nodes.
            self._show_again = None

    def _after_save(self, _data: object) -> None:
        if self._show_again is not None:
            self._show_again()


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
