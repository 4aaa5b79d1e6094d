"""The knobs of the double: each kind accepts the values that the real one accepts, and refuses all others.

Source of the kinds and their methods: Foundry's Python reference, the pages of the knob classes.
"""

from __future__ import annotations

import re
from typing import Any, Callable

from doubles.nuke.roto import parse_strokes

Changed = Callable[["Knob"], None]


def require_type(value: object, kinds: type | tuple[type, ...], what: str) -> None:
    """Raise TypeError for a value of another kind; a bool does not count as a number."""
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        wanted = " or ".join(kind.__name__ for kind in kinds)
        raise TypeError(f"{what} takes {wanted}, not {type(value).__name__}")


class Knob:
    """A named value of a node."""

    kinds: tuple[type, ...] = ()
    default: Any = None

    def __init__(self, name: str, label: str = "") -> None:
        require_type(name, str, "a knob's name")
        require_type(label, str, "a knob's label")
        if not name.isidentifier():
            raise ValueError(f"{name!r} is no name of a knob")
        self._name, self._label, self._value = name, label, self.default
        self.tooltip_text, self.flags, self.is_users = "", 0, False
        self.guard: Callable[[str], None] = lambda what: None
        self.changed: Changed = lambda knob: None
        self.evaluated: Callable[..., str] = lambda text, view=None: text

    def Class(self) -> str:  # noqa: N802 - Nuke's own name
        return type(self).__name__

    def name(self) -> str:
        return self._name

    def label(self) -> str:
        return self._label

    def value(self) -> Any:
        self.guard(f"{self._name}.value")
        return self._value

    def setValue(self, value: Any) -> bool:  # noqa: N802
        self.guard(f"{self._name}.setValue")
        require_type(value, self.kinds, f"the knob {self._name}")
        self._value = value
        self.changed(self)
        return True

    def setFlag(self, flag: int) -> None:  # noqa: N802
        self.guard(f"{self._name}.setFlag")
        require_type(flag, int, "a flag")
        self.flags |= flag

    def setTooltip(self, text: str) -> None:  # noqa: N802
        require_type(text, str, "a tooltip")
        self.tooltip_text = text


class Tab_Knob(Knob):  # noqa: N801
    pass


class String_Knob(Knob):  # noqa: N801
    kinds, default = (str,), ""


class EvalString_Knob(String_Knob):  # noqa: N801
    def evaluate(self, frame: int | None = None, view: str | None = None) -> str:
        self.guard(f"{self._name}.evaluate")
        return self.evaluated(self._value, view)


class File_Knob(EvalString_Knob):  # noqa: N801
    pass


class Script_Knob(String_Knob):  # noqa: N801
    pass


class PyScript_Knob(Knob):  # noqa: N801
    """A button that runs a script, in which ``nuke`` is known."""

    kinds, default = (str,), ""

    def __init__(self, name: str, label: str = "", command: str = "") -> None:
        super().__init__(name, label)
        require_type(command, str, "a command")
        self._value = command


class MultiView_Knob(Knob):  # noqa: N801
    kinds, default = (str,), ""


class Boolean_Knob(Knob):  # noqa: N801
    kinds, default = (bool, int), False
    expression = ""

    def setExpression(self, expression: str) -> bool:  # noqa: N802
        self.guard(f"{self._name}.setExpression")
        require_type(expression, str, "an expression")
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

    kinds, default = (str,), ""

    def fromScript(self, text: str) -> bool:  # noqa: N802
        self.guard(f"{self._name}.fromScript")
        require_type(text, str, "curves")
        parse_strokes(text)
        self._value = text
        self.changed(self)
        return True


class Int_Knob(Knob):  # noqa: N801
    kinds, default = (int,), 0


class Double_Knob(Knob):  # noqa: N801
    kinds, default = (int, float), 0.0

    def setExpression(self, expression: str) -> bool:  # noqa: N802
        self.guard(f"{self._name}.setExpression")
        require_type(expression, str, "an expression")
        self.changed(self)
        return True


class Format_Knob(Knob):  # noqa: N801
    """A format by its name; its value is an object."""

    kinds, default = (str,), "square"
    format_named: Callable[[str], Any]

    def value(self) -> Any:
        return self.format_named(super().value())


class Enumeration_Knob(Knob):  # noqa: N801
    kinds = (str, int)

    def __init__(self, name: str, label: str, values: list[str]) -> None:
        super().__init__(name, label)
        require_type(values, (list, tuple), "the choices")
        for value in values:
            require_type(value, str, "a choice")
        self.choices = list(values)
        self._value = values[0]

    def values(self) -> list[str]:
        return list(self.choices)

    def setValue(self, value: Any) -> bool:  # noqa: N802
        if isinstance(value, int) and not isinstance(value, bool):
            value = self.choices[value]
        if value not in self.choices:
            raise TypeError(f"the knob {self._name} has no choice {value!r}")
        return super().setValue(value)


KINDS = {
    kind.__name__: kind
    for kind in (*(Tab_Knob, String_Knob, EvalString_Knob, File_Knob, Boolean_Knob, Enumeration_Knob, PyScript_Knob),)
}
