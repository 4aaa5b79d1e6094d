"""The knobs of the double: each class accepts the values that the real one accepts, and refuses all others.

``knob_types.tsv`` has the classes, ``knobs.tsv`` the knobs of each class of nodes. Source of the methods: Foundry's
Python reference, the pages of the knob classes.
"""

from __future__ import annotations

import builtins
import functools
import inspect
import re
from pathlib import Path
from types import FunctionType
from typing import Any, Callable

from doubles.nuke.roto import parse_strokes

Changed = Callable[["Knob"], None]


def require_type(value: object, kinds: type | tuple[type, ...], what: str) -> None:
    """Raise TypeError for a value of another kind; a bool does not count as a number."""
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        wanted = " or ".join(kind.__name__ for kind in kinds)
        raise TypeError(f"{what} takes {wanted}, not {type(value).__name__}")


def kinds_of(annotation: str, names: dict[str, Any]) -> tuple[type, ...]:
    """Return the types of an annotation; () if it has a part that is no class."""
    known = {**vars(builtins), **names, "None": type(None), "Any": None}
    parts = (part.strip().partition("[")[0] for part in annotation.split("|"))
    found = [functools.reduce(getattr, part.split(".")[1:], known.get(part.split(".")[0])) for part in parts]
    # A whole number is a number, too.
    return (*found, *([int] if float in found else [])) if all(isinstance(each, type) for each in found) else ()


def _guarded(function: Any, what: str) -> Callable[..., Any]:
    """Return the method behind the guard of its object, with values of its types only."""
    signature = inspect.signature(function)
    kinds = {name: kinds_of(text, function.__globals__) for name, text in function.__annotations__.items()}

    @functools.wraps(function)
    def call(*arguments: Any, **values: Any) -> Any:
        arguments[0]._guard(what)
        for name, value in signature.bind(*arguments, **values).arguments.items():
            if kinds.get(name):
                require_type(value, kinds[name], what)
        return function(*arguments, **values)

    return call


def guard_methods(kind: type, *internal: str) -> None:
    """Put the methods of a class of Nuke behind the guard of their object, but not those of the double itself."""
    for name, method in list(vars(kind).items()):
        if isinstance(method, FunctionType) and name not in internal and (name[0] != "_" or name == "__getitem__"):
            setattr(kind, name, _guarded(method, f"{kind.__name__}.{name}"))


class Knob:
    kinds: tuple[type, ...] = ()

    def __init__(self, name: str, label: str = "") -> None:
        require_type(name, str, "a knob's name")
        require_type(label, str, "a knob's label")
        if not name.isidentifier():
            raise ValueError(f"{name!r} is no name of a knob")
        self._name, self._label, self._value = name, label, self.kinds[0]() if self.kinds else None
        self.choices: list[str] = []
        self.tooltip_text, self.flags, self.is_users, self.expression = "", 0, False, ""
        self._guard: Callable[[str], None] = lambda what: None
        self.changed: Changed = lambda knob: None
        self.evaluated: Callable[..., str] = lambda text, view=None: text

    def Class(self) -> str:  # noqa: N802 - Nuke's own name
        return type(self).__name__

    def name(self) -> str:
        return self._name

    def label(self) -> str:
        return self._label

    def value(self) -> Any:
        return self._value

    def setValue(self, value: Any) -> bool:  # noqa: N802
        require_type(value, self.kinds, f"the knob {self._name}")
        if self.choices:
            value = value if isinstance(value, str) else self.choices[value]
            if value not in self.choices:
                raise TypeError(f"the knob {self._name} has no choice {value!r}")
        self._value = value
        self.changed(self)
        return True

    def set_text(self, text: str) -> None:
        """Set the value that a text has in a script, or as a default."""
        self._value = text == "true" if bool in self.kinds else self.kinds[0](text)

    def setFlag(self, flag: int) -> None:  # noqa: N802
        self.flags |= flag

    def setTooltip(self, text: str) -> None:  # noqa: N802
        self.tooltip_text = text


class EvalString_Knob(Knob):  # noqa: N801
    def evaluate(self, frame: int | None = None, view: str | None = None) -> str:
        return self.evaluated(self._value, view)


class File_Knob(Knob):  # noqa: N801
    # Reads the format of the file; the documentation does not say where the range goes.
    opened: Callable[[str, int], None] = staticmethod(lambda pattern, frame: None)

    def fromUserText(self, text: str) -> None:  # noqa: N802
        found = re.fullmatch(r"(.*) (-?\d+)-(-?\d+)", text)
        self.setValue(found[1] if found else text)
        if found:
            self.opened(found[1], int(found[2]))


class PyScript_Knob(Knob):  # noqa: N801
    """A button that runs a script, in which ``nuke`` is known."""

    def __init__(self, name: str, label: str = "", command: str = "") -> None:
        Knob.__init__(self, name, label)
        require_type(command, str, "a command")
        self._value = command


class Array_Knob(Knob):  # noqa: N801
    def setExpression(self, expression: str) -> bool:  # noqa: N802
        self.expression = expression
        self.changed(self)
        return True

    def is_true_at(self, frame: int) -> bool:
        """Return the value at a frame; expressions that limit a node to a range are evaluated."""
        if not self.expression:
            return bool(self._value)
        found = re.fullmatch(r"frame < (-?\d+) \|\| frame > (-?\d+)", self.expression)
        assert found is not None, self.expression
        return frame < int(found[1]) or frame > int(found[2])


class Roto_Knob(Knob):  # noqa: N801
    """The curves of a RotoPaint, in their text form."""

    def fromScript(self, text: str) -> bool:  # noqa: N802
        parse_strokes(text)
        self._value = text
        self.changed(self)
        return True


class Format_Knob(Knob):  # noqa: N801
    format_named: Callable[[str], Any]

    def value(self) -> Any:
        return self.format_named(self._value)


class Enumeration_Knob(Knob):  # noqa: N801
    def __init__(self, name: str, label: str, values: list[str]) -> None:
        Knob.__init__(self, name, label)
        require_type(values, (list, tuple), "the choices")
        for value in values:
            require_type(value, str, "a choice")
        self.choices = list(values)
        self._value = values[0]

    def values(self) -> list[str]:
        return list(self.choices)


def lines_of(table: str) -> list[list[str]]:
    """Return the fields of each line of a table beside this file, without its comments."""
    lines = Path(__file__).with_name(table).read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if not line.startswith("#")]


def _every_class() -> dict[str, type[Knob]]:
    """Return the classes of knobs, with the methods above, and with bases and types of values from their table."""
    found: dict[str, type[Knob]] = {"Knob": Knob}
    for name, base, *kinds in lines_of("knob_types.tsv")[1:]:
        own = dict(vars(globals().get(name, Knob))) if name in globals() else {}
        own = {key: value for key, value in own.items() if key not in ("__dict__", "__weakref__")}
        own["kinds"] = tuple(getattr(builtins, kind) for kind in kinds[0].split()) if kinds else found[base].kinds
        found[name] = type(name, (found[base],), own)
        guard_methods(found[name], "Class", "name", "label", "values", "set_text", "is_true_at")
    return found


CLASSES = _every_class()
globals().update(CLASSES)
_TABLE = [(line + [""] * 7)[:7] for line in lines_of("knobs.tsv")]
NODE_CLASSES, NAMES = {line[0] for line in _TABLE}, {line[1] for line in _TABLE}


def knobs_of(kind: str, version: int) -> list[Knob]:
    """Return the knobs of a new node of this class in this major version of Nuke, as ``knobs.tsv`` documents them."""
    found = []
    for owner, name, knob_class, default, values, since, _source in _TABLE:
        if name and owner in (kind, "" if kind == "Root" else "*") and version >= int(since or 0):
            knob = (
                CLASSES[knob_class](name, "", values.split("|")) if "Enum" in knob_class else CLASSES[knob_class](name)
            )
            knob.choices = values.split("|") if values else []
            if default:
                knob.set_text(default)
            found.append(knob)
    return found
