"""What the timeline of the open scene says: frame ranges, sounds, and the shots of the Camera Sequencer."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import attrs
from maya import cmds, mel

from ft_dcc.frames import FrameRange
from ft_dcc.host import Soundtrack
from ft_dcc.settings.definitions import ANIMATION_RANGE, PLAYBACK_RANGE
from ft_dcc.settings.resolve import read_settings

from .cameras import find_cameras

SELECTION = "selection"


def scene_range() -> FrameRange:
    """Return the range that the setting ``maya_range`` names; raise SettingInvalid for a broken settings file."""
    return _range_of(read_settings().require("maya_range"))


def all_ranges() -> dict[str, FrameRange]:
    """Return each range of the time slider by its name; a selection only where there is one."""
    found = {name: _range_of(name) for name in (ANIMATION_RANGE, PLAYBACK_RANGE)}
    selected = _selection()
    return found if selected is None else {**found, SELECTION: selected}


def time_slider() -> str:
    """Return the name of the time slider."""
    return str(mel.eval("$ft_dcc_timeline = $gPlayBackSlider"))


def _range_of(name: str) -> FrameRange:
    if name == PLAYBACK_RANGE:
        first = cmds.playbackOptions(query=True, minTime=True)
        return FrameRange(round(first), round(cmds.playbackOptions(query=True, maxTime=True)))
    first = cmds.playbackOptions(query=True, animationStartTime=True)
    return FrameRange(round(first), round(cmds.playbackOptions(query=True, animationEndTime=True)))


def _selection() -> FrameRange | None:
    """Return the frames that are selected in the time slider."""
    if cmds.about(batch=True) or not cmds.timeControl(time_slider(), query=True, rangeVisible=True):
        return None
    selected: Any = cmds.timeControl(time_slider(), query=True, rangeArray=True)
    # Its end is the first frame that is not selected.
    first, last = math.floor(selected[0]), math.ceil(selected[1]) - 1
    return FrameRange(first, last) if first <= last else None


@attrs.frozen
class Shot:
    """A shot: the name of its node, its camera, its frames in the scene, and its name in the sequencer."""

    node: str
    camera: str
    frame_range: FrameRange
    label: str


def find_shots() -> list[Shot]:
    """Return the shots that are not muted and whose camera can be captured, in the order of their start."""
    nodes = [str(node) for node in cmds.ls(type="shot") or []]
    cameras = {str((cmds.ls(name, long=True) or [""])[0]): name for name in find_cameras()} if nodes else {}
    found = [shot for node in nodes if (shot := _read(node, cameras)) is not None]
    return sorted(found, key=lambda shot: (shot.frame_range.start, shot.node))


def camera_of(source: str) -> str:
    """Return the camera of the shot with this name, or the name itself for any other source."""
    return next((shot.camera for shot in find_shots() if shot.node == source), source)


def _read(node: str, cameras: dict[str, str]) -> Shot | None:
    camera = str(cmds.shot(node, query=True, currentCamera=True) or "")
    if not camera or not cmds.objExists(camera) or cmds.shot(node, query=True, mute=True):
        return None
    if cmds.nodeType(camera) == "camera":
        # The sequencer also accepts the shape.
        camera = str((cmds.listRelatives(camera, parent=True, path=True) or [camera])[0])
    name = cameras.get(str((cmds.ls(camera, long=True) or [""])[0]))
    first, last = cmds.shot(node, query=True, startTime=True), cmds.shot(node, query=True, endTime=True)
    if name is None or round(last) < round(first):
        return None
    label = str(cmds.shot(node, query=True, shotName=True) or "")
    return Shot(node, name, FrameRange(round(first), round(last)), label)


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
    if cmds.about(batch=True) or not cmds.timeControl(time_slider(), query=True, displaySound=True):
        return ""
    node = str(cmds.timeControl(time_slider(), query=True, sound=True) or "")
    # The timeline may still name a node that was deleted.
    return node if node and cmds.objExists(node) and not cmds.getAttr(f"{node}.mute") else ""


def _heard(node: str, start: Fraction) -> tuple[Fraction, Fraction] | None:
    """Return the audible range of a sound that was cut in the timeline; None if all of it is heard."""
    first, last = (Fraction(str(cmds.getAttr(f"{node}.{name}"))) for name in ("sourceStart", "sourceEnd"))
    return (start + first, start + last) if last > first else None
