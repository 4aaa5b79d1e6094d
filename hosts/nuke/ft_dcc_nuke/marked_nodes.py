"""Nodes of the suite in the artist's script, which are not saved and leave no undo steps.

A node is marked with its own full name: a copy of it, or one that the artist has renamed, is theirs.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Callable

import nuke

from .maintained import maintained_script
from .node_info import is_limited

# The knobs with the mark of a group of drawings, and of a movie to compare with.
FEEDBACK, COMPARISON = "ft_dcc_feedback", "ft_dcc_comparison"


def mark(node: nuke.Node, knob_name: str) -> None:
    """Mark the node as one of the suite."""
    knob = nuke.String_Knob(knob_name, "")
    knob.setFlag(nuke.INVISIBLE)
    node.addKnob(knob)
    knob.setValue(node.fullName())


def is_marked(node: nuke.Node, *knob_names: str) -> bool:
    """Return whether the node has one of these marks, and is not a copy."""
    knobs = (node.knob(name) for name in knob_names or (FEEDBACK, COMPARISON))
    return any(knob is not None and knob.value() == node.fullName() for knob in knobs)


def remove_marked(kind: str, knob_name: str, known: Iterable[str]) -> None:
    """Delete the marked nodes of a class; ``known`` are the full names of those that were made by this process."""
    found = _find_marked(kind, knob_name, known)
    if not found:
        return
    with maintained_script():
        for node in found:
            nuke.delete(node)


@contextmanager
def disabled(names: Iterable[str]) -> Iterator[None]:
    """Disable the nodes with these full names, as far as they exist, until exit."""
    nodes = [node for name in names if (node := nuke.toNode(name)) is not None]
    with ExitStack() as stack:
        if nodes:
            stack.enter_context(maintained_script())
        for node in nodes:
            stack.callback(node["disable"].setValue, node["disable"].value())
            node["disable"].setValue(True)
        yield


def call_after_save(function: Callable[[], None]) -> None:
    """Call the function when the save that is about to begin has ended; do nothing without a window."""
    if nuke.GUI:
        # From another thread: Nuke hangs when the main thread waits for itself.
        threading.Thread(target=nuke.executeInMainThread, args=(function,)).start()


def _find_marked(kind: str, knob_name: str, known: Iterable[str]) -> list[nuke.Node]:
    if is_limited():
        # Only nodes whose names are known can be reached there.
        return [node for name in known if (node := nuke.toNode(name)) is not None]
    nodes = nuke.allNodes(kind, group=nuke.root(), recurseGroups=True)
    return [node for node in nodes if is_marked(node, knob_name)]
