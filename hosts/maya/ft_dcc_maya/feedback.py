"""Show drawings of reviewers in the scene, and movies of versions.

Drawings are curves below the camera, on their frames. Everything is below one group and can be removed without a trace;
nothing of it is saved or captured. A copy of the group, or one that the artist has renamed, is theirs.

A movie is half transparent on an image plane in front of what the camera sees, and can be removed, too. Loaded frames
are behind the scene, and belong to the artist.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from maya import cmds
from maya.api import OpenMaya

from ft_dcc import errors, frames, host
from ft_dcc.files.sequences import frame_path
from ft_dcc.host_support.feedback import aspect_problems, caption, caption_rows, drawings_in_range, within_limits
from ft_dcc.review.drawings import Drawing, Stroke

from . import cameras, maintained

GROUP = "ftDccReviewNotes"
_MAX_CAPTION = 100
_MIN_LINE_WIDTH = 1.5
# Each stroke is a node; more of them make the scene slow.
_MAX_STROKES, _MAX_POINTS = 5_000, 500_000
_CAPTION_PLACE = (0.02, 0.96)
_CAPTION_LINE = 0.05
_WHITE = (1.0, 1.0, 1.0)
_REFERENCE = 2
MOVIE = "ftDccComparison"
_ALPHA = 0.5
_TO_SIZE = 4
_DISPLAY_NONE = 0
_BEHIND_NEAR = 1.02


def show(drawings: Sequence[Drawing], source: str, first: int, last: int) -> list[str]:
    """Show the drawings instead of those that are shown, and return a sentence for each problem.

    Drawings outside of the frames from ``first`` to ``last`` are left out. Raises CameraMissing, or CaptureFailed for
    a camera that is locked; the scene is as before if an error is raised.
    """
    clear()
    problems = _show(tuple(drawings), source, first, last)
    if find_groups():
        _shown.keep(partial(_show, tuple(drawings), source, first, last))
        problems += cameras.hidden_problems(source)
    return problems


def _show(drawings: Sequence[Drawing], source: str, first: int, last: int) -> list[str]:
    shape = cameras.camera_shape(source)
    width, height = (int(cmds.getAttr(f"defaultResolution.{name}")) for name in ("width", "height"))
    inside, problems = drawings_in_range(drawings, first, last)
    problems += aspect_problems(inside, width, height)
    if not inside:
        return problems
    has_copies = cameras.is_animated(shape)

    def copies_of(drawing: Drawing) -> int:
        return drawing.last_frame - drawing.frame + 1 if has_copies else 1

    limits = {"max_strokes": _MAX_STROKES, "max_points": _MAX_POINTS}
    inside, more_problems = within_limits(inside, "Maya", width / height, copies_of=copies_of, **limits)
    problems += more_problems
    with maintained.without_trace(shape), _locks_reported(f"drawings below {source}", _delete_groups):
        _add_groups(inside, source, shape, width / height, height)
    consequence = "drawings may lie beside their places. See them on the review page."
    return problems + cameras.gate_problems(source, shape, consequence, is_plane=False)


@contextmanager
def _locks_reported(what: str, clear: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Call ``clear`` and raise CaptureFailed if Maya cannot show it, as on a locked camera."""
    try:
        yield
    except RuntimeError as error:
        clear()
        raise errors.CaptureFailed(
            f"Maya cannot show {what}: {str(error).strip()} Unlock the camera and try again."
        ) from error


def find_groups() -> list[str]:
    """Return the groups with drawings."""
    return [str(name) for name in cmds.ls(GROUP, type="transform", long=True) or []]


def _delete_groups() -> None:
    maintained.delete_with_drivers(find_groups())


def hide(restore: maintained.SceneRestore) -> None:
    """Keep the drawings out of a capture until the scene is restored."""
    for group in find_groups():
        restore.set_attribute(f"{group}.visibility", False)


def _clear_scene() -> bool:
    groups = find_groups()
    if groups:
        (camera,) = cmds.listRelatives(groups[0], parent=True, fullPath=True)
        with maintained.without_trace(str(camera)):
            _delete_groups()
    return bool(groups)


_shown = maintained.ShownNodes(_clear_scene)
clear = _shown.remove


def _add_groups(drawings: Sequence[Drawing], camera: str, shape: str, scene_aspect: float, height: int) -> None:
    """Add the drawings below the camera; ``height`` is that of the scene's image in pixels."""
    # In the root namespace, whichever the artist has set.
    top = _add_transform(f":{GROUP}", camera)
    # With a drawing override of this kind nothing of it can be selected.
    cmds.setAttr(f"{top}.overrideEnabled", True)
    cmds.setAttr(f"{top}.overrideDisplayType", _REFERENCE)
    cmds.setAttr(f"{top}.hiddenInOutliner", True)
    for drawing, row in zip(drawings, caption_rows(drawings)):
        aspect, parts = drawing.aspect or scene_aspect, [(drawing.frame, drawing.last_frame)]
        if cameras.is_animated(shape):
            parts = [(frame, frame) for frame in range(drawing.frame, drawing.last_frame + 1)]
        for start, end in parts:
            plane = cameras.CameraPlane.of(camera, shape, start, aspect)
            group = _add_transform(f"note_{start}", top)
            maintained.show_from_to(group, start, end)
            for stroke in drawing.strokes(aspect):
                _add_curve(group, plane, stroke, height)
            _add_caption(group, plane, drawing, row)


def _add_transform(name: str, parent: str) -> str:
    made = str(cmds.createNode("transform", name=name, parent=parent, skipSelect=True))
    return str(cmds.ls(made, long=True)[0])


def _add_curve(group: str, plane: cameras.CameraPlane, stroke: Stroke, height: int) -> None:
    points = [plane.point(x, y) for x, y, _ in stroke.points]
    if len(points) == 1:
        x, y, width = stroke.points[0]
        points.append(plane.point(x + width / 10, y))
    parent = OpenMaya.MSelectionList().add(group).getDependNode(0)
    function = OpenMaya.MFnNurbsCurve()
    vertices = OpenMaya.MPointArray([OpenMaya.MPoint(*point) for point in points])
    knots = OpenMaya.MDoubleArray([float(index) for index in range(len(points))])
    function.create(vertices, knots, 1, OpenMaya.MFnNurbsCurve.kOpen, False, False, parent)
    # One width for a stroke: the mean of its pen pressure.
    width = sum(each[2] for each in stroke.points) / len(stroke.points) * height
    shape = function.fullPathName()
    cmds.setAttr(f"{shape}.lineWidth", max(_MIN_LINE_WIDTH, width))
    _set_colour(shape, stroke.colour)
    if stroke.opacity < 1:
        cmds.setAttr(f"{shape}.overrideColorA", stroke.opacity)


def _add_caption(group: str, plane: cameras.CameraPlane, drawing: Drawing, row: int) -> None:
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


def show_movie(movie: host.ComparedMovie, source: str) -> list[str]:
    """Show the movie instead of one that is shown, and return a sentence for each problem.

    Raises CameraMissing, or CaptureFailed for a camera that is locked or an image that Maya cannot use.
    """
    shape = cameras.camera_shape(source)
    clear_movie()
    _add_movie(movie, source)
    _shown_movie.keep(partial(_add_movie, movie, source))
    return cameras.gate_problems(source, shape, "the movie may lie beside its place. Compare on the review page.")


def load_frames(pattern: str, frame_range: frames.FrameRange, camera: str) -> None:
    """Show the frames behind the scene, as one undo step; raise CameraMissing, or CaptureFailed for a locked camera."""
    shape, first = cameras.camera_shape(camera), Path(frame_path(pattern, frame_range.start))
    cmds.undoInfo(openChunk=True, chunkName="ft-dcc: load frames")
    try:
        with _locks_reported(f"{first.name} on {camera}"):
            _make_sequence(shape, first)
    finally:
        cmds.undoInfo(closeChunk=True)


def hide_movie(restore: maintained.SceneRestore) -> None:
    """Keep the movie out of a capture until the scene is restored."""
    for plane in _find_planes():
        # Not its visibility, which has keys.
        restore.set_attribute(f"{plane}.displayMode", _DISPLAY_NONE)


def _find_planes() -> list[str]:
    names = cmds.ls(type="imagePlane", long=True) or []
    # Maya writes the place below a camera as "camera|cameraShape->ftDccComparison|ftDccComparisonShape".
    return [str(name) for name in names if str(name).replace("->", "|").rpartition("|")[2].startswith(MOVIE)]


def _clear_movie() -> bool:
    planes = _find_planes()
    for plane in planes:
        (transform,) = cmds.listRelatives(plane, parent=True, fullPath=True)
        with maintained.without_trace("defaultResolution"):
            maintained.delete_with_drivers([str(transform)])
    return bool(planes)


_shown_movie = maintained.ShownNodes(_clear_movie)
clear_movie = _shown_movie.remove


def _add_movie(movie: host.ComparedMovie, source: str) -> None:
    shape = cameras.camera_shape(source)
    with maintained.without_trace(shape), _locks_reported(f"{movie.name} on {source}", _clear_movie):
        _add_plane(shape, movie)


def _add_plane(shape: str, movie: host.ComparedMovie) -> None:
    transform, plane = _make_sequence(shape, movie.images.path(1), 1 - movie.first_frame, name=MOVIE)
    frame_range, size = movie.frame_range, movie.images.resolution
    width, height = cameras.gate_size(shape, frame_range.start, size.width / size.height)
    cmds.setAttr(f"{plane}.fit", _TO_SIZE)
    cmds.setAttr(f"{plane}.sizeX", width)
    cmds.setAttr(f"{plane}.sizeY", height)
    cmds.setAttr(f"{plane}.depth", float(cmds.getAttr(f"{shape}.nearClipPlane")) * _BEHIND_NEAR)
    cmds.setAttr(f"{plane}.alphaGain", _ALPHA)
    # There is no image before and after the movie.
    maintained.show_from_to(transform, frame_range.start, frame_range.end)


def _make_sequence(shape: str, first: Path, offset: int = 0, **flags: Any) -> tuple[str, str]:
    """Make an image plane that shows the image with the number of the time plus the offset, and select it."""
    made: Any = cmds.imagePlane(camera=shape, fileName=first.as_posix(), showInAllViews=False, **flags)
    transform, plane = map(str, made)
    cmds.setAttr(f"{plane}.frameOffset", offset)
    cmds.setAttr(f"{plane}.useFrameExtension", True)
    # Some versions have connected the time by now.
    if not cmds.listConnections(f"{plane}.frameExtension", source=True, destination=False):
        cmds.connectAttr("time1.outTime", f"{plane}.frameExtension")
    return transform, plane
