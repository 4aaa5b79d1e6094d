"""Capture one image per frame of what flows through a node, and restore the script afterwards.

This is for sources that are not rendered yet: files on disk are published as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Callable

import nuke

from ft_dcc.errors import Cancelled, CaptureFailed
from ft_dcc.files.atomic import move, temporary_folder
from ft_dcc.frames import Frames, Resolution
from ft_dcc.host import PlayblastRequest
from ft_dcc.host_support.capture_files import make_folder, missing_frame_error, png_size, remove_stale

from . import node_info, sources, tab
from .maintained import ShownNode, TrackNode, maintained_script
from .node_info import node_views, script_frame_rate, script_pixel_aspect
from .renders import render_callbacks

DrawFrame = Callable[[int], None]


def nodes_with_errors(name: str) -> list[str]:
    """Return the full names of those nodes that have an error, of this node and all of its inputs.

    An error in a branch that does not reach the node, as behind an unused input of a Switch, does not count.
    """
    wanted = sources.find_node(name)
    if not wanted.hasError():
        return []
    seen: dict[str, nuke.Node] = {}
    waiting = [wanted]
    while waiting:
        node = waiting.pop()
        if node.fullName() not in seen:
            seen[node.fullName()] = node
            waiting += node.dependencies(nuke.INPUTS)
    broken = [node for node in seen.values() if node.hasError()]
    # Nodes below a broken one have its error, too; name those in which it begins.
    causes = [node for node in broken if not any(each.hasError() for each in node.dependencies(nuke.INPUTS))]
    return sorted(node.fullName() for node in causes or broken)


def output_frames(request: PlayblastRequest) -> Frames:
    """Return the images that the request will produce, at the rate of the script."""
    pattern = request.directory.absolute() / f"{request.name}.%04d.png"
    return Frames(str(pattern), request.frame_range, script_frame_rate(), request.resolution, script_pixel_aspect())


@contextmanager
def capture_setup(request: PlayblastRequest, frames: Frames) -> Iterator[DrawFrame]:
    """Yield a function that writes one frame to its file.

    The nodes for it exist during that call only: between two frames the script belongs to the artist, who may save
    it. Raises CameraMissing, CaptureFailed or StorageError before anything is changed.
    """
    source, view = sources.find_view(request.source)
    group, view = sources.parent_group(source), view or node_views(source)[0]
    if nuke.executing():
        raise CaptureFailed("Nuke renders. Publish again when the render has ended.")
    make_folder(request.directory)

    def draw(frame: int) -> None:
        try:
            source.fullName()
        except ValueError as error:
            # Nuke raises it for a node that was deleted, also by opening another script.
            raise CaptureFailed(f"{request.source} was deleted while it was captured. Publish again.") from error
        with maintained_script() as track, ShownNode.all_disabled():
            write = _add_capture_nodes(track, source, group, request.resolution)
            owner = tab.find_owner(source)
            node_info.use_display_colours(write, "" if owner is None else tab.read_options(owner)[tab.COLOUR])
            _draw(write, frame, view, frames.path(frame), request.resolution)

    yield draw


def _add_capture_nodes(track: TrackNode, source: nuke.Node, group: nuke.Group, size: Resolution) -> nuke.Node:
    image = source if source.Class() == "Read" else source.input(0)
    # Independent of the group that the artist has open, and left at once: it decides where new nodes land.
    with group:
        reformat = track(nuke.nodes.Reformat())
        write = track(nuke.nodes.Write())
    if image is None or not reformat.setInput(0, image):
        raise CaptureFailed(f"Nothing flows into {source.fullName()} that can be captured. Connect its input.")
    reformat["type"].setValue("to box")
    reformat["box_fixed"].setValue(True)
    reformat["box_width"].setValue(size.width)
    reformat["box_height"].setValue(size.height)
    aspect = script_pixel_aspect()
    if aspect is not None:
        # Otherwise an anamorphic image would be squeezed into bars.
        reformat["box_pixel_aspect"].setValue(float(aspect))
    reformat["resize"].setValue("fit")
    # The box is filled with black, not with what lies outside of the image.
    reformat["black_outside"].setValue(True)
    # A studio may have set other defaults.
    reformat["center"].setValue(True)
    for name in ("flip", "flop", "turn", "pbb", "disable"):
        reformat[name].setValue(False)
    for name in ("use_limit", "raw", "disable"):
        write[name].setValue(False)
    write.setInput(0, reformat)
    write["channels"].setValue("rgb")
    write["file_type"].setValue("png")
    return write


def _draw(write: nuke.Node, frame: int, view: str, path: Path, size: Resolution) -> None:
    """Write one frame to its file; raise Cancelled, CaptureFailed or StorageError if the file is incomplete."""
    remove_stale(path)
    try:
        with _safe_path(path) as safe_path:
            # The exact name: Nuke's own numbering may have no form for a negative frame.
            write["file"].setValue(safe_path.as_posix())
            # The tab of an enclosing group is for the artist's renders.
            with render_callbacks.ignored(write.fullName()):
                nuke.execute(write, frame, frame, 1, [view])
    except (RuntimeError, OSError) as error:
        # Foundry's documentation has both "Cancelled" and "cancelled".
        if str(error).lower().startswith("cancelled"):
            raise Cancelled(f"The capture was cancelled in Nuke at frame {frame}.") from error
        raise missing_frame_error(path, frame, "Nuke", str(error)) from error
    found = png_size(path)
    if found is None:
        raise missing_frame_error(path, frame, "Nuke")
    if found != size:
        raise CaptureFailed(f"Frame {frame} is {found}; expected {size}. Turn proxy mode off.")


@contextmanager
def _safe_path(path: Path) -> Iterator[Path]:
    """Yield a path in which Nuke finds no number, view or Tcl; move the file to the given path on exit."""
    if not set(str(path)) & set("%#[]{}$"):
        yield path
        return
    with temporary_folder() as folder:
        safe_path = folder / "frame.png"
        yield safe_path
        if safe_path.is_file():
            move(safe_path, path)
