"""``ft-dcc queue``: the jobs that are not through, and going on with them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ft_dcc.cli.connection import connected
from ft_dcc.cli.output import Output, reporting
from ft_dcc.cli.playblast import opened_in_blender
from ft_dcc.cli.publish import shown, tell
from ft_dcc.config import read_settings
from ft_dcc.errors import JobNotFound, ServerUnreachable

if TYPE_CHECKING:
    from ft_dcc.host import Host
    from ft_dcc.publish.queue import Entry, Outcome

# A studio's server is back within minutes; whoever watches wants to see it soon, and the server to come up.
_PAUSE_SECONDS = 5.0


def _jobs() -> Path:
    return Path(read_settings().need("jobs"))


@click.group(name="queue", short_help="Go on with publishes that were interrupted.")
def command() -> None:
    """List, resume, show and drop the jobs of publishes; work through those that wait."""


@command.command(name="list")
@reporting
def list_jobs(output: Output) -> None:
    """List the jobs, the oldest first."""
    from ft_dcc.publish.queue import entries

    found = entries(_jobs())
    lines = [f"{entry.job.id}  {entry.state:<15}  {_about(entry)}" for entry in found]
    output.result("\n".join(lines) or "There is no job.", {"jobs": [_report(entry) for entry in found]})


@command.command()
@click.argument("job_id", metavar="ID")
@reporting
def show(output: Output, job_id: str) -> None:
    """Show what is known of the job ID."""
    from ft_dcc.publish.job import Job
    from ft_dcc.publish.queue import look_at

    report = _report(look_at(Job.open(_jobs(), job_id)))
    told = _flat(report)
    width = max(map(len, told)) + 2
    lines = [f"{name:<{width}}{text}" for name, text in told.items()]
    output.result("\n".join(lines), report)


@command.command()
@click.argument("job_id", metavar="[ID]", required=False)
@reporting
def resume(output: Output, job_id: str | None) -> int:
    """Go on with the job ID, or with the newest one that waits.

    One that needs a Blender scene opens it, without a window.
    """
    from ft_dcc.publish.run import Publisher

    jobs = _jobs()
    with connected() as session:
        chosen = job_id or _newest(jobs, session.server_url)
        with _with_its_scene(jobs, chosen) as host, shown(output, chosen) as on_progress:
            published = Publisher(session, host, on_progress, jobs).resume(chosen)
    return tell(output, published)


@contextmanager
def _with_its_scene(jobs: Path, job_id: str) -> Iterator[Host | None]:
    """The scene of a job that needs one is open, where this command can open it; otherwise there is no host."""
    from ft_dcc.publish.job import Job
    from ft_dcc.publish.queue import NEEDS_SCENE, look_at

    entry = look_at(Job.open(jobs, job_id))
    if entry.state == NEEDS_SCENE and entry.scene is not None and entry.scene.suffix == ".blend":
        with opened_in_blender(entry.scene) as host:
            yield host
    else:
        yield None


def _newest(jobs: Path, server: str) -> str:
    from ft_dcc.publish.queue import WAITING, entries

    waiting = [entry.job.id for entry in entries(jobs) if entry.state == WAITING and entry.server == server]
    if not waiting:
        raise JobNotFound(f"No job in {jobs} waits for {server}. See them all with: ft-dcc queue list.")
    return waiting[-1]


@command.command()
@click.argument("job_id", metavar="ID")
@reporting
def drop(output: Output, job_id: str) -> None:
    """Give up the job ID: it is gone, with what it had uploaded for versions that do not exist."""
    from ft_dcc.publish.run import Publisher

    with connected() as session:
        Publisher(session, jobs=_jobs()).drop(job_id)
    output.result(f"{job_id} is gone.", {"dropped": job_id})


@command.command()
@click.option("--watch", is_flag=True, help="Never end: wait for the server, and for new jobs.")
@reporting
def run(output: Output, watch: bool) -> int:
    """Work through all jobs that wait for this server, the oldest first.

    A job that fails for a reason of its own does not hold up the others, and is not tried again by this command; one
    whose upload broke off is, with --watch. It is said what must be done for those that need their scene. The exit code
    is 1 when one is left.
    """
    _tell_who_must(output)
    if watch:
        _watch(output)
    outcomes = _round(output, set())
    reports = [outcome.published.report() for outcome in outcomes if outcome.published is not None]
    links = [version["link"] or version["version_id"] for report in reports for version in report["versions"]]
    output.result("\n".join(links) or "Nothing was published.", {"published": reports})
    return 0 if all(outcome.is_done for outcome in outcomes) else 1


def _tell_who_must(output: Output) -> None:
    from ft_dcc.publish.queue import entries

    for entry in entries(_jobs()):
        if entry.help:
            output.say(f"{entry.job.id} {entry.state}. {entry.help}")


def _watch(output: Output) -> NoReturn:
    given_up: set[str] = set()
    while True:
        try:
            for outcome in _round(output, given_up):
                if not (outcome.is_done or outcome.is_tried_again):
                    given_up.add(outcome.entry.job.id)
        except ServerUnreachable as error:
            output.say(f"{error} Trying again in {_PAUSE_SECONDS:g} s.")
        time.sleep(_PAUSE_SECONDS)


def _round(output: Output, given_up: set[str]) -> list[Outcome]:
    from ft_dcc.cli.progress import shown_progress
    from ft_dcc.publish.queue import work_through
    from ft_dcc.publish.run import Publisher

    outcomes = []
    with connected() as session, shown_progress() as on_progress:
        publisher = Publisher(session, on_progress=on_progress, jobs=_jobs())
        for outcome in work_through(publisher, without=given_up):
            problems = (
                [str(outcome.error)]
                if outcome.published is None
                else [problem.message for problem in outcome.published.problems]
            )
            output.say(f"{outcome.entry.job.id}: {' '.join(problems) or 'done'}")
            outcomes.append(outcome)
    return outcomes


def _about(entry: Entry) -> str:
    if entry.request is None:
        return " ".join(entry.problems)
    place = f"{entry.host} {entry.scene.name if entry.scene is not None else ''}" if entry.host is not None else ""
    sources = ", ".join([*(Path(text).name for text in entry.request.source), *filter(None, [place.strip()])])
    return f"{entry.request.task or 'no task'}  {sources}"


def _report(entry: Entry) -> dict[str, Any]:
    from ft_dcc.publish.report import request_as_text

    return {
        "job": entry.job.id,
        "state": entry.state,
        "server": entry.server,
        "host": entry.host,
        "scene": None if entry.scene is None else str(entry.scene),
        "help": entry.help,
        "request": None if entry.request is None else request_as_text(entry.request),
        "versions": list(entry.versions),
        "problems": list(entry.problems),
        "folder": str(entry.job.folder),
        "report": str(entry.job.report) if entry.job.report.is_file() else None,
    }


def _flat(report: Mapping[str, Any]) -> dict[str, str]:
    """What is said of a job, as lines: nothing of what is not set."""
    request = report["request"] or {}
    pairs = {**{key: value for key, value in report.items() if key != "request"}, **request}
    return {key: _plain(value) for key, value in pairs.items() if value not in (None, False, "", [], {})}


def _plain(value: object) -> str:
    if isinstance(value, dict):
        value = [f"{name}: {content}" for name, content in value.items() if content]
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
