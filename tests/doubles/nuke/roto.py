"""The curves of a RotoPaint as text: what Nuke 14.1 accepts, and the strokes that it draws."""

from __future__ import annotations

import re
import struct
from typing import Any

import attrs

_ATTRIBUTES = ("r", "g", "b", "opc", "bs", "h", "bu", "str", "bsh")


@attrs.frozen
class RotoStroke:
    """A stroke in pixels, from the bottom left, with its linear colour."""

    points: tuple[tuple[float, float], ...]
    colour: tuple[float, float, float]
    opacity: float
    size: float


def parse_strokes(text: str) -> list[RotoStroke]:
    """Return the strokes, the uppermost first; raise RuntimeError for text that Nuke cannot read."""
    version, flags, (name, layer) = _parse(text)
    kind, title, layer_flags, transform, attributes, *strokes = layer
    found = (version, flags, name, kind, title, layer_flags, transform[0], len(transform), attributes)
    if found != (["v", 1.2], ["f", 0.0], "n", "layer", "Root", ["f", 0.0], "t", 3, ["a"]):
        raise RuntimeError(f"curves: {found} is not the head of a curve file")
    return [_stroke(*each) for each in strokes]


def _stroke(kind: Any, name: Any, number: Any, spline: Any, curve: Any, transform: Any, values: Any) -> RotoStroke:
    flags, places = curve[1:]
    if (kind, number, spline, curve[0], flags, transform) != (
        *("cubiccurve", 512.0, "catmullrom", "cc"),
        *(["f", 2080.0], ["t", 0.0]),
    ):
        raise RuntimeError(f"curves: {name} is no open brush stroke")
    given = dict(zip(values[1::2], values[2::2]))
    if values[0] != "a" or set(given) != set(_ATTRIBUTES) or len(places) < 3:
        raise RuntimeError(f"curves: {name} has the attributes {values} and {len(places) - 1} points")
    return RotoStroke(
        points=tuple((x, y) for x, y, _ in places[1:]),
        colour=(given["r"], given["g"], given["b"]),
        opacity=given["opc"],
        size=given["bs"],
    )


def _parse(text: str) -> Any:
    """Return the nested lists of a text in braces, with numbers as floats."""
    stack: list[list[Any]] = [[]]
    for token in re.findall(r"[{}]|[^{}\s]+", text):
        if token == "{":
            stack.append([])
        elif token == "}":
            closed = stack.pop()
            if not stack:
                raise RuntimeError("curves: a brace is closed that was not opened")
            stack[-1].append(closed)
        else:
            stack[-1].append(_value(token))
    if len(stack) != 1 or len(stack[0]) != 1:
        raise RuntimeError("curves: a brace is not closed")
    return stack[0][0]


def _value(token: str) -> Any:
    if re.fullmatch(r"x[0-9a-f]{8}", token):
        # Seven digits, as a 32-bit float has.
        return float(f"{struct.unpack('<f', struct.pack('<I', int(token[1:], 16)))[0]:.7g}")
    return float(token) if re.fullmatch(r"-?\d+", token) else token
