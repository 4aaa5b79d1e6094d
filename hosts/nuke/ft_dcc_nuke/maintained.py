"""Borrow the script and give it back: nodes made in between are gone, and nobody can tell that they were there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Callable

import nuke

Keep = Callable[[nuke.Node], nuke.Node]


@contextmanager
def borrowed_script(home: nuke.Group) -> Iterator[Keep]:
    """Inside nodes are made in the group, at full size, and nothing can be undone into.

    Afterwards nodes given to the function are gone, and proxy mode and flags are as they were.
    """
    root = nuke.root()
    is_modified = bool(root.modified())
    with ExitStack() as stack:
        stack.callback(root.setModified, is_modified)
        # Otherwise the artist's next Ctrl-Z would bring back a node of ours.
        if not nuke.Undo.disabled():
            nuke.Undo.disable()
            stack.callback(nuke.Undo.enable)

        if root.proxy():
            stack.callback(root["proxy"].setValue, True)
            root["proxy"].setValue(False)

        def keep(node: nuke.Node) -> nuke.Node:
            stack.callback(nuke.delete, node)
            return node

        # Whichever group the artist looks into.
        with home:
            yield keep
