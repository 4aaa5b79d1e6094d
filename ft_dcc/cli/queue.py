"""``ft-dcc queue``: list, resume and delete publish jobs."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ft_dcc.accounts import local_server
from ft_dcc.cli import inputs, publish
from ft_dcc.cli.output import Output, reporting
from ft_dcc.errors import JobNotFound, ServerUnreachable
from ft_dcc.settings.resolve import read_settings

if TYPE_CHECKING:
    from ft_dcc.host import Host
    from ft_dcc.publish.jobs.queue import JobResult, QueueItem

# The wait doubles with each attempt that the server or the network interrupts.
_WATCH_INTERVAL_SECONDS, _MAX_WATCH_INTERVAL_SECONDS = 5.0, 300.0


def _jobs() -> Path:
    return Path(read_settings().require("jobs"))


@click.group(name="queue", short_help="Resume interrupted publishes.")
def command() -> None:
    """List, show, resume, run and delete publish jobs."""


@command.command(name="list")
@reporting
def list_jobs(output: Output) -> None:
    """List the jobs, oldest first."""
    from ft_dcc.publish.jobs.queue import queue_items

    found = queue_items(_jobs())
    lines = [f"{entry.job.id}  {entry.state:<15}  {_describe(entry)}" for entry in found]
    output.result("\n".join(lines) or "The queue is empty.", {"jobs": [_report(entry) for entry in found]})


@command.command()
@click.argument("job_id", metavar="ID")
@reporting
def show(output: Output, job_id: str) -> None:
    """Show the state and the request of the job ID."""
    from ft_dcc.publish.jobs.job import Job
    from ft_dcc.publish.jobs.queue import inspect_job

    report = _report(inspect_job(Job.open(_jobs(), job_id)))
    fields = _flat(report)
    width = max(map(len, fields)) + 2
    lines = [f"{name:<{width}}{text}" for name, text in fields.items()]
    output.result("\n".join(lines), report)


@command.command()
@click.argument("job_id", metavar="[ID]", required=False)
@reporting
def resume(output: Output, job_id: str | None) -> int:
    """Resume the job ID, or the newest waiting job.

    A Blender scene that the job needs is opened headless.
    """
    from ft_dcc.publish.publisher import Publisher

    jobs = _jobs()
    with inputs.connected() as session:
        chosen = job_id or _newest(jobs, session.server_url)
        with _opened_scene(jobs, chosen) as host, publish.job_progress(output, chosen) as on_progress:
            published = Publisher(session, host, on_progress, jobs).resume(chosen)
    return publish.print_result(output, published)


@contextmanager
def _opened_scene(jobs: Path, job_id: str) -> Iterator[Host | None]:
    """Open the scene of a job that needs a Blender scene, and yield the host; yield None for other jobs."""
    from ft_dcc.publish.jobs.job import Job
    from ft_dcc.publish.jobs.queue import NEEDS_SCENE, inspect_job

    item = inspect_job(Job.open(jobs, job_id))
    if item.state == NEEDS_SCENE and item.scene is not None and item.scene.suffix == ".blend":
        with publish.opened_in_blender(item.scene) as host:
            yield host
    else:
        yield None


def _newest(jobs: Path, server: str) -> str:
    from ft_dcc.publish.jobs.queue import WAITING, queue_items

    waiting = [item.job.id for item in queue_items(jobs) if item.state == WAITING and item.server == server]
    if not waiting:
        raise JobNotFound(f"No job in {jobs} waits for {server}. List all jobs with: ft-dcc queue list.")
    return waiting[-1]


@command.command()
@click.argument("job_id", metavar="ID")
@reporting
def drop(output: Output, job_id: str) -> None:
    """Delete the job ID and the files that it uploaded for versions that were not created."""
    from ft_dcc.publish.jobs.job import Job
    from ft_dcc.publish.jobs.rollback import mark_for_removal
    from ft_dcc.publish.publisher import Publisher

    job = Job.open(_jobs(), job_id)
    if not mark_for_removal(job):
        # Nothing was uploaded before its validation.
        job.remove()
    else:
        try:
            with inputs.connected() as session:
                Publisher(session, jobs=_jobs()).drop(job_id)
        except ServerUnreachable as error:
            error.message += f" The job {job_id} will not be published: the next 'ft-dcc queue run' deletes it."
            raise
    output.result(f"Deleted {job_id}.", {"dropped": job_id})


@command.command()
@click.option("--watch", is_flag=True, help="Run until stopped: wait for the server and for new jobs.")
@reporting
def run(output: Output, watch: bool) -> int:
    """Publish all jobs that wait for this server, oldest first.

    A job that fails does not stop the others and is not tried again; with --watch, jobs that the server or the network
    interrupted are, after longer and longer waits. Every job that remains is listed with its reason. Exit code 1 if any
    job for this server remains.
    """
    if watch:
        _watch(output)
    outcomes = _run_once(output, set())
    remaining = _list_remaining(output, {outcome.item.job.id for outcome in outcomes})
    reports = [outcome.published.report() for outcome in outcomes if outcome.published is not None]
    links = [version["link"] or version["version_id"] for report in reports for version in report["versions"]]
    output.result("\n".join(links) or "Nothing was published.", {"published": reports, "remaining": remaining})
    return 0 if all(outcome.is_done for outcome in outcomes) and not remaining else 1


def _list_remaining(output: Output, tried: Collection[str]) -> list[str]:
    """Print why each job remains that was not tried; return the ids of those that are for this server."""
    from ft_dcc.publish.jobs.queue import queue_items

    remaining, server = [], local_server.get_account().server
    for item in queue_items(_jobs()):
        if item.is_done or item.is_running or item.job.id in tried:
            continue
        if item.server and item.server != server:
            output.message(f"{item.job.id} waits for another server: {item.server}")
            continue
        if item.is_checked:
            output.message(f"{item.job.id} was validated and not published.")
            continue
        reason = item.help or " ".join(item.problems) or "Publish it again, or remove it."
        output.message(f"{item.job.id} {item.state}. {reason} To remove it: ft-dcc queue drop {item.job.id}")
        remaining.append(item.job.id)
    return remaining


def _watch(output: Output) -> NoReturn:
    failed: set[str] = set()
    _list_remaining(output, ())
    pause = _WATCH_INTERVAL_SECONDS
    while True:
        try:
            outcomes = _run_once(output, failed)
        except ServerUnreachable as error:
            output.message(str(error))
            is_interrupted = True
        else:
            failed.update(each.item.job.id for each in outcomes if not (each.is_done or each.is_retryable))
            is_interrupted = any(each.is_retryable for each in outcomes)
        pause = min(2 * pause, _MAX_WATCH_INTERVAL_SECONDS) if is_interrupted else _WATCH_INTERVAL_SECONDS
        if is_interrupted:
            output.message(f"Next attempt in {pause:g} s.")
        time.sleep(pause)


def _run_once(output: Output, failed: set[str]) -> list[JobResult]:
    from ft_dcc.cli.progress import progress_display
    from ft_dcc.publish.jobs.queue import process_queue
    from ft_dcc.publish.publisher import Publisher

    outcomes = []
    with inputs.connected() as session, progress_display() as on_progress:
        publisher = Publisher(session, on_progress=on_progress, jobs=_jobs())
        for outcome in process_queue(publisher, without=failed):
            problems = (
                [str(outcome.error)]
                if outcome.published is None
                else [problem.message for problem in outcome.published.problems]
            )
            output.message(f"{outcome.item.job.id}: {' '.join(problems) or 'done'}")
            outcomes.append(outcome)
    return outcomes


def _describe(entry: QueueItem) -> str:
    if entry.request is None:
        return " ".join(entry.problems)
    scene = f"{entry.host} {entry.scene.name if entry.scene is not None else ''}".strip() if entry.host else ""
    sources = ", ".join(filter(None, [*(Path(text).name for text in entry.request.source), scene]))
    return f"{entry.request.task or 'no task'}  {sources}"


def _report(item: QueueItem) -> dict[str, Any]:
    from ft_dcc.publish.report import request_as_text

    return {
        "job": item.job.id,
        "state": item.state,
        "server": item.server,
        "host": item.host,
        "scene": None if item.scene is None else str(item.scene),
        "help": item.help,
        "request": None if item.request is None else request_as_text(item.request),
        "versions": list(item.versions),
        "problems": list(item.problems),
        "folder": str(item.job.folder),
        "report": str(item.job.report) if item.job.report.is_file() else None,
    }


def _flat(report: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields of a job that are set, as text."""
    request = report["request"] or {}
    pairs = {**{key: value for key, value in report.items() if key != "request"}, **request}
    return {key: _as_text(value) for key, value in pairs.items() if value not in (None, False, "", [], {})}


def _as_text(value: object) -> str:
    if isinstance(value, dict):
        value = [f"{name}: {content}" for name, content in value.items() if content]
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
