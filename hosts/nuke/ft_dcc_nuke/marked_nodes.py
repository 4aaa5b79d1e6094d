"""Nodes of the suite in the artist's script, which are not saved and leave no undo steps.

A node is marked with its own full name: a copy of it, or one that the artist has renamed, is theirs.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
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


class ShownNode:
    """The one node of the suite of its class and mark, which is removed before a save and made again after it."""

    def __init__(self, kind: str, knob_name: str) -> None:
        self._kind, self._knob_name = kind, knob_name
        self._name = self._source = ""
        self._show_again: Callable[[], object] | None = None

    def keep(self, node: nuke.Node, source: str, show_again: Callable[[], object]) -> None:
        """Remember the marked node; after a save, ``show_again`` is called if the node ``source`` exists."""
        self._name, self._source, self._show_again = node.fullName(), source, show_again
        nuke.addOnScriptSave(self._before_save)

    def remove(self) -> None:
        """Delete the node, also one of an earlier session; do nothing if there is none."""
        known = [self._name] if self._name else []
        self._name, self._show_again = "", None
        nuke.removeOnScriptSave(self._before_save)
        _remove_marked(self._kind, self._knob_name, known)

    def disabled(self) -> AbstractContextManager[None]:
        """Keep the node out of a capture, also if the artist has connected it."""
        return disabled([self._name] if self._name else [])

    def _before_save(self) -> None:
        source, show_again = self._source, self._show_again
        if show_again is not None:
            self.remove()
            call_after_save(partial(self._after_save, source, show_again))

    def _after_save(self, source: str, show_again: Callable[[], object]) -> None:
        # Another script may be open now, or another node may be shown.
        if not self._name and nuke.toNode(source) is not None:
            show_again()


def _remove_marked(kind: str, knob_name: str, known: Iterable[str]) -> None:
    """Delete the marked nodes of a class; ``known`` are the full names of those that this process has made."""
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
