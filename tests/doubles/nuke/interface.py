"""The functions of the module ``nuke`` that the adapter uses, with their documented arguments.

Any other name is recorded as misuse, so that a model is written before it is used. Source of each: its page in
Foundry's Python reference; menus and messages exist only with a window.
"""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, Callable

from doubles.nuke import knobs, nodes, rendering
from doubles.nuke.filenames import expand
from doubles.nuke.knobs import require_type

if TYPE_CHECKING:
    from doubles.nuke.program import Nuke

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
        self._nuke, self._name = nuke, name
        self.entries: dict[str, Any] = {}

    def name(self) -> str:
        return self._name

    def addMenu(self, name: str) -> Menu:  # noqa: N802 - Nuke's own name
        self._nuke.guard("Menu.addMenu")
        require_type(name, str, "Menu.addMenu")
        return self.entries.setdefault(name, Menu(self._nuke, name))

    def addCommand(self, name: str, command: Any = None) -> None:  # noqa: N802
        self._nuke.guard("Menu.addCommand")
        require_type(name, str, "Menu.addCommand")
        if not (isinstance(command, str) or callable(command)):
            raise TypeError("Menu.addCommand takes a function or a text to run")
        self.entries[name] = command

    def findItem(self, name: str) -> Any:  # noqa: N802
        self._nuke.guard("Menu.findItem")
        return self.entries.get(name)

    def items(self) -> list[Any]:
        self._nuke.guard("Menu.items")
        return [each if isinstance(each, Menu) else Menu(self._nuke, name) for name, each in self.entries.items()]

    def removeItem(self, name: str) -> None:  # noqa: N802
        self._nuke.guard("Menu.removeItem")
        if name not in self.entries:
            raise ValueError(f"there is no item {name}")
        del self.entries[name]

    def labels(self) -> dict[str, Any]:
        return {name: each.labels() if isinstance(each, Menu) else "" for name, each in self.entries.items()}


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
        "Undo": _undo(nuke),
        "nodes": _Makers(nuke),
        **{name: getattr(nodes, name) for name in ("Group", "Gizmo", "Node", "Root")},
        **{
            name: getattr(knobs, name)
            for name in ("Tab_Knob", "String_Knob", "Boolean_Knob", "Enumeration_Knob", "PyScript_Knob")
        },
        **_questions(nuke),
        **_acts(nuke),
        **_callbacks(nuke),
    }
    callbacks = ModuleType("nuke.callbacks")
    callbacks.__dict__["filenameFilter"] = nuke.filter_filename
    if nuke.has_registries:
        # The registries of Foundry's module: class of nodes to callbacks, by the names of their events in the plural.
        callbacks.__dict__.update({_plural(event): entries for event, entries in nuke.registered.items()})
    module.__dict__.update(found, callbacks=callbacks)
    return module


def _plural(event: str) -> str:
    return f"{event}es" if event.endswith("s") else f"{event}s"


def _questions(nuke: Nuke) -> dict[str, Callable[..., Any]]:
    def this_node() -> nodes.Node:
        if not nuke.contexts:
            raise RuntimeError("thisNode was asked for where there is none")
        return nuke.contexts[-1]

    def all_nodes(filter: str = "", group: Any = None, recurseGroups: bool = False) -> list[nodes.Node]:  # noqa: N803
        nuke.guard("allNodes")
        home = nuke.group if group is None else group
        require_type(home, nodes.Group, "allNodes")
        require_type(filter, str, "allNodes")
        require_type(recurseGroups, bool, "allNodes")
        found = home.every_node() if recurseGroups else list(home.children)
        if (nuke.env["nc"] or nuke.env.get("indie")) and len(found) > _MAX_NODES:
            raise RuntimeError("In this edition, Python can access 10 nodes.")
        return [node for node in found if filter in ("", node._kind)]

    def to_node(name: str) -> nodes.Node | None:
        nuke.guard("toNode")
        require_type(name, str, "toNode")
        return nuke.find(name)

    def selected_nodes(filter: str = "") -> list[nodes.Node]:
        nuke.guard("selectedNodes")
        return [node for node in nuke.selection if filter in ("", node._kind)]

    def filename(node: nodes.Node, replace: int = 0) -> str | None:
        nuke.guard("filename")
        require_type(node, nodes.Node, "filename")
        text = expand(nuke, nuke.text_of(node), nuke.view, nuke.root.frame_number if replace == REPLACE else None)
        return text or None

    def active_viewer() -> Any:
        nuke.guard("activeViewer")
        nuke.require_window("activeViewer")
        return None if nuke.viewer is None else SimpleNamespace(node=lambda: nuke.viewer)

    def frame(number: int | None = None) -> int:
        nuke.guard("frame")
        require_type(number, (int, type(None)), "frame")
        nuke.root.frame_number = nuke.root.frame_number if number is None else number
        return nuke.root.frame_number

    def root() -> nodes.Root:
        nuke.guard("root")
        return nuke.root

    return {
        "activeViewer": active_viewer,
        "thisNode": this_node,
        "thisView": lambda: nuke.view,
        "frame": frame,
        "allNodes": all_nodes,
        "toNode": to_node,
        "selectedNodes": selected_nodes,
        "filename": filename,
        "root": root,
        "views": lambda: list(nuke.view_names),
        "formats": lambda: list(nuke.formats),
    }


def _acts(nuke: Nuke) -> dict[str, Callable[..., Any]]:
    def execute(
        node: Any,
        start: int,
        end: int,
        incr: int = 1,
        views: list[str] | None = None,
        continueOnError: bool = False,  # noqa: N803
    ) -> None:
        nuke.guard("execute")
        require_type(node, (nodes.Node, str), "execute")
        for frame in (start, end, incr):
            require_type(frame, int, "execute")
        require_type(views, (list, type(None)), "execute")
        found = nuke.find(node) if isinstance(node, str) else node
        if found is None:
            raise ValueError(f"there is no node {node}")
        rendering.execute(nuke, found, start, end, incr, views)

    def message(prompt: str) -> None:
        nuke.guard("message")
        nuke.require_window("message")
        require_type(prompt, str, "message")
        nuke.messages.append(prompt)

    def ask(prompt: str) -> bool:
        nuke.guard("ask")
        nuke.require_window("ask")
        require_type(prompt, str, "ask")
        nuke.messages.append(prompt)
        return nuke.answers.pop(0)

    def menu(name: str) -> Menu:
        nuke.guard("menu")
        nuke.require_window("menu")
        return nuke.menus[name]

    def save(filename: str) -> bool:
        from pathlib import Path

        nuke.guard("scriptSave")
        require_type(filename, str, "scriptSave")
        nuke.call_registered("onScriptSave", nuke.root)
        try:
            nuke.root.save(Path(filename))
        except OSError as error:
            raise RuntimeError(f"{filename}: {error.strerror}.") from error
        nuke.root._knobs["name"]._value, nuke.root.is_modified = filename, False
        return True

    def add_view(name: str) -> None:
        nuke.guard("addView")
        require_type(name, str, "addView")
        nuke.view_names.append(name)

    def clear() -> None:
        nuke.guard("scriptClear")
        nuke.clear()

    def open_script(filename: str) -> None:
        from pathlib import Path

        nuke.guard("scriptOpen")
        require_type(filename, str, "scriptOpen")
        if not Path(filename).is_file():
            raise RuntimeError(f"{filename}: No such file or directory")
        if nuke.is_gui and nuke.root.children:
            nuke.refuse("scriptOpen opens another Nuke when a script is open")
        try:
            nuke.open(Path(filename))
        except ValueError as error:
            raise RuntimeError(f"{filename}: Unknown command") from error

    def leave() -> None:
        nuke.guard("scriptExit")
        if nuke.root.is_modified:
            nuke.refuse("scriptExit asks whether to save a script that was changed, and nobody answers")
        nuke.has_quit = True

    def add_format(text: str) -> nodes.Format:
        nuke.guard("addFormat")
        require_type(text, str, "addFormat")
        width, height, name = text.split()
        nuke.formats.append(nodes.Format(int(width), int(height), name))
        return nuke.formats[-1]

    def delete(node: nodes.Node) -> None:
        nuke.guard("delete")
        require_type(node, nodes.Node, "delete")
        nuke.delete(node)

    def later(call: Callable[..., Any], args: Any = (), kwargs: Any = None) -> None:
        if not callable(call):
            raise TypeError("executeInMainThread takes a function")
        nuke.later(call, args, kwargs)

    return {
        "execute": execute,
        "message": message,
        "ask": ask,
        "menu": menu,
        "scriptSave": save,
        "addView": add_view,
        "scriptClear": clear,
        "scriptOpen": open_script,
        "scriptExit": leave,
        "addFormat": add_format,
        "delete": delete,
        "executeInMainThread": later,
        "tprint": lambda *words: nuke.messages.append(" ".join(map(str, words))),
    }


def _callbacks(nuke: Nuke) -> dict[str, Callable[..., Any]]:
    found: dict[str, Callable[..., Any]] = {}
    for event in nuke.registered:
        title = event[0].upper() + event[1:]
        usual = "Write" if event in _OF_WRITES else "Root" if event == "onScriptSave" else "*"
        found[f"add{title}"] = _adding(nuke, event, usual)
        # This one has another order of words in Nuke.
        found["removeFilenameValidate" if event == "validateFilename" else f"remove{title}"] = _removing(
            nuke, event, usual
        )
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


def _adding(nuke: Nuke, event: str, usual: str) -> Callable[..., None]:
    def add(
        call: Any,
        args: Any = (),
        kwargs: Any = None,
        nodeClass: str = usual,  # noqa: N803
        node: Any = None,
    ) -> None:
        nuke.guard(f"add {event}")
        entry = _entry(event, call, args, kwargs, node)
        known = nuke.registered[event].setdefault(nodeClass, [])
        # Adding it again moves it to the end; it is still called once.
        known[:] = [each for each in known if each != entry]
        known.append(entry)

    return add


def _removing(nuke: Nuke, event: str, usual: str) -> Callable[..., None]:
    def remove(
        call: Any,
        args: Any = (),
        kwargs: Any = None,
        nodeClass: str = usual,  # noqa: N803
        node: Any = None,
    ) -> None:
        nuke.guard(f"remove {event}")
        entry = _entry(event, call, args, kwargs, node)
        known = nuke.registered[event].get(nodeClass, [])
        known[:] = [each for each in known if each != entry]

    return remove


class _Makers:
    """``nuke.nodes``: one function per node class."""

    def __init__(self, nuke: Nuke) -> None:
        self._nuke = nuke

    def __getattr__(self, kind: str) -> Callable[..., nodes.Node]:
        if kind not in ("Read", "Write", "Reformat", "Group", "Noise", "Input", "Output", "RotoPaint"):
            self._nuke.refuse(f"nuke.nodes.{kind} is not modelled; model it before you use it")

        def make(**values: Any) -> nodes.Node:
            self._nuke.guard(f"nodes.{kind}")
            node = self._nuke.make(kind)
            self._nuke.call_registered("onCreate", node)
            for name, value in values.items():
                node[name].setValue(value)
            return node

        return make


def _undo(nuke: Nuke) -> type:
    class Undo:
        """The undo steps of the artist."""

        @classmethod
        def begin(cls, name: str = "") -> None:
            nuke.guard("Undo.begin")
            require_type(name, str, "Undo.begin")

        @classmethod
        def end(cls) -> None:
            nuke.guard("Undo.end")

        @classmethod
        def disable(cls) -> None:
            nuke.guard("Undo.disable")
            nuke.undo_locks += 1

        @classmethod
        def enable(cls) -> None:
            nuke.guard("Undo.enable")
            if nuke.undo_locks == 0:
                nuke.refuse("Undo.enable was called where nothing was disabled")
            nuke.undo_locks -= 1

        @classmethod
        def disabled(cls) -> bool:
            nuke.guard("Undo.disabled")
            return nuke.undo_locks > 0

    return Undo
