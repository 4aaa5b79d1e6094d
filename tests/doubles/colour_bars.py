"""A host that paints colour bars: it has no scene file, but writes real images and is as strict as the real hosts."""

from __future__ import annotations

import queue
import struct
import threading
import zlib
from collections.abc import Sequence
from concurrent.futures import Future
from fractions import Fraction
from pathlib import Path
from typing import Any, Callable, TypeVar

import attrs

from ft_dcc.errors import CameraMissing, CaptureFailed, StorageError
from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.host import ComparedMovie, OnFrame, PlayblastRequest, Scene
from ft_dcc.host_support.feedback import drawings_in_range
from ft_dcc.host_support.scene_files import read_start, require_openable
from ft_dcc.review.drawings import Drawing

T = TypeVar("T")

# 75 % colour bars from left to right.
BARS = (
    (191, 191, 191),
    (191, 191, 0),
    (0, 191, 191),
    (0, 191, 0),
    (191, 0, 191),
    (191, 0, 0),
    (0, 0, 191),
    (16, 16, 16),
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

    def __init__(self, scene: Scene = SCENE) -> None:
        self._scene = scene
        self._main = threading.get_ident()
        self._calls: queue.Queue[tuple[Callable[[], Any], Future[Any]]] = queue.Queue()
        self.captures = self.saves = 0
        self.lenses: dict[int, float] = {}
        self.feedback: tuple[Drawing, ...] = ()
        self.feedback_source: str | None = None
        self.frame = 1001
        self.movie: ComparedMovie | None = None

    def focal_lengths(self, source: str, frame_range: FrameRange) -> dict[int, float]:
        self._demand_main_thread("focal_lengths")
        return {frame: self.lenses.get(frame, 50.0) for frame in frame_range.with_handles}

    def camera_settings(self, source: str, frames: Sequence[int]) -> dict[int, dict[str, float | str]]:
        self._demand_main_thread("camera_settings")
        if source not in self._scene.sources:
            raise CameraMissing(f"There is no camera called {source}.")
        return {frame: {"lens": self.lenses.get(frame, 50.0)} for frame in frames}

    def scene(self) -> Scene:
        self._demand_main_thread("scene")
        return self._scene

    def playblast(self, request: PlayblastRequest, on_frame: OnFrame) -> Frames:
        return self.run_in_main_thread(lambda: self._paint(request, on_frame))

    def show_feedback(self, drawings: Sequence[Drawing], source: str | None = None) -> list[str]:
        self._demand_main_thread("show_feedback")
        if source is not None and source not in self._scene.sources:
            raise CameraMissing(f"There is no camera called {source}.")
        first, last = self._scene.frame_range.start, self._scene.frame_range.end
        inside, problems = drawings_in_range(drawings, first, last)
        self.feedback, self.feedback_source = tuple(inside), source
        return problems

    def clear_feedback(self) -> None:
        self._demand_main_thread("clear_feedback")
        self.feedback = ()

    def go_to_frame(self, frame: int) -> None:
        self._demand_main_thread("go_to_frame")
        self.frame = frame

    def show_movie(self, movie: ComparedMovie, source: str | None = None) -> list[str]:
        self._demand_main_thread("show_movie")
        if source is not None and source not in self._scene.sources:
            raise CameraMissing(f"There is no camera called {source}.")
        if movie.images.missing():
            raise CaptureFailed(f"The images of {movie.name} do not exist.")
        self.movie = movie
        return []

    def clear_movie(self) -> None:
        self._demand_main_thread("clear_movie")
        self.movie = None

    @property
    def scene_suffixes(self) -> tuple[str, ...]:
        return (".bars",)

    def open_scene_file(self, path: Path, *, discard_changes: bool = False) -> None:
        self._demand_main_thread("open_scene")
        suffixes = self.scene_suffixes
        require_openable(path, self._scene, program=self.name, suffixes=suffixes, discard_changes=discard_changes)
        read_start(path)
        self._scene = attrs.evolve(self._scene, path=path, is_modified=False)

    def _paint(self, request: PlayblastRequest, on_frame: OnFrame) -> Frames:
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

    def save(self) -> Path:
        self._demand_main_thread("save")
        if self._scene.path is None:
            raise CaptureFailed("Colour bars have no file.")
        self._scene = attrs.evolve(self._scene, is_modified=False)
        self.saves += 1
        return self._scene.path

    def configure(self, frame_range: FrameRange, fps: Fraction, resolution: Resolution) -> None:
        self._demand_main_thread("configure")
        self._scene = attrs.evolve(self._scene, frame_range=frame_range, fps=fps, resolution=resolution)

    def remember_task(self, task_id: str) -> None:
        self._demand_main_thread("remember_task")
        self._scene = attrs.evolve(self._scene, task_id=task_id)

    def run_in_main_thread(self, function: Callable[[], T]) -> T:
        if threading.get_ident() == self._main:
            return function()
        future: Future[T] = Future()
        self._calls.put((function, future))
        return future.result()

    def serve(self, thread: threading.Thread) -> None:
        """Be the main thread's event loop until the other thread has ended."""
        self._demand_main_thread("serve")
        while thread.is_alive() or not self._calls.empty():
            self.idle(0.01)

    def idle(self, seconds: float = 0.001) -> None:
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

    def _demand_main_thread(self, what: str) -> None:
        if threading.get_ident() != self._main:
            raise RuntimeError(f"{what} was called outside of the main thread, where a real host would crash")


def painted(frame: int, resolution: Resolution, *, has_alpha: bool = False) -> bytes:
    """Return a PNG of the bars, with a white line that moves one pixel to the right per frame.

    With alpha, all but the line is transparent, as is the background of a view.
    """
    width, height = resolution.width, resolution.height
    row = bytearray()
    for x in range(width):
        is_line = x == frame % width
        row += bytes(WHITE if is_line else BARS[x * len(BARS) // width])
        row += bytes([255 * is_line]) if has_alpha else b""
    # Each row of a PNG begins with its filter type: 0, none.
    pixels = zlib.compress((b"\0" + bytes(row)) * height, 1)
    header = struct.pack(">IIBBBBB", width, height, 8, 6 if has_alpha else 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
