"""Restore whatever a capture changed in the scene, also after an error, and nodes of the suite that leave no trace."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import Any, Callable, TypeVar

import attrs
from maya import cmds
from maya.api import OpenMaya

from ft_dcc.errors import CaptureFailed

from .viewport import without_sequence_time

T = TypeVar("T")

_MESSAGES = OpenMaya.MSceneMessage
# Playblast writes its image format into the render settings.
_IMAGE_FORMAT = "defaultRenderGlobals.imageFormat"
# What Maya makes between a node and the time, and does not always delete with the node.
_DRIVERS = ("animCurve", "expression", "timeToUnitConversion")


def call_around_save(before: Callable[[object], None], after: Callable[[object], None]) -> list[Any]:
    """Call the functions before and after each save and export, and return what ``stop_calls`` takes."""
    events = {
        **dict.fromkeys((_MESSAGES.kBeforeSave, _MESSAGES.kBeforeExport), before),
        **dict.fromkeys((_MESSAGES.kAfterSave, _MESSAGES.kAfterExport), after),
    }
    return [_MESSAGES.addCallback(event, function, None) for event, function in events.items()]


def stop_calls(callbacks: list[Any]) -> None:
    """Remove the callbacks, and empty the list."""
    while callbacks:
        OpenMaya.MMessage.removeCallback(callbacks.pop())


@attrs.frozen
class SceneRestore:
    """What has to be restored in one scene, identified by the UUID of one of its cameras.

    The last change is restored first. Nothing is restored after the scene was closed, because another scene is open
    then.
    """

    camera_id: str
    _stack: ExitStack
    _borrowed: list[_BorrowedAttribute] = attrs.field(factory=list, init=False)

    def close(self) -> None:
        """Restore the scene."""
        self._stack.close()

    @property
    def is_scene_open(self) -> bool:
        """Return whether the scene is still open."""
        return bool(cmds.ls(self.camera_id))

    def call_on_exit(self, function: Callable[..., Any], *arguments: Any, **flags: Any) -> None:
        """Call the function when the scene is restored."""

        def call() -> None:
            if self.is_scene_open:
                function(*arguments, **flags)

        self._stack.callback(call)

    def enter(self, manager: AbstractContextManager[T]) -> T:
        """Enter the context manager, and exit it when the scene is restored."""
        return self._stack.enter_context(manager)

    @contextmanager
    def untracked(self) -> Iterator[None]:
        """Keep undo steps and the modified flag as they are, for one call on the main thread.

        Between two of these calls the artist works on, and those changes must be undoable and count as modified.
        """
        # Otherwise the artist's next Ctrl-Z would undo a step of ours.
        has_undo = bool(cmds.undoInfo(query=True, stateWithoutFlush=True))
        is_modified = bool(cmds.file(query=True, modified=True))
        cmds.undoInfo(stateWithoutFlush=False)
        try:
            yield
        finally:
            cmds.undoInfo(stateWithoutFlush=has_undo)
            if self.is_scene_open:
                cmds.file(modified=is_modified)

    def set_attribute(self, plug: str, value: float | bool | str) -> None:
        """Set the attribute until the scene is restored; raise CaptureFailed if it is driven.

        A locked attribute is unlocked meanwhile. One that has the value already is not set: in a referenced
        camera that would be an edit. A value that the artist sets meanwhile is kept.
        """
        before = cmds.getAttr(plug)
        if before == value:
            return
        is_locked = bool(cmds.getAttr(plug, lock=True))
        borrowed = _BorrowedAttribute(plug, value, before, is_locked, _has_edit(plug))
        # Registered first: an attribute that can only be unlocked is locked again.
        self.call_on_exit(borrowed.give_back)
        borrowed.borrow()
        self._borrowed.append(borrowed)

    @contextmanager
    def returned_on_save(self) -> Iterator[None]:
        """Give the artist's values back while Maya saves the scene, so that the file does not contain others.

        The time is not set, because that would discard values that are not keyed.
        """
        image_format = cmds.getAttr(_IMAGE_FORMAT)

        def before_save(_data: object) -> None:
            with self.untracked():
                cmds.setAttr(_IMAGE_FORMAT, image_format)
                for each in reversed(self._borrowed):
                    each.give_back()

        def after_save(_data: object) -> None:
            with self.untracked():
                for each in self._borrowed:
                    if cmds.objExists(each.plug) and cmds.getAttr(each.plug) == each.before:
                        each.borrow()

        callbacks = call_around_save(before_save, after_save)
        try:
            yield
        finally:
            stop_calls(callbacks)


@attrs.frozen
class _BorrowedAttribute:
    """An attribute that has another value during a capture, and what has to be restored of it."""

    plug: str
    value: float | bool | str
    before: Any
    is_locked: bool
    has_edit: bool

    def borrow(self) -> None:
        """Set the value; raise CaptureFailed if the attribute is locked by a reference, or driven."""
        if self.is_locked:
            try:
                cmds.setAttr(self.plug, lock=False)
            except RuntimeError as error:
                # Attributes of a locked reference cannot be unlocked.
                raise CaptureFailed(
                    f"{self.plug} is {self.before} and locked by its reference; a playblast needs {self.value}. "
                    "Unlock the reference, or set the value in its file."
                ) from error
        if not cmds.getAttr(self.plug, settable=True):
            raise CaptureFailed(
                f"{self.plug} is {self.before} and something drives it; a playblast needs {self.value}. "
                "Disconnect it and try again."
            )
        cmds.setAttr(self.plug, self.value)

    def give_back(self) -> None:
        """Set the earlier value, unless the attribute has another one than a capture gave it; remove our edit."""
        if not cmds.objExists(self.plug):
            return
        if cmds.getAttr(self.plug) == self.value:
            cmds.setAttr(self.plug, self.before)
        if self.is_locked:
            with suppress(RuntimeError):
                cmds.setAttr(self.plug, lock=True)
        # By its documentation, Maya removes edits of references that are not loaded only; otherwise equal values stay.
        if self.has_edit or cmds.getAttr(self.plug) != self.before:
            return
        flags: Any = {"onReferenceNode": _top_reference(self.plug.rpartition(".")[0]), "editCommand": "setAttr"}
        with suppress(RuntimeError):
            cmds.referenceEdit(self.plug, removeEdits=True, failedEdits=True, successfulEdits=True, **flags)
        if cmds.getAttr(self.plug) != self.before:
            cmds.setAttr(self.plug, self.before)


def _has_edit(plug: str) -> bool:
    """Return whether an edit of a reference, which is not to be removed, sets the attribute, or none can set it."""
    node, _, attribute = plug.rpartition(".")
    if not cmds.referenceQuery(node, isNodeReferenced=True):
        return True
    # Files of nested references have edits, too; those of the open scene are stored on the outermost reference.
    flags: Any = {"onReferenceNode": _top_reference(node), "editStrings": True, "editCommand": "setAttr"}
    edits: Any = cmds.referenceQuery(node, **flags) or []
    return any(re.search(rf"\.{attribute}\b", str(edit)) for edit in edits)


def _top_reference(node: str) -> str:
    return str(cmds.referenceQuery(node, referenceNode=True, topReference=True))


def _return_to(time: float) -> None:
    """Set the time, unless it is that already: setting it discards values that are not keyed."""
    if cmds.currentTime(query=True) != time:  # type: ignore[call-arg] # the documentation leaves it out
        cmds.currentTime(time)


@contextmanager
def maintained_scene(camera_shape: str) -> Iterator[SceneRestore]:
    """Restore time, playback, sequence time and image format on exit."""
    camera_id = str(cmds.ls(camera_shape, uuid=True)[0])
    restore = SceneRestore(camera_id, ExitStack())
    try:
        restore.enter(restore.returned_on_save())
        if not cmds.about(batch=True):
            with restore.untracked():
                # Before the time: a view on sequence time takes the focus when the time returns.
                restore.enter(without_sequence_time())
        restore.call_on_exit(_return_to, cmds.currentTime(query=True))  # type: ignore[call-arg] # the documentation leaves it out
        if not cmds.about(batch=True) and cmds.play(query=True, state=True):
            restore.call_on_exit(cmds.play, state=True)
            cmds.play(state=False)
        restore.call_on_exit(cmds.setAttr, _IMAGE_FORMAT, cmds.getAttr(_IMAGE_FORMAT))
        yield restore
    finally:
        with restore.untracked():
            restore.close()


class ShownNodes:
    """Nodes that are removed before a save and made again after it; ``delete`` returns whether there was any."""

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
        found = [cmds.listConnections([node, *inside], source=True, destination=False, type=kind) for kind in _DRIVERS]
        for name in (node, *dict.fromkeys(str(driver) for drivers in found for driver in drivers or [])):
            if cmds.objExists(name):
                cmds.delete(name)


def show_from_to(transform: str, start: int, end: int) -> None:
    """Make the node visible from the first to the last frame only."""
    for time, is_visible in ((start - 1, 0), (start, 1), (end + 1, 0)):
        cmds.setKeyframe(transform, attribute="visibility", time=time, value=is_visible, outTangentType="step")
