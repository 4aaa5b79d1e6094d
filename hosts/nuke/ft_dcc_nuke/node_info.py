"""What Nuke knows about a node that renders or reads, as plain values, and the names of its colours in OCIO."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import nuke

from ft_dcc import errors, frames
from ft_dcc.files.sequences import frame_path, is_sequence
from ft_dcc.renders import log, renders
from ft_dcc.settings.definitions import DISPLAY_COLOURS

from . import tab
from .tab import knob_value

# An invisible knob of the root, so that it is saved with the script.
TASK_KNOB = "ft_dcc_task_id"
# View and display of a Viewer.
_VIEW_PATTERN = re.compile(r"(.+) \(([^()]+)\)")
# For a role or a default, Nuke shows the space in brackets: "scene_linear (ACES - ACEScg)", "default (sRGB)".
_ROLE_PATTERN = re.compile(r"[a-z_]+ \((.+)\)")
# Names of Nuke's "nuke-default" config, and their equivalents in OpenColorIO's built-in configs. Any other name is
# kept, and a check of the core reports unknown ones.
_OCIO_NAMES = {
    "linear": "lin_rec709",
    "sRGB": "srgb_tx",
    "Gamma1.8": "g18_rec709_tx",
    "Gamma2.2": "g22_rec709_tx",
    "Gamma2.4": "g24_rec709_tx",
    # Nuke's rec709 is a camera curve; the curve of a monitor is the nearest.
    "rec709": "g24_rec709_tx",
}


def describe_execution(
    node: nuke.Node, owner: nuke.Node, render: str | None, window: str, asset_suffix: str
) -> log.RenderExecution:
    """Return the description of a render that begins; ``owner`` is the node with the tab for this node.

    Without a ``render`` it belongs to the render that all tasks of this script share.
    """
    options, frame_range, script = tab.read_options(owner), node_frame_range(node), script_name()
    return log.RenderExecution(
        render=log.derive_render_id(script) if render is None else render,
        node=node.fullName(),
        script=script,
        program=f"Nuke {nuke.NUKE_VERSION_STRING}",
        options=log.RenderOptions(
            when=options[tab.PUBLISH],
            task=options["ft_dcc_task"] or saved_task_id() or "",
            review=options["ft_dcc_review"],
            comment=options["ft_dcc_comment"],
            frames=options["ft_dcc_frames"],
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
        requested=os.environ.get(log.FRAMES_VARIABLE, ""),
        file_shift=file_shift(node),
        asset_suffix=asset_suffix,
    )


def script_name() -> str:
    """Return the file of the script, or "" before the first save."""
    return str(nuke.root()["name"].value() or "")


def script_frame_rate() -> Fraction:
    """Return the exact frame rate; ``fps()`` would round it to an integer."""
    return frames.frame_rate(float(nuke.root().realFps()))


def script_pixel_aspect() -> Fraction | None:
    """Return the width of a pixel by its height; None for square pixels."""
    aspect = Fraction(str(nuke.root().format().pixelAspect())).limit_denominator(1000)
    return None if aspect == 1 else aspect


def saved_task_id() -> str | None:
    """Return the task that is stored in the script for its current shot, or None."""
    return _saved_tasks().get(_current_shot())


def with_task_id(task_id: str) -> str:
    """Return the text that stores the task for the current shot, beside those of other shots."""
    shot = _current_shot()
    return json.dumps({**_saved_tasks(), shot: task_id}) if shot else task_id


def _saved_tasks() -> dict[str, str]:
    """Return the tasks by shots: a script without a variable for the shot has one task, of the shot ""."""
    text = str(tab.knob_value(nuke.root(), TASK_KNOB) or "")
    try:
        found = json.loads(text) if text.startswith("{") else {"": text}
    except ValueError:
        return {}
    return {shot: task for shot, task in found.items() if task}


def _current_shot() -> str:
    """Return the value of the script's variable "shot", "" without one.

    A script of Nuke 16 and later can contain several shots. Source: Foundry's guide "Graph Scope Variables".
    """
    sets = tab.knob_value(nuke.root(), "gsv") or {}
    found = (str(value) for each in sets.values() for name, value in each.items() if name.lower() == "shot")
    return next(filter(None, found), "")


def node_frame_range(node: nuke.Node) -> frames.FrameRange:
    """Return the frames of the script that the node covers; raise CaptureFailed as ``file_shift``."""
    own = _knob_range(node)
    # The range of a Read is that of its files.
    shift = file_shift(node) if node.Class() == "Read" else 0
    return frames.FrameRange(own.start - shift, own.end - shift)


def _knob_range(node: nuke.Node) -> frames.FrameRange:
    """Return the range of the node's knobs: a Read has its own range, a Write may limit the script's."""
    if node.Class() == "Read" or node["use_limit"].value():
        return frames.FrameRange(int(node["first"].value()), int(node["last"].value()))
    root = nuke.root()
    return frames.FrameRange(int(root.firstFrame()), int(root.lastFrame()))


def file_shift(node: nuke.Node) -> int:
    """Return the number in the name of a frame's file, minus the frame; raise CaptureFailed if it is no constant.

    A Write writes its first frame with the number of "start at", and a Read shows its first file at that frame. Source:
    Foundry's reference of both nodes, the knobs ``frame_mode`` and ``frame``.
    """
    mode, text = str(node["frame_mode"].value()), str(node["frame"].value())
    value = re.sub(r"\s|^frame", "", text)
    if not value:
        return 0
    if re.fullmatch(r"[+-]\d+" if mode == "expression" else r"[+-]?\d+", value) is None:
        raise errors.CaptureFailed(
            f"{node.fullName()} numbers its files by {mode} {text!r}, which is no constant. Use an offset there."
        )
    if mode != "start at":
        return int(value)
    first = _knob_range(node).start
    return first - int(value) if node.Class() == "Read" else int(value) - first


def node_views(node: nuke.Node) -> tuple[str, ...]:
    """Return the views that a Write writes, in the order of the script."""
    known = [str(view) for view in nuke.views()]
    chosen = str(tab.knob_value(node, "views") or "").split()
    return tuple(view for view in known if view in chosen) or tuple(known)


def node_files(node: nuke.Node, views: tuple[str, ...], shift: int) -> Mapping[str, str]:
    """Return the file of the current frame per view, after proxy mode, expressions and filename filters.

    ``shift`` is the ``file_shift`` of the node. Whether Nuke's own functions apply it is not documented: a name with
    the number of the frame gets that of the file.
    """
    if len(views) < 2:
        path = nuke.filename(node, nuke.REPLACE)
        found = {view: str(path) for view in views if path}
    else:
        knob: Any = node["proxy" if nuke.root().proxy() and node["proxy"].value() else "file"]
        found = {view: str(knob.evaluate(view=view)) for view in views}
    frame = int(nuke.frame())
    return {view: _filtered(_shifted(path, frame, shift) if shift else path) for view, path in found.items()}


def _shifted(path: str, frame: int, shift: int) -> str:
    pattern = renders.pattern_of([(frame, path)])
    return frame_path(pattern, frame + shift) if is_sequence(pattern) else path


def node_pattern(node: nuke.Node, view: str) -> str | None:
    """Return the files of a node, for "" those of the current view, as ``%04d``, or None without a file name."""
    if not view:
        path = nuke.filename(node)
        return _filtered(str(path)) if path else None
    knob: Any = node["file"]
    # With or without the number of the current frame, which is not documented.
    path = str(knob.evaluate(view=view))
    return _filtered(path if is_sequence(path) else renders.pattern_of([(int(nuke.frame()), path)]))


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


def colour_space_of(node: nuke.Node) -> str:
    """Return the name of the colour space of the node's files, or "" when Nuke does not know it.

    With a display and a view as output transform, the knob ``colorspace`` is not that of the files.
    """
    is_raw, space = knob_value(node, "raw"), knob_value(node, "colorspace")
    if knob_value(node, "transformType") == "display" and not is_raw:
        return DISPLAY_COLOURS
    # Raw files hold the values of the script's working space.
    return "" if space is None else ocio_name("linear" if is_raw else str(space), is_ocio=uses_ocio())


def ocio_name(label: str, *, is_ocio: bool) -> str:
    """Return the name in the OCIO config of the core for a colour space as Nuke shows it, "" for a default.

    ``is_ocio`` says whether the names are those of an OCIO config other than Nuke's own.
    """
    while (inner := _ROLE_PATTERN.fullmatch(label)) is not None:
        label = inner[1]
    # Large menus group the names in families: "ACES/ACES - ACEScg".
    name = label.rpartition("/")[2]
    name = "" if name == "default" else name
    if is_ocio:
        return "scene_linear" if name == "linear" else name
    return _OCIO_NAMES.get(name, name)


def use_display_colours(write: nuke.Node, wanted: str) -> None:
    """Let a Write convert its images for a display.

    ``wanted`` is "display/view"; without it, the Viewer that is shown decides. A Write without a matching choice
    keeps its default.
    """
    viewer = nuke.activeViewer() if nuke.GUI and not wanted else None
    process = "" if viewer is None else str(knob_value(viewer.node(), "viewerProcess") or "")
    # "ACES 1.0 - SDR Video (sRGB - Display)"; without OCIO only the name, as in "rec709".
    found = _VIEW_PATTERN.fullmatch(process)
    display, view = (found[2], found[1]) if found is not None else ("", process)
    if wanted:
        display, _, view = wanted.rpartition("/")
    before = knob_value(write, "transformType")
    if not uses_ocio():
        _choose(write, ("colorspace",), view)
    elif _choose(write, ("transformType",), "display"):
        # The names of the knobs differ between versions.
        has_display = _choose(write, ("ocioDisplay", "display"), display)
        if not (has_display and _choose(write, ("ocioView", "view"), view)):
            write["transformType"].setValue(before)


def _choose(node: nuke.Node, names: tuple[str, ...], wanted: str) -> bool:
    """Set the first of these knobs to a choice that it has; return whether it is set."""
    knob = next((knob for name in names if (knob := node.knob(name)) is not None), None)
    if knob is None or not wanted:
        return False
    choices: list[str] = list(knob.values()) if isinstance(knob, nuke.Enumeration_Knob) else []
    # Large menus group the names in families: "ACES/ACES - ACEScg".
    found = next((choice for choice in choices if wanted in (choice, choice.rpartition("/")[2])), None)
    if found is None:
        return False
    knob.setValue(found)
    return True


def ocio_config_path() -> str:
    """Return the path of the script's OCIO config; "" when Nuke manages colours itself or the environment names it."""
    if not uses_ocio():
        return ""
    root = nuke.root()
    path_knob = "customOCIOConfigPath" if root["OCIO_config"].value() == "custom" else "OCIOConfigPath"
    return str(knob_value(root, path_knob) or "")


def uses_ocio() -> bool:
    """Return whether colour space names are those of an OCIO config."""
    return bool(nuke.root()["colorManagement"].value() == "OCIO")
