"""Show the movie of a version beside a node: a Read with its images, on the frames of the script."""

from __future__ import annotations

from functools import partial
from typing import Any

import nuke

from ft_dcc.errors import CaptureFailed
from ft_dcc.host import ComparedMovie

from . import maintained, node_info, sources

# Distance in the node graph, on the other side than that of the drawings.
_BESIDE = 120

_shown = maintained.ShownNode("Read", maintained.COMPARISON)
clear = _shown.remove


def show(movie: ComparedMovie, source: str) -> list[str]:
    """Show the movie instead of one that is shown, and return a sentence for each problem.

    Raises CameraMissing, or CaptureFailed for a source in a gizmo and for images that do not exist any more.
    """
    node = sources.find_node(source)
    home = sources.parent_group(node)
    if not movie.images.path(1).is_file():
        raise CaptureFailed(f"The images of {movie.name} were deleted from {movie.images.path(1).parent}. Try again.")
    clear()
    with maintained.maintained_script():
        with home:
            read: Any = nuke.nodes.Read()
        maintained.mark(read, maintained.COMPARISON)
        read.setXYpos(node.xpos() - _BESIDE, node.ypos())
        _load(read, movie)
    _shown.keep(read, source, partial(_show_again, movie, source))
    return []


def _load(read: nuke.Node, movie: ComparedMovie) -> None:
    values: dict[str, Any] = {
        "file": movie.images.pattern.replace("\\", "/"),
        "first": 1,
        "last": len(movie.images),
        "origfirst": 1,
        "origlast": len(movie.images),
        # The first image is that of this frame.
        "frame_mode": "start at",
        "frame": str(movie.first_frame),
        "before": "black",
        "after": "black",
        "label": node_info.without_tcl(f"Compare with {movie.name}"),
    }
    for name, value in values.items():
        read[name].setValue(value)


def _show_again(movie: ComparedMovie, source: str) -> None:
    # The images may be gone meanwhile.
    if movie.images.path(1).is_file():
        show(movie, source)
