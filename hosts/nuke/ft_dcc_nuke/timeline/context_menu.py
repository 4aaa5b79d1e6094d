"""The command in the menu of a right click on a timeline and on its spreadsheet.

The module can be imported once the program has its module hiero, and the core is not loaded for it.
"""

from __future__ import annotations

from typing import Any

import hiero.core
import hiero.core.events
import hiero.ui

from .selection import video_items

LABEL = "Publish to ft-dcc…"
# One string: a name without a subtype raises an error in some versions.
_EVENTS = ("kShowContextMenu/kTimeline", "kShowContextMenu/kSpreadsheet")

# The window keeps no reference to an action.
_actions: list[Any] = []


def install() -> None:
    """Add the command, once."""
    uninstall()
    _actions.append(hiero.ui.createMenuAction(LABEL, _publish))
    for event in _EVENTS:
        hiero.core.events.registerInterest(event, _add_command)


def uninstall() -> None:
    """Remove the command."""
    for event in _EVENTS:
        hiero.core.events.unregisterInterest(event, _add_command)
    _actions.clear()


def _add_command(event: Any) -> None:
    # An event of another kind of view has no selection.
    selected = list(event.sender.selection() or ()) if hasattr(event.sender, "selection") else []
    if not _actions or any(isinstance(each, (hiero.core.VideoTrack, hiero.core.AudioTrack)) for each in selected):
        # A right click on the head of a track.
        return
    _actions[0].setEnabled(bool(video_items(selected)))
    event.menu.addAction(_actions[0])


def _publish(*_checked: object) -> None:
    from ft_dcc_nuke import commands

    commands.publish_timeline()
