"""What every host decides alike when it shows drawings of reviewers: which ones, their names and colours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Callable

import attrs

from ft_dcc.review.drawings import Drawing


def drawings_in_range(drawings: Sequence[Drawing], first: int, last: int) -> tuple[list[Drawing], list[str]]:
    """Return the drawings that a frame of the scene shows, and a sentence about the others, if there are any."""
    inside = [each for each in drawings if first <= each.last_frame and each.frame <= last]
    count = len(drawings) - len(inside)
    if not count:
        return inside, []
    what = "1 note is" if count == 1 else f"{count} notes are"
    return inside, [f"{what} outside of the scene's frames {first}-{last} and not shown."]


def aspect_problems(drawings: Iterable[Drawing], width: int, height: int) -> list[str]:
    """Name drawings whose image had other proportions, beyond the pixel that an odd size is padded by."""
    tolerance = 2 / min(width, height)
    aspects = [each.aspect for each in drawings if each.aspect is not None and each.shapes]
    if all(abs(aspect * height / width - 1) <= tolerance for aspect in aspects):
        return []
    return ["The scene has another image format than the version that was drawn on. Check its resolution."]


def within_limits(
    drawings: Sequence[Drawing],
    program: str,
    aspect: float,
    *,
    max_strokes: int,
    max_points: int,
    copies_of: Callable[[Drawing], int] = lambda _: 1,
) -> tuple[list[Drawing], list[str]]:
    """Return the drawings without the strokes of those that exceed what a program can show, and a sentence about them.

    The limits are for all drawings together; author and text of each are kept. ``aspect`` is used for drawings that do
    not store theirs, and ``copies_of`` is the number of times that the program draws a drawing.
    """
    kept, strokes, points, count = [], 0, 0, 0
    for drawing in drawings:
        made, copies = drawing.strokes(drawing.aspect or aspect), copies_of(drawing)
        more = (len(made) * copies, sum(len(stroke.points) for stroke in made) * copies)
        if strokes + more[0] > max_strokes or points + more[1] > max_points:
            count += 1
            kept.append(attrs.evolve(drawing, shapes=()))
        else:
            strokes, points = strokes + more[0], points + more[1]
            kept.append(drawing)
    if not count:
        return kept, []
    what = "1 drawing has" if count == 1 else f"{count} drawings have"
    limits = f"{max_strokes:,} strokes and {max_points:,} points"
    return kept, [f"{what} more than {program} can show, {limits} in all. See the strokes on the review page."]


def author_label(drawing: Drawing) -> str:
    """Return who drew, with the version if it is not the current one.

    >>> author_label(Drawing("", "Ida Berg", 1001, (), label="v002"))
    'Ida Berg (v002)'
    """
    return f"{drawing.author} ({drawing.label})" if drawing.label else drawing.author or "Guest"


def caption(drawing: Drawing, max_length: int) -> str:
    """Return the author and the text of the note in one line.

    >>> caption(Drawing("", "Ida Berg", 1001, (), text="Arm too high"), 20)
    'Ida Berg: Arm too h…'
    """
    text = " ".join(drawing.text.split())
    whole = f"{author_label(drawing)}: {text}" if text else author_label(drawing)
    return whole if len(whole) <= max_length else f"{whole[: max_length - 1]}…"


def caption_rows(drawings: Sequence[Drawing]) -> list[int]:
    """Return the line of each drawing's caption: those of drawings that share a frame lie above each other.

    >>> caption_rows([Drawing("", "Ida", frame, ()) for frame in (1001, 1001, 1002)])
    [0, 1, 0]
    """
    return [
        sum(other.frame <= each.last_frame and each.frame <= other.last_frame for other in drawings[:index])
        for index, each in enumerate(drawings)
    ]


def linear(value: float) -> float:
    """Return the linear value of one that is encoded as sRGB (IEC 61966-2-1).

    >>> round(linear(0.5), 4)
    0.214
    """
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)
