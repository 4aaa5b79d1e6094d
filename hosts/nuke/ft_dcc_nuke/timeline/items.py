"""Read items of a timeline: their files, the part that they show, and why an item cannot be published.

Nothing is changed. Sources: Foundry's reference of hiero.core, and the exporters that Nuke Studio installs
(``hiero/core/FnExporterBase.py``, ``hiero/exporters/FnFrameExporter.py``).
"""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path
from typing import Any

import hiero.core
import hiero.ui

from ft_dcc.files.sequences import IMAGE_SUFFIXES, is_sequence
from ft_dcc.frames import FrameRange, frame_rate
from ft_dcc.host import Footage
from ft_dcc_nuke.colour_space import ocio_config_path, ocio_name, uses_ocio
from ft_dcc_nuke.edition import is_hiero

# Scripts as clips: "comps" of Nuke Studio.
_SCRIPT_SUFFIXES = (".nk", ".nknc", ".nkind")
# The program computes with floats.
_TOLERANCE = 0.0001
_VIEW_PLACEHOLDERS = ("%v", "%V")


def is_there(item: Any) -> bool:
    """Return whether the item is still in a timeline."""
    # The object of a closed project is false; a deleted item has no track.
    return bool(item) and bool(item.parent())


def full_name(item: Any) -> str:
    """Return sequence and name of the item: "cut_v3/sh010"."""
    return f"{item.parent().parent().name()}/{str(item.name()).replace('/', '_')}"


def obstacle(item: Any) -> str:
    """Return why the item cannot be published and what to do instead, "" if it can."""
    if not item.isEnabled():
        return "is disabled. Enable it first."
    clip = item.source()
    if not isinstance(clip, hiero.core.Clip):
        return "is a nested sequence. Export it, and publish the exported file."
    if not item.isMediaPresent():
        return "is offline. Reconnect its media first."
    pattern = _pattern(clip)
    if pattern.lower().endswith(_SCRIPT_SUFFIXES):
        return "is a comp. Render it, and publish its render."
    if any(placeholder in pattern for placeholder in _VIEW_PLACEHOLDERS):
        return "has several views. Add the files of each view to the dialog."
    return _retime(item)


def _retime(item: Any) -> str:
    speed = float(item.playbackSpeed())
    what = ""
    if speed < 0:
        what = "is reversed"
    elif speed == 0:
        what = "is a freeze frame"
    elif abs(speed - 1) > _TOLERANCE:
        what = f"is retimed to {100 * speed:.4g} %"
    elif not _has_whole_frames(item):
        what = "does not show its media frame by frame"
    elif any(_is_retiming(effect, item) for effect in itertools.chain(*item.parent().subTrackItems())):
        what = "has a TimeWarp"
    return f"{what}. Export it, and publish the exported file." if what else ""


def _has_whole_frames(item: Any) -> bool:
    ends = (float(item.sourceIn()), float(item.sourceOut()))
    is_whole = all(abs(end - round(end)) < _TOLERANCE for end in ends)
    return is_whole and round(ends[1]) - round(ends[0]) + 1 == int(item.duration())


def _is_retiming(effect: Any, item: Any) -> bool:
    """Return whether an item of the track's layers is an enabled TimeWarp over this item."""
    if not isinstance(effect, hiero.core.EffectTrackItem) or not effect.isEnabled():
        return False
    if effect.node().Class() != "TimeWarp":
        return False
    linked = list(effect.linkedItems())
    if linked:
        return any(each == item for each in linked)
    return bool(effect.timelineIn() <= item.timelineOut() and item.timelineIn() <= effect.timelineOut())


def footage_of(item: Any) -> Footage:
    """Return the files of the item and the part of them that it shows.

    Frames of an item are counted from the first one of its clip, which is 0 in a movie and the number of the first
    file in a sequence.
    """
    clip = item.source()
    pattern, rate = _pattern(clip), frame_rate_of(item.parent().parent())
    is_ocio, ocio = _colour_management(item.parent().parent())
    space = _colour_space(clip, is_ocio=is_ocio)
    if not is_sequence(pattern) and Path(pattern).suffix.lower() in IMAGE_SUFFIXES:
        return Footage(pattern, colour_space=space, ocio=ocio)
    first, start, end = int(clip.sourceIn()), round(item.sourceIn()), round(item.sourceOut())
    head, tail = max(0, start), max(0, int(clip.duration()) - 1 - end)
    cut = FrameRange(first + start, first + end, head, tail)
    return Footage(pattern, colour_space=space, ocio=ocio, cut=cut, fps=rate)


def file_name(item: Any) -> str:
    """Return the name of the item's files without their folder."""
    return _pattern(item.source()).replace("\\", "/").rpartition("/")[2]


def select(item: Any) -> None:
    """Select only this item in its timeline."""
    hiero.ui.getTimelineEditor(item.parent().parent()).setSelection([item])


def _pattern(clip: Any) -> str:
    return str(clip.mediaSource().fileinfos()[0].filename())


def frame_rate_of(sequence: Any) -> Fraction | None:
    """Return the exact frame rate of the sequence, None if it has none."""
    base = sequence.framerate()
    if not base.isValid():
        return None
    numerator, denominator = base.toRational()
    return frame_rate(Fraction(int(numerator), int(denominator)))


def _colour_space(clip: Any, *, is_ocio: bool) -> str:
    name = str(clip.sourceMediaColourTransform() or "")
    return ocio_name("linear" if name == "raw" else name, is_ocio=is_ocio)


def _colour_management(sequence: Any) -> tuple[bool, str]:
    """Return whether colour spaces have the names of an OCIO config, and the path of that config.

    Hiero has no script that says so: the settings of the project decide there, as in Foundry's exporters
    (``hiero/core/FnNukeHelpers.py``, ``hiero/core/nuke/Script.py``). The path is "" when the environment names it.
    """
    if not is_hiero():
        return uses_ocio(), ocio_config_path()
    project = sequence.project()
    if project.useOCIOEnvironmentOverride():
        return True, ""
    path = str(project.ocioConfigPath() or "")
    # Nuke's own config, whose names are those of Nuke without OCIO.
    if not path or "nuke-default" in str(project.ocioConfigName() or ""):
        return False, ""
    return True, path
