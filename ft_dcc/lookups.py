"""What a panel or a dialog has looked up beside the work that runs: quick questions, answered in the background."""

from __future__ import annotations

import logging
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ft_dcc.config import Settings, read_settings
from ft_dcc.errors import Error
from ft_dcc.host import SelectsSources
from ft_dcc.main_thread import ask_at_rest
from ft_dcc.preview import Preview, preview_camera, preview_file

if TYPE_CHECKING:
    from ft_dcc.host import Host, Scene
    from ft_dcc.publish.history import PastVersion
    from ft_dcc.publish.queue import Entry
    from ft_dcc.publish.records import Task
    from ft_dcc.session import Session

log = logging.getLogger(__name__)


class Errands:
    """A thread that is there as long as there is something to do; of each kind only the newest is done."""

    def __init__(self) -> None:
        self._waiting: dict[str, Callable[[], None]] = {}
        self._lock = threading.Lock()
        self._idle = threading.Event()
        self._idle.set()

    def run(self, kind: str, function: Callable[[], None]) -> None:
        """The function is called in a moment; one of the same kind that still waits is not called any more."""
        with self._lock:
            self._waiting[kind] = function
            if not self._idle.is_set():
                return
            self._idle.clear()
        threading.Thread(target=self._work, name="ft-dcc errands", daemon=True).start()

    def drop(self) -> None:
        """What still waits is not called any more."""
        with self._lock:
            self._waiting.clear()

    def wait(self, seconds: float) -> bool:
        """Whether everything is done within these seconds."""
        return self._idle.wait(seconds)

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._idle.set()
                    return
                function = self._waiting.pop(next(iter(self._waiting)))
            function()


class Lookups:
    """What was asked for last, each in its place; ``on_change`` is called by any thread after there is an answer.

    ``error`` is what stopped the last question, "" when it was answered. Pictures lie in a folder that goes with us.
    """

    def __init__(self, on_change: Callable[[], object]) -> None:
        self.found: tuple[Task, ...] = ()
        self.entries: tuple[Entry, ...] = ()
        self.past: tuple[PastVersion, ...] = ()
        self.scene: Scene | None = None
        self.previews: dict[str, Preview] = {}
        self.settings: Settings | None = None
        self.error = ""
        self._on_change = on_change
        self._errands, self._scene_errands = Errands(), Errands()
        self._lock = threading.Lock()
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def search_tasks(self, session: Session, words: str) -> None:
        """Tasks of the whole server with these words on their path are in ``found``, in a moment."""

        def work() -> None:
            from ft_dcc.publish.records import Task
            from ft_dcc.tasks import search_tasks

            self.found = tuple(map(Task.of, search_tasks(session, words)))

        self.run("Searching for tasks", work)

    def read_jobs(self) -> None:
        """The queue's jobs and the last versions of this machine, the newest first, are known in a moment."""

        def work() -> None:
            from ft_dcc.publish.history import past_versions
            from ft_dcc.publish.queue import entries

            self.past = tuple(past_versions())
            self.entries = tuple(reversed(entries()))

        self.run("Reading the queue", work)

    def read_settings(self) -> None:
        """The settings, and where each came from, are known in a moment."""

        def work() -> None:
            self.settings = read_settings()

        self.run("Reading the settings", work)

    def read_scene(self, host: Host) -> None:
        """The scene as it stands is known in a moment."""

        def work() -> None:
            self.scene = ask_at_rest(host, host.scene)

        self.run("Reading the scene", work, of_scene=True)

    def remember_task(self, host: Host, task_id: str) -> None:
        """The scene carries the task in a moment."""

        def work() -> None:
            ask_at_rest(host, lambda: host.remember_task(task_id))
            self.scene = ask_at_rest(host, host.scene)

        self.run("Remembering the task", work, of_scene=True)

    def select(self, host: Host, source: str) -> None:
        """The source is selected in the scene in a moment, where the host can do that."""
        if isinstance(host, SelectsSources):
            self.run("Selecting", partial(ask_at_rest, host, partial(host.select, source)), of_scene=True)

    def preview(self, source: str, host: Host | None = None) -> None:
        """How a camera of the host or a file looks is known in a moment; what was looked at once is not again."""
        # Those of this scene: by the time of an answer another may be open.
        previews, scene = self.previews, self.scene
        if source in previews:
            return
        previews[source] = Preview("")
        is_of_scene = scene is not None and source in scene.sources

        def work() -> None:
            try:
                if host is not None and scene is not None and is_of_scene:
                    previews[source] = preview_camera(source, host, scene, self._room())
                else:
                    previews[source] = preview_file(source, self._room())
            except Exception:
                # Whoever asks again is to get an answer.
                del previews[source]
                raise

        self.run(f"Looking at {source}", work, of_scene=is_of_scene)

    def forget_previews(self) -> None:
        """What is asked for is looked at anew."""
        self.previews = {}

    def run(self, kind: str, function: Callable[[], None], *, of_scene: bool = False) -> None:
        """The function has run, in a moment; one of the same kind that still waits does not run any more.

        Questions ``of_scene`` may have to wait for the end of a capture, and hold up no others.
        """

        def work() -> None:
            try:
                function()
                self.error = ""
            except Error as error:
                self.error = str(error)
            except Exception as error:
                log.exception("%s failed", kind)
                self.error = f"{kind} failed: {error}. The details are in the log."
            self._on_change()

        (self._scene_errands if of_scene else self._errands).run(kind, work)

    def wait(self, seconds: float) -> bool:
        """Whether everything is answered within these seconds."""
        until = time.monotonic() + seconds
        return self._errands.wait(seconds) and self._scene_errands.wait(max(0.0, until - time.monotonic()))

    def forget(self) -> None:
        """What was found on a server is not kept, and what was not answered yet will not be."""
        self._errands.drop()
        self._scene_errands.drop()
        self.found = ()

    def _room(self) -> Path:
        """A new folder for one picture."""
        with self._lock:
            if self._folder is None:
                self._folder = tempfile.TemporaryDirectory(prefix="ft-dcc-seen-")
        return Path(tempfile.mkdtemp(dir=self._folder.name))
