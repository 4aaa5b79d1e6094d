"""Restore the script after each captured frame: temporary nodes are deleted and leave no trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Callable

import nuke

# The registries of the module ``nuke.callbacks`` for nodes that are made, changed, rendered and deleted. Left out are
# filters of file names, which map paths between systems, labels of nodes, which Nuke's own code makes, too, and
# onUserCreates, which ``nuke.nodes`` does not run. Source: Foundry's Python guide, source code of that module.
REGISTRIES = (
    *("onCreates", "onDestroys", "knobChangeds", "updateUIs", "validateFilenames"),
    *("beforeRenders", "beforeFrameRenders", "renderProgresses", "afterFrameRenders", "afterRenders"),
)

TrackNode = Callable[[nuke.Node], nuke.Node]


@contextmanager
def maintained_script() -> Iterator[TrackNode]:
    """Yield a function that deletes its node on exit; inside proxy mode is off, and callbacks of the studio do not run.

    For one call on the main thread: on exit proxy mode, undo and the modified flag are restored, too, and the artist
    works on until the next call. Nothing that happens inside can be undone.
    """
    root = nuke.root()
    is_modified = bool(root.modified())
    with ExitStack() as stack:
        stack.enter_context(without_callbacks())
        stack.callback(root.setModified, is_modified)
        # Otherwise the artist's next Ctrl-Z would restore a node of ours.
        if not nuke.Undo.disabled():
            nuke.Undo.disable()
            stack.callback(nuke.Undo.enable)

        if root.proxy():
            stack.callback(root["proxy"].setValue, True)
            root["proxy"].setValue(False)

        def track(node: nuke.Node) -> nuke.Node:
            stack.callback(nuke.delete, node)
            return node

        yield track


@contextmanager
def without_callbacks() -> Iterator[None]:
    """Run no callback of the studio for the nodes that are made, changed, rendered and deleted inside.

    Such callbacks check names and folders of the artist's renders, set knobs, or publish. A version of Nuke without
    one of the registries runs those callbacks.
    """
    found = [getattr(nuke.callbacks, name, None) for name in REGISTRIES]
    registries: list[dict[Any, Any]] = [registry for registry in found if isinstance(registry, dict)]
    before = [dict(registry) for registry in registries]
    for registry in registries:
        registry.clear()
    try:
        yield
    finally:
        for registry, content in zip(registries, before):
            for kind, calls in content.items():
                # What was added inside stays.
                registry[kind] = [*calls, *(each for each in registry.get(kind, ()) if each not in calls)]
