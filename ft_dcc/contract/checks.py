"""The checks of every host, in ``ft-dcc accept`` and tests/contract; each is a function and its line in CHECKS."""

from __future__ import annotations

import shutil
import struct
import time
import zlib
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from ft_dcc.contract.host_under_test import Check, CheckContext, Skipped, expected_error, require_equal
from ft_dcc.errors import CameraMissing, Cancelled, Error, StorageError
from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.host import ComparedMovie, ComparesMovies, Host, OpensScenes
from ft_dcc.host_support.capture_files import png_size
from ft_dcc.publish.models import PublishedVersion, PublishRequest
from ft_dcc.publish.publisher import publish
from ft_dcc.publish.scene_order import SceneAnswer, SceneOrder, answer_order
from ft_dcc.session import Session
from ft_dcc.system import http_sessions

_SIZE = Resolution(64, 36)
MENU = (
    *("Publish for review…", "Publish again", "Open or make the work file", "Save next version", "My tasks", "Notes"),
    *("Show drawings", "Hide drawings", "Review sessions", "Queue", "Settings", "About"),
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
    with context.unchanged():
        scene = context.host.scene()
        facts = (str(scene.frame_range), scene.fps, str(scene.resolution), len(scene.sources))
        require_equal(facts, ("1001-1012", Fraction(24), "64x36", 2), "the scene has other values")
        require_equal((scene.path, scene.task_id), (None, None), "the new scene has a path or a task")
        require_equal(type(scene.fps), Fraction, "the type of the frame rate")
        require_equal(context.host.scene(), scene, "the scene has other values when it is read again")


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
    images = {frames.path(frame).read_bytes() for frame in reported}
    require_equal(len(images), 6, "frames are equal although the scene is animated")
    for frame in (1001, 1006):
        context.show(f"frame {frame}", frames.path(frame))
    again = context.capture("1002", name="again").path(1002).read_bytes()
    require_equal(again == frames.path(1002).read_bytes(), True, "a frame is drawn identically a second time")


def check_sources(context: CheckContext) -> None:
    """Check that each source is captured."""
    for number, source in enumerate(context.host.scene().sources):
        frames = context.capture("1001", source=source, name=f"source{number}")
        require_equal((len(frames), frames.missing()), (1, ()), f"the frames of {source}")


def check_negative_frames(context: CheckContext) -> None:
    """Check that frames below zero are captured."""
    frames = context.capture("-2-0")
    names = sorted(path.name for path in context.folder.iterdir())
    require_equal(names, ["shot.-0001.png", "shot.-0002.png", "shot.0000.png"], "frames have other names")
    require_equal(frames.missing(), (), "frames are missing")


def check_size(context: CheckContext) -> None:
    """Check that an image has the requested size: a small one, an odd one, an upright one, one larger than a window."""
    for size in ("5x7", "63x35", "36x64", *(["2560x1440"] if context.target.has_window else [])):
        frames = context.capture("1001", size, name=size)
        require_equal(str(png_size(frames.path(1001))), size, "the image has another size")


def check_restored(context: CheckContext) -> None:
    """Check that the scene is restored after a playblast."""
    with context.unchanged():
        context.capture()


def check_restored_after_failure(context: CheckContext) -> None:
    """Check that a playblast that fails names the frame and restores the scene."""
    (context.folder / "shot.1002.png").mkdir()
    otherwise = "a frame that could not be written was not reported"
    with context.unchanged(), expected_error(StorageError, "1002", otherwise):
        context.capture()


def check_restored_after_cancel(context: CheckContext) -> None:
    """Check that a cancelled playblast ends at once and restores the scene."""

    def cancel(frame: int) -> None:
        if frame == 1002:
            raise Cancelled("Stopped.")

    with context.unchanged(), expected_error(Cancelled, "Stopped.", "the cancellation was lost"):
        context.host.playblast(context.request("1001-1012"), cancel)
    require_equal((context.folder / "shot.1003.png").exists(), False, "frames were captured after the cancellation")


def check_unknown_source(context: CheckContext) -> None:
    """Check that a missing source is named and nothing is written."""
    otherwise = "the missing source was not reported"
    with context.unchanged(), expected_error(CameraMissing, "missing_camera", otherwise):
        context.capture(source="missing_camera")
    require_equal(list(context.folder.iterdir()), [], "files were written")


def check_thread(context: CheckContext) -> None:
    """Check that calls and a playblast work from another thread while the program processes events."""
    host = context.host
    with context.unchanged():
        require_equal(host.run_in_main_thread(lambda: 7), 7, "the result of a call on the main thread")
        scene = context.run_in_thread(lambda: host.run_in_main_thread(host.scene))
        require_equal(str(scene.frame_range), "1001-1012", "the scene that another thread reads")
        with expected_error(ZeroDivisionError, "", "an error of a call on the main thread was lost"):
            context.run_in_thread(lambda: host.run_in_main_thread(lambda: 1 / 0))
        # Read on the main thread.
        request = context.request("1001-1002")
        frames = context.run_in_thread(lambda: host.playblast(request, lambda frame: None))
        require_equal(frames.missing(), (), "frames are missing")


def check_movie(context: CheckContext) -> None:
    """Check that the movie of a version is shown, is not captured, and is removed without a trace."""
    host = context.host
    if not isinstance(host, ComparesMovies):
        raise Skipped("the program shows no movies of versions")
    own = context.capture()
    # In reverse, so that an image that is captured differs from the frame that it lies on.
    for number, frame in enumerate(reversed(list(own.frame_range)), 1):
        shutil.copy(own.path(frame), context.folder / f"image.{number:05d}.png")
    pattern = str(context.folder / "image.%05d.png")
    images = Frames(pattern, FrameRange(1, len(own)), own.fps, own.resolution)
    before, first = context.target.state(), own.path(1001).read_bytes()
    with context.unchanged():
        host.show_movie(ComparedMovie("main v001", images, 1001), context.request().source)
        require_equal(context.target.state() != before, True, "the movie is in the scene")
        again = context.capture("1001", name="again")
        host.clear_movie()
    context.show("before the movie is shown", own.path(1001))
    context.show("while the movie is shown: a capture leaves it out", again.path(1001))
    require_equal(again.path(1001).read_bytes() == first, True, "a capture leaves the movie out")


def check_escape(context: CheckContext) -> None:
    """Check that Escape ends a playblast and restores the scene."""
    if not (context.target.has_window and context.has_person):
        raise Skipped("no user is present to press Escape")
    otherwise = "all 600 frames were captured: Escape was not pressed or had no effect"
    with context.unchanged(), expected_error(Cancelled, "", otherwise):
        context.capture("1001-1600", "1280x720")


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
    with expected_error(Error, "", "a scene without a name was saved"):
        context.host.save()
    require_equal(context.host.scene().path, None, "the path of the scene")


def check_publish(context: CheckContext) -> Mapping[str, Any]:
    """Publish a capture, and check that it is in a review session and the scene is restored."""
    context.target.reopen(context.folder / "scene")
    source = context.host.scene().sources[0]
    with context.unchanged():
        return dict(context.run_in_thread(lambda: _publish(context, (source,))))


def check_publish_of_files(context: CheckContext) -> Mapping[str, Any]:
    """Publish existing frames; the host's Python encodes and uploads them."""
    source = write_images(context.folder, "disk")
    return dict(context.run_in_thread(lambda: _publish(context, source)))


def check_scene_file(context: CheckContext) -> Mapping[str, Any]:
    """Publish a saved scene twice, as ``ft-dcc batch`` does: it is opened each time, and published once."""
    if context.target.has_window:
        raise Skipped("scenes are captured without a window")
    context.target.reopen(context.folder / "scene")
    scene, host = context.host.scene().path, context.host
    if scene is None or not isinstance(host, OpensScenes):
        raise Error("the scene was not saved, or the program opens no scenes")
    request = _request(context.task, ())
    order = SceneOrder(scene, request, context.folder / "jobs", "scene-file", context.folder / "answer.json")
    started, versions = time.monotonic(), []
    for _ in range(2):
        answer_order(order, host)
        published = SceneAnswer.read(order.answer).published
        versions += [] if published is None else [version.version_id for version in published.versions]
    require_equal((len(versions), len(set(versions))), (2, 1), "the number of answers and of versions")
    return {"seconds": round(time.monotonic() - started, 2)}


def _publish(context: CheckContext, source: tuple[str, ...]) -> Mapping[str, Any]:
    started = time.monotonic()
    with Session() as session:
        published = publish_source(session, context.task, source, context.folder / "jobs", context.host)
        seconds = time.monotonic() - started
        component = session.query(
            f"Component where version_id is {published.version_id} and name is ftrackreview-mp4"
        ).one()
        info = component["metadata"]["ft_dcc"]
    require_equal('"frame_count": 3' in info and '"first_frame": 1001' in info, True, f"the movie is wrong: {info}")
    return {"seconds": round(seconds, 2)}


def publish_source(
    session: Session, task: str, source: tuple[str, ...], jobs: Path, host: Host | None = None
) -> PublishedVersion:
    """Publish frames 1001 to 1003 of a source, and check that the link of the version opens."""
    published = publish(_request(task, source), session, host, jobs=jobs).first
    require_equal(http_sessions.get(published.link or "", timeout=60).status_code, 200, "the link does not open")
    return published


def _request(task: str, source: tuple[str, ...]) -> PublishRequest:
    frame_range, review = FrameRange(1001, 1003), ("Acceptance",)
    return PublishRequest(task, source, review, frame_range=frame_range, fps=Fraction(24), resolution=_SIZE)


def write_images(folder: Path, name: str) -> tuple[str, ...]:
    """Write the frames 1001 to 1003, and return their source."""
    for frame in (1001, 1002, 1003):
        write_image(folder / f"{name}.{frame}.png", frame)
    return (str(folder / f"{name}.%04d.png"),)


def write_image(path: Path, grey: int, size: Resolution = _SIZE) -> None:
    """Write a grey PNG without an image library, which not every program has."""
    rows = (b"\x00" + bytes([grey % 256] * size.width)) * size.height
    header = struct.pack(">IIBBBBB", size.width, size.height, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


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
# Those that need a server.
PUBLISH_CHECKS = (
    Check("publish", "A playblast is published to a review session", check_publish),
    Check("publish of files", "Existing frames are published to a review session", check_publish_of_files),
)
# For programs whose scenes are captured in a process of their own.
SCENE_FILE = Check("scene file", "A scene file is opened and published once, without a window", check_scene_file)
