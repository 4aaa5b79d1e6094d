"""Downloads of versions, scenes that are opened and movies that are compared, in the background of a panel."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ft_dcc.errors import Error, UnsavedChanges
from ft_dcc.files.atomic import make_temporary_folder, remove_tree
from ft_dcc.host import ComparedMovie, ComparesMovies, Host, OpensScenes
from ft_dcc.host_support.main_thread import run_when_idle
from ft_dcc.review.notes import ReviewedVersion
from ft_dcc.ui import background, feedback_controller

if TYPE_CHECKING:
    from ft_dcc.session import Session


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

            folder = make_temporary_folder("ft-dcc-compare-")
            delete = weakref.finalize(self, remove_tree, folder)
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
