"""Short queries of a panel or dialog that run in the background, beside a publish."""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ft_dcc.errors import Error
from ft_dcc.host import SupportsSelection
from ft_dcc.host_support.main_thread import run_when_idle
from ft_dcc.settings.resolve import Settings, read_settings
from ft_dcc.ui.preview import Preview, preview_camera, preview_file, preview_look

if TYPE_CHECKING:
    from ft_dcc.host import Host, Scene
    from ft_dcc.publish import history, models
    from ft_dcc.publish.jobs.queue import QueueItem
    from ft_dcc.session import Session

log = logging.getLogger(__name__)


class LatestOnlyWorker:
    """A worker thread that runs only the latest waiting function of each kind, and ends when idle."""

    def __init__(self) -> None:
        self._waiting: dict[str, Callable[[], None]] = {}
        self._lock = threading.Lock()
        self._idle = threading.Event()
        self._idle.set()

    def run(self, kind: str, function: Callable[[], None]) -> None:
        """Run the function in the background, and discard a waiting function of the same kind."""
        with self._lock:
            self._waiting[kind] = function
            if not self._idle.is_set():
                return
            self._idle.clear()
        threading.Thread(target=self._work, name="ft-dcc queries", daemon=True).start()

    def clear(self) -> None:
        """Discard all waiting functions."""
        with self._lock:
            self._waiting.clear()

    def wait(self, seconds: float) -> bool:
        """Wait until idle; return whether that happened within these seconds."""
        return self._idle.wait(seconds)

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._idle.set()
                    return
                function = self._waiting.pop(next(iter(self._waiting)))
            function()


def error_message_of(kind: str, function: Callable[[], None]) -> str:
    """Call the function and return the message of its error, "" if it succeeds; unexpected errors are logged."""
    try:
        function()
    except Error as error:
        return str(error)
    except Exception as error:
        log.exception("%s failed", kind)
        return f"{kind} failed: {error}. The details are in the log."
    return ""


class BackgroundQueries:
    """The results of the latest queries; ``on_change`` is called from a worker thread after each result.

    ``error`` is the message of the last query if it failed, else "". Preview images are temporary files.
    """

    def __init__(self, on_change: Callable[[], object]) -> None:
        self.found_tasks: tuple[models.Task, ...] = ()
        self.jobs: tuple[QueueItem, ...] = ()
        self.recent_versions: tuple[history.PastVersion, ...] = ()
        self.scene: Scene | None = None
        self.previews: dict[str, Preview] = {}
        self.settings: Settings | None = None
        self.error = ""
        self._on_change = on_change
        self._worker, self._scene_worker = LatestOnlyWorker(), LatestOnlyWorker()
        self._lock = threading.Lock()
        self._folder: Path | None = None

    def search_tasks(self, session: Session, text: str) -> None:
        """Search the server for tasks and put them into ``found_tasks``."""

        def work() -> None:
            from ft_dcc.production.tasks import search_tasks
            from ft_dcc.publish.models import Task

            self.found_tasks = tuple(map(Task.of, search_tasks(session, text)))

        self.run("Searching for tasks", work)

    def read_jobs(self) -> None:
        """Read the jobs of the queue and the recent versions of this machine, newest first."""

        def work() -> None:
            from ft_dcc.publish.history import past_versions
            from ft_dcc.publish.jobs.queue import queue_items

            self.recent_versions = tuple(past_versions())
            self.jobs = tuple(reversed(queue_items()))

        self.run("Reading the queue", work)

    def read_settings(self) -> None:
        """Read the settings and their origins."""

        def work() -> None:
            self.settings = read_settings()

        self.run("Reading the settings", work)

    def read_scene(self, host: Host) -> None:
        """Read the state of the scene."""

        def work() -> None:
            self.scene = run_when_idle(host, host.scene)

        self.run("Reading the scene", work, uses_scene=True)

    def remember_task(self, host: Host, task_id: str) -> None:
        """Store the task in the scene and read the scene again."""

        def work() -> None:
            run_when_idle(host, lambda: host.remember_task(task_id))
            self.scene = run_when_idle(host, host.scene)

        self.run("Storing the task", work, uses_scene=True)

    def select(self, host: Host, source: str) -> None:
        """Select the source in the scene, if the host supports that."""
        if isinstance(host, SupportsSelection):
            self.run("Selecting", partial(run_when_idle, host, partial(host.select, source)), uses_scene=True)

    def preview(self, source: str, host: Host | None = None) -> None:
        """Make the preview of a camera of the host, or of a file, unless there is one."""
        # Bound here: another scene may be open when the preview is ready.
        previews, scene = self.previews, self.scene
        if source in previews:
            return
        previews[source] = Preview("")
        is_in_scene = scene is not None and source in scene.sources

        def work() -> None:
            try:
                if host is not None and scene is not None and is_in_scene:
                    previews[source] = preview_camera(source, host, scene, self._preview_folder())
                else:
                    previews[source] = preview_file(source, self._preview_folder())
            except Exception:
                # So that the next request tries again.
                del previews[source]
                raise

        self.run(f"Preview of {source}", work, uses_scene=is_in_scene)

    def draw_preview(self, source: str, host: Host, look: Mapping[str, Any]) -> None:
        """Make the preview of a camera again, of what it shows now in this look."""
        previews, scene = self.previews, self.scene
        if scene is None or source not in scene.sources:
            return

        def work() -> None:
            previews[source] = preview_look(source, host, scene, self._preview_folder(), look)

        self.run(f"Preview of {source}", work, uses_scene=True)

    def clear_previews(self) -> None:
        """Discard the previews, so that they are made again."""
        self.previews = {}

    def run(self, kind: str, function: Callable[[], None], *, uses_scene: bool = False) -> None:
        """Run the function in the background and report its error; only the latest of each kind runs.

        Functions that use the scene wait for the end of a capture, on a thread of their own.
        """

        def work() -> None:
            self.error = error_message_of(kind, function)
            self._on_change()

        (self._scene_worker if uses_scene else self._worker).run(kind, work)

    def wait(self, seconds: float) -> bool:
        """Wait for all queries; return whether they ended within these seconds."""
        deadline = time.monotonic() + seconds
        return self._worker.wait(seconds) and self._scene_worker.wait(max(0.0, deadline - time.monotonic()))

    def clear(self) -> None:
        """Discard the waiting queries and the results of the server."""
        self._worker.clear()
        self._scene_worker.clear()
        self.found_tasks = ()

    def _preview_folder(self) -> Path:
        """Create a folder for one preview image."""
        with self._lock:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="ft-dcc-preview-"))
                weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return Path(tempfile.mkdtemp(dir=self._folder))
