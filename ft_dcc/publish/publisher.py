"""Publish, and resume a publish that was interrupted."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Callable

import attrs

from ft_dcc import errors
from ft_dcc.files import log_file
from ft_dcc.host import Host, ProvidesPlugins
from ft_dcc.publish import encode_source, models, progress, report, slots
from ft_dcc.publish.jobs import rollback
from ft_dcc.publish.jobs.job import Job, StudioIdentity, jobs_folder
from ft_dcc.publish.pipeline import pyblish_adapter, registry, runner
from ft_dcc.publish.pipeline.environment import Environment
from ft_dcc.publish.preparation import capture_offline, locate, prepare
from ft_dcc.review import feedback, notes
from ft_dcc.session import Session
from ft_dcc.session.transport.cancellation import cancel_scope
from ft_dcc.settings import resolve

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


@contextmanager
def _process_locked(raise_if_cancelled: Callable[[], None]) -> Iterator[None]:
    """Let plugins of other publishes of the process wait."""
    while not _PROCESS_LOCK.acquire(timeout=0.1):
        raise_if_cancelled()
    try:
        yield
    finally:
        _PROCESS_LOCK.release()


@attrs.frozen
class Publisher:
    """Publishes with a session, from a host's scene or from files."""

    session: Session
    # The program whose scene is open; without it the sources are frames and movies.
    host: Host | None = None
    on_progress: progress.OnProgress | None = None
    # The folder of the job folders, by default the setting.
    jobs: Path | None = None
    # Setting it stops the work within a moment and rolls it back.
    cancel: threading.Event = attrs.field(factory=threading.Event)

    def publish(self, request: models.PublishRequest) -> models.Published:
        """Publish every source that has no problem as a complete version in its review session.

        If no source can be published, the only problem, or ValidationFailed with all of them, is raised. Cancelled is
        raised after a cancel. An error after validation has the job's id in its message: ``resume`` continues from
        there and captures nothing again. If the server is unreachable before validation, the cameras are captured and
        the job waits in the queue.
        """
        with self._located(request) as (located, environment):
            job = self._prepare(located)
            try:
                return self._check(job, environment).publish()
            except errors.ServerUnreachable as error:
                error.message += capture_offline(job, self.host, self._reporter())
                raise

    def enqueue(self, request: models.PublishRequest) -> str:
        """Capture the cameras of a job that waits for its server, and return a sentence; raise as ``publish``."""
        located, found = locate(request, self.session.server_url, self.host)
        job = prepare(located, self.session.server_url, self.host, self.jobs, session=self.session, found=found)
        return capture_offline(job, self.host, self._reporter()) or f" The job {job.id} waits in the queue."

    def resume(self, job_id: str) -> models.Published:
        """Continue a publish or return its result; raise JobNotFound, JobLocked, SettingInvalid, as ``publish``."""
        job = Job.open(jobs_folder(self.jobs), job_id)
        with self._located(job.request()) as (_, environment):
            return self._check(job, environment).publish()

    def validate(self, request: models.PublishRequest) -> PublishCheck:
        """Return a publish that is validated and not yet run; raise errors that make validation impossible."""
        with self._located(request) as (located, environment):
            job = self._prepare(located)
            job.journal.append({"requested": "validate"})
            check = self._check(job, environment)
        try:
            with check._locked():
                check.validate()
        except errors.Error:
            check.discard()
            raise
        return check

    def drop(self, job_id: str) -> None:
        """Remove job and uploads; raise JobNotFound, JobLocked, SettingInvalid, ServerUnreachable, StorageError."""
        rollback.drop(Job.open(jobs_folder(self.jobs), job_id), self.session)

    @contextmanager
    def _located(self, request: models.PublishRequest) -> Iterator[tuple[models.PublishRequest, Environment]]:
        """Apply the settings of the request's project, and yield the located request and the plugins."""
        with cancel_scope(self._reporter().raise_if_cancelled):
            located, found = locate(request, self.session.server_url, self.host, self.session)
        with resolve.applied(found):
            own = self.host.plugins if isinstance(self.host, ProvidesPlugins) else None
            with _process_locked(self._reporter().raise_if_cancelled):
                environment = registry.find_plugins(None if self.host is None else self.host.name, own)
            yield located, environment

    def _prepare(self, located: models.PublishRequest) -> Job:
        """Return a new job of a request whose scope is applied."""
        address, found = self.session.server_url, resolve.current_scope()
        return prepare(located, address, self.host, self.jobs, session=self.session, found=found)

    def _reporter(self) -> progress.ProgressReporter:
        return progress.ProgressReporter(self.on_progress, self.cancel)

    def _check(self, job: Job, environment: Environment) -> PublishCheck:
        context = pyblish_adapter.Context()
        slots.REQUEST.set(context, job.request())
        slots.SESSION.set(context, self.session)
        slots.JOB.set(context, job)
        slots.PROGRESS.set(context, self._reporter())
        slots.STUDIO.set(context, environment.studio)
        if self.host is not None:
            slots.HOST.set(context, self.host)
        return PublishCheck(job, context, environment)


def publish(
    request: models.PublishRequest, session: Session, host: Host | None = None, **options: Any
) -> models.Published:
    """Call ``Publisher(session, host, …).publish(request)``."""
    return Publisher(session, host, **options).publish(request)


class PublishCheck(runner.PluginRunner):
    """A validated publish with its problems, some with a repair; nothing is sent before ``publish``."""

    def __init__(self, job: Job, context: pyblish_adapter.Context, environment: Environment) -> None:
        super().__init__(context, environment.plugins, job.journal, environment)
        self.job, self._scope = job, resolve.current_scope()

    @property
    def planned(self) -> list[dict[str, str]]:
        """What would be published: one row of texts for each source."""
        task, reviews = slots.TASK.find(self.context), slots.REVIEWS.find(self.context) or []
        request = slots.REQUEST.get(self.context)
        planned = []
        for instance in self.context:
            source, asset, clip = slots.SOURCE.find(instance), slots.ASSET.find(instance), slots.CLIP.find(instance)
            if source is not None:
                # One image has neither a range nor a rate.
                is_moving = clip is not None and source.kind != "image"
                planned.append(
                    {
                        "source": source.name,
                        "task": "" if task is None else task.path,
                        "asset": "" if asset is None else asset.name,
                        "frames": "" if clip is None or not is_moving else str(clip.frame_range),
                        "fps": "" if clip is None or not is_moving else f"{float(clip.fps):.6g}",
                        "resolution": "" if clip is None else str(clip.resolution),
                        "review": ", ".join(review.name for review in reviews),
                        "outputs": ", ".join(request.outputs or ()),
                    }
                )
        return planned

    def find_open_notes(self) -> list[tuple[notes.ReviewedVersion, notes.Note]]:
        """Return the notes on the task's versions that wait for an answer and that this publish does not address."""
        # They are a reminder, not a problem: without an answer of the server there are none, and the error is logged.
        context = self.context
        task, options = slots.TASK.find(context), slots.OPTIONS.find(context)
        if task is None:
            return []
        addressed = () if options is None else options.addresses
        try:
            return feedback.unanswered_notes_of_task(slots.SESSION.get(context), task.id, addressed)
        except errors.Cancelled:
            raise
        except errors.Error as error:
            log.info("The open notes of the task are unknown: %s", error)
            return []

    def repair(self, problem: errors.ValidationIssue) -> errors.ValidationIssue | None:
        """Repair a problem, and return the one that remains; raise UserFixableError, and what the repair raises."""
        with self._locked():
            return super().repair(problem)

    def repair_named(self, names: Collection[str]) -> list[str]:
        """Run the repairs of the problems of these checks, of all checks without names, and return a line for each.

        Raises SettingInvalid for a check that does not exist, after discarding the job, and the errors of repairs.
        """
        for name in names:
            if name not in self.checks:
                self.discard()
                hint = errors.nearest_hint(name, self.checks, 0.5)
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
                self.prepare_files()
            finally:
                for instance in self.context:
                    encode_source.stop_live_encode(instance)
            return tuple(slots.MOVIE.get(instance).path for instance in self.context)

    def publish(self) -> models.Published:
        """Publish the sources without a problem; raise what ``Publisher.publish`` raises after validation."""
        job = self.job
        stopped: errors.Error | None = None
        with rollback.rolled_back_when_cancelled(job, slots.SESSION.get(self.context)), self._locked():
            if not self._is_checked:
                # The job is new, or an earlier run was interrupted.
                job.journal.repair_tail()
                job.assign(StudioIdentity.of(slots.SESSION.get(self.context)))
                captured = next((event["captured"] for event in job.journal.events() if "captured" in event), None)
                if captured is not None:
                    slots.OFFLINE_CAPTURE.set(self.context, captured)
                self.restore()
            job.journal.append({"requested": "publish"})
            try:
                self.run()
            except errors.Cancelled:
                raise
            except errors.Error as error:
                stopped = error
            finally:
                for instance in self.context:
                    encode_source.stop_live_encode(instance)
            if stopped is None and self.failures:
                stopped = self.failures[0].error
            published = self._finish(stopped)
            if stopped is not None and not published.versions:
                raise stopped
            return published

    def discard(self) -> None:
        """Remove the job; raise StorageError."""
        self.job.remove()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Lock the job and the process for one publish; a cancel interrupts requests to the server."""
        raise_if_cancelled = slots.PROGRESS.get(self.context).raise_if_cancelled
        process = _process_locked(raise_if_cancelled)
        with ExitStack() as stack:
            for manager in (self.job.locked(), process, self.environment.guarded(), cancel_scope(raise_if_cancelled)):
                stack.enter_context(manager)
            stack.enter_context(resolve.applied(self._scope))
            yield

    def _finish(self, stopped: errors.Error | None) -> models.Published:
        """Write the report, and finish the job if nothing stopped it; a report that fails is one more problem."""
        job = self.job
        if stopped is not None:
            stopped.details.setdefault("job", job.id)
            if isinstance(stopped, (errors.EncodeFailed, errors.PluginBroken)):
                stopped.message += f" Details: {job.report}"
            # A resume cannot succeed without the task, nor after the job folder was deleted.
            is_past_validation = self.is_validated and not isinstance(stopped, errors.TaskNotFound)
            can_resume = is_past_validation or isinstance(stopped, errors.ServerUnreachable)
            if can_resume and job.journal.path.is_file():
                stopped.message += f" Afterwards: 'ft-dcc queue resume {job.id}'."
        published = self._published(stopped)
        reason = "" if stopped is None else log_file.mask(str(stopped), slots.SESSION.get(self.context).api_key)
        log_file.write(f"job {job.id}, {published.task}: {len(published.versions)} versions. {reason or 'Done.'}")
        try:
            report.write_report(job, self.context, published, stopped, self.tracebacks)
            if stopped is None:
                job.finish()
            elif job.journal.path.is_file():
                can_retry = any(isinstance(error, RETRYABLE_ERRORS) for error in published.unfinished)
                job.journal.append({"stopped": reason, "can_retry": can_retry})
        except errors.StorageError as error:
            # The result of the publish matters more than its report.
            problem = errors.ValidationIssue("Report", "", str(error), user_can_fix=False)
            return attrs.evolve(published, problems=(*published.problems, problem))
        return published

    def _published(self, stopped: errors.Error | None) -> models.Published:
        problems = [*self.excluded, *(failure.problem for failure in self.failures)]
        unfinished = [failure.error for failure in self.failures]
        if stopped is not None and stopped not in unfinished:
            unfinished.append(stopped)
            if self.is_validated:
                user_can_fix = isinstance(stopped, errors.UserFixableError)
                problems.append(errors.ValidationIssue("Publish", "", str(stopped), user_can_fix=user_can_fix))
        versions = []
        for instance in self.context:
            registered = slots.REGISTERED.find(instance)
            if registered is not None:
                of_media = (file.changes for file in report.encoded_files(instance) if file.changes)
                changes = tuple(dict.fromkeys((*(slots.WARNINGS.find(instance) or ()), *of_media)))
                versions.append(attrs.evolve(registered, link=slots.LINK.find(instance), changes=changes))
        task = slots.TASK.find(self.context)
        return models.Published(
            job=self.job.folder,
            task="" if task is None else task.path,
            versions=tuple(versions),
            problems=tuple(problems),
            steps=tuple(self.steps),
            unfinished=tuple(unfinished),
        )
