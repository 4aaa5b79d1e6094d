"""The cameras of the open scene."""

from __future__ import annotations

from maya import cmds

from ft_dcc.errors import CameraMissing


def find_cameras() -> list[str]:
    """Return the user's cameras by their shortest unique names, renderable ones first.

    Of several that are equally renderable, the camera of the active view goes first. The four cameras of every new
    scene are left out.
    """
    active, found = _active_view_camera(), []
    for shape in cmds.ls(type="camera") or []:
        if not cmds.camera(shape, query=True, startupCamera=True):
            name = str((cmds.listRelatives(shape, parent=True, path=True) or [shape])[0])
            is_active = bool(active) and active == _long_name(name)
            found.append((not cmds.getAttr(f"{shape}.renderable"), not is_active, name))
    return [name for _, _, name in sorted(found)]


def camera_shape(camera: str) -> str:
    """Return the node with the camera's settings; raise CameraMissing with the names of all cameras."""
    cameras = find_cameras()
    if camera not in cameras:
        if not cameras:
            raise CameraMissing(f"The scene has no camera {camera!r}, and no other that was added. Add one.")
        raise CameraMissing(f"The scene has no camera {camera!r}. Choose one of: {', '.join(cameras)}.")
    return str(cmds.listRelatives(camera, shapes=True, type="camera", path=True)[0])


def _active_view_camera() -> str:
    """Return the long name of the camera of the view that has the focus, or "" when no view has it."""
    if cmds.about(batch=True):
        return ""
    panel = str(cmds.getPanel(withFocus=True) or "")
    if not panel or str(cmds.getPanel(typeOf=panel)) != "modelPanel":
        return ""
    name = str(cmds.modelPanel(panel, query=True, camera=True))
    # Some versions return the shape.
    if cmds.nodeType(name) == "camera":
        name = str((cmds.listRelatives(name, parent=True, path=True) or [name])[0])
    return _long_name(name)


def _long_name(name: str) -> str:
    return str((cmds.ls(name, long=True) or [""])[0])
