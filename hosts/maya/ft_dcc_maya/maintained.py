"""Restore whatever a capture changed in the scene, also after an error."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import Any, Callable, TypeVar

import attrs
from maya import cmds

from ft_dcc.errors import CaptureFailed

T = TypeVar("T")


@attrs.frozen
class SceneRestore:
    """What has to be restored in one scene, identified by the UUID of one of its cameras.

    The last change is restored first. Nothing is restored after the scene was closed, because another scene is open
    then.
    """

    camera_id: str
    _stack: ExitStack

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
        if not _has_edit(plug):
            # Registered first, so it is called last.
            self.call_on_exit(_remove_edit, plug, before)
        if cmds.getAttr(plug, lock=True):
            try:
                cmds.setAttr(plug, lock=False)
            except RuntimeError as error:
                # Attributes of a locked reference cannot be unlocked.
                raise CaptureFailed(
                    f"{plug} is {before} and locked by its reference; a playblast needs {value}. "
                    "Unlock the reference, or set the value in its file."
                ) from error
            self.call_on_exit(cmds.setAttr, plug, lock=True)
        if not cmds.getAttr(plug, settable=True):
            raise CaptureFailed(
                f"{plug} is {before} and something drives it; a playblast needs {value}. Disconnect it and try again."
            )
        self.call_on_exit(_reset, plug, value, before)
        cmds.setAttr(plug, value)


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


def _remove_edit(plug: str, before: Any) -> None:
    """Remove the edits that a capture has left in a reference; the value stays as it was before.

    By its documentation, Maya removes only edits of references that are not loaded; otherwise equal values remain.
    """
    if not cmds.objExists(plug) or cmds.getAttr(plug) != before:
        return
    flags: Any = {"onReferenceNode": _top_reference(plug.rpartition(".")[0]), "editCommand": "setAttr"}
    with suppress(RuntimeError):
        cmds.referenceEdit(plug, removeEdits=True, failedEdits=True, successfulEdits=True, **flags)
    if cmds.getAttr(plug) != before:
        cmds.setAttr(plug, before)


def _reset(plug: str, value: object, before: Any) -> None:
    """Set the attribute to its earlier value, unless it has another one than a capture gave it."""
    if cmds.objExists(plug) and cmds.getAttr(plug) == value:
        cmds.setAttr(plug, before)


def _return_to(time: float) -> None:
    """Set the time, unless it is that already: setting it discards values that are not keyed."""
    if cmds.currentTime(query=True) != time:  # type: ignore[call-arg] # the documentation leaves it out
        cmds.currentTime(time)


@contextmanager
def maintained_scene(camera_shape: str) -> Iterator[SceneRestore]:
    """Restore time, playback, focus and image format on exit."""
    camera_id = str(cmds.ls(camera_shape, uuid=True)[0])
    restore = SceneRestore(camera_id, ExitStack())
    try:
        restore.call_on_exit(_return_to, cmds.currentTime(query=True))  # type: ignore[call-arg] # the documentation leaves it out
        if not cmds.about(batch=True) and cmds.play(query=True, state=True):
            restore.call_on_exit(cmds.play, state=True)
            cmds.play(state=False)
        # Playblast writes its image format into the render settings.
        image_format = "defaultRenderGlobals.imageFormat"
        restore.call_on_exit(cmds.setAttr, image_format, cmds.getAttr(image_format))
        yield restore
    finally:
        with restore.untracked():
            restore.close()
