"""Checks of images: what a view draws, and what a capture of it contains."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from maya import cmds

from ft_dcc.contract.host_under_test import Check, CheckContext, Skipped, require_equal
from ft_dcc.errors import Error, SettingInvalid
from ft_dcc.frames import Resolution
from ft_dcc.review.drawings import parse_drawing
from ft_dcc_maya.host import MayaHost
from ft_dcc_maya.look import view_transform
from ft_dcc_maya.viewport import own_panel

# Between a view and a capture of it, for each of red, green and blue.
_COLOUR_TOLERANCE = 12


def check_png(context: CheckContext) -> Mapping[str, Any]:
    """Return colour type and bit depth of an image, and the alpha and colour of its corner."""
    frames = context.host.playblast(context.request("1001"), ignore)
    header = frames.path(1001).read_bytes()[:26]
    context.show("as the suite captures it", frames.path(1001))
    corner = read_image(frames.path(1001)).pixelColor(0, 0)
    require_equal(header[24], 8, "the bit depth")
    require_equal(header[25] in (2, 6), True, "the colour type is 2 (RGB) or 6 (RGB and alpha)")
    return {"colour type": header[25], "corner": [corner.red(), corner.green(), corner.blue(), corner.alpha()]}


def check_drawings(context: CheckContext) -> Mapping[str, Any]:
    """Check that a drawing of a reviewer is shown where it was drawn, and that nothing of it remains."""
    require_window(context)
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
    before = context.target.state()
    host.show_feedback(drawings, request.source)
    host.clear_feedback()
    require_equal(context.target.state(), before, "the scene has changed")
    return {"colour": [colour.red(), colour.green(), colour.blue()]}


def _view(camera: str, frame: int, path: Path) -> Any:
    """Return the image of a view that draws curves."""
    with own_panel(Resolution(64, 36)) as panel:
        cmds.modelEditor(panel, edit=True, camera=camera, nurbsCurves=True, headsUpDisplay=False)
        shape = cmds.listRelatives(camera, shapes=True, path=True)[0]
        overscan = cmds.getAttr(f"{shape}.overscan")
        cmds.setAttr(f"{shape}.overscan", 1.0)
        cmds.playblast(
            completeFilename=path.as_posix(),
            frame=[frame],
            editorPanelName=panel,
            widthHeight=(64, 36),
            percent=100,
            format="image",
            compression="png",
            forceOverwrite=True,
            offScreen=True,
            viewer=False,
            showOrnaments=False,
        )
        cmds.setAttr(f"{shape}.overscan", overscan)
    return read_image(path)


def _is_orange(image: Any, x: int, y: int) -> bool:
    # The curve may lie on a neighbouring row.
    colours = [image.pixelColor(x, row) for row in (y - 1, y, y + 1)]
    return any(colour.red() - colour.blue() > 120 and colour.alpha() > 0 for colour in colours)


def check_flat_shading(context: CheckContext) -> Mapping[str, Any]:
    """Check that flat shading draws something."""
    require_window(context)
    frames = context.host.playblast(context.request("1001", look={"shading": "flatShaded"}), ignore)
    context.show("flat shading", frames.path(1001))
    smooth = context.host.playblast(context.request("1001", name="smooth"), ignore)
    context.show("smooth shading", smooth.path(1001))
    image = read_image(frames.path(1001))
    points = [image.pixelColor(x, y) for x in range(0, image.width(), 4) for y in range(0, image.height(), 4)]
    brightest = max(point.lightness() for point in points)
    require_equal(brightest > 0, True, "the image is not black")
    return {"brightest": brightest}


def check_background(context: CheckContext) -> Mapping[str, Any]:
    """Check that the corner of an image has the colour of the artist's view; return both."""
    require_window(context)
    wanted = (0.2, 0.4, 0.6)
    context.request()
    has_gradient = bool(cmds.displayPref(query=True, displayGradient=True))
    before: Any = cmds.displayRGBColor("background", query=True)  # type: ignore[call-overload] # it takes the name here
    cmds.displayPref(displayGradient=False)
    cmds.displayRGBColor("background", *wanted)
    view = context.folder / "view.png"
    try:
        frames = context.host.playblast(context.request("1001", look={"background": "own"}), ignore)
        cmds.currentTime(1001)
        cmds.refresh(force=True, currentView=True, filename=view.as_posix(), fileExtension="png")
    finally:
        cmds.displayRGBColor("background", *before)
        cmds.displayPref(displayGradient=has_gradient)
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
    colour = read_image(path).pixelColor(3, 3)
    return [colour.red(), colour.green(), colour.blue()]


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
        frames = context.host.playblast(context.request("1001", source=camera, name=camera), ignore)
        images.append(frames.path(1001).read_bytes())
    try:
        context.host.playblast(context.request("1001", look={"shading": "wireframe"}), ignore)
    except SettingInvalid as error:
        require_equal("Maya without a window" in str(error), True, "the message")
    else:
        raise Error("a wireframe was drawn")
    return {"cameras differ": images[0] != images[1]}


def read_image(path: Path) -> Any:
    """Return the image as Qt reads it."""
    from Qt import QtGui

    return QtGui.QImage(str(path))


def ignore(frame: int) -> None:
    """Do nothing."""


def require_window(context: CheckContext) -> None:
    """Raise Skipped without a window."""
    if not context.target.has_window:
        raise Skipped("there is no window, and so no view")


CHECKS = (
    Check("no window", "Maya without a window draws each camera, and refuses other looks", check_no_window),
    Check("png", "An image has the colour type that the suite expects", check_png),
    Check("drawings", "A drawing lies on its pixels, on its frame, in its colour", check_drawings),
    Check("flat shading", "Flat shading is not black", check_flat_shading),
    Check("background", "The corner of an image has the colour of the view", check_background),
)
