"""Images of the server for a panel or dialog, downloaded once in the background."""

from __future__ import annotations

import logging
import shutil
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ft_dcc.ui.background_queries import LatestOnlyWorker, error_message_of

if TYPE_CHECKING:
    from ft_dcc.session import Session

log = logging.getLogger(__name__)


class ImageCache:
    """Thumbnails and pictures of notes as files, by the id of their component.

    ``on_change`` is called from a worker thread after each download.
    """

    def __init__(self, on_change: Callable[[], object]) -> None:
        self._on_change = on_change
        self._worker = LatestOnlyWorker()
        # None while it is downloaded, and for one that cannot be.
        self._paths: dict[str, Path | None] = {}
        self._folder: Path | None = None

    def get(self, session: Session | None, component_id: str | None) -> Path | None:
        """Return the file of the image, or None; the first call starts the download."""
        if session is None or not component_id:
            return None
        if component_id not in self._paths:
            self._paths[component_id] = None
            paths = self._paths
            path = self._new_folder() / component_id

            def download_image() -> None:
                from ft_dcc.session.transfer.transfer import download

                download(session, component_id, path)
                paths[component_id] = path

            def work() -> None:
                error = error_message_of("Reading an image", download_image)
                if error:
                    # The list is useful without its images.
                    log.warning("Image %s: %s", component_id, error)
                self._on_change()

            self._worker.run(component_id, work)
        return self._paths[component_id]

    def wait(self, seconds: float) -> bool:
        """Wait for all downloads; return whether they ended within these seconds."""
        return self._worker.wait(seconds)

    def clear(self) -> None:
        """Forget all images."""
        self._worker.clear()
        self._paths = {}

    def _new_folder(self) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="ft-dcc-images-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return self._folder
