"""The checks that ``ft-dcc accept nuke`` runs inside of Nuke, and the Nuke process that they run in."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Callable

import nuke

from ft_dcc.contract import checks, run
from ft_dcc.contract.host_under_test import Check, CheckContext, Skipped, require_equal
from ft_dcc.renders.renders import Render, read_renders
from ft_dcc.review.drawings import parse_drawing
from ft_dcc_nuke import commands, host, maintained, tab

_POLL_INTERVAL_SECONDS = 0.02
# A callback of validateFilename has another argument, and needs no check of its own.
_STUDIO_EVENTS = (
    *("OnCreate", "OnDestroy", "KnobChanged", "UpdateUI"),
    *("BeforeRender", "BeforeFrameRender", "RenderProgress", "AfterFrameRender", "AfterRender"),
)
_VIEW = "right"


def start() -> None:
    """Run the requested checks, and quit Nuke if it has a window."""
    try:
        run.run_requested_checks(NukeUnderTest())
    finally:
        if nuke.GUI:
            nuke.root().setModified(False)
            nuke.scriptExit()


class NukeUnderTest:
    """The Nuke process that this code runs in."""

    def __init__(self) -> None:
        self.has_window = bool(nuke.GUI)
        self.host = host.NukeHost()
        self.checks = CHECKS

    def build(self) -> None:
        """Build a script: noise that changes with each frame, and two Writes, the first of them selected."""
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
        """Return the script's nodes and the settings of its root."""
        root = nuke.root()
        nodes = nuke.allNodes(group=root, recurseGroups=True)
        names = ("first_frame", "last_frame", "fps", "proxy")
        return {
            "nodes": sorted(f"{node.fullName()} {node.Class()}" for node in nodes),
            "selection": sorted(node.fullName() for node in nuke.selectedNodes()),
            "frame": int(nuke.frame()),
            "modified": bool(root.modified()),
            "undo": bool(nuke.Undo.disabled()),
            # The value of the knob is an object.
            "format": str(root.format().name()),
            **{name: str(root[name].value()) for name in names},
        }

    def process_events_until(self, thread: threading.Thread) -> None:
        """Process the window's events until the thread has ended."""
        while thread.is_alive():
            if self.has_window:
                from Qt import QtWidgets

                QtWidgets.QApplication.processEvents()
            thread.join(_POLL_INTERVAL_SECONDS)

    def reopen(self, path: Path) -> None:
        """Save the script and open it."""
        name = path.with_suffix(".nk").as_posix()
        nuke.scriptSave(name)
        nuke.scriptClear()
        nuke.scriptOpen(name)

    def menu(self) -> list[str]:
        """Return the labels of our menu."""
        found: Any = nuke.menu("Nuke").findItem(commands.TITLE)
        return [str(item.name()) for item in found.items()] if found is not None else []

    def set_menu(self, *, is_installed: bool) -> None:
        """Install or remove our menu."""
        (commands.install if is_installed else commands.uninstall)()

    def facts(self) -> Mapping[str, Any]:
        """Return nothing: the version of the host says everything."""
        return {}


def check_drawings(context: CheckContext) -> Mapping[str, Any]:
    """Check that a drawing of a reviewer is drawn where it was drawn, and that nothing of it remains."""
    viewer: Any = nuke.nodes.Viewer()
    knobs = [viewer[name] for name in ("input_process_node", "input_process")]
    before, defaults = context.target.state(), [knob.value() for knob in knobs]
    dot = {"kind": "pen", "colour": "#ff8000", "width": 0.25, "points": [[0.25, 0.25, 0.5], [0.26, 0.25, 0.5]]}
    data = json.dumps({"version": 2, "shapes": [dot]})
    host.NukeHost().show_feedback([parse_drawing(data, 1003, text="Too high")])
    group: Any = nuke.allNodes("Group", group=nuke.root())[0]
    shown = [knob.value() for knob in knobs]
    require_equal(shown, [group.fullName(), True], "the input process of the Viewer")
    current = int(nuke.frame())
    # 64x36, counted from the bottom left: a quarter from the left and from the top, and the same place upside down.
    found = {frame: (_is_orange(group, frame, 16, 27), _is_orange(group, frame, 16, 9)) for frame in (1002, 1003, 1004)}
    nuke.frame(1003)
    colour = [round(float(group.sample(channel, 16, 27)), 3) for channel in ("red", "green", "blue")]
    nuke.frame(current)
    expected = {1002: (False, False), 1003: (True, False), 1004: (False, False)}
    require_equal(found, expected, "whether the drawing is at its place, and at the mirrored one")
    require_equal(abs(colour[1] - 0.216) < 0.02, True, f"the colour {colour} is linear")
    host.NukeHost().clear_feedback()
    require_equal([knob.value() for knob in knobs], defaults, "the input process of the Viewer afterwards")
    require_equal(context.target.state(), before, "the script has changed")
    nuke.delete(viewer)
    return {"colour": colour, "input process by default": defaults}


def _is_orange(node: Any, frame: int, x: int, y: int) -> bool:
    nuke.frame(frame)
    return bool(node.sample("red", x, y) - node.sample("blue", x, y) > 0.5)


def check_studio_callbacks(context: CheckContext) -> Mapping[str, Any]:
    """Check that a capture runs no callback of a studio; return those that ran on a node of the artist afterwards."""
    called: list[str] = []
    calls = {event: functools.partial(called.append, event) for event in _STUDIO_EVENTS}
    with _registered(calls, nodeClass="*"), ExitStack() as stack:
        of_defaults.clear()
        # As a studio does in init.py.
        stack.callback(nuke.knobDefault, "Write.beforeRender", nuke.knobDefault("Write.beforeRender") or "")
        nuke.knobDefault("Write.beforeRender", f"import {__name__} as kit; kit.of_defaults.append(1)")
        context.capture("1001")
        of_capture = sorted({*called, *(["the default of a knob"] if of_defaults else [])})
        # As an artist makes, renders and deletes a Write.
        with nuke.root():
            write: Any = nuke.nodes.Write()
        write.setInput(0, nuke.allNodes("Noise", group=nuke.root())[0])
        write["file"].setValue((context.folder / "own.%04d.png").as_posix())
        write["file_type"].setValue("png")
        nuke.execute(write, 1001, 1001, 1)
        nuke.delete(write)
    require_equal(of_capture, [], "the callbacks of the studio that ran on temporary nodes")
    require_equal("OnCreate" in called and "BeforeRender" in called, True, "callbacks run again after the capture")
    missing = [name for name in maintained.REGISTRIES if not isinstance(getattr(nuke.callbacks, name, None), dict)]
    return {
        "ran on a node of the artist afterwards": ", ".join(sorted(set(called))),
        "registries that this Nuke does not have": ", ".join(missing) or "none",
    }


# What the default of a knob has run.
of_defaults: list[int] = []


@contextmanager
def _registered(calls: Mapping[str, Callable[..., Any]], **filters: str) -> Iterator[None]:
    for event, call in calls.items():
        getattr(nuke, f"add{event}")(call, **filters)
    try:
        yield
    finally:
        for event, call in calls.items():
            getattr(nuke, f"remove{event}")(call, **filters)


def check_change(context: CheckContext) -> None:
    """Check that a change between two frames of a capture stays and counts as modified."""
    noise: Any = nuke.allNodes("Noise", group=nuke.root())[0]

    def change(frame: int) -> None:
        if frame == 1002:
            noise["disable"].setValue(True)

    context.host.playblast(context.request(), change)
    found = (bool(noise["disable"].value()), bool(nuke.root().modified()))
    require_equal(found, (True, True), "the value, and whether the script is modified")


def check_render(context: CheckContext) -> None:
    """Check that the log of a render has each frame and the path of its file."""
    write = _write_with_tab(context)
    recorded = _recorded_by(lambda: nuke.execute(write, 1001, 1003, 1))
    require_equal([render.frames for render in recorded], [(1001, 1002, 1003)], "the frames that were recorded")
    require_equal(all(recorded[0].path(frame).is_file() for frame in (1001, 1002, 1003)), True, "all files exist")


def check_views(context: CheckContext) -> Mapping[str, Any]:
    """Check that two views are two sequences; return how often Nuke calls after one frame."""
    write, calls = _write_with_tab(context), list[str]()
    nuke.addView(_VIEW)
    write["file"].setValue((context.folder / "comp_%V.%04d.png").as_posix())
    write["views"].setValue(" ".join(map(str, nuke.views())))
    with _registered({"AfterFrameRender": functools.partial(calls.append, "called")}):
        recorded = _recorded_by(lambda: nuke.execute(write, 1001, 1002, 1, [str(view) for view in nuke.views()]))
    require_equal(sorted(render.view for render in recorded), ["", _VIEW], "the views that were recorded")
    require_equal([render.frames for render in recorded], [(1001, 1002)] * 2, "the frames of the views")
    require_equal(all(render.path(1002).is_file() for render in recorded), True, "all files exist")
    return {"calls for a frame": len(calls) / 2}


def check_proxy(context: CheckContext) -> None:
    """Check that proxy mode records the proxy file name."""
    write = _write_with_tab(context)
    write["proxy"].setValue((context.folder / "small.%04d.png").as_posix())
    nuke.root()["proxy"].setValue(True)
    (render,) = _recorded_by(lambda: nuke.execute(write, 1001, 1002, 1))
    require_equal((render.execution.is_proxy, render.path(1001).name), (True, "small.1001.png"), "what was recorded")
    require_equal(render.path(1001).is_file(), True, "the file exists")


def check_group(context: CheckContext) -> Mapping[str, Any]:
    """Check that the inner node is recorded by its full name; return whether its end was reported."""
    if context.target.has_window:
        raise Skipped("a window would publish the render")
    group: Any = nuke.nodes.Group()
    with group:
        write: Any = nuke.nodes.Write()
        write.setInput(0, nuke.nodes.Noise())
    write["file"].setValue((context.folder / "inner.%04d.png").as_posix())
    write["file_type"].setValue("png")
    tab.add(group, tab.ALWAYS)
    (render,) = _recorded_by(lambda: nuke.execute(write, 1001, 1002, 1))
    require_equal(render.execution.node, write.fullName(), "the node's name")
    require_equal(render.frames, (1001, 1002), "the frames that were recorded")
    return {"says that it has ended": render.is_ended}


def _recorded_by(render: Callable[[], object]) -> list[Render]:
    before = {each.id for each in read_renders()}
    render()
    return [each for each in read_renders() if each.id not in before]


def _render_node(context: CheckContext) -> Any:
    write: Any = nuke.toNode(context.host.scene().sources[0])
    write["file"].setValue((context.folder / "comp.%04d.png").as_posix())
    write["file_type"].setValue("png")
    return write


def _write_with_tab(context: CheckContext) -> Any:
    if context.target.has_window:
        raise Skipped("a window would publish the render")
    write = _render_node(context)
    tab.add(write, tab.ALWAYS)
    return write


CHECKS: Sequence[Check] = (
    Check("drawings", "A drawing lies on its pixels, on its frame, in linear colours", check_drawings),
    checks.SCENE_FILE,
    Check("change", "A change in the middle of a capture is kept", check_change),
    Check(
        "callbacks of the studio",
        "Callbacks that a studio adds for new, changed, rendered or deleted nodes (onCreate, knobChanged and "
        "others) do not run on the temporary nodes of a capture, and run on other nodes afterwards",
        check_studio_callbacks,
    ),
    Check("render", "A render of a node with the tab is recorded, frame by frame", check_render),
    Check("views", "Each view that is written is recorded with its own files", check_views),
    Check("proxy", "A proxy render is recorded as such, with its own file name", check_proxy),
    Check("group", "A Write in a group is recorded, according to the group's tab", check_group),
)
