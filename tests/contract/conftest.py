"""The hosts that must fulfil the contract. A new host needs one more function here."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, Callable

import attrs
import pytest

from ft_dcc.contract.host_under_test import Check
from ft_dcc.host import Host, ShowsFeedback


@attrs.frozen
class HostSetup:
    """A host under test, in a process of the tests: its scene is open already, and it has no window.

    ``change_camera`` changes the lens of the first camera, or the format of the first node, for hosts with feedback.
    """

    host: Host
    state: Callable[[], Any]
    process_events_until: Callable[[threading.Thread], None]
    change_camera: Callable[[], Any] = lambda: None
    has_window: bool = False
    checks: Sequence[Check] = ()

    def build(self):
        """Do nothing."""

    def reopen(self, path):
        """Do nothing: the adapter's own tests save and open the scene."""

    def menu(self):
        """Return None: a host without a window has no menu."""

    def set_menu(self, *, is_installed):
        """Do nothing."""

    def facts(self):
        """Return nothing."""
        return {}


def colour_bars(tmp_path_factory, stack):
    from doubles.colour_bars import ColourBars

    host = ColourBars()
    state = lambda: (host.scene(), host.feedback, host.frame, host.movie, *host.loaded)  # noqa: E731
    return HostSetup(host, state, host.serve, lambda: host.lenses.update(dict.fromkeys(range(1001, 1013), 35.0)))


def blender(tmp_path_factory, stack):
    if "bpy" not in sys.modules:
        os.environ["BLENDER_USER_RESOURCES"] = str(tmp_path_factory.mktemp("blender"))
    pytest.importorskip("bpy", reason="there is no bpy for this Python")
    from blender import sample_scene
    from ft_dcc_blender import main_thread
    from ft_dcc_blender.host import BlenderHost

    sample_scene.build()
    sample_scene.add_camera("Second", x=1.0)
    host = BlenderHost()

    def change_camera():
        scene, camera = host.find_source(host.scene().sources[0])
        scene.objects[camera].data.shift_x += 0.25

    return HostSetup(host, sample_scene.state, main_thread.serve_until_ended, change_camera)


def maya(tmp_path_factory, stack):
    from doubles.maya import program, sample_scene

    double = stack.enter_context(program.running(sample_scene.build()))
    from ft_dcc_maya.host import MayaHost

    host = MayaHost()

    def change_camera():
        from maya import cmds

        shape = cmds.listRelatives(host.scene().sources[0], shapes=True, path=True)[0]
        cmds.setAttr(f"{shape}.focalLength", 70.0)

    return HostSetup(host, double.state, double.serve, change_camera)


def nuke(tmp_path_factory, stack):
    from doubles.nuke import program, sample_script

    double = stack.enter_context(program.running(sample_script.build(tmp_path_factory.mktemp("nuke"))))
    from ft_dcc_nuke.host import NukeHost

    def change_camera():
        import nuke

        nuke.addFormat("128 36 wide")
        nuke.root()["format"].setValue("wide")

    return HostSetup(NukeHost(), double.state, double.serve, change_camera)


@pytest.fixture(params=[colour_bars, blender, maya, nuke], ids=["Colour bars", "Blender", "Maya", "Nuke"])
def tested_host(request, tmp_path_factory):
    with ExitStack() as stack:
        yield request.param(tmp_path_factory, stack)


@pytest.fixture
def feedback_host(tested_host):
    if not isinstance(tested_host.host, ShowsFeedback):
        pytest.skip(f"{tested_host.host.name} does not show feedback")
    return tested_host
