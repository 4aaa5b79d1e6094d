"""From a request to one picture per frame on disk, of what flows through a node, with the script as it was afterwards.

It is for what was not rendered yet: what lies on disk is published as it is.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Callable

import nuke

from ft_dcc.errors import CameraMissing, Cancelled, CaptureFailed
from ft_dcc.frames import Frames, Resolution
from ft_dcc.host import PlayblastRequest
from ft_dcc.pictures import make_folder, make_way, png_size, why_missing

from .facts import rate_of_script, views_of
from .maintained import Keep, borrowed_script

DrawFrame = Callable[[int], None]


def find_sources() -> list[str]:
    """The nodes that show something worth a version: selected ones first, then Writes, then Reads, in their order."""
    nodes = [
        node
        for kind in ("Write", "Read")
        for node in nuke.allNodes(kind, group=nuke.root(), recurseGroups=True)
        if not node["disable"].value()
    ]
    chosen = {node.fullName() for node in nuke.selectedNodes()}
    return sorted((node.fullName() for node in reversed(nodes)), key=lambda name: name not in chosen)


def node_of(name: str) -> nuke.Node:
    """Return the node with this full name; raises CameraMissing."""
    node = nuke.toNode(name) if name in find_sources() else None
    if node is None:
        raise CameraMissing(f"The script has no Read or Write called {name}, or it is disabled. Choose another source.")
    return node


def broken_nodes(name: str) -> list[str]:
    """The full names of the node and of those that flow into it, as far as they have an error."""
    seen: dict[str, nuke.Node] = {}
    waiting = [node_of(name)]
    while waiting:
        node = waiting.pop()
        if node.fullName() not in seen:
            seen[node.fullName()] = node
            waiting += node.dependencies(nuke.INPUTS)
    return sorted(known for known, node in seen.items() if node.hasError())


def frames_of(request: PlayblastRequest) -> Frames:
    """Where the pictures of the request go, and the rate of the script that they are made of."""
    pattern = request.directory.absolute() / f"{request.name}.%04d.png"
    return Frames(str(pattern), request.frame_range, rate_of_script(), request.resolution)


@contextmanager
def capturing(request: PlayblastRequest, frames: Frames) -> Iterator[DrawFrame]:
    """Inside, nodes are set up for the request and the function given writes one frame to its file.

    Raises CameraMissing, CaptureFailed or DiskUnusable before anything is changed.
    """
    source = node_of(request.source)
    home = _home_of(source)
    make_folder(request.directory)
    view = views_of(source)[0]
    with borrowed_script(home) as keep:
        write = _write(keep, source, request.resolution)

        def draw(frame: int) -> None:
            _draw(write, frame, view, frames.path(frame), request.resolution)

        yield draw


def _home_of(source: nuke.Node) -> nuke.Group:
    """Return the group that the node is in: what is in another one cannot be connected to it."""
    group = source
    for _ in range(source.fullName().count(".")):
        group = group.parent()
        if isinstance(group, nuke.Gizmo):
            raise CaptureFailed(
                f"{source.fullName()} is in a gizmo, in which no node can be made. "
                "Render it and publish the files, or copy the gizmo to a group."
            )
    return source.parent() or nuke.root()


def _write(keep: Keep, source: nuke.Node, size: Resolution) -> nuke.Node:
    reformat = keep(nuke.nodes.Reformat())
    flow = source if source.Class() == "Read" else source.input(0)
    if flow is None or not reformat.setInput(0, flow):
        raise CaptureFailed(f"Nothing flows into {source.fullName()} that can be captured. Connect its input.")
    reformat["type"].setValue("to box")
    reformat["box_fixed"].setValue(True)
    reformat["box_width"].setValue(size.width)
    reformat["box_height"].setValue(size.height)
    reformat["resize"].setValue("fit")
    # The box is filled with black, not with what lies beside the picture.
    reformat["black_outside"].setValue(True)
    write = keep(nuke.nodes.Write())
    write.setInput(0, reformat)
    write["channels"].setValue("rgb")
    write["file_type"].setValue("png")
    return write


def _draw(write: nuke.Node, frame: int, view: str, path: Path, size: Resolution) -> None:
    """Write one frame to its file; raises Cancelled, CaptureFailed or DiskUnusable when it is not whole on disk."""
    make_way(path)
    try:
        with _plainly_named(path) as plain:
            # The exact name: no number of Nuke's own, which may have no form for a frame below zero.
            write["file"].setValue(plain.as_posix())
            nuke.execute(write, frame, frame, 1, [view])
    except (RuntimeError, OSError) as error:
        # Foundry's documents write it both ways.
        if str(error).lower().startswith("cancelled"):
            raise Cancelled(f"The capture was cancelled in Nuke at frame {frame}.") from error
        raise why_missing(path, frame, "Nuke", str(error)) from error
    found = png_size(path)
    if found is None:
        raise why_missing(path, frame, "Nuke")
    if found != size:
        raise CaptureFailed(f"Nuke wrote frame {frame} at {found}, wanted is {size}. Turn proxy mode off.")


@contextmanager
def _plainly_named(path: Path) -> Iterator[Path]:
    """Lend a name in which Nuke finds no number, view or Tcl; what is written there is at the path afterwards."""
    if not set(str(path)) & set("%#[]{}$"):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="ft-dcc-") as folder:
        plain = Path(folder, "frame.png")
        yield plain
        if plain.is_file():
            shutil.move(plain, path)
