"""Which colour space a node's files are in, by the name that the core's OCIO config has for it.

The names of Nuke's own colours are those of its "nuke-default" config; only those that a config built into OpenColorIO
has, too, have a counterpart here. Another name stays what it is: a check of the core says when nobody knows it.
"""

from __future__ import annotations

import re

import nuke

# Of a role or a default, Nuke shows what it stands for: "scene_linear (ACES - ACEScg)", "default (sRGB)".
_STANDS_FOR = re.compile(r"[a-z_]+ \((.+)\)")
_COUNTERPARTS = {
    "linear": "lin_rec709",
    "sRGB": "srgb_tx",
    "Gamma1.8": "g18_rec709_tx",
    "Gamma2.2": "g22_rec709_tx",
    "Gamma2.4": "g24_rec709_tx",
    # Nuke's is a camera's curve; a monitor's is the nearest.
    "rec709": "g24_rec709_tx",
}


def space_of(node: nuke.Node) -> str:
    """The name of the colour space of the node's files; "" where Nuke says nothing of it."""
    raw, knob = node.knob("raw"), node.knob("colorspace")
    if knob is None:
        return ""
    # Written as they are, the numbers are those that the script works with.
    name = "linear" if raw is not None and raw.value() else _plain(str(knob.value()))
    if is_managed_by_ocio():
        return "scene_linear" if name == "linear" else name
    return _COUNTERPARTS.get(name, name)


def config_of_script() -> str:
    """The path of the script's OCIO config; "" where Nuke manages the colours itself, or the environment says it."""
    if not is_managed_by_ocio():
        return ""
    root = nuke.root()
    own = "customOCIOConfigPath" if root["OCIO_config"].value() == "custom" else "OCIOConfigPath"
    knob = root.knob(own)
    return str(knob.value() or "") if knob is not None else ""


def is_managed_by_ocio() -> bool:
    """Whether the names are those of an OCIO config."""
    return bool(nuke.root()["colorManagement"].value() == "OCIO")


def _plain(shown: str) -> str:
    while (inner := _STANDS_FOR.fullmatch(shown)) is not None:
        shown = inner[1]
    # A menu of many has them in families: "ACES/ACES - ACEScg".
    name = shown.rpartition("/")[2]
    return "" if name == "default" else name
