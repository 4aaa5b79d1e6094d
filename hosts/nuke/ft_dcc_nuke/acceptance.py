"""Nuke on the acceptance bench: what ``ft-dcc accept nuke`` has Nuke try."""

from __future__ import annotations

import functools
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nuke

from ft_dcc.acceptance.rig import Bench, Check, Skipped, demand
from ft_dcc.acceptance.run import answer_order
from ft_dcc.renders import read_renders

from . import menu, tab
from .host import NukeHost

_MOMENT = 0.02
_EVENTS = ("BeforeRender", "BeforeFrameRender", "AfterFrameRender", "AfterRender")


def start() -> None:
    """The order is carried out, and where Nuke has a window it quits."""
    try:
        answer_order(NukeRig())
    finally:
        if nuke.GUI:
            nuke.root().setModified(False)
            nuke.scriptExit()


class NukeRig:
    """The Nuke that this Python runs in."""

    can_capture = True

    def __init__(self) -> None:
        self.has_window = bool(nuke.GUI)
        self.host = NukeHost()
        self.checks: Sequence[Check] = (
            Check("menu twice", "The menu is there once, and gone when it is removed", check_menu_twice),
            Check("callbacks", "A render calls us in the order that is documented", check_callbacks),
            Check("render", "A render of a node with the tab is noted, frame by frame", check_render),
            Check("broken note", "A render goes on although it cannot be noted", check_broken_note),
        )

    def build(self) -> None:
        """Noise that changes with each frame flows into two Writes; the first is selected."""
        nuke.scriptClear()
        root = nuke.root()
        with root:
            noise = nuke.nodes.Noise()
            noise["zoffset"].setExpression("frame/7")
            for _ in range(2):
                nuke.nodes.Write().setInput(0, noise)
        root["first_frame"].setValue(1001)
        root["last_frame"].setValue(1012)
        root["fps"].setValue(24.0)
        root["format"].setValue(nuke.addFormat("64 36 ft_dcc_acceptance").name())
        root.setModified(False)

    def state(self) -> dict[str, Any]:
        """Return the script's nodes and all settings of its root."""
        root = nuke.root()
        nodes = nuke.allNodes(group=root, recurseGroups=True)
        names = ("first_frame", "last_frame", "fps", "format", "proxy")
        return {
            "nodes": sorted(f"{node.fullName()} {node.Class()}" for node in nodes),
            "selection": sorted(node.fullName() for node in nuke.selectedNodes()),
            "frame": int(nuke.frame()),
            "modified": bool(root.modified()),
            "undo": bool(nuke.Undo.disabled()),
            **{name: str(root[name].value()) for name in names},
        }

    def serve(self, thread: threading.Thread) -> None:
        """Let the window live until the thread has ended; without one there is nothing to carry over."""
        while thread.is_alive():
            if self.has_window:
                from Qt import QtWidgets

                QtWidgets.QApplication.processEvents()
            thread.join(_MOMENT)

    def reopen(self, path: Path) -> None:
        """The script was saved and opened."""
        name = path.with_suffix(".nk").as_posix()
        nuke.scriptSave(name)
        nuke.scriptClear()
        nuke.scriptOpen(name)

    def menu(self) -> list[str]:
        """Return the labels of our menu."""
        found: Any = nuke.menu("Nuke").findItem(menu.TITLE)
        return [str(item.name()) for item in found.items()] if found is not None else []

    def facts(self) -> Mapping[str, Any]:
        """Return nothing more: the host's version says it all."""
        return {}


def check_menu_twice(bench: Bench) -> None:
    """Installing again leaves one menu, removing it none, and it comes back."""
    if not bench.rig.has_window:
        raise Skipped("there is no window")
    there = list(bench.rig.menu() or ())
    menu.install()
    demand(list(bench.rig.menu() or ()), there, "the menu after a second installation")
    menu.uninstall()
    demand(list(bench.rig.menu() or ()), [], "what is left of the menu")
    menu.install()


def check_callbacks(bench: Bench) -> Mapping[str, Any]:
    """Each event comes once for a render and once for a frame; the figures say on which thread."""
    write, told = _render_node(bench), []
    calls = {
        event: functools.partial(lambda name: told.append((name, int(nuke.frame()), _thread())), event)
        for event in _EVENTS
    }
    for event, call in calls.items():
        getattr(nuke, f"add{event}")(call)
    try:
        nuke.execute(write, 1001, 1002, 1)
    finally:
        for event, call in calls.items():
            getattr(nuke, f"remove{event}")(call)
    wanted = ["BeforeRender", *(["BeforeFrameRender", "AfterFrameRender"] * 2), "AfterRender"]
    demand([name for name, _, _ in told], wanted, "the calls came in another order")
    frames = [frame for name, frame, _ in told if name == "AfterFrameRender"]
    demand(frames, [1001, 1002], "the frames of the calls")
    return {"threads": sorted({thread for _, _, thread in told})}


def check_render(bench: Bench) -> None:
    """The record of the render has each frame, and where its file is."""
    write = _noted_node(bench)
    before = {render.id for render in read_renders()}
    nuke.execute(write, 1001, 1003, 1)
    noted = [render for render in read_renders() if render.id not in before]
    demand([render.frames for render in noted], [(1001, 1002, 1003)], "the frames that were noted")
    demand(all(noted[0].path(frame).is_file() for frame in (1001, 1002, 1003)), True, "the files are somewhere else")


def check_broken_note(bench: Bench) -> None:
    """A render goes on although our own note of it cannot be written."""
    write = _noted_node(bench)
    # What the note would say cannot be read: the task's knob is gone.
    write.removeKnob(write["ft_dcc_task"])
    nuke.execute(write, 1001, 1002, 1)
    demand(sorted(path.name for path in bench.folder.glob("*.png")), ["comp.1001.png", "comp.1002.png"], "the files")


def _render_node(bench: Bench) -> Any:
    write: Any = nuke.toNode(bench.host.scene().sources[0])
    write["file"].setValue((bench.folder / "comp.%04d.png").as_posix())
    write["file_type"].setValue("png")
    return write


def _noted_node(bench: Bench) -> Any:
    if bench.rig.has_window:
        raise Skipped("a window would go on to publish the render")
    write = _render_node(bench)
    tab.add(write, tab.ALWAYS)
    return write


def _thread() -> str:
    return "main" if threading.current_thread() is threading.main_thread() else "another"
