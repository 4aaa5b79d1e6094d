"""A small Nuke in memory: it refuses what the real one refuses, has a script, and writes real images.

``with running(Nuke()) as nuke:`` makes ``import nuke`` find it. Decision 0002 lists what is modelled, and the sources.
"""

import json
import os
import queue
import sys
import threading
import time
from contextlib import contextmanager
from types import ModuleType

from doubles.nuke import rendering
from doubles.nuke.filenames import expand
from doubles.nuke.interface import Menu, bare_module
from doubles.nuke.knobs import require_type
from doubles.nuke.nodes import CLASSES, Format, Gizmo, Group, Node, Root
from doubles.nuke.panels import panel_modules

_CLASS_OF = {"Gizmo": Gizmo, "LiveGroup": Group, "Precomp": Group}
EVENTS = (
    *("beforeRender", "beforeFrameRender", "afterFrameRender", "afterRender"),
    *("onCreate", "onUserCreate", "onDestroy", "onScriptSave", "beforeBackgroundRender", "filenameFilter"),
    *("knobChanged", "updateUI", "renderProgress", "validateFilename"),
)
# The id of a window, which the adapter writes into the environment.
_WINDOW = "FT_DCC_NUKE_WINDOW"
# Nuke accepts these calls on any thread.
_FROM_ANYWHERE = ("executeInMainThread", "tprint")


class Nuke:
    """One running program; the thread that creates it is its main thread. ``version`` is "14.0v5" to "16.0v1"."""

    def __init__(self, version="15.1v3", *, is_gui=True, has_registries=True):
        self.version, self.is_gui = version, is_gui
        # Whether the module nuke.callbacks has the registries of callbacks by their usual names.
        self.has_registries = has_registries
        # The Viewer that is shown, if any.
        self.viewer = None
        # Called with each Write when its render begins.
        self.inspectors = []
        # As the program has no Indie edition, the name is missing.
        major = int(version.partition(".")[0])
        self.env = {"nc": False, "NukeVersionString": version, "NukeVersionMajor": major}
        # The defaults of knobs, by "Class.knob", "*.knob" or "knob".
        self.knob_defaults = {}
        self.root = Root(self)
        self.group = self.root
        self.view_names, self.view = ["main"], "main"
        self.formats = [Format(64, 36, "small"), Format(2048, 1556, "2K_Super_35")]
        self.selection = []
        self.is_executing = False
        self.menus = {name: Menu(self, name) for name in ("Nuke", "Nodes", "Pane", "Node Graph")}
        self.registered = {event: {} for event in EVENTS}
        self.contexts = []
        self.events = []
        self.drawn = []
        self.messages = []
        self.answers = []
        self.misuses = []
        self.undo = []
        self.undo_locks = 0
        # The steps of each group that was begun, after its name.
        self.undo_groups = []
        self.has_quit = False
        # The widgets that panels show, and the functions that show a panel by the panel's id.
        self.panels = []
        self.registered_panels = {}
        self.cancel_at = None
        self.calls_for_each_view = False
        self.calls_after_render = True
        self.renders_in_thread = False
        # Whether callbacks change a script when it opens.
        self.changes_on_open = False
        self.rendering_threads = set()
        self._main = threading.get_ident()
        self._idle = queue.Queue()
        self.module = bare_module(self)
        self.root._knobs["format"]._value = "small"
        self.root._knobs["fps"]._value = 24.0

    def guard(self, what):
        """Refuse a call on a thread on which Nuke may crash."""
        me = threading.get_ident()
        if self.is_gui and me != self._main and me not in self.rendering_threads and what not in _FROM_ANYWHERE:
            self.refuse(f"{what} was called outside of the main thread, where Nuke may crash")

    def refuse(self, sentence):
        """Record a call that would hang or crash a real Nuke, so that no test can miss it, and raise RuntimeError."""
        self.misuses.append(sentence)
        raise RuntimeError(sentence)

    def require_window(self, what):
        if not self.is_gui:
            self.refuse(f"{what}: Nuke is not in GUI mode")

    def record_change(self, what):
        self.root.is_modified = True
        self.record_step(what)

    def record_step(self, what):
        """Add an undo step, or a part of the one that was begun."""
        if not self.undo_locks:
            (self.undo_groups[-1] if self.undo_groups else self.undo).append(what)

    def make(self, kind, name=None, parent=None):
        home = self.group if parent is None else parent
        taken = {child._name for child in home.children}
        free = next(f"{kind}{n}" for n in range(1, 10_000) if f"{kind}{n}" not in taken)
        node = (_CLASS_OF.get(kind) or CLASSES.get(kind, Node))(self, kind, name or free, home)
        home.children.append(node)
        self.record_change(f"create {node.path}")
        return node

    def create_as_user(self, kind):
        """Create a node as the artist does: connect and select it, and run the callbacks for it."""
        node = self.make(kind)
        if self.selection:
            node.setInput(0, self.selection[-1])
        self.selection = [node]
        self.run_script_of(node, "onCreate")
        self.call_registered("onCreate", node)
        self.call_registered("onUserCreate", node)
        return node

    def run_script_of(self, node, knob):
        text = str(node._knobs[knob]._value) if knob in node._knobs else ""
        if text:
            self.contexts.append(node)
            try:
                exec(text, {"nuke": self.module})  # noqa: S102 - as Nuke does
            finally:
                self.contexts.pop()

    def call_registered(self, event, node, *values):
        """Run the callbacks of the event for the node: those of its class, then those of all classes."""
        self.contexts.append(node)
        try:
            for kind in (node._kind, "*"):
                for call, args, kwargs, only in list(self.registered[event].get(kind, [])):
                    if only is None or only is node:
                        call(*values, *args, **kwargs)
        finally:
            self.contexts.pop()

    def find(self, name):
        name = name[5:] if name.startswith("root.") else name
        every = self.root.every_node()
        return self.root if name in ("root", "Root") else next((node for node in every if node.path == name), None)

    def delete(self, node):
        parent = node._parent
        if parent is None or node not in parent.children:
            raise ValueError(f"{node.path} is not in the script")
        self.run_script_of(node, "onDestroy")
        self.call_registered("onDestroy", node)
        parent.children.remove(node)
        node.is_deleted = True
        self.selection = [each for each in self.selection if each is not node]
        self.record_change(f"delete {node.path}")

    def paste(self, node):
        """Add a copy of the node, through its text on the clipboard; no callbacks run for it."""
        text = json.loads(json.dumps(node.text()))
        copy = self.make(text["class"])
        copy.read(text)
        return copy

    def format_named(self, name):
        """Return the format; raise TypeError if it does not exist."""
        found = next((each for each in self.formats if each.name() == name), None)
        if found is None:
            raise TypeError(f"there is no format {name!r}")
        return found

    def format_texts(self):
        return [(each.width(), each.height(), each.name(), each.pixelAspect()) for each in self.formats]

    def evaluate(self, text, view=None):
        """Return the expanded text of a file knob: Tcl, view and frame number are replaced."""
        return expand(self, text, view or self.view, self.root.frame_number)

    def text_of(self, node):
        """Return the unexpanded file name: in proxy mode the proxy's, if there is one."""
        is_proxy = self.root._knobs["proxy"]._value and node._knobs["proxy"]._value
        return str(node._knobs["proxy" if is_proxy else "file"]._value)

    def file_of(self, node, frame=None):
        """Return the file of the node on disk, after the filename filters."""
        return self.filter_filename(expand(self, self.text_of(node), self.view, frame))

    def filter_filename(self, path):
        """Apply the filename filters; those that were added last run first."""
        for call, args, kwargs, _ in reversed(self.registered["filenameFilter"].get("*", [])):
            path = call(path, *args, **kwargs) or path
        return path

    def idle(self):
        while True:
            try:
                call, args, kwargs = self._idle.get_nowait()
            except queue.Empty:
                return
            call(*args, **kwargs)

    def later(self, call, args, kwargs):
        """Queue the call for the main thread; refuse it if the main thread itself calls."""
        if threading.get_ident() == self._main and self.is_gui:
            self.refuse("executeInMainThread was called on the main thread, where Nuke hangs")
        self._idle.put((call, args if isinstance(args, tuple) else (args,), kwargs or {}))

    def serve(self, thread):
        """Be Nuke's event loop until the thread has ended."""
        while thread.is_alive():
            self.idle()
            time.sleep(0.001)
        self.idle()

    def clear(self):
        for node in self.root.every_node():
            node.is_deleted = True
        self.root = Root(self)
        self.group, self.selection = self.root, []
        self.view_names, self.view = ["main"], "main"
        self.root._knobs["format"]._value, self.root._knobs["fps"]._value = self.formats[0].name(), 24.0

    def open(self, path):
        text = json.loads(path.read_text("utf-8"))
        self.clear()
        self.formats = [Format(*each) for each in text["formats"]]
        self.view_names, self.view = text["views"], text["views"][0]
        self.root.read(text)
        self.root._knobs["name"]._value = str(path)
        self.root.is_modified = self.changes_on_open

    def state(self):
        """Return everything that an artist could find changed."""
        return {
            "script": json.dumps(self.root.text()),
            "is_modified": self.root.is_modified,
            "undo": list(self.undo),
            "undo_locks": self.undo_locks,
            "undo_groups": len(self.undo_groups),
            "frame": self.root.frame_number,
            "selection": [node.path for node in self.selection],
            "menus": {name: menu.labels() for name, menu in self.menus.items()},
        }

    def render(self, node, first, last, step=1, views=None):
        """Render as the artist does: an error is shown, and Nuke continues."""
        require_type(first, int, "a frame")
        try:
            rendering.execute(self, node, first, last, step, views)
        except RuntimeError as error:
            self.messages.append(str(error))


@contextmanager
def running(nuke):
    """Make ``import nuke`` return this program, for the adapter too; on exit end the adapter's threads, forget both.

    The id of the window, which the adapter writes into the environment for child processes, is restored, too.
    """

    def forget():
        for name in [name for name in sys.modules if name.partition(".")[0] in ("nuke", "nukescripts", "ft_dcc_nuke")]:
            del sys.modules[name]

    window = os.environ.get(_WINDOW)
    forget()
    sys.modules["nuke"] = nuke.module
    sys.modules["nuke.callbacks"] = nuke.module.__dict__["callbacks"]
    sys.modules.update(panel_modules(nuke))
    try:
        yield nuke
    finally:
        _end_threads(nuke)
        forget()
        os.environ.pop(_WINDOW, None)
        if window is not None:
            os.environ[_WINDOW] = window


def _end_threads(nuke):
    """End the adapter's threads: one that lives on would read another test's folders."""
    watcher = sys.modules.get("ft_dcc_nuke.renders.render_watcher")
    if watcher is not None:
        watcher.stop()
    for thread in threading.enumerate():
        if thread.name in ("ft-dcc renders", "ft-dcc publish"):
            nuke.serve(thread)


__all__ = ["EVENTS", "ModuleType", "Nuke", "running"]
