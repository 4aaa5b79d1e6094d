"""Maya on the acceptance bench: what ``ft-dcc accept maya`` has Maya try."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from maya import cmds, utils

from ft_dcc.acceptance.checks import MENU as LABELS
from ft_dcc.acceptance.rig import Bench, Check, Skipped, demand
from ft_dcc.acceptance.run import answer_order
from ft_dcc.errors import CaptureFailed, Error
from ft_dcc.host import PlayblastRequest

from . import menu
from .capture import _OVERLAYS as OVERLAYS
from .host import MayaHost

_MOMENT = 0.02
_SETTINGS = ("multiSampleEnable", "multiSampleCount", "lineAAEnable", "ssaoEnable")
_FLAG = re.compile(r"^\s+-(\w+)\s+-(\w+)", re.MULTILINE)
_COMMAND = re.compile(r"\bcmds\.(\w+)")


def start() -> None:
    """The order is carried out: at once without a window, else when Maya is idle, and then Maya quits."""
    if cmds.about(batch=True):
        answer_order(MayaRig())
    else:
        cmds.evalDeferred(_answer_and_quit, lowestPriority=True)


def _answer_and_quit() -> None:
    try:
        answer_order(MayaRig())
    finally:
        cmds.quit(force=True)


class MayaRig:
    """The Maya that this Python runs in."""

    def __init__(self) -> None:
        self.has_window = self.can_capture = not cmds.about(batch=True)
        self.host = MayaHost()
        self.checks: Sequence[Check] = (
            Check("menu twice", "The menu is there once, and gone when it is removed", check_menu_twice),
            Check("no window", "Maya without a window says what it cannot do", check_no_window),
        )

    def build(self) -> None:
        """A cube goes from left to right before the first of two cameras; the cube is selected."""
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
        """Return the scene, the view and the settings that a playblast touches."""
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

    def serve(self, thread: threading.Thread) -> None:
        """Carry out what waits for an idle moment, until the thread has ended."""
        while thread.is_alive():
            if self.has_window:
                utils.processIdleEvents()
            thread.join(_MOMENT)

    def reopen(self, path: Path) -> None:
        """The scene was saved and opened."""
        name = path.with_suffix(".ma").as_posix()
        cmds.file(rename=name)
        cmds.file(save=True, type="mayaAscii")
        cmds.file(name, open=True, force=True)

    def menu(self) -> list[str]:
        """Return the labels of our menu."""
        items: Any = cmds.menu(menu.MENU, query=True, itemArray=True) or []
        return [str(cmds.menuItem(item, query=True, label=True)) for item in items]

    def facts(self) -> Mapping[str, Any]:
        """Return which flags each command that the adapter calls has, in this Maya's own words."""
        texts = (path.read_text(encoding="utf-8") for path in Path(__file__).parent.rglob("*.py"))
        used = sorted({name for text in texts for name in _COMMAND.findall(text)})
        return {
            "qt": str(cmds.about(qtVersion=True)),
            "api": int(cmds.about(apiVersion=True)),
            "flags": {name: sorted(long for _, long in _FLAG.findall(str(cmds.help(name)))) for name in used},
        }


def check_menu_twice(bench: Bench) -> None:
    """Installing again leaves one menu, removing it none, and it comes back."""
    if not bench.rig.has_window:
        raise Skipped("there is no window")
    menu.install()
    demand(tuple(bench.rig.menu() or ()), LABELS, "the menu after a second installation")
    menu.uninstall()
    demand(bool(cmds.menu(menu.MENU, exists=True)), False, "the menu is still there")
    menu.install()


def check_no_window(bench: Bench) -> None:
    """A playblast without a window is refused in one sentence."""
    if bench.rig.has_window:
        raise Skipped("there is a window")
    scene = bench.host.scene()
    request = PlayblastRequest(scene.sources[0], scene.frame_range, scene.resolution, bench.folder, "shot")
    try:
        bench.host.playblast(request, lambda frame: None)
    except CaptureFailed as error:
        demand("has no viewport" in str(error), True, "the sentence is another one")
    else:
        raise Error("a playblast was made")
