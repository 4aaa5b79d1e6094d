"""What every host decides alike when it shows drawings of reviewers: which ones, their names and colours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
    is_different = [
        abs(each.aspect * height / width - 1) > tolerance
        for each in drawings
        if each.aspect is not None and each.shapes
    ]
    if not any(is_different):
        return []
    return ["The scene has another image format than the version that was drawn on. Check its resolution."]


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


def linear(value: float) -> float:
    """Return the linear value of one that is encoded as sRGB (IEC 61966-2-1).

    >>> round(linear(0.5), 4)
    0.214
    """
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)
