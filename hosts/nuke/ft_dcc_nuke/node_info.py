"""What Nuke knows about a node that renders or reads, as plain values. Nothing is changed."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import nuke

from ft_dcc.frames import FrameRange, frame_rate
from ft_dcc.renders.log import FRAMES_VARIABLE, PublishOptions, RenderExecution, derive_render_id

from . import tab
from .colour_space import colour_space_of, ocio_config_path

# An invisible knob of the root, so that it is saved with the script.
TASK_KNOB = "ft_dcc_task_id"


def describe_execution(node: nuke.Node, owner: nuke.Node, render: str | None, window: str) -> RenderExecution:
    """Return the description of a render that begins; ``owner`` is the node with the tab for this node.

    Without a ``render`` it belongs to the render that all tasks of this script share.
    """
    options, frame_range, script = tab.read_options(owner), node_frame_range(node), script_name()
    return RenderExecution(
        render=derive_render_id(script) if render is None else render,
        node=node.fullName(),
        script=script,
        program=f"Nuke {nuke.NUKE_VERSION_STRING}",
        options=PublishOptions(
            when=options[tab.PUBLISH],
            task=options["ft_dcc_task"] or saved_task_id() or "",
            review=options["ft_dcc_review"],
            comment=options["ft_dcc_comment"],
            frames=os.environ.get(FRAMES_VARIABLE) or options["ft_dcc_frames"],
            shown=options["ft_dcc_colour"],
        ),
        fps=str(script_frame_rate()),
        script_range=(frame_range.start, frame_range.end),
        views=node_views(node),
        is_proxy=bool(nuke.root().proxy()),
        colour_space=colour_space_of(node),
        ocio=ocio_config_path(),
        window=window,
        has_unsaved_changes=bool(nuke.root().modified()),
    )


def script_name() -> str:
    """Return the file of the script, or "" before the first save."""
    return str(nuke.root()["name"].value() or "")


def script_frame_rate() -> Fraction:
    """Return the exact frame rate; ``fps()`` would round it to an integer."""
    return frame_rate(float(nuke.root().realFps()))


def script_pixel_aspect() -> Fraction | None:
    """Return the width of a pixel by its height; None for square pixels."""
    aspect = Fraction(str(nuke.root().format().pixelAspect())).limit_denominator(1000)
    return None if aspect == 1 else aspect


def saved_task_id() -> str | None:
    """Return the task that is stored in the script, or None."""
    knob = nuke.root().knob(TASK_KNOB)
    return str(knob.value()) or None if knob is not None else None


def node_frame_range(node: nuke.Node) -> FrameRange:
    """Return the frames of the node: a Read has its own range, a Write may limit the script's."""
    if node.Class() == "Read" or node["use_limit"].value():
        return FrameRange(int(node["first"].value()), int(node["last"].value()))
    root = nuke.root()
    return FrameRange(int(root.firstFrame()), int(root.lastFrame()))


def node_views(node: nuke.Node) -> tuple[str, ...]:
    """Return the views that a Write writes, in the order of the script."""
    known = [str(view) for view in nuke.views()]
    knob = node.knob("views")
    chosen = str(knob.value()).split() if knob is not None else []
    return tuple(view for view in known if view in chosen) or tuple(known)


def node_files(node: nuke.Node, views: tuple[str, ...]) -> Mapping[str, str]:
    """Return the file of the current frame per view, after proxy mode, expressions and filename filters."""
    if len(views) < 2:
        path = nuke.filename(node, nuke.REPLACE)
        return {view: _filtered(str(path)) for view in views if path}
    name = "proxy" if nuke.root().proxy() and node["proxy"].value() else "file"
    knob: Any = node[name]
    return {view: _filtered(str(knob.evaluate(view=view))) for view in views}


def node_pattern(node: nuke.Node) -> str | None:
    """Return the files that a node writes or reads, numbered as ``%04d``, or None if it has no file name."""
    path = nuke.filename(node)
    return _filtered(str(path)) if path else None


def node_label(name: str) -> str:
    """Return the file name of the node as the artist has entered it, "" without one; nothing is evaluated."""
    node = nuke.toNode(name)
    return str(node["file"].value() or "" if node is not None else "").replace("\\", "/").rpartition("/")[2]


def node_group(name: str) -> str:
    """Return the heading under which an artist finds the node: "Writes" or "Reads"."""
    node = nuke.toNode(name)
    return f"{node.Class()}s" if node is not None else ""


def is_limited() -> bool:
    """Return whether this is Nuke Indie or Non-commercial, in which Python reaches ten nodes of a script."""
    for name in ("indie", "nc"):
        try:
            if nuke.env[name]:
                return True
        except KeyError:
            # A version without this edition.
            continue
    return False


def without_tcl(text: str) -> str:
    """Escape what Nuke would evaluate in a label."""
    return re.sub(r"([\\\[\]$])", r"\\\1", text)


def _filtered(path: str) -> str:
    found = nuke.callbacks.filenameFilter(path)  # type: ignore[no-untyped-call] # written in Python, without types
    # A relative name is relative to the project directory, or else to the working directory.
    knob: Any = nuke.root()["project_directory"]
    return str(Path(str(knob.evaluate() or "")).absolute() / str(found))
