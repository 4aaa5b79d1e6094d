"""The job folder: whatever a publish needs to go on, after a crash, a restart or a dead network."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import filelock

from ft_dcc.config import read_settings
from ft_dcc.errors import DiskUnusable, JobLocked, JobNotFound
from ft_dcc.publish.journal import Journal
from ft_dcc.publish.records import PublishRequest

# Of the journal: raised when an older reader would misunderstand it.
_FORMAT = 2


def jobs_folder(jobs: Path | None = None) -> Path:
    """Return where the jobs lie: the folder that is given, else the setting ``jobs``."""
    return (jobs or Path(read_settings().need("jobs"))).absolute()


def new_id() -> str:
    """Return an id that no job has yet, for one that begins now."""
    now = time.time()
    moment = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now))
    return f"{moment}-{int(now % 1 * 1e6):06d}-{secrets.token_hex(2)}"


@attrs.frozen
class Job:
    """One publish in progress, or done; its name says when it began, in UTC, so that jobs sort by age."""

    folder: Path

    @classmethod
    def create(
        cls, jobs: Path, request: PublishRequest, server_url: str, host: str | None = None, job_id: str | None = None
    ) -> Job:
        """Return a new job, whose journal begins with what is asked for, of which server and in which host.

        Raises DiskUnusable.
        """
        job = cls(jobs / (job_id or new_id()))
        job.make(job.folder)
        first = {"job": job.id, "format": _FORMAT, "server": server_url, "host": host, "request": request}
        job.journal.append(first)
        return job

    @classmethod
    def open(cls, jobs: Path, job_id: str) -> Job:
        """Return the job with this id; raises JobNotFound."""
        job = cls(jobs / job_id)
        if not job_id or Path(job_id).name != job_id or not job.journal.path.is_file():
            raise JobNotFound(f"There is no job {job_id!r} in {jobs}. Look for it with: ft-dcc queue list.")
        return job

    @property
    def id(self) -> str:
        """The name that ``ft-dcc queue`` knows it by."""
        return self.folder.name

    @property
    def journal(self) -> Journal:
        """What has happened so far."""
        return Journal(self.folder / "journal.jsonl")

    def request(self) -> PublishRequest:
        """Return what was asked for; raises JobNotFound for a journal of another format, or without a beginning."""
        events = self.journal.events()
        if not events:
            raise JobNotFound(
                f"The job {self.id} was stopped before it was written down. "
                f"Publish again, and give it up: ft-dcc queue drop {self.id}."
            )
        if events[0].get("format") != _FORMAT:
            raise JobNotFound(f"The journal of {self.id} was written by another version of ft-dcc. Publish it again.")
        request: PublishRequest = events[0]["request"]
        return request

    @property
    def is_begun(self) -> bool:
        """Whether anything has happened since it was made; raises JobNotFound."""
        return len(self.journal.events()) > 1

    @property
    def report(self) -> Path:
        """Where the report of the last run lies."""
        return self.folder / "report.json"

    def make(self, folder: Path) -> Path:
        """The folder exists; raises DiskUnusable."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DiskUnusable(
                f"The job folder {folder} cannot be made: {error.strerror}. Free space there, or set FT_DCC_JOBS."
            ) from error
        return folder

    def media_folder(self, number: int) -> Path:
        """Return the folder, made, for the frames, film and thumbnail of the source with this number."""
        return self.make(self.folder / str(number))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else works on the job, in whichever process; raises JobLocked."""
        with held(self.folder / "job.lock", f"works on the job {self.id}", f"The job folder {self.folder}"):
            yield

    def is_locked(self) -> bool:
        """Whether somebody works on the job right now."""
        try:
            with self.locked():
                return False
        except JobLocked:
            return True

    def finish(self) -> None:
        """The job is done: its journal and its report stay, its frames and films give their room back."""
        self.journal.append({"end": "done"})
        self.give_room_back()

    def give_room_back(self) -> None:
        """The frames and films of a job that is done are gone."""
        for folder in self.folder.iterdir():
            if folder.is_dir():
                # The version is complete; a file that somebody still looks at goes with the folder, later.
                shutil.rmtree(folder, ignore_errors=True)

    def remove(self) -> None:
        """The folder and all that is in it is gone; raises DiskUnusable."""
        try:
            shutil.rmtree(self.folder)
        except OSError as error:
            raise DiskUnusable(f"The job folder {self.folder} cannot be removed: {error.strerror}.") from error


@contextmanager
def held(lock_file: Path, doing: str, place: str) -> Iterator[None]:
    """Nobody else holds the file, in whichever process.

    Raises JobLocked, which says what somebody else is ``doing``, and DiskUnusable, which names the ``place``.
    """
    # Whoever only looks whether it is locked holds it for a moment, too.
    lock = filelock.FileLock(lock_file, timeout=0.3)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise JobLocked(f"Somebody else {doing}. Wait for it to end.") from error
    except OSError as error:
        raise DiskUnusable(f"{place} cannot be locked: {error.strerror}.") from error
    try:
        yield
    finally:
        # The system gives the lock back when the process dies, however it dies.
        lock.release()
