"""A host that paints colour bars: it has no scene file, but writes real images and is as strict as the real hosts."""

import queue
import threading
from concurrent.futures import Future
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import attrs
from doubles.numbered_images import png

from ft_dcc.errors import CameraMissing, CaptureFailed, StorageError
from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.host import Scene
from ft_dcc.host_support.feedback import drawings_in_range
from ft_dcc.host_support.scene_files import read_start, require_openable

T = TypeVar("T")

# 75 % colour bars from left to right.
BARS = (
    *((191, 191, 191), (191, 191, 0), (0, 191, 191), (0, 191, 0)),
    *((191, 0, 191), (191, 0, 0), (0, 0, 191), (16, 16, 16)),
)
WHITE = (255, 255, 255)

SCENE = Scene(
    path=None,
    is_modified=True,
    frame_range=FrameRange(1001, 1012),
    fps=Fraction(24),
    resolution=Resolution(64, 36),
    sources=("bars", "second"),
)


class ColourBars:
    """A host with two cameras; the thread that creates it is its main thread. ``captures`` counts playblasts."""

    name = "Colour bars"
    version = "1.0"

    def __init__(self, scene=SCENE):
        self._scene = scene
        self._main = threading.get_ident()
        self._calls = queue.Queue()
        self.captures = self.saves = 0
        self.lenses = {}
        self.feedback = ()
        self.feedback_source = None
        self.frame = 1001
        self.movie = None
        self.loaded = []

    def focal_lengths(self, source, frame_range):
        self._demand_main_thread("focal_lengths")
        return {frame: self.lenses.get(frame, 50.0) for frame in frame_range.with_handles}

    def scene(self):
        self._demand_main_thread("scene")
        return self._scene

    def playblast(self, request, on_frame):
        return self.run_in_main_thread(lambda: self._paint(request, on_frame))

    def show_feedback(self, drawings, source=None):
        self._demand_main_thread("show_feedback", source)
        first, last = self._scene.frame_range.start, self._scene.frame_range.end
        inside, problems = drawings_in_range(drawings, first, last)
        self.feedback, self.feedback_source = tuple(inside), source
        return problems

    def clear_feedback(self):
        self._demand_main_thread("clear_feedback")
        self.feedback = ()

    def current_frame(self):
        self._demand_main_thread("current_frame")
        return self.frame

    def go_to_frame(self, frame):
        self._demand_main_thread("go_to_frame")
        self.frame = frame

    def show_movie(self, movie, source=None):
        self._demand_main_thread("show_movie", source)
        if movie.images.missing():
            raise CaptureFailed(f"The images of {movie.name} do not exist.")
        self.movie = movie
        return []

    def clear_movie(self):
        self._demand_main_thread("clear_movie")
        self.movie = None

    def load_frames(self, pattern, frame_range, source=""):
        self._demand_main_thread("load_frames")
        self.loaded.append((pattern, frame_range, source))
        return f"The frames are behind {source or 'the bars'}."

    @property
    def scene_suffixes(self):
        return (".bars",)

    def open_scene_file(self, path, *, discard_changes=False):
        self._demand_main_thread("open_scene")
        suffixes = self.scene_suffixes
        require_openable(path, self._scene, program=self.name, suffixes=suffixes, discard_changes=discard_changes)
        read_start(path)
        self._scene = attrs.evolve(self._scene, path=path, is_modified=False)

    def _paint(self, request, on_frame):
        # On any thread: hosts of tests that wait between two frames call it outside of the main thread.
        if request.source not in self._scene.sources:
            raise CameraMissing(f"There is no camera called {request.source}.")
        if not request.directory.is_absolute() or not request.directory.is_dir():
            raise CaptureFailed(f"{request.directory} is no folder.")
        if Path(request.name).name != request.name or "%" in request.name:
            raise CaptureFailed(f"{request.name!r} is no file name.")
        self.captures += 1
        pattern = str(request.directory / f"{request.name}.%04d.png")
        frames = Frames(pattern, request.frame_range, self._scene.fps, request.resolution)
        for frame in request.frame_range.with_handles:
            try:
                frames.path(frame).write_bytes(painted(frame, request.resolution))
            except OSError as error:
                raise StorageError(f"Frame {frame} cannot be written: {error.strerror}.") from error
            on_frame(frame)
        return frames

    def save(self, path=None):
        self._demand_main_thread("save")
        path = path or self._scene.path
        if path is None:
            raise CaptureFailed("Colour bars have no file.")
        if path != self._scene.path:
            path.write_bytes(b"colour bars")
        self._scene = attrs.evolve(self._scene, path=path, is_modified=False)
        self.saves += 1
        return path

    def configure(self, frame_range, fps, resolution):
        self._demand_main_thread("configure")
        self._scene = attrs.evolve(self._scene, frame_range=frame_range, fps=fps, resolution=resolution)

    def remember_task(self, task_id):
        self._demand_main_thread("remember_task")
        self._scene = attrs.evolve(self._scene, task_id=task_id)

    def run_in_main_thread(self, function):
        if threading.get_ident() == self._main:
            return function()
        future = Future()
        self._calls.put((function, future))
        return future.result()

    def serve(self, thread):
        """Be the main thread's event loop until the other thread has ended."""
        self._demand_main_thread("serve")
        while thread.is_alive() or not self._calls.empty():
            self.idle(0.01)

    def idle(self, seconds=0.001):
        """Run the waiting calls, as a program does in an idle moment."""
        self._demand_main_thread("idle")
        try:
            function, future = self._calls.get(timeout=seconds)
        except queue.Empty:
            return
        try:
            future.set_result(function())
        except BaseException as error:  # noqa: BLE001 - it is raised in the calling thread
            future.set_exception(error)

    def _demand_main_thread(self, what, source=None):
        """Fail as a real host would outside of its main thread; raise CameraMissing for a missing camera."""
        if threading.get_ident() != self._main:
            raise RuntimeError(f"{what} was called outside of the main thread, where a real host would crash")
        if source is not None and source not in self._scene.sources:
            raise CameraMissing(f"There is no camera called {source}.")


def painted(frame, resolution, *, has_alpha=False):
    """Return a PNG of the bars, with a white line that moves one pixel to the right per frame.

    With alpha, all but the line is transparent, as is the background of a view.
    """
    width, row = resolution.width, bytearray()
    for x in range(width):
        is_line = x == frame % width
        row += bytes(WHITE if is_line else BARS[x * len(BARS) // width])
        row += bytes([255 * is_line]) if has_alpha else b""
    return png(resolution, lambda _y: bytes(row), has_alpha=has_alpha)


def write_painted(folder, frames, name):
    for frame in frames:
        (folder / f"{name}.{frame}.png").write_bytes(painted(frame, Resolution(64, 36)))
