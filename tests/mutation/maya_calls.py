"""Use every part of the Maya adapter once on the double, and record its calls to Maya, line by line."""

from __future__ import annotations

import re
import sys
import tempfile
import threading
from fractions import Fraction
from pathlib import Path

from doubles.maya import sample_scene
from doubles.maya.program import Maya, running
from doubles.maya.scene import Node, Reference

from ft_dcc.errors import Error
from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.host import PlayblastRequest
from ft_dcc.review.drawings import parse_drawing

# What differs in each run: UUIDs of nodes and addresses of functions.
_PASSING = re.compile(r"[0-9A-F]{8}-[0-9A-F-]{27}|0x[0-9a-f]+")


def record_calls() -> list[str]:
    """Return all calls in order with their flags, and the results; lines with calls begin with ``>``."""
    with tempfile.TemporaryDirectory() as folder:
        lines = [*_record_calls(Path(folder), is_batch=False), *_record_calls(Path(folder), is_batch=True)]
        # Each line once, to keep the record readable.
        return list(dict.fromkeys(_PASSING.sub("ID", line.replace(folder, "…")) for line in lines))


def _record_calls(folder: Path, *, is_batch: bool) -> list[str]:
    with running(sample_scene.build(2025, is_batch=is_batch)) as maya:
        import ft_dcc_maya
        from ft_dcc_maya.host import MayaHost

        ft_dcc_maya.start()
        maya.idle()
        host = MayaHost()
        results = [str(host.version), str(host.scene())]
        if is_batch:
            _capture_without_window(host, folder, results)
        else:
            _use_window(maya, host, folder, results)
        _use_feedback(maya, host, results)
        _use_scene(host, folder, results)
        maya.idle()
        calls = [f"> {call.command} {call.mode} {_plain(call.arguments)} {_plain(call.flags)}" for call in maya.calls]
        drawn = [str(each) for each in maya.drawn]
        return [*calls, *drawn, *results, *maya.interface.messages, *maya.misuses, str(maya.state())]


def _capture_without_window(host, folder: Path, results: list[str]) -> None:
    for name, look in (("batch", {"samples": 4, "occlusion": True}), ("refused", {"shading": "wireframe"})):
        request = PlayblastRequest("second", FrameRange(1001, 1002), Resolution(64, 36), folder / name, "shot", look)
        results.append(_error(lambda request=request: host.playblast(request, lambda frame: None)))
    results += sorted(path.name for path in (folder / "batch").iterdir())


def _use_window(maya: Maya, host, folder: Path, results: list[str]) -> None:
    import ft_dcc_maya

    ft_dcc_maya.install()
    shape = maya.scene.node("shotCamShape")
    shape.locked.add("overscan")
    maya.scene.add_sound("dialogue", filename=str(folder / "a.wav"), offset=1001.0, sourceStart=2.0)
    maya.interface.sound, maya.interface.is_playing = "dialogue", True
    results.append(str(host.scene().sounds))
    look = {"isolate": ["shotCam"], "samples": 4, "occlusion": False, "shadows": True}
    request = PlayblastRequest("shotCam", FrameRange(1001, 1002), Resolution(64, 36), folder / "f", "shot", look)
    thread = threading.Thread(target=host.playblast, args=(request, lambda frame: None))
    thread.start()
    maya.serve(thread)
    results += sorted(path.name for path in (folder / "f").iterdir())
    results.append(str(host.focal_lengths("shotCam", FrameRange(1001, 1002))))
    maya.interface.options.pop("inViewMessageEnable", None)
    maya.is_escape_pressed = True
    results.append(_error(lambda: host.playblast(request, lambda frame: None)))
    maya.is_escape_pressed = False
    maya.scene.node("shotCamShape").driven.add("overscan")
    maya.scene.node("shotCamShape").attributes["overscan"] = 1.2
    results.append(_error(lambda: host.playblast(request, lambda frame: None)))
    _press_last_item(maya)
    # Some versions of Maya return the shape of a panel's camera.
    maya.interface.focus = "modelPanel4"
    maya.interface.controls["modelPanel4"].values["camera"] = "secondShape"
    results.append(str(host.scene().sources))
    maya.interface.controls["modelPanel4"].values["camera"] = "persp"
    host.select("second")
    _publish_again(maya)
    _capture_in_other_ways(maya, host, folder)
    ft_dcc_maya.uninstall()
    ft_dcc_maya.install()
    _use_checks(maya, folder, results)


def _capture_in_other_ways(maya: Maya, host, folder: Path) -> None:
    """Capture beside a view on sequence time and with objects of plug-ins."""
    maya.scene.add_sequencer()
    maya.interface.sequence_panel = "modelPanel2"
    maya.plugin_types = {"rigGizmo": ("locator", "drawdb/geometry/rigGizmo")}
    maya.interface.plugin_filters = {"gizmoFilter": "drawdb/geometry/rigGizmo"}
    maya.scene.nodes.append(Node("gizmo1", "rigGizmo"))
    request = PlayblastRequest("second", FrameRange(1001, 1002), Resolution(64, 36), folder / "ways", "shot", {})
    host.playblast(request, lambda frame: None)


def _press_last_item(maya: Maya) -> None:
    items = [control for control in maya.interface.controls.values() if control.kind == "item"]
    # The dialog has tests of its own; here the message about a missing dialog is recorded.
    there = sys.modules.pop("ft_dcc_qt", None)
    sys.modules["ft_dcc_qt"] = None  # type: ignore[assignment]
    items[-1].values["command"](False)
    del sys.modules["ft_dcc_qt"]
    if there is not None:
        sys.modules["ft_dcc_qt"] = there


def _publish_again(maya: Maya) -> None:
    """Publish without the dialog, first with a failure; both results are shown in an idle moment."""
    from ft_dcc_maya import commands

    from ft_dcc.publish.jobs import queue
    from ft_dcc.ui import menu_commands

    def fail(request, host):
        raise Error("The server is away. Try again.")

    last_request, own_publish = queue.last_request, menu_commands._publish
    queue.last_request = lambda host, task: object()
    try:
        for publish in (fail, lambda request, host: "Version 1 is in review."):
            menu_commands._publish = publish
            commands.publish_again()
            for thread in [thread for thread in threading.enumerate() if thread.name == "ft-dcc publish"]:
                thread.join()
            maya.idle()
    finally:
        queue.last_request, menu_commands._publish = last_request, own_publish


def _use_checks(maya: Maya, folder: Path, results: list[str]) -> None:
    from ft_dcc_maya.checks import validate_scene as checks

    there = folder / "there.ma"
    there.touch()
    maya.scene.references += [Reference("rigRN", str(folder / "gone.ma"), False), Reference("setRN", str(there), False)]
    maya.scene.unknown_plugins += ["vrayformaya"]
    results += [str(checks.missing_references()), str(checks._find_unknown())]
    checks._load_found_references()


def _use_scene(host, folder: Path, results: list[str]) -> None:
    results.append(_error(host.save))
    host.remember_task("d6b9")
    host.configure(FrameRange(993, 1056), Fraction(24000, 1001), Resolution(1920, 1080))
    results.append(str(host.scene()))
    request = PlayblastRequest("second", FrameRange(1001, 1001), Resolution(64, 36), folder / "g", "shot")
    results.append(_error(lambda: host.playblast(request, lambda frame: None)))
    results.append(_error(lambda: host.focal_lengths("nobody", FrameRange(1, 1))))


def _use_feedback(maya: Maya, host, results: list[str]) -> None:
    data = (
        '{"version": 2, "shapes": [{"kind": "line", "colour": "#ff8000", "width": 0.1, "from": [0, 0], "to": [1, 1]}]}'
    )
    drawings = [parse_drawing(data, frame, author="Ida", text="Too high") for frame in (1001, 1001, 1002)]
    results += [*host.show_feedback(drawings, "second"), str(maya.scene.state()["nodes"])]
    results += [str((node.name, node.keys)) for node in maya.scene.nodes if node.keys]
    host.clear_feedback()
    results.append(str(maya.scene.state()["nodes"]))


def _error(function) -> str:
    try:
        return str(function())
    except Error as error:
        return f"{type(error).__name__}: {error}"


def _plain(values) -> str:
    items = values.items() if isinstance(values, dict) else enumerate(values)
    return str({name: "function" if callable(value) else value for name, value in items})
