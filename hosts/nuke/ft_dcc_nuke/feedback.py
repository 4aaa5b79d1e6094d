"""Show drawings of reviewers in the script, in one group with a RotoPaint for each, and movies of versions in a Read.

The strokes are set as the text of a RotoPaint's curves, which loads thousands of them in a second; calls of the Python
interface for each take a minute. Earlier strokes lie above later ones there, pixels are counted from the bottom left,
and colours are linear.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import attrs
import nuke

from ft_dcc.errors import CaptureFailed
from ft_dcc.host import ComparedMovie
from ft_dcc.host_support import feedback as shared
from ft_dcc.review.drawings import Drawing, Stroke, text_polylines

from . import maintained, node_info, sources

_MAX_CAPTION = 100
# Fractions of the image's height: a line of the caption, its distance from the border, and its pen.
_CAPTION_SIZE, _CAPTION_MARGIN, _CAPTION_WIDTH = 0.04, 0.015, 0.003
_WHITE = (1.0, 1.0, 1.0)
_MAX_STROKES, _MAX_POINTS = 20_000, 200_000
# Distance in the node graph, of drawings on the right and of a movie on the left.
_BESIDE = 120
# A longer segment gets points near its ends: the curve through the points would round the corners off.
_MIN_SEGMENT = 6.0
_NEAR_END = 1.0
_MIN_BRUSH = 1.5

_shown = maintained.ShownNode("Group", maintained.FEEDBACK)
clear = _shown.remove
_shown_movie = maintained.ShownNode("Read", maintained.COMPARISON)
clear_movie = _shown_movie.remove


def show(drawings: Sequence[Drawing], source: str) -> list[str]:
    """Show the drawings instead of those that are shown, and return a sentence for each problem.

    Raises CameraMissing, or CaptureFailed for a source in a gizmo; the script is as before if an error is raised.
    """
    clear()
    node, root = sources.find_node(source), nuke.root()
    home, size = sources.parent_group(node), root.format()
    inside, problems = shared.drawings_in_range(drawings, int(root.firstFrame()), int(root.lastFrame()))
    width = round(int(size.width()) * float(size.pixelAspect()))
    problems += shared.aspect_problems(inside, width, int(size.height()))
    if not inside:
        return problems
    aspect = width / int(size.height())
    inside, more = shared.within_limits(inside, "Nuke", aspect, max_strokes=_MAX_STROKES, max_points=_MAX_POINTS)
    problems += more
    with maintained.maintained_script():
        try:
            group = _add_group(node, home, inside, aspect)
            problems += maintained.show_in_viewers(group)
        except BaseException:
            _shown.remove()
            raise
    _shown.keep(group, source, partial(show, tuple(drawings), source))
    return problems


def _add_group(source: nuke.Node, home: nuke.Group, drawings: Sequence[Drawing], scene_aspect: float) -> Any:
    with home:
        group: Any = nuke.nodes.Group()
    maintained.mark(group, maintained.FEEDBACK)
    lines = [f"{drawing.frame} {shared.caption(drawing, _MAX_CAPTION)}" for drawing in drawings]
    group["label"].setValue(node_info.without_tcl("\n".join(("Review notes", *lines))))
    group.setInput(0, source)
    group.setXYpos(source.xpos() + _BESIDE, source.ypos())
    size = source.format()
    with group:
        last: Any = nuke.nodes.Input()
        for drawing, row in zip(drawings, shared.caption_rows(drawings)):
            aspect = drawing.aspect or scene_aspect
            canvas = Canvas(int(size.width()), int(size.height()), float(size.pixelAspect()), aspect)
            strokes = [*drawing.strokes(aspect), *_caption_strokes(drawing, aspect, row)]
            paint: Any = nuke.nodes.RotoPaint()
            paint.setInput(0, last)
            paint["curves"].fromScript(curves_text(strokes, canvas))
            paint["label"].setValue(node_info.without_tcl(shared.author_label(drawing)))
            paint["disable"].setExpression(f"frame < {drawing.frame} || frame > {drawing.last_frame}")
            last = paint
        nuke.nodes.Output().setInput(0, last)
    return group


def _caption_strokes(drawing: Drawing, aspect: float, row: int) -> Iterator[Stroke]:
    """Yield author and text at the bottom of the image, above those of other drawings on the frame."""
    top = 1 - _CAPTION_MARGIN - (row + 1) * _CAPTION_SIZE
    for polyline in text_polylines(shared.caption(drawing, _MAX_CAPTION), _CAPTION_SIZE):
        points = tuple((_CAPTION_MARGIN + x / aspect, top + y, _CAPTION_WIDTH) for x, y in polyline)
        yield Stroke(_WHITE, 1.0, points)


@attrs.frozen
class Canvas:
    """The image of a node in pixels, and the image that was drawn on, which has the node's image in its middle."""

    width: int
    height: int
    pixel_aspect: float
    # Width by height of the image that was drawn on.
    aspect: float

    @property
    def drawn_height(self) -> float:
        """The height, in pixels of the node, of the image that was drawn on, with its black bars."""
        return max(float(self.height), self.width * self.pixel_aspect / self.aspect)

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Return the pixel of a point of the image that was drawn on."""
        across = (x - 0.5) * self.aspect * self.drawn_height / self.pixel_aspect
        return self.width / 2 + across, self.height / 2 + (0.5 - y) * self.drawn_height


def curves_text(strokes: Sequence[Stroke], canvas: Canvas) -> str:
    """Return the curves of a RotoPaint with these strokes; later strokes lie above earlier ones."""
    numbered = reversed(list(enumerate(strokes, 1)))
    brushes = " ".join(_brush_text(number, stroke, canvas) for number, stroke in numbered)
    centre = f"{_number(canvas.width / 2)} {_number(canvas.height / 2)}"
    return f"{{{{v x3f99999a}} {{f 0}} {{n {{layer Root {{f 0}} {{t {centre}}} {{a}} {brushes}}}}}}}"


def _brush_text(number: int, stroke: Stroke, canvas: Canvas) -> str:
    points = _with_corners([canvas.point(x, y) for x, y, _ in stroke.points])
    places = " ".join(f"{{{_number(x)} {_number(y)} 1}}" for x, y in points)
    # One size for a stroke: the mean of its pen pressure.
    size = sum(width for *_, width in stroke.points) / len(stroke.points) * canvas.drawn_height
    red, green, blue = (_number(shared.linear(each)) for each in stroke.colour)
    attributes = (
        f"r {red} g {green} b {blue} opc {_number(stroke.opacity)} bs {_number(max(_MIN_BRUSH, size))} "
        "h 1 bu 0 str 1 bsh 1"
    )
    return f"{{cubiccurve Brush{number} 512 catmullrom {{cc {{f 2080}} {{p {places}}}}} {{t 0}} {{a {attributes}}}}}"


def _with_corners(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the points with others close to the ends of long segments; a single point becomes a short line."""
    if len(points) == 1:
        (x, y) = points[0]
        return [(x, y), (x + 0.01, y)]
    found = [points[0]]
    for (x0, y0), (x1, y1) in zip(points, points[1:]):
        across, up = x1 - x0, y1 - y0
        length = (across * across + up * up) ** 0.5
        if length > _MIN_SEGMENT:
            share = _NEAR_END / length
            found += [(x0 + across * part, y0 + up * part) for part in (share, 1 - share)]
        found.append((x1, y1))
    return found


def _number(value: float) -> str:
    """Return a number as Nuke writes it: whole ones as they are, others as the bits of a 32-bit float."""
    if value == int(value):
        return str(int(value))
    return f"x{struct.unpack('<I', struct.pack('<f', value))[0]:08x}"


def show_movie(movie: ComparedMovie, source: str) -> list[str]:
    """Show the movie instead of one that is shown, and return a sentence for each problem.

    Raises CameraMissing, or CaptureFailed for a source in a gizmo and for images that do not exist any more.
    """
    node = sources.find_node(source)
    home = sources.parent_group(node)
    if not movie.images.path(1).is_file():
        raise CaptureFailed(f"The images of {movie.name} were deleted from {movie.images.path(1).parent}. Try again.")
    clear_movie()
    with maintained.maintained_script():
        with home:
            read: Any = nuke.nodes.Read()
        maintained.mark(read, maintained.COMPARISON)
        read.setXYpos(node.xpos() - _BESIDE, node.ypos())
        _load_movie(read, movie)
    _shown_movie.keep(read, source, partial(_show_movie_again, movie, source))
    return []


def _load_movie(read: nuke.Node, movie: ComparedMovie) -> None:
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


def _show_movie_again(movie: ComparedMovie, source: str) -> None:
    # The images may be gone meanwhile.
    if movie.images.path(1).is_file():
        show_movie(movie, source)
