"""The colour space of a node's files, by its name in the OCIO config of the core.

Nuke's own names are those of its "nuke-default" config. Only those with an equivalent in OpenColorIO's built-in configs
are translated; any other name is kept, and a check of the core reports unknown ones.
"""

from __future__ import annotations

import re

import nuke

from ft_dcc.settings.definitions import DISPLAY_COLOURS

from .tab import knob_value

# View and display of a Viewer.
_VIEW_PATTERN = re.compile(r"(.+) \(([^()]+)\)")
# For a role or a default, Nuke shows the space in brackets: "scene_linear (ACES - ACEScg)", "default (sRGB)".
_ROLE_PATTERN = re.compile(r"[a-z_]+ \((.+)\)")
_OCIO_NAMES = {
    "linear": "lin_rec709",
    "sRGB": "srgb_tx",
    "Gamma1.8": "g18_rec709_tx",
    "Gamma2.2": "g22_rec709_tx",
    "Gamma2.4": "g24_rec709_tx",
    # Nuke's rec709 is a camera curve; the curve of a monitor is the nearest.
    "rec709": "g24_rec709_tx",
}


def colour_space_of(node: nuke.Node) -> str:
    """Return the name of the colour space of the node's files, or "" when Nuke does not know it.

    With a display and a view as output transform, the knob ``colorspace`` is not that of the files.
    """
    is_raw, space = knob_value(node, "raw"), knob_value(node, "colorspace")
    if knob_value(node, "transformType") == "display" and not is_raw:
        return DISPLAY_COLOURS
    # Raw files hold the values of the script's working space.
    return "" if space is None else ocio_name("linear" if is_raw else str(space), is_ocio=uses_ocio())


def ocio_name(label: str, *, is_ocio: bool) -> str:
    """Return the name in the OCIO config of the core for a colour space as Nuke shows it, "" for a default.

    ``is_ocio`` says whether the names are those of an OCIO config other than Nuke's own.
    """
    while (inner := _ROLE_PATTERN.fullmatch(label)) is not None:
        label = inner[1]
    # Large menus group the names in families: "ACES/ACES - ACEScg".
    name = label.rpartition("/")[2]
    name = "" if name == "default" else name
    if is_ocio:
        return "scene_linear" if name == "linear" else name
    return _OCIO_NAMES.get(name, name)


def use_display_colours(write: nuke.Node, wanted: str) -> None:
    """Let a Write convert its images for a display.

    ``wanted`` is "display/view"; without it, the Viewer that is shown decides. A Write without a matching choice
    keeps its default.
    """
    viewer = nuke.activeViewer() if nuke.GUI and not wanted else None
    process = "" if viewer is None else str(knob_value(viewer.node(), "viewerProcess") or "")
    # "ACES 1.0 - SDR Video (sRGB - Display)"; without OCIO only the name, as in "rec709".
    found = _VIEW_PATTERN.fullmatch(process)
    display, view = (found[2], found[1]) if found is not None else ("", process)
    if wanted:
        display, _, view = wanted.rpartition("/")
    before = knob_value(write, "transformType")
    if not uses_ocio():
        _choose(write, ("colorspace",), view)
    elif _choose(write, ("transformType",), "display"):
        # The names of the knobs differ between versions.
        has_display = _choose(write, ("ocioDisplay", "display"), display)
        if not (has_display and _choose(write, ("ocioView", "view"), view)):
            write["transformType"].setValue(before)


def _choose(node: nuke.Node, names: tuple[str, ...], wanted: str) -> bool:
    """Set the first of these knobs to a choice that it has; return whether it is set."""
    knob = next((knob for name in names if (knob := node.knob(name)) is not None), None)
    if knob is None or not wanted:
        return False
    choices: list[str] = list(knob.values()) if isinstance(knob, nuke.Enumeration_Knob) else []
    # Large menus group the names in families: "ACES/ACES - ACEScg".
    found = next((choice for choice in choices if wanted in (choice, choice.rpartition("/")[2])), None)
    if found is None:
        return False
    knob.setValue(found)
    return True


def ocio_config_path() -> str:
    """Return the path of the script's OCIO config; "" when Nuke manages colours itself or the environment names it."""
    if not uses_ocio():
        return ""
    root = nuke.root()
    path_knob = "customOCIOConfigPath" if root["OCIO_config"].value() == "custom" else "OCIOConfigPath"
    return str(knob_value(root, path_knob) or "")


def uses_ocio() -> bool:
    """Return whether colour space names are those of an OCIO config."""
    return bool(nuke.root()["colorManagement"].value() == "OCIO")
