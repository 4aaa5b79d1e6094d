"""Items of a timeline as sources; only Nuke Studio has timelines."""

from __future__ import annotations

import nuke


def has_timelines() -> bool:
    """Return whether this is Nuke Studio. Plain Nuke may have the module hiero too, but no timelines."""
    try:
        return bool(nuke.env["studio"])
    except KeyError:
        # A version without this edition.
        return False
