"""The shots of the Camera Sequencer: each is a source with a camera and a frame range of its own."""

from __future__ import annotations

import attrs
from maya import cmds

from ft_dcc.frames import FrameRange
from ft_dcc_maya.cameras import find_cameras


@attrs.frozen
class Shot:
    """A shot: the name of its node, its camera, its frames in the scene, and its name in the sequencer."""

    node: str
    camera: str
    frame_range: FrameRange
    label: str


def find_shots() -> list[Shot]:
    """Return the shots that are not muted and whose camera can be captured, in the order of their start."""
    nodes = [str(node) for node in cmds.ls(type="shot") or []]
    cameras = {str((cmds.ls(name, long=True) or [""])[0]): name for name in find_cameras()} if nodes else {}
    found = [shot for node in nodes if (shot := _read(node, cameras)) is not None]
    return sorted(found, key=lambda shot: (shot.frame_range.start, shot.node))


def camera_of(source: str) -> str:
    """Return the camera of the shot with this name, or the name itself for any other source."""
    return next((shot.camera for shot in find_shots() if shot.node == source), source)


def _read(node: str, cameras: dict[str, str]) -> Shot | None:
    camera = str(cmds.shot(node, query=True, currentCamera=True) or "")
    if not camera or not cmds.objExists(camera) or cmds.shot(node, query=True, mute=True):
        return None
    if cmds.nodeType(camera) == "camera":
        # The sequencer also accepts the shape.
        camera = str((cmds.listRelatives(camera, parent=True, path=True) or [camera])[0])
    name = cameras.get(str((cmds.ls(camera, long=True) or [""])[0]))
    first, last = cmds.shot(node, query=True, startTime=True), cmds.shot(node, query=True, endTime=True)
    if name is None or round(last) < round(first):
        return None
    label = str(cmds.shot(node, query=True, shotName=True) or "")
    return Shot(node, name, FrameRange(round(first), round(last)), label)
