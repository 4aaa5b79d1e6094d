"""Show drawings of reviewers in the script: one group beside the source, with a RotoPaint for each drawing.

The group is marked with its own name, so a copy of it, or one that the artist has renamed, is theirs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import attrs
import nuke

from ft_dcc.host_support.feedback import (
    aspect_problems,
    author_label,
    caption,
    drawings_in_range,
    linear,
    within_limits,
)
from ft_dcc.review.drawings import Drawing, Stroke
from ft_dcc.review.stroke_font import text_polylines

from .capture import find_node, parent_group
from .maintained import maintained_script
from .marked_nodes import FEEDBACK, ShownNode, mark
from .node_info import without_tcl
from .roto_script import Canvas, curves_text

_MAX_CAPTION = 100
# Fractions of the image's height: a line of the caption, its distance from the border, and its pen.
_CAPTION_SIZE, _CAPTION_MARGIN, _CAPTION_WIDTH = 0.04, 0.015, 0.003
_WHITE = (1.0, 1.0, 1.0)
_MAX_STROKES, _MAX_POINTS = 20_000, 200_000
# Distance in the node graph.
_BESIDE = 120


_shown = ShownNode("Group", FEEDBACK)


def show(drawings: Sequence[Drawing], source: str) -> list[str]:
    """Show the drawings instead of those that are shown, and return a sentence for each problem.

    Raises CameraMissing, or CaptureFailed for a source in a gizmo; the script is as before if an error is raised.
    """
    clear()
    node, root = find_node(source), nuke.root()
    home, size = parent_group(node), root.format()
    inside, problems = drawings_in_range(drawings, int(root.firstFrame()), int(root.lastFrame()))
    width = round(int(size.width()) * float(size.pixelAspect()))
    problems += aspect_problems(inside, width, int(size.height()))
    if not inside:
        return problems
    aspect = width / int(size.height())
    inside, more_problems = within_limits(inside, "Nuke", aspect, max_strokes=_MAX_STROKES, max_points=_MAX_POINTS)
    problems += more_problems
    with maintained_script():
        try:
            group = _add_group(node, home, inside, aspect)
        except BaseException:
            _shown.remove()
            raise
    _shown.keep(group, source, partial(show, tuple(drawings), source))
    return problems


def clear() -> None:
    """Remove the group; do nothing if there is none."""
    _shown.remove()


def hidden() -> AbstractContextManager[None]:
    """Keep the drawings out of a capture, also if the artist has connected the group."""
    return _shown.disabled()


def _add_group(source: nuke.Node, home: nuke.Group, drawings: Sequence[Drawing], scene_aspect: float) -> Any:
    with home:
        group: Any = nuke.nodes.Group()
    mark(group, FEEDBACK)
    lines = [f"{drawing.frame} {caption(drawing, _MAX_CAPTION)}" for drawing in drawings]
    group["label"].setValue(without_tcl("\n".join(("Review notes", *lines))))
    group.setInput(0, source)
    group.setXYpos(source.xpos() + _BESIDE, source.ypos())
    size = source.format()
    with group:
        last = nuke.nodes.Input()
        for index, drawing in enumerate(drawings):
            aspect = drawing.aspect or scene_aspect
            canvas = Canvas(int(size.width()), int(size.height()), float(size.pixelAspect()), aspect)
            row = sum(_overlap(drawing, earlier) for earlier in drawings[:index])
            strokes = [*drawing.strokes(aspect), *_caption_strokes(drawing, aspect, row)]
            last = _add_paint(last, drawing, curves_text([_linear_colour(each) for each in strokes], canvas))
        nuke.nodes.Output().setInput(0, last)
    return group


def _add_paint(image: nuke.Node, drawing: Drawing, curves: str) -> nuke.Node:
    """Return a RotoPaint over the image that draws on the frames of the drawing only."""
    paint: Any = nuke.nodes.RotoPaint()
    paint.setInput(0, image)
    paint["curves"].fromScript(curves)
    paint["label"].setValue(without_tcl(author_label(drawing)))
    paint["disable"].setExpression(f"frame < {drawing.frame} || frame > {drawing.last_frame}")
    return paint  # type: ignore[no-any-return] # the stubs know no RotoPaint


def _overlap(drawing: Drawing, other: Drawing) -> bool:
    return other.frame <= drawing.last_frame and drawing.frame <= other.last_frame


def _caption_strokes(drawing: Drawing, aspect: float, row: int) -> Iterator[Stroke]:
    """Yield author and text at the bottom of the image, above those of other drawings on the frame."""
    top = 1 - _CAPTION_MARGIN - (row + 1) * _CAPTION_SIZE
    for polyline in text_polylines(caption(drawing, _MAX_CAPTION), _CAPTION_SIZE):
        points = tuple((_CAPTION_MARGIN + x / aspect, top + y, _CAPTION_WIDTH) for x, y in polyline)
        yield Stroke(_WHITE, 1.0, points)


def _linear_colour(stroke: Stroke) -> Stroke:
    red, green, blue = stroke.colour
    return attrs.evolve(stroke, colour=(linear(red), linear(green), linear(blue)))
