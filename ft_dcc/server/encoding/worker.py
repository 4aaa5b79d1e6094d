"""The jobs of ``encode_media``, and smaller renditions of movies for slow connections, as work of the queue.

A job that one server did not finish is run again by the next one. Its outputs have the same ids then, so that there is
one set of them. Renditions, and copies with the name of a viewer, are made on request, and kept beside the movie.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ft_dcc.errors import Cancelled, EncodeFailed, Error
from ft_dcc.files.sequences import IMAGE_SUFFIXES
from ft_dcc.server.context import ServerContext
from ft_dcc.server.database import clock
from ft_dcc.server.encoding import queue
from ft_dcc.server.encoding.job import EncodedOutput, EncodeJob, copy_source, encode
from ft_dcc.server.errors import HttpError, InsufficientStorage, ServiceUnavailable
from ft_dcc.server.work.budgets import Owner
from ft_dcc.server.work.queue import Work

_log = logging.getLogger(__name__)

_MAX_ATTEMPTS = 4
# Of renditions.
LINES = (1080, 720)
_MAX_FAILED = 1000


class EncodeWorker:
    """Runs the jobs in the database; ``answer`` is that of the dispatcher."""

    def __init__(self, context: ServerContext, answer: Callable[..., list[Any]]) -> None:
        self._context, self._answer = context, answer

    def submit(self) -> None:
        """Add the jobs that wait in the database to the queue, as far as they are not in it."""
        with self._context.store.reading() as connection:
            waiting = queue.waiting_jobs(connection)
        for job_id, user_id in waiting:
            run = partial(self._run, job_id)
            self._context.work.submit("encode", Owner(user_id), run, is_background=True, key=job_id)

    def _run(self, job_id: str, work: Work) -> None:
        """Run one job to its end; it stays in the database when it waits for disk space or the server stops."""
        store = self._context.store
        with store.reading() as connection:
            pending = queue.read_pending(connection, job_id)
        if pending is None:
            return
        job = EncodeJob(self._context, self._answer, pending)
        if job.is_open:
            store.write(partial(queue.add_attempts, job_id=job_id, count=1))
            try:
                self._attempt(job, pending.attempts, work)
            except (Cancelled, InsufficientStorage):
                store.write(partial(queue.add_attempts, job_id=job_id, count=-1))
                raise
        try:
            # The outputs of a job that a client has ended.
            job.clean()
        except InsufficientStorage:
            raise
        except HttpError as error:
            _log.warning("the outputs of a job that was ended were not removed: %s", error)
        store.write(partial(queue.delete_pending, job_id=job_id))

    def _attempt(self, job: EncodeJob, attempts: int, work: Work) -> None:
        """Encode and store the outputs; raises Cancelled when the server stops, and InsufficientStorage."""
        folder = Path()
        try:
            if attempts >= _MAX_ATTEMPTS:
                raise EncodeFailed(f"It was begun {attempts} times, and the server was stopped each time.")
            with work.folder() as folder:
                job.finish(self._encode(job, folder, work))
        except Cancelled:
            if work.is_cancelled:
                raise
        except InsufficientStorage as error:
            job.wait(str(error))
            raise
        except Exception as error:  # noqa: BLE001  one file must not keep the others from being encoded
            job.fail(_reason(error, job, folder))

    def _encode(self, job: EncodeJob, folder: Path, work: Work) -> list[EncodedOutput]:
        job.begin()
        source, fps = job.link_source(folder), job.fps
        if (free := self._context.media.free_bytes()) <= 0:
            raise InsufficientStorage("The server's disk has no room for the outputs. Free some space there.")
        return encode(work, source, folder, max_bytes=free, fps=fps, on_progress=job.report)


def _reason(error: Exception, job: EncodeJob, folder: Path) -> str:
    """Return the reason of a failure for clients, without the server's paths and file names."""
    if not isinstance(error, Error):
        _log.error("encoding failed", exc_info=error)
        return "The server failed. Its log has the reason."
    if log := getattr(error, "log", ""):
        _log.warning("encoding failed: %s %s", error, log)
    return re.sub(rf"(?:{re.escape(str(folder))}[/\\]+[\w.]+|\bsource\.\w+)", lambda _: job.name, str(error))


class Renditions:
    """The renditions and watermarked copies that visitors wait for; safe to use from several threads.

    A request is kept in memory only: the page repeats it, also after a restart of the server.
    """

    def __init__(self, context: ServerContext) -> None:
        self._context = context
        self._failed: dict[Path, str] = {}

    def request(self, component_id: str, lines: int, owner: Owner) -> bool:
        """Return whether the rendition exists, and let it be made otherwise.

        Raises NotFound without the movie's file, EncodeFailed if making it has failed, and TooManyRequests.
        """
        path = self._context.media.derived_file(component_id, f"{lines}.mp4")
        return self._request("rendition", component_id, path, owner, ".mp4", lines=lines)

    def watermarked(self, component_id: str, file_type: str | None, name: str, owner: Owner) -> Path:
        """Return a viewer's copy with this name and the time across it; raises ServiceUnavailable while it is made."""
        suffix = queue.source_suffix(file_type)
        digest = hashlib.sha256(f"{owner.visitor} {name}".encode(errors="replace")).hexdigest()[:32]
        name_of_copy = f"watermark-{digest}{'.jpg' if suffix in IMAGE_SUFFIXES else '.mp4'}"
        path = self._context.media.derived_file(component_id, name_of_copy)
        text = f"{name}\n{clock.now_text()[:16].replace('T', ' ')} UTC"
        if not self._request("watermark", component_id, path, owner, suffix, watermark=text):
            raise ServiceUnavailable("Your name is being drawn on this file. Load it again in a moment.", 2)
        return path

    def _request(self, kind: str, component_id: str, path: Path, owner: Owner, suffix: str, **options: Any) -> bool:
        if path.is_file():
            return True
        # A movie that is uploaded again has another path, and is tried again.
        if path in self._failed:
            raise EncodeFailed(f"A {kind} cannot be made. {self._failed[path]}")
        make = partial(self._make, component_id, path, suffix, options)
        self._context.work.submit(kind, owner, make, is_background=True, key=str(path))
        return False

    def _make(self, component_id: str, path: Path, suffix: str, options: dict[str, Any], work: Work) -> None:
        media = self._context.media
        try:
            with work.folder() as folder:
                source = copy_source(media.path(component_id), folder / f"source{suffix}")
                (made,) = encode(work, source, folder, max_bytes=max(media.free_bytes(), 1), **options)
                media.keep_derived(made.path, path)
        except (Cancelled, InsufficientStorage):
            raise
        except Exception as error:
            is_known = isinstance(error, Error)
            if len(self._failed) >= _MAX_FAILED:
                self._failed.clear()
            self._failed[path] = (
                "The file is damaged or not supported." if is_known else "The log of the server has the reason."
            )
            raise
