"""The items that the artist has chosen to publish, by the names of their sources.

They stay the same until the command is used again: the selection may change while the dialog is open.
"""

from __future__ import annotations

import collections
from typing import Any

import attrs

from ft_dcc.errors import CameraMissing
from ft_dcc.host import Footage, Scene

from . import items
from .selection import video_items

_GROUP = "Timeline"

_offered: dict[str, Any] = {}


def offer(selection: list[Any]) -> tuple[list[str], list[str]]:
    """Offer the items as sources in place of earlier ones; return their names, and a sentence for each other item."""
    _offered.clear()
    sentences = []
    usable = []
    for item in video_items(selection):
        obstacle = items.obstacle(item)
        if obstacle:
            sentences.append(f"{items.full_name(item)} {obstacle}")
        else:
            usable.append(item)
    _offered.update(_named(usable))
    return list(_offered), sentences


def _named(usable: list[Any]) -> dict[str, Any]:
    """Return the items by names that are unique: with the track, or also the first frame, if several have one name."""
    plain = collections.Counter(map(items.full_name, usable))
    on_track = collections.Counter(map(_name_with_track, usable))
    named = {}
    for item in sorted(usable, key=lambda each: int(each.timelineIn())):
        name = items.full_name(item)
        if plain[name] > 1:
            name = _name_with_track(item)
            if on_track[name] > 1:
                name += f" at {int(item.timelineIn())}"
        named[name] = item
    return named


def _name_with_track(item: Any) -> str:
    return f"{items.full_name(item)} on {item.parent().name()}"


def added_to(scene: Scene) -> Scene:
    """Return the scene with the offered items that are still in a timeline as its first sources.

    The name of an item is that of its shot.
    """
    there = {name: item for name, item in _offered.items() if items.is_there(item)}
    return attrs.evolve(
        scene,
        sources=(*there, *scene.sources),
        labels={**{name: items.file_name(item) for name, item in there.items()}, **scene.labels},
        groups={**dict.fromkeys(there, _GROUP), **scene.groups},
        shots={name: str(item.name()) for name, item in there.items()},
    )


def sequence() -> Any:
    """Return the sequence of the first offered item that is still in a timeline, None if there is none."""
    there = (item for item in _offered.values() if items.is_there(item))
    return next((item.parent().parent() for item in there), None)


def is_offered(name: str) -> bool:
    """Return whether a source is an item of a timeline, also of one that was deleted meanwhile."""
    return name in _offered


def footage(name: str) -> Footage:
    """Return the files of an offered item; raise CameraMissing if it was deleted or can no longer be published."""
    item = _there(name)
    obstacle = items.obstacle(item)
    if obstacle:
        raise CameraMissing(f"{name} {obstacle}")
    return items.footage_of(item)


def select(name: str) -> None:
    """Select only this offered item; raise CameraMissing if it was deleted."""
    items.select(_there(name))


def _there(name: str) -> Any:
    item = _offered[name]
    if not items.is_there(item):
        raise CameraMissing(f"{name} is no longer in the timeline. Select the items and publish again.")
    return item
