"""The nodes of the double and their script: only what an adapter may use."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from doubles.nuke.knobs import (
    KINDS,
    Boolean_Knob,
    Double_Knob,
    Enumeration_Knob,
    EvalString_Knob,
    File_Knob,
    Format_Knob,
    Int_Knob,
    Knob,
    MultiView_Knob,
    Roto_Knob,
    Script_Knob,
    String_Knob,
    Tab_Knob,
    require_type,
)
from doubles.nuke.roto import parse_strokes

if TYPE_CHECKING:
    from doubles.nuke.program import Nuke

SPACES = ["default (linear)", "linear", "sRGB", "rec709", "Cineon", "AlexaV3LogC", "ACES/ACES - ACEScg"]
DISPLAYS = ["sRGB - Display", "Rec.1886 Rec.709 - Display"]
VIEWS = ["Raw", "ACES/ACES 1.0 - SDR Video"]
PROCESSES = ["None", "sRGB", "rec709", "ACES 1.0 - SDR Video (Rec.1886 Rec.709 - Display)", "Raw (P3 - Display)"]
_HOOKS = ("beforeRender", "beforeFrameRender", "afterFrameRender", "afterRender")


def _file_knobs() -> list[Knob]:
    return [
        File_Knob("file"),
        File_Knob("proxy"),
        Enumeration_Knob("colorspace", "", SPACES),
        Boolean_Knob("raw"),
        Int_Knob("first"),
        Int_Knob("last"),
    ]


def knobs_of(kind: str) -> list[Knob]:
    """Return the knobs of a new node of this class, as far as they are used."""
    own: dict[str, list[Knob]] = {
        "Read": [
            *_file_knobs(),
            Int_Knob("origfirst"),
            Int_Knob("origlast"),
            Enumeration_Knob("frame_mode", "", ["expression", "start at", "offset"]),
            String_Knob("frame"),
            Enumeration_Knob("before", "", ["hold", "loop", "bounce", "black"]),
            Enumeration_Knob("after", "", ["hold", "loop", "bounce", "black"]),
        ],
        "Write": [
            *_file_knobs(),
            MultiView_Knob("views"),
            Enumeration_Knob("channels", "", ["rgb", "rgba", "all"]),
            Enumeration_Knob("file_type", "", [" ", "exr", "png", "dpx", "jpeg", "mov"]),
            Boolean_Knob("use_limit"),
            Enumeration_Knob("transformType", "", ["colorspace", "display"]),
            Enumeration_Knob("ocioDisplay", "", DISPLAYS),
            Enumeration_Knob("ocioView", "", VIEWS),
            *(Script_Knob(name) for name in _HOOKS),
        ],
        "Viewer": [Enumeration_Knob("viewerProcess", "", PROCESSES)],
        "RotoPaint": [Roto_Knob("curves")],
        "Switch": [Int_Knob("which")],
        "Noise": [Double_Knob("zoffset")],
        "Reformat": [
            Enumeration_Knob("type", "", ["to format", "to box", "scale"]),
            Int_Knob("box_width"),
            Int_Knob("box_height"),
            Boolean_Knob("box_fixed"),
            Enumeration_Knob("resize", "", ["width", "none", "height", "fit", "fill", "distort"]),
            Boolean_Knob("black_outside"),
            Double_Knob("box_pixel_aspect"),
        ],
        "Root": [
            String_Knob("name"),
            EvalString_Knob("project_directory"),
            Int_Knob("first_frame"),
            Int_Knob("last_frame"),
            Double_Knob("fps"),
            Format_Knob("format"),
            Boolean_Knob("proxy"),
            Enumeration_Knob("colorManagement", "", ["Nuke", "OCIO"]),
            Enumeration_Knob("OCIO_config", "", ["nuke-default", "aces_1.2", "custom"]),
            File_Knob("customOCIOConfigPath"),
            File_Knob("OCIOConfigPath"),
        ],
    }
    return [*own.get(kind, []), *([] if kind == "Root" else [Boolean_Knob("disable"), EvalString_Knob("label")])]


class Format:
    """A size in pixels with a name."""

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
        for knob in knobs_of(kind):
            self._bind(knob)

    def _guard(self, what: str) -> None:
        """Refuse a call on the wrong thread, and raise ValueError for a node that was deleted or closed."""
        self._nuke.guard(what)
        if self.is_deleted:
            raise ValueError("A PythonObject is not attached to a node")

    def _bind(self, knob: Knob) -> None:
        knob.guard, knob.changed = self._nuke.guard, self._knob_changed
        knob.evaluated = lambda text, view=None: self._nuke.evaluate(text, view)
        self._knobs[knob.name()] = knob

    def _knob_changed(self, knob: Knob) -> None:
        """Record the change and run callbacks, also for a change by Python; the documentation names those by a user."""
        self._nuke.record_change(knob.name())
        self._nuke.call_registered("knobChanged", self)
        if (self._kind, knob.name()) == ("Write", "file"):
            self._nuke.call_registered("validateFilename", self, knob._value)

    def Class(self) -> str:  # noqa: N802 - Nuke's own name
        self._guard("Node.Class")
        return self._kind

    def name(self) -> str:
        self._guard("Node.name")
        return self._name

    def fullName(self) -> str:  # noqa: N802
        self._guard("Node.fullName")
        return self.path

    @property
    def path(self) -> str:
        outer = self._parent
        return self._name if outer is None or outer._parent is None else f"{outer.path}.{self._name}"

    def parent(self) -> Group | None:
        self._guard("Node.parent")
        return self._parent

    def knob(self, name: str) -> Knob | None:
        self._guard("Node.knob")
        require_type(name, str, "Node.knob")
        return self._knobs.get(name)

    def knobs(self) -> dict[str, Knob]:
        self._guard("Node.knobs")
        return dict(self._knobs)

    def __getitem__(self, name: str) -> Knob:
        self._guard("Node.__getitem__")
        if name not in self._knobs:
            raise NameError(f"knob {name} does not exist")
        return self._knobs[name]

    def addKnob(self, knob: Knob) -> None:  # noqa: N802
        self._guard("Node.addKnob")
        require_type(knob, Knob, "Node.addKnob")
        if knob.name() in self._knobs:
            raise ValueError(f"there is a knob {knob.name()} already")
        knob.is_users = True
        self._bind(knob)
        self._nuke.record_change("addKnob")

    def removeKnob(self, knob: Knob) -> None:  # noqa: N802
        self._guard("Node.removeKnob")
        require_type(knob, Knob, "Node.removeKnob")
        if self._knobs.get(knob.name()) is not knob or not knob.is_users:
            raise ValueError(f"{knob.name()} is no user knob of {self.path}")
        del self._knobs[knob.name()]
        self._nuke.record_change("removeKnob")

    def setInput(self, index: int, node: Node | None) -> bool:  # noqa: N802
        self._guard("Node.setInput")
        require_type(index, int, "Node.setInput")
        require_type(node, (Node, type(None)), "Node.setInput")
        # As documented for Node.canSetInput: nodes of another group cannot be connected.
        if node is not None and node._parent is not self._parent:
            return False
        self._inputs += [None] * (index + 1 - len(self._inputs))
        self._inputs[index] = node
        self._nuke.record_change("setInput")
        return True

    def input(self, index: int) -> Node | None:
        self._guard("Node.input")
        require_type(index, int, "Node.input")
        return self._inputs[index] if index < len(self._inputs) else None

    def dependencies(self, what: int) -> list[Node]:
        self._guard("Node.dependencies")
        require_type(what, int, "Node.dependencies")
        return [node for node in self._inputs if node is not None]

    def format(self) -> Format:
        self._guard("Node.format")
        return self.own_format or self._nuke.root.format()

    def xpos(self) -> int:
        self._guard("Node.xpos")
        return self.position[0]

    def ypos(self) -> int:
        self._guard("Node.ypos")
        return self.position[1]

    def setXYpos(self, x: int, y: int) -> None:  # noqa: N802
        self._guard("Node.setXYpos")
        for each in (x, y):
            require_type(each, int, "Node.setXYpos")
        self.position = (x, y)
        self._nuke.record_change("setXYpos")

    def sample(self, channel: str, x: float, y: float) -> float:
        self._guard("Node.sample")
        require_type(channel, str, "Node.sample")
        return float(sampled(self, self._nuke.root.frame_number, x, y)[("red", "green", "blue").index(channel)])

    def setSelected(self, selected: bool) -> None:  # noqa: N802
        self._guard("Node.setSelected")
        others = [node for node in self._nuke.selection if node is not self]
        self._nuke.selection = [*others, self] if selected else others

    def hasError(self) -> bool:  # noqa: N802
        self._guard("Node.hasError")
        return self._is_broken({})

    def _is_broken(self, known: dict[str, bool]) -> bool:
        """Return whether the node or an input that reaches it has an error; a Switch uses one of its inputs."""
        if self.path not in known:
            inputs = [self._inputs[self._knobs["which"]._value]] if self._kind == "Switch" else self._inputs
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
                "choices": getattr(knob, "choices", None),
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
            choices = () if user["choices"] is None else (user["choices"],)
            knob = KINDS[user["kind"]](user["name"], user["label"], *choices)
            knob.is_users, knob.flags = True, user["flags"]
            self._bind(knob)
        for name, value in text["values"].items():
            self._knobs[name]._value = value


class Group(Node):
    """A node that contains nodes; inside of ``with`` nodes are created in it."""

    def __init__(self, nuke: Nuke, kind: str, name: str, parent: Group | None) -> None:
        super().__init__(nuke, kind, name, parent)
        self.children: list[Node] = []
        self._outer: list[Group] = []

    def nodes(self) -> list[Node]:
        self._guard("Group.nodes")
        return list(self.children)

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
    """The script itself."""

    def __init__(self, nuke: Nuke) -> None:
        super().__init__(nuke, "Root", "root", None)
        self.is_modified, self.frame_number = False, 1

    def modified(self) -> bool:
        self._guard("Root.modified")
        return self.is_modified

    def setModified(self, modified: bool) -> None:  # noqa: N802
        self._guard("Root.setModified")
        require_type(modified, bool, "Root.setModified")
        self.is_modified = modified

    def realFps(self) -> float:  # noqa: N802
        self._guard("Root.realFps")
        return float(self._knobs["fps"]._value)

    def fps(self) -> int:
        return int(self._knobs["fps"]._value)

    def firstFrame(self) -> int:  # noqa: N802
        self._guard("Root.firstFrame")
        return int(self._knobs["first_frame"]._value)

    def lastFrame(self) -> int:  # noqa: N802
        self._guard("Root.lastFrame")
        return int(self._knobs["last_frame"]._value)

    def proxy(self) -> bool:
        self._guard("Root.proxy")
        return bool(self._knobs["proxy"]._value)

    def format(self) -> Format:
        self._guard("Root.format")
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


CLASSES: dict[str, type[Node]] = {"Group": Group, "Root": Root}
__all__ = ["CLASSES", "Format", "Gizmo", "Group", "Knob", "Node", "Root", "Tab_Knob", "knobs_of"]
