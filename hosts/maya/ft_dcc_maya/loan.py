"""Borrow the scene and give it back: whatever was changed for a capture is as it was, whatever happened inside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Callable

import attrs
from maya import cmds

from ft_dcc.errors import CaptureFailed


@attrs.frozen
class Loan:
    """What was borrowed of one scene, which is known by the id of one of its cameras.

    The last thing goes back first. A scene that was closed meanwhile gets nothing back: what is open then is another.
    """

    camera_id: str
    _returns: ExitStack

    @property
    def is_open(self) -> bool:
        """Whether the scene is still there."""
        return bool(cmds.ls(self.camera_id))

    def give_back(self, function: Callable[..., Any], *arguments: Any, **flags: Any) -> None:
        """The function is called when the loan ends."""

        def call() -> None:
            if self.is_open:
                function(*arguments, **flags)

        self._returns.callback(call)

    def set_attribute(self, plug: str, value: float | bool) -> None:
        """The attribute has this value until the loan ends, also a locked one; raises CaptureFailed for a driven one.

        One that has the value already is not touched: in a referenced camera each touch would be an edit.
        """
        before = cmds.getAttr(plug)
        if before == value:
            return
        if cmds.getAttr(plug, lock=True):
            self.give_back(cmds.setAttr, plug, lock=True)
            cmds.setAttr(plug, lock=False)
        if not cmds.getAttr(plug, settable=True):
            raise CaptureFailed(
                f"{plug} is {before} and something drives it; a playblast needs {value}. Disconnect it and try again."
            )
        self.give_back(cmds.setAttr, plug, before)
        cmds.setAttr(plug, value)


@contextmanager
def borrowing(camera_shape: str) -> Iterator[Loan]:
    """Inside nothing can be undone into; afterwards time, focus, undo queue and modified flag are as they were."""
    camera_id = str(cmds.ls(camera_shape, uuid=True)[0])
    with ExitStack() as returns:
        loan = Loan(camera_id, returns)
        loan.give_back(cmds.file, modified=bool(cmds.file(query=True, modified=True)))
        # Otherwise the artist's next Ctrl-Z would take back a step of ours.
        returns.callback(cmds.undoInfo, stateWithoutFlush=bool(cmds.undoInfo(query=True, stateWithoutFlush=True)))
        cmds.undoInfo(stateWithoutFlush=False)
        loan.give_back(cmds.currentTime, cmds.currentTime(query=True))  # type: ignore[call-arg] # the documentation leaves it out
        if cmds.play(query=True, state=True):
            loan.give_back(cmds.play, state=True)
            cmds.play(state=False)
        # Playblast writes its image format into the render settings.
        image_format = "defaultRenderGlobals.imageFormat"
        loan.give_back(cmds.setAttr, image_format, cmds.getAttr(image_format))
        yield loan
