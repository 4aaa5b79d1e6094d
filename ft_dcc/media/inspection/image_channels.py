"""Find red, green and blue in the parts, layers and stereo views of an image."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Callable

import attrs

from ft_dcc import errors


@attrs.frozen
class Part:
    """A part of an OpenEXR file."""

    index: int
    name: str
    # The stereo view of a part with one view.
    view: str
    channels: tuple[str, ...]
    # Those of a part with several views, the first without a prefix.
    views: tuple[str, ...] = ()


def find_rgb(
    parts: Sequence[Part], *, layer: str = "", part: str = "", view: str = ""
) -> tuple[int, tuple[int, ...]] | None:
    """Return the index of a part, and the indices of its red, green and blue channels; None if there are none.

    ``layer``, ``part`` (a name or an index) and ``view`` restrict the search. A single channel is shown in grey.
    Raises UserFixableError, which lists what there is, for a name that the image does not have.
    """
    chosen = [each for each in parts if not part or part in (each.name, str(each.index))]
    if not chosen:
        raise _unknown("part", part, [each.name or str(each.index) for each in parts])
    if view:
        chosen = _in_view(chosen, view)
    searches: list[Callable[[Sequence[str]], tuple[int, ...] | None]]
    searches = [functools.partial(_rgb_named, prefix=""), _layer_rgb, _grey]
    for find in [functools.partial(_of_layer, layer=layer)] if layer else searches:
        for each in chosen:
            if (channels := find(each.channels)) is not None:
                return each.index, channels
    if layer:
        layers = {name.rpartition(".")[0] or name for each in chosen for name in each.channels if name}
        raise _unknown("layer", layer, sorted(layers))
    return None


def _unknown(what: str, name: str, known: Sequence[str]) -> errors.UserFixableError:
    return errors.UserFixableError(f"The image has no {what} {name}. It has: {', '.join(known) or 'none'}.")


def _in_view(parts: Sequence[Part], view: str) -> list[Part]:
    """Return the view's parts, channels of others with empty names; raise UserFixableError without any."""
    found = []
    for each in parts:
        if each.view == view:
            found.append(each)
        elif view in each.views:
            others = set(each.views) - {view}
            prefix = "" if each.views[0] == view else view
            channels = tuple(_without_view(name, prefix, others) for name in each.channels)
            found.append(attrs.evolve(each, channels=channels))
    if not found:
        raise _unknown("view", view, sorted({name for each in parts for name in (each.view, *each.views) if name}))
    return found


def _without_view(name: str, prefix: str, others: set[str]) -> str:
    """Return "beauty.R" for "beauty.right.R" in the view "right", and "" for a channel of another view."""
    *layers, channel = name.split(".")
    if (prefix and prefix not in layers) or others & set(layers):
        return ""
    return ".".join([*(each for each in layers if each != prefix), channel])


def _of_layer(names: Sequence[str], layer: str) -> tuple[int, ...] | None:
    rgb = _rgb_named(names, f"{layer}.")
    inside = [index for index, name in enumerate(names) if name == layer or name.rpartition(".")[0] == layer]
    if rgb is None and len(inside) == 1:
        return (inside[0],) * 3
    return rgb


def _layer_rgb(names: Sequence[str]) -> tuple[int, ...] | None:
    """Return the channels of the first layer with RGB: "beauty.R", "beauty.G", "beauty.B"."""
    layers = (name.rpartition(".")[0] for name in names)
    found = (_rgb_named(names, f"{layer}.") for layer in layers)
    return next((channels for channels in found if channels is not None), None)


def _rgb_named(names: Sequence[str], prefix: str) -> tuple[int, ...] | None:
    """Return the channels with the names of the OpenEXR standard, of some renderers, or of Nuke's layers."""
    for spelling in (("R", "G", "B"), ("r", "g", "b"), ("red", "green", "blue")):
        wanted = [prefix + name for name in spelling]
        if set(wanted) <= set(names):
            return tuple(map(names.index, wanted))
    return None


def _grey(names: Sequence[str]) -> tuple[int, ...] | None:
    return next(((names.index(name),) * 3 for name in ("Y", "y", "I", "L") if name in names), None)
