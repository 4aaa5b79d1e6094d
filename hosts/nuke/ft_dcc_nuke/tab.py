"""The tab "ft-dcc" of a Write node: how its renders are published, as knobs that are saved in the script.

The knobs are plain data, and Nuke reads them without this package; the button says so if it is missing. A group can
have the tab instead of a Write inside of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nuke

PUBLISH = "ft_dcc_publish"
OFF, ASK, ALWAYS = "off", "ask", "always"

TASK, COLOUR = "ft_dcc_task", "ft_dcc_colour"
_TAB, _BUTTON = "ft_dcc_tab", "ft_dcc_publish_now"
# Nuke saves it with the script, so it must not fail where ft-dcc is not installed.
_BUTTON_SCRIPT = """\
try:
    from ft_dcc_nuke import commands
except ImportError:
    nuke.message("ft-dcc is not installed here.")
else:
    commands.publish_renders_of(nuke.thisNode())
"""
# Name, label and tooltip.
_TEXT_KNOBS = (
    (TASK, "task", "Its id, or PROJECT/SEQUENCE/SHOT/TASK. Empty: as the script or the settings say."),
    ("ft_dcc_review", "review session", "Its name, or a pattern such as 'Dailies {date}'. Empty: as the settings say."),
    ("ft_dcc_comment", "comment", "What reviewers should look at."),
    ("ft_dcc_frames", "frames", "Frames that a version must have, such as 1001-1100 or 1001-1100x2. Empty: all."),
    (COLOUR, "colour of the movie", "Display and view of the OCIO config, such as 'sRGB - Display/Raw'."),
)
_NAMES = (PUBLISH, *(name for name, _, _ in _TEXT_KNOBS))


def add(node: nuke.Node, when: str = ASK) -> None:
    """Add the tab to the node; existing knobs keep their values."""
    if node.knob(_TAB) is None:
        node.addKnob(nuke.Tab_Knob(_TAB, "ft-dcc"))
    if node.knob(PUBLISH) is None:
        choice = nuke.Enumeration_Knob(PUBLISH, "publish after render", [OFF, ASK, ALWAYS])
        choice.setTooltip("Whether a render is published as a version once it is complete.")
        node.addKnob(choice)
        choice.setValue(when)
    for name, label, tooltip in _TEXT_KNOBS:
        if node.knob(name) is None:
            knob = nuke.String_Knob(name, label)
            knob.setTooltip(tooltip)
            node.addKnob(knob)
    if node.knob(_BUTTON) is None:
        button = nuke.PyScript_Knob(_BUTTON, "Publish the last render", _BUTTON_SCRIPT)
        button.setTooltip("Publish what this node has rendered last, whatever is chosen above.")
        node.addKnob(button)


def remove(node: nuke.Node) -> None:
    """Remove all of our knobs from the node."""
    for name in (_BUTTON, *reversed(_NAMES), _TAB):
        knob = node.knob(name)
        if knob is not None:
            node.removeKnob(knob)


def find_owner(node: nuke.Node) -> nuke.Node | None:
    """Return the node with the tab for this Write: itself, or the nearest enclosing group that has one."""
    # One parent per dot in the full name; the parent of the last one is the root.
    for _ in range(node.fullName().count(".")):
        if node.knob(PUBLISH) is not None:
            return node
        node = node.parent()
    return node if node.knob(PUBLISH) is not None else None


def read_options(owner: nuke.Node) -> Mapping[str, str]:
    """Return the values of the tab's knobs; a knob that is missing counts as empty."""
    return {name: str(knob_value(owner, name) or "").strip() for name in _NAMES}


def knob_value(node: nuke.Node, name: str) -> Any:
    """Return the value of a knob, None for one that the node does not have."""
    knob = node.knob(name)
    return None if knob is None else knob.value()


def add_to_new_write() -> None:
    """Add the tab, switched off, to a Write that the artist creates, if the settings ask for it."""
    try:
        from ft_dcc.settings.resolve import read_settings

        script = nuke.root().name()
        if read_settings(folder=Path(script).parent if script != "Root" else None).get("tab_on_new_writes") == "true":
            add(nuke.thisNode(), OFF)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the node is created whatever is wrong with us
        nuke.tprint(f"ft-dcc: the new node has no tab: {error}")
