"""The checks that ``ft-dcc accept maya`` runs inside of Maya."""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from maya import cmds, utils

from ft_dcc.acceptance.checks import MENU as LABELS
from ft_dcc.acceptance.host_under_test import Check, CheckContext, Skipped, require_equal
from ft_dcc.acceptance.publishing import SCENE_FILE
from ft_dcc.acceptance.run import run_requested_checks
from ft_dcc.errors import Error, SettingInvalid, UserFixableError
from ft_dcc.frames import Resolution
from ft_dcc.review.drawings import parse_drawing
from ft_dcc.ui.preview import preview_camera, preview_look

from . import menu
from .capture import OVERLAYS
from .checks.validate_scene import missing_references
from .host import MayaHost
from .look import view_transform
from .viewport import own_panel

_POLL_INTERVAL_SECONDS = 0.02
_SETTINGS = ("multiSampleEnable", "multiSampleCount", "lineAAEnable", "ssaoEnable")
_FLAG = re.compile(r"^\s+-(\w+)\s+-(\w+)", re.MULTILINE)
_COMMAND = re.compile(r"\bcmds\.(\w+)")


def start() -> None:
    """Run the requested checks: at once without a window, else when Maya is idle, and then quit Maya."""
    if cmds.about(batch=True):
        run_requested_checks(MayaUnderTest())
    else:
        cmds.evalDeferred(_run_checks_and_quit, lowestPriority=True)


def _run_checks_and_quit() -> None:
    try:
        run_requested_checks(MayaUnderTest())
    finally:
        cmds.quit(force=True)


class MayaUnderTest:
    """The Maya process that this code runs in."""

    can_capture = True

    def __init__(self) -> None:
        self.has_window = not cmds.about(batch=True)
        self.host = MayaHost()
        self.checks: Sequence[Check] = (
            Check("menu twice", "The menu exists once, and is gone after its removal", check_menu_twice),
            Check("shelf button", "The button is recognised after a restart of Maya", check_shelf_button),
            Check("no window", "Maya without a window draws each camera, and refuses other looks", check_no_window),
            SCENE_FILE,
            Check("png", "An image has the colour type that the suite expects", check_png),
            Check("drawings", "A drawing lies on its pixels, on its frame, in its colour", check_drawings),
            Check("blue pencil", "Drawings are imported to a layer of Blue Pencil, and measured", check_blue_pencil),
            Check("flat shading", "Flat shading is not black", check_flat_shading),
            Check("background", "The corner of an image has the colour of the view", check_background),
            Check("image plane", "An image sequence behind the camera advances", check_image_plane),
            Check("nested references", "A missing file of a nested reference is found", check_nested_references),
            Check(
                "referenced camera",
                "A capture through a camera of a reference changes no value",
                check_referenced_camera,
            ),
            Check("keys", "Keys that are typed into the dialog do not reach Maya", check_keys),
            Check("one call", "A capture in one call is measured against one call per frame", check_one_call),
            Check("unkeyed pose", "A value that is not keyed outlives the dialog and its preview", check_unkeyed_pose),
            Check("change", "A change in the middle of a capture is kept and can be undone", check_change),
        )

    def build(self) -> None:
        """Build a scene: a cube moves from left to right in front of the first of two cameras, and is selected."""
        cmds.file(newFile=True, force=True)
        cmds.currentUnit(time="film")
        cmds.playbackOptions(animationStartTime=1001, animationEndTime=1012, minTime=1001, maxTime=1012)
        for name, value in (("width", 64), ("height", 36), ("deviceAspectRatio", 64 / 36)):
            cmds.setAttr(f"defaultResolution.{name}", value)
        cube = cmds.polyCube(name="acceptCube")[0]
        for frame, x in ((-10, -4.0), (1001, -3.0), (1012, 3.0)):
            cmds.setKeyframe(cube, attribute="translateX", time=frame, value=x)
        for is_first in (True, False):
            transform, shape = cmds.camera()[:2]
            cmds.setAttr(f"{transform}.translateZ", 15.0)
            cmds.setAttr(f"{shape}.renderable", is_first)
            cmds.setAttr(f"{shape}.displayResolution", is_first)
        cmds.setAttr("perspShape.renderable", False)
        cmds.currentTime(1004)
        cmds.select(cube)
        cmds.file(modified=False)

    def state(self) -> dict[str, Any]:
        """Return the scene, the view and the settings that a playblast changes."""
        found: dict[str, Any] = {
            "nodes": sorted(cmds.ls() or []),
            "selection": cmds.ls(selection=True),
            "time": cmds.currentTime(query=True),  # type: ignore[call-arg] # the documentation leaves it out
            "unit": cmds.currentUnit(query=True, time=True),
            "start": cmds.playbackOptions(query=True, animationStartTime=True),
            "end": cmds.playbackOptions(query=True, animationEndTime=True),
            "undo": cmds.undoInfo(query=True, state=True),
            "image format": cmds.getAttr("defaultRenderGlobals.imageFormat"),
            "modified": cmds.file(query=True, modified=True),
        }
        found.update({name: cmds.getAttr(f"hardwareRenderingGlobals.{name}") for name in _SETTINGS})
        for shape in cmds.ls(type="camera") or []:
            found.update({f"{shape}.{name}": cmds.getAttr(f"{shape}.{name}") for name in (*OVERLAYS, "overscan")})
        if self.has_window:
            found["panels"] = sorted(cmds.getPanel(allPanels=True) or [])
            found["focus"] = cmds.getPanel(withFocus=True)
            found["messages"] = cmds.optionVar(query="inViewMessageEnable")  # type: ignore[call-overload] # takes the name
        return found

    def process_events_until(self, thread: threading.Thread) -> None:
        """Process idle events until the thread has ended."""
        while thread.is_alive():
            if self.has_window:
                utils.processIdleEvents()
            thread.join(_POLL_INTERVAL_SECONDS)

    def reopen(self, path: Path) -> None:
        """Save the scene and open it."""
        name = path.with_suffix(".ma").as_posix()
        cmds.file(rename=name)
        cmds.file(save=True, type="mayaAscii")
        cmds.file(name, open=True, force=True)

    def menu(self) -> list[str]:
        """Return the labels of our menu."""
        items: Any = cmds.menu(menu.MENU, query=True, itemArray=True) or []
        return [str(cmds.menuItem(item, query=True, label=True)) for item in items]

    def facts(self) -> Mapping[str, Any]:
        """Return the flags of each command that the adapter calls, as this Maya reports them."""
        texts = (path.read_text(encoding="utf-8") for path in Path(__file__).parent.rglob("*.py"))
        used = sorted({name for text in texts for name in _COMMAND.findall(text)})
        return {
            "qt": str(cmds.about(qtVersion=True)),
            "api": int(cmds.about(apiVersion=True)),
            **view_transform(),
            "flags": {name: sorted(long for _, long in _FLAG.findall(str(cmds.help(name)))) for name in used},
        }


def check_menu_twice(context: CheckContext) -> None:
    """Check that installing again leaves one menu, and that it can be removed and added again."""
    if not context.target.has_window:
        raise Skipped("there is no window")
    menu.install()
    labels = (*LABELS, menu.IMPORT_DRAWINGS, menu.ADD_BUTTON)
    require_equal(tuple(context.target.menu() or ()), labels, "the menu after a second installation")
    menu.uninstall()
    require_equal(bool(cmds.menu(menu.MENU, exists=True)), False, "the menu exists after its removal")
    menu.install()


def check_shelf_button(context: CheckContext) -> Mapping[str, Any]:
    """Check that Maya saves what the button is recognised by; return whether it saves the tag, too."""
    if not context.target.has_window:
        raise Skipped("there is no window")
    if menu.find_buttons() or not menu.front_shelf():
        raise Skipped("a shelf has the button already, or no shelf is shown")
    menu.add_button()
    try:
        path = context.folder / "shelf"
        cmds.saveShelf(menu.front_shelf(), path.as_posix())
        text = path.with_suffix(".mel").read_text(encoding="utf-8", errors="replace")
    finally:
        for button in menu.find_buttons():
            cmds.deleteUI(button)
    require_equal("ft_dcc_maya" in text, True, "the saved shelf contains the command")
    return {"the tag is saved": "ftDccPublish" in text}


def check_png(context: CheckContext) -> Mapping[str, Any]:
    """Return colour type and bit depth of an image, and the alpha and colour of its corner."""
    frames = context.host.playblast(context.request("1001"), _ignore)
    header = frames.path(1001).read_bytes()[:26]
    context.show("as the suite captures it", frames.path(1001))
    corner = _image(frames.path(1001)).pixelColor(0, 0)
    require_equal(header[24], 8, "the bit depth")
    require_equal(header[25] in (2, 6), True, "the colour type is 2 (RGB) or 6 (RGB and alpha)")
    return {"colour type": header[25], "corner": [corner.red(), corner.green(), corner.blue(), corner.alpha()]}


def check_drawings(context: CheckContext) -> Mapping[str, Any]:
    """Check that a drawing of a reviewer is shown where it was drawn, and that nothing of it remains."""
    _require_window(context)
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


def check_blue_pencil(context: CheckContext) -> Mapping[str, Any]:
    """Check that drawings are imported; return whether the view shows them at their place, and the undo step."""
    _require_window(context)
    request = context.request("1003")
    line = {"kind": "line", "colour": "#ff8000", "width": 0.1, "from": [0.2, 0.25], "to": [0.3, 0.25]}
    drawings = [parse_drawing(json.dumps({"version": 2, "shapes": [line]}), 1003)]
    try:
        MayaHost().import_drawings(drawings, request.source)
    except UserFixableError as error:
        raise Skipped(str(error)) from error
    image = _view(request.source, 1003, context.folder / "blue_pencil.png")
    context.show("frame 1003", context.folder / "blue_pencil.png")
    found = [(x, y) for x in range(64) for y in range(36) if _is_orange(image, x, y)]
    places = {"at its place": (16, 9) in found, "upside down": (16, 27) in found, "orange pixels": len(found)}
    return {**places, "undo step": str(cmds.undoInfo(query=True, undoName=True))}


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
    return _image(path)


def _is_orange(image: Any, x: int, y: int) -> bool:
    # The curve may lie on a neighbouring row.
    colours = [image.pixelColor(x, row) for row in (y - 1, y, y + 1)]
    return any(colour.red() - colour.blue() > 120 and colour.alpha() > 0 for colour in colours)


def check_flat_shading(context: CheckContext) -> Mapping[str, Any]:
    """Check that flat shading draws something."""
    _require_window(context)
    frames = context.host.playblast(context.request("1001", look={"shading": "flatShaded"}), _ignore)
    context.show("flat shading", frames.path(1001))
    smooth = context.host.playblast(context.request("1001", name="smooth"), _ignore)
    context.show("smooth shading", smooth.path(1001))
    image = _image(frames.path(1001))
    points = [image.pixelColor(x, y) for x in range(0, image.width(), 4) for y in range(0, image.height(), 4)]
    brightest = max(point.lightness() for point in points)
    require_equal(brightest > 0, True, "the image is not black")
    return {"brightest": brightest}


def check_background(context: CheckContext) -> Mapping[str, Any]:
    """Return the colour of a view's background, and that of the corner of an image of it."""
    _require_window(context)
    wanted = (0.2, 0.4, 0.6)
    context.request()
    has_gradient = bool(cmds.displayPref(query=True, displayGradient=True))
    before: Any = cmds.displayRGBColor("background", query=True)  # type: ignore[call-overload] # it takes the name here
    cmds.displayPref(displayGradient=False)
    cmds.displayRGBColor("background", *wanted)
    try:
        frames = context.host.playblast(context.request("1001", look={"background": "own"}), _ignore)
    finally:
        cmds.displayRGBColor("background", *before)
        cmds.displayPref(displayGradient=has_gradient)
    context.show("a view with the background 51, 102, 153", frames.path(1001))
    corner = _image(frames.path(1001)).pixelColor(0, 0)
    found = [corner.red(), corner.green(), corner.blue()]
    return {"view": [round(255 * part) for part in wanted], "corner": found, **view_transform()}


def check_image_plane(context: CheckContext) -> None:
    """Check that two frames of an image sequence on an image plane are captured as two images."""
    own = context.host.playblast(context.request("1001-1002"), _ignore)
    for frame, colour in ((1001, "#ff0000"), (1002, "#0000ff")):
        image = _image(own.path(frame))
        image.fill(colour)
        image.save(str(context.folder / f"plate.{frame}.png"))
    camera = context.host.scene().sources[0]
    shape = cmds.listRelatives(camera, shapes=True, path=True)[0]
    cmds.setAttr("acceptCube.visibility", False)
    made: Any = cmds.imagePlane(camera=shape, fileName=(context.folder / "plate.1001.png").as_posix())
    plane = made[1]
    cmds.setAttr(f"{plane}.useFrameExtension", True)
    if not cmds.listConnections(f"{plane}.frameExtension", source=True, destination=False):
        cmds.connectAttr("time1.outTime", f"{plane}.frameExtension")
    frames = context.host.playblast(context.request("1001-1002", name="behind"), _ignore)
    found = []
    for frame in (1001, 1002):
        context.show(f"frame {frame} of the image plane", frames.path(frame))
        centre = _image(frames.path(frame)).pixelColor(32, 18)
        found.append("red" if centre.red() > centre.blue() else "blue")
    require_equal(found, ["red", "blue"], "the colour of the image plane on both frames")


def check_nested_references(context: CheckContext) -> None:
    """Check that the check for references finds a missing file that a referenced file references."""
    paths = {name: context.folder / f"{name}.ma" for name in ("model", "rig", "shot")}
    referenced = ""
    for name, path in paths.items():
        cmds.file(newFile=True, force=True)
        if referenced:
            cmds.file(paths[referenced].as_posix(), reference=True, namespace=referenced)  # type: ignore[call-overload] # the documentation leaves it out
        cmds.file(rename=path.as_posix())
        cmds.file(save=True, type="mayaAscii")
        referenced = name
    paths["model"].unlink()
    cmds.file(newFile=True, force=True)
    with contextlib.suppress(RuntimeError):
        # Maya reports the missing file.
        cmds.file(paths["shot"].as_posix(), open=True, force=True)
    found = [Path(path).name for path, _ in missing_references()]
    require_equal(found, ["model.ma"], "the missing files")


def check_referenced_camera(context: CheckContext) -> Mapping[str, Any]:
    """Check that a capture restores a referenced camera; return how many edits of the reference it leaves."""
    context.request()
    camera = context.folder / "camera.ma"
    cmds.file(rename=camera.as_posix())
    cmds.file(save=True, type="mayaAscii")
    cmds.file(newFile=True, force=True)
    cmds.file(camera.as_posix(), reference=True, namespace="camera")  # type: ignore[call-overload] # the documentation leaves it out
    before, source = context.target.state(), context.host.scene().sources[0]
    frames = context.host.playblast(context.request("1001", source=source), _ignore)
    context.show("through a referenced camera", frames.path(1001))
    require_equal(context.target.state(), before, "the scene has changed")
    shape = cmds.listRelatives(source, shapes=True, path=True)[0]
    edits: Any = cmds.referenceQuery(shape, editStrings=True, editCommand="setAttr") or []
    return {"edits that remain": len(edits)}


def check_keys(context: CheckContext) -> None:
    """Check that keys in the dialog neither key nor delete the selected cube."""
    from Qt import QtCore, QtWidgets

    if not context.target.has_window or QtWidgets.QApplication.instance() is None:
        raise Skipped("there is no window of Qt")
    from ft_dcc_qt.dialog import Dialog
    from Qt import QtTest

    before, dialog = context.target.state(), Dialog(context.host)
    dialog.show()
    for widget in (dialog.publish_page.comment, dialog.publish_page.sources, dialog):
        widget.setFocus()
        for key in (QtCore.Qt.Key.Key_S, QtCore.Qt.Key.Key_W, QtCore.Qt.Key.Key_Delete, QtCore.Qt.Key.Key_Shift):
            QtTest.QTest.keyClick(widget, key)
    typed = dialog.publish_page.comment.toPlainText()
    dialog.close()
    require_equal(typed.lower(), "sw", "the text in the field")
    require_equal(context.target.state(), before, "the scene has changed")


def check_one_call(context: CheckContext) -> Mapping[str, Any]:
    """Return the seconds per frame of a capture frame by frame, and of one playblast of the whole range."""
    _require_window(context)
    request = context.request("1001-1012", "1280x720")
    started = time.monotonic()
    context.host.playblast(request, _ignore)
    by_frame = time.monotonic() - started
    started = time.monotonic()
    with own_panel(request.resolution) as panel:
        cmds.modelEditor(panel, edit=True, camera=request.source)
        cmds.playblast(
            filename=(context.folder / "whole").as_posix(),
            frame=list(request.frame_range),
            rawFrameNumbers=True,
            editorPanelName=panel,
            widthHeight=(request.resolution.width, request.resolution.height),
            percent=100,
            format="image",
            compression="png",
            forceOverwrite=True,
            offScreen=True,
            viewer=False,
            showOrnaments=False,
        )
    count = len(request.frame_range)
    whole = time.monotonic() - started
    return {"frame by frame": round(by_frame / count, 3), "in one call": round(whole / count, 3)}


def _image(path: Path) -> Any:
    from Qt import QtGui

    return QtGui.QImage(str(path))


def _ignore(frame: int) -> None:
    """Do nothing."""


def check_unkeyed_pose(context: CheckContext) -> Mapping[str, Any]:
    """Check that reading the scene keeps a value that is not keyed; return whether a preview keeps it, too."""
    if not context.target.has_window:
        raise Skipped("there is no window")
    plug, scene = "acceptCube.translateX", context.host.scene()
    cmds.setAttr(plug, 2.5)
    preview_camera(scene.sources[0], context.host, scene, context.folder)
    require_equal(cmds.getAttr(plug), 2.5, "the value after the dialog was opened")
    preview_look(scene.sources[0], context.host, scene, context.folder, {})
    return {"a preview keeps it": bool(cmds.getAttr(plug) == 2.5)}


def check_change(context: CheckContext) -> None:
    """Check that a change between two frames of a capture stays, counts as modified and is one undo step."""
    plug = "acceptCube.translateY"

    def change(frame: int) -> None:
        if frame == 1002:
            cmds.setAttr(plug, 2.0)

    context.host.playblast(context.request(), change)
    found = (cmds.getAttr(plug), cmds.file(query=True, modified=True))
    require_equal(found, (2.0, True), "the value, and whether the scene is modified")
    require_equal("setAttr" in str(cmds.undoInfo(query=True, undoName=True)), True, "the change can be undone")


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
        frames = context.host.playblast(context.request("1001", source=camera, name=camera), _ignore)
        images.append(frames.path(1001).read_bytes())
    try:
        context.host.playblast(context.request("1001", look={"shading": "wireframe"}), _ignore)
    except SettingInvalid as error:
        require_equal("Maya without a window" in str(error), True, "the message")
    else:
        raise Error("a wireframe was drawn")
    return {"cameras differ": images[0] != images[1]}


def _require_window(context: CheckContext) -> None:
    if not context.target.has_window:
        raise Skipped("there is no window, and so no view")
