"""The checks that ``ft-dcc accept maya`` runs inside of Maya, and the Maya process that they run in."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from maya import cmds, mel, utils

from ft_dcc.contract.checks import SCENE_FILE
from ft_dcc.contract.host_under_test import Check, CheckContext, Skipped, require_equal
from ft_dcc.contract.run import run_requested_checks
from ft_dcc.errors import Error
from ft_dcc.ui.background_queries import preview_camera
from ft_dcc_maya import commands, menu
from ft_dcc_maya.capture import OVERLAYS
from ft_dcc_maya.checks.validate_scene import missing_references
from ft_dcc_maya.host import MayaHost
from ft_dcc_maya.look import view_transform
from ft_dcc_maya.viewport import count_loaded_tiles

from . import view_checks

_POLL_INTERVAL_SECONDS = 0.02
_SETTINGS = ("multiSampleEnable", "multiSampleCount", "lineAAEnable", "ssaoEnable")
_FLAG = re.compile(r"^\s+-(\w+)\s+-(\w+)", re.MULTILINE)
_COMMAND = re.compile(r"\bcmds\.(\w+)")
_DIALOG_TIMEOUT_SECONDS = 60.0
# The value of uvTilingMode.
_UDIM = 3
_SHELF = "ftDccAccept"
_PROCEDURE = re.compile(r"global\s+proc\s+(\w+)")


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

    def __init__(self) -> None:
        self.has_window = not cmds.about(batch=True)
        self.host = MayaHost()
        self.checks: Sequence[Check] = (*INTERFACE_CHECKS, SCENE_FILE, *view_checks.CHECKS, *CHECKS)

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
        is_there = bool(cmds.menu(menu.MENU, exists=True))
        items: Any = (cmds.menu(menu.MENU, query=True, itemArray=True) if is_there else None) or []
        return [str(cmds.menuItem(item, query=True, label=True)) for item in items]

    def set_menu(self, *, is_installed: bool) -> None:
        """Install or remove our menu."""
        (menu.install if is_installed else menu.uninstall)()

    def facts(self) -> Mapping[str, Any]:
        """Return the flags of each command that the adapter calls, as this Maya reports them."""
        texts = (path.read_text(encoding="utf-8") for path in Path(__file__).parents[1].rglob("*.py"))
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


def check_unkeyed_pose(context: CheckContext) -> Mapping[str, Any]:
    """Check that the dialog keeps a value that is not keyed; return whether a preview keeps it, too."""
    context.require_window()
    plug, scene = "acceptCube.translateX", context.host.scene()
    cmds.setAttr(plug, 2.5)
    is_opened = _open_dialog(context)
    require_equal(cmds.getAttr(plug), 2.5, "the value after the dialog was opened")
    preview_camera(scene.sources[0], context.host, scene, context.folder, {})
    return {"the dialog was opened": is_opened, "a preview keeps it": bool(cmds.getAttr(plug) == 2.5)}


def _open_dialog(context: CheckContext) -> bool:
    """Open the dialog until it lists the cameras; without Qt read what it reads, and return false."""
    from Qt import QtWidgets

    application: Any = QtWidgets.QApplication.instance()
    if application is None:
        scene = context.host.scene()
        preview_camera(scene.sources[0], context.host, scene, context.folder)
        return False
    from ft_dcc_qt.dialog import Dialog

    dialog, deadline = Dialog(context.host), time.monotonic() + _DIALOG_TIMEOUT_SECONDS
    controller, sources = dialog.controller, dialog.publish_page.sources
    dialog.show()
    dialog.open_page("publish")
    try:
        while not sources.names or controller.is_busy or not controller.queries.wait(0):
            utils.processIdleEvents()
            application.processEvents()
            dialog.refresh()
            if time.monotonic() > deadline:
                raise Error(f"The dialog has not listed the cameras in {_DIALOG_TIMEOUT_SECONDS:g} seconds.")
    finally:
        _delete(dialog)
    return True


def _delete(dialog: Any) -> None:
    """Close and delete a dialog without a parent: otherwise Python collects it, perhaps in another thread."""
    dialog.close()
    dialog.deleteLater()


def check_tiles(context: CheckContext) -> None:
    """Check that the tiles of textures are loaded again for a scene that was opened again."""
    context.require_window()
    frames = context.capture("1001")
    node = cmds.createNode("file", name="acceptTiles", skipSelect=True)
    cmds.setAttr(f"{node}.fileTextureName", frames.path(1001).as_posix(), type="string")
    cmds.setAttr(f"{node}.uvTilingMode", _UDIM)
    counts = []
    for _ in range(2):
        context.capture("1001", name="tiles")
        counts.append(count_loaded_tiles())
        context.target.reopen(context.folder / "scene")
        counts.append(count_loaded_tiles())
    require_equal(counts, [1, 0, 1, 0], "textures with tiles after a capture, and in the scene that was opened again")


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


def check_shelf_button(context: CheckContext) -> Mapping[str, Any]:
    """Check that the button is recognised in a shelf that Maya has saved and loaded, as it does at a restart.

    Returns whether Maya saves the tag, too.
    """
    context.require_window()
    if menu.find_buttons() or not menu.front_shelf():
        raise Skipped("a shelf has the button already, or no shelf is shown")
    menu.add_button()
    path = context.folder / f"shelf_{_SHELF}"
    try:
        cmds.saveShelf(menu.front_shelf(), path.as_posix())
        text = path.with_suffix(".mel").read_text(encoding="utf-8", errors="replace")
    finally:
        for button in menu.find_buttons():
            cmds.deleteUI(button)
    require_equal("ft_dcc_maya" in text, True, "the saved shelf contains the command")
    shelf = cmds.shelfLayout(_SHELF, parent=mel.eval("$ft_dcc_shelves = $gShelfTopLevel"))
    try:
        # Maya sources the saved file, and calls the procedure in it.
        procedure, saved = _PROCEDURE.search(text), path.with_suffix(".mel").as_posix()
        if procedure is None:
            raise Error("The saved shelf has no procedure that makes its buttons.")
        mel.eval(f'source "{saved}"; setParent "{shelf}"; {procedure[1]}();')
        require_equal(len(menu.find_buttons()), 1, "our buttons on the shelf that was saved and loaded")
    finally:
        cmds.deleteUI(shelf)
    return {"the tag is saved": "ftDccPublish" in text}


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
    _delete(dialog)
    require_equal(typed.lower(), "sw", "the text in the field")
    require_equal(context.target.state(), before, "the scene has changed")


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


INTERFACE_CHECKS = (
    Check("shelf button", "The button is recognised after a restart of Maya", check_shelf_button),
    Check("panel", "The dialog can be docked as a panel of Maya", check_panel),
    Check("keys", "Keys that are typed into the dialog do not reach Maya", check_keys),
)
CHECKS = (
    Check("nested references", "A missing file of a nested reference is found", check_nested_references),
    Check("referenced camera", "A capture through a camera of a reference changes no value", check_referenced_camera),
    Check("unkeyed pose", "A value that is not keyed outlives the dialog and its preview", check_unkeyed_pose),
    Check("tiles", "Tiles of textures are loaded for each scene that is opened", check_tiles),
    Check("change", "A change in the middle of a capture is kept and can be undone", check_change),
)
