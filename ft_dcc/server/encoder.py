"""The thread that does what ``encode_media`` asks for: one job after the other, the oldest first.

A job that a server did not finish is begun again by the next one. Its components have the same ids then, so that
it makes one set of them, however often it was begun.
"""

from __future__ import annotations

import logging
import re
import secrets
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ft_dcc.errors import Cancelled, EncodeFailed, Error, Refused, StorageFull
from ft_dcc.server.encoding import Owed, next_owed, note_begun
from ft_dcc.server.job import EncodeJob
from ft_dcc.server.studio import Studio
from ft_dcc.server.workshop import Made, Workshop

_log = logging.getLogger(__name__)

_SECONDS = 3600
_MOST_ATTEMPTS = 4
_PAUSE_SECONDS = 60


@contextmanager
def encoding(studio: Studio) -> Iterator[None]:
    """Inside, what is owed is encoded; at the end the running job stops, and is begun again by the next server."""
    encoder = Encoder(studio)
    thread = threading.Thread(target=encoder.run, name="ft-dcc-encoder", daemon=True)
    thread.start()
    try:
        yield
    finally:
        encoder.stop()
        thread.join()


class Encoder:
    """Does the jobs of a studio until it is stopped."""

    def __init__(self, studio: Studio, seconds: float = _SECONDS) -> None:
        self._studio, self._seconds = studio, seconds
        self._folder = studio.folder / "encoding"
        self._is_stopping = False
        self._workshop: Workshop | None = None
        self._lock = threading.Lock()

    def run(self) -> None:
        """Everything that is owed is done, and what comes while this runs."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._studio.media_to_encode.set()
        while not self._is_stopping:
            self._studio.media_to_encode.wait()
            self._studio.media_to_encode.clear()
            try:
                with self._studio.work.under_way():
                    while not self._is_stopping and (owed := self._next()) is not None:
                        self._do(owed)
            except Refused as error:
                # The database takes nothing at the moment, as on a full disk.
                _log.warning("encoding goes on in %s seconds: %s", _PAUSE_SECONDS, error)
                threading.Timer(_PAUSE_SECONDS, self._studio.media_to_encode.set).start()

    def stop(self) -> None:
        """The running job is given up and the thread ends."""
        with self._lock:
            self._is_stopping = True
            if self._workshop is not None:
                self._workshop.stop()
        self._studio.media_to_encode.set()

    def _next(self) -> Owed | None:
        store = self._studio.store
        return store.write(lambda connection: next_owed(connection, store.tables))

    def _do(self, owed: Owed) -> None:
        """The job is done or has failed; only one that this encoder had to give up stays as it is."""
        store = self._studio.store
        store.write(lambda connection: note_begun(connection, owed.job_id, 1))
        job = EncodeJob(self._studio, owed)
        folder = self._folder / secrets.token_hex(8)
        try:
            if owed.begun >= _MOST_ATTEMPTS:
                raise EncodeFailed(f"It was begun {owed.begun} times, and the server was stopped each time.")
            folder.mkdir(parents=True)
            job.finish(self._encode(job, folder))
        except Cancelled:
            job.clean()
        except StorageFull:
            raise
        except Exception as error:  # noqa: BLE001  one file must not keep all others from being encoded
            if not self._is_stopping:
                job.fail(_sentence(error, job, folder))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        if self._is_stopping:
            store.write(lambda connection: note_begun(connection, owed.job_id, -1))

    def _encode(self, job: EncodeJob, folder: Path) -> list[Made]:
        job.begin()
        source = job.link_source(folder)
        with self._lock:
            if self._is_stopping:
                raise EncodeFailed("The server is stopping.")
            room = max(1, self._studio.files.room())
            self._workshop = Workshop(source, folder, seconds=self._seconds, largest=room)
        try:
            return self._workshop.make(job.report)
        finally:
            with self._lock:
                self._workshop = None


def _sentence(error: Exception, job: EncodeJob, folder: Path) -> str:
    """Return what the job says of its failure: nothing in it tells where the server keeps its files."""
    if not isinstance(error, Error):
        _log.error("encoding failed", exc_info=error)
        return "The server failed. Its log has the reason."
    return re.sub(rf"{re.escape(str(folder))}[/\\]+[\w.]+", job.name, str(error))
