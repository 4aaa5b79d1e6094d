"""The sources of a publish: which nodes of the script are offered under which names, and why others are refused.

A Read or Write with the view in its file name (``%V``, ``%v``) is a source for each view, as "Write1 left".
"""

from __future__ import annotations

import re
from typing import Any

import nuke

from ft_dcc.errors import CameraMissing, CaptureFailed

from . import maintained, node_info, tab

_OTHER_CLASSES = {
    "DeepWrite": "writes deep images, which no movie can show. Publish a Write behind a DeepToImage.",
    "WriteGeo": "writes geometry, which no movie can show. Publish a Write that renders it.",
    "Precomp": "is another script. Publish a Write inside of it, or a Read of its files.",
    "LiveGroup": "is a group of another script. Publish a Write inside of it, or a Read of its files.",
    "Group": "is a group. Publish a Write inside of it.",
}


def find_sources() -> list[str]:
    """Return the names of sources: selected nodes, then Writes, then Reads; in limited editions selected ones only."""
    selected = nuke.selectedNodes()
    chosen = {node.fullName() for node in selected}
    found = []
    for kind, name in enumerate(("Write", "Read")):
        nodes = nuke.allNodes(name, group=nuke.root(), recurseGroups=True) if not node_info.is_limited() else selected
        found += [
            (node.fullName() not in chosen, kind, _numbers_by_value(node.fullName()), number, source)
            for node in nodes
            if node.Class() == name and not node["disable"].value() and not maintained.is_marked(node)
            for number, source in enumerate(_names_of(node))
        ]
    # Not in the order of allNodes, which is not documented.
    return [name for *_, name in sorted(found)]


def _numbers_by_value(name: str) -> tuple[Any, ...]:
    """Return a key that sorts Write2 before Write10, and nodes of the script before those in groups."""
    return (name.count("."), *(int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)))


def _names_of(node: nuke.Node) -> list[str]:
    """Return the names of the node's sources: its own, or one for each view that has files of its own."""
    views = node_info.node_views(node)
    if len(views) < 2 or re.search(r"%[vV]", str(node["file"].value())) is None:
        return [node.fullName()]
    return [f"{node.fullName()} {view}" for view in views]


def find_node(name: str) -> nuke.Node:
    """Return the node of the source with this name; raise CameraMissing."""
    node_name = name.partition(" ")[0]
    node = nuke.toNode(node_name)
    if node is not None and any(each.partition(" ")[0] == node_name for each in find_sources()):
        return node
    if node_info.is_limited():
        raise CameraMissing(
            f"Python reaches ten nodes only in this edition of Nuke, so {name} must be selected. Select it first."
        )
    if node is None:
        raise CameraMissing(f"The script has no Read or Write called {name}. Choose another source.")
    if node.Class() in ("Read", "Write"):
        raise CameraMissing(f"{name} is disabled, or shows a movie to compare with. Choose another source.")
    kind = "Group" if isinstance(node, nuke.Gizmo) else node.Class()
    raise CameraMissing(f"{name} {_OTHER_CLASSES.get(kind, 'is no Read or Write. Choose another source.')}")


def find_view(name: str) -> tuple[nuke.Node, str]:
    """Return the node of a source, and the view that the name has, "" without one; raise CameraMissing."""
    node, view = find_node(name), name.partition(" ")[2]
    names = _names_of(node)
    if name not in names:
        raise CameraMissing(f"{node.fullName()} has files for each view. Choose {' or '.join(names)}.")
    return node, view


def parent_group(source: nuke.Node) -> nuke.Group:
    """Return the node's group; raises CaptureFailed for a gizmo, a precomp or a locked group."""
    group = source
    for _ in range(source.fullName().count(".")):
        group = group.parent()
        is_locked = isinstance(group, nuke.Group) and group.subgraphLocked()
        if is_locked or isinstance(group, nuke.Gizmo) or group.Class() == "Precomp":
            kind = "gizmo" if isinstance(group, nuke.Gizmo) else f"locked {group.Class()}"
            raise CaptureFailed(
                f"{source.fullName()} is in a {kind}, in which no node can be created. "
                "Render it and publish the files, or copy the nodes to a group."
            )
    return source.parent() or nuke.root()


def asset_suffixes() -> dict[str, str]:
    """Return the texts that follow the task in the names of assets, for the sources that have a rule of their own."""
    found = {}
    for name in find_sources():
        node, view = find_view(name)
        if _publishes(node):
            own = suffix_of_write(node)
            found[name] = " ".join(filter(None, (own, "" if view == node_info.node_views(node)[0] else view)))
        elif view:
            found[name] = name
    return found


def suffix_of_write(node: nuke.Node) -> str:
    """Return the name of a publishing Write that shares its task, and thus an asset, with another one, else ""."""
    own = _task_of(node)
    if node_info.is_limited():
        return ""
    writes = nuke.allNodes("Write", group=nuke.root(), recurseGroups=True)
    others = [each for each in writes if each.fullName() != node.fullName() and not each["disable"].value()]
    return node.fullName() if any(_publishes(each) and _task_of(each) == own for each in others) else ""


def _publishes(node: nuke.Node) -> bool:
    owner = tab.find_owner(node) if node.Class() == "Write" else None
    return owner is not None and tab.read_options(owner)[tab.PUBLISH] in (tab.ASK, tab.ALWAYS)


def _task_of(node: nuke.Node) -> str:
    owner = tab.find_owner(node)
    return "" if owner is None else tab.read_options(owner)[tab.TASK]
