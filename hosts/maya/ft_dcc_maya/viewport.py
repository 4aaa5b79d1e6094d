"""A view of our own to capture: the artist's panels are left alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Callable

from maya import cmds

from ft_dcc.frames import Resolution

_WINDOW = "ftDccCapture"
# A view is smaller than its window by the frame around it.
_FRAME = 10


@contextmanager
def own_panel(resolution: Resolution) -> Iterator[str]:
    """Lend a model panel that is large enough; afterwards it is gone, and the focus is where it was."""
    focus = str(cmds.getPanel(withFocus=True) or "")
    with ExitStack() as stack:
        stack.callback(_focus, focus)
        _remove()
        size = (resolution.width + _FRAME, resolution.height + _FRAME)
        # Not shown: an off-screen playblast draws what lies behind no window.
        window = cmds.window(_WINDOW, title="ft-dcc", widthHeight=size, visible=False)
        stack.callback(_remove)
        layout = cmds.paneLayout(parent=window)
        panel = str(cmds.modelPanel(parent=layout, menuBarVisible=False))
        stack.callback(_remove_panel, panel)
        yield panel


def _remove() -> None:
    if cmds.window(_WINDOW, exists=True):
        cmds.deleteUI(_WINDOW, window=True)


def _remove_panel(panel: str) -> None:
    if cmds.modelPanel(panel, exists=True):
        cmds.deleteUI(panel, panel=True)
    # Isolating leaves the set of what was shown behind, in the scene.
    isolated = f"{panel}ViewSelectedSet"
    if cmds.objExists(isolated):
        cmds.delete(isolated)


def _focus(panel: str) -> None:
    if panel and panel in (cmds.getPanel(allPanels=True) or []):
        cmds.setFocus(panel)


@contextmanager
def without_messages() -> Iterator[None]:
    """Maya says nothing in the middle of the view, where it would be in the picture."""
    name = "inViewMessageEnable"
    had = bool(cmds.optionVar(exists=name))
    before = cmds.optionVar(query=name)  # type: ignore[call-overload] # it takes the name here
    cmds.optionVar(intValue=(name, 0))
    try:
        yield
    finally:
        if had:
            cmds.optionVar(intValue=(name, int(before)))
        else:
            cmds.optionVar(remove=name)


@contextmanager
def interruptible(first: int, last: int) -> Iterator[Callable[[int], bool]]:
    """A bar shows how far it is; the function given takes the next frame and says whether Escape was pressed."""
    # Maya shows one at a time, and says whether it is ours.
    is_ours = cmds.progressWindow(
        title="ft-dcc",
        status="Capturing. Escape cancels.",
        minValue=first,
        maxValue=last + 1,
        progress=first,
        isInterruptable=True,
    )

    def is_cancelled(frame: int) -> bool:
        if is_ours:
            cmds.progressWindow(edit=True, progress=frame)
        return bool(cmds.progressWindow(query=True, isCancelled=True))

    try:
        yield is_cancelled
    finally:
        if is_ours:
            cmds.progressWindow(endProgress=True)
