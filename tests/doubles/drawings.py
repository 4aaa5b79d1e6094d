"""What reviewers leave for a host: drawings on frames, and the movie of a version."""

import json
from fractions import Fraction

from doubles.numbered_images import write_flat

from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.host import ComparedMovie
from ft_dcc.review.drawings import parse_drawing

LINE = {"kind": "line", "colour": "#ff8000", "width": 0.25, "from": [0.25, 0.25], "to": [0.5, 0.75]}


def drawing(frame, *shapes, text="", label="", author="Ida Berg", **values):
    """Return a drawing of these shapes, by default of a line; ``values`` are stored beside them."""
    data = json.dumps({"version": 2, "shapes": list(shapes or (LINE,)), **values})
    return parse_drawing(data, frame, drawing_id=f"drawing-{frame}", author=author, text=text, label=label)


def compared_movie(folder, count, first_frame):
    size, images = Resolution(64, 36), folder / "images"
    images.mkdir()
    for number in range(1, count + 1):
        write_flat(images / f"image.{number:05d}.png", (0, 200, 0), size)
    pattern = str(images / "image.%05d.png")
    return ComparedMovie("main v003", Frames(pattern, FrameRange(1, count), Fraction(24), size), first_frame)
