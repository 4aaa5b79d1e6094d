"""The functions of the module ``nuke`` that the adapter uses, with their documented arguments.

Any other name is recorded as misuse, so that a model is written before it is used. Source of each: its page in
Foundry's Python reference; menus and messages exist only with a window.
"""

# Nuke's own names.
# ruff: noqa: N802, N803
from __future__ import annotations

import inspect
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, Callable

from doubles.nuke import knobs, nodes, rendering
from doubles.nuke.filenames import expand
from doubles.nuke.knobs import guard_methods, kinds_of, lines_of, require_type

if TYPE_CHECKING:
    from doubles.nuke.program import Nuke

# The documented arguments of each function, each with its type if that is documented.
ARGUMENTS = {line[0]: line[2] if len(line) > 2 else "" for line in lines_of("names.tsv")}
# Only their distinctness matters.
INVISIBLE, INPUTS, REPLACE = 0x400, 1, 1
_MAX_NODES = 10
# Events whose callbacks belong to Write nodes unless another class is given.
_OF_WRITES = (
    *("beforeRender", "beforeFrameRender", "renderProgress", "afterFrameRender", "afterRender", "validateFilename"),
)


class Menu:
    """A menu of the window with its items in order."""

    def __init__(self, nuke: Nuke, name: str) -> None:
        self._nuke, self._name, self._guard = nuke, name, nuke.guard
        self.entries: dict[str, Any] = {}

    def name(self) -> str:
        return self._name

    def addMenu(self, name: str) -> Menu:
        return self.entries.setdefault(name, Menu(self._nuke, name))

    def addCommand(self, name: str, command: Any = None) -> None:
        if not (isinstance(command, str) or callable(command)):
            raise TypeError("Menu.addCommand takes a function or a text to run")
        self.entries[name] = command

    def findItem(self, name: str) -> Any:
        return self.entries.get(name)

    def items(self) -> list[Any]:
        return [each if isinstance(each, Menu) else Menu(self._nuke, name) for name, each in self.entries.items()]

    def removeItem(self, name: str) -> None:
        if name not in self.entries:
            raise ValueError(f"there is no item {name}")
        del self.entries[name]

    def labels(self) -> dict[str, Any]:
        return {name: each.labels() if isinstance(each, Menu) else "" for name, each in self.entries.items()}


guard_methods(Menu)


class _Module(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if not name.startswith("__"):
            self.__dict__["_misuses"].append(f"nuke.{name} is not modelled; model it before you use it")
        raise AttributeError(f"module 'nuke' has no attribute {name!r}")


def bare_module(nuke: Nuke) -> ModuleType:
    """Return what ``import nuke`` returns inside of this program."""
    module = _Module("nuke")
    module.__dict__["_misuses"] = nuke.misuses
    found: dict[str, Any] = {
        "GUI": nuke.is_gui,
        "env": nuke.env,
        "NUKE_VERSION_STRING": nuke.version,
        "INVISIBLE": INVISIBLE,
        "INPUTS": INPUTS,
        "REPLACE": REPLACE,
        "Undo": _Undo(nuke),
        "nodes": _Makers(nuke),
        **{name: getattr(nodes, name) for name in ("Group", "Gizmo", "Node", "Root")},
        **{
            name: getattr(knobs, name)
            for name in ("Tab_Knob", "String_Knob", "Boolean_Knob", "Enumeration_Knob", "PyScript_Knob")
        },
        **{name: _documented(nuke, name, function) for name, function in {**_questions(nuke), **_acts(nuke)}.items()},
        **_callbacks(nuke),
    }
    callbacks = ModuleType("nuke.callbacks")
    callbacks.__dict__["filenameFilter"] = nuke.filter_filename
    if nuke.has_registries:
        # The registries of Foundry's module: class of nodes to callbacks, by the names of their events in the plural.
        callbacks.__dict__.update({_plural(event): entries for event, entries in nuke.registered.items()})
    module.__dict__.update(found, callbacks=callbacks)
    return module


def _documented(nuke: Nuke, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function behind the guard, with the arguments that ``names.tsv`` documents for it."""
    words = ARGUMENTS[name].split()
    kinds = {word.partition(":")[0]: kinds_of(word.partition(":")[2] or "Any", vars(nodes)) for word in words}
    any_order = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature([inspect.Parameter(each, any_order) for each in kinds])

    def call(*arguments: Any, **values: Any) -> Any:
        nuke.guard(name)
        given = signature.bind_partial(*arguments, **values).arguments
        for each, value in given.items():
            if kinds[each] and value is not None:
                require_type(value, kinds[each], name)
        return function(**given)

    return call


def _plural(event: str) -> str:
    return f"{event}es" if event.endswith("s") else f"{event}s"


def _questions(nuke: Nuke) -> dict[str, Callable[..., Any]]:
    def this_node() -> nodes.Node:
        if not nuke.contexts:
            raise RuntimeError("thisNode was asked for where there is none")
        return nuke.contexts[-1]

    def all_nodes(filter="", group=None, recurseGroups=False):
        home = nuke.group if group is None else group
        found = home.every_node() if recurseGroups else list(home.children)
        if (nuke.env["nc"] or nuke.env.get("indie")) and len(found) > _MAX_NODES:
            raise RuntimeError("In this edition, Python can access 10 nodes.")
        return [node for node in found if filter in ("", node._kind)]

    def selected_nodes(filter=""):
        return [node for node in nuke.selection if filter in ("", node._kind)]

    def filename(node, i=0):
        text = expand(nuke, nuke.text_of(node), nuke.view, nuke.root.frame_number if i == REPLACE else None)
        return text or None

    def active_viewer():
        nuke.require_window("activeViewer")
        return None if nuke.viewer is None else SimpleNamespace(node=lambda: nuke.viewer)

    def frame(f=None):
        nuke.root.frame_number = nuke.root.frame_number if f is None else f
        return nuke.root.frame_number

    return {
        "activeViewer": active_viewer,
        "frame": frame,
        "allNodes": all_nodes,
        "toNode": lambda s: nuke.find(s),
        "selectedNodes": selected_nodes,
        "filename": filename,
        "root": lambda: nuke.root,
        "thisNode": this_node,
        "thisView": lambda: nuke.view,
        "views": lambda: list(nuke.view_names),
        "formats": lambda: list(nuke.formats),
    }


def _acts(nuke: Nuke) -> dict[str, Callable[..., Any]]:
    def execute(nameOrNode, start, end, incr=1, views=None, continueOnError=False):
        found = nuke.find(nameOrNode) if isinstance(nameOrNode, str) else nameOrNode
        if found is None:
            raise ValueError(f"there is no node {nameOrNode}")
        rendering.execute(nuke, found, start, end, incr, views)

    def create_node(node, knobs="", inpanel=True):
        if knobs:
            nuke.refuse("createNode with values is not modelled; model it before you use it")
        if nuke.is_gui and inpanel:
            nuke.refuse("createNode opens the properties of the node, which nobody asked for")
        return nuke.create_as_user(node)

    def message(prompt):
        nuke.require_window("message")
        nuke.messages.append(prompt)

    def ask(prompt):
        nuke.require_window("ask")
        nuke.messages.append(prompt)
        return nuke.answers.pop(0)

    def menu(name):
        nuke.require_window("menu")
        return nuke.menus[name]

    def save(filename=None):
        filename = filename or nuke.root._knobs["name"]._value
        nuke.call_registered("onScriptSave", nuke.root)
        try:
            nuke.root.save(Path(filename))
        except OSError as error:
            raise RuntimeError(f"{filename}: {error.strerror}.") from error
        # The name of the open script stays, as documented.
        nuke.root.is_modified = nuke.root.is_modified and filename != nuke.root._knobs["name"]._value
        return True

    def save_as(filename=None, overwrite=-1):
        nuke.root._knobs["name"]._value = filename
        save(filename)

    def open_script(filename):
        if not Path(filename).is_file():
            raise RuntimeError(f"{filename}: No such file or directory")
        if nuke.is_gui and nuke.root.children:
            nuke.refuse("scriptOpen opens another Nuke when a script is open")
        try:
            nuke.open(Path(filename))
        except ValueError as error:
            raise RuntimeError(f"{filename}: Unknown command") from error

    def leave():
        if nuke.root.is_modified:
            nuke.refuse("scriptExit asks whether to save a script that was changed, and nobody answers")
        nuke.has_quit = True

    def add_format(s):
        width, height, name = s.split()
        nuke.formats.append(nodes.Format(int(width), int(height), name))
        return nuke.formats[-1]

    def later(call, args=(), kwargs=None):
        if not callable(call):
            raise TypeError("executeInMainThread takes a function")
        nuke.later(call, args, kwargs)

    def knob_default(classknob, value=None):
        if value is None:
            return nuke.knob_defaults.get(classknob)
        nuke.knob_defaults[classknob] = value
        return None

    return {
        "knobDefault": knob_default,
        "executing": lambda f=None: nuke.is_executing,
        "execute": execute,
        "createNode": create_node,
        "message": message,
        "ask": ask,
        "menu": menu,
        "scriptSave": save,
        "scriptSaveAs": save_as,
        "addView": lambda s: nuke.view_names.append(s),
        "scriptClear": lambda: nuke.clear(),
        "scriptOpen": open_script,
        "scriptExit": leave,
        "addFormat": add_format,
        "delete": lambda n: nuke.delete(n),
        "executeInMainThread": later,
        "tprint": lambda value: nuke.messages.append(str(value)),
    }


def _callbacks(nuke: Nuke) -> dict[str, Callable[..., Any]]:
    found: dict[str, Callable[..., Any]] = {}
    for event in nuke.registered:
        title = event[0].upper() + event[1:]
        usual = "Write" if event in _OF_WRITES else "Root" if event == "onScriptSave" else "*"
        found[f"add{title}"] = _changing(nuke, event, usual, adds=True)
        # This one has another order of words in Nuke.
        removing = "removeFilenameValidate" if event == "validateFilename" else f"remove{title}"
        found[removing] = _changing(nuke, event, usual, adds=False)
    return found


def _entry(event: str, call: Any, args: Any, kwargs: Any, node: Any) -> tuple[Any, Any, Any, Any]:
    """Return a registry entry as in Foundry's ``nuke_internal/callbacks.py``, published with the Python guide."""
    if node is not None and event != "knobChanged":
        raise TypeError("only callbacks of knobChanged can belong to one node")
    if not callable(call):
        raise ValueError("call must be a callable")
    kwargs = {} if kwargs is None else kwargs
    if not isinstance(kwargs, dict):
        raise ValueError("kwargs must be a dictionary")
    return call, args if isinstance(args, tuple) else (args,), kwargs, node


def _changing(nuke: Nuke, event: str, usual: str, *, adds: bool) -> Callable[..., None]:
    def change(call: Any, args: Any = (), kwargs: Any = None, nodeClass: str = usual, node: Any = None) -> None:
        nuke.guard(f"{'add' if adds else 'remove'} {event}")
        entry = _entry(event, call, args, kwargs, node)
        known = nuke.registered[event].setdefault(nodeClass, [])
        # Adding it again moves it to the end; it is still called once.
        known[:] = [*(each for each in known if each != entry), *([entry] if adds else [])]

    return change


class _Makers:
    """``nuke.nodes``: one function per node class."""

    def __init__(self, nuke: Nuke) -> None:
        self._nuke = nuke

    def __getattr__(self, kind: str) -> Callable[..., nodes.Node]:
        def make(**values: Any) -> nodes.Node:
            self._nuke.guard(f"nodes.{kind}")
            node = self._nuke.make(kind)
            self._nuke.run_script_of(node, "onCreate")
            self._nuke.call_registered("onCreate", node)
            for name, value in values.items():
                node[name].setValue(value)
            return node

        return make


class _Undo:
    """``nuke.Undo``: the undo steps of the artist."""

    def __init__(self, nuke: Nuke) -> None:
        self._nuke, self._guard = nuke, nuke.guard

    def begin(self, name: str = "") -> None:
        self._nuke.undo_groups.append([name])

    def end(self) -> None:
        if not self._nuke.undo_groups:
            self._nuke.refuse("Undo.end was called where nothing was begun")
        name, *steps = self._nuke.undo_groups.pop()
        if steps:
            self._nuke.record_step(name)

    def disable(self) -> None:
        self._nuke.undo_locks += 1

    def enable(self) -> None:
        if self._nuke.undo_locks == 0:
            self._nuke.refuse("Undo.enable was called where nothing was disabled")
        self._nuke.undo_locks -= 1

    def disabled(self) -> bool:
        return self._nuke.undo_locks > 0


guard_methods(_Undo)
