"""``ft-dcc queue``: list, resume and delete publish jobs."""

from __future__ import annotations

import datetime
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ft_dcc.cli import playblast, publish
from ft_dcc.cli.terminal import inputs
from ft_dcc.cli.terminal.output import CommandGroup, Output, reporting
from ft_dcc.errors import JobNotFound, ServerUnreachable, UserFixableError
from ft_dcc.publish.jobs import states
from ft_dcc.settings.resolve import read_settings

if TYPE_CHECKING:
    from ft_dcc.host import Host
    from ft_dcc.publish.jobs.job import Job
    from ft_dcc.publish.jobs.queue import JobResult, QueueItem

# The wait doubles with each attempt that the server or the network interrupts.
_WATCH_INTERVAL_SECONDS, _MAX_WATCH_INTERVAL_SECONDS = 5.0, 300.0


def _jobs() -> Path:
    return Path(read_settings().require("jobs"))


@click.group(cls=CommandGroup, name="queue", short_help="Resume interrupted publishes.")
def command() -> None:
    """List, show, resume, run and delete publish jobs."""


@command.command(name="list")
@reporting
def list_jobs(output: Output) -> None:
    """List the jobs, oldest first, with their age and the reason why they are not done."""
    from ft_dcc.publish.jobs.queue import queue_items

    found, server = queue_items(_jobs()), inputs.configured_server()
    now = time.time()
    lines = [
        f"{entry.job.id:<27}  {entry.state:<16}  {format_age(now - entry.created):>6}  {_describe(entry, server)}"
        for entry in found
    ]
    output.result(lines or "The queue is empty.", {"jobs": [_report(entry, server) for entry in found]})


def format_age(seconds: float) -> str:
    """Return an age in its largest unit, as "3 min"."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(max(seconds, 0))} s"


@command.command()
@click.argument("job_id", metavar="ID")
@reporting
def show(output: Output, job_id: str) -> None:
    """Show the state and the request of the job ID.

    A unique beginning or end of an id is enough, here and in the other commands.
    """
    from ft_dcc.publish.jobs.queue import find_item

    report = _report(find_item(job_id, _jobs()), inputs.configured_server())
    fields = _flat(report)
    width = max(map(len, fields)) + 2
    lines = [f"{name:<{width}}{text}" for name, text in fields.items()]
    output.result(lines, report)


@command.command()
@click.argument("job_id", metavar="[ID]", required=False)
@reporting
def resume(output: Output, job_id: str | None) -> int:
    """Resume the job ID, or the newest job that waits or failed.

    A scene that the job needs is opened without a window: in this process for Blender, else in its program.
    """
    from ft_dcc.batch.scene_runner import PROGRAMS
    from ft_dcc.publish.jobs.queue import find_item
    from ft_dcc.publish.publisher import Publisher

    jobs = _jobs()
    with inputs.connected() as session:
        item = _newest(jobs, session.server_url) if job_id is None else find_item(job_id, jobs)
        if item.state == states.SUPERSEDED:
            raise UserFixableError(item.help)
        if item.state == states.NEEDS_SCENE and item.scene is not None and item.scene.suffix.lower() in PROGRAMS:
            order = playblast.make_order(item.scene, item.request, item.job.id)
            return playblast.print_answer(output, playblast.publish_in_program(output, order))
        with _opened_scene(item) as host, publish.job_progress(output, item.job.id) as on_progress:
            published = Publisher(session, host, on_progress, jobs).resume(item.job.id)
    return publish.print_result(output, published)


@contextmanager
def _opened_scene(item: QueueItem) -> Iterator[Host | None]:
    """Open the scene of a job that needs a Blender scene, and yield the host; yield None for other jobs."""
    if item.state == states.NEEDS_SCENE and item.scene is not None and item.scene.suffix == ".blend":
        with playblast.opened_in_blender(item.scene) as host:
            yield host
    else:
        yield None


def _newest(jobs: Path, server: str) -> QueueItem:
    from ft_dcc.publish.jobs.queue import queue_items

    resumable = (states.WAITING, states.FAILED)
    waiting = [item for item in queue_items(jobs) if item.state in resumable and item.server == server]
    if not waiting:
        raise JobNotFound(f"No job in {jobs} waits for {server}. List all jobs with: ft-dcc queue list.")
    return waiting[-1]


@command.command()
@click.argument("job_id", metavar="ID")
@reporting
def drop(output: Output, job_id: str) -> None:
    """Delete the job ID and the files that it uploaded for versions that were not created."""
    from ft_dcc.publish.jobs.job import Job

    job = Job.find(_jobs(), job_id)
    _remove(job)
    output.result(f"Deleted {job.id}.", {"dropped": job.id})


def _remove(job: Job) -> None:
    """Delete a job and its uploads; raise ServerUnreachable if there are uploads and the server does not answer."""
    from ft_dcc.publish.jobs.rollback import mark_for_removal
    from ft_dcc.publish.publisher import Publisher

    if not mark_for_removal(job):
        # Nothing was uploaded before its validation.
        job.remove()
        return
    try:
        with inputs.connected() as session:
            Publisher(session, jobs=job.folder.parent).drop(job.id)
    except ServerUnreachable as error:
        error.message += f" The job {job.id} will not be published: the next 'ft-dcc queue run' deletes it."
        raise


@command.command()
@click.option("--failed", is_flag=True, help="Delete failed jobs, too, with the frames that they captured.")
@click.option("--days", type=click.IntRange(min=0), default=0, metavar="N", help="Keep jobs of the last N days.")
@reporting
def clear(output: Output, failed: bool, days: int) -> None:
    """Delete the jobs that are done or superseded. Their versions remain."""
    from ft_dcc.publish.jobs import queue

    more = (states.FAILED, states.CHECKED, states.UNREADABLE) if failed else ()
    latest = time.time() - days * 86400
    chosen = [
        item
        for item in queue.queue_items(_jobs())
        if item.state in (states.DONE, states.SUPERSEDED, *more) and item.created <= latest
    ]
    # Jobs that are done come last: a superseded job would wait again without the job that superseded it.
    for item in sorted(chosen, key=lambda item: item.state == states.DONE):
        if item.state == states.DONE:
            item.job.remove()
        else:
            _remove(item.job)
    ids = [item.job.id for item in chosen]
    output.result(f"Deleted {len(ids)} job{'s' * (len(ids) != 1)}.", {"dropped": ids})


@command.command()
@click.option("--watch", is_flag=True, help="Run until stopped: wait for the server and for new jobs.")
@click.option("--retry-failed", is_flag=True, help="Try jobs that failed again, once.")
@reporting
def run(output: Output, watch: bool, retry_failed: bool) -> int:
    """Publish all jobs that wait for this server, oldest first, and print the versions.

    A job that fails does not stop the others and is tried again only with --retry-failed or 'ft-dcc queue resume'. With
    --watch, jobs that the server, the network or a full disk interrupted are tried again, after longer and longer
    waits. Every job that remains is listed with its reason. Exit code 1 if any job for this server remains.
    """
    if watch:
        _watch(output)
    outcomes = _run_once(output, set(), retry_failed=retry_failed)
    remaining = _list_remaining(output, {outcome.item.job.id for outcome in outcomes})
    reports = [outcome.published.report() for outcome in outcomes if outcome.published is not None]
    made = [
        publish.version_line(each) for outcome in outcomes if outcome.published for each in outcome.published.versions
    ]
    output.result(made or "Nothing was published.", {"published": reports, "remaining": remaining})
    return 0 if all(outcome.is_done for outcome in outcomes) and not remaining else 1


def _list_remaining(output: Output, tried: Collection[str]) -> list[str]:
    """Print why each job remains that was not tried; return the ids of those that are for this server."""
    from ft_dcc.publish.jobs.queue import queue_items

    remaining, server = [], inputs.find_account().server
    for item in queue_items(_jobs()):
        if item.state in (states.DONE, states.RUNNING) or item.job.id in tried:
            continue
        if item.server and item.server != server:
            output.message(f"{item.job.id} waits for another server: {item.server}")
            continue
        if item.state == states.CHECKED:
            output.message(f"{item.job.id} was validated and not published.")
            continue
        if item.state == states.SUPERSEDED:
            output.message(f"{item.job.id} {item.state}. {item.help}")
            continue
        reason = item.help or " ".join(item.problems) or "Publish it again, or delete it."
        again = f"Try it again: ft-dcc queue resume {item.job.id}. " if item.state == states.FAILED else ""
        output.message(f"{item.job.id} {item.state}. {reason} {again}Delete it: ft-dcc queue drop {item.job.id}.")
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


def _run_once(output: Output, failed: set[str], *, retry_failed: bool = False) -> list[JobResult]:
    from ft_dcc.cli.terminal.progress import progress_display
    from ft_dcc.publish.jobs.queue import process_queue
    from ft_dcc.publish.publisher import Publisher

    outcomes = []
    with inputs.connected() as session, progress_display() as on_progress:
        publisher = Publisher(session, on_progress=on_progress, jobs=_jobs())
        for outcome in process_queue(publisher, failed, retry_failed=retry_failed):
            problems = (
                [str(outcome.error)]
                if outcome.published is None
                else [problem.message for problem in outcome.published.problems]
            )
            output.message(f"{outcome.item.job.id}: {' '.join(problems) or 'done'}")
            outcomes.append(outcome)
    return outcomes


def _describe(entry: QueueItem, server: str | None) -> str:
    if entry.request is None:
        return " ".join(entry.problems)
    scene = f"{entry.host} {entry.scene.name if entry.scene is not None else ''}".strip() if entry.host else ""
    sources = ", ".join(filter(None, [*(Path(text).name for text in entry.request.source), scene]))
    reason = " ".join(filter(None, [*entry.problems, entry.waiting_reason(server), entry.help]))
    return "  ".join(filter(None, [entry.request.task or "no task", sources, reason]))


def _report(item: QueueItem, server: str | None) -> dict[str, Any]:
    from ft_dcc.publish.report import request_as_text

    return {
        "job": item.job.id,
        "state": item.state,
        "created": datetime.datetime.fromtimestamp(item.created, datetime.timezone.utc).isoformat(timespec="seconds"),
        "server": item.server,
        "host": item.host,
        "scene": None if item.scene is None else str(item.scene),
        "reason": item.waiting_reason(server),
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
