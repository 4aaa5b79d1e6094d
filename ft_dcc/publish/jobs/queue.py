"""The queue: the user's jobs on this machine, what each waits for, and running them in order."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from ft_dcc import errors
from ft_dcc.publish import models, slots
from ft_dcc.publish.jobs.job import Job, jobs_folder
from ft_dcc.publish.publisher import Publisher

if TYPE_CHECKING:
    from ft_dcc.host import Host, Scene

DONE = "done"
RUNNING = "running"
VALIDATION_FAILED = "validation failed"
CHECKED = "checked"
NEEDS_SCENE = "needs its scene"
WAITING = "waiting"
ROLLBACK_PENDING = "rollback pending"
UNREADABLE = "unreadable"

# Errors that have nothing to do with the job itself.
_RETRYABLE = (errors.ServerUnreachable, errors.TransferFailed, errors.JobLocked)


@attrs.frozen
class QueueItem:
    """A job as the queue shows it.

    ``state`` is one of this module's constants, ``versions`` are the ids of the versions that exist. ``host`` is the
    program in which the job was created, None for files. ``scene`` is the file that was open there, None if it had no
    name or nothing was validated yet.
    """

    job: Job
    state: str
    server: str = ""
    host: str | None = None
    scene: Path | None = None
    request: models.PublishRequest | None = None
    versions: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def help(self) -> str:
        """What the artist must do before the job can resume; "" if nothing."""
        if self.state != NEEDS_SCENE:
            return ""
        if self.scene is None:
            return f"Publish again from {self.host}, then remove this job: ft-dcc queue drop {self.job.id}"
        return f"Open {self.scene} in {self.host} and resume the job there, or: ft-dcc queue resume {self.job.id}"

    def can_resume(self, host: Host | None) -> bool:
        """Return whether the job waits for the server only, or for the scene that is open in this host."""
        if self.state == NEEDS_SCENE and host is not None and self.scene is not None and host.name == self.host:
            return host.run_in_main_thread(host.scene).path == self.scene
        return self.state == WAITING

    @property
    def is_done(self) -> bool:
        """Whether all versions of the job are complete."""
        return self.state == DONE

    @property
    def is_running(self) -> bool:
        """Whether a process works on the job."""
        return self.state == RUNNING

    @property
    def is_checked(self) -> bool:
        """Whether the job was validated, and a publish was not requested yet."""
        return self.state == CHECKED

    @property
    def needs_scene(self) -> bool:
        """Whether the job can only resume in the program in which it was created."""
        return self.state == NEEDS_SCENE


def queue_items(jobs: Path | None = None) -> list[QueueItem]:
    """Return every job of the folder, oldest first."""
    folder = jobs_folder(jobs)
    if not folder.is_dir():
        return []
    found = (Job(path) for path in sorted(folder.iterdir()))
    return [inspect_job(job) for job in found if job.journal.path.is_file()]


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
        return QueueItem(job, UNREADABLE, problems=(str(error),))
    validation: Mapping[str, Any] = next((event for event in reversed(events) if "gate" in event), {})
    state = _state(job, events, validation)
    # A job that is done has overcome its errors.
    steps = [event["step"] for event in events if "step" in event and state != DONE]
    failed = [step["error"] for step in steps if step["error"]]
    return QueueItem(
        job=job,
        state=state,
        server=events[0]["server"],
        host=events[0].get("host"),
        scene=_scene_path(events, validation),
        request=request,
        versions=tuple(_versions(events)),
        problems=(*(problem["message"] for problem in validation.get("problems", ())), *failed[-1:]),
    )


def _scene_path(events: list[dict[str, Any]], validation: Mapping[str, Any]) -> Path | None:
    captured = [event["captured"].scene for event in events if "captured" in event]
    collected = [value for key, value in validation.get("context", {}).items() if key == slots.SCENE.key]
    scenes: list[Scene] = [*captured, *collected]
    return scenes[0].path if scenes else None


def _state(job: Job, events: list[dict[str, Any]], validation: Mapping[str, Any]) -> str:
    if "end" in events[-1]:
        return DONE
    if job.is_locked():
        return RUNNING
    last_request = next((event["wish"] for event in reversed(events) if "wish" in event), None)
    if last_request == "drop":
        return ROLLBACK_PENDING
    if validation.get("gate") == "shut":
        return VALIDATION_FAILED
    is_captured = events[0].get("host") is None or any("captured" in event for event in events)
    if validation:
        return NEEDS_SCENE if not is_captured and _has_uncaptured_camera(events, validation) else WAITING
    if last_request == "judge":
        # The artist reads the problems, or has left: a publish was not requested.
        return CHECKED
    return WAITING if is_captured else NEEDS_SCENE


def _has_uncaptured_camera(events: list[dict[str, Any]], validation: Mapping[str, Any]) -> bool:
    cameras = {
        instance["data"][slots.NUMBER.key]
        for instance in validation["instances"]
        if slots.SOURCE.key in instance["data"] and instance["data"][slots.SOURCE.key].kind == "camera"
    }
    captured = {
        event["number"]
        for event in events
        if "step" in event and event["step"]["name"] == "CaptureFrames" and event["step"]["error"] is None
    }
    return not cameras <= captured


def _versions(events: list[dict[str, Any]]) -> Iterator[str]:
    for event in events:
        for values in event.get("sets", {}).values():
            if slots.REGISTERED.key in values:
                yield values[slots.REGISTERED.key].version_id


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
        return any(isinstance(error, _RETRYABLE) for error in (self.error, *unfinished))


def process_queue(publisher: Publisher, without: Collection[str] = ()) -> Iterator[JobResult]:
    """Resume every job that waits for this server, oldest first, and yield the result of each.

    If the publisher has a host, jobs that need the scene that is open in it are included. Jobs whose id is in
    ``without`` are skipped. A server that does not answer ends the round, so that the order is kept. Media that a crash
    left in finished jobs is deleted, and cancelled jobs are rolled back.
    """
    for item in queue_items(publisher.jobs):
        if item.state == DONE:
            item.job.delete_media()
        if item.server != publisher.session.server_url or item.job.id in without:
            continue
        try:
            if item.state == ROLLBACK_PENDING:
                publisher.drop(item.job.id)
            if not item.can_resume(publisher.host):
                continue
            yield JobResult(item, publisher.resume(item.job.id))
        except errors.Cancelled:
            raise
        except errors.Error as error:
            yield JobResult(item, error=error)
            if isinstance(error, errors.ServerUnreachable):
                return
