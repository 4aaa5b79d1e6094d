"""Textures that a view draws completely, instead of loading them in the background."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from maya import cmds
from maya.api import OpenMaya

# The nodes whose tiles were loaded, by their UUID and their file. A UUID is stored in the scene file: a node of a scene
# that was opened again has the same one, and needs its previews again.
_loaded_tiles: dict[tuple[str, str], OpenMaya.MObjectHandle] = {}


@contextmanager
def loaded_textures() -> Iterator[None]:
    """Load textures, tiled ones included, before an image is drawn, not in the background."""
    before = str(cmds.displayPref(query=True, materialLoadingMode=True))
    cmds.displayPref(materialLoadingMode="immediate")
    try:
        _load_tiles()
        yield
    finally:
        cmds.displayPref(materialLoadingMode=before)


def count_loaded_tiles() -> int:
    """Return the number of textures of the open scene whose tiles were loaded; forget those of closed scenes."""
    for texture in [texture for texture, node in _loaded_tiles.items() if not node.isValid()]:
        del _loaded_tiles[texture]
    return len(_loaded_tiles)


def _load_tiles() -> None:
    """Make the previews of textures with UDIM tiles, without which a view draws the first tile or none.

    Once for each node and file while its scene is open: Maya keeps the previews.
    """
    count_loaded_tiles()
    for node in map(str, cmds.ls(type="file") or []):
        texture = (str(cmds.ls(node, uuid=True)[0]), str(cmds.getAttr(f"{node}.fileTextureName") or ""))
        if cmds.getAttr(f"{node}.uvTilingMode") and texture not in _loaded_tiles:
            # A texture that cannot be read is drawn as the artist sees it.
            with suppress(RuntimeError):
                cmds.ogs(regenerateUVTilePreview=node)
            _loaded_tiles[texture] = OpenMaya.MObjectHandle(OpenMaya.MSelectionList().add(node).getDependNode(0))
