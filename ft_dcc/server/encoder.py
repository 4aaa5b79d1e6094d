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
from functools import partial
from pathlib import Path

from ft_dcc.errors import Cancelled, EncodeFailed, Error, Refused, StorageFull
from ft_dcc.server.encoding import Owed, ended, forget, next_owed, note_begun
from ft_dcc.server.incoming import writing_to_disk
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
        pause: float | None = 0
        while not self._is_stopping:
            self._studio.media_to_encode.wait(pause)
            self._studio.media_to_encode.clear()
            pause = None
            try:
                with self._studio.work.under_way():
                    self._do_all()
            except Exception as error:  # noqa: BLE001  whatever it is, what is owed must be done some day
                # The database takes nothing at the moment, as on a full disk.
                is_known, pause = isinstance(error, Refused), _PAUSE_SECONDS
                _log.warning("encoding goes on in %s seconds: %s", pause, error, exc_info=not is_known)

    def stop(self) -> None:
        """The running job is given up and the thread ends."""
        with self._lock:
            self._is_stopping = True
            if self._workshop is not None:
                self._workshop.stop()
        self._studio.media_to_encode.set()

    def _do_all(self) -> None:
        store = self._studio.store
        while not self._is_stopping:
            with store.reading() as connection:
                over = ended(connection, store.tables)
                owed = next_owed(connection, store.tables)
            for each in over:
                self._let_go(each)
            if owed is None:
                return
            self._do(owed)

    def _let_go(self, owed: Owed) -> None:
        """Nothing is left of a job that was ended before it was done, and it is forgotten."""
        try:
            EncodeJob(self._studio, owed).clean()
        except StorageFull:
            raise
        except Refused as error:
            _log.warning("what was announced for a job that was ended stays: %s", error)
        self._studio.store.write(partial(forget, job_id=owed.job_id))

    def _do(self, owed: Owed) -> None:
        """The job is done or has failed; one that waits for room, or that this encoder had to give up, stays."""
        store = self._studio.store
        store.write(partial(note_begun, job_id=owed.job_id, more=1))
        job = EncodeJob(self._studio, owed)
        folder = self._folder / secrets.token_hex(8)
        is_over = False
        try:
            if owed.begun >= _MOST_ATTEMPTS:
                raise EncodeFailed(f"It was begun {owed.begun} times, and the server was stopped each time.")
            with writing_to_disk():
                folder.mkdir(parents=True)
            job.finish(self._encode(job, folder))
            is_over = True
        except Cancelled:
            job.clean()
            is_over = True
        except StorageFull as error:
            job.wait(str(error))
            raise
        except Exception as error:  # noqa: BLE001  one file must not keep all others from being encoded
            if not self._is_stopping:
                job.fail(_sentence(error, job, folder))
                is_over = True
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            if not is_over:
                store.write(partial(note_begun, job_id=owed.job_id, more=-1))

    def _encode(self, job: EncodeJob, folder: Path) -> list[Made]:
        job.begin()
        source = job.link_source(folder)
        with self._lock:
            if self._is_stopping:
                raise EncodeFailed("The server is stopping.")
            room = self._studio.files.room()
            if room <= 0:
                raise StorageFull("The server's disk has no room for what would be made. Free some space there.")
            self._workshop = Workshop(source, folder, seconds=self._seconds, largest=room)
        try:
            return self._workshop.make(job.report)
        finally:
            with self._lock:
                self._workshop = None


def _sentence(error: Exception, job: EncodeJob, folder: Path) -> str:
    """Return what the job says of its failure: nothing in it tells where, or as what, the server keeps its files."""
    if not isinstance(error, Error):
        _log.error("encoding failed", exc_info=error)
        return "The server failed. Its log has the reason."
    return re.sub(rf"(?:{re.escape(str(folder))}[/\\]+[\w.]+|\bsource\.\w+)", lambda _: job.name, str(error))
