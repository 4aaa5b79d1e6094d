"""The cameras of the open scene, and the plane behind the near clip plane of one that its image covers exactly.

Nothing changes the time. Source: Autodesk's reference of the camera node. Apertures and their offsets are in inches,
the focal length in millimetres.
"""

from __future__ import annotations

import attrs
from maya import cmds
from maya.api import OpenMaya

from ft_dcc.errors import CameraMissing

Vector = tuple[float, float, float]

_MILLIMETRES_PER_INCH = 25.4
# In front of everything that the camera sees, and behind its near clip plane.
_BEHIND_NEAR = 1.05
# Values of filmFit; 2 is vertical.
_FILL, _HORIZONTAL, _OVERSCAN = 0, 1, 3
# What moves the image in other ways, with the value that does nothing.
_GATE_TRANSFORMS = {
    "filmFitOffset": 0.0,
    "preScale": 1.0,
    "postScale": 1.0,
    "filmTranslateH": 0.0,
    "filmTranslateV": 0.0,
    "filmRollValue": 0.0,
}
_PLANE_TRANSFORMS = {"horizontalFilmOffset": 0.0, "verticalFilmOffset": 0.0, "lensSqueezeRatio": 1.0}


def find_cameras() -> list[str]:
    """Return the user's cameras by their shortest unique names, renderable ones first.

    Of several that are equally renderable, the camera of the active view goes first. The four cameras of every new
    scene are left out.
    """
    panel = "" if cmds.about(batch=True) else str(cmds.getPanel(withFocus=True) or "")
    active, found = _camera_of_panel(panel) if panel else "", []
    for shape in cmds.ls(type="camera") or []:
        if not cmds.camera(shape, query=True, startupCamera=True):
            name = transform_of(shape)
            is_active = bool(active) and active == long_name(name)
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


def _camera_of_panel(panel: str) -> str:
    if str(cmds.getPanel(typeOf=panel)) != "modelPanel":
        return ""
    name = str(cmds.modelPanel(panel, query=True, camera=True))
    # Some versions return the shape.
    return long_name(transform_of(name) if cmds.nodeType(name) == "camera" else name)


def hidden_problems(camera: str) -> list[str]:
    """Return a sentence if the views through the camera hide curves below it: no NURBS curves, or isolated objects."""
    if cmds.about(batch=True):
        return []
    views = [each for each in cmds.getPanel(visiblePanels=True) or [] if _camera_of_panel(each) == long_name(camera)]
    with_curves = [each for each in views if cmds.modelEditor(each, query=True, nurbsCurves=True)]
    shown = [each for each in with_curves if not cmds.modelEditor(each, query=True, viewSelected=True)]
    if shown or not views:
        return []
    message = f"The view through {camera} hides the drawings: it hides NURBS curves or isolates objects."
    return [f"{message} Choose Show, NURBS Curves in the menu of the view, and turn Isolate Select off."]


def transform_of(shape: str) -> str:
    """Return the shortest unique name of the node that the shape belongs to."""
    return str((cmds.listRelatives(shape, parent=True, path=True) or [shape])[0])


def long_name(name: str) -> str:
    """Return the whole path of a node, "" if it does not exist."""
    return str((cmds.ls(name, long=True) or [""])[0])


@attrs.frozen
class CameraPlane:
    """A plane in the space of the camera's transform, at one frame, for an image of one aspect."""

    # Lengths on the plane.
    size: tuple[float, float]
    centre: tuple[float, float]
    depth: float
    # Maps the camera without scale to its transform.
    to_local: OpenMaya.MMatrix

    @classmethod
    def of(cls, transform: str, shape: str, frame: float, aspect: float) -> CameraPlane:
        """Return the plane of the camera at the frame; ``aspect`` is width by height of the image."""
        depth = _length(shape, "nearClipPlane", frame) * _BEHIND_NEAR
        to_local = _without_scale(transform, frame)
        if cmds.getAttr(f"{shape}.orthographic"):
            width = _length(shape, "orthographicWidth", frame)
            return cls((width, width / aspect), (0.0, 0.0), depth, to_local)
        squeeze = _value(shape, "lensSqueezeRatio", frame)
        scale = (
            depth / _value(shape, "focalLength", frame) * _MILLIMETRES_PER_INCH * _value(shape, "cameraScale", frame)
        )
        offsets = [_value(shape, f"{name}FilmOffset", frame) for name in ("horizontal", "vertical")]
        width, height = gate_size(shape, frame, aspect)
        centre = (offsets[0] * squeeze * scale, offsets[1] * scale)
        return cls((width * scale, height * scale), centre, depth, to_local)

    def point(self, x: float, y: float) -> Vector:
        """Return the place of a point of the image in the space of the camera's transform."""
        across = self.centre[0] + (x - 0.5) * self.size[0]
        up = self.centre[1] + (0.5 - y) * self.size[1]
        place = OpenMaya.MPoint(across, up, -self.depth) * self.to_local
        return place.x, place.y, place.z


def gate_size(shape: str, frame: float, aspect: float) -> tuple[float, float]:
    """Return the part of the film that an image of this aspect, width by height, shows; both sides in inches."""
    width, height = (_value(shape, f"{name}FilmAperture", frame) for name in ("horizontal", "vertical"))
    if cmds.getAttr(f"{shape}.orthographic"):
        return width, width / aspect
    width *= _value(shape, "lensSqueezeRatio", frame)
    fit, is_wider = int(cmds.getAttr(f"{shape}.filmFit")), aspect >= width / height
    # The image shares its width or its height with the gate.
    if fit == _HORIZONTAL or (fit == _FILL and is_wider) or (fit == _OVERSCAN and not is_wider):
        return width, width / aspect
    return height * aspect, height


def is_animated(shape: str) -> bool:
    """Return whether something drives an attribute of the camera's shape, such as its focal length."""
    drivers = cmds.listConnections(shape, source=True, destination=False, shapes=True) or []
    # An image plane is connected, too, and drives nothing.
    return any(cmds.nodeType(driver) != "imagePlane" for driver in drivers)


def gate_problems(camera: str, shape: str, consequence: str, *, is_plane: bool = True) -> list[str]:
    """Name the attributes that move the image of the camera in a way that is not computed.

    ``is_plane`` adds those for which the place of an image plane is not documented.
    """
    neutrals = {**_GATE_TRANSFORMS, **(_PLANE_TRANSFORMS if is_plane else {})}
    found = [name for name, neutral in neutrals.items() if cmds.getAttr(f"{shape}.{name}") != neutral]
    return [f"{camera} has {', '.join(found)}, so {consequence}"] if found else []


def _value(shape: str, name: str, frame: float) -> float:
    return float(cmds.getAttr(f"{shape}.{name}", time=frame))


def _length(shape: str, name: str, frame: float) -> float:
    # getAttr returns the unit of the scene, curves are created in centimetres.
    return float(OpenMaya.MDistance.uiToInternal(_value(shape, name, frame)))


def _without_scale(transform: str, frame: float) -> OpenMaya.MMatrix:
    """Return the matrix that undoes the scale: a camera looks without it, but what is below it inherits it."""
    world = [float(each) for each in cmds.getAttr(f"{transform}.worldMatrix[0]", time=frame)]
    unscaled = list(world)
    for row in (0, 4, 8):
        axis = OpenMaya.MVector(*world[row : row + 3]).normal()
        unscaled[row : row + 3] = axis.x, axis.y, axis.z
    return OpenMaya.MMatrix(unscaled) * OpenMaya.MMatrix(world).inverse()
