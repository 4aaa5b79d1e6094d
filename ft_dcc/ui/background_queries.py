"""Short queries of a panel or dialog that run in the background, beside a publish: values, previews and images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ft_dcc import host as hosts
from ft_dcc.errors import Error
from ft_dcc.files import atomic, sequences
from ft_dcc.frames import FrameRange, Frames, Resolution, find_frames, format_ranges
from ft_dcc.host_support.main_thread import run_when_idle
from ft_dcc.review.notes import Note, ReviewedVersion
from ft_dcc.settings.resolve import Scope, Settings, applied, read_settings
from ft_dcc.ui.background import BackgroundWork

if TYPE_CHECKING:
    from ft_dcc.publish import models, report
    from ft_dcc.publish.jobs.queue import QueueItem
    from ft_dcc.session import Session

_PREVIEW_WIDTH = 320


class Preview(NamedTuple):
    """A summary of a source, and a small image, None if there is none."""

    summary: str
    image: Path | None = None


def preview_file(text: str, folder: Path) -> Preview:
    """Return the preview of a sequence, movie or image, with its image in the folder; errors become the summary."""
    from ft_dcc import media

    try:
        if sequences.is_sequence(text):
            found = find_frames(text)
            frames = Frames(text, found, Fraction(1), Resolution(1, 1))
            missing = frames.missing()
            present = [frame for frame in found if frame not in missing]
            image = frames.path(present[len(present) // 2])
            summary = f"{found}, {len(present)} frames"
            if missing:
                summary += f"; missing: {format_ranges(missing)}"
        else:
            image, info = Path(text), media.probe(Path(text))
            length = f"{info.frame_count} frames, {float(info.fps):g} fps, " if info.frame_count != 1 else ""
            summary = f"{length}{info.resolution}"
    except Error as error:
        return Preview(str(error))
    # Without a thumbnail the summary suffices; the validators report a broken image.
    with suppress(Error):
        return Preview(summary, media.thumbnail(image, folder / "preview.jpg").path)
    return Preview(summary)


def preview_camera(
    source: str, host: hosts.Host, scene: hosts.Scene, folder: Path, look: Mapping[str, Any] | None = None
) -> Preview:
    """Return the preview of a camera at the middle of the scene's range, or of its existing files.

    With SupportsSnapshot it has an image for a ``look`` only. Raises the errors of ``Host.playblast``.
    """
    footage = hosts.find_footage(host, source)
    if footage is not None:
        return preview_file(footage.pattern, folder)
    if isinstance(host, hosts.SupportsFootage):
        # Capturing means rendering there, which may block the main thread for minutes.
        return Preview(f"{scene.range_of(source)}, not rendered yet")
    summary = f"{scene.range_of(source)}, {scene.resolution}"
    height = max(4, round(_PREVIEW_WIDTH * scene.resolution.height / scene.resolution.width / 4) * 4)
    size = Resolution(_PREVIEW_WIDTH, height)
    if isinstance(host, hosts.SupportsSnapshot):
        if look is None:
            return Preview(summary)
        path = folder / "preview.png"
        run_when_idle(host, partial(host.snapshot, source, size, path, look))
        return Preview(summary, path)
    middle = (scene.range_of(source).start + scene.range_of(source).end) // 2
    request = hosts.PlayblastRequest(source, FrameRange(middle, middle), size, folder, "preview")
    # In a single call, so that no other call sees the scene as changed by the capture.
    frames = run_when_idle(host, lambda: host.playblast(request, lambda _: None))
    return Preview(summary, frames.path(middle))


class BackgroundQueries(BackgroundWork):
    """The results of the latest queries. Preview images are temporary files."""

    def __init__(self, on_change: Callable[[], object]) -> None:
        super().__init__(on_change)
        self.found_tasks: tuple[models.Task, ...] = ()
        # What the user searches for, "" after the choice of a task.
        self.searched_text = ""
        self.jobs: tuple[QueueItem, ...] = ()
        self.recent_versions: tuple[report.PastVersion, ...] = ()
        self.scene: hosts.Scene | None = None
        self.previews: dict[str, Preview] = {}
        self.settings: Settings | None = None
        # The chosen task's project and the folder of its scene, whose settings apply.
        self.scope = Scope()

    def run(self, kind: str, function: Callable[[], None], *, uses_scene: bool = False) -> None:
        """Run the function in the background with the settings of the chosen task."""

        def work() -> None:
            with applied(self.scope):
                function()

        super().run(kind, work, uses_scene=uses_scene)

    def search_tasks(
        self, session: Session, text: str, then: Callable[[tuple[models.Task, ...]], object] = lambda found: None
    ) -> None:
        """Search the server for tasks, shots and assets and put them into ``found_tasks``; ``then`` gets them, too."""
        self.searched_text = text

        def work() -> None:
            from ft_dcc.production.tasks import search_tasks
            from ft_dcc.publish.models import Task

            self.found_tasks = tuple(map(Task.of, search_tasks(session, text, or_parent=True)))
            then(self.found_tasks)

        self.run("Searching for tasks", work)

    def read_jobs(self) -> None:
        """Read the jobs of the queue and the recent versions of this machine, newest first."""

        def work() -> None:
            from ft_dcc.publish.jobs.queue import queue_items
            from ft_dcc.publish.report import past_versions

            self.recent_versions = tuple(past_versions())
            self.jobs = tuple(reversed(queue_items()))

        self.run("Reading the queue", work)

    def read_settings(self) -> None:
        """Read the settings and their origins."""

        def work() -> None:
            self.settings = read_settings(scope=self.scope)

        self.run("Reading the settings", work)

    def follow(
        self, session: Session | None, server: str, task_id: str | None, folder: Path | None, host: hosts.Host | None
    ) -> None:
        """Read the settings of the task's project and of the folder, and the scene again if they are others."""

        def work() -> None:
            from ft_dcc.production.project_settings import scope_of_task

            before = self.scope
            self.scope = scope_of_task(session, server, task_id, folder)
            self.settings = read_settings(scope=self.scope)
            if self.scope != before:
                # The setting maya_range decides about the frames of the scene.
                self.read_scene(host)

        # Not the kind of read_settings, which would take the place of a waiting one.
        self.run("Reading the settings of the task", work)

    def read_scene(self, host: hosts.Host | None) -> None:
        """Read the state of the scene, if there is a host."""
        if host is None:
            return

        def work() -> None:
            self.scene = run_when_idle(host, host.scene)

        self.run("Reading the scene", work, uses_scene=True)

    def remember_task(self, host: hosts.Host, task_id: str) -> None:
        """Store the task in the scene and read the scene again."""

        def work() -> None:
            run_when_idle(host, lambda: host.remember_task(task_id))
            self.scene = run_when_idle(host, host.scene)

        self.run("Storing the task", work, uses_scene=True)

    def select(self, host: hosts.Host | None, source: str) -> None:
        """Select the source in the scene, if the host supports that."""
        if host is not None and isinstance(host, hosts.SupportsSelection):
            self.run("Selecting", partial(run_when_idle, host, partial(host.select, source)), uses_scene=True)

    def preview(self, source: str, host: hosts.Host | None = None, look: Mapping[str, Any] | None = None) -> None:
        """Make the preview of a camera of the host, or of a file, unless there is one; with a look, make it again."""
        # Bound here: another scene may be open when the preview is ready.
        previews, scene = self.previews, self.scene
        is_in_scene = scene is not None and source in scene.sources
        is_needed = source not in previews if look is None else is_in_scene
        if not is_needed:
            return
        previews.setdefault(source, Preview(""))

        def work() -> None:
            folder = atomic.make_temporary_folder(parent=self._temporary_folder)
            try:
                if host is not None and scene is not None and is_in_scene:
                    previews[source] = preview_camera(source, host, scene, folder, look)
                else:
                    previews[source] = preview_file(source, folder)
            except Exception:
                # So that the next request tries again.
                if look is None:
                    del previews[source]
                raise

        self.run(f"Preview of {source}", work, uses_scene=is_in_scene)

    def clear(self) -> None:
        """Discard the waiting queries and the results of the server."""
        super().clear()
        self.found_tasks, self.searched_text = (), ""


class ImageCache(BackgroundWork):
    """Thumbnails and pictures of notes as files, by the id of their component; a list is useful without them."""

    def __init__(self, on_change: Callable[[], object]) -> None:
        super().__init__(on_change)
        # None while it is downloaded, and for one that cannot be.
        self._paths: dict[str, Path | None] = {}
        # The images of movies by the ids of their versions, also None.
        self._movies: dict[str, Frames | None] = {}

    def frame(self, session: Session | None, version: ReviewedVersion | None, note: Note | None) -> Path | None:
        """Return the frame of the note, or None; the first call for a version downloads and decodes its movie."""
        frame, clip = None if note is None else note.frame, None if version is None else version.clip
        if session is None or version is None or clip is None or version.is_still or frame is None:
            return None
        if version.id not in self._movies:
            self._movies[version.id] = None
            movies, folder = self._movies, atomic.make_temporary_folder(parent=self._temporary_folder)

            def decode() -> None:
                from ft_dcc.media import movie_images
                from ft_dcc.production.versions import fetch, find_movie

                path = fetch(session, find_movie(session, version.id), folder)
                movies[version.id] = movie_images(path, folder / "images")
                path.unlink()

            self.run(f"Reading the movie of {version.name}", decode)
        images = self._movies[version.id]
        return None if images is None or frame not in clip.frames else images.path(frame - clip.first_frame + 1)

    def get(self, session: Session | None, component_id: str | None) -> Path | None:
        """Return the file of the image, or None; the first call starts the download."""
        if session is None or not component_id:
            return None
        if component_id not in self._paths:
            self._paths[component_id] = None
            paths, path = self._paths, self._temporary_folder / component_id

            def download_image() -> None:
                from ft_dcc.session.transfer.transfer import download

                download(session, component_id, path)
                paths[component_id] = path

            self.run(f"Reading the image {component_id}", download_image)
        return self._paths[component_id]

    def clear(self) -> None:
        """Forget all images."""
        super().clear()
        self._paths, self._movies = {}, {}
