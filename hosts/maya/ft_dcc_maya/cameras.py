"""The cameras of the open scene."""

from __future__ import annotations

from maya import cmds

from ft_dcc.errors import CameraMissing


def find_cameras() -> list[str]:
    """The cameras that somebody made, by the shortest name that is unique: renderable ones first.

    Of several that are alike in that, the one that the artist looks through goes first. The four cameras that every
    scene begins with are nobody's shot.
    """
    seen, found = _looked_through(), []
    for shape in cmds.ls(type="camera") or []:
        if not cmds.camera(shape, query=True, startupCamera=True):
            name = str((cmds.listRelatives(shape, parent=True, path=True) or [shape])[0])
            is_seen = bool(seen) and seen == _long_name(name)
            found.append((not cmds.getAttr(f"{shape}.renderable"), not is_seen, name))
    return [name for _, _, name in sorted(found)]


def shape_of(camera: str) -> str:
    """The node that has the camera's settings; raises CameraMissing, naming the cameras that there are."""
    there = find_cameras()
    if camera not in there:
        if not there:
            raise CameraMissing(f"The scene has no camera {camera!r}, nor any other of its own. Add one.")
        raise CameraMissing(f"The scene has no camera {camera!r}. Choose one of: {', '.join(there)}.")
    return str(cmds.listRelatives(camera, shapes=True, type="camera", path=True)[0])


def _looked_through() -> str:
    """The camera of the panel that has the focus, by its long name; "" where that is no view, or there is none."""
    if cmds.about(batch=True):
        return ""
    panel = str(cmds.getPanel(withFocus=True) or "")
    if not panel or str(cmds.getPanel(typeOf=panel)) != "modelPanel":
        return ""
    name = str(cmds.modelPanel(panel, query=True, camera=True))
    # Some versions answer with the shape.
    if cmds.nodeType(name) == "camera":
        name = str((cmds.listRelatives(name, parent=True, path=True) or [name])[0])
    return _long_name(name)


def _long_name(name: str) -> str:
    return str((cmds.ls(name, long=True) or [""])[0])
