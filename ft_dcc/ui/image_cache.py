"""Images of the server for a panel or dialog, downloaded once in the background."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ft_dcc.ui.background import BackgroundWork

if TYPE_CHECKING:
    from ft_dcc.session import Session


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
