"""The view that shows the time of the Camera Sequencer (its menu: View, View Sequence Time)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from maya import cmds

from ft_dcc_maya.viewport import maintained_focus


@contextmanager
def without_sequence_time() -> Iterator[None]:
    """Let no view show sequence time, and restore it on exit.

    Such a view takes the focus whenever the time changes, also inside of a playblast of another panel.
    """
    panel = _panel()
    if not panel:
        yield
        return
    with maintained_focus():
        end_sequence_time()
    try:
        yield
    finally:
        if _has_sequencer() and cmds.modelPanel(panel, exists=True):
            with maintained_focus():
                cmds.sequenceManager(modelPanel=panel)


def _panel() -> str:
    """Return the panel of the view on sequence time, "" if there is none."""
    return str(cmds.sequenceManager(query=True, modelPanel=True) or "") if _has_sequencer() else ""


def _has_sequencer() -> bool:
    # Without a sequencer Maya may crash in these commands, or makes one. Source: maya-capture, pull request 98.
    return bool(cmds.ls(type="sequencer"))


def end_sequence_time() -> None:
    """Give sequence time to a panel that is then deleted: Maya has no command that only ends it."""
    window = cmds.window(visible=False)
    try:
        panel = str(cmds.modelPanel(parent=cmds.paneLayout(parent=window), menuBarVisible=False))
        cmds.sequenceManager(modelPanel=panel)
        cmds.deleteUI(panel, panel=True)
    finally:
        cmds.deleteUI(window, window=True)
