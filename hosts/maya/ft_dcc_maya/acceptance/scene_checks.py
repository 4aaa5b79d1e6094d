"""Checks of the scene: references, and values that the suite must not change."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from maya import cmds, utils

from ft_dcc.contract.host_under_test import Check, CheckContext, Skipped, require_equal
from ft_dcc.errors import Error
from ft_dcc.ui.preview import preview_camera, preview_look
from ft_dcc_maya.checks.validate_scene import missing_references
from ft_dcc_maya.viewport import count_loaded_tiles

from .view_checks import ignore

_DIALOG_TIMEOUT_SECONDS = 60.0
# The value of uvTilingMode.
_UDIM = 3


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
    frames = context.host.playblast(context.request("1001", source=source), ignore)
    context.show("through a referenced camera", frames.path(1001))
    require_equal(context.target.state(), before, "the scene has changed")
    shape = cmds.listRelatives(source, shapes=True, path=True)[0]
    edits: Any = cmds.referenceQuery(shape, editStrings=True, editCommand="setAttr") or []
    return {"edits that remain": len(edits)}


def check_unkeyed_pose(context: CheckContext) -> Mapping[str, Any]:
    """Check that the dialog keeps a value that is not keyed; return whether a preview keeps it, too."""
    if not context.target.has_window:
        raise Skipped("there is no window")
    plug, scene = "acceptCube.translateX", context.host.scene()
    cmds.setAttr(plug, 2.5)
    is_opened = _open_dialog(context)
    require_equal(cmds.getAttr(plug), 2.5, "the value after the dialog was opened")
    preview_look(scene.sources[0], context.host, scene, context.folder, {})
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
        dialog.close()
    return True


def check_tiles(context: CheckContext) -> None:
    """Check that the tiles of textures are loaded again for a scene that was opened again."""
    if not context.target.has_window:
        raise Skipped("there is no window, and so no view")
    frames = context.host.playblast(context.request("1001"), ignore)
    node = cmds.createNode("file", name="acceptTiles", skipSelect=True)
    cmds.setAttr(f"{node}.fileTextureName", frames.path(1001).as_posix(), type="string")
    cmds.setAttr(f"{node}.uvTilingMode", _UDIM)
    counts = []
    for _ in range(2):
        context.host.playblast(context.request("1001", name="tiles"), ignore)
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


CHECKS = (
    Check("nested references", "A missing file of a nested reference is found", check_nested_references),
    Check(
        "referenced camera",
        "A capture through a camera of a reference changes no value",
        check_referenced_camera,
    ),
    Check("unkeyed pose", "A value that is not keyed outlives the dialog and its preview", check_unkeyed_pose),
    Check("tiles", "Tiles of textures are loaded for each scene that is opened", check_tiles),
    Check("change", "A change in the middle of a capture is kept and can be undone", check_change),
)
