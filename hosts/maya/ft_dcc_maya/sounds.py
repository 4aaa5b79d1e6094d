"""The sound that the artist hears, and where it begins."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from maya import cmds, mel

from ft_dcc.host import Soundtrack


def find_sounds() -> tuple[Soundtrack, ...]:
    """The sound of the timeline, unless it is switched off or muted, with the frame at which its file begins."""
    if cmds.about(batch=True):
        return ()
    timeline = mel.eval("$ft_dcc_timeline = $gPlayBackSlider")
    if not cmds.timeControl(timeline, query=True, displaySound=True):
        return ()
    node = cmds.timeControl(timeline, query=True, sound=True)
    # The timeline may go on naming a node that was deleted.
    if not node or not cmds.objExists(node) or cmds.getAttr(f"{node}.mute"):
        return ()
    path = str(cmds.getAttr(f"{node}.filename") or "")
    if not path:
        return ()
    # The file plays from sourceStart on when the timeline stands at offset.
    start = Fraction(str(cmds.getAttr(f"{node}.offset"))) - Fraction(str(cmds.getAttr(f"{node}.sourceStart")))
    return (Soundtrack(Path(path), start),)
