"""Show the movie of a version beside a node: a Read with its images, on the frames of the script."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import nuke

from ft_dcc.errors import CaptureFailed
from ft_dcc.host import ComparedMovie

from .capture import find_node, parent_group
from .maintained import maintained_script
from .marked_nodes import COMPARISON, ShownNode, mark
from .node_info import without_tcl

# Distance in the node graph, on the other side than that of the drawings.
_BESIDE = 120


_shown = ShownNode("Read", COMPARISON)


def show(movie: ComparedMovie, source: str) -> list[str]:
    """Show the movie instead of one that is shown, and return a sentence for each problem.

    Raises CameraMissing, or CaptureFailed for a source in a gizmo and for images that do not exist any more.
    """
    node = find_node(source)
    home = parent_group(node)
    if not movie.images.path(1).is_file():
        raise CaptureFailed(f"The images of {movie.name} were deleted from {movie.images.path(1).parent}. Try again.")
    clear()
    with maintained_script():
        with home:
            read: Any = nuke.nodes.Read()
        mark(read, COMPARISON)
        read.setXYpos(node.xpos() - _BESIDE, node.ypos())
        _load(read, movie)
    _shown.keep(read, source, partial(_show_again, movie, source))
    return []


def clear() -> None:
    """Remove the Read; do nothing if there is none."""
    _shown.remove()


def hidden() -> AbstractContextManager[None]:
    """Keep the movie out of a capture, also if the artist has connected the Read."""
    return _shown.disabled()


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
        "label": without_tcl(f"Compare with {movie.name}"),
    }
    for name, value in values.items():
        read[name].setValue(value)


def _show_again(movie: ComparedMovie, source: str) -> None:
    # The images may be gone meanwhile.
    if movie.images.path(1).is_file():
        show(movie, source)
