"""The unsent drawing of a presenter, which the followers see while it is drawn."""

from __future__ import annotations

from typing import Any

import attrs

from ft_dcc.errors import BadRequest
from ft_dcc.server.review.annotations import MAX_POINTS, MAX_SHAPES, parse_shapes


@attrs.define
class LiveStrokes:
    """The shapes on one frame of one version, by their ids."""

    entry: str | None = None
    frame: int | None = None
    shapes: dict[str, dict[str, Any]] = attrs.field(factory=dict)

    def snapshot(self) -> dict[str, Any]:
        """Return the message for a page that joins."""
        return {"entry": self.entry, "frame": self.frame, "shapes": list(self.shapes.values())}

    def put(self, entry: str, frame: int | None, message: dict[str, Any]) -> dict[str, Any]:
        """Add a shape, or replace the one with its id, and return the message for the followers.

        With ``start`` above 0, the points of a pen stroke continue the known stroke from this index: a long stroke is
        not sent again with each of its points. Raises BadRequest and ValidationError.
        """
        (shape,) = parse_shapes([message.get("shape")])
        start = message.get("start", 0)
        if isinstance(start, bool) or not isinstance(start, int) or start < 0:
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
