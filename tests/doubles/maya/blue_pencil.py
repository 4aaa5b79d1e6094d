"""The plug-in Blue Pencil: layers of drawings of a camera, and the import of an archive."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from doubles.maya.contract import Invocation

if TYPE_CHECKING:
    from doubles.maya.program import Maya

FIRST_YEAR = 2023


def load_plugin(maya: Maya, call: Invocation) -> list[str]:
    if call.first() != "bluePencil" or maya.year < FIRST_YEAR:
        raise RuntimeError(f'Plug-in, "{call.first()}", was not found on MAYA_PLUG_IN_PATH.')
    if call.first() in maya.plugins and not call.flags.get("quiet"):
        maya.interface.messages.append(f"Warning: Plug-in {call.first()} is already loaded.")
    maya.plugins.add(call.first())
    return [call.first()]


def edit_frames(maya: Maya, call: Invocation) -> None:
    """Import an archive into a new layer of a camera: frame to the size of its image."""
    (flag,) = call.flags
    if flag != "importArchive":
        raise NotImplementedError(f"bluePencilFrame({flag})")
    view = maya.interface.require(call.command, maya.interface.focus, "panel")
    camera = view.values["camera"] if maya.imports_into_active_camera else "persp"
    with zipfile.ZipFile(call.flags["importArchive"]) as archive:
        root = ElementTree.fromstring(archive.read("greasePencil.xml"))  # noqa: S314 - our own archive
        frames = [(frame.attrib, archive.read(frame.attrib["file"])) for frame in root.iter("frame")]
    layer = {int(values["time"]): (int(values["duration"]), image) for values, image in frames}
    maya.scene.blue_pencil.setdefault(camera, []).append(layer)
    maya.record_change(call.command)


def query_layers(maya: Maya, call: Invocation) -> int:
    if "count" not in call.flags:
        raise NotImplementedError(f"bluePencilLayer({call.flags})")
    maya.scene.node(call.first())
    return len(maya.scene.blue_pencil.get(call.first(), []))


def query_node(maya: Maya, call: Invocation) -> bool:
    if "exists" not in call.flags:
        raise NotImplementedError(f"bluePencilNode({call.flags})")
    return bool(maya.scene.blue_pencil)


COMMANDS = {
    "loadPlugin": load_plugin,
    "bluePencilFrame": edit_frames,
    "bluePencilLayer": query_layers,
    "bluePencilNode": query_node,
}
