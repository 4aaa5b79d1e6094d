"""Nodes of the suite in the artist's script, which leave no trace, and calls on the only thread that may touch nodes.

Temporary nodes are deleted after each captured frame. Shown nodes are not saved; they are marked with their own full
names: a copy of one, or one that the artist has renamed, is theirs.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, Callable, ClassVar, TypeVar

import nuke

from ft_dcc.host_support.main_thread import MAIN_THREAD_TIMEOUT_SECONDS, run_on_main_thread

from .node_info import is_limited

T = TypeVar("T")

# The knobs with the mark of a group of drawings, and of a movie to compare with.
FEEDBACK, COMPARISON = "ft_dcc_feedback", "ft_dcc_comparison"
# The registries of the module ``nuke.callbacks`` for nodes that are made, changed, rendered and deleted. Left out are
# filters of file names, which map paths between systems, labels of nodes, which Nuke's own code makes, too, and
# onUserCreates, which ``nuke.nodes`` does not run. Source: Foundry's Python guide, source code of that module.
REGISTRIES = (
    *("onCreates", "onDestroys", "knobChangeds", "updateUIs", "validateFilenames"),
    *("beforeRenders", "beforeFrameRenders", "renderProgresses", "afterFrameRenders", "afterRenders"),
)
# The knobs whose text Nuke runs, and the classes of the nodes that the suite makes, "*" for defaults of all classes.
_SCRIPT_KNOBS = (
    *("onCreate", "onDestroy", "knobChanged", "updateUI", "autolabel"),
    *("beforeRender", "beforeFrameRender", "renderProgress", "afterFrameRender", "afterRender"),
)
_CLASSES = ("*", "Write", "Reformat", "Read", "Group", "RotoPaint", "Input", "Output")

TrackNode = Callable[[nuke.Node], nuke.Node]


@contextmanager
def maintained_script() -> Iterator[TrackNode]:
    """Yield a function that deletes its node on exit; inside proxy mode is off, and callbacks of the studio do not run.

    For one call on the main thread: on exit proxy mode, undo and the modified flag are restored, too, and the artist
    works on until the next call. Nothing that happens inside can be undone.
    """
    root = nuke.root()
    is_modified = bool(root.modified())
    with ExitStack() as stack:
        stack.enter_context(without_callbacks())
        stack.callback(root.setModified, is_modified)
        # Otherwise the artist's next Ctrl-Z would restore a node of ours.
        if not nuke.Undo.disabled():
            nuke.Undo.disable()
            stack.callback(nuke.Undo.enable)

        if root.proxy():
            stack.callback(root["proxy"].setValue, True)
            root["proxy"].setValue(False)

        def track(node: nuke.Node) -> nuke.Node:
            stack.callback(nuke.delete, node)
            return node

        yield track


@contextmanager
def without_callbacks() -> Iterator[None]:
    """Run no callback of the studio for the nodes that are made, changed, rendered and deleted inside.

    Such callbacks check names and folders of the artist's renders, set knobs, or publish. A version of Nuke without
    one of the registries runs those callbacks. A studio also gives the knobs of new nodes a default, which Nuke runs;
    ``nuke.knobDefault`` without a value returns it. Source: its page in Foundry's Python reference.
    """
    names = [f"{kind}.{knob}" for kind in _CLASSES for knob in _SCRIPT_KNOBS]
    defaults = {name: text for name in names if (text := nuke.knobDefault(name))}
    for name in defaults:
        nuke.knobDefault(name, "")
    found = [getattr(nuke.callbacks, name, None) for name in REGISTRIES]
    registries: list[dict[Any, Any]] = [registry for registry in found if isinstance(registry, dict)]
    before = [dict(registry) for registry in registries]
    for registry in registries:
        registry.clear()
    try:
        yield
    finally:
        for name, text in defaults.items():
            nuke.knobDefault(name, text)
        for registry, content in zip(registries, before):
            for kind, calls in content.items():
                # What was added inside stays.
                registry[kind] = [*calls, *(each for each in registry.get(kind, ()) if each not in calls)]


def run_in_main_thread(function: Callable[[], T], *, timeout: float | None = MAIN_THREAD_TIMEOUT_SECONDS) -> T:
    """Call the function on Nuke's main thread and return its result; raise CaptureFailed while that is busy."""
    has_window = bool(nuke.GUI)
    return run_on_main_thread(function, "Nuke", nuke.executeInMainThread, has_window=has_window, timeout=timeout)


def mark(node: nuke.Node, knob_name: str) -> None:
    """Mark the node as one of the suite."""
    knob = nuke.String_Knob(knob_name, "")
    knob.setFlag(nuke.INVISIBLE)
    node.addKnob(knob)
    knob.setValue(node.fullName())


def is_marked(node: nuke.Node, *knob_names: str) -> bool:
    """Return whether the node has one of these marks, and is not a copy."""
    knobs = (node.knob(name) for name in knob_names or (FEEDBACK, COMPARISON))
    return any(knob is not None and knob.value() == node.fullName() for knob in knobs)


class ShownNode:
    """The one node of the suite of its class and mark, which is removed before a save and made again after it."""

    every: ClassVar[list[ShownNode]] = []

    def __init__(self, kind: str, knob_name: str) -> None:
        self._kind, self._knob_name = kind, knob_name
        self._name = self._source = ""
        self.every.append(self)
        self._show_again: Callable[[], object] | None = None

    def keep(self, node: nuke.Node, source: str, show_again: Callable[[], object]) -> None:
        """Remember the marked node; after a save, ``show_again`` is called if the node ``source`` exists."""
        self._name, self._source, self._show_again = node.fullName(), source, show_again
        nuke.addOnScriptSave(self._before_save)

    def remove(self) -> None:
        """Restore the Viewers and delete the node, also one of an earlier session; do nothing if there is none."""
        known = [self._name] if self._name else []
        self._name, self._show_again = "", None
        nuke.removeOnScriptSave(self._before_save)
        if is_limited():
            # Only nodes whose names are known can be reached there.
            nodes = [node for name in known if (node := nuke.toNode(name)) is not None]
        else:
            nodes = list(nuke.allNodes(self._kind, group=nuke.root(), recurseGroups=True))
        # With those that the artist keeps under another name.
        found = [node for node in nodes if node.knob(self._knob_name) is not None]
        if found:
            with maintained_script():
                for node in found:
                    restore_viewers(node, str(node[self._knob_name].value()))
                    if is_marked(node, self._knob_name):
                        nuke.delete(node)

    @classmethod
    @contextmanager
    def all_disabled(cls) -> Iterator[None]:
        """Keep the nodes out of a capture, also if the artist has connected them; inside of ``maintained_script``."""
        with ExitStack() as stack:
            for node in [shown._find() for shown in cls.every]:
                if node is not None:
                    stack.callback(node["disable"].setValue, node["disable"].value())
                    node["disable"].setValue(True)
            yield

    def _find(self) -> nuke.Node | None:
        """Return the node; None if another script is open, or if the artist has deleted or renamed the node."""
        node = nuke.toNode(self._name) if self._name else None
        return node if node is not None and is_marked(node, self._knob_name) else None

    def _before_save(self) -> None:
        source, show_again, is_shown = self._source, self._show_again, self._find() is not None
        if show_again is not None:
            self.remove()
            if nuke.GUI and is_shown:
                # From another thread: Nuke hangs when the main thread waits for itself.
                function = partial(self._after_save, source, show_again)
                threading.Thread(target=nuke.executeInMainThread, args=(function,)).start()

    def _after_save(self, source: str, show_again: Callable[[], object]) -> None:
        # Another script may be open now, or another node may be shown.
        if not self._name and nuke.toNode(source) is not None:
            show_again()


# A knob of the shown node with the Viewers' values before. In the script they outlast a crash of Nuke.
_VIEWER_VALUES = "ft_dcc_viewers"
# Defaults of Nuke: the node is used as soon as one of this name exists.
_VIEWER_NAME, _IS_VIEWER_ON = "VIEWER_INPUT", True


def show_in_viewers(node: nuke.Node) -> list[str]:
    """Make the node the input process of the Viewers without one, and return a sentence if a Viewer is left out."""
    name = node.fullName()
    if is_limited():
        return [
            "In this edition of Nuke, Python reaches ten nodes of a script only, so no Viewer shows the drawings yet. "
            f"Connect a Viewer to {name}."
        ]
    own, free = [], {}
    for viewer in _all_viewers():
        if _has_input_process(viewer):
            own.append(viewer.fullName())
        else:
            free[viewer.fullName()] = viewer
    knob = nuke.String_Knob(_VIEWER_VALUES, "")
    knob.setFlag(nuke.INVISIBLE)
    node.addKnob(knob)
    # Before the Viewers change, so that an error leaves nothing that cannot be restored.
    knob.setValue(json.dumps({each: _values_of(viewer) for each, viewer in free.items()}))
    for viewer in free.values():
        _set_input_process(viewer, name, True)
    if not own:
        return []
    return [f"An input process of your own is on in {', '.join(own)}. Connect {name} there to see the drawings."]


def restore_viewers(node: nuke.Node, name: str) -> None:
    """Give the Viewers that show the node under this name their values before; the artist's own changes stay."""
    knob = node.knob(_VIEWER_VALUES)
    if knob is None or not knob.value():
        return
    before = json.loads(str(knob.value()))
    # The artist may keep the node under another name.
    knob.setValue("")
    for viewer in _all_viewers():
        if viewer["input_process_node"].value() == name:
            # A copy, or a Viewer with another name, has Nuke's defaults.
            _set_input_process(viewer, *before.get(viewer.fullName(), (_VIEWER_NAME, _IS_VIEWER_ON)))


def _all_viewers() -> list[nuke.Node]:
    return list(nuke.allNodes("Viewer", group=nuke.root(), recurseGroups=True))


def _values_of(viewer: nuke.Node) -> tuple[str, bool]:
    return str(viewer["input_process_node"].value()), bool(viewer["input_process"].value())


def _set_input_process(viewer: nuke.Node, name: str, is_on: bool) -> None:
    viewer["input_process_node"].setValue(name)
    viewer["input_process"].setValue(is_on)


def _has_input_process(viewer: nuke.Node) -> bool:
    name, is_on = _values_of(viewer)
    # The name is that of a node of the script, or of the Viewer's group.
    home = viewer.fullName().rpartition(".")[0]
    known = {name, f"{home}.{name}".lstrip(".")} if name else set()
    return is_on and any(nuke.toNode(each) is not None for each in known)
