"""The data-blocks that a captured scene uses: objects that it only instances included, unused data left out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import bpy

# Brushes refer to images that no capture shows. By class, because Blender 3.4 has no ``ID.id_type``.
_NOT_SHOWN = (bpy.types.Brush, bpy.types.WindowManager, bpy.types.WorkSpace, bpy.types.Screen)


class UsedData:
    """The data-blocks that scenes refer to, directly or through others."""

    def __init__(self, scenes: Iterable[Any]) -> None:
        self._items = _referenced(scenes)

    def __contains__(self, item: object) -> bool:
        return item in self._items

    def of(self, collection: str) -> list[Any]:
        """Return the used items of a collection of ``bpy.data``; none if this Blender does not have it."""
        return [item for item in getattr(bpy.data, collection, ()) if item in self._items]

    def nodes(self) -> Iterator[tuple[Any, Any]]:
        """Yield each node that is not muted, with the data-block whose library its paths are relative to."""
        for item in self._items:
            tree = item if isinstance(item, bpy.types.NodeTree) else getattr(item, "node_tree", None)
            if tree is not None and (tree is item or tree.is_embedded_data):
                yield from ((node, item) for node in tree.nodes if not node.mute)


def _referenced(scenes: Iterable[Any]) -> set[Any]:
    references = defaultdict(list)
    for item, users in bpy.data.user_map().items():
        if not isinstance(item, _NOT_SHOWN):
            for user in users:
                references[user].append(item)
    found, waiting = set(), list(scenes)
    while waiting:
        item = waiting.pop()
        if item not in found:
            found.add(item)
            waiting += references[item]
    return found
