"""Publish, and go on with a publish that was interrupted."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from ft_dcc import errors
from ft_dcc.frames import is_sequence
from ft_dcc.publish.engine import Context, Instance, PluginClass, guarded_logging
from ft_dcc.publish.integrate import withdraw
from ft_dcc.publish.job import Job, jobs_folder
from ft_dcc.publish.ledger import Ledger
from ft_dcc.publish.loop import Loop
from ft_dcc.publish.plugins import find_plugins
from ft_dcc.publish.records import OnProgress, Published, PublishedVersion, PublishRequest, Pulse
from ft_dcc.publish.report import write_report
from ft_dcc.publish.slots import COMPONENTS, HOST, JOB, LINK, PULSE, REGISTERED, REQUEST, SESSION

if TYPE_CHECKING:
    from ft_dcc.host import Host
    from ft_dcc.session import Session

# pyblish keeps its registries and the root logger's level for the whole process.
_ONE_AT_A_TIME = threading.Lock()

_FORMAT = 1


def publish(
    request: PublishRequest,
    session: Session,
    host: Host | None = None,
    on_progress: OnProgress | None = None,
    jobs: Path | None = None,
    cancel: threading.Event | None = None,
) -> Published:
    """Every source that has no problem is a version on the server, complete and in its review session.

    ``host`` is the program whose scene is open; without one the sources are frames and films. ``jobs`` is the folder
    of the job folders, by default the setting. Setting ``cancel`` ends it within a moment and leaves nothing.

    Raises, when no source could be published: what the only problem is, or Problems; Cancelled; and behind the gate
    what stopped it, with the job's id in the message: ``resume`` goes on from there, and captures nothing again.
    """
    plugins = find_plugins(None if host is None else host.name)
    job = Job.create(jobs_folder(jobs))
    request = attrs.evolve(request, source=tuple(_absolute(text) for text in request.source))
    job.journal.append({"job": job.id, "format": _FORMAT, "server": session.server_url, "request": request})
    return _work(job, plugins, session, host, Pulse(on_progress, cancel or threading.Event()))


def resume(
    job_id: str,
    session: Session,
    host: Host | None = None,
    on_progress: OnProgress | None = None,
    jobs: Path | None = None,
    cancel: threading.Event | None = None,
) -> Published:
    """The publish has gone on with the first step that was missing; one that was done is only told again.

    Raises JobNotFound, JobLocked, SettingInvalid for a job of another server, and whatever ``publish`` raises.
    """
    plugins = find_plugins(None if host is None else host.name)
    job = Job.open(jobs_folder(jobs), job_id)
    return _work(job, plugins, session, host, Pulse(on_progress, cancel or threading.Event()))


def _absolute(source: str) -> str:
    """A file's name that means the same in another folder; a camera's name stays as it is."""
    if is_sequence(source) or Path(source).exists():
        # Not resolve(): a link in a studio's path is there for a reason.
        return os.path.abspath(source)  # noqa: PTH100
    return source


def _work(job: Job, plugins: list[PluginClass], session: Session, host: Host | None, pulse: Pulse) -> Published:
    try:
        with job.locked(), _alone(pulse), guarded_logging():
            job.journal.mend()
            context = _context(job, session, host, pulse)
            ledger = Ledger(job.journal, context)
            ledger.restore()
            return _run(job, Loop(context, plugins, ledger))
    except errors.Cancelled:
        # Outside of the lock: its file lies in the folder.
        job.remove()
        raise


@contextmanager
def _alone(pulse: Pulse) -> Iterator[None]:
    while not _ONE_AT_A_TIME.acquire(timeout=0.1):
        pulse.check()
    try:
        yield
    finally:
        _ONE_AT_A_TIME.release()


def _context(job: Job, session: Session, host: Host | None, pulse: Pulse) -> Context:
    context = Context()
    REQUEST.set(context, job.journal.events()[0]["request"])
    SESSION.set(context, session)
    JOB.set(context, job)
    PULSE.set(context, pulse)
    if host is not None:
        HOST.set(context, host)
    return context


def _run(job: Job, loop: Loop) -> Published:
    ledger, stopped = loop.ledger, None
    try:
        loop.run()
    except errors.Cancelled:
        withdraw(loop.context)
        raise
    except errors.Error as error:
        stopped = error
    published = Published(
        job=job.folder,
        versions=tuple(_version(instance) for instance in loop.context if REGISTERED.find(instance) is not None),
        problems=(*ledger.problems, *(failure.problem for failure in loop.failures)),
        steps=tuple(ledger.steps),
    )
    if stopped is None and not published.versions:
        stopped = loop.failures[0].error
    if stopped is not None and ledger.is_gate_open:
        stopped.message += f" Nothing is lost: 'ft-dcc queue resume {job.id}' goes on from {job.folder}."
    write_report(job, REQUEST.get(loop.context), published, stopped)
    if stopped is not None and not published.versions:
        raise stopped
    if not loop.failures:
        job.finish()
    return published


def _version(instance: Instance) -> PublishedVersion:
    made = REGISTERED.get(instance)
    return PublishedVersion(
        source=instance.name,
        components=tuple(COMPONENTS.get(instance)),
        link=LINK.find(instance),
        **attrs.asdict(made),
    )
