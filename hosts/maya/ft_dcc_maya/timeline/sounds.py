"""The sound of the timeline, and the sounds of the scene that a movie does not contain."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from maya import cmds

from ft_dcc.host import Soundtrack

from .ranges import timeline


def find_sounds() -> tuple[Soundtrack, ...]:
    """Return the sound of the timeline, with the frame at which its file starts, unless it is off or muted."""
    node = _audible_node()
    if not node:
        return ()
    path = str(cmds.getAttr(f"{node}.filename") or "")
    if not path:
        return ()
    # At frame ``offset`` the timeline plays the file from ``sourceStart`` on.
    start = Fraction(str(cmds.getAttr(f"{node}.offset"))) - Fraction(str(cmds.getAttr(f"{node}.sourceStart")))
    return (Soundtrack(Path(path), start, _heard(node, start)),)


def unheard_sounds() -> list[str]:
    """Return the sounds with a file that are not muted and not that of the timeline, as in Trax or the sequencer."""
    audible = _audible_node()
    return sorted(
        str(node)
        for node in cmds.ls(type="audio") or []
        if node != audible and cmds.getAttr(f"{node}.filename") and not cmds.getAttr(f"{node}.mute")
    )


def _audible_node() -> str:
    """Return the node of the sound that the timeline plays, "" for none."""
    if cmds.about(batch=True) or not cmds.timeControl(timeline(), query=True, displaySound=True):
        return ""
    node = str(cmds.timeControl(timeline(), query=True, sound=True) or "")
    # The timeline may still name a node that was deleted.
    return node if node and cmds.objExists(node) and not cmds.getAttr(f"{node}.mute") else ""


def _heard(node: str, start: Fraction) -> tuple[Fraction, Fraction] | None:
    """Return the audible range of a sound that was cut in the timeline; None if all of it is heard."""
    first, last = (Fraction(str(cmds.getAttr(f"{node}.{name}"))) for name in ("sourceStart", "sourceEnd"))
    return (start + first, start + last) if last > first else None
