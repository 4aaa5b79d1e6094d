"""The queue: the user's jobs on this machine, what each waits for, and running them in order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from ft_dcc import errors
from ft_dcc.files.sequences import split_frame_number
from ft_dcc.host import Host, Scene
from ft_dcc.publish import models, preparation, slots
from ft_dcc.publish.jobs import states
from ft_dcc.publish.jobs.job import Job, StudioIdentity, jobs_folder
from ft_dcc.publish.publisher import RETRYABLE_ERRORS, Publisher
from ft_dcc.session import Session


@attrs.frozen
class QueueItem:
    """A job as the queue shows it; ``state`` is one of the constants of ``states``."""

    job: Job
    state: str
    studio: StudioIdentity = attrs.field(factory=partial(StudioIdentity, ""))
    # The program in which the job was created, None for files, and the file that was open there: None if it had no name
    # or nothing was validated yet.
    host: str | None = None
    scene: Path | None = None
    request: models.PublishRequest | None = None
    # The ids of the versions that exist.
    versions: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    # In seconds since 1970.
    created: float = 0.0
    # The numbers of the sources whose versions exist.
    published: frozenset[int] = frozenset()
    # The names and ids of the task.
    tasks: frozenset[str] = frozenset()
    # The id of a later job that has published a source of this one.
    successor: str | None = None
    # Whether a publish has begun.
    is_started: bool = False

    @property
    def server(self) -> str:
        """The address that the studio of the job had."""
        return self.studio.server

    def waiting_reason(self, studio: StudioIdentity | None) -> str:
        """Return why the job waits for a client of this studio, if known; "" if it does not, or its problems say it."""
        if self.state != states.WAITING:
            return ""
        if studio is not None and not self.studio.is_same(studio):
            return f"It waits for another server: {self.server}."
        if self.problems:
            return ""
        return "It was interrupted." if self.is_started else f"{self.server} did not answer."

    @property
    def help(self) -> str:
        """What the artist must do before the job can resume; "" if nothing."""
        if self.state == states.SUPERSEDED:
            return (
                f"The later job {self.successor} has published its source. Delete it: ft-dcc queue drop {self.job.id}. "
                "For a new version, publish again."
            )
        if self.state != states.NEEDS_SCENE:
            return ""
        if self.scene is None:
            return f"Publish again from {self.host}, then remove this job: ft-dcc queue drop {self.job.id}"
        return f"Open {self.scene} in {self.host} and resume the job there, or: ft-dcc queue resume {self.job.id}"

    def can_resume(self, host: Host | None) -> bool:
        """Return whether the job waits for the server only, or for the scene that is open in this host."""
        if self.state == states.NEEDS_SCENE and host is not None and self.scene is not None and host.name == self.host:
            return host.run_in_main_thread(host.scene).path == self.scene
        return self.state == states.WAITING


def queue_items(jobs: Path | None = None) -> list[QueueItem]:
    """Return every job of the folder, oldest first; those that a later job has made obsolete are SUPERSEDED."""
    folder = jobs_folder(jobs)
    if not folder.is_dir():
        return []
    existing = (item for item in map(inspect_job, _jobs_in(folder)) if item.created)
    items = sorted(existing, key=lambda item: (item.created, item.job.id))
    published = [item for item in items if item.versions]
    return [_superseded(item, published) for item in items]


def find_item(text: str, jobs: Path | None = None) -> QueueItem:
    """Return the job with this id, or with this unique beginning or end of the id; raise JobNotFound."""
    job = Job.find(jobs_folder(jobs), text)
    return next((item for item in queue_items(jobs) if item.job == job), None) or inspect_job(job)


def _jobs_in(folder: Path) -> Iterator[Job]:
    return (job for path in folder.iterdir() if (job := Job(path)).journal.path.is_file())


def _superseded(item: QueueItem, published: Iterable[QueueItem]) -> QueueItem:
    """Return the item, as SUPERSEDED if one of the published jobs has made it obsolete."""
    if item.state in (states.DONE, states.RUNNING, states.ROLLBACK_PENDING, states.UNREADABLE):
        return item
    successor = _find_successor(item, published)
    return item if successor is None else attrs.evolve(item, state=states.SUPERSEDED, successor=successor.job.id)


def _find_successor(item: QueueItem, others: Iterable[QueueItem]) -> QueueItem | None:
    """Return a later job that published a source of this one, whose version would be older than the newest, or None."""
    wanted = _sources(item, without=item.published)
    if not wanted or not item.tasks:
        return None
    for other in others:
        is_later = other.created > item.created and other.studio.is_same(item.studio) and other.tasks & item.tasks
        if is_later and wanted & _sources(other):
            return other
    return None


def _sources(item: QueueItem, without: Collection[int] = ()) -> set[tuple[object, ...]]:
    """Return the host, the scene, the asset and the text of each source; sources are numbered from 1."""
    if item.request is None:
        return set()
    return {
        (item.host, str(item.scene or ""), item.request.asset, split_frame_number(text) or text)
        for number, text in enumerate(item.request.source or ("",), 1)
        if number not in without
    }


def last_request(host: str, task_id: str | None, jobs: Path | None = None) -> models.PublishRequest | None:
    """Return the last request in this program for the task, without the texts about that version."""
    for item in reversed(queue_items(jobs)):
        if task_id and item.host == host and item.request is not None and item.request.task == task_id:
            return attrs.evolve(item.request, comment="", note="", label=None)
    return None


def inspect_job(job: Job) -> QueueItem:
    """Return the item of a job; the item of a job whose journal cannot be read is UNREADABLE."""
    try:
        request, events = job.request(), job.journal.events()
    except errors.JobNotFound as error:
        created = 0.0
        # The job may have been removed in the meantime.
        with suppress(FileNotFoundError):
            created = job.journal.path.stat().st_mtime
        return QueueItem(job, states.UNREADABLE, problems=(str(error),), created=created)
    validation: Mapping[str, Any] = next((event for event in reversed(events) if "validation" in event), {})
    state = _state(job, events, validation)
    # A job that is done has overcome its errors.
    steps = [event["step"] for event in events if "step" in event and state != states.DONE]
    failed = [step["error"] for step in steps if step["error"]]
    stopped = _stopped(events)
    reasons = failed if stopped is None or validation.get("problems") else [stopped["stopped"]]
    collected = validation.get("context", {})
    task: models.Task | None = collected.get(slots.TASK.key)
    scenes: list[Scene] = [event["captured"].scene for event in events if "captured" in event]
    scenes += [collected[slots.SCENE.key]] if slots.SCENE.key in collected else []
    registered = _registered(events)
    return QueueItem(
        job=job,
        state=state,
        studio=StudioIdentity.named_in(events),
        host=events[0].get("host"),
        scene=scenes[0].path if scenes else None,
        request=request,
        versions=tuple(registered.values()),
        problems=(*(problem["message"] for problem in validation.get("problems", ())), *reasons[-1:]),
        created=events[0]["created"],
        published=frozenset(registered),
        tasks=frozenset(filter(None, (request.task, *(() if task is None else (task.id, task.path))))),
        is_started=any(event.get("requested") == "publish" for event in events),
    )


def _registered(events: Iterable[Mapping[str, Any]]) -> dict[int, str]:
    """Return the ids of the versions that exist, by the numbers of their sources."""
    return {
        int(number): values[slots.REGISTERED.key].version_id
        for event in events
        for number, values in event.get("sets", {}).items()
        if slots.REGISTERED.key in values
    }


def publish_once(publisher: Publisher, request: models.PublishRequest, job_id: str) -> models.Published:
    """Publish the request as the job of this id, and return the result again if it is done.

    An interrupted job is resumed, and one that stopped before anything was uploaded starts again with this request.
    Raises what ``Publisher.resume`` raises, and StorageError.
    """
    jobs = jobs_folder(publisher.jobs)
    job = ensure_job(request, publisher.session.server_url, publisher.host, jobs, job_id, publisher.session)
    with removed_if_refused(job):
        return publisher.resume(job.id)


@contextmanager
def removed_if_refused(job: Job) -> Iterator[None]:
    """Delete the job if the block raises an error that the artist can fix before anything was captured or uploaded."""
    try:
        yield
    except errors.UserFixableError as error:
        if job.journal.path.is_file():
            events = job.journal.events()
            if not any("captured" in event or event.get("validation") == "passed" for event in events):
                job.remove()
                error.details.pop("job", None)
        raise


def ensure_job(
    request: models.PublishRequest,
    server_url: str,
    host: Host | None,
    jobs: Path,
    job_id: str,
    session: Session | None = None,
) -> Job:
    """Return the job of this id; create it if it is missing or must start again. Raises StorageError."""
    job = Job(jobs / job_id)
    if job.journal.path.is_file() and must_restart(job):
        job.remove()
    if not job.journal.path.is_file():
        preparation.prepare(request, server_url, host, jobs, job_id, session)
    return job


def must_restart(job: Job) -> bool:
    """Return whether the job was stopped by a problem that may be fixed by now, before anything was uploaded."""
    state = inspect_job(job).state
    return state in (states.CHECKED, states.UNREADABLE) or (state == states.FAILED and not job.is_validated)


def _stopped(events: list[dict[str, Any]]) -> Mapping[str, Any] | None:
    """Return the event that ended the last run with an error, None if the run was interrupted or is not over."""
    ends = (event for event in reversed(events) if "stopped" in event or event.get("requested") == "publish")
    last: Mapping[str, Any] = next(ends, {})
    return last if "stopped" in last else None


def _state(job: Job, events: list[dict[str, Any]], validation: Mapping[str, Any]) -> str:
    if "end" in events[-1]:
        return states.DONE
    if job.is_locked():
        return states.RUNNING
    last_request = next((event["requested"] for event in reversed(events) if "requested" in event), None)
    if last_request == "drop":
        return states.ROLLBACK_PENDING
    stopped = _stopped(events)
    is_permanent = stopped is not None and not stopped["can_retry"]
    can_retry = validation.get("can_retry", False) if stopped is None else stopped["can_retry"]
    if validation.get("validation") == "failed" and not can_retry:
        return states.FAILED
    is_captured = events[0].get("host") is None or any("captured" in event for event in events)
    if not validation and last_request == "validate":
        # The artist reads the problems, or has left: a publish was not requested.
        return states.CHECKED
    if not is_captured and (not validation or _has_uncaptured_camera(events, validation)):
        return states.NEEDS_SCENE
    return states.FAILED if is_permanent else states.WAITING


def _has_uncaptured_camera(events: list[dict[str, Any]], validation: Mapping[str, Any]) -> bool:
    found = [instance["data"] for instance in validation["instances"] if slots.SOURCE.key in instance["data"]]
    cameras = {data[slots.NUMBER.key] for data in found if data[slots.SOURCE.key].kind == "camera"}
    captured = {
        event["number"]
        for event in events
        if "step" in event and event["step"]["name"] == "CaptureFrames" and event["step"]["error"] is None
    }
    return not cameras <= captured


@attrs.frozen
class JobResult:
    """The result of a job in a round of the queue: what it published, or the error that stopped it."""

    item: QueueItem
    published: models.Published | None = None
    error: errors.Error | None = None

    @property
    def is_done(self) -> bool:
        """Whether the job is complete."""
        return self.published is not None and not self.published.problems

    @property
    def is_retryable(self) -> bool:
        """Whether the next round may succeed without a change by the artist."""
        unfinished = () if self.published is None else self.published.unfinished
        return any(isinstance(error, RETRYABLE_ERRORS) for error in (self.error, *unfinished))


def process_queue(
    publisher: Publisher, without: Collection[str] = (), *, retry_failed: bool = False
) -> Iterator[JobResult]:
    """Resume every job that waits for this server, oldest first, and yield the result of each.

    If the publisher has a host, jobs that need the scene that is open in it are included, with ``retry_failed`` those
    that failed, too. Jobs whose id is in ``without`` are skipped. A server that does not answer ends the round, so that
    the order is kept. Media that a crash left in finished jobs is deleted, and cancelled jobs are rolled back.
    """
    items, studio = queue_items(publisher.jobs), StudioIdentity.of(publisher.session)
    done = {item.job.id for item in items if item.state == states.DONE}
    for item in items:
        if item.state == states.DONE:
            item.job.delete_media()
        if not item.studio.is_same(studio) or item.job.id in without:
            continue
        try:
            if item.state == states.ROLLBACK_PENDING:
                publisher.drop(item.job.id)
            if not item.can_resume(publisher.host) and not (retry_failed and item.state == states.FAILED):
                continue
            _raise_if_superseded(item, done)
            yield JobResult(item, publisher.resume(item.job.id))
        except errors.Cancelled:
            raise
        except errors.Error as error:
            yield JobResult(item, error=error)
            if isinstance(error, errors.ServerUnreachable):
                return


def _raise_if_superseded(item: QueueItem, done: Collection[str]) -> None:
    """Raise UserFixableError if a job of the meantime has published the source, JobLocked if one is about to."""
    changed = [inspect_job(job) for job in _jobs_in(item.job.folder.parent) if job.id not in done]
    found = _find_successor(item, [other for other in changed if other.versions or other.state == states.RUNNING])
    if found is not None and found.versions:
        raise errors.UserFixableError(_superseded(item, [found]).help)
    if found is not None:
        raise errors.JobLocked(f"The later job {found.job.id} publishes its source now. Wait until it ends.")
