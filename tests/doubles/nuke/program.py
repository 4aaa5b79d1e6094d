"""A small Nuke in memory: it refuses what the real one refuses, has a script, and writes real images.

``with running(Nuke()) as nuke:`` makes ``import nuke`` find it. Decision 0002 lists what is modelled, and the sources.
"""

from __future__ import annotations

import json
import queue
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Callable

from doubles.nuke import rendering
from doubles.nuke.filenames import expand
from doubles.nuke.interface import Menu, bare_module
from doubles.nuke.knobs import require_type
from doubles.nuke.nodes import CLASSES, Format, Gizmo, Group, Node, Root
from doubles.nuke.panels import panel_modules

_CLASS_OF = {"Gizmo": Gizmo}
EVENTS = (
    *("beforeRender", "beforeFrameRender", "afterFrameRender", "afterRender"),
    *("onCreate", "onUserCreate", "onDestroy", "onScriptSave", "beforeBackgroundRender", "filenameFilter"),
    *("knobChanged", "updateUI", "renderProgress", "validateFilename"),
)
# Nuke accepts these calls on any thread.
_FROM_ANYWHERE = ("executeInMainThread", "tprint")


class Nuke:
    """One running program; the thread that creates it is its main thread. ``version`` is "14.0v5" to "16.0v1"."""

    def __init__(self, version: str = "15.1v3", *, is_gui: bool = True, has_registries: bool = True) -> None:
        self.version, self.is_gui = version, is_gui
        # Whether the module nuke.callbacks has the registries of callbacks by their usual names.
        self.has_registries = has_registries
        # The Viewer that is shown, if any.
        self.viewer: Node | None = None
        # Called with each Write when its render begins.
        self.inspectors: list[Callable[[], Any]] = []
        # As the program has no Indie edition, the name is missing.
        major = int(version.partition(".")[0])
        self.env: dict[str, Any] = {"nc": False, "NukeVersionString": version, "NukeVersionMajor": major}
        self.root = Root(self)
        self.group: Group = self.root
        self.view_names, self.view = ["main"], "main"
        self.formats: list[Format] = [Format(64, 36, "small"), Format(2048, 1556, "2K")]
        self.selection: list[Node] = []
        self.menus: dict[str, Menu] = {name: Menu(self, name) for name in ("Nuke", "Nodes", "Pane", "Node Graph")}
        self.registered: dict[str, dict[str, list[tuple[Any, ...]]]] = {event: {} for event in EVENTS}
        self.contexts: list[Node] = []
        self.events: list[tuple[Any, ...]] = []
        self.drawn: list[tuple[str, int, str, str]] = []
        self.messages: list[str] = []
        self.answers: list[bool] = []
        self.misuses: list[str] = []
        self.undo: list[str] = []
        self.undo_locks = 0
        self.has_quit = False
        # The widgets that panels show, and the functions that show a panel by the panel's id.
        self.panels: list[Any] = []
        self.registered_panels: dict[str, Callable[[], Any]] = {}
        self.cancel_at: int | None = None
        self.calls_for_each_view = False
        self.calls_after_render = True
        self.renders_in_thread = False
        # Whether callbacks change a script when it opens.
        self.changes_on_open = False
        self.rendering_threads: set[int] = set()
        self._main = threading.get_ident()
        self._idle: queue.Queue[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = queue.Queue()
        self.module = bare_module(self)
        self.root._knobs["format"]._value = "small"
        self.root._knobs["fps"]._value = 24.0

    def guard(self, what: str) -> None:
        """Refuse a call on a thread on which Nuke may crash."""
        me = threading.get_ident()
        if self.is_gui and me != self._main and me not in self.rendering_threads and what not in _FROM_ANYWHERE:
            self.refuse(f"{what} was called outside of the main thread, where Nuke may crash")

    def refuse(self, sentence: str) -> None:
        """Record a call that would hang or crash a real Nuke, so that no test can miss it, and raise RuntimeError."""
        self.misuses.append(sentence)
        raise RuntimeError(sentence)

    def require_window(self, what: str) -> None:
        """Raise Nuke's error if there is no window."""
        if not self.is_gui:
            self.refuse(f"{what}: Nuke is not in GUI mode")

    def record_change(self, what: str) -> None:
        """Mark the script as modified, and add an undo step."""
        self.root.is_modified = True
        if not self.undo_locks:
            self.undo.append(what)

    def make(self, kind: str, name: str | None = None, parent: Group | None = None) -> Node:
        """Add a node of this class to the group."""
        home = self.group if parent is None else parent
        taken = {child._name for child in home.children}
        free = next(f"{kind}{n}" for n in range(1, 10_000) if f"{kind}{n}" not in taken)
        node_class = _CLASS_OF.get(kind) or CLASSES.get(kind, Node)
        node = node_class(self, kind, name or free, home)
        home.children.append(node)
        self.record_change(f"create {node.path}")
        return node

    def create_as_user(self, kind: str) -> Node:
        """Create a node as the artist does, and run the callbacks for it."""
        node = self.make(kind)
        self.call_registered("onUserCreate", node)
        return node

    def call_registered(self, event: str, node: Node, *values: Any) -> None:
        """Run the callbacks of the event for the node: those of its class, then those of all classes."""
        self.contexts.append(node)
        try:
            for kind in (node._kind, "*"):
                for call, args, kwargs, only in list(self.registered[event].get(kind, [])):
                    if only is None or only is node:
                        call(*values, *args, **kwargs)
        finally:
            self.contexts.pop()

    def find(self, name: str) -> Node | None:
        """Return the node with this full name; a leading "root" is allowed."""
        name = name[5:] if name.startswith("root.") else name
        every = self.root.every_node()
        return self.root if name in ("root", "Root") else next((node for node in every if node.path == name), None)

    def delete(self, node: Node) -> None:
        """Delete the node."""
        parent = node._parent
        if parent is None or node not in parent.children:
            raise ValueError(f"{node.path} is not in the script")
        self.call_registered("onDestroy", node)
        parent.children.remove(node)
        node.is_deleted = True
        self.selection = [each for each in self.selection if each is not node]
        self.record_change(f"delete {node.path}")

    def paste(self, node: Node) -> Node:
        """Add a copy of the node, through its text on the clipboard; no callbacks run for it."""
        text = json.loads(json.dumps(node.text()))
        copy = self.make(text["class"])
        copy.read(text)
        return copy

    def format_named(self, name: str) -> Format:
        """Return the format; raise TypeError if it does not exist."""
        found = next((each for each in self.formats if each.name() == name), None)
        if found is None:
            raise TypeError(f"there is no format {name!r}")
        return found

    def format_texts(self) -> list[tuple[int, int, str | None, float]]:
        return [(each.width(), each.height(), each.name(), each.pixelAspect()) for each in self.formats]

    def evaluate(self, text: str, view: str | None = None) -> str:
        """Return the expanded text of a file knob: Tcl, view and frame number are replaced."""
        return expand(self, text, view or self.view, self.root.frame_number)

    def text_of(self, node: Node) -> str:
        """Return the unexpanded file name: in proxy mode the proxy's, if there is one."""
        is_proxy = self.root._knobs["proxy"]._value and node._knobs["proxy"]._value
        return str(node._knobs["proxy" if is_proxy else "file"]._value)

    def file_of(self, node: Node, frame: int | None = None) -> str:
        """Return the file of the node on disk, after the filename filters."""
        return self.filter_filename(expand(self, self.text_of(node), self.view, frame))

    def filter_filename(self, path: str) -> str:
        """Apply the filename filters; those that were added last run first."""
        for call, args, kwargs, _ in reversed(self.registered["filenameFilter"].get("*", [])):
            path = call(path, *args, **kwargs) or path
        return path

    def idle(self) -> None:
        """Run what waits for the main thread."""
        while True:
            try:
                call, args, kwargs = self._idle.get_nowait()
            except queue.Empty:
                return
            call(*args, **kwargs)

    def later(self, call: Callable[..., Any], args: Any, kwargs: Any) -> None:
        """Queue the call for the main thread; refuse it if the main thread itself calls."""
        if threading.get_ident() == self._main and self.is_gui:
            self.refuse("executeInMainThread was called on the main thread, where Nuke hangs")
        self._idle.put((call, args if isinstance(args, tuple) else (args,), kwargs or {}))

    def serve(self, thread: threading.Thread) -> None:
        """Be Nuke's event loop until the thread has ended."""
        while thread.is_alive():
            self.idle()
            time.sleep(0.001)
        self.idle()

    def clear(self) -> None:
        """Open a new script; formats are kept."""
        for node in self.root.every_node():
            node.is_deleted = True
        self.root = Root(self)
        self.group, self.selection = self.root, []
        self.view_names, self.view = ["main"], "main"
        self.root._knobs["format"]._value, self.root._knobs["fps"]._value = self.formats[0].name(), 24.0

    def open(self, path: Path) -> None:
        """Open the script, as ``-x`` does."""
        text = json.loads(path.read_text("utf-8"))
        self.clear()
        self.formats = [Format(*each) for each in text["formats"]]
        self.view_names, self.view = text["views"], text["views"][0]
        self.root.read(text)
        self.root._knobs["name"]._value = str(path)
        self.root.is_modified = self.changes_on_open

    def state(self) -> dict[str, Any]:
        """Return everything that an artist could find changed."""
        return {
            "script": json.dumps(self.root.text()),
            "is_modified": self.root.is_modified,
            "undo": list(self.undo),
            "undo_locks": self.undo_locks,
            "frame": self.root.frame_number,
            "selection": [node.path for node in self.selection],
            "menus": {name: menu.labels() for name, menu in self.menus.items()},
        }

    def render(self, node: Node, first: int, last: int, step: int = 1, views: list[str] | None = None) -> None:
        """Render as the artist does: an error is shown, and Nuke continues."""
        require_type(first, int, "a frame")
        try:
            rendering.execute(self, node, first, last, step, views)
        except RuntimeError as error:
            self.messages.append(str(error))


@contextmanager
def running(nuke: Nuke) -> Iterator[Nuke]:
    """Make ``import nuke`` return this program, for the adapter too; on exit end the adapter's threads, forget both."""

    def forget() -> None:
        for name in [name for name in sys.modules if name.partition(".")[0] in ("nuke", "nukescripts", "ft_dcc_nuke")]:
            del sys.modules[name]

    forget()
    sys.modules["nuke"] = nuke.module
    sys.modules["nuke.callbacks"] = nuke.module.__dict__["callbacks"]
    sys.modules.update(panel_modules(nuke))
    try:
        yield nuke
    finally:
        _end_threads(nuke)
        forget()


def _end_threads(nuke: Nuke) -> None:
    """End the adapter's threads: one that lives on would read another test's folders."""
    watcher = sys.modules.get("ft_dcc_nuke.renders.render_watcher")
    if watcher is not None:
        watcher.stop()
    for thread in threading.enumerate():
        if thread.name in ("ft-dcc renders", "ft-dcc publish"):
            nuke.serve(thread)


__all__ = ["EVENTS", "ModuleType", "Nuke", "running"]
