"""Files of versions for a panel or dialog, downloaded in the background."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ft_dcc.ui.background_queries import LatestOnlyWorker, error_message_of

if TYPE_CHECKING:
    from ft_dcc.session import Session

MOVIE_COMPONENT = "ftrackreview-mp4"


class VersionFiles:
    """The download of one file of a version; a worker thread changes it, drawing only reads it.

    ``path`` is the file of the last download, None until it is complete and if it failed; ``error`` says why.
    """

    def __init__(self, on_change: Callable[[], object]) -> None:
        self.path: Path | None = None
        self.is_loading = False
        self.error = ""
        self._on_change = on_change
        self._worker = LatestOnlyWorker()

    def fetch(self, session: Session, version_id: str, folder: Path, component: str | None = None) -> None:
        """Download a component of the version, by default its scene file, and check its checksum.

        Nothing is written over an existing file.
        """
        self.path, self.error, self.is_loading = None, "", True

        def download() -> None:
            from ft_dcc.production.versions import fetch, find_component

            self.path = fetch(session, find_component(session, version_id, component), folder)

        def work() -> None:
            self.error = error_message_of("Downloading a file", download)
            self.is_loading = False
            self._on_change()

        self._worker.run("Downloading a file", work)

    def wait(self, seconds: float) -> bool:
        """Wait until idle; return whether that happened within these seconds."""
        return self._worker.wait(seconds)

    def clear(self) -> None:
        """Forget the last download."""
        self._worker.clear()
        self.path, self.error, self.is_loading = None, "", False
