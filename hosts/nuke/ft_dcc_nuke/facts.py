"""What Nuke knows of a node that renders or reads, as plain values. It is read, and nothing is changed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import nuke

from ft_dcc.frames import FrameRange, frame_rate
from ft_dcc.render_records import FRAMES_VARIABLE, Execution, Wish, identify

from . import tab
from .colours import config_of_script, space_of

# Of the root, so that it is saved with the script; it is not shown.
TASK_KNOB = "ft_dcc_task_id"


def execution_of(node: nuke.Node, owner: nuke.Node, render: str | None, window: str) -> Execution:
    """Return what is known when the node begins to render; ``owner`` has the tab that speaks for it.

    Without a ``render`` it is the one that all tasks of the script's render have in common.
    """
    said, frame_range, script = tab.read(owner), range_of(node), script_name()
    return Execution(
        render=identify(script) if render is None else render,
        node=node.fullName(),
        script=script,
        program=f"Nuke {nuke.NUKE_VERSION_STRING}",
        wish=Wish(
            when=said[tab.PUBLISH],
            task=said["ft_dcc_task"] or remembered_task() or "",
            review=said["ft_dcc_review"],
            comment=said["ft_dcc_comment"],
            frames=os.environ.get(FRAMES_VARIABLE) or said["ft_dcc_frames"],
            shown=said["ft_dcc_colour"],
        ),
        fps=str(rate_of_script()),
        script_range=(frame_range.start, frame_range.end),
        views=views_of(node),
        is_proxy=bool(nuke.root().proxy()),
        colour_space=space_of(node),
        ocio=config_of_script(),
        window=window,
    )


def script_name() -> str:
    """The file of the script, "" before the first save."""
    return str(nuke.root()["name"].value() or "")


def rate_of_script() -> Fraction:
    """The exact rate: ``fps()`` would be a whole number."""
    return frame_rate(float(nuke.root().realFps()))


def remembered_task() -> str | None:
    """The task that the script carries, or None."""
    knob = nuke.root().knob(TASK_KNOB)
    return str(knob.value()) or None if knob is not None else None


def range_of(node: nuke.Node) -> FrameRange:
    """The frames that the script gives the node: a Read has its own, a Write may have a limit."""
    if node.Class() == "Read" or node["use_limit"].value():
        return FrameRange(int(node["first"].value()), int(node["last"].value()))
    root = nuke.root()
    return FrameRange(int(root.firstFrame()), int(root.lastFrame()))


def views_of(node: nuke.Node) -> tuple[str, ...]:
    """The views that a Write writes, the script's main one first."""
    known = [str(view) for view in nuke.views()]
    knob = node.knob("views")
    chosen = str(knob.value()).split() if knob is not None else []
    return tuple(view for view in known if view in chosen) or tuple(known)


def files_of(node: nuke.Node, views: tuple[str, ...]) -> Mapping[str, str]:
    """The file of the current frame, for each view: after proxy, expressions and the studio's filename filters."""
    if len(views) < 2:
        path = nuke.filename(node, nuke.REPLACE)
        return {view: _filtered(str(path)) for view in views if path}
    name = "proxy" if nuke.root().proxy() and node["proxy"].value() else "file"
    knob: Any = node[name]
    return {view: _filtered(str(knob.evaluate(view=view))) for view in views}


def pattern_of(node: nuke.Node) -> str | None:
    """The files that a node writes or reads, their number as ``%04d``; None where no name is given."""
    path = nuke.filename(node)
    return _filtered(str(path)) if path else None


def _filtered(path: str) -> str:
    found = nuke.callbacks.filenameFilter(path)  # type: ignore[no-untyped-call] # written in Python, without types
    # A relative name is one of the project's folder, and without that of where Nuke was started.
    knob: Any = nuke.root()["project_directory"]
    return str(Path(str(knob.evaluate() or "")).absolute() / str(found))
