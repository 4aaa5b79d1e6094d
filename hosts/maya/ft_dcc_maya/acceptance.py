"""The checks that ``ft-dcc accept maya`` runs inside of Maya, and the Maya process that they run in."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from maya import cmds, utils

from ft_dcc.contract import checks, run
from ft_dcc.contract.host_under_test import Check, CheckContext, Skipped, expected_error, require_equal
from ft_dcc.errors import Error, SettingInvalid
from ft_dcc.frames import Resolution
from ft_dcc.review.drawings import parse_drawing
from ft_dcc_maya import commands, feedback, viewport
from ft_dcc_maya.capture import OVERLAYS, draw_image
from ft_dcc_maya.checks.validate_scene import missing_references
from ft_dcc_maya.host import MayaHost
from ft_dcc_maya.look import view_transform

_POLL_INTERVAL_SECONDS = 0.02
_SETTINGS = ("multiSampleEnable", "multiSampleCount", "lineAAEnable", "ssaoEnable")
_FLAG = re.compile(r"^\s+-(\w+)\s+-(\w+)", re.MULTILINE)
_COMMAND = re.compile(r"\bcmds\.(\w+)")
# Between a view and a capture of it, for each of red, green and blue.
_COLOUR_TOLERANCE = 12
_PLATE_COLOURS = {1001: "red", 1002: "blue"}


def start() -> None:
    """Run the requested checks: at once without a window, else when Maya is idle, and then quit Maya."""
    if cmds.about(batch=True):
        run.run_requested_checks(MayaUnderTest())
    else:
        cmds.evalDeferred(_run_checks_and_quit, lowestPriority=True)


def _run_checks_and_quit() -> None:
    try:
        run.run_requested_checks(MayaUnderTest())
    finally:
        cmds.quit(force=True)


class MayaUnderTest:
    """The Maya process that this code runs in."""

    def __init__(self) -> None:
        self.has_window = not cmds.about(batch=True)
        self.host = MayaHost()
        self.checks: Sequence[Check] = (checks.SCENE_FILE, *CHECKS)

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
        is_there = bool(cmds.menu(commands.MENU, exists=True))
        items: Any = (cmds.menu(commands.MENU, query=True, itemArray=True) if is_there else None) or []
        return [str(cmds.menuItem(item, query=True, label=True)) for item in items]

    def set_menu(self, *, is_installed: bool) -> None:
        """Install or remove our menu."""
        (commands.install if is_installed else commands.uninstall)()

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
    frames = context.capture("1001", source=source)
    context.show("through a referenced camera", frames.path(1001))
    require_equal(context.target.state(), before, "the scene has changed")
    shape = cmds.listRelatives(source, shapes=True, path=True)[0]
    edits: Any = cmds.referenceQuery(shape, editStrings=True, editCommand="setAttr") or []
    return {"edits that remain": len(edits)}


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


def check_panel(context: CheckContext) -> Mapping[str, Any]:
    """Check that the dialog becomes a part of a panel, and that the panel can be removed; return its width."""
    from Qt import QtWidgets

    if not context.target.has_window or QtWidgets.QApplication.instance() is None:
        raise Skipped("there is no window of Qt")
    if cmds.workspaceControl(commands.PANEL, exists=True):
        raise Skipped("the artist has the panel already")
    commands.show_panel()
    # Maya may run the script of a panel when it is idle.
    utils.processIdleEvents()
    from ft_dcc_qt.dialog import Dialog

    found = [widget for widget in QtWidgets.QApplication.allWidgets() if isinstance(widget, Dialog)]
    docked = [dialog for dialog in found if not dialog.isWindow() and dialog.isVisible()]
    width = docked[0].width() if docked else 0
    cmds.deleteUI(commands.PANEL)
    require_equal((len(docked), bool(cmds.workspaceControl(commands.PANEL, exists=True))), (1, False), "the panel")
    return {"width": width}


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
    with viewport.own_panel(Resolution(64, 36)) as panel:
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


def check_background(context: CheckContext) -> Mapping[str, Any]:
    """Check that the corner of an image has the colour of the artist's view; return both."""
    context.require_window()
    wanted, view = (0.2, 0.4, 0.6), context.folder / "view.png"
    context.request()
    with viewport.fixed_background(wanted):
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
        feedback.load_frames(plates.pattern, plates.frame_range, camera)
    expected = {camera: list(_PLATE_COLOURS.values()) for camera in cameras}
    found: dict[str, list[str]] = {}
    for index, camera in enumerate(cameras):
        frames = context.capture("1001-1002", source=camera, name=f"own{index}")
        for frame in _PLATE_COLOURS:
            context.show(f"frame {frame} of the image plane of {camera}, own{index}", frames.path(frame))
            centre = read_image(frames.path(frame)).pixelColor(32, 18)
            found.setdefault(camera, []).append("red" if centre.red() > centre.blue() else "blue")
    require_equal(found, expected, "the colour of the image planes on both frames")


CHECKS = (
    Check("no window", "Maya without a window draws each camera, and refuses other looks", check_no_window),
    Check("drawings", "A drawing lies on its pixels, on its frame, in its colour", check_drawings),
    Check("background", "The corner of an image has the colour of the view", check_background),
    Check("image plane", "Image sequences behind two cameras advance", check_image_plane),
    Check("panel", "The dialog can be docked as a panel of Maya", check_panel),
    Check("nested references", "A missing file of a nested reference is found", check_nested_references),
    Check("referenced camera", "A capture through a camera of a reference changes no value", check_referenced_camera),
    Check("change", "A change in the middle of a capture is kept and can be undone", check_change),
)
