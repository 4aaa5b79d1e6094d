"""Flattened images of notes: the frame and its drawing as a PNG file on the note, for other ftrack clients.

The images are made after the note was stored, in the order of the notes. A file for each note that waits keeps the work
over a restart of the server.
"""

from __future__ import annotations

import logging
import queue
import threading
from pathlib import Path

from ft_dcc.errors import Error
from ft_dcc.server.actions.dispatch import Dispatcher
from ft_dcc.server.auth.permissions import UNLIMITED
from ft_dcc.server.identity import Caller
from ft_dcc.server.review.attachments import note_file_operations
from ft_dcc.server.review.feedback import note_image_id

_log = logging.getLogger(__name__)

_FOLDER = "note-images"


class FlattenedNotes:
    """Makes the images on one thread."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher, self._folder = dispatcher, dispatcher.context.folder / _FOLDER
        self._waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def resume(self) -> None:
        """Continue with the notes that waited when the server stopped."""
        for path in sorted(self._folder.glob("*")):
            self._start(path.name)

    def add(self, note_id: str) -> None:
        """Make the image of a note with a drawing."""
        try:
            self._folder.mkdir(exist_ok=True)
            (self._folder / note_id).touch()
        except OSError as error:
            _log.warning("The image of note %s would not survive a restart: %s", note_id, error)
        self._start(note_id)

    def _start(self, note_id: str) -> None:
        self._waiting.put(note_id)
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="note-images", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            note_id = self._waiting.get()
            try:
                self._make(note_id)
            except Error as error:
                _log.warning("The image of note %s was not made: %s", note_id, error)
            except Exception:  # noqa: BLE001  the next note must still get its image
                _log.exception("The image of note %s was not made.", note_id)
            (self._folder / note_id).unlink(missing_ok=True)

    def _make(self, note_id: str) -> None:
        # Imported late: the libraries for images are large, and most servers start without a drawing.
        from ft_dcc.server.review.export.drawn_frames import read_drawn_frame
        from ft_dcc.server.review.export.session_content import read_note_export

        context = self._dispatcher.context
        found = read_note_export(context, note_id)
        component_id = note_image_id(note_id)
        if found is None or context.media.exists(component_id):
            return
        version, note = found
        image = read_drawn_frame(context.media, version, note, note.frame)
        if image is None:
            return
        target = Path(self._folder / f"{note_id}.png")
        image.save(target, "PNG")
        size = target.stat().st_size
        context.media.import_file(target, component_id)
        name = f"{version.title}.png" if note.frame is None else f"{version.title} {note.frame}.png"
        operations = note_file_operations(component_id, note_id, name, size)
        try:
            self._dispatcher.answer(Caller("", "server", is_guest=True), operations, permissions=UNLIMITED)
        except Error:
            context.media.remove(component_id)
            raise
