"""Smaller renditions of movies for slow connections, made on request and kept beside the movie like its thumbnails."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

from ft_dcc.errors import EncodeFailed
from ft_dcc.server.errors import NotFound
from ft_dcc.server.storage.media_store import MediaStore

LINES = (1080, 720)
_MAX_WAITING = 100
_MAX_FAILED = 1000

Rendition = tuple[str, int]


class Renditions:
    """The renditions that visitors wait for, the oldest first; safe to use from several threads.

    A request is kept in memory only: the page repeats it, also after a restart of the server.
    """

    def __init__(self, media: MediaStore) -> None:
        self._media = media
        self._lock = threading.Lock()
        self._waiting: OrderedDict[Rendition, None] = OrderedDict()
        self._failed: dict[Path, str] = {}

    def request(self, component_id: str, lines: int) -> bool:
        """Return whether the rendition exists, and let it be made otherwise.

        Raises NotFound without the movie's file, and EncodeFailed if making it has failed.
        """
        path = self.path(component_id, lines)
        if path.is_file():
            return True
        with self._lock:
            if path in self._failed:
                raise EncodeFailed(f"A smaller movie cannot be made. {self._failed[path]}")
            if len(self._waiting) < _MAX_WAITING:
                self._waiting.setdefault((component_id, lines))
        return False

    def path(self, component_id: str, lines: int) -> Path:
        """Return the path of a rendition, which may not exist; raises NotFound without the movie's file."""
        return self._media.derived_file(component_id, f"{lines}.mp4")

    def next(self) -> Rendition | None:
        """Return the rendition that has waited longest, or None."""
        with self._lock:
            return next(iter(self._waiting), None)

    def finish(self, rendition: Rendition, made: Path) -> None:
        """Store a rendition that was made."""
        try:
            self._media.keep_derived(made, self.path(*rendition))
        finally:
            self._forget(rendition)

    def fail(self, rendition: Rendition, reason: str) -> None:
        """Store why a rendition cannot be made; a movie that is uploaded again is tried again."""
        try:
            path = self.path(*rendition)
        except NotFound:
            pass  # The movie was deleted meanwhile.
        else:
            with self._lock:
                self._failed[path] = reason
                while len(self._failed) > _MAX_FAILED:
                    del self._failed[next(iter(self._failed))]
        self._forget(rendition)

    def _forget(self, rendition: Rendition) -> None:
        with self._lock:
            self._waiting.pop(rendition, None)
