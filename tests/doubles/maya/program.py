"""A small Maya in memory: it refuses what the real one refuses, has a scene, and writes real images.

``with running(Maya()) as maya:`` makes ``maya.cmds`` and its sibling modules importable. Decision 0002 lists what is
modelled, and the sources.
"""

import queue
import sys
import threading
import time
from contextlib import contextmanager
from functools import partial
from types import ModuleType
from typing import Any, Callable

from doubles.colour_bars import painted
from doubles.maya import contract, drawing, interface, open_maya, scene, workspace
from doubles.maya.interface import Interface, evaluate_mel
from doubles.maya.scene import Scene

from ft_dcc.frames import Resolution

Handler = Callable[..., Any]
# The commands of the interface that Maya has without a window, too.
_WINDOW_COMMANDS = {*interface.COMMANDS, "workspaceControl"}
_WITHOUT_WINDOW = ("optionVar", "warning", "colorManagementPrefs", "getClassification", "pluginDisplayFilter")


class Maya:
    """One running program; the thread that creates it is its main thread."""

    def __init__(self, year=2025, *, is_batch=False):
        self.year, self.is_batch = year, is_batch
        self.scene, self.interface = Scene.new(), Interface.new()
        self.drawn = []
        self.calls = []
        self.misuses = []
        self.undo = []
        self.is_undo_on = True
        self.is_escape_pressed = False
        # Whether the key was pressed, and Maya has not read it yet.
        self.has_key_waiting = False
        self.escape_at = None
        self.fail_at = None
        # The frames at which the process ends, and at which it waits for ever.
        self.crash_at = None
        self.hang_at = None
        # Whether a playblast returns the name of its images, and whether it writes them.
        self.returns_name = True
        self.writes_images = True
        # On Windows both sizes of an image are multiples of four.
        self.is_windows = False
        self.has_image_plane = True
        # Some versions connect the time with an image plane that is a sequence.
        self.image_planes_follow_time = True
        # Whether a file opens, but reports an error of one of its scripts.
        self.opens_with_errors = False
        # Maya's documentation says that only edits of unloaded references are removed; programs remove others, too.
        self.removes_applied_edits = True
        self.new_panels_take_focus = True
        # Whether the focus makes a view the active one, and whether modelEditor refuses to do it.
        self.focus_activates = True
        self.refuses_active_view = False
        # Whether a default run-time command can be deleted is not documented.
        self.deletes_default_commands = True
        # Types of plug-ins: the type that each derives from, and its classification.
        self.plugin_types = {}
        # Whether plug-ins change a scene when it opens.
        self.changes_on_open = False
        self.open_chunks = []
        # Whether a playblast of the current frame evaluates the scene again is not documented.
        self.playblast_evaluates = False
        self.has_quit = False
        self.files = {}
        # The script nodes that have run, and the button that the artist presses.
        self.scripts_run = []
        self.answer = ""
        self.callbacks = {}
        self._main = threading.get_ident()
        # What has the lowest priority waits for all others.
        self._idle = queue.Queue()
        self._idle_last = queue.Queue()
        self._handlers = {
            **scene.COMMANDS,
            **interface.COMMANDS,
            **drawing.COMMANDS,
            "workspaceControl": workspace.workspace_control,
            "about": Maya._about,
            "evalDeferred": Maya._defer,
            "undoInfo": Maya._undo_info,
            "help": Maya._help,
            "quit": Maya._quit,
        }

    def open(self, new):
        """Open another scene; the state of the previous one is lost."""
        self.scene, self.undo = new, []
        self.interface.tile_previews.clear()

    def call(self, command, /, *arguments, **keywords):
        if threading.get_ident() != self._main and not self.is_batch:
            self._misuse(f"{command} was called outside of the main thread, where Maya would crash")
        call = contract.check(command, min(self.year, contract.NEWEST), arguments, keywords)
        self.calls.append(call)
        if self.is_batch and command in _WINDOW_COMMANDS and command not in _WITHOUT_WINDOW:
            self._misuse(f"{command} was called where there is no interface")
        handler = self._handlers.get(command)
        if handler is None:
            raise NotImplementedError(f"{command} is not modelled; model it before you use it")
        return handler(self, call)

    def _misuse(self, sentence):
        self.misuses.append(sentence)
        raise RuntimeError(sentence)

    def record_step(self, name):
        if self.is_undo_on and not self.open_chunks:
            self.undo.append(name)

    def record_closed_chunk(self):
        if not self.open_chunks:
            raise RuntimeError("undoInfo: there is no open chunk")
        self.record_step(self.open_chunks.pop())

    def record_change(self, name):
        self.scene.is_modified = True
        self.record_step(name)

    def state(self):
        """Return everything that an artist could find changed."""
        callbacks = sorted(event for event, _ in self.callbacks.values())
        undo = {
            "undo": list(self.undo),
            "is_undo_on": self.is_undo_on,
            "open_chunks": list(self.open_chunks),
            "callbacks": callbacks,
        }
        return {**self.scene.state(), **self.interface.state(), **undo}

    def send(self, event):
        for awaited, function in list(self.callbacks.values()):
            if awaited == event:
                function(None)

    def image_of_view(self):
        """Return what the active view shows, as a playblast of it does."""
        return painted(int(self.scene.time), Resolution(64, 36), has_alpha=True)

    def idle(self):
        while True:
            try:
                (self._idle_last if self._idle.empty() else self._idle).get_nowait()()
            except queue.Empty:
                return

    def serve(self, thread):
        """Be Maya's event loop until the thread has ended."""
        while thread.is_alive():
            self.idle()
            time.sleep(0.001)
        self.idle()

    def modules(self):
        names = ("maya", "maya.cmds", "maya.mel", "maya.utils", "maya.api", "maya.api.OpenMaya", "maya.OpenMayaUI")
        found = {name: ModuleType(name) for name in names}
        for name in names[1:]:
            outer, _, inner = name.rpartition(".")
            setattr(found[outer], inner, found[name])
        found["maya"].__path__ = found["maya.api"].__path__ = []
        found["maya.api.OpenMaya"].__dict__.update(open_maya.classes(self))
        found["maya.OpenMayaUI"].__dict__["MQtUtil"] = workspace.qt_utilities(self)
        for command in contract.commands():
            setattr(found["maya.cmds"], command, self._bound(command))
        found["maya.mel"].__dict__["eval"] = partial(evaluate_mel, self)
        found["maya.utils"].__dict__["executeDeferred"] = self._idle.put
        found["maya.utils"].__dict__["processIdleEvents"] = self.idle
        return found

    def _bound(self, command):
        def function(*arguments, **keywords):
            return self.call(command, *arguments, **keywords)

        return function

    def _about(self, call):
        (flag,) = call.flags
        facts = {
            "batch": self.is_batch,
            "windows": self.is_windows,
            "version": str(self.year),
            "installedVersion": f"Autodesk Maya {self.year}",
            "qtVersion": "5.15.2" if self.year < 2025 else "6.5.3",
            "apiVersion": self.year * 10000,
        }
        return facts[flag]

    def _help(self, call):
        known = contract.commands()[call.first()].values()
        flags = (f"   -{flag.short} -{flag.name}" for flag in known if min(self.year, contract.NEWEST) in flag.years)
        return "\n".join(["", f"Synopsis: {call.first()} [flags]", "Flags:", *flags, ""])

    def _quit(self, call):
        if self.scene.is_modified and not call.flags.get("force"):
            raise RuntimeError("Unsaved changes.")
        self.has_quit = True

    def _defer(self, call):
        if self.is_batch:
            raise RuntimeError("evalDeferred: there is no idle moment in batch mode")
        (self._idle_last if call.flags.get("lowestPriority") else self._idle).put(call.first())

    def _undo_info(self, call):
        if call.mode == "query":
            return (self.undo or [""])[-1] if "undoName" in call.flags else self.is_undo_on
        if "openChunk" in call.flags:
            self.open_chunks.append(str(call.flags["chunkName"]))
        if "closeChunk" in call.flags:
            self.record_closed_chunk()
        self.is_undo_on = bool(call.flags.get("stateWithoutFlush", self.is_undo_on))
        return None


@contextmanager
def running(maya):
    """Make ``import maya`` return this program, for the adapter too; forget both on exit."""

    def forget():
        for name in [name for name in sys.modules if name.partition(".")[0] in ("maya", "ft_dcc_maya")]:
            del sys.modules[name]

    forget()
    sys.modules.update(maya.modules())
    try:
        yield maya
    finally:
        forget()
