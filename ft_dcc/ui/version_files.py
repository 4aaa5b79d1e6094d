"""Files of versions for a panel or dialog: downloads, scenes that are opened, and movies that are compared.

All of it is done in the background; the host's scene is used in idle moments only.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ft_dcc.errors import Error, UnsavedChanges
from ft_dcc.host import ComparedMovie, ComparesMovies, OpensScenes
from ft_dcc.host_support.main_thread import run_when_idle
from ft_dcc.ui.background import BackgroundWork
from ft_dcc.ui.feedback_controller import show_with_source

if TYPE_CHECKING:
    from ft_dcc.host import Host
    from ft_dcc.review.notes import ReviewedVersion
    from ft_dcc.session import Session

MOVIE_COMPONENT = "ftrackreview-mp4"


class VersionFiles(BackgroundWork):
    """The download of one file of a version and the movie that is compared.

    ``path`` is the file of the last download, None until it is complete and if it failed; ``error`` says why.
    ``has_unsaved_changes`` is set when that file could not be opened for that reason, and ``opened`` is the file that
    was opened last. ``compared`` is the name of the version whose movie is shown, "" without one, and ``problems`` are
    sentences about it. ``activity`` names what runs while ``is_loading``.
    """

    def __init__(self, on_change: Callable[[], object]) -> None:
        super().__init__(on_change)
        self.path: Path | None = None
        self.opened: Path | None = None
        self.has_unsaved_changes = False
        self.activity = self.compared = ""
        self.problems: tuple[str, ...] = ()
        self._delete_images: Callable[[], object] | None = None

    def fetch(self, session: Session, version_id: str, folder: Path, component: str | None = None) -> None:
        """Download a component of the version, by default its scene file, and check its checksum.

        Nothing is written over an existing file.
        """
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
            opening_host: OpensScenes = host
            if save_first:
                run_when_idle(host, host.save)
            try:
                run_when_idle(host, partial(opening_host.open_scene_file, path, discard_changes=discard_changes))
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
            folder = Path(tempfile.mkdtemp(prefix="ft-dcc-compare-"))
            delete = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            try:
                movie = _images_of(session, host, version, folder)
                problems = show_with_source(
                    lambda name: run_when_idle(host, partial(comparing_host.show_movie, movie, name)),
                    source,
                    version,
                    "It is",
                )
            except BaseException:
                delete()
                raise
            # The images of the movie that was replaced.
            self.forget_movie()
            self.compared, self.problems, self._delete_images = movie.name, tuple(problems), delete

        self.run("Comparing with a version", work)

    def stop_comparing(self, host: Host) -> None:
        """Remove the movie from the scene and its images from the disk."""

        def work() -> None:
            if isinstance(host, ComparesMovies):
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


def _images_of(session: Session, host: Host, version: ReviewedVersion, folder: Path) -> ComparedMovie:
    """Return the images of a version's movie, whose first one may be a slate before the shot.

    A version that does not store the frame of its first image begins with the scene.
    """
    from ft_dcc import media
    from ft_dcc.production.versions import fetch, find_component

    path = fetch(session, find_component(session, version.id, MOVIE_COMPONENT), folder)
    images = media.movie_images(path, folder / "images")
    path.unlink()
    clip = version.clip
    first = run_when_idle(host, host.scene).frame_range.start if clip is None else clip.first_frame
    return ComparedMovie(f"{version.asset} {version.name}", images, first)
