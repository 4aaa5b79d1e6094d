"""Use every part of the Nuke adapter once on the double, and record its calls to Nuke, line by line."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

from doubles.nuke import knobs, sample_script
from doubles.nuke.program import Nuke, running

from ft_dcc.errors import Error
from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.host import PlayblastRequest
from ft_dcc.review.drawings import parse_drawing


def record_calls() -> list[str]:
    """Return all calls and values in order, and the final state of the script."""
    with tempfile.TemporaryDirectory() as folder, _renders_in(folder):
        lines = [
            *_record_calls(Path(folder, "gui"), is_gui=True),
            *_record_calls(Path(folder, "terminal"), is_gui=False),
        ]
        return list(dict.fromkeys(line.replace(folder, "…") for line in lines))


@contextmanager
def _renders_in(folder: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in ("FT_DCC_RENDERS", "FT_DCC_JOBS", "FT_DCC_NUKE_WINDOW")}
    os.environ.update(FT_DCC_RENDERS=f"{folder}/renders", FT_DCC_JOBS=f"{folder}/jobs")
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _record_calls(folder: Path, *, is_gui: bool) -> list[str]:
    nuke = sample_script.build(folder, is_gui=is_gui)
    lines: list[str] = []
    with running(nuke), _recording(nuke, lines):
        import ft_dcc_nuke
        from ft_dcc_nuke.host import NukeHost

        ft_dcc_nuke.start()
        if is_gui:
            ft_dcc_nuke.start_window()
        host = NukeHost()
        _use_script(nuke, host, folder, lines)
        lines += [str(sorted(each.items())) for each in (nuke.menus["Nuke"].labels(),)]
        lines.append(str({event: sorted(each) for event, each in nuke.registered.items()}))
        ft_dcc_nuke.uninstall()
        lines.append(str({event: sum(map(len, each.values())) for event, each in nuke.registered.items()}))
    return [*lines, *map(str, nuke.drawn), *nuke.messages, *nuke.misuses, str(nuke.state())]


@contextmanager
def _recording(nuke: Nuke, lines: list[str]) -> Iterator[None]:
    guard, set_value, set_flag = nuke.guard, knobs.Knob.setValue, knobs.Knob.setFlag

    def record_guard(name: str) -> None:
        lines.append(name)
        guard(name)

    def write(knob: knobs.Knob, value: object) -> bool:
        lines.append(f"{knob.name()} = {value!r}")
        return set_value(knob, value)

    def flag(knob: knobs.Knob, value: int) -> None:
        lines.append(f"{knob.name()} flag {value!r}")
        set_flag(knob, value)

    nuke.guard = record_guard  # type: ignore[method-assign]
    knobs.Knob.setValue, knobs.Knob.setFlag = write, flag  # type: ignore[method-assign]
    try:
        yield
    finally:
        knobs.Knob.setValue, knobs.Knob.setFlag = set_value, set_flag  # type: ignore[method-assign]


def _use_script(nuke: Nuke, host, folder: Path, lines: list[str]) -> None:
    from ft_dcc_nuke import tab

    lines += [host.version, str(host.scene()), _error(host.save)]
    write = nuke.find("Write1")
    assert write is not None
    tab.add(write, tab.ALWAYS)
    lines.append(str(tab.read_options(write)))
    request = PlayblastRequest("Write1", FrameRange(1001, 1002), Resolution(32, 18), folder / "f", "shot")
    thread = threading.Thread(target=host.playblast, args=(request, lambda frame: None))
    thread.start()
    nuke.serve(thread)
    lines += sorted(path.name for path in (folder / "f").iterdir())
    nuke.cancel_at = 1002
    lines.append(_error(lambda: host.playblast(request, lambda frame: None)))
    nuke.cancel_at = None
    if not nuke.is_gui:
        nuke.render(write, 1001, 1003)
        from ft_dcc.renders.renders import read_renders

        lines += [f"{each.source} {each.frames} {each.wanted} {each.execution.node}" for each in read_renders()]
        lines.append(str(host.footage("Write1")))
    host.remember_task("d6b9")
    lines.append(str(host.scene().task_id))
    host.configure(FrameRange(993, 1056), Fraction(24000, 1001), Resolution(1920, 1080))
    lines.append(str(host.scene()))
    lines.append(
        _error(
            lambda: host.playblast(PlayblastRequest("No", request.frame_range, request.resolution, folder, "x"), print)
        )
    )
    tab.remove(write)
    _use_feedback(nuke, host, lines)


def _use_feedback(nuke: Nuke, host, lines: list[str]) -> None:
    data = (
        '{"version": 2, "shapes": [{"kind": "line", "colour": "#ff8000", "width": 0.1, "from": [0, 0], "to": [1, 1]}]}'
    )
    drawings = [parse_drawing(data, frame, author="Ida", text="[Arm] too high") for frame in (1001, 1002)]
    host.configure(FrameRange(1001, 1012), Fraction(24), Resolution(64, 36))
    lines += [*host.show_feedback(drawings), str(nuke.state())]
    groups = [node for node in nuke.root.children if node._kind == "Group"]
    lines += [f"{node._kind} {node._knobs['disable'].expression}" for group in groups for node in group.children]
    lines += [f"{group.path} {group.position}" for group in groups]
    host.clear_feedback()


def _error(function) -> str:
    try:
        return str(function())
    except Error as error:
        return f"{type(error).__name__}: {error}"
