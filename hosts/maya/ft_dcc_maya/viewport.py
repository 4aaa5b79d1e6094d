"""A window of our own to capture from, so that the artist's panels do not change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Callable

from maya import cmds

from ft_dcc.frames import Resolution

_WINDOW = "ftDccCapture"
# The border around a view, which is part of its window.
_BORDER_PIXELS = 10
# The UUIDs of nodes and the files whose tiles were loaded in this session.
_loaded_tiles: set[tuple[str, str]] = set()


@contextmanager
def own_panel(resolution: Resolution) -> Iterator[str]:
    """Yield a model panel of at least this size; delete it and restore the focus on exit."""
    focus = str(cmds.getPanel(withFocus=True) or "")
    with ExitStack() as stack:
        stack.callback(_restore_focus, focus)
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

    A view on sequence time takes the focus at each change of time.
    """
    if str(cmds.getPanel(withFocus=True)) != panel:
        cmds.setFocus(panel)


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


def _restore_focus(panel: str) -> None:
    if panel and panel in (cmds.getPanel(allPanels=True) or []):
        cmds.setFocus(panel)


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
def loaded_textures() -> Iterator[None]:
    """Load textures, tiled ones included, before an image is drawn, not in the background."""
    before = str(cmds.displayPref(query=True, materialLoadingMode=True))
    cmds.displayPref(materialLoadingMode="immediate")
    try:
        _load_tiles()
        yield
    finally:
        cmds.displayPref(materialLoadingMode=before)


def _load_tiles() -> None:
    """Make the previews of textures with UDIM tiles, without which a view draws the first tile or none.

    Once for each file in a session: Maya keeps the previews.
    """
    for node in cmds.ls(type="file") or []:
        texture = (str(cmds.ls(node, uuid=True)[0]), str(cmds.getAttr(f"{node}.fileTextureName") or ""))
        if cmds.getAttr(f"{node}.uvTilingMode") and texture not in _loaded_tiles:
            # A texture that cannot be read is drawn as the artist sees it.
            with suppress(RuntimeError):
                cmds.ogs(regenerateUVTilePreview=node)
            _loaded_tiles.add(texture)


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
def progress_window(first: int, last: int) -> Iterator[Callable[[int], bool]]:
    """Show a progress bar, and yield a function that takes the next frame and returns whether Escape was pressed.

    Without a window there is neither.
    """
    if cmds.about(batch=True):
        yield lambda frame: False
        return
    # Maya shows one progress window at a time, and returns whether it is ours.
    is_ours = cmds.progressWindow(
        title="ft-dcc",
        status="Capturing. Escape cancels.",
        minValue=first,
        maxValue=last + 1,
        progress=first,
        isInterruptable=True,
    )

    def is_cancelled(frame: int) -> bool:
        if is_ours:
            cmds.progressWindow(edit=True, progress=frame)
        return bool(cmds.progressWindow(query=True, isCancelled=True))

    try:
        yield is_cancelled
    finally:
        if is_ours:
            cmds.progressWindow(endProgress=True)
