"""The job folder: everything that a publish needs to resume after a crash, a restart or a lost connection."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import filelock

from ft_dcc.errors import JobLocked, JobNotFound, StorageError
from ft_dcc.files.atomic import write_remedy
from ft_dcc.publish.jobs.journal import Journal
from ft_dcc.publish.models import PublishRequest
from ft_dcc.settings.resolve import read_settings

# The version of the journal's format; raised when an older reader would misunderstand it.
_FORMAT = 2
# is_locked() holds the lock for a moment, too.
LOCK_TIMEOUT_SECONDS = 0.3


def jobs_folder(jobs: Path | None = None) -> Path:
    """Return the folder of the job folders: ``jobs`` if it is given, else the setting ``jobs``."""
    return (jobs or Path(read_settings().require("jobs"))).absolute()


def new_id() -> str:
    """Return a unique job id that begins with the current time in UTC."""
    now = time.time()
    timestamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now))
    return f"{timestamp}-{int(now % 1 * 1e6):06d}-{secrets.token_hex(2)}"


@attrs.frozen
class Job:
    """One publish, in progress or done. Its name is its start time in UTC, so that jobs sort by age."""

    folder: Path
    # The request of a job that this process has created; others read it from the journal.
    _request: PublishRequest | None = attrs.field(default=None, eq=False, repr=False)

    @classmethod
    def create(
        cls, jobs: Path, request: PublishRequest, server_url: str, host: str | None = None, job_id: str | None = None
    ) -> Job:
        """Return a new job whose journal begins with the request, the server and the host; raise StorageError."""
        job = cls(jobs / (job_id or new_id()), request)
        job.make_folder(job.folder)
        created = round(time.time(), 6)
        job.journal.append(
            {
                "job": job.id,
                "format": _FORMAT,
                "created": created,
                "server": server_url,
                "host": host,
                "request": request,
            }
        )
        return job

    @classmethod
    def open(cls, jobs: Path, job_id: str) -> Job:
        """Return the job with this id; raise JobNotFound."""
        job = cls(jobs / job_id)
        if not job_id or Path(job_id).name != job_id or not job.journal.path.is_file():
            raise JobNotFound(f"There is no job {job_id!r} in {jobs}. List the jobs with: ft-dcc queue list.")
        return job

    @classmethod
    def find(cls, jobs: Path, text: str) -> Job:
        """Return the job whose id is the text, or the only one whose id begins or ends with it; raise JobNotFound."""
        names = sorted(path.parent.name for path in jobs.glob("*/journal.jsonl"))
        matching = [name for name in names if text and (name.startswith(text) or name.endswith(text))]
        if text not in names and len(matching) > 1:
            raise JobNotFound(f"{text!r} names {len(matching)} jobs: {', '.join(matching[:5])}. Give more of the id.")
        return cls.open(jobs, text if text in names or not matching else matching[0])

    @property
    def id(self) -> str:
        """The id that ``ft-dcc queue`` shows."""
        return self.folder.name

    @property
    def journal(self) -> Journal:
        """The journal of the job."""
        return Journal(self.folder / "journal.jsonl")

    def request(self) -> PublishRequest:
        """Return the request; raise JobNotFound if the journal has another format or no first event."""
        if self._request is not None:
            return self._request
        events = self.journal.events()
        if not events:
            raise JobNotFound(
                f"The job {self.id} stopped before its request was written. "
                f"Publish again, then remove the job: ft-dcc queue drop {self.id}."
            )
        if events[0].get("format") != _FORMAT:
            raise JobNotFound(f"The journal of {self.id} was written by another version of ft-dcc. Publish it again.")
        request: PublishRequest = events[0]["request"]
        return request

    @property
    def is_started(self) -> bool:
        """Whether the journal has more than the request; raises JobNotFound."""
        return len(self.journal.events()) > 1

    @property
    def is_validated(self) -> bool:
        """Whether the job passed the validation barrier, so that it may have uploads; raises JobNotFound."""
        return any(event.get("validation") == "passed" for event in self.journal.events())

    @property
    def report(self) -> Path:
        """The path of the last run's report."""
        return self.folder / "report.json"

    def make_folder(self, folder: Path) -> Path:
        """Create the folder if it is missing and return it; raise StorageError."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(
                f"The job folder {folder} cannot be created: {error.strerror}. "
                + write_remedy(error, "Choose a writable folder with FT_DCC_JOBS.")
            ) from error
        return folder

    def media_folder(self, number: int) -> Path:
        """Return the folder of the frames and media of the source with this number, created if missing."""
        return self.make_folder(self.folder / str(number))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the job's lock; raise JobLocked if another process holds it."""
        message = f"Job {self.id} is locked by another process. Wait until it ends."
        with file_lock(self.folder / "job.lock", message, f"The job folder {self.folder}"):
            yield

    def is_locked(self) -> bool:
        """Return whether a process works on the job at the moment."""
        try:
            with self.locked():
                return False
        except JobLocked:
            return True

    def finish(self) -> None:
        """Mark the job as done and delete its frames and media; the journal and the report remain."""
        self.journal.append({"end": "done"})
        self.delete_media()

    def delete_media(self) -> None:
        """Delete the frames and movies of a finished job."""
        for folder in self.folder.iterdir():
            if folder.is_dir():
                # A file that is still open is deleted by a later round of the queue.
                shutil.rmtree(folder, ignore_errors=True)

    def remove(self) -> None:
        """Delete the job folder; raise StorageError."""
        try:
            shutil.rmtree(self.folder)
        except OSError as error:
            raise StorageError(f"The job folder {self.folder} cannot be removed: {error.strerror}.") from error


@contextmanager
def file_lock(lock_file: Path, message: str, what: str) -> Iterator[None]:
    """Hold a lock file across processes.

    Raises JobLocked with the ``message`` if another process holds it, and StorageError, which names ``what``, if the
    file cannot be locked.
    """
    lock = filelock.FileLock(lock_file, timeout=LOCK_TIMEOUT_SECONDS)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise JobLocked(message) from error
    except OSError as error:
        raise StorageError(f"{what} cannot be locked: {error.strerror}.") from error
    try:
        yield
    finally:
        # The operating system releases the lock of a process that dies.
        lock.release()
