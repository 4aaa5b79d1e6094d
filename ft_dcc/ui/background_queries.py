"""Short queries of a panel or dialog that run in the background, beside a publish, and images of the server."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from ft_dcc.frames import format_ranges
from ft_dcc.host import RecordsRenders, SupportsSelection
from ft_dcc.host_support.main_thread import run_when_idle
from ft_dcc.settings.resolve import Settings, read_settings
from ft_dcc.ui.background import BackgroundWork
from ft_dcc.ui.preview import Preview, preview_camera, preview_file, preview_look

if TYPE_CHECKING:
    from ft_dcc.host import Host, Scene
    from ft_dcc.publish import history, models
    from ft_dcc.publish.jobs.queue import QueueItem
    from ft_dcc.renders.renders import Render
    from ft_dcc.session import Session


class BackgroundQueries(BackgroundWork):
    """The results of the latest queries. Preview images are temporary files."""

    def __init__(self, on_change: Callable[[], object]) -> None:
        super().__init__(on_change)
        self.found_tasks: tuple[models.Task, ...] = ()
        self.jobs: tuple[QueueItem, ...] = ()
        self.recent_versions: tuple[history.PastVersion, ...] = ()
        self.scene: Scene | None = None
        self.previews: dict[str, Preview] = {}
        self.settings: Settings | None = None

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

    def clear(self) -> None:
        """Discard the waiting queries and the results of the server."""
        super().clear()
        self.found_tasks = ()

    def _preview_folder(self) -> Path:
        """Create a folder for one preview image."""
        return Path(tempfile.mkdtemp(dir=self._temporary_folder()))


class ImageCache(BackgroundWork):
    """Thumbnails and pictures of notes as files, by the id of their component; a list is useful without them."""

    def __init__(self, on_change: Callable[[], object]) -> None:
        super().__init__(on_change)
        # None while it is downloaded, and for one that cannot be.
        self._paths: dict[str, Path | None] = {}

    def get(self, session: Session | None, component_id: str | None) -> Path | None:
        """Return the file of the image, or None; the first call starts the download."""
        if session is None or not component_id:
            return None
        if component_id not in self._paths:
            self._paths[component_id] = None
            paths, path = self._paths, self._temporary_folder() / component_id

            def download_image() -> None:
                from ft_dcc.session.transfer.transfer import download

                download(session, component_id, path)
                paths[component_id] = path

            self.run(f"Reading the image {component_id}", download_image)
        return self._paths[component_id]

    def clear(self) -> None:
        """Forget all images."""
        super().clear()
        self._paths = {}


@attrs.frozen
class RecordedRender:
    """A render with its state; ``problem`` is what it lacks, "" for nothing."""

    render: Render
    state: str
    problem: str

    @property
    def frames(self) -> str:
        """The frames that were rendered."""
        return format_ranges(self.render.frames)


def recorded_renders(host: Host) -> tuple[RecordedRender, ...]:
    """Return the renders of the script that the host has open, the newest first."""
    from ft_dcc.renders.publish import state_of
    from ft_dcc.renders.renders import read_renders

    if not isinstance(host, RecordsRenders):
        return ()
    script = run_when_idle(host, host.render_script)
    found = []
    for render in reversed(read_renders(script=script)):
        missing = f"missing {format_ranges(render.missing)}" if render.missing else render.problem
        found.append(RecordedRender(render, state_of(render), missing))
    return tuple(found)
