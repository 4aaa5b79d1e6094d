"""Key and pointer actions in the form that WebDriver and WebDriver BiDi share (W3C WebDriver, section 15)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_CODES = {
    "Enter": "\ue007",
    "Escape": "\ue00c",
    "Shift": "\ue008",
    "Control": "\ue009",
    "PageUp": "\ue00e",
    "PageDown": "\ue00f",
    "End": "\ue010",
    "Home": "\ue011",
    "ArrowLeft": "\ue012",
    "ArrowUp": "\ue013",
    "ArrowRight": "\ue014",
    "ArrowDown": "\ue015",
}
_MOVE_MILLISECONDS = 30


def key_actions(key: str) -> list[dict[str, Any]]:
    """Return the actions that press and release a key such as "l", "End" or "Shift+ArrowRight"."""
    *modifiers, last = key.split("+") if len(key) > 1 else [key]
    codes = [_CODES.get(name, name) for name in (*modifiers, last)]
    down = [{"type": "keyDown", "value": code} for code in codes]
    up = [{"type": "keyUp", "value": code} for code in reversed(codes)]
    return [{"type": "key", "id": "keyboard", "actions": [*down, *up]}]


def drag_actions(points: Sequence[tuple[float, float]]) -> list[dict[str, Any]]:
    """Return the actions of a drag with the main mouse button through these points of the viewport."""
    moves = [
        {"type": "pointerMove", "x": round(x), "y": round(y), "duration": _MOVE_MILLISECONDS, "origin": "viewport"}
        for x, y in points
    ]
    press, release = {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}
    mouse = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}}
    return [{**mouse, "actions": [moves[0], press, *moves[1:], release]}]
