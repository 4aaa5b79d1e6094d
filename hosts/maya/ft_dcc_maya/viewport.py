"""The view of a capture: a window of our own, and what else of the interface is changed meanwhile and restored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from time import monotonic, sleep
from typing import Any, Callable

from maya import cmds
from maya.api import OpenMaya

from ft_dcc.frames import Resolution

_WINDOW = "ftDccCapture"
# The border around a view, which is part of its window.
_BORDER_PIXELS = 10
# Maya sees the key in a loop without a pause only sometimes, and after 30 ms reliably. Source: Mimic, issue 15.
_WAIT_SECONDS = 0.03
# How often it waits, so that it takes at most a small part of the time.
_WAIT_INTERVAL_SECONDS = 0.5
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
    panel, views = str(cmds.getPanel(withFocus=True) or ""), cmds.getPanel(type="modelPanel") or []
    # The view that plays need not have the focus.
    view = next((str(view) for view in views if cmds.modelEditor(view, query=True, activeView=True)), "")
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
def without_ornaments(*, keep_drawings: bool) -> Iterator[None]:
    """Switch off Maya's in-view messages, and drawings of Blue Pencil, which would be part of the image.

    A playblast may draw these although the view hides them, or in Maya 2023, whose views cannot hide them. Source:
    ayon-maya, issue 420.
    """
    names = ("inViewMessageEnable", *(() if keep_drawings else ("playblastShowBluePencil",)))
    with ExitStack() as stack:
        for name in names:
            before: dict[str, Any] = {"remove": name}
            if cmds.optionVar(exists=name):
                before = {"intValue": (name, int(cmds.optionVar(query=name)))}  # type: ignore[call-overload] # it takes the name here
            stack.callback(cmds.optionVar, **before)  # type: ignore[arg-type] # one of several forms
            cmds.optionVar(intValue=(name, 0))
        yield


@contextmanager
def without_sequence_time() -> Iterator[None]:
    """Let no view show sequence time, and restore it on exit.

    Such a view takes the focus whenever the time changes, also inside of a playblast of another panel.
    """
    panel = str(cmds.sequenceManager(query=True, modelPanel=True) or "") if _has_sequencer() else ""
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
    """Load textures, tiled ones included, before an image is drawn, not in the background.

    Without previews of its UDIM tiles, a view draws the first tile of a texture or none. They are made once for each
    node and file while its scene is open: Maya keeps them.
    """
    before = str(cmds.displayPref(query=True, materialLoadingMode=True))
    cmds.displayPref(materialLoadingMode="immediate")
    try:
        count_loaded_tiles()
        for node in map(str, cmds.ls(type="file") or []):
            texture = (str(cmds.ls(node, uuid=True)[0]), str(cmds.getAttr(f"{node}.fileTextureName") or ""))
            if cmds.getAttr(f"{node}.uvTilingMode") and texture not in _loaded_tiles:
                # A texture that cannot be read is drawn as the artist sees it.
                with suppress(RuntimeError):
                    cmds.ogs(regenerateUVTilePreview=node)
                _loaded_tiles[texture] = OpenMaya.MObjectHandle(OpenMaya.MSelectionList().add(node).getDependNode(0))
        yield
    finally:
        cmds.displayPref(materialLoadingMode=before)


def count_loaded_tiles() -> int:
    """Return the number of textures of the open scene whose tiles were loaded; forget those of closed scenes."""
    for texture in [texture for texture, node in _loaded_tiles.items() if not node.isValid()]:
        del _loaded_tiles[texture]
    return len(_loaded_tiles)


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
    next_wait = monotonic()
    with _watched_escape() as was_pressed:

        def is_cancelled(frame: int) -> bool:
            nonlocal next_wait
            if is_ours:
                cmds.progressWindow(edit=True, progress=frame)
            if monotonic() >= next_wait:
                sleep(_WAIT_SECONDS)
                next_wait = monotonic() + _WAIT_INTERVAL_SECONDS
            return bool(cmds.progressWindow(query=True, isCancelled=True)) or was_pressed()

        try:
            yield is_cancelled
        finally:
            if is_ours:
                cmds.progressWindow(endProgress=True)


@contextmanager
def _watched_escape() -> Iterator[Callable[[], bool]]:
    """Yield a function that returns whether a window of Maya has received the Escape key.

    Between the frames of a capture from another thread, the windows receive the keys, and not the progress window. The
    key is for the capture only: the dialog would close.
    """
    application: Any = None
    with suppress(ImportError):
        from Qt import QtCore, QtWidgets

        application = QtWidgets.QApplication.instance()
    if application is None:
        yield lambda: False
        return
    pressed: list[bool] = []

    class EscapeFilter(QtCore.QObject):
        """Keeps the key from the windows, and remembers it."""

        def eventFilter(self, _watched: Any, event: Any) -> bool:  # noqa: N802 - Qt's own name
            is_escape = event.type() == QtCore.QEvent.Type.KeyPress and event.key() == QtCore.Qt.Key.Key_Escape
            if is_escape:
                pressed.append(True)
            return bool(is_escape)

    # With a parent: Python may collect what has none in another thread.
    key_filter = EscapeFilter(application)
    application.installEventFilter(key_filter)
    try:
        yield lambda: bool(pressed)
    finally:
        application.removeEventFilter(key_filter)
        key_filter.deleteLater()
