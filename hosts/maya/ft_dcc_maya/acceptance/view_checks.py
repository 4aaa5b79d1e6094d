"""Checks of images: what a view draws, what a capture of it contains, image planes, sequence time and plug-ins."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from maya import cmds

from ft_dcc.contract.host_under_test import Check, CheckContext, Skipped, expected_error, require_equal
from ft_dcc.errors import Error, SettingInvalid
from ft_dcc.frames import Resolution
from ft_dcc.review.drawings import parse_drawing
from ft_dcc_maya import compare
from ft_dcc_maya.capture import draw_image
from ft_dcc_maya.host import MayaHost
from ft_dcc_maya.look import find_filters, view_transform
from ft_dcc_maya.viewport import artists_view, end_sequence_time, fixed_background, own_panel

# Between a view and a capture of it, for each of red, green and blue.
_COLOUR_TOLERANCE = 12
_PLATE_COLOURS = {1001: "red", 1002: "blue"}


def check_png(context: CheckContext) -> Mapping[str, Any]:
    """Return colour type and bit depth of an image, and the alpha and colour of its corner."""
    frames = context.capture("1001")
    header = frames.path(1001).read_bytes()[:26]
    context.show("as the suite captures it", frames.path(1001))
    corner = list(read_image(frames.path(1001)).pixelColor(0, 0).getRgb())
    require_equal(header[24], 8, "the bit depth")
    require_equal(header[25] in (2, 6), True, "the colour type is 2 (RGB) or 6 (RGB and alpha)")
    return {"colour type": header[25], "corner": corner}


def check_drawings(context: CheckContext) -> Mapping[str, Any]:
    """Check that a drawing of a reviewer is shown where it was drawn, and that nothing of it remains."""
    context.require_window()
    request = context.request("1003")
    line = {"kind": "line", "colour": "#ff8000", "width": 0.1, "from": [0.2, 0.25], "to": [0.3, 0.25]}
    data = json.dumps({"version": 2, "shapes": [line]})
    host, drawings = MayaHost(), [parse_drawing(data, 1003, text="Too high")]
    host.show_feedback(drawings, request.source)
    images = {frame: _view(request.source, frame, context.folder / f"view.{frame}.png") for frame in (1002, 1003, 1004)}
    for frame in images:
        context.show(f"frame {frame}", context.folder / f"view.{frame}.png")
    # 64x36, counted from the top left: a quarter from the left and from the top, and the same place upside down.
    found = {frame: (_is_orange(image, 16, 9), _is_orange(image, 16, 27)) for frame, image in images.items()}
    colour = images[1003].pixelColor(16, 9)
    expected = {1002: (False, False), 1003: (True, False), 1004: (False, False)}
    require_equal(found, expected, "whether the drawing is at its place, and at the mirrored one")
    require_equal(abs(colour.green() - 128) < 24, True, f"the green of the colour is 128, found {colour.green()}")
    host.clear_feedback()
    # A playblast changes the scene itself.
    with context.unchanged():
        host.show_feedback(drawings, request.source)
        host.clear_feedback()
    return {"colour": [colour.red(), colour.green(), colour.blue()]}


def _view(camera: str, frame: int, path: Path) -> Any:
    with own_panel(Resolution(64, 36)) as panel:
        cmds.modelEditor(panel, edit=True, camera=camera, nurbsCurves=True, headsUpDisplay=False)
        shape = cmds.listRelatives(camera, shapes=True, path=True)[0]
        overscan = cmds.getAttr(f"{shape}.overscan")
        cmds.setAttr(f"{shape}.overscan", 1.0)
        draw_image(panel, frame, path, Resolution(64, 36))
        cmds.setAttr(f"{shape}.overscan", overscan)
    return read_image(path)


def _is_orange(image: Any, x: int, y: int) -> bool:
    # The curve may lie on a neighbouring row.
    colours = [image.pixelColor(x, row) for row in (y - 1, y, y + 1)]
    return any(colour.red() - colour.blue() > 120 and colour.alpha() > 0 for colour in colours)


def check_flat_shading(context: CheckContext) -> Mapping[str, Any]:
    """Check that flat shading draws something."""
    context.require_window()
    frames = context.capture("1001", look={"shading": "flatShaded"})
    context.show("flat shading", frames.path(1001))
    smooth = context.capture("1001", name="smooth")
    context.show("smooth shading", smooth.path(1001))
    image = read_image(frames.path(1001))
    points = [image.pixelColor(x, y) for x in range(0, image.width(), 4) for y in range(0, image.height(), 4)]
    brightest = max(point.lightness() for point in points)
    require_equal(brightest > 0, True, "the image is not black")
    return {"brightest": brightest}


def check_background(context: CheckContext) -> Mapping[str, Any]:
    """Check that the corner of an image has the colour of the artist's view; return both."""
    context.require_window()
    wanted, view = (0.2, 0.4, 0.6), context.folder / "view.png"
    context.request()
    with fixed_background(wanted):
        frames = context.capture("1001", look={"background": "own"})
        cmds.currentTime(1001)
        cmds.refresh(force=True, currentView=True, filename=view.as_posix(), fileExtension="png")
    if not view.is_file():
        raise Error("Maya has written no image of its view, so the corner cannot be compared.")
    context.show("a view with the background 51, 102, 153", view)
    context.show("the capture of it", frames.path(1001))
    shown, found = _corner(view), _corner(frames.path(1001))
    is_close = all(abs(one - other) <= _COLOUR_TOLERANCE for one, other in zip(shown, found))
    require_equal(
        is_close, True, f"the corner of the view is {shown}, that of the capture {found}; close to each other"
    )
    return {"preference": [round(255 * part) for part in wanted], "view": shown, "corner": found, **view_transform()}


def _corner(path: Path) -> list[int]:
    # Not the outermost pixel: the active view has a frame.
    return list(read_image(path).pixelColor(3, 3).getRgb()[:3])


def check_no_window(context: CheckContext) -> Mapping[str, Any]:
    """Check that both cameras are captured without a window, and that another look is refused in one sentence.

    Returns whether the images differ, as the view from another place must.
    """
    if context.target.has_window:
        raise Skipped("there is a window")
    first, second = context.host.scene().sources[:2]
    cmds.setAttr(f"{second}.translateX", 2.0)
    images = []
    for camera in (first, second):
        frames = context.capture("1001", source=camera, name=camera)
        images.append(frames.path(1001).read_bytes())
    with expected_error(SettingInvalid, "Maya without a window", "a wireframe was drawn"):
        context.capture("1001", look={"shading": "wireframe"})
    return {"cameras differ": images[0] != images[1]}


def read_image(path: Path) -> Any:
    """Return the image as Qt reads it."""
    from Qt import QtGui

    return QtGui.QImage(str(path))


def check_image_plane(context: CheckContext) -> None:
    """Check that an image sequence advances on the image plane of each of two cameras."""
    plates = context.capture("1001-1002", name="plate")
    for frame, colour in _PLATE_COLOURS.items():
        image = read_image(plates.path(frame))
        image.fill(colour)
        image.save(str(plates.path(frame)))
    cameras = context.host.scene().sources[:2]
    cmds.setAttr("acceptCube.visibility", False)
    for camera in cameras:
        compare.load(plates.pattern, plates.frame_range, camera)
    expected = {camera: list(_PLATE_COLOURS.values()) for camera in cameras}
    found: dict[str, list[str]] = {}
    for index, camera in enumerate(cameras):
        frames = context.capture("1001-1002", source=camera, name=f"own{index}")
        for frame in _PLATE_COLOURS:
            context.show(f"frame {frame} of the image plane of {camera}, own{index}", frames.path(frame))
            centre = read_image(frames.path(frame)).pixelColor(32, 18)
            found.setdefault(camera, []).append("red" if centre.red() > centre.blue() else "blue")
    require_equal(found, expected, "the colour of the image planes on both frames")


def check_sequence_time(context: CheckContext) -> None:
    """Check that a view on sequence time takes no image of a capture, and is on sequence time again afterwards."""
    context.require_window()
    view = artists_view()
    if not view:
        raise Skipped("no view is shown")
    alone = context.capture()
    expected = [alone.path(frame).read_bytes() for frame in alone.frame_range]
    # Makes a sequencer, without which the next command may crash Maya.
    cmds.sequenceManager(query=True, writableSequencer=True)
    cmds.sequenceManager(modelPanel=view)
    try:
        frames = context.capture("1001-1003", name="beside")
        after = cmds.sequenceManager(query=True, modelPanel=True)
    finally:
        end_sequence_time()
    for frame in alone.frame_range:
        context.show(f"frame {frame} beside a view on sequence time", frames.path(frame))
    found = [frames.path(frame).read_bytes() for frame in alone.frame_range]
    require_equal(found == expected, True, "the images are those of a capture without sequence time")
    require_equal(after, view, "the view on sequence time after the capture")


def check_plugin_objects(context: CheckContext) -> None:
    """Check that the filters of plug-ins can be set and queried."""
    context.require_window()
    names = find_filters()
    if not names:
        raise Skipped("no plug-in has registered a filter; load gpuCache to try it")
    with own_panel(Resolution(64, 36)) as panel:
        for name in names:
            for is_shown in (False, True):
                cmds.modelEditor(panel, edit=True, pluginObjects=(name, is_shown))
                found = bool(cmds.modelEditor(panel, query=True, queryPluginObjects=name))  # type: ignore[call-overload] # it takes the name here
                require_equal(found, is_shown, f"whether the objects of {name} are shown")


CHECKS = (
    Check("no window", "Maya without a window draws each camera, and refuses other looks", check_no_window),
    Check("png", "An image has the colour type that the suite expects", check_png),
    Check("drawings", "A drawing lies on its pixels, on its frame, in its colour", check_drawings),
    Check("flat shading", "Flat shading is not black", check_flat_shading),
    Check("background", "The corner of an image has the colour of the view", check_background),
    Check("image plane", "Image sequences behind two cameras advance", check_image_plane),
    Check("sequence time", "A view on sequence time takes no image of a capture", check_sequence_time),
    Check("plug-in objects", "Objects of plug-ins can be hidden", check_plugin_objects),
)
