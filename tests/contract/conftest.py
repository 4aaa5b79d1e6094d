"""The hosts that the contract holds for. A new host is one more rig."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import Future
from contextlib import ExitStack
from typing import Any, Callable

import attrs
import pytest

from ft_dcc.host import Host


@attrs.frozen
class Rig:
    """A host with an unsaved scene: frames 1001-1012, 24 fps, 64x36, two cameras.

    ``state`` is all that can be compared of it, and ``serve`` is its event loop until a thread has ended.
    """

    host: Host
    state: Callable[[], Any]
    serve: Callable[[threading.Thread], None]

    def in_thread(self, function: Callable[[], Any]) -> Future[Any]:
        """Call the function in another thread and give back what became of it."""
        future: Future[Any] = Future()

        def call() -> None:
            try:
                future.set_result(function())
            except Exception as error:  # noqa: BLE001 - the test asks for it
                future.set_exception(error)

        thread = threading.Thread(target=call, daemon=True)
        thread.start()
        self.serve(thread)
        thread.join(60)
        return future


def colour_bars(tmp_path_factory, stack):
    from doubles.colour_bars import ColourBars

    host = ColourBars()
    return Rig(host, host.scene, host.serve)


def blender(tmp_path_factory, stack):
    if "bpy" not in sys.modules:
        os.environ["BLENDER_USER_RESOURCES"] = str(tmp_path_factory.mktemp("blender"))
    pytest.importorskip("bpy", reason="there is no bpy for this Python")
    from blender import stage
    from ft_dcc_blender import main_thread
    from ft_dcc_blender.host import BlenderHost

    stage.build()
    stage.add_camera("Second", x=1.0)
    return Rig(BlenderHost(), stage.state, main_thread.serve_until_ended)


def maya(tmp_path_factory, stack):
    from doubles.maya import program, stage

    double = stack.enter_context(program.running(stage.build()))
    from ft_dcc_maya.host import MayaHost

    return Rig(MayaHost(), double.state, double.serve)


def nuke(tmp_path_factory, stack):
    from doubles.nuke import program, stage

    double = stack.enter_context(program.running(stage.build(tmp_path_factory.mktemp("nuke"))))
    from ft_dcc_nuke.host import NukeHost

    return Rig(NukeHost(), double.state, double.serve)


@pytest.fixture(params=[colour_bars, blender, maya, nuke], ids=["Colour bars", "Blender", "Maya", "Nuke"])
def rig(request, tmp_path_factory):
    with ExitStack() as stack:
        yield request.param(tmp_path_factory, stack)


@pytest.fixture
def host(rig):
    return rig.host
