"""Checks of drawings and of captures."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

import nuke

from ft_dcc.contract.host_under_test import CheckContext, require_equal
from ft_dcc.review.drawings import parse_drawing
from ft_dcc_nuke.host import NukeHost
from ft_dcc_nuke.maintained import REGISTRIES

# A callback of validateFilename has another argument, and needs no check of its own.
_STUDIO_EVENTS = (
    *("OnCreate", "OnDestroy", "KnobChanged", "UpdateUI"),
    *("BeforeRender", "BeforeFrameRender", "RenderProgress", "AfterFrameRender", "AfterRender"),
)


def check_drawings(context: CheckContext) -> Mapping[str, Any]:
    """Check that a drawing of a reviewer is drawn where it was drawn, and that nothing of it remains."""
    before = context.target.state()
    dot = {"kind": "pen", "colour": "#ff8000", "width": 0.25, "points": [[0.25, 0.25, 0.5], [0.26, 0.25, 0.5]]}
    data = json.dumps({"version": 2, "shapes": [dot]})
    NukeHost().show_feedback([parse_drawing(data, 1003, text="Too high")])
    group: Any = nuke.allNodes("Group", group=nuke.root())[0]
    current = int(nuke.frame())
    # 64x36, counted from the bottom left: a quarter from the left and from the top, and the same place upside down.
    found = {frame: (_is_orange(group, frame, 16, 27), _is_orange(group, frame, 16, 9)) for frame in (1002, 1003, 1004)}
    nuke.frame(1003)
    colour = [round(float(group.sample(channel, 16, 27)), 3) for channel in ("red", "green", "blue")]
    nuke.frame(current)
    expected = {1002: (False, False), 1003: (True, False), 1004: (False, False)}
    require_equal(found, expected, "whether the drawing is at its place, and at the mirrored one")
    require_equal(abs(colour[1] - 0.216) < 0.02, True, f"the colour {colour} is linear")
    NukeHost().clear_feedback()
    require_equal(context.target.state(), before, "the script has changed")
    return {"colour": colour}


def _is_orange(node: Any, frame: int, x: int, y: int) -> bool:
    nuke.frame(frame)
    return bool(node.sample("red", x, y) - node.sample("blue", x, y) > 0.5)


def check_studio_callbacks(context: CheckContext) -> Mapping[str, Any]:
    """Check that a capture runs no callback of a studio; return those that ran on a node of the artist afterwards."""
    called: list[str] = []
    calls = {event: functools.partial(_note_call, called, event) for event in _STUDIO_EVENTS}
    for event, call in calls.items():
        getattr(nuke, f"add{event}")(call, nodeClass="*")
    try:
        context.host.playblast(context.request("1001"), lambda frame: None)
        of_capture = sorted(set(called))
        _render_and_delete(context)
    finally:
        for event, call in calls.items():
            getattr(nuke, f"remove{event}")(call, nodeClass="*")
    require_equal(of_capture, [], "the callbacks of the studio that ran on temporary nodes")
    require_equal("OnCreate" in called and "BeforeRender" in called, True, "callbacks run again after the capture")
    missing = [name for name in REGISTRIES if not isinstance(getattr(nuke.callbacks, name, None), dict)]
    return {
        "ran on a node of the artist afterwards": ", ".join(sorted(set(called))),
        "registries that this Nuke does not have": ", ".join(missing) or "none",
    }


def _note_call(called: list[str], event: str) -> None:
    called.append(event)


def _render_and_delete(context: CheckContext) -> None:
    """Make, render and delete a Write, as an artist does."""
    with nuke.root():
        write: Any = nuke.nodes.Write()
    write.setInput(0, nuke.allNodes("Noise", group=nuke.root())[0])
    write["file"].setValue((context.folder / "own.%04d.png").as_posix())
    write["file_type"].setValue("png")
    nuke.execute(write, 1001, 1001, 1)
    nuke.delete(write)


def check_change(context: CheckContext) -> None:
    """Check that a change between two frames of a capture stays and counts as modified."""
    noise: Any = nuke.allNodes("Noise", group=nuke.root())[0]

    def change(frame: int) -> None:
        if frame == 1002:
            noise["disable"].setValue(True)

    context.host.playblast(context.request(), change)
    found = (bool(noise["disable"].value()), bool(nuke.root().modified()))
    require_equal(found, (True, True), "the value, and whether the script is modified")
