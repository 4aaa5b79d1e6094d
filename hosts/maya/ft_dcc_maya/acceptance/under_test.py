"""The Maya process under test, and the list of its checks."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from maya import cmds, utils

from ft_dcc.contract.host_under_test import Check
from ft_dcc.contract.publishing import SCENE_FILE
from ft_dcc.contract.run import run_requested_checks
from ft_dcc_maya import menu
from ft_dcc_maya.capture import OVERLAYS
from ft_dcc_maya.host import MayaHost
from ft_dcc_maya.look import view_transform

from . import capture_checks, interface_checks, scene_checks, view_checks

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
            *interface_checks.CHECKS,
            SCENE_FILE,
            *view_checks.CHECKS,
            *capture_checks.CHECKS,
            *scene_checks.CHECKS,
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
