"""The settings that decide where a camera shows things: those that a version stores, and what has changed since."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, Union

from ft_dcc.frames import FrameRange

# A number or a choice by the name of the setting, as an artist reads it in the program.
Settings = Mapping[str, Union[float, str]]
# The values of a setting when the version was captured, and now, by its name.
Changes = dict[str, tuple[Union[float, str], Union[float, str]]]

_RANGE = re.compile(r"(-?\d{1,9})-(-?\d{1,9})(?:x(\d{1,9}))?")
# Programs store single precision.
_DIGITS, _TOLERANCE = 7, 1e-4


def pack_settings(by_frame: Mapping[int, Settings]) -> dict[str, dict[str, Any]]:
    """Return the settings by frame in the form that a version stores: by range of frames.

    A value that changes in its range is a list of values, each with the number of frames that have it.

    >>> pack_settings({1: {"fit": "AUTO", "lens": 50.0}, 2: {"fit": "AUTO", "lens": 50.0}})
    {'1-2': {'fit': 'AUTO', 'lens': 50.0}}
    >>> pack_settings({1: {"lens": 50.0}, 2: {"lens": 50.0}, 3: {"lens": 70.0}})
    {'1-3': {'lens': [[50.0, 2], [70.0, 1]]}}
    """
    packed: dict[str, dict[str, Any]] = {}
    for frames in _ranges(by_frame):
        settings = packed[str(FrameRange(frames[0], frames[-1], step=frames.step))] = {}
        for name in by_frame[frames[0]]:
            values = [by_frame[frame][name] for frame in frames]
            rounded = [value if isinstance(value, str) else float(f"{value:.{_DIGITS}g}") for value in values]
            runs = [[value, len(list(group))] for value, group in groupby(rounded)]
            settings[name] = runs if len(runs) > 1 else rounded[0]
    return packed


def settings_at(stored: Mapping[str, Any], frames: Iterable[int]) -> dict[int, Settings]:
    """Return the settings that a version stores for these frames, by frame.

    For a frame without settings they are those of the nearest frames before and after. What another client has written
    in another form is left out.

    >>> settings_at({"1-3": {"lens": [[50.0, 2], [70.0, 1]]}}, [2, 3])
    {2: {'lens': 50.0}, 3: {'lens': 70.0}}
    >>> settings_at({"1-21x10": {"lens": [[50.0, 2], [70.0, 1]]}}, [13])
    {11: {'lens': 50.0}, 21: {'lens': 70.0}}
    """
    parsed = {text: _frames_of(text) for text, settings in stored.items() if isinstance(settings, Mapping)}
    ranges = {text: numbers for text, numbers in parsed.items() if numbers}
    found: dict[int, Settings] = {}
    for frame in sorted({nearest for wanted in frames for nearest in _nearest(ranges.values(), wanted)}):
        text = next(text for text, numbers in ranges.items() if frame in numbers)
        index = ranges[text].index(frame)
        values = {str(name): _value_at(value, index) for name, value in stored[text].items()}
        found[frame] = {name: value for name, value in values.items() if value is not None}
    return found


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
    texts = []
    for name, values in changes.items():
        then, now = (value if isinstance(value, str) else f"{value:.5g}" for value in values)
        texts.append(f"{name} ({then}, now {now})")
    return " and ".join(part for part in (", ".join(texts[:-1]), texts[-1]) if part)


def _is_equal(then: float | str, now: float | str) -> bool:
    if isinstance(then, str) or isinstance(now, str):
        return then == now
    return math.isclose(then, now, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)


def _ranges(by_frame: Mapping[int, Settings]) -> Iterator[range]:
    """Yield ranges of frames at equal distances that have the same settings, whatever their values."""
    rest = sorted(by_frame)
    while rest:
        step = rest[1] - rest[0] if len(rest) > 1 else 1
        count = 1
        while (
            count < len(rest)
            and rest[count] - rest[count - 1] == step
            and by_frame[rest[count]].keys() == by_frame[rest[0]].keys()
        ):
            count += 1
        yield range(rest[0], rest[count - 1] + 1, step)
        rest = rest[count:]


def _frames_of(text: str) -> range:
    """Return the frames of a range in the form of ``FrameRange``; none for another text."""
    match = _RANGE.fullmatch(text)
    if match is None:
        return range(0)
    return range(int(match[1]), int(match[2]) + 1, int(match[3] or 1))


def _nearest(ranges: Iterable[range], frame: int) -> set[int]:
    """Return the stored frame, or the nearest ones before and after."""
    before, after = [], []
    for frames in ranges:
        if frames[0] <= frame:
            before.append(frames[min((frame - frames[0]) // frames.step, len(frames) - 1)])
        if frame <= frames[-1]:
            after.append(frames[max(-((frames[0] - frame) // frames.step), 0)])
    return {*sorted(before)[-1:], *sorted(after)[:1]}


def _value_at(value: object, index: int) -> float | str | None:
    """Return the value at an index of the range; None for another form than that of ``pack_settings``."""
    for run in value if isinstance(value, list) else [[value, index + 1]]:
        if not (isinstance(run, list) and len(run) == 2 and isinstance(run[1], int)):
            return None
        if index < run[1]:
            return run[0] if isinstance(run[0], (int, float, str)) and not isinstance(run[0], bool) else None
        index -= run[1]
    return None
