"""The nodes of the double and their script: only what an adapter may use."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from doubles.nuke.knobs import CLASSES as KNOB_CLASSES
from doubles.nuke.knobs import NAMES, NODE_CLASSES, File_Knob, Format_Knob, Knob, guard_methods, knobs_of
from doubles.nuke.roto import parse_strokes

from ft_dcc.host_support.capture_files import png_size

if TYPE_CHECKING:
    from doubles.nuke.program import Nuke


class Format:
    def __init__(self, width: int, height: int, name: str | None, pixel_aspect: float = 1.0) -> None:
        self._width, self._height, self._name, self._pixel_aspect = width, height, name, pixel_aspect

    def width(self) -> int:
        return self._width

    def height(self) -> int:
        return self._height

    def pixelAspect(self) -> float:  # noqa: N802
        return self._pixel_aspect

    def name(self) -> str | None:
        return self._name


class Node:
    """One node; every call passes the program's guard."""

    def __init__(self, nuke: Nuke, kind: str, name: str, parent: Group | None) -> None:
        self._nuke, self._kind, self._name, self._parent = nuke, kind, name, parent
        self._inputs: list[Node | None] = []
        self._knobs: dict[str, Knob] = {}
        self.has_error = self.is_deleted = False
        self.position = (0, 0)
        # None: that of the script.
        self.own_format: Format | None = None
        if kind not in NODE_CLASSES:
            nuke.refuse(f"the class {kind} is not in knobs.tsv; add it before you use it")
        for knob in knobs_of(kind, nuke.env["NukeVersionMajor"]):
            self._bind(knob)
            for place in ("", "*.", f"{kind}."):
                text = nuke.knob_defaults.get(f"{place}{knob.name()}")
                if text is not None:
                    knob.set_text(text)

    def _guard(self, what: str) -> None:
        """Refuse a call on the wrong thread, and raise ValueError for a node that was deleted or closed."""
        self._nuke.guard(what)
        if self.is_deleted:
            raise ValueError("A PythonObject is not attached to a node")

    def _bind(self, knob: Knob) -> None:
        knob._guard, knob.changed = self._nuke.guard, self._knob_changed
        knob.evaluated = lambda text, view=None: self._nuke.evaluate(text, view)
        if isinstance(knob, File_Knob):
            knob.opened = self._read_format
        self._knobs[knob.name()] = knob

    def _knob_changed(self, knob: Knob) -> None:
        """Record the change and run callbacks, also for a change by Python; the documentation names those by a user."""
        self._nuke.record_change(knob.name())
        self._nuke.run_script_of(self, "knobChanged")
        self._nuke.call_registered("knobChanged", self)
        if (self._kind, knob.name()) == ("Write", "file"):
            self._nuke.call_registered("validateFilename", self, knob._value)

    def _read_format(self, pattern: str, frame: int) -> None:
        """Take over the size of a file; one that does not exist is an error of the node."""
        path = Path(pattern % frame)
        self.has_error = not path.is_file()
        if path.suffix == ".png" and not self.has_error:
            size = png_size(path)
            self.own_format = Format(size.width, size.height, None)

    def Class(self) -> str:  # noqa: N802 - Nuke's own name
        return self._kind

    def name(self) -> str:
        return self._name

    def fullName(self) -> str:  # noqa: N802
        return self.path

    @property
    def path(self) -> str:
        outer = self._parent
        return self._name if outer is None or outer._parent is None else f"{outer.path}.{self._name}"

    def parent(self) -> Group | None:
        return self._parent

    def knob(self, name: str) -> Knob | None:
        if name not in {*NAMES, *self._knobs} and not name.startswith("ft_dcc"):
            self._nuke.refuse(f"the knob {name} is not in knobs.tsv; add it with its source before you use it")
        return self._knobs.get(name)

    def knobs(self) -> dict[str, Knob]:
        return dict(self._knobs)

    def __getitem__(self, name: str) -> Knob:
        if name not in self._knobs:
            raise NameError(f"knob {name} does not exist")
        return self._knobs[name]

    def addKnob(self, knob: Knob) -> None:  # noqa: N802
        if knob.name() in self._knobs:
            raise ValueError(f"there is a knob {knob.name()} already")
        knob.is_users = True
        self._bind(knob)
        self._nuke.record_change("addKnob")

    def removeKnob(self, knob: Knob) -> None:  # noqa: N802
        if self._knobs.get(knob.name()) is not knob or not knob.is_users:
            raise ValueError(f"{knob.name()} is no user knob of {self.path}")
        del self._knobs[knob.name()]
        self._nuke.record_change("removeKnob")

    def setInput(self, index: int, node: Node | None) -> bool:  # noqa: N802
        # As documented for Node.canSetInput: nodes of another group cannot be connected.
        if node is not None and node._parent is not self._parent:
            return False
        self._inputs += [None] * (index + 1 - len(self._inputs))
        self._inputs[index] = node
        self._nuke.record_change("setInput")
        return True

    def input(self, index: int) -> Node | None:
        return self._inputs[index] if index < len(self._inputs) else None

    def dependencies(self, what: int) -> list[Node]:
        return [node for node in self._inputs if node is not None]

    def format(self) -> Format:
        return self.own_format or self._nuke.root.format()

    def xpos(self) -> int:
        return self.position[0]

    def ypos(self) -> int:
        return self.position[1]

    def setXYpos(self, x: int, y: int) -> None:  # noqa: N802
        self.position = (x, y)
        self._nuke.record_change("setXYpos")

    def sample(self, channel: str, x: float, y: float) -> float:
        return float(sampled(self, self._nuke.root.frame_number, x, y)[("red", "green", "blue").index(channel)])

    def setSelected(self, selected: bool) -> None:  # noqa: N802
        others = [node for node in self._nuke.selection if node is not self]
        self._nuke.selection = [*others, self] if selected else others

    def hasError(self) -> bool:  # noqa: N802
        return self._is_broken({})

    def _is_broken(self, known: dict[str, bool]) -> bool:
        """Return whether the node or an input that reaches it has an error; a Switch uses one of its inputs."""
        if self.path not in known:
            inputs = [self._inputs[int(self._knobs["which"]._value)]] if self._kind == "Switch" else self._inputs
            known[self.path] = self.has_error
            known[self.path] |= any(node._is_broken(known) for node in inputs if node is not None)
        return known[self.path]

    def text(self) -> dict[str, Any]:
        """Return the node's part of the script."""
        user = [
            {
                "kind": knob.Class(),
                "name": knob.name(),
                "label": knob.label(),
                "choices": knob.choices,
                "flags": knob.flags,
            }
            for knob in self._knobs.values()
            if knob.is_users
        ]
        values = {knob.name(): knob._value for knob in self._knobs.values()}
        inputs = [None if node is None else node.path for node in self._inputs]
        return {"class": self._kind, "name": self._name, "user": user, "values": values, "inputs": inputs}

    def read(self, text: dict[str, Any]) -> None:
        """Set the knobs and values of this part of a script."""
        for user in text["user"]:
            choices = [user["choices"]] if user["choices"] else []
            knob = KNOB_CLASSES[user["kind"]](user["name"], user["label"], *choices)
            knob.is_users, knob.flags = True, user["flags"]
            self._bind(knob)
        for name, value in text["values"].items():
            self._knobs[name]._value = value


class Group(Node):
    """A node that contains nodes; inside of ``with`` nodes are created in it."""

    def __init__(self, nuke: Nuke, kind: str, name: str, parent: Group | None) -> None:
        super().__init__(nuke, kind, name, parent)
        self.children: list[Node] = []
        self.is_locked = False
        self._outer: list[Group] = []

    def nodes(self) -> list[Node]:
        return list(self.children)

    def subgraphLocked(self) -> bool:  # noqa: N802
        return self.is_locked

    def __enter__(self) -> Group:
        self._guard("Group.__enter__")
        self._outer.append(self._nuke.group)
        self._nuke.group = self
        return self

    def __exit__(self, *_error: object) -> None:
        self._nuke.group = self._outer.pop()

    def every_node(self) -> list[Node]:
        inner = [node for child in self.children if isinstance(child, Group) for node in child.every_node()]
        return [*self.children, *inner]

    def text(self) -> dict[str, Any]:
        return {**super().text(), "children": [child.text() for child in self.children]}

    def read(self, text: dict[str, Any]) -> None:
        super().read(text)
        for child in text["children"]:
            node = self._nuke.make(child["class"], child["name"], self)
            node.read(child)
        # The inputs of a node are in the same group.
        own = {node.path: node for node in self.children}
        for node, child in zip(self.children, text["children"]):
            node._inputs = [own.get(path) for path in child["inputs"]]


class Gizmo(Group):
    """A group whose contents are defined in its file."""

    def filename(self) -> str:
        return f"{self._name}.gizmo"


class Root(Group):
    def __init__(self, nuke: Nuke) -> None:
        super().__init__(nuke, "Root", "root", None)
        self.is_modified, self.frame_number = False, 1

    def modified(self) -> bool:
        return self.is_modified

    def setModified(self, modified: bool) -> None:  # noqa: N802
        self.is_modified = modified

    def realFps(self) -> float:  # noqa: N802
        return float(self._knobs["fps"]._value)

    def fps(self) -> int:
        return int(self._knobs["fps"]._value)

    def firstFrame(self) -> int:  # noqa: N802
        return int(self._knobs["first_frame"]._value)

    def lastFrame(self) -> int:  # noqa: N802
        return int(self._knobs["last_frame"]._value)

    def proxy(self) -> bool:
        return bool(self._knobs["proxy"]._value)

    def format(self) -> Format:
        return self._nuke.format_named(self._knobs["format"]._value)

    def _bind(self, knob: Knob) -> None:
        super()._bind(knob)
        if isinstance(knob, Format_Knob):
            knob.format_named = self._nuke.format_named

    def save(self, path: Path) -> None:
        """Write the script to disk, in a text format of the double."""
        more = {"formats": self._nuke.format_texts(), "views": self._nuke.view_names}
        path.write_text(json.dumps({**self.text(), **more}, indent=1), encoding="utf-8")


def sampled(node: Node | None, frame: int, x: float, y: float) -> tuple[float, float, float]:
    """Return the colour of a pixel behind this node: that of the uppermost stroke, or grey."""
    if node is None or node._kind == "Input":
        return 0.18, 0.18, 0.18
    if isinstance(node, Group):
        return sampled(next(child for child in node.children if child._kind == "Output"), frame, x, y)
    if node._kind == "RotoPaint" and not node._knobs["disable"].is_true_at(frame):  # type: ignore[attr-defined]
        for stroke in parse_strokes(node._knobs["curves"]._value):
            if any(math.hypot(x - across, y - up) <= stroke.size / 2 for across, up in stroke.points):
                return stroke.colour
    return sampled(node._inputs[0] if node._inputs else None, frame, x, y)


for kind in (Node, Group, Gizmo, Root):
    guard_methods(kind, "text", "read", "every_node", "save")
CLASSES: dict[str, type[Node]] = {"Group": Group, "Root": Root}
