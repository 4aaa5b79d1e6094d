"""What the artist has selected in a timeline. The core is not loaded for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import hiero.core
import hiero.ui


def selected() -> list[Any]:
    """Return what is selected in the view that is used, or else in the timeline of the active sequence."""
    view = hiero.ui.activeView()
    if not hasattr(view, "selection"):
        sequence = hiero.ui.activeSequence()
        view = hiero.ui.getTimelineEditor(sequence) if sequence is not None else None
    return [] if view is None else list(view.selection() or ())


def video_items(selection: Iterable[Any]) -> list[Any]:
    """Return the items with images, without linked sound, effects, transitions and tracks."""
    items = [each for each in selection if isinstance(each, hiero.core.TrackItem)]
    return [item for item in items if item.mediaType() == hiero.core.TrackItem.MediaType.kVideo]
