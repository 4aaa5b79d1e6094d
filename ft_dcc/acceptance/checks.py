"""The checks that every program must pass."""

from __future__ import annotations

import time
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from ft_dcc.acceptance.rig import Bench, Check, Skipped, demand
from ft_dcc.errors import CameraMissing, Cancelled, DiskUnusable, Error
from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.pictures import png_size

MENU = ("Publish for review…", "Publish again", "Review sessions", "Queue", "Settings", "About")


def check_menu(bench: Bench) -> None:
    """The menu is there, once."""
    if not bench.rig.has_window:
        raise Skipped("there is no window")
    found = bench.rig.menu()
    if found is None:
        raise Skipped("there is a panel, and no menu")
    demand([label for label in found if label in MENU], list(MENU), "the menu has other entries")


def check_scene(bench: Bench) -> None:
    """The scene is read in exact values, and reading it changes nothing."""
    before, scene = bench.rig.state(), bench.host.scene()
    facts = (str(scene.frame_range), scene.fps, str(scene.resolution), len(scene.sources), scene.path, scene.task_id)
    demand(facts, ("1001-1012", Fraction(24), "64x36", 2, None, None), "the scene is read otherwise")
    demand(bench.rig.state(), before, "reading the scene changed it")


def check_frames(bench: Bench) -> Mapping[str, Any]:
    """Every frame of the range with its handles is a whole picture of its own, of the size that was asked for."""
    told: list[int] = []
    started = time.monotonic()
    frames = bench.host.playblast(bench.request("1003-1004+2"), told.append)
    seconds = time.monotonic() - started
    demand(told, [1001, 1002, 1003, 1004, 1005, 1006], "other frames were told")
    sizes = {frame: str(png_size(frames.path(frame))) for frame in told}
    demand(sizes, dict.fromkeys(told, "64x36"), "a picture is missing or has another size")
    names = sorted(path.name for path in bench.folder.iterdir())
    demand(names, [f"shot.{frame}.png" for frame in told], "other files were written")
    demand(len({frames.path(frame).read_bytes() for frame in told}), 6, "frames look alike though something moves")
    return {"seconds per frame": round(seconds / len(told), 3)}


def check_negative_frames(bench: Bench) -> None:
    """Frames below zero are frames."""
    frames = bench.host.playblast(bench.request("-2-0"), _ignore)
    demand(sorted(path.name for path in bench.folder.iterdir()), _names(-2, -1, 0), "frames have other names")
    demand(frames.missing(), (), "frames are missing")


def check_size(bench: Bench) -> Mapping[str, Any]:
    """A picture may be larger than the window."""
    started = time.monotonic()
    frames = bench.host.playblast(bench.request("1001-1002", "2560x1440"), _ignore)
    demand(str(png_size(frames.path(1002))), "2560x1440", "the picture has another size")
    return {"seconds per frame": round((time.monotonic() - started) / 2, 3)}


def check_restored(bench: Bench) -> None:
    """After a playblast the scene is as it was."""
    before = bench.rig.state()
    bench.host.playblast(bench.request(), _ignore)
    demand(bench.rig.state(), before, "the scene has changed")


def check_restored_after_failure(bench: Bench) -> None:
    """A playblast that fails half way says why, and leaves the scene as it was."""
    before, request = bench.rig.state(), bench.request("1001-1003")
    (bench.folder / "shot.1002.png").mkdir()
    try:
        bench.host.playblast(request, _ignore)
    except DiskUnusable as error:
        demand("1002" in str(error), True, "the error does not name the frame")
    else:
        raise Error("a frame that could not be written was not told")
    demand(bench.rig.state(), before, "the scene has changed")


def check_restored_after_cancel(bench: Bench) -> None:
    """A playblast that is cancelled ends at once, and leaves the scene as it was."""

    def cancel(frame: int) -> None:
        if frame == 1002:
            raise Cancelled("Stopped.")

    before, request = bench.rig.state(), bench.request("1001-1012")
    try:
        bench.host.playblast(request, cancel)
    except Cancelled:
        demand((bench.folder / "shot.1003.png").exists(), False, "it went on after the cancel")
    else:
        raise Error("the cancel was lost")
    demand(bench.rig.state(), before, "the scene has changed")


def check_unknown_source(bench: Bench) -> None:
    """A source that is not there is named, and nothing is written."""
    before, request = bench.rig.state(), bench.request(source="Nobody")
    try:
        bench.host.playblast(request, _ignore)
    except CameraMissing as error:
        demand("Nobody" in str(error), True, "the error does not name it")
    else:
        raise Error("nobody noticed that there is no such source")
    demand(list(bench.folder.iterdir()), [], "files were written")
    demand(bench.rig.state(), before, "the scene has changed")


def check_thread(bench: Bench) -> None:
    """A playblast can be asked for by another thread while the program goes on living."""
    request, before = bench.request("1001-1002"), bench.rig.state()
    frames = bench.beside(lambda: bench.host.playblast(request, _ignore))
    demand(frames.missing(), (), "frames are missing")
    demand(bench.rig.state(), before, "the scene has changed")


def check_escape(bench: Bench) -> None:
    """Escape ends a playblast, and the scene is as it was."""
    if not (bench.rig.has_window and bench.has_person):
        raise Skipped("nobody is there to press Escape")
    before, request = bench.rig.state(), bench.request("1001-1600", "1280x720")
    try:
        bench.host.playblast(request, _ignore)
    except Cancelled:
        demand(bench.rig.state(), before, "the scene has changed")
    else:
        raise Error("600 frames were made: Escape was not pressed, or not heard")


def check_task(bench: Bench) -> None:
    """The task is in the scene, also after it was saved and opened again."""
    bench.host.remember_task("d6b9")
    bench.rig.reopen(bench.folder / "scene")
    demand(bench.host.scene().task_id, "d6b9", "the task is another one")


def check_settings(bench: Bench) -> None:
    """The scene takes the settings of its shot, exactly."""
    bench.host.configure(FrameRange(993, 1056), Fraction(24000, 1001), Resolution(1920, 1080))
    scene = bench.host.scene()
    found = (str(scene.frame_range), scene.fps, str(scene.resolution))
    demand(found, ("993-1056", Fraction(24000, 1001), "1920x1080"), "the scene has other settings")


def _ignore(frame: int) -> None:
    """Nothing waits for the frame."""


def _names(*frames: int) -> list[str]:
    return sorted(f"shot.{frame:05d}.png" if frame < 0 else f"shot.{frame:04d}.png" for frame in frames)


CHECKS = (
    Check("menu", "The menu is there, once", check_menu),
    Check("scene", "The scene is read in exact values", check_scene),
    Check("frames", "Every frame is a whole picture of its own", check_frames),
    Check("negative frames", "Frames below zero are frames", check_negative_frames),
    Check("size", "A picture may be larger than the window", check_size),
    Check("restored", "The scene is as it was", check_restored),
    Check("restored after failure", "… also after a playblast that failed", check_restored_after_failure),
    Check("restored after cancel", "… also after one that was cancelled", check_restored_after_cancel),
    Check("unknown source", "A source that is not there is named", check_unknown_source),
    Check("thread", "Another thread can ask for a playblast", check_thread),
    Check("escape", "Escape ends a playblast", check_escape),
    Check("task", "The scene remembers its task", check_task),
    Check("settings", "The scene takes the settings of its shot", check_settings),
)
