"""Publish, and go on with a publish that was interrupted."""

from __future__ import annotations

import datetime
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from ft_dcc import errors
from ft_dcc.config import Settings, read_settings
from ft_dcc.frames import aspect_ratio
from ft_dcc.host import BringsPlugins
from ft_dcc.publish.ahead import capture_ahead
from ft_dcc.publish.engine import Context, Instance, PluginClass, guarded_logging
from ft_dcc.publish.films import stop_films
from ft_dcc.publish.job import Job, jobs_folder
from ft_dcc.publish.ledger import Ledger
from ft_dcc.publish.loop import Loop
from ft_dcc.publish.plugins import find_plugins
from ft_dcc.publish.progress import OnProgress, Pulse
from ft_dcc.publish.records import Published, PublishedVersion, PublishRequest
from ft_dcc.publish.report import write_report
from ft_dcc.publish.slots import CAPTURED, COMPONENTS, HOST, JOB, LINK, PULSE, REGISTERED, REQUEST, SESSION, TASK
from ft_dcc.publish.withdraw import drop, withdrawn_when_cancelled
from ft_dcc.session.background import interruptible
from ft_dcc.settings import BURNIN_PLACES

if TYPE_CHECKING:
    from ft_dcc.host import Host
    from ft_dcc.session import Session

# pyblish keeps its registries and the root logger's level for the whole process.
_ONE_AT_A_TIME = threading.Lock()


@attrs.frozen
class Publisher:
    """Who publishes: on whose behalf, from which program, who is told, and who may stop it.

    ``host`` is the program whose scene is open; without one the sources are frames and films. ``jobs`` is the folder
    of the job folders, by default the setting. Setting ``cancel`` ends the work within a moment and leaves nothing.
    """

    session: Session
    host: Host | None = None
    on_progress: OnProgress | None = None
    jobs: Path | None = None
    cancel: threading.Event = attrs.field(factory=threading.Event)

    def publish(self, request: PublishRequest) -> Published:
        """Every source that has no problem is a version on the server, complete and in its review session.

        Raises, when no source could be published: what the only problem is, or Problems; Cancelled; and behind the gate
        what stopped it, with the job's id in the message: ``resume`` goes on from there, and captures nothing again.
        Where nobody answers before the gate, the cameras are captured and the job waits.
        """
        plugins = self._plugins()
        job = self._prepare(request)
        try:
            return self._work(job, plugins)
        except errors.ServerUnreachable as error:
            error.message += self._captured_ahead(job)
            raise

    def postpone(self, request: PublishRequest) -> str:
        """The job waits for its server to answer, with its cameras captured; return a sentence that says so.

        Raises what keeps a camera from being captured, and DiskUnusable.
        """
        job = self._prepare(request)
        return self._captured_ahead(job) or f" Nothing is lost: the job {job.id} waits in the queue."

    def resume(self, job_id: str) -> Published:
        """The publish has gone on with the first step that was missing; one that was done is only told again.

        Raises JobNotFound, JobLocked, and whatever ``publish`` raises.
        """
        plugins = self._plugins()
        return self._work(Job.open(jobs_folder(self.jobs), job_id), plugins)

    def judge(self, request: PublishRequest) -> Judgement:
        """What would stop this publish is known; raises what leaves no way to find out, as a server that is away."""
        plugins = self._plugins()
        job = self._prepare(request)
        job.journal.append({"wish": "judge"})
        context = self._context(job)
        judgement = Judgement(job, Loop(context, plugins, Ledger(job.journal, context)))
        try:
            with judgement._working():
                judgement._loop.judge()
        except errors.Error:
            judgement.give_up()
            raise
        return judgement

    def drop(self, job_id: str) -> None:
        """The job is gone, and so is what it had uploaded for versions that do not exist.

        Raises JobNotFound, JobLocked, ServerUnreachable or DiskUnusable.
        """
        drop(Job.open(jobs_folder(self.jobs), job_id), self.session)

    def _plugins(self) -> list[PluginClass]:
        if self.host is None:
            return find_plugins()
        return find_plugins(self.host.name, self.host.plugins if isinstance(self.host, BringsPlugins) else None)

    def _prepare(self, request: PublishRequest) -> Job:
        return prepare(request, self.session.server_url, self.host, self.jobs)

    def _captured_ahead(self, job: Job) -> str:
        return "" if self.host is None else capture_ahead(job, self.host, Pulse(self.on_progress, self.cancel))

    def _work(self, job: Job, plugins: list[PluginClass]) -> Published:
        pulse = Pulse(self.on_progress, self.cancel)
        with withdrawn_when_cancelled(job, self.session), job.locked(), _alone(pulse):
            context = self._context(job, pulse)
            job.journal.append({"wish": "publish"})
            ledger = Ledger(job.journal, context)
            ledger.restore()
            return _run(job, Loop(context, plugins, ledger))

    def _context(self, job: Job, pulse: Pulse | None = None) -> Context:
        return _context(job, self.session, self.host, pulse or Pulse(self.on_progress, self.cancel))


def publish(request: PublishRequest, session: Session, host: Host | None = None, **others: Any) -> Published:
    """What ``Publisher(session, host, …).publish(request)`` does, in one call."""
    return Publisher(session, host, **others).publish(request)


def prepare(
    request: PublishRequest,
    server_url: str,
    host: Host | None = None,
    jobs: Path | None = None,
    job_id: str | None = None,
) -> Job:
    """The job exists and nothing is done: ``resume`` begins it, as soon as its server answers; raises DiskUnusable."""
    request = with_settings(request, read_settings(), is_in_host=host is not None)
    if host is None:
        # The job outlives this working directory. Not resolve(): a link in a studio's path is there for a reason.
        request = attrs.evolve(request, source=tuple(os.path.abspath(text) for text in request.source))  # noqa: PTH100
    return Job.create(jobs_folder(jobs), request, server_url, None if host is None else host.name, job_id)


def with_settings(request: PublishRequest, settings: Settings, *, is_in_host: bool) -> PublishRequest:
    """Return the request with the settings wherever it says nothing: what is asked for is whole from here on.

    Raises SettingInvalid for what cannot be made.
    """
    task = request.task
    if not task and not is_in_host:
        task = settings.get("task")
    rules = settings.items("review") if request.review is None else request.review
    corners = {place.replace("_", " "): settings.get(f"burnin_{place}") or "" for place in BURNIN_PLACES}
    letterbox = (settings.get("letterbox") or "") if request.letterbox is None else request.letterbox
    if letterbox:
        aspect_ratio(letterbox)
    slate = settings.items("slate_lines") if settings.get("slate") == "true" else ()
    return attrs.evolve(
        request,
        task=task,
        review=tuple(map(_dated, rules)),
        asset=request.asset or settings.get("asset_name"),
        asset_type=request.asset_type or settings.get("asset_type"),
        status=request.status or settings.get("status"),
        notify=settings.get("notify") == "true" if request.notify is None else request.notify,
        burnin={
            place: _dated(text)
            for place, text in (corners if request.burnin is None else request.burnin).items()
            if text
        },
        slate=tuple(map(_dated, slate if request.slate is None else request.slate)),
        watermark=_dated((settings.get("watermark") or "") if request.watermark is None else request.watermark),
        letterbox=letterbox,
        is_filling=settings.get("fill_missing") == "true" if request.is_filling is None else request.is_filling,
        sounds=tuple(os.path.abspath(text) for text in request.sounds),  # noqa: PTH100 - as for the sources
        outputs=settings.items("outputs") if request.outputs is None else request.outputs,
    )


def _dated(rule: str) -> str:
    """The day is that of the wish, however long the job then waits."""
    return rule.replace("{date}", f"{datetime.date.today()}")


@attrs.frozen
class Judgement:
    """A publish before its gate: what would stop it is known, and what has a repair can be repaired.

    Nothing is captured or sent before ``publish``; ``give_up`` leaves nothing.
    """

    job: Job
    _loop: Loop

    @property
    def problems(self) -> tuple[errors.Problem, ...]:
        """What is wrong as things stand."""
        return self._loop.problems

    @property
    def has_publishable(self) -> bool:
        """Whether a source has no problem, so that ``publish`` publishes it."""
        return self._loop.has_publishable

    def repair(self, problem: errors.Problem) -> errors.Problem | None:
        """Its repair has run, and that check alone, on that source alone, has run again; return what it found now.

        Raises Unpublishable when there is no repair, and what the repair raises.
        """
        with self._working():
            return self._loop.repair(problem)

    def publish(self) -> Published:
        """What has no problem is published, without being collected again; raises what ``ft_dcc.publish`` raises."""
        self.job.journal.append({"wish": "publish"})
        with withdrawn_when_cancelled(self.job, SESSION.get(self._loop.context)), self._working():
            return _run(self.job, self._loop)

    def give_up(self) -> None:
        """The job is gone; raises DiskUnusable."""
        self.job.remove()

    @contextmanager
    def _working(self) -> Iterator[None]:
        with self.job.locked(), _alone(PULSE.get(self._loop.context)):
            yield


@contextmanager
def _alone(pulse: Pulse) -> Iterator[None]:
    """Nobody else publishes in this process, and a cancel ends whatever waits for the server."""
    while not _ONE_AT_A_TIME.acquire(timeout=0.1):
        pulse.check()
    try:
        with guarded_logging(), interruptible(pulse.check):
            yield
    finally:
        _ONE_AT_A_TIME.release()


def _context(job: Job, session: Session, host: Host | None, pulse: Pulse) -> Context:
    job.journal.mend()
    context = Context()
    REQUEST.set(context, job.request())
    SESSION.set(context, session)
    JOB.set(context, job)
    PULSE.set(context, pulse)
    captured = next((event["captured"] for event in job.journal.events() if "captured" in event), None)
    if captured is not None:
        CAPTURED.set(context, captured)
    if host is not None:
        HOST.set(context, host)
    return context


def _run(job: Job, loop: Loop) -> Published:
    stopped: errors.Error | None = None
    try:
        loop.run()
    except errors.Error as error:
        if isinstance(error, errors.Cancelled):
            raise
        stopped = error
    finally:
        for instance in loop.context:
            stop_films(instance)
    if stopped is None and loop.failures:
        stopped = loop.failures[0].error
    if stopped is not None and _can_go_on(job, loop, stopped):
        stopped.message += f" Nothing is lost: 'ft-dcc queue resume {job.id}' goes on from {job.folder}."
    published = _told(job, loop, _published(job, loop, stopped), stopped)
    if stopped is not None and not published.versions:
        raise stopped
    return published


def _can_go_on(job: Job, loop: Loop, stopped: errors.Error) -> bool:
    """Whether a resume may do better: nothing can be done without the task, or after the folder has gone."""
    is_begun = loop.ledger.is_gate_open and not isinstance(stopped, errors.TaskNotFound)
    return job.journal.path.is_file() and (is_begun or isinstance(stopped, errors.ServerUnreachable))


def _published(job: Job, loop: Loop, stopped: errors.Error | None) -> Published:
    problems = [*loop.ledger.problems, *(failure.problem for failure in loop.failures)]
    known = [failure.error for failure in loop.failures]
    unfinished = known if stopped is None or stopped in known else [*known, stopped]
    if stopped is not None and loop.ledger.is_gate_open and stopped not in known:
        is_artists = isinstance(stopped, errors.Unpublishable)
        problems.append(errors.Problem("Publish", "", str(stopped), is_artists=is_artists))
    task = TASK.find(loop.context)
    return Published(
        job=job.folder,
        task="" if task is None else task.path,
        versions=tuple(_version(instance) for instance in loop.context if REGISTERED.find(instance) is not None),
        problems=tuple(problems),
        steps=tuple(loop.ledger.steps),
        unfinished=tuple(unfinished),
    )


def _told(job: Job, loop: Loop, published: Published, stopped: errors.Error | None) -> Published:
    """The report is written, and the job closed if nothing is left to do."""
    try:
        write_report(job, loop.context, published, stopped)
        if stopped is None:
            job.finish()
    except errors.DiskUnusable as error:
        # What stopped the publish, or what it did, matters more than its report.
        problem = errors.Problem("Report", "", str(error), is_artists=False)
        return attrs.evolve(published, problems=(*published.problems, problem))
    return published


def _version(instance: Instance) -> PublishedVersion:
    made = REGISTERED.get(instance)
    return PublishedVersion(
        source=instance.name,
        components=tuple(COMPONENTS.get(instance)),
        link=LINK.find(instance),
        **attrs.asdict(made, recurse=False),
    )
