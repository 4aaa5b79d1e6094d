"""Restore whatever a capture changed in the scene, also after an error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Callable

import attrs
from maya import cmds

from ft_dcc.errors import CaptureFailed


@attrs.frozen
class SceneRestore:
    """What has to be restored in one scene, identified by the UUID of one of its cameras.

    The last change is restored first. Nothing is restored after the scene was closed, because another scene is open
    then.
    """

    camera_id: str
    _stack: ExitStack

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

    def set_attribute(self, plug: str, value: float | bool) -> None:
        """Set the attribute until the scene is restored; raise CaptureFailed if it is driven.

        A locked attribute is unlocked meanwhile. One that has the value already is not set: in a referenced
        camera that would be an edit.
        """
        before = cmds.getAttr(plug)
        if before == value:
            return
        if cmds.getAttr(plug, lock=True):
            self.call_on_exit(cmds.setAttr, plug, lock=True)
            cmds.setAttr(plug, lock=False)
        if not cmds.getAttr(plug, settable=True):
            raise CaptureFailed(
                f"{plug} is {before} and something drives it; a playblast needs {value}. Disconnect it and try again."
            )
        self.call_on_exit(cmds.setAttr, plug, before)
        cmds.setAttr(plug, value)


@contextmanager
def maintained_scene(camera_shape: str) -> Iterator[SceneRestore]:
    """Restore time, playback, focus, image format and modified flag on exit; changes inside cannot be undone."""
    camera_id = str(cmds.ls(camera_shape, uuid=True)[0])
    with ExitStack() as stack:
        restore = SceneRestore(camera_id, stack)
        restore.call_on_exit(cmds.file, modified=bool(cmds.file(query=True, modified=True)))
        # Otherwise the artist's next Ctrl-Z would undo a step of ours.
        stack.callback(cmds.undoInfo, stateWithoutFlush=bool(cmds.undoInfo(query=True, stateWithoutFlush=True)))
        cmds.undoInfo(stateWithoutFlush=False)
        restore.call_on_exit(cmds.currentTime, cmds.currentTime(query=True))  # type: ignore[call-arg] # the documentation leaves it out
        if cmds.play(query=True, state=True):
            restore.call_on_exit(cmds.play, state=True)
            cmds.play(state=False)
        # Playblast writes its image format into the render settings.
        image_format = "defaultRenderGlobals.imageFormat"
        restore.call_on_exit(cmds.setAttr, image_format, cmds.getAttr(image_format))
        yield restore
