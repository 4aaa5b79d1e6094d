"""Nuke on the acceptance bench: what ``ft-dcc accept nuke`` has Nuke try."""

from __future__ import annotations

import functools
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Callable

import nuke

from ft_dcc.acceptance.rig import Bench, Check, Skipped, demand
from ft_dcc.acceptance.run import answer_order
from ft_dcc.renders import Render, read_renders

from . import menu, tab
from .host import NukeHost

_MOMENT = 0.02
_VIEW = "right"
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
            Check("views", "Each view that is written is noted by its own files", check_views),
            Check("proxy", "A proxy render is noted as such, by its own name", check_proxy),
            Check("group", "A Write in a group is noted, as the group's tab says", check_group),
            Check("filter", "The files are noted as a studio's filter names them", check_filter),
            Check("exception", "What another call raises ends the render, and is not our note", check_exception),
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
    noted = _noted_by(lambda: nuke.execute(write, 1001, 1003, 1))
    demand([render.frames for render in noted], [(1001, 1002, 1003)], "the frames that were noted")
    demand(all(noted[0].path(frame).is_file() for frame in (1001, 1002, 1003)), True, "the files are somewhere else")


def check_views(bench: Bench) -> Mapping[str, Any]:
    """Two views are two sequences; the figure says how often Nuke calls after one frame."""
    write, calls = _noted_node(bench), list[str]()
    nuke.addView(_VIEW)
    write["file"].setValue((bench.folder / "comp_%V.%04d.png").as_posix())
    write["views"].setValue(" ".join(map(str, nuke.views())))
    call = functools.partial(calls.append, "called")
    nuke.addAfterFrameRender(call)
    try:
        noted = _noted_by(lambda: nuke.execute(write, 1001, 1002, 1, [str(view) for view in nuke.views()]))
    finally:
        nuke.removeAfterFrameRender(call)
    demand(sorted(render.view for render in noted), ["", _VIEW], "the views that were noted")
    demand([render.frames for render in noted], [(1001, 1002)] * 2, "the frames of the views")
    demand(all(render.path(1002).is_file() for render in noted), True, "the files are somewhere else")
    return {"calls for a frame": len(calls) / 2}


def check_proxy(bench: Bench) -> None:
    """In proxy mode the proxy's name counts."""
    write = _noted_node(bench)
    write["proxy"].setValue((bench.folder / "small.%04d.png").as_posix())
    nuke.root()["proxy"].setValue(True)
    (render,) = _noted_by(lambda: nuke.execute(write, 1001, 1002, 1))
    demand((render.execution.is_proxy, render.path(1001).name), (True, "small.1001.png"), "what was noted")
    demand(render.path(1001).is_file(), True, "the file is somewhere else")


def check_group(bench: Bench) -> Mapping[str, Any]:
    """The inner node is noted by its full name; the figure says whether it told us that it had ended."""
    if bench.rig.has_window:
        raise Skipped("a window would go on to publish the render")
    group: Any = nuke.nodes.Group()
    with group:
        write: Any = nuke.nodes.Write()
        write.setInput(0, nuke.nodes.Noise())
    write["file"].setValue((bench.folder / "inner.%04d.png").as_posix())
    write["file_type"].setValue("png")
    tab.add(group, tab.ALWAYS)
    (render,) = _noted_by(lambda: nuke.execute(write, 1001, 1002, 1))
    demand(render.execution.node, write.fullName(), "the node's name")
    demand(render.frames, (1001, 1002), "the frames that were noted")
    return {"says that it has ended": render.is_ended}


def check_filter(bench: Bench) -> None:
    """A filter changes the name, on the disk and in the note."""
    write = _noted_node(bench)
    rename = functools.partial(_renamed, bench.folder.as_posix())
    nuke.addFilenameFilter(rename)
    try:
        (render,) = _noted_by(lambda: nuke.execute(write, 1001, 1001, 1))
    finally:
        nuke.removeFilenameFilter(rename)
    demand(render.path(1001).name, "filtered.1001.png", "the name that was noted")
    demand(render.path(1001).is_file(), True, "the file is somewhere else")


def check_exception(bench: Bench) -> Mapping[str, Any]:
    """The figure says whether Nuke ended the render, and how it told so."""
    write = _noted_node(bench)
    nuke.addBeforeFrameRender(_raise)
    try:
        nuke.execute(write, 1001, 1001, 1)
    except RuntimeError as error:
        said = str(error)
    else:
        said = ""
    finally:
        nuke.removeBeforeFrameRender(_raise)
    return {"ended": bool(said), "said": said.splitlines()[:1]}


def check_broken_note(bench: Bench) -> None:
    """A render goes on although our own note of it cannot be written."""
    write = _noted_node(bench)
    # What the note would say cannot be read: the task's knob is gone.
    write.removeKnob(write["ft_dcc_task"])
    nuke.execute(write, 1001, 1002, 1)
    demand(sorted(path.name for path in bench.folder.glob("*.png")), ["comp.1001.png", "comp.1002.png"], "the files")


def _renamed(folder: str, name: str) -> str:
    return name.replace("/comp.", "/filtered.") if name.startswith(folder) else name


def _raise() -> None:
    raise RuntimeError("this call is made to fail")


def _noted_by(render: Callable[[], object]) -> list[Render]:
    """Carry it out, and return what was noted meanwhile."""
    before = {each.id for each in read_renders()}
    render()
    return [each for each in read_renders() if each.id not in before]


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
