"""The state of a presentation: one page shows its version, frame and view to the pages that follow it.

Frames are integers. The server owns the state, so that a page that joins late has it at once, and a presenter who
leaves ends nothing.
"""

from __future__ import annotations

import time
from typing import Any

import attrs

from ft_dcc.errors import BadRequest

_MAX_ID_LENGTH, _MAX_FRAME = 64, 10**7
_MAX_POINTS = 2_000
_COMPARE_MODES = ("toggle", "side", "wipe", "difference")


@attrs.define(eq=False)
class Presentation:
    """Who presents, and what is shown."""

    presenter: int | None = None
    state: dict[str, Any] = attrs.field(factory=dict)

    def snapshot(self) -> dict[str, Any]:
        """Return the state for a page that joins; ``now`` is the clock of the server in milliseconds."""
        return {"presenter": self.presenter, "state": self.state, "now": _now()}

    def leave(self, page_id: int) -> bool:
        """Return whether the page was the presenter; the state stays, paused where it is."""
        if self.presenter != page_id:
            return False
        self.presenter = None
        return True

    def receive(self, page_id: int, *, may_present: bool, message: dict[str, Any]) -> dict[str, Any] | None:
        """Apply a message of a page and return the message for all others, or None for a message without effect.

        Only the presenter changes the state; other messages of pages that do not present are ignored, because they may
        have been sent before the page knew. Raises BadRequest.
        """
        kind = message.get("type")
        if kind == "claim" and may_present:
            self.presenter = page_id
            return {"type": "driver", "presenter": page_id}
        if kind == "release":
            return {"type": "driver", "presenter": None} if self.leave(page_id) else None
        if page_id != self.presenter:
            return None
        if kind in ("pointer", "stroke"):
            return {"type": kind, **_points(message)}
        if kind in ("show", "play", "pause", "view"):
            self.state = {**self.state, **_STATE_PARSERS[kind](message), "at": _now()}
            return {"type": "state", "state": self.state, "now": self.state["at"]}
        raise BadRequest("The message has no known type.")


def _parse_show(message: dict[str, Any]) -> dict[str, Any]:
    return {"entry": _id(message.get("entry")), "frame": _frame(message.get("frame")), "speed": 0}


def _parse_play(message: dict[str, Any]) -> dict[str, Any]:
    speed: Any = message.get("speed")
    if not _is_number(speed) or not 0 < abs(speed) <= 8:
        raise BadRequest("The speed is a number from -8 to 8 other than 0.")
    return {"entry": _id(message.get("entry")), "frame": _frame(message.get("frame")), "speed": speed}


def _parse_pause(message: dict[str, Any]) -> dict[str, Any]:
    return {"frame": _frame(message.get("frame")), "speed": 0}


def _parse_view(message: dict[str, Any]) -> dict[str, Any]:
    """Return zoom and pan, relative to the fitted image, and the comparison."""
    zoom, offset = message.get("zoom", 1), message.get("offset", [0, 0])
    if not _is_number(zoom) or not 0.01 <= zoom <= 64:
        raise BadRequest("The zoom is a number from 0.01 to 64.")
    if not isinstance(offset, list) or len(offset) != 2 or not all(_is_number(part) for part in offset):
        raise BadRequest("The offset of the view is [x, y].")
    compared, mode = message.get("with"), message.get("mode")
    if mode is not None and mode not in _COMPARE_MODES:
        raise BadRequest(f"A comparison is one of {', '.join(_COMPARE_MODES)}.")
    return {"zoom": zoom, "offset": offset, "with": None if compared is None else _id(compared), "mode": mode}


_STATE_PARSERS = {"show": _parse_show, "play": _parse_play, "pause": _parse_pause, "view": _parse_view}


def _points(message: dict[str, Any]) -> dict[str, Any]:
    points = message.get("points")
    if not isinstance(points, list) or len(points) > _MAX_POINTS:
        raise BadRequest(f"A message has at most {_MAX_POINTS} points.")
    if not all(isinstance(p, list) and len(p) in (2, 3) and all(_is_number(part) for part in p) for p in points):
        raise BadRequest("A point is [x, y], or [x, y, pressure].")
    return {"points": points}


def _id(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_ID_LENGTH:
        raise BadRequest("The message names no version.")
    return value


def _frame(value: object) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or abs(value) > _MAX_FRAME):
        raise BadRequest("A frame is a whole number.")
    return value


def _now() -> int:
    return round(time.monotonic() * 1000)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e9
