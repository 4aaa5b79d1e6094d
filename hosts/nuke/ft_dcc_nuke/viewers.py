"""Show a node of the suite in the Viewers without a connection: as their input process.

A Viewer passes each image that it shows through the node that is its input process; renders do not. Source: Foundry's
user guide, "Input Process and Viewer Process Controls".
"""

from __future__ import annotations

import json

import nuke

from .node_info import is_limited

# A knob of the shown node with the Viewers' values before. In the script they outlast a crash of Nuke.
_VALUES = "ft_dcc_viewers"
# Defaults of Nuke: the node is used as soon as one of this name exists.
_NAME, _IS_ON = "VIEWER_INPUT", True


def show_in_viewers(node: nuke.Node) -> list[str]:
    """Make the node the input process of the Viewers without one, and return a sentence if a Viewer is left out."""
    name = node.fullName()
    if is_limited():
        return [
            "In this edition of Nuke, Python reaches ten nodes of a script only, so no Viewer shows the drawings yet. "
            f"Connect a Viewer to {name}."
        ]
    own, free = [], {}
    for viewer in _all_viewers():
        if _has_input_process(viewer):
            own.append(viewer.fullName())
        else:
            free[viewer.fullName()] = viewer
    knob = nuke.String_Knob(_VALUES, "")
    knob.setFlag(nuke.INVISIBLE)
    node.addKnob(knob)
    # Before the Viewers change, so that an error leaves nothing that cannot be restored.
    knob.setValue(json.dumps({each: _values(viewer) for each, viewer in free.items()}))
    for viewer in free.values():
        _set(viewer, name, True)
    if not own:
        return []
    return [f"An input process of your own is on in {', '.join(own)}. Connect {name} there to see the drawings."]


def restore_viewers(node: nuke.Node, name: str) -> None:
    """Give the Viewers that show the node under this name their values before; the artist's own changes stay."""
    knob = node.knob(_VALUES)
    if knob is None or not knob.value():
        return
    before = json.loads(str(knob.value()))
    # The artist may keep the node under another name.
    knob.setValue("")
    for viewer in _all_viewers():
        if viewer["input_process_node"].value() == name:
            # A copy, or a Viewer with another name, has Nuke's defaults.
            _set(viewer, *before.get(viewer.fullName(), (_NAME, _IS_ON)))


def _all_viewers() -> list[nuke.Node]:
    return list(nuke.allNodes("Viewer", group=nuke.root(), recurseGroups=True))


def _values(viewer: nuke.Node) -> tuple[str, bool]:
    return str(viewer["input_process_node"].value()), bool(viewer["input_process"].value())


def _set(viewer: nuke.Node, name: str, is_on: bool) -> None:
    viewer["input_process_node"].setValue(name)
    viewer["input_process"].setValue(is_on)


def _has_input_process(viewer: nuke.Node) -> bool:
    name, is_on = _values(viewer)
    # The name is that of a node of the script, or of the Viewer's group.
    home = viewer.fullName().rpartition(".")[0]
    known = {name, f"{home}.{name}".lstrip(".")} if name else set()
    return is_on and any(nuke.toNode(each) is not None for each in known)
