"""Publish, and resume a publish that was interrupted."""

from __future__ import annotations

import difflib
import logging
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from ft_dcc import errors
from ft_dcc.host import ProvidesPlugins
from ft_dcc.publish import encode_source, models, progress, report, slots
from ft_dcc.publish.jobs import offline_capture, rollback
from ft_dcc.publish.jobs.checkpoint import CheckpointStore
from ft_dcc.publish.jobs.job import Job, jobs_folder
from ft_dcc.publish.pipeline import pyblish_adapter, registry
from ft_dcc.publish.pipeline.runner import PluginRunner
from ft_dcc.publish.preparation import prepare
from ft_dcc.review.feedback import open_notes_of_last_version
from ft_dcc.session.transport.cancellation import cancel_scope

if TYPE_CHECKING:
    from ft_dcc.host import Host
    from ft_dcc.review.notes import ReviewedVersion
    from ft_dcc.session import Session

# Errors that have nothing to do with the job itself: a later run can succeed without a change of the request.
RETRYABLE_ERRORS = (
    errors.AuthenticationError,
    errors.ConnectionClosedError,
    errors.JobLocked,
    errors.ServerUnreachable,
    errors.StorageError,
    errors.TransferFailed,
)
log = logging.getLogger(__name__)

# pyblish's registries and the root logger's level belong to the process.
_PROCESS_LOCK = threading.Lock()


@attrs.frozen
class Publisher:
    """Publishes with a session, from a host's scene or from files.

    ``host`` is the program whose scene is open; without it the sources are frames and movies. ``jobs`` is the folder of
    the job folders, by default the setting. Setting ``cancel`` stops the work within a moment and rolls it back.
    """

    session: Session
    host: Host | None = None
    on_progress: progress.OnProgress | None = None
    jobs: Path | None = None
    cancel: threading.Event = attrs.field(factory=threading.Event)

    def publish(self, request: models.PublishRequest) -> models.Published:
        """Publish every source that has no problem as a complete version in its review session.

        If no source can be published, the only problem, or ValidationFailed with all of them, is raised. Cancelled is
        raised after a cancel. An error after validation has the job's id in its message: ``resume`` continues from
        there and captures nothing again. If the server is unreachable before validation, the cameras are captured and
        the job waits in the queue.
        """
        plugins = self._plugins()
        job = prepare(request, self.session.server_url, self.host, self.jobs)
        try:
            return self._run_job(job, plugins)
        except errors.ServerUnreachable as error:
            error.message += self._capture_offline(job)
            raise

    def enqueue(self, request: models.PublishRequest) -> str:
        """Capture the cameras of a job that waits for its server, and return a sentence for the artist.

        Raises StorageError, what prevents the capture of a camera, and the errors of sources that cannot be read.
        """
        job = prepare(request, self.session.server_url, self.host, self.jobs)
        return self._capture_offline(job) or f" The job {job.id} waits in the queue."

    def resume(self, job_id: str) -> models.Published:
        """Continue a publish with its first unfinished step; return the result again if the job is done.

        Raises JobNotFound, JobLocked, and what ``publish`` raises.
        """
        plugins = self._plugins()
        return self._run_job(Job.open(jobs_folder(self.jobs), job_id), plugins)

    def validate(self, request: models.PublishRequest) -> PublishCheck:
        """Return a publish that is validated and not yet run; raise errors that make validation impossible."""
        plugins = self._plugins()
        job = prepare(request, self.session.server_url, self.host, self.jobs)
        job.journal.append({"requested": "validate"})
        context = self._context(job)
        check = PublishCheck(job, PluginRunner(context, plugins, CheckpointStore(job.journal, context)))
        try:
            with check._locked():
                check._runner.validate()
        except errors.Error:
            check.discard()
            raise
        return check

    def drop(self, job_id: str) -> None:
        """Remove a job and its uploads for versions that do not exist.

        Raises JobNotFound, JobLocked, ServerUnreachable or StorageError.
        """
        rollback.drop(Job.open(jobs_folder(self.jobs), job_id), self.session)

    def _plugins(self) -> list[pyblish_adapter.PluginClass]:
        if self.host is None:
            return registry.find_plugins()
        return registry.find_plugins(
            self.host.name, self.host.plugins if isinstance(self.host, ProvidesPlugins) else None
        )

    def _capture_offline(self, job: Job) -> str:
        return offline_capture.capture_offline(job, self.host, progress.ProgressReporter(self.on_progress, self.cancel))

    def _run_job(self, job: Job, plugins: list[pyblish_adapter.PluginClass]) -> models.Published:
        context = self._context(job)
        with rollback.rolled_back_when_cancelled(job, self.session), _exclusive(job, slots.PROGRESS.get(context)):
            job.journal.repair_tail()
            captured = next((event["captured"] for event in job.journal.events() if "captured" in event), None)
            if captured is not None:
                slots.OFFLINE_CAPTURE.set(context, captured)
            job.journal.append({"requested": "publish"})
            checkpoint = CheckpointStore(job.journal, context)
            checkpoint.restore()
            return _run(job, PluginRunner(context, plugins, checkpoint))

    def _context(self, job: Job) -> pyblish_adapter.Context:
        context = pyblish_adapter.Context()
        slots.REQUEST.set(context, job.request())
        slots.SESSION.set(context, self.session)
        slots.JOB.set(context, job)
        slots.PROGRESS.set(context, progress.ProgressReporter(self.on_progress, self.cancel))
        if self.host is not None:
            slots.HOST.set(context, self.host)
        return context


def publish(
    request: models.PublishRequest, session: Session, host: Host | None = None, **options: Any
) -> models.Published:
    """Call ``Publisher(session, host, …).publish(request)``."""
    return Publisher(session, host, **options).publish(request)


@attrs.frozen
class PublishCheck:
    """A validated publish: its problems are known, and those with a repair can be repaired.

    Nothing is captured or sent before ``publish``; ``discard`` removes the job.
    """

    job: Job
    _runner: PluginRunner

    @property
    def problems(self) -> tuple[errors.ValidationIssue, ...]:
        """The remaining problems."""
        return self._runner.problems

    @property
    def checks(self) -> tuple[str, ...]:
        """The names of all checks."""
        return self._runner.checks

    @property
    def planned(self) -> list[dict[str, str]]:
        """What would be published: one row of texts for each source."""
        return report.planned_versions(self._runner.context)

    @property
    def has_publishable(self) -> bool:
        """Whether a source has no problem, so that ``publish`` publishes it."""
        return self._runner.has_publishable

    def find_open_notes(self) -> ReviewedVersion | None:
        """Return the last version of the task with its open notes that this publish does not address, or None.

        They are a reminder, not a problem: without an answer of the server, None is returned and the error is logged.
        """
        context = self._runner.context
        task, options = slots.TASK.find(context), slots.OPTIONS.find(context)
        if task is None:
            return None
        addressed = () if options is None else options.addresses
        try:
            return open_notes_of_last_version(slots.SESSION.get(context), task.id, addressed)
        except errors.Cancelled:
            raise
        except errors.Error as error:
            log.info("The open notes of the last version are unknown: %s", error)
            return None

    def repair(self, problem: errors.ValidationIssue) -> errors.ValidationIssue | None:
        """Repair a problem, check its source again, and return the problem that remains.

        Raises UserFixableError if it has no repair, and what the repair raises.
        """
        with self._locked():
            return self._runner.repair(problem)

    def repair_named(self, names: Collection[str]) -> list[str]:
        """Run the repairs of the problems of these checks, of all checks without names, and return a line for each.

        Raises SettingInvalid for a check that does not exist, after discarding the job, and the errors of repairs.
        """
        for name in names:
            if name not in self.checks:
                near = difflib.get_close_matches(name, self.checks, 1, 0.5)
                hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(self.checks)}."
                self.discard()
                raise errors.SettingInvalid(f"There is no check {name!r}. {hint}")
        chosen = [problem for problem in self.problems if not names or problem.check in names]
        repairable = [problem for problem in chosen if problem.repair is not None]
        if not repairable:
            return ["No problem has a repair." if chosen else "These checks found no problem to repair."]
        lines = []
        for problem in repairable:
            remaining = self.repair(problem)
            lines.append(f"{problem.check}: {problem.repair}: {'done' if remaining is None else remaining.message}")
        return lines

    def prepare(self) -> tuple[Path, ...]:
        """Capture and encode the sources without a problem, send nothing, and return their movies and stills.

        ``publish`` then sends exactly these files, and ``discard`` deletes them. Raises what ``Publisher.publish``
        raises after validation.
        """
        with self._locked():
            try:
                self._runner.prepare()
            finally:
                for instance in self._runner.context:
                    encode_source.stop_live_encodes(instance)
            return tuple(slots.MOVIE.get(instance).path for instance in self._runner.context)

    def publish(self) -> models.Published:
        """Publish the sources without a problem; raise what ``Publisher.publish`` raises after validation."""
        self.job.journal.append({"requested": "publish"})
        with rollback.rolled_back_when_cancelled(self.job, slots.SESSION.get(self._runner.context)), self._locked():
            return _run(self.job, self._runner)

    def discard(self) -> None:
        """Remove the job; raise StorageError."""
        self.job.remove()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with _exclusive(self.job, slots.PROGRESS.get(self._runner.context)):
            yield


@contextmanager
def _exclusive(job: Job, reporter: progress.ProgressReporter) -> Iterator[None]:
    """Lock the job and the process for one publish; a cancel interrupts requests to the server."""
    with job.locked():
        while not _PROCESS_LOCK.acquire(timeout=0.1):
            reporter.raise_if_cancelled()
        try:
            with pyblish_adapter.guarded_logging(), cancel_scope(reporter.raise_if_cancelled):
                yield
        finally:
            _PROCESS_LOCK.release()


def _run(job: Job, runner: PluginRunner) -> models.Published:
    stopped: errors.Error | None = None
    try:
        runner.run()
    except errors.Cancelled:
        raise
    except errors.Error as error:
        stopped = error
    finally:
        for instance in runner.context:
            encode_source.stop_live_encodes(instance)
    if stopped is None and runner.failures:
        stopped = runner.failures[0].error
    if stopped is not None:
        stopped.details.setdefault("job", job.id)
    if isinstance(stopped, (errors.EncodeFailed, errors.PluginBroken)):
        stopped.message += f" Details: {job.report}"
    if stopped is not None and _can_resume(job, runner, stopped):
        stopped.message += f" When it is fixed: 'ft-dcc queue resume {job.id}'."
    published = _finish(job, runner, _published(job, runner, stopped), stopped)
    if stopped is not None and not published.versions:
        raise stopped
    return published


def _can_resume(job: Job, runner: PluginRunner, stopped: errors.Error) -> bool:
    """Return whether a resume may succeed: not without the task, nor after the job folder was deleted."""
    is_past_validation = runner.checkpoint.is_validated and not isinstance(stopped, errors.TaskNotFound)
    return job.journal.path.is_file() and (is_past_validation or isinstance(stopped, errors.ServerUnreachable))


def _published(job: Job, runner: PluginRunner, stopped: errors.Error | None) -> models.Published:
    problems = [*runner.checkpoint.problems, *(failure.problem for failure in runner.failures)]
    unfinished = [failure.error for failure in runner.failures]
    if stopped is not None and stopped not in unfinished:
        unfinished.append(stopped)
        if runner.checkpoint.is_validated:
            user_can_fix = isinstance(stopped, errors.UserFixableError)
            problems.append(errors.ValidationIssue("Publish", "", str(stopped), user_can_fix=user_can_fix))
    task = slots.TASK.find(runner.context)
    return models.Published(
        job=job.folder,
        task="" if task is None else task.path,
        versions=tuple(
            _version(instance) for instance in runner.context if slots.REGISTERED.find(instance) is not None
        ),
        problems=tuple(problems),
        steps=tuple(runner.checkpoint.steps),
        unfinished=tuple(unfinished),
    )


def _finish(
    job: Job, runner: PluginRunner, published: models.Published, stopped: errors.Error | None
) -> models.Published:
    """Write the report, and finish the job if nothing stopped it; a report that fails is one more problem."""
    try:
        report.write_report(job, runner.context, published, stopped)
        if stopped is None:
            job.finish()
        elif job.journal.path.is_file():
            can_retry = any(isinstance(error, RETRYABLE_ERRORS) for error in published.unfinished)
            key = slots.SESSION.get(runner.context).api_key
            job.journal.append({"stopped": report.mask(str(stopped), key), "can_retry": can_retry})
    except errors.StorageError as error:
        # The result of the publish matters more than its report.
        problem = errors.ValidationIssue("Report", "", str(error), user_can_fix=False)
        return attrs.evolve(published, problems=(*published.problems, problem))
    return published


def _version(instance: pyblish_adapter.Instance) -> models.PublishedVersion:
    of_media = (file.changes for file in report.encoded_files(instance) if file.changes)
    changes = tuple(dict.fromkeys((*(slots.WARNINGS.find(instance) or ()), *of_media)))
    return attrs.evolve(slots.REGISTERED.get(instance), link=slots.LINK.find(instance), changes=changes)
