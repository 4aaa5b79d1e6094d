"""``ft-dcc queue``: list, resume and delete publish jobs."""

from __future__ import annotations

import datetime
import shutil
import time
from collections import Counter
from collections.abc import Collection
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn

import click

from ft_dcc.cli import playblast, publish
from ft_dcc.cli.terminal import inputs
from ft_dcc.cli.terminal.output import CommandGroup, Output, format_table
from ft_dcc.errors import JobNotFound, ServerUnreachable, UserFixableError
from ft_dcc.publish.jobs import queue, states
from ft_dcc.publish.jobs.job import Job, StudioIdentity, jobs_folder, last_studio_id
from ft_dcc.publish.publisher import Publisher
from ft_dcc.publish.report import request_as_text

# The wait doubles with each attempt that the server or the network interrupts.
_WATCH_INTERVAL_SECONDS, _MAX_WATCH_INTERVAL_SECONDS = 5.0, 300.0
# The jobs that a list has, and its width where there is no terminal.
_LIMIT, _WIDTH = 20, 100
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


@click.group(cls=CommandGroup)
def command() -> None:
    """List, show, resume, run and delete publish jobs."""


@command.command(name="list")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Show N jobs (default: 20; with --json, all).")
@click.option("--state", "chosen", multiple=True, type=click.Choice(states.ALL), help="Show jobs in this state only.")
@click.option("--match", default="", metavar="TEXT", help="Show jobs with TEXT in their id, task, source or reason.")
def list_jobs(output: Output, limit: int | None, chosen: tuple[str, ...], match: str) -> None:
    """List the jobs, newest first, one line each; ``queue show ID`` has the whole reason."""
    items, studio = queue.queue_items(jobs_folder()), _configured_studio()
    ends = Counter(part for item in items for part in {item.job.id[:4], item.job.id[-4:]})
    found = []
    for item in reversed(items):
        name = item.job.id[-4:] if ends[item.job.id[-4:]] == 1 else item.job.id
        row = {"job": name, "state": item.state, **_columns(item, studio)}
        if (not chosen or item.state in chosen) and match.lower() in " ".join((item.job.id, *row.values())).lower():
            found.append((item, row))
    shown = found[: limit or (None if output.as_json else _LIMIT)]
    width = shutil.get_terminal_size((_WIDTH, 0)).columns
    lines = format_table([row for _, row in shown]).splitlines()
    if len(shown) < len(found):
        output.message(f"{len(shown)} of {len(found)} jobs. Show more with --limit, or fewer with --state and --match.")
    cut = [line if len(line) <= width else f"{line[: width - 3]}..." for line in lines]
    none = "No job matches." if items else "The queue is empty."
    output.result(cut or none, {"jobs": [_report(item, studio) for item, _ in shown]})


def _columns(item: queue.QueueItem, studio: StudioIdentity | None) -> dict[str, str]:
    # A source with its folder, and the end of the task.
    seconds = max(time.time() - item.created, 0)
    size, unit = next((each for each in _UNITS if seconds >= each[0]), _UNITS[-1])
    sources = [] if item.request is None or item.host else [Path(text) for text in item.request.source]
    path = sources[0] if sources else item.scene
    source = "" if path is None else f"{path.parent.name}/{path.name}"
    more = f" +{len(sources) - 1}" if len(sources) > 1 else ""
    return {
        "age": f"{int(seconds // size)} {unit}",
        "source": f"{item.host or ''} {source if len(source) <= 32 else f'...{source[-29:]}'}{more}".strip(),
        "task": "" if item.request is None else "/".join((item.request.task or "no task").split("/")[-2:]),
        "reason": " ".join(filter(None, [*item.problems, item.waiting_reason(studio), item.help])),
    }


def _configured_studio() -> StudioIdentity | None:
    server = inputs.configured_server()
    return None if server is None else StudioIdentity(server, last_studio_id(jobs_folder(), server))


@command.command()
@click.argument("job_id", metavar="ID")
def show(output: Output, job_id: str) -> None:
    """Show the state and the request of the job ID.

    A unique beginning or end of an id is enough, here and in the other commands.
    """
    report = _report(queue.find_item(job_id, jobs_folder()), _configured_studio())
    fields = {**{name: value for name, value in report.items() if name != "request"}, **(report["request"] or {})}
    fields = {name: _as_text(value) for name, value in fields.items() if value not in (None, False, "", [], {})}
    width = max(map(len, fields)) + 2
    output.result([f"{name:<{width}}{text}" for name, text in fields.items()], report)


@command.command()
@click.argument("job_id", metavar="[ID]", required=False)
def resume(output: Output, job_id: str | None) -> int:
    """Resume the job ID, or the newest job that waits or failed.

    A scene that the job needs is opened without a window: in this process for Blender, else in its program.
    """
    from ft_dcc.batch.scene_runner import PROGRAMS

    jobs = jobs_folder()
    with ExitStack() as stack:
        session = stack.enter_context(inputs.connected())
        item = queue.find_item(job_id, jobs) if job_id is not None else _newest(jobs, StudioIdentity.of(session))
        if item.state == states.SUPERSEDED:
            raise UserFixableError(item.help)
        scene = item.scene if item.state == states.NEEDS_SCENE else None
        if scene is not None and scene.suffix.lower() in PROGRAMS:
            order = playblast.make_order(scene, item.request, item.job.id)
            return playblast.print_answer(output, playblast.publish_in_program(output, order))
        host = None
        if scene is not None and scene.suffix == ".blend":
            host = stack.enter_context(playblast.opened_in_blender(scene))
        on_progress = stack.enter_context(publish.job_progress(output, item.job))
        published = Publisher(session, host, on_progress, jobs).resume(item.job.id)
    return publish.print_result(output, published)


def _newest(jobs: Path, studio: StudioIdentity) -> queue.QueueItem:
    resumable = (states.WAITING, states.FAILED)
    waiting = [item for item in queue.queue_items(jobs) if item.state in resumable and item.studio.is_same(studio)]
    if not waiting:
        raise JobNotFound(f"No job in {jobs} waits for {studio.server}. List all jobs with: ft-dcc queue list.")
    return waiting[-1]


@command.command()
@click.argument("job_id", metavar="ID")
def drop(output: Output, job_id: str) -> None:
    """Delete the job ID and the files that it uploaded for versions that were not created."""
    job = Job.find(jobs_folder(), job_id)
    _remove(job)
    output.result(f"Deleted {job.id}.", {"dropped": job.id})


def _remove(job: Job) -> None:
    """Delete a job and its uploads; raise ServerUnreachable if there are uploads and the server does not answer."""
    from ft_dcc.publish.jobs.rollback import mark_for_removal

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
def clear(output: Output, failed: bool, days: int) -> None:
    """Delete the jobs that are done or superseded. Their versions remain."""
    more = (states.FAILED, states.CHECKED, states.UNREADABLE) if failed else ()
    latest = time.time() - days * 86400
    chosen = [
        item
        for item in queue.queue_items(jobs_folder())
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
def run(output: Output, watch: bool, retry_failed: bool) -> int:
    """Publish all jobs that wait for this server, oldest first, and print the versions.

    A job that fails does not stop the others and is tried again only with --retry-failed or 'ft-dcc queue resume'. With
    --watch, jobs that the server, the network or a full disk interrupted are tried again, after longer and longer
    waits. Every job that remains is listed with its reason. Exit code 1 if any job for this server remains.
    """
    if watch:
        _watch(output)
    outcomes, studio = _run_once(output, set(), retry_failed=retry_failed)
    remaining = _list_remaining(output, studio, {outcome.item.job.id for outcome in outcomes})
    reports = [outcome.published.report() for outcome in outcomes if outcome.published is not None]
    made = [
        publish.version_line(each) for outcome in outcomes if outcome.published for each in outcome.published.versions
    ]
    output.result(made or "Nothing was published.", {"published": reports, "remaining": remaining})
    return 0 if all(outcome.is_done for outcome in outcomes) and not remaining else 1


def _list_remaining(output: Output, studio: StudioIdentity | None, tried: Collection[str]) -> list[str]:
    """Print why each job remains that was not tried; return the ids of those that are for this server."""
    remaining = []
    for item in queue.queue_items(jobs_folder()):
        if item.state in (states.DONE, states.RUNNING) or item.job.id in tried:
            continue
        if item.server and studio is not None and not item.studio.is_same(studio):
            output.message(f"{item.job.id} waits for another server: {item.server}")
            continue
        if item.state in (states.CHECKED, states.SUPERSEDED):
            said = "was validated and not published." if item.state == states.CHECKED else f"{item.state}. {item.help}"
            output.message(f"{item.job.id} {said}")
            continue
        reason = item.help or " ".join(item.problems) or "Publish it again, or delete it."
        again = f"Try it again: ft-dcc queue resume {item.job.id}. " if item.state == states.FAILED else ""
        output.message(f"{item.job.id} {item.state}. {reason} {again}Delete it: ft-dcc queue drop {item.job.id}.")
        remaining.append(item.job.id)
    return remaining


def _watch(output: Output) -> NoReturn:
    failed: set[str] = set()
    _list_remaining(output, _configured_studio(), ())
    pause = _WATCH_INTERVAL_SECONDS
    while True:
        try:
            outcomes, _ = _run_once(output, failed)
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


def _run_once(
    output: Output, failed: set[str], *, retry_failed: bool = False
) -> tuple[list[queue.JobResult], StudioIdentity]:
    outcomes = []
    with publish.open_publisher(output) as publisher:
        for outcome in queue.process_queue(publisher, failed, retry_failed=retry_failed):
            problems = [str(outcome.error)]
            if outcome.published is not None:
                problems = [problem.message for problem in outcome.published.problems]
            output.message(f"{outcome.item.job.id}: {' '.join(problems) or 'done'}")
            outcomes.append(outcome)
        return outcomes, StudioIdentity.of(publisher.session)


def _report(item: queue.QueueItem, studio: StudioIdentity | None) -> dict[str, Any]:
    return {
        "job": item.job.id,
        "state": item.state,
        "created": datetime.datetime.fromtimestamp(item.created, datetime.timezone.utc).isoformat(timespec="seconds"),
        "server": item.server,
        "studio": item.studio.id,
        "host": item.host,
        "scene": None if item.scene is None else str(item.scene),
        "reason": item.waiting_reason(studio),
        "help": item.help,
        "request": None if item.request is None else request_as_text(item.request),
        "versions": list(item.versions),
        "problems": list(item.problems),
        "folder": str(item.job.folder),
        "report": str(item.job.report) if item.job.report.is_file() else None,
    }


def _as_text(value: object) -> str:
    if isinstance(value, dict):
        value = [f"{name}: {content}" for name, content in value.items() if content]
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
