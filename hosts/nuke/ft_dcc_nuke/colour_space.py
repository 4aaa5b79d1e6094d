"""The colour space of a node's files, by its name in the OCIO config of the core.

Nuke's own names are those of its "nuke-default" config. Only those with an equivalent in OpenColorIO's built-in configs
are translated; any other name is kept, and a check of the core reports unknown ones.
"""

from __future__ import annotations

import re

import nuke

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
    """Return the name of the colour space of the node's files, or "" when Nuke does not know it."""
    raw, knob = node.knob("raw"), node.knob("colorspace")
    if knob is None:
        return ""
    # Raw files hold the values of the script's working space.
    name = "linear" if raw is not None and raw.value() else _strip_role(str(knob.value()))
    if uses_ocio():
        return "scene_linear" if name == "linear" else name
    return _OCIO_NAMES.get(name, name)


def ocio_config_path() -> str:
    """Return the path of the script's OCIO config; "" when Nuke manages colours itself or the environment names it."""
    if not uses_ocio():
        return ""
    root = nuke.root()
    path_knob = "customOCIOConfigPath" if root["OCIO_config"].value() == "custom" else "OCIOConfigPath"
    knob = root.knob(path_knob)
    return str(knob.value() or "") if knob is not None else ""


def uses_ocio() -> bool:
    """Return whether colour space names are those of an OCIO config."""
    return bool(nuke.root()["colorManagement"].value() == "OCIO")


def _strip_role(label: str) -> str:
    while (inner := _ROLE_PATTERN.fullmatch(label)) is not None:
        label = inner[1]
    # Large menus group the names in families: "ACES/ACES - ACEScg".
    name = label.rpartition("/")[2]
    return "" if name == "default" else name
