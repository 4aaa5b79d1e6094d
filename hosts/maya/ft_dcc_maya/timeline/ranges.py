"""The frame ranges of the scene: of its animation, of the time slider, and of the selection in the time slider."""

from __future__ import annotations

import math
from typing import Any

from maya import cmds, mel

from ft_dcc.frames import FrameRange
from ft_dcc.settings.definitions import ANIMATION_RANGE, PLAYBACK_RANGE
from ft_dcc.settings.resolve import read_settings

SELECTION = "selection"


def scene_range() -> FrameRange:
    """Return the range that the setting ``maya_range`` names; raise SettingInvalid for a broken settings file."""
    return _range_of(read_settings().require("maya_range"))


def all_ranges() -> dict[str, FrameRange]:
    """Return each range of the time slider by its name; a selection only where there is one."""
    found = {name: _range_of(name) for name in (ANIMATION_RANGE, PLAYBACK_RANGE)}
    selected = _selection()
    return found if selected is None else {**found, SELECTION: selected}


def timeline() -> str:
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
    if cmds.about(batch=True) or not cmds.timeControl(timeline(), query=True, rangeVisible=True):
        return None
    selected: Any = cmds.timeControl(timeline(), query=True, rangeArray=True)
    # Its end is the first frame that is not selected.
    first, last = math.floor(selected[0]), math.ceil(selected[1]) - 1
    return FrameRange(first, last) if first <= last else None
