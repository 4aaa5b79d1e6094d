"""The settings that decide where a camera shows things: those that a version stores, and what has changed since."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Union

from ft_dcc.frames import FrameRange

# A number or a choice by the name of the setting, as an artist reads it in the program.
Settings = Mapping[str, Union[float, str]]
# The values of a setting when the version was captured, and now, by its name.
Changes = dict[str, tuple[Union[float, str], Union[float, str]]]

# An animated lens is stored at so many frames: a host evaluates its scene for each of them.
_MAX_FRAMES = 5
# Programs store single precision.
_TOLERANCE = 1e-4


def sampled_frames(frame_range: FrameRange) -> list[int]:
    """Return the frames whose settings a version stores: the first, the last, and some between.

    >>> sampled_frames(FrameRange(1001, 1101)), sampled_frames(FrameRange(7, 8))
    ([1001, 1026, 1051, 1076, 1101], [7, 8])
    """
    start, end = frame_range.start, frame_range.end
    steps = _MAX_FRAMES - 1
    return sorted({start + (end - start) * index // steps for index in range(_MAX_FRAMES)})


def changed_settings(stored: Mapping[int, Settings], present: Mapping[int, Settings]) -> Changes:
    """Return the settings that differ at a frame, with the values of the first such frame.

    Frames and settings that only one of the two has are left out.

    >>> changed_settings({1: {"lens": 50.0, "fit": "AUTO"}}, {1: {"lens": 35.0, "fit": "AUTO"}})
    {'lens': (50.0, 35.0)}
    """
    found: Changes = {}
    for frame in sorted(stored.keys() & present.keys()):
        now = present[frame]
        for name, then in stored[frame].items():
            if name in now and name not in found and not _is_equal(then, now[name]):
                found[name] = (then, now[name])
    return found


def describe_changes(changes: Changes) -> str:
    """Return the changes in words.

    >>> describe_changes({"lens": (50.0, 35.0), "sensor fit": ("AUTO", "VERTICAL")})
    'lens (50, now 35) and sensor fit (AUTO, now VERTICAL)'
    """
    texts = [f"{name} ({_text(then)}, now {_text(now)})" for name, (then, now) in changes.items()]
    return " and ".join(part for part in (", ".join(texts[:-1]), texts[-1]) if part)


def _text(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.5g}"


def _is_equal(then: float | str, now: float | str) -> bool:
    if isinstance(then, str) or isinstance(now, str):
        return then == now
    return math.isclose(then, now, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
