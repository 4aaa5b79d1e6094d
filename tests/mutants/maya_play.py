"""All that the Maya adapter does, once, on the double; what it said to Maya, line by line."""

from __future__ import annotations

import re
import sys
import tempfile
import threading
from fractions import Fraction
from pathlib import Path

from doubles.maya import stage
from doubles.maya.program import Maya, running
from doubles.maya.scene import Reference

from ft_dcc.errors import Error
from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.host import PlayblastRequest

# What is another one each time: the ids of nodes, and where functions lie.
_PASSING = re.compile(r"[0-9A-F]{8}-[0-9A-F-]{27}|0x[0-9a-f]+")


def play() -> list[str]:
    """Return every call in its order, with all of its flags, and what came of it; calls begin with ``>``."""
    with tempfile.TemporaryDirectory() as folder:
        lines = [*_play(Path(folder), is_batch=False), *_play(Path(folder), is_batch=True)]
        # Each line once: the record is there to be read.
        return list(dict.fromkeys(_PASSING.sub("ID", line.replace(folder, "…")) for line in lines))


def _play(folder: Path, *, is_batch: bool) -> list[str]:
    with running(stage.build(2025, is_batch=is_batch)) as maya:
        import ft_dcc_maya
        from ft_dcc_maya.host import MayaHost

        ft_dcc_maya.start()
        maya.idle()
        host = MayaHost()
        told = [str(host.version), str(host.scene())]
        if not is_batch:
            _use_window(maya, host, folder, told)
        _use_scene(host, folder, told)
        maya.idle()
        calls = [f"> {call.command} {call.mode} {_plain(call.arguments)} {_plain(call.flags)}" for call in maya.calls]
        drawn = [str(each) for each in maya.drawn]
        return [*calls, *drawn, *told, *maya.interface.said, *maya.misuses, str(maya.state())]


def _use_window(maya: Maya, host, folder: Path, told: list[str]) -> None:
    import ft_dcc_maya

    ft_dcc_maya.install()
    shape = maya.scene.node("shotCamShape")
    shape.locked.add("overscan")
    maya.scene.add_sound("dialogue", filename=str(folder / "a.wav"), offset=1001.0, sourceStart=2.0)
    maya.interface.sound, maya.interface.is_playing = "dialogue", True
    told.append(str(host.scene().sounds))
    look = {"isolate": ["shotCam"], "samples": 4, "occlusion": False, "shadows": True}
    request = PlayblastRequest("shotCam", FrameRange(1001, 1002), Resolution(64, 36), folder / "f", "shot", look)
    thread = threading.Thread(target=host.playblast, args=(request, lambda frame: None))
    thread.start()
    maya.serve(thread)
    told += sorted(path.name for path in (folder / "f").iterdir())
    told.append(str(host.focal_lengths("shotCam", FrameRange(1001, 1002))))
    maya.interface.options.pop("inViewMessageEnable", None)
    maya.is_escape_pressed = True
    told.append(_error(lambda: host.playblast(request, lambda frame: None)))
    maya.is_escape_pressed = False
    maya.scene.node("shotCamShape").driven.add("overscan")
    maya.scene.node("shotCamShape").attributes["overscan"] = 1.2
    told.append(_error(lambda: host.playblast(request, lambda frame: None)))
    _press_last_item(maya)
    # Some versions of Maya answer with the shape when they are asked through what a panel looks.
    maya.interface.focus = "modelPanel4"
    maya.interface.controls["modelPanel4"].values["camera"] = "secondShape"
    told.append(str(host.scene().sources))
    maya.interface.controls["modelPanel4"].values["camera"] = "persp"
    host.select("second")
    _publish_again(maya, host)
    ft_dcc_maya.uninstall()
    ft_dcc_maya.install()
    _use_checks(maya, folder, told)


def _press_last_item(maya: Maya) -> None:
    items = [control for control in maya.interface.controls.values() if control.kind == "item"]
    # The dialog has tests of its own: here it is not installed, and that is said.
    there = sys.modules.pop("ft_dcc_qt", None)
    sys.modules["ft_dcc_qt"] = None  # type: ignore[assignment]
    items[-1].values["command"](False)
    del sys.modules["ft_dcc_qt"]
    if there is not None:
        sys.modules["ft_dcc_qt"] = there


def _publish_again(maya: Maya, host) -> None:
    """A publish without the dialog fails, and then it does not; the artist is told both in an idle moment."""
    from ft_dcc_maya import commands

    def fail(request, host):
        raise Error("The server is away. Try again.")

    for publish in (fail, lambda request, host: "Version 1 is in review."):
        commands.__dict__["_published"] = publish
        commands._publish(None, host)
        maya.idle()


def _use_checks(maya: Maya, folder: Path, told: list[str]) -> None:
    from ft_dcc_maya.checks import validate_scene as checks

    there = folder / "there.ma"
    there.touch()
    maya.scene.references += [Reference("rigRN", str(folder / "gone.ma"), False), Reference("setRN", str(there), False)]
    maya.scene.unknown_plugins += ["vrayformaya"]
    told += [str(checks._missing_references()), str(checks._unknown_plugins())]
    checks._load_what_is_back()
    checks._remove_unknown_plugins()


def _use_scene(host, folder: Path, told: list[str]) -> None:
    told.append(_error(host.save))
    host.remember_task("d6b9")
    host.configure(FrameRange(993, 1056), Fraction(24000, 1001), Resolution(1920, 1080))
    told.append(str(host.scene()))
    request = PlayblastRequest("second", FrameRange(1001, 1001), Resolution(64, 36), folder / "g", "shot")
    told.append(_error(lambda: host.playblast(request, lambda frame: None)))
    told.append(_error(lambda: host.focal_lengths("nobody", FrameRange(1, 1))))


def _error(function) -> str:
    try:
        return str(function())
    except Error as error:
        return f"{type(error).__name__}: {error}"


def _plain(values) -> str:
    items = values.items() if isinstance(values, dict) else enumerate(values)
    return str({name: "function" if callable(value) else value for name, value in items})
