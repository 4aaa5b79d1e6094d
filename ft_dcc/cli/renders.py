"""``ft-dcc renders``: list and publish finished renders."""

from __future__ import annotations

import time
from typing import Any, NoReturn

import click

from ft_dcc import errors
from ft_dcc.cli.publish import open_publisher, print_result
from ft_dcc.cli.terminal.output import CommandGroup, Output
from ft_dcc.publish.jobs.job import jobs_folder
from ft_dcc.renders import publish as publishing
from ft_dcc.renders import renders
from ft_dcc.renders.renders import Render, read_renders

_WATCH_INTERVAL_SECONDS = 5.0


@click.group(cls=CommandGroup)
def command() -> None:
    """List and publish the recorded renders of Nuke and Blender, on this machine and on a farm."""


@command.command(name="list")
def list_renders(output: Output) -> None:
    """List the newest render of each sequence, oldest first, with what is new and missing on disk."""
    reports = _reports()
    lines = [
        f"{each['render']}  {each['state']:<20}  {each['node']}  {each['source']}  {each['text']}".rstrip()
        for each in reports
    ]
    output.result(lines or "There are no renders.", {"renders": reports})


@command.command()
@click.argument("render_id", metavar="[ID]", required=False)
@click.option(
    "--again",
    is_flag=True,
    help="Publish again as a new version, also a render that was published, refused or dropped.",
)
@click.option("--watch", is_flag=True, help="Run until stopped: wait for the server and for renders to finish.")
def publish(output: Output, render_id: str | None, again: bool, watch: bool) -> int:
    """Publish each finished render whose node is set to "always" once, or the render ID.

    The render ID is published with the frames that exist, regardless of the setting of its node, also a proxy. Exit
    code 3 if a render is incomplete or was refused by a check.
    """
    if render_id is not None:
        return _publish_one(output, render_id, again=again)
    if watch:
        _watch(output)
    outcomes = _run_once(output)
    publishing.forget_old(read_renders(), jobs_folder())
    published = [each.published.report() for each in outcomes if each.published is not None]
    reports = _reports()
    links = [version["link"] or version["version_id"] for report in published for version in report["versions"]]
    output.result("\n".join(links), {"published": published, "renders": reports})
    for report in reports:
        if report["state"] in ("incomplete", "failed"):
            output.message(f"{report['render']}: {report['node']}: {report['state']}  {report['text']}".rstrip())
    if any(each.error is not None for each in outcomes):
        return 1
    return 3 if any(report["state"] in ("incomplete", "failed") for report in reports) else 0


@command.command()
@click.argument("render_id", metavar="ID")
def forget(output: Output, render_id: str) -> None:
    """Delete the log of the render ID; its files are kept."""
    renders.forget(_find(render_id))
    output.result(f"Deleted the log of {render_id}.", {"forgotten": render_id})


def _publish_one(output: Output, render_id: str, *, again: bool) -> int:
    render = _find(render_id)
    if render.shortfall:
        output.message(f"{render.source}: {render.shortfall}")
    with open_publisher(output) as publisher:
        published = publishing.publish_render(render, publisher, again=again)
    if published is None:
        output.result(f"{render_id} is published already. Use --again for a new version.", {"published": []})
        return 0
    return print_result(output, published)


def _find(render_id: str) -> Render:
    for render in read_renders():
        if render.id == render_id:
            return render
    raise errors.JobNotFound(f"There is no render {render_id!r}. List the renders with: ft-dcc renders list.")


def _watch(output: Output) -> NoReturn:
    failed: set[str] = set()
    while True:
        try:
            for result in _run_once(output, failed):
                if result.error is not None:
                    failed.add(result.render.id)
        except errors.ServerUnreachable as error:
            output.message(f"{error} Next attempt in {_WATCH_INTERVAL_SECONDS:g} s.")
        time.sleep(_WATCH_INTERVAL_SECONDS)


def _run_once(output: Output, without: set[str] | None = None) -> list[publishing.RenderResult]:
    states = (publishing.READY, publishing.PUBLISHING)
    current = publishing.current_renders(read_renders(), jobs_folder())
    wanted = [each.render for each in current if each.state in states and each.render.id not in (without or ())]
    if not wanted:
        return []
    outcomes = []
    with open_publisher(output) as publisher:
        for result in publishing.publish_ready(publisher, wanted):
            output.message(f"{result.render.id}: {result.error or 'done'}")
            outcomes.append(result)
    return outcomes


def _reports() -> list[dict[str, Any]]:
    return [
        {
            "render": current.render.id,
            "state": current.state,
            "node": current.render.execution.node,
            "view": current.render.view,
            "script": current.render.execution.script,
            "source": current.render.source,
            "is_proxy": current.render.execution.is_proxy,
            "wanted": None if current.render.wanted is None else str(current.render.wanted),
            "new": list(current.new),
            **{name: list(getattr(current.render, name)) for name in ("missing", "older", "outside")},
            "problem": current.render.problem,
            "text": current.text,
            "folder": str(current.render.folder),
        }
        for current in publishing.current_renders(read_renders(), jobs_folder())
    ]
