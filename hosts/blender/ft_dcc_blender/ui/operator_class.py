"""Make an operator of Blender from a function: its docstring is the tooltip, and its errors are reported."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Optional

import bpy

from ft_dcc.errors import Error

# The classes of all operators that were made.
CLASSES: list[type] = []

# Takes the operator and the context, and returns what the operator does, by default "FINISHED".
Execute = Callable[[Any, Any], Optional[set[str]]]


def operator(
    name: str,
    label: str,
    /,
    *,
    poll: Callable[[Any], bool | str] | None = None,
    invoke: Execute | None = None,
    draw: Callable[[Any, Any], None] | None = None,
    options: Collection[str] | None = None,
    **properties: Any,
) -> Callable[[Execute], Execute]:
    """Return a decorator that makes the operator ``ft_dcc.NAME`` with these properties from a function.

    ``poll`` takes the context and returns whether the operator can run, or as a text why it cannot. ``invoke`` and
    ``draw`` take the operator and the context.
    """

    def can_run(cls: Any, context: Any) -> bool:
        found = poll is None or poll(context)
        if isinstance(found, str) and found:
            cls.poll_message_set(found)
        return not found if isinstance(found, str) else found

    def define(execute: Execute) -> Execute:
        members = {
            "bl_idname": f"ft_dcc.{name}",
            "bl_label": label,
            "__doc__": execute.__doc__,
            "__module__": execute.__module__,
            # Blender reads the annotations of a class as its properties.
            "__annotations__": properties,
            "poll": classmethod(can_run),
            "execute": _reporting(execute),
        }
        if invoke is not None:
            ask = _reporting(invoke)
            # Blender counts the parameters.
            members["invoke"] = lambda self, context, event: ask(self, context)
        if draw is not None:
            members["draw"] = draw
        if options is not None:
            members["bl_options"] = set(options)
        CLASSES.append(type(f"FT_DCC_OT_{name}", (bpy.types.Operator,), members))
        return execute

    return define


def _reporting(function: Execute) -> Callable[[Any, Any], set[str]]:
    """Return the function as a method of an operator that reports its errors."""

    def run(self: Any, context: Any) -> set[str]:
        try:
            return function(self, context) or {"FINISHED"}
        except Error as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}

    return run


def hidden_text() -> Any:
    """Return a text property that a button sets and no dialog shows."""
    return bpy.props.StringProperty(options={"SKIP_SAVE", "HIDDEN"})


def hidden_number() -> Any:
    """Return a number property that a button sets and no dialog shows."""
    return bpy.props.IntProperty(options={"SKIP_SAVE", "HIDDEN"})


def text_field(name: str, **values: Any) -> Any:
    """Return a text property that a dialog asks for, empty each time."""
    return bpy.props.StringProperty(name=name, options={"SKIP_SAVE"}, **values)
