"""The files of a version for a panel: downloads, scenes, compared movies, and what is on the studio's disk."""

from __future__ import annotations

import os
import sys
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING

from ft_dcc.errors import Error, StorageError, UnsavedChanges
from ft_dcc.files import atomic, sequences
from ft_dcc.frames import find_frames
from ft_dcc.host import ComparedMovie, ComparesMovies, Host, LoadsFrames, OpensScenes
from ft_dcc.host_support.main_thread import run_when_idle
from ft_dcc.review.notes import ReviewedVersion
from ft_dcc.system import child_process
from ft_dcc.ui import background, feedback_controller

if TYPE_CHECKING:
    from ft_dcc.production.versions import DiskComponent, StoredVersion
    from ft_dcc.session import Session

# A file browser that runs longer has opened its window.
_START_TIMEOUT_SECONDS = 5


class VersionFiles(background.BackgroundWork):
    """The download of one file of a version and the movie that is compared."""

    def __init__(self, on_change: Callable[[], object]) -> None:
        super().__init__(on_change)
        # The file of the last download, None until it is complete and if it failed; ``error`` says why.
        self.path: Path | None = None
        # Whether that file could not be opened for this reason, and the file that was opened last.
        self.has_unsaved_changes = False
        self.opened: Path | None = None
        # What runs while ``is_loading``, and the name of the version whose movie is shown, "" without one.
        self.activity = self.compared = ""
        # Sentences about that movie.
        self.problems: tuple[str, ...] = ()
        self._delete_images: Callable[[], object] | None = None

    def fetch(self, session: Session, version_id: str, folder: Path, component: str | None = None) -> None:
        """Download a component, by default the scene file, check it, and write over no existing file."""
        self.path, self.has_unsaved_changes = None, False

        def download() -> None:
            from ft_dcc.production.versions import fetch, find_component

            self.path = fetch(session, find_component(session, version_id, component), folder)

        self.run("Downloading the file", download)

    def open_scene(self, host: Host, *, save_first: bool = False, discard_changes: bool = False) -> None:
        """Open the file of the last download in the host.

        Without one of the two choices, a scene with unsaved changes stays open and ``has_unsaved_changes`` is set.
        """
        path, self.has_unsaved_changes = self.path, False

        def work() -> None:
            if path is None:
                raise Error("There is no scene to open. Download it first.")
            if not isinstance(host, OpensScenes):
                raise Error(f"{host.name} cannot open scenes of versions. Open {path} yourself.")
            if save_first:
                run_when_idle(host, host.save)
            try:
                run_when_idle(host, partial(host.open_scene_file, path, discard_changes=discard_changes))
            except UnsavedChanges:
                self.has_unsaved_changes = True
                raise
            self.path, self.opened = None, path

        self.run("Opening a scene", work)

    def compare(self, session: Session, host: Host, version: ReviewedVersion, source: str | None = None) -> None:
        """Download the movie of the version and show it in the scene, instead of one that is shown."""

        def work() -> None:
            if not isinstance(host, ComparesMovies):
                raise Error(f"{host.name} cannot show movies of versions. Compare them on the review page.")
            comparing_host: ComparesMovies = host
            from ft_dcc import media
            from ft_dcc.production.versions import fetch, find_movie

            folder = atomic.make_temporary_folder("ft-dcc-compare-")
            delete = weakref.finalize(self, atomic.remove_tree, folder)
            try:
                path = fetch(session, find_movie(session, version.id), folder)
                # Its first image may be a slate before the shot.
                images = media.movie_images(path, folder / "images")
                path.unlink()
                clip = version.clip
                # A version that does not store the frame of its first image begins with the scene.
                first = run_when_idle(host, host.scene).frame_range.start if clip is None else clip.first_frame
                movie = ComparedMovie(f"{version.asset} {version.name}", images, first)

                def show(name: str | None) -> list[str]:
                    return run_when_idle(host, partial(comparing_host.show_movie, movie, name))

                problems = feedback_controller.show_with_source(show, source, version, "It is")
            except BaseException:
                delete()
                raise
            # The images of the movie that was replaced.
            self.forget_movie()
            self.compared, self.problems, self._delete_images = movie.name, tuple(problems), delete

        self.run("Comparing with a version", work)

    def stop_comparing(self, host: Host | None) -> None:
        """Remove the movie from the scene and its images from the disk."""

        def work() -> None:
            if host is not None and isinstance(host, ComparesMovies):
                run_when_idle(host, host.clear_movie)
            self.forget_movie()

        self.run("Comparing with a version", work)

    def run(self, kind: str, function: Callable[[], None], *, uses_scene: bool = False) -> None:
        """Name the activity and run the function in the background."""
        self.activity, self.error = kind, ""
        super().run(kind, function, uses_scene=uses_scene)

    def clear(self) -> None:
        """Forget the last download; a movie that is shown stays until ``stop_comparing``."""
        super().clear()
        self.path, self.has_unsaved_changes = None, False

    def forget_movie(self) -> None:
        """Delete the images of the movie, which the host does not show any more."""
        delete, self._delete_images = self._delete_images, None
        self.compared, self.problems = "", ()
        if delete is not None:
            delete()


class DiskFiles(background.Loaded["StoredVersion | None"]):
    """The components on disk of the version that is shown, and the sentence of the last frames that were loaded."""

    def __init__(self, on_change: Callable[[], object]) -> None:
        super().__init__("Finding the files", None, on_change)
        self.message = ""
        # The version that is shown, whether its files were found already or not.
        self.version_id: str | None = None

    def read(self, session: Session, version_id: str) -> None:
        """Find the files of the version, once while it is shown."""
        if version_id == self.version_id:
            return
        self.version_id = version_id

        def read() -> StoredVersion | None:
            from ft_dcc.production.versions import read_versions

            return next(iter(read_versions(session, [version_id])), None)

        self.load(read)

    @property
    def components(self) -> tuple[DiskComponent, ...]:
        """The components of the version that is shown, none until they are found."""
        return self.value.components if self.value is not None and self.value.id == self.version_id else ()

    def open_folder(self, path: str) -> None:
        """Show the file, or the frames of a pattern, in the file browser of the system."""
        self.message = ""
        self.run("Opening the folder", partial(open_folder, path))

    def load_frames(self, host: Host, pattern: str, source: str = "") -> None:
        """Load the frames into the scene; ``source`` is what they were made from."""
        self.message = ""

        def work() -> None:
            if not isinstance(host, LoadsFrames):
                raise Error(f"{host.name} cannot load frames of versions. Load {pattern} yourself.")
            load = partial(host.load_frames, pattern, find_frames(pattern), source)
            self.message = run_when_idle(host, load)

        self.run("Loading the frames", work, uses_scene=True)

    def clear(self) -> None:
        """Forget the version; what was loaded into the scene stays."""
        super().clear()
        self.message, self.version_id = "", None


def has_frames(path: str) -> bool:
    """Return whether a path of a version, also one of another system, names frames; the disk is not read."""
    return sequences.split_frame_number(PureWindowsPath(path).name) is not None


def open_folder(path: str) -> None:
    """Open the folder of a file in the file browser of the system, without a shell.

    Raises StorageError for a folder that does not exist, and Error if the system opens no window.
    """
    folder = Path(path).parent
    try:
        if not folder.is_dir():
            raise StorageError(f"The folder {folder} does not exist any more. Ask where its files were moved to.")
        if sys.platform == "win32":
            os.startfile(folder)  # noqa: S606 - a folder, which the file browser opens
            return
        # A folder of macOS may be a program, which "open" would start: its content is revealed instead.
        command = ["open", "-R", str(next(folder.iterdir(), folder))] if sys.platform == "darwin" else []
        quiet, environment = child_process.DEVNULL, child_process.environment_of_programs()
        command = command or ["xdg-open", str(folder)]
        code = child_process.start(command, stdout=quiet, stderr=quiet, env=environment).wait(_START_TIMEOUT_SECONDS)
    except child_process.TimeoutExpired:
        return
    except OSError as error:
        raise Error(f"{folder} cannot be opened: {error.strerror}. Open it in your file browser.") from error
    if code:
        raise Error(f"The system has no program that opens {folder} (code {code}). Open it in your file browser.")
