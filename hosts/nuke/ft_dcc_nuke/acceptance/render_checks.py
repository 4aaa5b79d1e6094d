"""Checks of renders: their callbacks, and what is recorded."""

from __future__ import annotations

import functools
import threading
from collections.abc import Mapping
from typing import Any, Callable

import nuke

from ft_dcc.contract.host_under_test import CheckContext, Skipped, require_equal
from ft_dcc.renders.renders import Render, read_renders
from ft_dcc_nuke import tab

_VIEW = "right"
_EVENTS = ("BeforeRender", "BeforeFrameRender", "AfterFrameRender", "AfterRender")


def check_callbacks(context: CheckContext) -> Mapping[str, Any]:
    """Check that each event comes once per render or frame; return the threads that they come on."""
    write, calls_made = _render_node(context), []
    calls = {
        event: functools.partial(lambda name: calls_made.append((name, int(nuke.frame()), _thread_name())), event)
        for event in _EVENTS
    }
    for event, call in calls.items():
        getattr(nuke, f"add{event}")(call)
    try:
        nuke.execute(write, 1001, 1002, 1)
    finally:
        for event, call in calls.items():
            getattr(nuke, f"remove{event}")(call)
    expected = ["BeforeRender", *(["BeforeFrameRender", "AfterFrameRender"] * 2), "AfterRender"]
    require_equal([name for name, _, _ in calls_made], expected, "the order of the callbacks")
    frames = [frame for name, frame, _ in calls_made if name == "AfterFrameRender"]
    require_equal(frames, [1001, 1002], "the frames of the callbacks")
    return {"threads": sorted({thread for _, _, thread in calls_made})}


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
    call = functools.partial(calls.append, "called")
    nuke.addAfterFrameRender(call)
    try:
        recorded = _recorded_by(lambda: nuke.execute(write, 1001, 1002, 1, [str(view) for view in nuke.views()]))
    finally:
        nuke.removeAfterFrameRender(call)
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


def check_filter(context: CheckContext) -> None:
    """Check that a filename filter changes the name on disk and in the log."""
    write = _write_with_tab(context)
    rename = functools.partial(_rename_in_folder, context.folder.as_posix())
    nuke.addFilenameFilter(rename)
    try:
        (render,) = _recorded_by(lambda: nuke.execute(write, 1001, 1001, 1))
    finally:
        nuke.removeFilenameFilter(rename)
    require_equal(render.path(1001).name, "filtered.1001.png", "the name that was recorded")
    require_equal(render.path(1001).is_file(), True, "the file exists")


def check_broken_log(context: CheckContext) -> None:
    """Check that a render continues although its log cannot be written."""
    write = _write_with_tab(context)
    # The options of the log cannot be read: the task's knob is gone.
    write.removeKnob(write["ft_dcc_task"])
    nuke.execute(write, 1001, 1002, 1)
    require_equal(
        sorted(path.name for path in context.folder.glob("*.png")), ["comp.1001.png", "comp.1002.png"], "the files"
    )


def _rename_in_folder(folder: str, name: str) -> str:
    return name.replace("/comp.", "/filtered.") if name.startswith(folder) else name


def _recorded_by(render: Callable[[], object]) -> list[Render]:
    """Call the function, and return the renders that were recorded meanwhile."""
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


def _thread_name() -> str:
    return "main" if threading.current_thread() is threading.main_thread() else "another"
