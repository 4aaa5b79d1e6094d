"""The tab "ft-dcc" of a Write node: what is to become of its renders, as knobs that travel in the script.

The knobs are plain data: no script is stored in them, and a Nuke without this package reads them as they are. A group
can have the tab in the place of a Write within it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import nuke

PUBLISH = "ft_dcc_publish"
OFF, ASK, ALWAYS = "off", "ask", "always"

_TAB = "ft_dcc_tab"
# Name, label, and what the artist is told about it.
_TEXTS = (
    ("ft_dcc_task", "task", "Its id, or PROJECT/SEQUENCE/SHOT/TASK. Nothing: the script's task, or the setting's."),
    ("ft_dcc_review", "review session", "Its name, or a rule as 'Dailies {date}'. Nothing: what the settings say."),
    ("ft_dcc_comment", "comment", "What is to be looked at."),
    ("ft_dcc_frames", "frames", "Those that a version must have, as 1001-1100 or 1001-1100x2. Nothing: all."),
    ("ft_dcc_colour", "colour of the film", "Display and view of the OCIO config, as 'sRGB - Display/Raw'."),
)
_NAMES = (PUBLISH, *(name for name, _, _ in _TEXTS))


def add(node: nuke.Node, when: str = ASK) -> None:
    """The node has the tab; one that had it keeps what was chosen there."""
    if node.knob(_TAB) is None:
        node.addKnob(nuke.Tab_Knob(_TAB, "ft-dcc"))
    if node.knob(PUBLISH) is None:
        choice = nuke.Enumeration_Knob(PUBLISH, "publish after render", [OFF, ASK, ALWAYS])
        choice.setTooltip("Whether a render becomes a version when all of its frames are there.")
        node.addKnob(choice)
        choice.setValue(when)
    for name, label, tooltip in _TEXTS:
        if node.knob(name) is None:
            knob = nuke.String_Knob(name, label)
            knob.setTooltip(tooltip)
            node.addKnob(knob)


def remove(node: nuke.Node) -> None:
    """The node has none of our knobs."""
    for name in (*reversed(_NAMES), _TAB):
        knob = node.knob(name)
        if knob is not None:
            node.removeKnob(knob)


def has_tab(node: nuke.Node) -> bool:
    """Whether the node says what is to become of its renders."""
    return node.knob(PUBLISH) is not None


def find_owner(node: nuke.Node) -> nuke.Node | None:
    """Return the node whose tab speaks for this Write: itself, or the nearest group around it that has one."""
    return next((each for each in _outwards(node) if has_tab(each)), None)


def read(owner: nuke.Node) -> Mapping[str, str]:
    """Return what its tab says; a knob that somebody took away says nothing."""
    found: dict[str, str] = {}
    for name in _NAMES:
        knob = owner.knob(name)
        value: Any = "" if knob is None else knob.value()
        found[name] = str(value or "").strip()
    return found


def _outwards(node: nuke.Node) -> Iterator[nuke.Node]:
    yield node
    # As many as there are names before its own: beyond the last lies the root.
    for _ in range(node.fullName().count(".")):
        node = node.parent()
        yield node


def add_to_new() -> None:
    """A Write that the artist has just made has the tab, switched off, where the settings want that."""
    try:
        from ft_dcc.config import read_settings

        if read_settings().get("tab_on_new_writes") == "true":
            add(nuke.thisNode(), OFF)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever is wrong with us, the node is made
        nuke.tprint(f"ft-dcc: the new node has no tab: {error}")
