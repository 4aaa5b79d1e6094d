"""``ft-dcc renders``: list and publish finished renders."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ft_dcc import errors, frames
from ft_dcc.cli.terminal.inputs import connected
from ft_dcc.cli.terminal.output import CommandGroup, Output, reporting
from ft_dcc.settings.resolve import read_settings

if TYPE_CHECKING:
    from ft_dcc.renders.publish import RenderResult
    from ft_dcc.renders.renders import Render

_WATCH_INTERVAL_SECONDS = 5.0


@click.group(cls=CommandGroup, name="renders", short_help="Publish finished renders.")
def command() -> None:
    """List and publish the renders of Write nodes with the ft-dcc tab, on this machine and on a farm."""


@command.command(name="list")
@reporting
def list_renders(output: Output) -> None:
    """List the renders, oldest first, with their missing frames."""
    from ft_dcc.renders.renders import read_renders

    reports = [_report(render) for render in read_renders()]
    lines = [
        f"{each['render']}  {each['state']:<20}  {each['node']}  {each['source']}{_missing_text(each)}"
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
@reporting
def publish(output: Output, render_id: str | None, again: bool, watch: bool) -> int:
    """Publish each finished render whose node is set to "always" once, or the render ID.

    The render ID is published with the frames that exist, regardless of the setting of its node, also a proxy. Exit
    code 3 if a render is incomplete or was refused by a check.
    """
    if render_id is not None:
        return _publish_one(output, render_id, again=again)
    if watch:
        _watch(output)
    from ft_dcc.renders.publish import forget_old

    outcomes = _run_once(output)
    forget_old(_renders(), _jobs())
    published = [each.published.report() for each in outcomes if each.published is not None]
    reports = [_report(render) for render in _renders()]
    links = [version["link"] or version["version_id"] for report in published for version in report["versions"]]
    output.result("\n".join(links), {"published": published, "renders": reports})
    for report in reports:
        if report["state"] in ("incomplete", "refused"):
            output.message(f"{report['render']}: {report['node']}: {report['state']}{_missing_text(report)}")
    if any(each.error is not None for each in outcomes):
        return 1
    return 3 if any(report["state"] in ("incomplete", "failed") for report in reports) else 0


@command.command()
@click.argument("render_id", metavar="ID")
@reporting
def forget(output: Output, render_id: str) -> None:
    """Delete the log of the render ID; its files are kept."""
    from ft_dcc.renders.renders import forget

    render = _find(render_id)
    forget(render)
    output.result(f"Deleted the log of {render_id}.", {"forgotten": render_id})


def _publish_one(output: Output, render_id: str, *, again: bool) -> int:
    from ft_dcc.cli.publish import print_result
    from ft_dcc.cli.terminal.progress import progress_display
    from ft_dcc.publish.publisher import Publisher
    from ft_dcc.renders.publish import publish_render

    render = _find(render_id)
    if render.missing:
        output.message(f"Frames {frames.format_ranges(render.missing)} of {render.source} are missing.")
    with connected() as session, progress_display() as on_progress:
        publisher = Publisher(session, on_progress=on_progress, jobs=_jobs())
        published = publish_render(render, publisher, again=again)
    if published is None:
        output.result(f"{render_id} is published already. Use --again for a new version.", {"published": []})
        return 0
    return print_result(output, published)


def _find(render_id: str) -> Render:
    for render in _renders():
        if render.id == render_id:
            return render
    raise errors.JobNotFound(f"There is no render {render_id!r}. List the renders with: ft-dcc renders list.")


def _renders() -> Sequence[Render]:
    from ft_dcc.renders.renders import read_renders

    return read_renders()


def _jobs() -> Path:
    return Path(read_settings().require("jobs"))


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


def _run_once(output: Output, without: set[str] | None = None) -> list[RenderResult]:
    from ft_dcc.cli.terminal.progress import progress_display
    from ft_dcc.publish.publisher import Publisher
    from ft_dcc.renders.publish import PUBLISHING, READY, publish_ready, state_of

    wanted = [render for render in _renders() if state_of(render, _jobs()) in (READY, PUBLISHING)]
    wanted = [render for render in wanted if render.id not in (without or ())]
    if not wanted:
        return []
    outcomes = []
    with connected() as session, progress_display() as on_progress:
        for result in publish_ready(Publisher(session, on_progress=on_progress, jobs=_jobs()), wanted):
            output.message(f"{result.render.id}: {result.error or 'done'}")
            outcomes.append(result)
    return outcomes


def _report(render: Render) -> dict[str, Any]:
    from ft_dcc.renders.publish import state_of

    return {
        "render": render.id,
        "state": state_of(render, _jobs()),
        "node": render.execution.node,
        "view": render.view,
        "script": render.execution.script,
        "source": render.source,
        "is_proxy": render.execution.is_proxy,
        "wanted": None if render.wanted is None else str(render.wanted),
        "missing": list(render.missing),
        "problem": render.problem,
        "folder": str(render.folder),
    }


def _missing_text(report: dict[str, Any]) -> str:
    if report["problem"]:
        return f"  {report['problem']}"
    return f"  missing: {frames.format_ranges(tuple(report['missing']))}" if report["missing"] else ""
