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
    """A host under test, in a process of the tests: its scene is open already, and it has no window."""

    host: Host
    state: Callable[[], Any]
    process_events_until: Callable[[threading.Thread], None]
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
    return HostSetup(host, state, host.serve)


def blender(tmp_path_factory, stack):
    if "bpy" not in sys.modules:
        os.environ["BLENDER_USER_RESOURCES"] = str(tmp_path_factory.mktemp("blender"))
    bpy = pytest.importorskip("bpy", reason="there is no bpy for this Python")
    from blender import sample_scene
    from ft_dcc_blender import main_thread
    from ft_dcc_blender.host import BlenderHost

    sample_scene.build()
    sample_scene.add_camera("Second", x=1.0)

    def state():
        kinds = ("collections", "materials", "grease_pencils", "grease_pencils_v3")
        handlers = [len(getattr(bpy.app.handlers, name)) for name in ("save_pre", "save_post", "load_pre")]
        data = {kind: getattr(bpy.data, kind).keys() for kind in kinds if hasattr(bpy.data, kind)}
        return sample_scene.state(), data, handlers

    return HostSetup(BlenderHost(), state, main_thread.serve_until_ended)


def maya(tmp_path_factory, stack):
    from doubles.maya import program, sample_scene

    double = stack.enter_context(program.running(sample_scene.build()))
    from ft_dcc_maya.host import MayaHost

    host = MayaHost()
    return HostSetup(host, double.state, double.serve)


def nuke(tmp_path_factory, stack):
    from doubles.nuke import program, sample_script

    double = stack.enter_context(program.running(sample_script.build(tmp_path_factory.mktemp("nuke"))))
    from ft_dcc_nuke.host import NukeHost

    return HostSetup(NukeHost(), double.state, double.serve)


@pytest.fixture(params=[colour_bars, blender, maya, nuke], ids=["Colour bars", "Blender", "Maya", "Nuke"])
def tested_host(request, tmp_path_factory):
    with ExitStack() as stack:
        yield request.param(tmp_path_factory, stack)


@pytest.fixture
def feedback_host(tested_host):
    if not isinstance(tested_host.host, ShowsFeedback):
        pytest.skip(f"{tested_host.host.name} does not show feedback")
    return tested_host
