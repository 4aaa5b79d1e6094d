"""Components, and the pictures that are made of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from ft_dcc.session.entity import Entity
from ft_dcc.session.symbol import ORIGIN_LOCATION_ID, SERVER_LOCATION_ID


class Component(Entity):
    """A file, a sequence of files, or what holds several components."""

    __slots__ = ()

    def get_availability(self, locations: Iterable[Entity] | None = None) -> dict[str, float]:
        """Return how much of it each location has, in per cent, by location id; all of them for None."""
        return self.session.get_component_availability(self, locations)


class Pictured(Entity):
    """Whatever can have a thumbnail."""

    __slots__ = ()

    def create_thumbnail(self, path: str | os.PathLike[str], data: Mapping[str, Any] | None = None) -> Entity:
        """Return the new component that shows this from now on; everything is committed.

        The file is a JPEG, PNG, GIF, BMP or TIFF of a sensible size. Raises LocationError.
        """
        session, values = self.session, dict(data or {})
        values["name"] = values.get("name") or "thumbnail"
        component = session.create_component(path, values, location=None)
        server, origin = session.location(SERVER_LOCATION_ID), session.location(ORIGIN_LOCATION_ID)
        server.add_component(component, origin)
        self["thumbnail_id"] = component["id"]
        session.commit()
        return component
