"""The view of a capture: a window of our own, and what else of the interface is changed meanwhile and restored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from maya import cmds
from maya.api import OpenMaya

from ft_dcc.frames import Resolution

_WINDOW = "ftDccCapture"
# The border around a view, which is part of its window.
_BORDER_PIXELS = 10
# The nodes whose tiles were loaded, by their UUID and their file. A UUID is stored in the scene file: a node of a scene
# that was opened again has the same one, and needs its previews again.
_loaded_tiles: dict[tuple[str, str], OpenMaya.MObjectHandle] = {}


@contextmanager
def own_panel(resolution: Resolution) -> Iterator[str]:
    """Yield a model panel of at least this size; delete it and restore the focus on exit."""
    with ExitStack() as stack:
        stack.enter_context(maintained_focus())
        _close_window()
        size = (resolution.width + _BORDER_PIXELS + 3, resolution.height + _BORDER_PIXELS + 3)
        # Three more for the images of Windows, whose sizes are multiples of four.
        # Invisible: an off-screen playblast does not need the window on the screen.
        window = cmds.window(_WINDOW, title="ft-dcc", widthHeight=size, visible=False)
        stack.callback(_close_window)
        layout = cmds.paneLayout(parent=window)
        panel = str(cmds.modelPanel(parent=layout, menuBarVisible=False))
        stack.callback(_remove_panel, panel)
        # The bar with icons takes height from the view.
        bar = cmds.modelPanel(panel, query=True, barLayout=True)
        if bar:
            cmds.frameLayout(bar, edit=True, collapse=True)
        yield panel


def activate(panel: str) -> None:
    """Make the panel the active view: in others, sequences on image planes do not advance.

    The focus alone is not known to be enough in every Maya.
    """
    if str(cmds.getPanel(withFocus=True)) != panel:
        cmds.setFocus(panel)
    _make_active(panel)


def _active_view() -> str:
    """Return the view that plays, which need not have the focus; "" if there is none."""
    views: Any = cmds.getPanel(type="modelPanel") or []
    return next((str(view) for view in views if cmds.modelEditor(view, query=True, activeView=True)), "")


def _make_active(view: str) -> None:
    if not cmds.modelEditor(view, query=True, activeView=True):
        # Some versions may refuse it for a view in a hidden window.
        with suppress(RuntimeError):
            cmds.modelEditor(view, edit=True, activeView=True)


def _close_window() -> None:
    if cmds.window(_WINDOW, exists=True):
        cmds.deleteUI(_WINDOW, window=True)


def _remove_panel(panel: str) -> None:
    if cmds.modelPanel(panel, exists=True):
        cmds.deleteUI(panel, panel=True)
    # Isolating leaves a set in the scene.
    isolated = f"{panel}ViewSelectedSet"
    if cmds.objExists(isolated):
        cmds.delete(isolated)


@contextmanager
def maintained_focus() -> Iterator[None]:
    """Restore on exit which panel has the focus, and which view plays, unless they were closed."""
    panel, view = str(cmds.getPanel(withFocus=True) or ""), _active_view()
    try:
        yield
    finally:
        if panel and panel in (cmds.getPanel(allPanels=True) or []):
            cmds.setFocus(panel)
        if view and cmds.modelPanel(view, exists=True):
            _make_active(view)


def artists_view() -> str:
    """Return the view that has the focus, or else the first visible one; "" if there is none."""
    visible: Any = cmds.getPanel(visiblePanels=True) or []
    for panel in (cmds.getPanel(withFocus=True), *visible):
        if panel and str(cmds.getPanel(typeOf=panel)) == "modelPanel":
            return str(panel)
    return ""


@contextmanager
def fixed_background(colour: tuple[float, float, float] | None) -> Iterator[None]:
    """Draw this colour behind the scene, and restore the artist's preference; None changes nothing."""
    if colour is None:
        yield
        return
    has_gradient = bool(cmds.displayPref(query=True, displayGradient=True))
    before: Any = cmds.displayRGBColor("background", query=True)  # type: ignore[call-overload] # it takes the name here
    cmds.displayPref(displayGradient=False)
    cmds.displayRGBColor("background", *colour)
    try:
        yield
    finally:
        cmds.displayRGBColor("background", *before)
        cmds.displayPref(displayGradient=has_gradient)


@contextmanager
def without_messages() -> Iterator[None]:
    """Switch off Maya's in-view messages, which would be part of the image."""
    name = "inViewMessageEnable"
    had = bool(cmds.optionVar(exists=name))
    before = cmds.optionVar(query=name)  # type: ignore[call-overload] # it takes the name here
    cmds.optionVar(intValue=(name, 0))
    try:
        yield
    finally:
        if had:
            cmds.optionVar(intValue=(name, int(before)))
        else:
            cmds.optionVar(remove=name)


@contextmanager
def without_sequence_time() -> Iterator[None]:
    """Let no view show sequence time, and restore it on exit.

    Such a view takes the focus whenever the time changes, also inside of a playblast of another panel.
    """
    panel = _panel()
    if not panel:
        yield
        return
    with maintained_focus():
        end_sequence_time()
    try:
        yield
    finally:
        if _has_sequencer() and cmds.modelPanel(panel, exists=True):
            with maintained_focus():
                cmds.sequenceManager(modelPanel=panel)


def _panel() -> str:
    """Return the panel of the view on sequence time, "" if there is none."""
    return str(cmds.sequenceManager(query=True, modelPanel=True) or "") if _has_sequencer() else ""


def _has_sequencer() -> bool:
    # Without a sequencer Maya may crash in these commands, or makes one. Source: maya-capture, pull request 98.
    return bool(cmds.ls(type="sequencer"))


def end_sequence_time() -> None:
    """Give sequence time to a panel that is then deleted: Maya has no command that only ends it."""
    window = cmds.window(visible=False)
    try:
        panel = str(cmds.modelPanel(parent=cmds.paneLayout(parent=window), menuBarVisible=False))
        cmds.sequenceManager(modelPanel=panel)
        cmds.deleteUI(panel, panel=True)
    finally:
        cmds.deleteUI(window, window=True)


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
