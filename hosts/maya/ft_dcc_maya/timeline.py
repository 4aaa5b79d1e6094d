"""What the timeline of the open scene says: frame rate and ranges, sounds, and shots of the Camera Sequencer."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import attrs
from maya import cmds, mel

from ft_dcc import frames, host
from ft_dcc.errors import SettingInvalid
from ft_dcc.settings import definitions, resolve

from .cameras import find_cameras, long_name, transform_of

SELECTION = "selection"
# Maya's names of frame rates. Source: Autodesk's documentation of currentUnit; "ntsc" is 30 frames per second there,
# and 29.97fps has its own name.
_NAMED_UNITS = {
    "hour": Fraction(1, 3600),
    "min": Fraction(1, 60),
    "sec": Fraction(1),
    "millisec": Fraction(1000),
    "game": Fraction(15),
    "film": Fraction(24),
    "pal": Fraction(25),
    "ntsc": Fraction(30),
    "show": Fraction(48),
    "palf": Fraction(50),
    "ntscf": Fraction(60),
}
# The other rates of Maya's menu; 29.97df numbers its frames differently and runs at the same rate.
_NUMBERED_UNITS = (
    *("23.976fps", "29.97fps", "47.952fps", "59.94fps"),
    *(f"{number}fps" for number in (2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 40, 75, 80, 90, 100, 120, 125, 150)),
    *(f"{number}fps" for number in (200, 240, 250, 300, 375, 400, 500, 600, 750)),
)
_NUMBER_PATTERN = re.compile(r"(\d+(?:\.\d+)?)(?:fps|df)")


def rate_from_unit(unit: str) -> Fraction:
    """Return the exact rate of a time unit; raise SettingInvalid for an unknown one."""
    if unit in _NAMED_UNITS:
        return _NAMED_UNITS[unit]
    number = _NUMBER_PATTERN.fullmatch(unit)
    if number is None:
        raise SettingInvalid(f"The scene's time unit {unit!r} is not known. Choose a frame rate in Maya's preferences.")
    return frames.frame_rate(number[1])


def unit_from_rate(rate: Fraction) -> str:
    """Return Maya's name for a rate; raise SettingInvalid if there is none."""
    for unit in (*_NAMED_UNITS, *_NUMBERED_UNITS):
        if rate_from_unit(unit) == rate:
            return unit
    raise SettingInvalid(f"Maya has no time unit for {float(rate):.6g} fps. Choose another rate, such as 24 or 25.")


def scene_range() -> frames.FrameRange:
    """Return the range that the setting ``maya_range`` names; raise SettingInvalid for a broken settings file."""
    return _range_of(resolve.read_settings().require("maya_range"))


def all_ranges() -> dict[str, frames.FrameRange]:
    """Return each range of the time slider by its name; a selection only where there is one."""
    found = {name: _range_of(name) for name in (definitions.ANIMATION_RANGE, definitions.PLAYBACK_RANGE)}
    selected = _selection()
    return found if selected is None else {**found, SELECTION: selected}


def time_slider() -> str:
    """Return the name of the time slider."""
    return str(mel.eval("$ft_dcc_timeline = $gPlayBackSlider"))


def _range_of(name: str) -> frames.FrameRange:
    is_inner = name == definitions.PLAYBACK_RANGE
    flags = ("minTime", "maxTime") if is_inner else ("animationStartTime", "animationEndTime")
    return frames.FrameRange(*(round(cmds.playbackOptions(query=True, **{flag: True})) for flag in flags))  # type: ignore[call-overload] # names from above


def _selection() -> frames.FrameRange | None:
    if cmds.about(batch=True) or not cmds.timeControl(time_slider(), query=True, rangeVisible=True):
        return None
    selected: Any = cmds.timeControl(time_slider(), query=True, rangeArray=True)
    # Its end is the first frame that is not selected.
    first, last = math.floor(selected[0]), math.ceil(selected[1]) - 1
    return frames.FrameRange(first, last) if first <= last else None


@attrs.frozen
class Shot:
    """A shot: the name of its node, its camera, its frames in the scene, and its name in the sequencer."""

    node: str
    camera: str
    frame_range: frames.FrameRange
    label: str


def find_shots() -> list[Shot]:
    """Return the shots that are not muted and whose camera can be captured, in the order of their start."""
    nodes = [str(node) for node in cmds.ls(type="shot") or []]
    cameras = {long_name(name): name for name in find_cameras()} if nodes else {}
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
        camera = transform_of(camera)
    name = cameras.get(long_name(camera))
    first, last = cmds.shot(node, query=True, startTime=True), cmds.shot(node, query=True, endTime=True)
    if name is None or round(last) < round(first):
        return None
    label = str(cmds.shot(node, query=True, shotName=True) or "")
    return Shot(node, name, frames.FrameRange(round(first), round(last)), label)


def find_sounds() -> tuple[host.Soundtrack, ...]:
    """Return the sound of the timeline, with the frame at which its file starts, unless it is off or muted."""
    node = _audible_node()
    path = str(cmds.getAttr(f"{node}.filename") or "") if node else ""
    if not path:
        return ()
    names = ("offset", "sourceStart", "sourceEnd")
    offset, first, last = (Fraction(str(cmds.getAttr(f"{node}.{name}"))) for name in names)
    # At frame ``offset`` the timeline plays the file from ``sourceStart`` on; a cut sound has an end, too.
    start = offset - first
    heard = (start + first, start + last) if last > first else None
    return (host.Soundtrack(Path(path), start, heard),)


def unheard_sounds() -> list[str]:
    """Return the sounds with a file that are not muted and not that of the timeline, as in Trax or the sequencer."""
    audible = _audible_node()
    return sorted(
        str(node)
        for node in cmds.ls(type="audio") or []
        if node != audible and cmds.getAttr(f"{node}.filename") and not cmds.getAttr(f"{node}.mute")
    )


def _audible_node() -> str:
    if cmds.about(batch=True) or not cmds.timeControl(time_slider(), query=True, displaySound=True):
        return ""
    node = str(cmds.timeControl(time_slider(), query=True, sound=True) or "")
    # The timeline may still name a node that was deleted.
    return node if node and cmds.objExists(node) and not cmds.getAttr(f"{node}.mute") else ""
