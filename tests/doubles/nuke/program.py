"""A small Nuke in memory: it refuses what the real one refuses, keeps a script, and writes real pictures.

``with running(Nuke()) as nuke:`` makes ``import nuke`` find it; decision 0170 says what it knows and where from.
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
from doubles.nuke.filenames import expanded
from doubles.nuke.interface import Menu, bare_module
from doubles.nuke.knobs import demand
from doubles.nuke.nodes import CLASSES, Format, Gizmo, Group, Node, Root

_CLASS_OF = {"Gizmo": Gizmo}
EVENTS = (
    *("beforeRender", "beforeFrameRender", "afterFrameRender", "afterRender"),
    *("onUserCreate", "beforeBackgroundRender", "filenameFilter"),
)
# Whatever thread calls these, Nuke takes it.
_FROM_ANYWHERE = ("executeInMainThread", "tprint")


class Nuke:
    """One running program; whoever makes it is its main thread. ``version`` is the year's: 14 to 16."""

    def __init__(self, version: str = "15.1v3", *, is_gui: bool = True) -> None:
        self.version, self.is_gui = version, is_gui
        self.root = Root(self)
        self.group: Group = self.root
        self.view_names, self.view = ["main"], "main"
        self.formats: list[Format] = [Format(64, 36, "small"), Format(2048, 1556, "2K")]
        self.selection: list[Node] = []
        self.menus: dict[str, Menu] = {name: Menu(self, name) for name in ("Nuke", "Nodes", "Pane")}
        self.registered: dict[str, dict[str, list[tuple[Any, ...]]]] = {event: {} for event in EVENTS}
        self.contexts: list[Node] = []
        self.events: list[tuple[Any, ...]] = []
        self.drawn: list[tuple[str, int, str, str]] = []
        self.said: list[str] = []
        self.answers: list[bool] = []
        self.misuses: list[str] = []
        self.undo: list[str] = []
        self.undo_locks = 0
        self.has_quit = False
        self.cancel_at: int | None = None
        self.calls_for_each_view = False
        self.calls_after_render = True
        self.renders_in_thread = False
        self.rendering_threads: set[int] = set()
        self._main = threading.get_ident()
        self._idle: queue.Queue[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = queue.Queue()
        self.module = bare_module(self)
        self.root._knobs["format"]._value = "small"
        self.root._knobs["fps"]._value = 24.0

    def guard(self, what: str) -> None:
        """Whoever asks is on a thread that may; else it is noted, and refused."""
        me = threading.get_ident()
        if self.is_gui and me != self._main and me not in self.rendering_threads and what not in _FROM_ANYWHERE:
            self.refuse(f"{what} was called outside of the main thread, where Nuke may crash")

    def refuse(self, sentence: str) -> None:
        """What would hang or crash a real Nuke is noted, so that no test can miss it."""
        self.misuses.append(sentence)
        raise RuntimeError(sentence)

    def need_window(self, what: str) -> None:
        """Raise what Nuke raises where there is no window."""
        if not self.is_gui:
            self.refuse(f"{what}: Nuke is not in GUI mode")

    def note_change(self, what: str) -> None:
        """The script is not as it was, and it can be undone."""
        self.root.is_modified = True
        if not self.undo_locks:
            self.undo.append(what)

    def make(self, kind: str, name: str | None = None, parent: Group | None = None) -> Node:
        """A node of this class is in the group."""
        home = self.group if parent is None else parent
        taken = {child._name for child in home.children}
        free = next(f"{kind}{n}" for n in range(1, 10_000) if f"{kind}{n}" not in taken)
        node_class = _CLASS_OF.get(kind) or CLASSES.get(kind, Node)
        node = node_class(self, kind, name or free, home)
        home.children.append(node)
        self.note_change(f"create {node.path}")
        return node

    def create_as_user(self, kind: str) -> Node:
        """The artist has made a node: what was added for it is called."""
        node = self.make(kind)
        self.contexts.append(node)
        for each in (kind, "*"):
            for call, args, kwargs in list(self.registered["onUserCreate"].get(each, [])):
                call(*args, **kwargs)
        self.contexts.pop()
        return node

    def find(self, name: str) -> Node | None:
        """The node with this full name; "root" goes first where somebody writes it."""
        name = name[5:] if name.startswith("root.") else name
        every = self.root.every_node()
        return self.root if name in ("root", "Root") else next((node for node in every if node.path == name), None)

    def delete(self, node: Node) -> None:
        """The node is gone."""
        parent = node._parent
        if parent is None or node not in parent.children:
            raise ValueError(f"{node.path} is not in the script")
        parent.children.remove(node)
        self.selection = [each for each in self.selection if each is not node]
        self.note_change(f"delete {node.path}")

    def paste(self, node: Node) -> Node:
        """A copy of the node is in the script, as text of the clipboard makes it: nobody is called for it."""
        text = json.loads(json.dumps(node.text()))
        copy = self.make(text["class"])
        copy.read(text)
        return copy

    def format_named(self, name: str) -> Format:
        """The format; raises TypeError for one that nobody made."""
        found = next((each for each in self.formats if each.name() == name), None)
        if found is None:
            raise TypeError(f"there is no format {name!r}")
        return found

    def format_texts(self) -> list[tuple[int, int, str | None]]:
        return [(each.width(), each.height(), each.name()) for each in self.formats]

    def evaluate(self, text: str, view: str | None = None) -> str:
        """What a file knob's text comes to: Tcl, the view and the frame's number are in it."""
        return expanded(self, text, view or self.view, self.root.frame_number)

    def text_of(self, node: Node) -> str:
        """The name that counts, as it is written: in proxy mode the proxy's, where there is one."""
        is_proxy = self.root._knobs["proxy"]._value and node._knobs["proxy"]._value
        return str(node._knobs["proxy" if is_proxy else "file"]._value)

    def file_of(self, node: Node, frame: int | None = None) -> str:
        """The file that the node writes or reads, as it is on disk: the studio's filters have changed it."""
        return self.filtered(expanded(self, self.text_of(node), self.view, frame))

    def filtered(self, path: str) -> str:
        """What the filters make of a name: those that were added last go first."""
        for call, args, kwargs in reversed(self.registered["filenameFilter"].get("*", [])):
            path = call(path, *args, **kwargs) or path
        return path

    def idle(self) -> None:
        """Carry out what waits for the main thread."""
        while True:
            try:
                call, args, kwargs = self._idle.get_nowait()
            except queue.Empty:
                return
            call(*args, **kwargs)

    def later(self, call: Callable[..., Any], args: Any, kwargs: Any) -> None:
        """The call waits for the main thread, which must not be the one that asks."""
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
        """A new script is open; formats stay."""
        self.root = Root(self)
        self.group, self.selection = self.root, []
        self.view_names, self.view = ["main"], "main"
        self.root._knobs["format"]._value, self.root._knobs["fps"]._value = self.formats[0].name(), 24.0

    def open(self, path: Path) -> None:
        """The script is open, as ``-x`` and a farm open it."""
        text = json.loads(path.read_text("utf-8"))
        self.clear()
        self.formats = [Format(*each) for each in text["formats"]]
        self.view_names, self.view = text["views"], text["views"][0]
        self.root.read(text)
        self.root._knobs["name"]._value = str(path)
        self.root.is_modified = False

    def state(self) -> dict[str, Any]:
        """All that an artist could find changed."""
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
        """The artist renders: what goes wrong is told, and Nuke goes on."""
        demand(first, int, "a frame")
        try:
            rendering.execute(self, node, first, last, step, views)
        except RuntimeError as error:
            self.said.append(str(error))


@contextmanager
def running(nuke: Nuke) -> Iterator[Nuke]:
    """Inside, ``import nuke`` is this program, for the adapter too; afterwards neither is known."""

    def forget() -> None:
        for name in [name for name in sys.modules if name.partition(".")[0] in ("nuke", "ft_dcc_nuke")]:
            del sys.modules[name]

    forget()
    sys.modules["nuke"] = nuke.module
    sys.modules["nuke.callbacks"] = nuke.module.__dict__["callbacks"]
    try:
        yield nuke
    finally:
        forget()


__all__ = ["EVENTS", "ModuleType", "Nuke", "running"]
