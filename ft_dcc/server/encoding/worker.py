"""The thread that runs the jobs of ``encode_media`` one after the other, the oldest first.

A job that one server did not finish is run again by the next one. Its outputs have the same ids then, so that there is
one set of them.
"""

from __future__ import annotations

import logging
import re
import secrets
import shutil
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

from ft_dcc.errors import Cancelled, EncodeFailed, Error
from ft_dcc.server.background import running_worker
from ft_dcc.server.context import ServerContext
from ft_dcc.server.encoding import process, queue
from ft_dcc.server.encoding.job import EncodeJob, copy_source
from ft_dcc.server.errors import HttpError, InsufficientStorage
from ft_dcc.server.storage.renditions import Rendition
from ft_dcc.server.storage.upload_file import writing_to_disk

_log = logging.getLogger(__name__)

_TIMEOUT_SECONDS = 3600
_MAX_ATTEMPTS = 4
_RETRY_SECONDS = 60


def running_encode_worker(context: ServerContext, answer: Callable[..., list[Any]]) -> AbstractContextManager[None]:
    """Run queued jobs on a thread during the block; a job that it interrupts is run again by the next server.

    ``answer`` is that of the dispatcher.
    """
    worker = EncodeWorker(context, answer)
    return running_worker("encoder", worker.step, woken=context.encode_requested, stop=worker.stop)


class EncodeWorker:
    """Runs the jobs of the queue until it is stopped."""

    def __init__(
        self, context: ServerContext, answer: Callable[..., list[Any]], seconds: float = _TIMEOUT_SECONDS
    ) -> None:
        self._context, self._answer, self._seconds = context, answer, seconds
        self._folder = context.folder / "encoding"
        shutil.rmtree(self._folder, ignore_errors=True)
        self._is_stopping = False
        self._process: process.EncodeProcess | None = None
        self._lock = threading.Lock()
        # By user, a number that grows with each job.
        self._served: dict[str, int] = {}

    def step(self, _is_stopping: threading.Event) -> float | None:
        """Run all jobs; return None, or the seconds until they are tried again."""
        try:
            with self._context.activity.track():
                self._run_all()
        except Exception as error:  # noqa: BLE001  whatever the error is, the jobs must be run later
            # The database cannot be written at the moment, for example on a full disk.
            is_known = isinstance(error, HttpError)
            _log.warning("encoding is tried again in %s seconds: %s", _RETRY_SECONDS, error, exc_info=not is_known)
            return _RETRY_SECONDS
        return None

    def stop(self) -> None:
        """Stop the running job, and begin no other one."""
        with self._lock:
            self._is_stopping = True
            if self._process is not None:
                self._process.stop()

    def _run_all(self) -> None:
        store = self._context.store
        while not self._is_stopping:
            with store.reading() as connection:
                closed = queue.closed_jobs(connection, store.tables)
                pending = queue.next_pending(connection, store.tables, self._served)
            for each in closed:
                self._discard(each)
            rendition = self._context.renditions.next()
            if pending is not None:
                self._served[pending.caller.id] = max(self._served.values(), default=0) + 1
                self._run_job(pending)
            elif rendition is not None:
                self._make_rendition(rendition)
            else:
                return

    def _make_rendition(self, rendition: Rendition) -> None:
        """Make a smaller movie that a visitor waits for; the encodes of clients come first."""
        folder = self._folder / secrets.token_hex(8)
        try:
            with writing_to_disk():
                folder.mkdir(parents=True)
            source = copy_source(self._context.media.path(rendition[0]), folder / "source.mp4")
            (made,) = self._start_process(source, folder, lines=rendition[1]).run(lambda _percent: None)
            self._context.renditions.finish(rendition, made.path)
        except Exception as error:  # noqa: BLE001  one movie must not keep the others from being encoded
            if not self._is_stopping:
                is_known = isinstance(error, Error)
                _log.warning("a rendition was not made: %s", error, exc_info=not is_known)
                reason = (
                    "The file is damaged or not supported." if is_known else "The log of the server has the reason."
                )
                self._context.renditions.fail(rendition, reason)
        finally:
            with self._lock:
                self._process = None
            shutil.rmtree(folder, ignore_errors=True)

    def _discard(self, pending: queue.PendingEncode) -> None:
        """Remove the outputs of a job that a client ended, and the job from the queue."""
        try:
            EncodeJob(self._context, self._answer, pending).clean()
        except InsufficientStorage:
            raise
        except HttpError as error:
            _log.warning("the outputs of a job that was ended were not removed: %s", error)
        self._context.store.write(partial(queue.delete_pending, job_id=pending.job_id))

    def _run_job(self, pending: queue.PendingEncode) -> None:
        """Run one job to its end; it stays in the queue when it waits for disk space or the worker is stopped."""
        store = self._context.store
        store.write(partial(queue.add_attempts, job_id=pending.job_id, count=1))
        job = EncodeJob(self._context, self._answer, pending)
        folder = self._folder / secrets.token_hex(8)
        is_over = False
        try:
            if pending.attempts >= _MAX_ATTEMPTS:
                raise EncodeFailed(f"It was begun {pending.attempts} times, and the server was stopped each time.")
            with writing_to_disk():
                folder.mkdir(parents=True)
            job.finish(self._encode(job, folder))
            is_over = True
        except Cancelled:
            job.clean()
            is_over = True
        except InsufficientStorage as error:
            job.wait(str(error))
            raise
        except Exception as error:  # noqa: BLE001  one file must not keep the others from being encoded
            if not self._is_stopping:
                job.fail(_reason(error, job, folder))
                is_over = True
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            if not is_over:
                store.write(partial(queue.add_attempts, job_id=pending.job_id, count=-1))

    def _encode(self, job: EncodeJob, folder: Path) -> list[process.EncodedOutput]:
        job.begin()
        source = job.link_source(folder)
        started = self._start_process(source, folder, fps=job.fps)
        try:
            return started.run(job.report)
        finally:
            with self._lock:
                self._process = None

    def _start_process(
        self, source: Path, folder: Path, *, lines: int | None = None, fps: str | None = None
    ) -> process.EncodeProcess:
        with self._lock:
            if self._is_stopping:
                raise EncodeFailed("The server is stopping.")
            free = self._context.media.free_bytes()
            if free <= 0:
                raise InsufficientStorage("The server's disk has no room for the outputs. Free some space there.")
            self._process = process.EncodeProcess(
                source, folder, seconds=self._seconds, max_bytes=free, lines=lines, fps=fps
            )
            return self._process


def _reason(error: Exception, job: EncodeJob, folder: Path) -> str:
    """Return the reason of a failure for clients, without the server's paths and file names."""
    if not isinstance(error, Error):
        _log.error("encoding failed", exc_info=error)
        return "The server failed. Its log has the reason."
    return re.sub(rf"(?:{re.escape(str(folder))}[/\\]+[\w.]+|\bsource\.\w+)", lambda _: job.name, str(error))
