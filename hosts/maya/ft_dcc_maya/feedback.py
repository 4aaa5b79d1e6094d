"""Show drawings of reviewers in the scene: curves below the camera, on their frames.

Everything is below one group and can be removed without a trace; nothing of it is saved or captured. A copy of the
group, or one that the artist has renamed, is theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import attrs
from maya import cmds
from maya.api import OpenMaya

from ft_dcc.errors import CaptureFailed
from ft_dcc.host_support.feedback import aspect_problems, caption, drawings_in_range, within_limits
from ft_dcc.review.drawings import Drawing, Stroke

from .camera_plane import CameraPlane, gate_problems, is_animated
from .cameras import camera_shape
from .maintained import SceneRestore
from .temporary_nodes import ShownNodes, delete_with_drivers, show_from_to, without_trace

GROUP = "ftDccReviewNotes"
_MAX_CAPTION = 100
_MIN_LINE_WIDTH = 1.5
# Each stroke is a node; more of them make the scene slow.
_MAX_STROKES, _MAX_POINTS = 5_000, 500_000
_CAPTION_PLACE = (0.02, 0.96)
_CAPTION_LINE = 0.05
_WHITE = (1.0, 1.0, 1.0)
_REFERENCE = 2


@attrs.frozen
class _View:
    """The camera that drawings are shown to, and the size of the scene's image."""

    transform: str
    shape: str
    width: int
    height: int


def show(drawings: Sequence[Drawing], source: str, first: int, last: int) -> list[str]:
    """Show the drawings instead of those that are shown, and return a sentence for each problem.

    Drawings outside of the frames from ``first`` to ``last`` are left out. Raises CameraMissing, or CaptureFailed for
    a camera that is locked; the scene is as before if an error is raised.
    """
    clear()
    problems = _show(tuple(drawings), source, first, last)
    if find_groups():
        _shown.keep(partial(_show, tuple(drawings), source, first, last))
    return problems


def _show(drawings: Sequence[Drawing], source: str, first: int, last: int) -> list[str]:
    shape = camera_shape(source)
    width, height = (int(cmds.getAttr(f"defaultResolution.{name}")) for name in ("width", "height"))
    inside, problems = drawings_in_range(drawings, first, last)
    problems += aspect_problems(inside, width, height)
    if not inside:
        return problems
    has_copies = is_animated(shape)
    inside, more_problems = within_limits(
        inside,
        "Maya",
        width / height,
        max_strokes=_MAX_STROKES,
        max_points=_MAX_POINTS,
        copies_of=lambda drawing: drawing.last_frame - drawing.frame + 1 if has_copies else 1,
    )
    problems += more_problems
    with without_trace(shape):
        try:
            _add_groups(_View(source, shape, width, height), inside)
        except RuntimeError as error:
            delete_with_drivers(find_groups())
            message = f"Maya cannot show drawings below {source}: {str(error).strip()}"
            raise CaptureFailed(f"{message} Unlock the camera and try again.") from error
    consequence = "drawings may lie beside their places. See them on the review page."
    return problems + gate_problems(source, shape, consequence, is_plane=False)


def clear() -> None:
    """Remove everything that ``show`` made; do nothing if there is nothing."""
    _shown.remove()


def find_groups() -> list[str]:
    """Return the groups with drawings."""
    return [str(name) for name in cmds.ls(GROUP, type="transform", long=True) or []]


def hide(restore: SceneRestore) -> None:
    """Keep the drawings out of a capture until the scene is restored."""
    for group in find_groups():
        restore.set_attribute(f"{group}.visibility", False)


def _clear_scene() -> bool:
    """Remove the groups and return whether there was one."""
    groups = find_groups()
    if groups:
        (camera,) = cmds.listRelatives(groups[0], parent=True, fullPath=True)
        with without_trace(str(camera)):
            delete_with_drivers(groups)
    return bool(groups)


_shown = ShownNodes(_clear_scene)


def _add_groups(view: _View, drawings: Sequence[Drawing]) -> None:
    # In the root namespace, whichever the artist has set.
    top = _add_transform(f":{GROUP}", view.transform)
    # With a drawing override of this kind nothing of it can be selected.
    cmds.setAttr(f"{top}.overrideEnabled", True)
    cmds.setAttr(f"{top}.overrideDisplayType", _REFERENCE)
    cmds.setAttr(f"{top}.hiddenInOutliner", True)
    for index, drawing in enumerate(drawings):
        row = sum(_overlap(drawing, earlier) for earlier in drawings[:index])
        aspect = drawing.aspect or view.width / view.height
        for start, end, plane in _planes(view, drawing, aspect):
            group = _add_transform(f"note_{start}", top)
            show_from_to(group, start, end)
            for stroke in drawing.strokes(aspect):
                _add_curve(group, plane, stroke, view.height)
            _add_caption(group, plane, drawing, row)


def _overlap(drawing: Drawing, other: Drawing) -> bool:
    return other.frame <= drawing.last_frame and drawing.frame <= other.last_frame


def _planes(view: _View, drawing: Drawing, aspect: float) -> list[tuple[int, int, CameraPlane]]:
    """Return the plane of each part of the drawing's frames: one for all, or one a frame for an animated lens."""
    if not is_animated(view.shape):
        plane = CameraPlane.of(view.transform, view.shape, drawing.frame, aspect)
        return [(drawing.frame, drawing.last_frame, plane)]
    frames = range(drawing.frame, drawing.last_frame + 1)
    return [(frame, frame, CameraPlane.of(view.transform, view.shape, frame, aspect)) for frame in frames]


def _add_transform(name: str, parent: str) -> str:
    made = str(cmds.createNode("transform", name=name, parent=parent, skipSelect=True))
    return str(cmds.ls(made, long=True)[0])


def _add_curve(group: str, plane: CameraPlane, stroke: Stroke, height: int) -> None:
    points = [plane.point(x, y) for x, y, _ in stroke.points]
    if len(points) == 1:
        x, y, width = stroke.points[0]
        points.append(plane.point(x + width / 10, y))
    parent = OpenMaya.MSelectionList().add(group).getDependNode(0)
    function = OpenMaya.MFnNurbsCurve()
    function.create(
        OpenMaya.MPointArray([OpenMaya.MPoint(*point) for point in points]),
        OpenMaya.MDoubleArray([float(index) for index in range(len(points))]),
        1,
        OpenMaya.MFnNurbsCurve.kOpen,
        False,
        False,
        parent,
    )
    # One width for a stroke: the mean of its pen pressure.
    width = sum(each[2] for each in stroke.points) / len(stroke.points) * height
    shape = function.fullPathName()
    cmds.setAttr(f"{shape}.lineWidth", max(_MIN_LINE_WIDTH, width))
    _set_colour(shape, stroke.colour)
    if stroke.opacity < 1:
        cmds.setAttr(f"{shape}.overrideColorA", stroke.opacity)


def _add_caption(group: str, plane: CameraPlane, drawing: Drawing, row: int) -> None:
    """Add author and text at the bottom of the image, above those of other drawings on the frame."""
    place = _add_transform("caption", group)
    x, y = _CAPTION_PLACE
    cmds.setAttr(f"{place}.translate", *plane.point(x, y - row * _CAPTION_LINE))
    cmds.createNode("annotationShape", parent=place, skipSelect=True)
    shape = str(cmds.listRelatives(place, shapes=True, fullPath=True)[0])
    cmds.setAttr(f"{shape}.text", caption(drawing, _MAX_CAPTION), type="string")
    cmds.setAttr(f"{shape}.displayArrow", False)
    _set_colour(shape, _WHITE)


def _set_colour(shape: str, colour: tuple[float, float, float]) -> None:
    # Maya shows these values as they are, without the view transform.
    cmds.setAttr(f"{shape}.overrideEnabled", True)
    cmds.setAttr(f"{shape}.overrideDisplayType", _REFERENCE)
    cmds.setAttr(f"{shape}.overrideRGBColors", True)
    cmds.setAttr(f"{shape}.overrideColorRGB", *colour)
