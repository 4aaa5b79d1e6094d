"""The state of a presentation: one page shows its version, frame and view to the pages that follow it.

Frames are integers. The server owns the state, so that a page that joins late has it at once, and a presenter who
leaves ends nothing.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any

import attrs

from ft_dcc.review.drawings import MAX_POINTS, MAX_SHAPES
from ft_dcc.server.errors import BadRequest
from ft_dcc.server.review.payload_values import is_number, parse_frame, parse_shapes

_MAX_ID_LENGTH = 64
_COMPARE_MODES = ("toggle", "side", "wipe", "difference")
_PLAY_MODES = ("once", "loop", "ping-pong", "next")
# A page sends the time at which its frame is shown: this is slightly ahead, and the message can be delayed.
_MAX_AGE_MS, _MAX_AHEAD_MS = 2_000, 500


@attrs.define
class LiveStrokes:
    """The unsent drawing of a presenter: shapes on one frame of one version, by their ids."""

    entry: str | None = None
    frame: int | None = None
    shapes: dict[str, dict[str, Any]] = attrs.field(factory=dict)

    def put(self, entry: str, frame: int | None, message: dict[str, Any]) -> dict[str, Any]:
        """Add a shape, or replace the one with its id, and return the message for the followers.

        With ``start`` above 0, the points of a pen stroke continue the known stroke from this index: a long stroke is
        not sent again with each of its points. Raises BadRequest and ValidationError.
        """
        shape = parse_shapes([message.get("shape")])[0].to_json()
        start = message.get("start", 0)
        if not is_number(start) or not isinstance(start, int) or start < 0:
            raise BadRequest("The start of a stroke is the index of its first point.")
        known = self._of(entry, frame)
        whole = shape
        if start > 0:
            before = known.get(shape["id"], {}).get("points", [])
            if shape["kind"] != "pen" or len(before) < start:
                raise BadRequest("The beginning of the stroke is not known. Send all of it.")
            whole = {**shape, "points": before[:start] + shape["points"]}
        shapes = {**known, shape["id"]: whole}
        if len(shapes) > MAX_SHAPES or sum(len(each.get("points", ())) for each in shapes.values()) > MAX_POINTS:
            raise BadRequest(f"A drawing has at most {MAX_SHAPES} shapes and {MAX_POINTS} points.")
        self.entry, self.frame, self.shapes = entry, frame, shapes
        return {"type": "stroke", "entry": entry, "frame": frame, "shape": shape, "start": start}

    def keep(self, entry: str, frame: int | None, message: dict[str, Any]) -> dict[str, Any]:
        """Keep only the shapes with the ids of the message, and return the message for the followers."""
        ids = message.get("ids")
        if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
            raise BadRequest("The ids of the shapes are a list of texts.")
        known = self._of(entry, frame)
        shapes = {each: known[each] for each in ids if each in known}
        self.entry, self.frame, self.shapes = entry, frame, shapes
        return {"type": "strokes", "entry": entry, "frame": frame, "ids": list(shapes)}

    def _of(self, entry: str, frame: int | None) -> dict[str, dict[str, Any]]:
        return self.shapes if (entry, frame) == (self.entry, self.frame) else {}


@attrs.define(eq=False)
class Presentation:
    """Who presents, what is shown, and the unsent drawing on it."""

    presenter: int | None = None
    state: dict[str, Any] = attrs.field(factory=dict)
    strokes: LiveStrokes = attrs.field(factory=LiveStrokes)

    def snapshot(self) -> dict[str, Any]:
        """Return the state for a page that joins; ``now`` is the clock of the server in milliseconds."""
        drawn = self.strokes
        strokes = {"entry": drawn.entry, "frame": drawn.frame, "shapes": list(drawn.shapes.values())}
        return {"presenter": self.presenter, "state": self.state, "strokes": strokes, "now": clock_ms()}

    def leave(self, page_id: int) -> bool:
        """Return whether the page was the presenter; the state stays, paused where it is."""
        if self.presenter != page_id:
            return False
        self._set_presenter(None)
        if self.state.get("speed"):
            self.state = {**self.state, "speed": 0}
        return True

    def receive(self, page_id: int, presenters: Collection[int], message: dict[str, Any]) -> dict[str, Any] | None:
        """Apply a message of a page and return the message for all others, or None for a message without effect.

        ``presenters`` are the pages with the right to present. Only the presenter changes the state; other messages of
        pages that do not present are ignored, because they may have been sent before the page knew. Raises BadRequest
        and ValidationError.
        """
        kind = message.get("type")
        if kind == "claim" and page_id in presenters:
            return self._set_presenter(page_id)
        if kind == "release":
            return self.driver() if self.leave(page_id) else None
        if page_id != self.presenter:
            return None
        if kind == "hand_over":
            # The other page may have left meanwhile.
            to = message.get("to")
            return self._set_presenter(to) if isinstance(to, int) and to in presenters else None
        if kind == "pointer":
            return {"type": "pointer", "point": _point(message.get("point"))}
        if kind in ("stroke", "strokes"):
            change = self.strokes.put if kind == "stroke" else self.strokes.keep
            return change(parse_id(message.get("entry")), parse_frame(message.get("frame")), message)
        if kind in _STATE_PARSERS:
            now = clock_ms()
            self.state = {**self.state, **_STATE_PARSERS[kind](message)}
            if kind in _FRAME_KINDS:
                # A view that changes during playback leaves the frame and its moment as they are.
                at: Any = message.get("at")
                is_given = is_number(at)
                self.state["at"] = min(max(round(at), now - _MAX_AGE_MS), now + _MAX_AHEAD_MS) if is_given else now
            return {"type": "state", "state": self.state, "now": now}
        raise BadRequest("The message has no known type.")

    def driver(self) -> dict[str, Any]:
        """Return the message that names the presenter."""
        return {"type": "driver", "presenter": self.presenter}

    def _set_presenter(self, page_id: int | None) -> dict[str, Any]:
        self.presenter = page_id
        self.strokes = LiveStrokes()
        return self.driver()


def clock_ms() -> int:
    """Return the clock of the server, by which the pages agree on the moment of a frame."""
    return round(time.monotonic() * 1000)


def parse_id(value: object) -> str:
    """Return the id of a version; raises BadRequest."""
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_ID_LENGTH:
        raise BadRequest("The message names no version.")
    return value


def _parse_show(message: dict[str, Any]) -> dict[str, Any]:
    return {"entry": parse_id(message.get("entry")), "frame": parse_frame(message.get("frame")), "speed": 0}


def _parse_play(message: dict[str, Any]) -> dict[str, Any]:
    speed: Any = message.get("speed")
    if not is_number(speed) or not 0 < abs(speed) <= 8:
        raise BadRequest("The speed is a number from -8 to 8 other than 0.")
    return {**_parse_show(message), "speed": speed}


def _parse_pause(message: dict[str, Any]) -> dict[str, Any]:
    return {"frame": parse_frame(message.get("frame")), "speed": 0}


def _parse_range(message: dict[str, Any]) -> dict[str, Any]:
    """Return the first and last frame that are played, and what follows the last one."""
    mode = message.get("mode")
    if mode not in _PLAY_MODES:
        raise BadRequest(f"The mode of a range is one of {', '.join(_PLAY_MODES)}.")
    return {"in": parse_frame(message.get("in")), "out": parse_frame(message.get("out")), "play_mode": mode}


def _parse_view(message: dict[str, Any]) -> dict[str, Any]:
    """Return zoom, the point of the image in the centre, and the comparison."""
    zoom, centre, wipe = message.get("zoom", 1), message.get("centre", [0.5, 0.5]), message.get("wipe", 0.5)
    if not is_number(zoom) or not 0.01 <= zoom <= 64:
        raise BadRequest("The zoom is a number from 0.01 to 64.")
    if not isinstance(centre, list) or len(centre) != 2 or not all(is_number(part) for part in centre):
        raise BadRequest("The centre of the view is [x, y].")
    if not is_number(wipe) or not 0 <= wipe <= 1:
        raise BadRequest("The wipe is a number from 0 to 1.")
    compared, mode = message.get("with"), message.get("mode")
    if mode is not None and mode not in _COMPARE_MODES:
        raise BadRequest(f"A comparison is one of {', '.join(_COMPARE_MODES)}.")
    return {
        "zoom": zoom,
        "centre": centre,
        "flipped": message.get("flipped") is True,
        "with": None if compared is None else parse_id(compared),
        "mode": mode,
        "wipe": wipe,
        "held": message.get("held") is True,
    }


_FRAME_KINDS = ("show", "play", "pause")
_STATE_PARSERS: dict[Any, Any] = {
    "show": _parse_show,
    "play": _parse_play,
    "pause": _parse_pause,
    "range": _parse_range,
    "view": _parse_view,
}


def _point(value: object) -> list[float] | None:
    """Return the position of the pointer on the image, or None when it has left the image."""
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2 or not all(is_number(part) for part in value):
        raise BadRequest("The point of a pointer is [x, y], or null.")
    return value
