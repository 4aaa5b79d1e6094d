"""The Nuke process that the checks run in."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nuke

from ft_dcc.contract.host_under_test import Check
from ft_dcc.contract.publishing import SCENE_FILE
from ft_dcc_nuke import menu
from ft_dcc_nuke.host import NukeHost

from . import render_checks, script_checks

_POLL_INTERVAL_SECONDS = 0.02


class NukeUnderTest:
    """The Nuke process that this code runs in."""

    can_capture = True

    def __init__(self) -> None:
        self.has_window = bool(nuke.GUI)
        self.host = NukeHost()
        self.checks: Sequence[Check] = (
            Check(
                "drawings",
                "A drawing lies on its pixels, on its frame, in linear colours",
                script_checks.check_drawings,
            ),
            SCENE_FILE,
            Check("change", "A change in the middle of a capture is kept", script_checks.check_change),
            Check(
                "callbacks of the studio",
                "Callbacks that a studio adds for new, changed, rendered or deleted nodes (onCreate, knobChanged and "
                "others) do not run on the temporary nodes of a capture, and run on other nodes afterwards",
                script_checks.check_studio_callbacks,
            ),
            Check("callbacks", "A render calls the callbacks in the documented order", render_checks.check_callbacks),
            Check("render", "A render of a node with the tab is recorded, frame by frame", render_checks.check_render),
            Check("views", "Each view that is written is recorded with its own files", render_checks.check_views),
            Check("proxy", "A proxy render is recorded as such, with its own file name", render_checks.check_proxy),
            Check("group", "A Write in a group is recorded, according to the group's tab", render_checks.check_group),
            Check(
                "filter",
                "The files are recorded under the names that a studio's filter makes",
                render_checks.check_filter,
            ),
            Check("broken note", "A render continues although it cannot be recorded", render_checks.check_broken_log),
        )

    def build(self) -> None:
        """Build a script: noise that changes with each frame, and two Writes, the first of them selected."""
        nuke.scriptClear()
        root = nuke.root()
        with root:
            noise = nuke.nodes.Noise()
            noise["zoffset"].setExpression("frame/7")
            for _ in range(2):
                nuke.nodes.Write().setInput(0, noise)
        root["first_frame"].setValue(1001)
        root["last_frame"].setValue(1012)
        root["fps"].setValue(24.0)
        root["format"].setValue(nuke.addFormat("64 36 ft_dcc_acceptance").name())
        root.setModified(False)

    def state(self) -> dict[str, Any]:
        """Return the script's nodes and the settings of its root."""
        root = nuke.root()
        nodes = nuke.allNodes(group=root, recurseGroups=True)
        names = ("first_frame", "last_frame", "fps", "proxy")
        return {
            "nodes": sorted(f"{node.fullName()} {node.Class()}" for node in nodes),
            "selection": sorted(node.fullName() for node in nuke.selectedNodes()),
            "frame": int(nuke.frame()),
            "modified": bool(root.modified()),
            "undo": bool(nuke.Undo.disabled()),
            # The value of the knob is an object.
            "format": str(root.format().name()),
            **{name: str(root[name].value()) for name in names},
        }

    def process_events_until(self, thread: threading.Thread) -> None:
        """Process the window's events until the thread has ended."""
        while thread.is_alive():
            if self.has_window:
                from Qt import QtWidgets

                QtWidgets.QApplication.processEvents()
            thread.join(_POLL_INTERVAL_SECONDS)

    def reopen(self, path: Path) -> None:
        """Save the script and open it."""
        name = path.with_suffix(".nk").as_posix()
        nuke.scriptSave(name)
        nuke.scriptClear()
        nuke.scriptOpen(name)

    def menu(self) -> list[str]:
        """Return the labels of our menu."""
        found: Any = nuke.menu("Nuke").findItem(menu.TITLE)
        return [str(item.name()) for item in found.items()] if found is not None else []

    def set_menu(self, *, is_installed: bool) -> None:
        """Install or remove our menu."""
        (menu.install if is_installed else menu.uninstall)()

    def facts(self) -> Mapping[str, Any]:
        """Return nothing: the version of the host says everything."""
        return {}
