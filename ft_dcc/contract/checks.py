"""The contract: what every host must do.

``ft-dcc accept`` runs these checks in the host program, and tests/contract with the hosts that the tests have. A new
check is a function and its line in CHECKS.
"""

from __future__ import annotations

import shutil
from fractions import Fraction

from ft_dcc.contract.host_under_test import Check, CheckContext, Skipped, require_equal
from ft_dcc.errors import CameraMissing, Cancelled, Error, StorageError
from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.host import ComparedMovie, ComparesMovies
from ft_dcc.host_support.capture_files import png_size

MENU = (
    "Publish for review…",
    "Publish again",
    "My tasks",
    "Notes",
    "Show drawings",
    "Hide drawings",
    "Review sessions",
    "Queue",
    "Settings",
    "About",
)


def check_menu(context: CheckContext) -> None:
    """Check that the menu exists once, also after a second installation, and is gone after its removal."""
    if not context.target.has_window:
        raise Skipped("the program has no window")
    found = context.target.menu()
    if found is None:
        raise Skipped("the program has a panel instead of a menu")
    require_equal([label for label in found if label in MENU], list(MENU), "the menu has other entries")
    for is_installed in (True, False, True):
        context.target.set_menu(is_installed=is_installed)
        labels = list(context.target.menu() or ())
        require_equal(
            labels, list(found) if is_installed else [], "the menu after a second installation or its removal"
        )


def check_name(context: CheckContext) -> None:
    """Check that the program has a name, and a version that begins with a number."""
    name, version = context.host.name, context.host.version
    require_equal((bool(name), version[:1].isdigit()), (True, True), f"the name {name!r} and the version {version!r}")


def check_scene(context: CheckContext) -> None:
    """Check that the scene is read with exact values and not changed."""
    before, scene = context.target.state(), context.host.scene()
    facts = (str(scene.frame_range), scene.fps, str(scene.resolution), len(scene.sources), scene.path, scene.task_id)
    require_equal(facts, ("1001-1012", Fraction(24), "64x36", 2, None, None), "the scene has other values")
    require_equal(type(scene.fps), Fraction, "the type of the frame rate")
    require_equal(context.host.scene(), scene, "the scene has other values when it is read again")
    require_equal(context.target.state(), before, "reading the scene changed it")


def check_frames(context: CheckContext) -> None:
    """Check that each frame of the range with handles is a complete, distinct image when it is reported."""
    request, sizes = context.request("1003-1004+2"), dict[int, str]()
    frames = context.host.playblast(
        request, lambda frame: sizes.update({frame: str(png_size(request.directory / f"shot.{frame}.png"))})
    )
    reported = list(sizes)
    require_equal(reported, [1001, 1002, 1003, 1004, 1005, 1006], "other frames were reported")
    require_equal(sizes, dict.fromkeys(reported, "64x36"), "an image is missing or has another size")
    facts = (str(frames.frame_range), frames.fps, str(frames.resolution))
    require_equal(facts, ("1003-1004+2", Fraction(24), "64x36"), "the frames have other values")
    names = sorted(path.name for path in context.folder.iterdir())
    require_equal(names, [f"shot.{frame}.png" for frame in reported], "other files were written")
    require_equal(
        len({frames.path(frame).read_bytes() for frame in reported}),
        6,
        "frames are equal although the scene is animated",
    )
    for frame in (1001, 1006):
        context.show(f"frame {frame}", frames.path(frame))
    context.host.playblast(context.request("1002", name="again"), _ignore)
    again = (context.folder / "again.1002.png").read_bytes()
    require_equal(again == frames.path(1002).read_bytes(), True, "a frame is drawn identically a second time")


def check_sources(context: CheckContext) -> None:
    """Check that each source is captured."""
    for number, source in enumerate(context.host.scene().sources):
        frames = context.host.playblast(context.request("1001", source=source, name=f"source{number}"), _ignore)
        require_equal((len(frames), frames.missing()), (1, ()), f"the frames of {source}")


def check_negative_frames(context: CheckContext) -> None:
    """Check that frames below zero are captured."""
    frames = context.host.playblast(context.request("-2-0"), _ignore)
    require_equal(sorted(path.name for path in context.folder.iterdir()), _names(-2, -1, 0), "frames have other names")
    require_equal(frames.missing(), (), "frames are missing")


def check_size(context: CheckContext) -> None:
    """Check that an image has the requested size: a small one, an odd one, an upright one, one larger than a window."""
    for size in ("5x7", "63x35", "36x64", *(["2560x1440"] if context.target.has_window else [])):
        frames = context.host.playblast(context.request("1001", size, name=size), _ignore)
        require_equal(str(png_size(frames.path(1001))), size, "the image has another size")


def check_restored(context: CheckContext) -> None:
    """Check that the scene is restored after a playblast."""
    before = context.target.state()
    context.host.playblast(context.request(), _ignore)
    require_equal(context.target.state(), before, "the scene has changed")


def check_restored_after_failure(context: CheckContext) -> None:
    """Check that a playblast that fails names the frame and restores the scene."""
    before, request = context.target.state(), context.request("1001-1003")
    (context.folder / "shot.1002.png").mkdir()
    try:
        context.host.playblast(request, _ignore)
    except StorageError as error:
        require_equal("1002" in str(error), True, "the error does not name the frame")
    else:
        raise Error("a frame that could not be written was not reported")
    require_equal(context.target.state(), before, "the scene has changed")


def check_restored_after_cancel(context: CheckContext) -> None:
    """Check that a cancelled playblast ends at once and restores the scene."""

    def cancel(frame: int) -> None:
        if frame == 1002:
            raise Cancelled("Stopped.")

    before, request = context.target.state(), context.request("1001-1012")
    try:
        context.host.playblast(request, cancel)
    except Cancelled:
        require_equal((context.folder / "shot.1003.png").exists(), False, "frames were captured after the cancellation")
    else:
        raise Error("the cancellation was lost")
    require_equal(context.target.state(), before, "the scene has changed")


def check_unknown_source(context: CheckContext) -> None:
    """Check that a missing source is named and nothing is written."""
    before, request = context.target.state(), context.request(source="missing_camera")
    try:
        context.host.playblast(request, _ignore)
    except CameraMissing as error:
        require_equal("missing_camera" in str(error), True, "the error does not name it")
    else:
        raise Error("the missing source was not reported")
    require_equal(list(context.folder.iterdir()), [], "files were written")
    require_equal(context.target.state(), before, "the scene has changed")


def check_thread(context: CheckContext) -> None:
    """Check that calls and a playblast work from another thread while the program processes events."""
    request, before = context.request("1001-1002"), context.target.state()
    require_equal(context.host.run_in_main_thread(lambda: 7), 7, "the result of a call on the main thread")
    scene = context.run_in_thread(lambda: context.host.run_in_main_thread(context.host.scene))
    require_equal(str(scene.frame_range), "1001-1012", "the scene that another thread reads")
    try:
        context.run_in_thread(lambda: context.host.run_in_main_thread(_fail))
    except ZeroDivisionError:
        pass
    else:
        raise Error("an error of a call on the main thread was lost")
    frames = context.run_in_thread(lambda: context.host.playblast(request, _ignore))
    require_equal(frames.missing(), (), "frames are missing")
    require_equal(context.target.state(), before, "the scene has changed")


def check_movie(context: CheckContext) -> None:
    """Check that the movie of a version is shown, is not captured, and is removed without a trace."""
    host = context.host
    if not isinstance(host, ComparesMovies):
        raise Skipped("the program shows no movies of versions")
    comparing_host: ComparesMovies = host
    request = context.request("1001-1003")
    own = context.host.playblast(request, _ignore)
    # In reverse, so that an image that is captured differs from the frame that it lies on.
    for number, frame in enumerate(reversed(list(own.frame_range)), 1):
        shutil.copy(own.path(frame), context.folder / f"image.{number:05d}.png")
    pattern = str(context.folder / "image.%05d.png")
    images = Frames(pattern, FrameRange(1, len(own)), own.fps, own.resolution)
    before, first = context.target.state(), own.path(1001).read_bytes()
    comparing_host.show_movie(ComparedMovie("main v001", images, 1001), request.source)
    require_equal(context.target.state() != before, True, "the movie is in the scene")
    again = context.host.playblast(context.request("1001", name="again"), _ignore)
    comparing_host.clear_movie()
    require_equal(context.target.state(), before, "the scene has changed")
    context.show("before the movie is shown", own.path(1001))
    context.show("while the movie is shown: a capture leaves it out", again.path(1001))
    require_equal(again.path(1001).read_bytes() == first, True, "a capture leaves the movie out")


def check_escape(context: CheckContext) -> None:
    """Check that Escape ends a playblast and restores the scene."""
    if not (context.target.has_window and context.has_person):
        raise Skipped("no user is present to press Escape")
    before, request = context.target.state(), context.request("1001-1600", "1280x720")
    try:
        context.host.playblast(request, _ignore)
    except Cancelled:
        require_equal(context.target.state(), before, "the scene has changed")
    else:
        raise Error("all 600 frames were captured: Escape was not pressed or had no effect")


def check_task(context: CheckContext) -> None:
    """Check that the task id is stored in the scene and its file, and replaced by another one."""
    for task in ("e7c0", "d6b9"):
        context.host.remember_task(task)
        require_equal(context.host.scene().task_id, task, "the task id is different")
    context.target.reopen(context.folder / "scene")
    require_equal(context.host.scene().task_id, "d6b9", "the task id is different")


def check_settings(context: CheckContext) -> None:
    """Check that the settings of a shot are applied exactly."""
    context.host.configure(FrameRange(993, 1056), Fraction(24000, 1001), Resolution(1920, 1080))
    scene = context.host.scene()
    found = (str(scene.frame_range), scene.fps, str(scene.resolution))
    require_equal(found, ("993-1056", Fraction(24000, 1001), "1920x1080"), "the scene has other settings")


def check_save(context: CheckContext) -> None:
    """Check that a scene without a name is not saved."""
    try:
        context.host.save()
    except Error:
        require_equal(context.host.scene().path, None, "the path of the scene")
    else:
        raise Error("a scene without a name was saved")


def _ignore(frame: int) -> None:
    """Do nothing."""


def _fail() -> float:
    return 1 / 0


def _names(*frames: int) -> list[str]:
    return sorted(f"shot.{frame:05d}.png" if frame < 0 else f"shot.{frame:04d}.png" for frame in frames)


CHECKS = (
    Check("name", "The program has a name and a version", check_name),
    Check("menu", "The menu exists once, and is gone after its removal", check_menu),
    Check("scene", "The scene is read with exact values", check_scene),
    Check("frames", "Each frame is a complete, distinct image", check_frames),
    Check("sources", "Each camera or node is captured", check_sources),
    Check("negative frames", "Frames below zero are captured", check_negative_frames),
    Check("size", "An image has the requested size", check_size),
    Check("restored", "The scene is restored", check_restored),
    Check("restored after failure", "The scene is restored after a failure", check_restored_after_failure),
    Check("restored after cancel", "The scene is restored after a cancellation", check_restored_after_cancel),
    Check("unknown source", "A missing source is named", check_unknown_source),
    Check("thread", "A playblast works from another thread", check_thread),
    Check("movie", "The movie of a version is shown and removed without a trace", check_movie),
    Check("escape", "Escape ends a playblast", check_escape),
    Check("task", "The task is stored in the scene", check_task),
    Check("settings", "The settings of a shot are applied", check_settings),
    Check("save", "A scene without a name is not saved", check_save),
)
