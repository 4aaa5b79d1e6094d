"""The job folder: everything that a publish needs to resume after a crash, a restart or a lost connection."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import filelock

from ft_dcc.errors import JobLocked, JobNotFound, SettingInvalid
from ft_dcc.files.atomic import remove_tree, storage_errors
from ft_dcc.publish.jobs.journal import Journal, folder_errors
from ft_dcc.publish.models import PublishRequest
from ft_dcc.session import Session
from ft_dcc.settings.resolve import read_settings

# The version of the journal's format; raised when an older reader would misunderstand it.
_FORMAT = 3
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
class StudioIdentity:
    """The address of a server and the id of its studio; None for an ftrack site, or where the id is not known."""

    server: str
    id: str | None = None

    @classmethod
    def of(cls, session: Session) -> StudioIdentity:
        """Return the studio of a session."""
        return cls(session.server_url, session.server_information.get("studio_id"))

    @classmethod
    def named_in(cls, events: Sequence[Mapping[str, Any]]) -> StudioIdentity:
        """Return the studio that the events of a job name last."""
        event = next(each for each in reversed(events) if "server" in each)
        return cls(event["server"], event.get("studio"))

    def is_same(self, other: StudioIdentity) -> bool:
        """Return whether both are one studio: the ids decide, and the addresses where an id is not known."""
        if self.id is None or other.id is None:
            return self.server == other.server
        return self.id == other.id


@attrs.frozen
class Job:
    """One publish, in progress or done. Its name is its start time in UTC, so that jobs sort by age."""

    folder: Path
    # The request of a job that this process has created; others read it from the journal.
    _request: PublishRequest | None = attrs.field(default=None, eq=False, repr=False)

    @classmethod
    def create(
        cls,
        jobs: Path,
        request: PublishRequest,
        server_url: str,
        host: str | None = None,
        job_id: str | None = None,
        studio_id: str | None = None,
    ) -> Job:
        """Return a new job whose journal begins with the request, the server and the host; raise StorageError."""
        job = cls(jobs / (job_id or new_id()), request)
        job.make_folder(job.folder)
        event = {"job": job.id, "format": _FORMAT, "created": round(time.time(), 6), "server": server_url}
        job.journal.append({**event, "studio": studio_id, "host": host, "request": request})
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

    def assign(self, studio: StudioIdentity) -> None:
        """Record the id and the address of the job's studio; raise SettingInvalid if it belongs to another one."""
        if self.check_studio(studio) != studio:
            self.journal.append({"server": studio.server, "studio": studio.id})

    def check_studio(self, studio: StudioIdentity) -> StudioIdentity:
        """Return the studio that the job knows; raise SettingInvalid if it is another one, JobNotFound if none."""
        self.request()
        own = StudioIdentity.named_in(self.journal.events())
        if not own.is_same(studio):
            raise SettingInvalid(
                f"The job {self.id} belongs to another studio, at {own.server}, and you are signed in at "
                f"{studio.server}. Sign in there: ft-dcc login {own.server}. If it is gone, delete {self.folder}."
            )
        return own

    @property
    def is_started(self) -> bool:
        """Whether the journal has more than the request and the studio; raises JobNotFound."""
        return any("server" not in event for event in self.journal.events())

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
        with folder_errors(f"The job folder {folder} cannot be created"):
            folder.mkdir(parents=True, exist_ok=True)
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
                remove_tree(folder)

    def remove(self) -> None:
        """Delete the job folder; raise StorageError."""
        with storage_errors(f"The job folder {self.folder} cannot be removed"):
            shutil.rmtree(self.folder)


def last_studio_id(jobs: Path, server_url: str) -> str | None:
    """Return the id of the studio that the newest job for this server knows, or None."""
    for path in sorted(jobs.glob("*/journal.jsonl"), reverse=True):
        with contextlib.suppress(JobNotFound, StopIteration, KeyError):
            studio = StudioIdentity.named_in(Journal(path).events())
            if studio.server == server_url and studio.id is not None:
                return studio.id
    return None


@contextmanager
def file_lock(lock_file: Path, message: str, what: str) -> Iterator[None]:
    """Hold a lock file across processes; raise JobLocked with the message, or StorageError, which names ``what``."""
    lock = filelock.FileLock(lock_file, timeout=LOCK_TIMEOUT_SECONDS)
    with storage_errors(f"{what} cannot be locked"):
        try:
            lock.acquire()
        except filelock.Timeout as error:
            raise JobLocked(message) from error
    try:
        yield
    finally:
        # The operating system releases the lock of a process that dies.
        lock.release()
