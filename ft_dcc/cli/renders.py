"""``ft-dcc renders``: what programs have rendered, and publishing it when all of it is there."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ft_dcc.cli.connection import connected
from ft_dcc.cli.output import Output, reporting
from ft_dcc.config import read_settings
from ft_dcc.errors import JobNotFound, ServerUnreachable
from ft_dcc.frames import ranges

if TYPE_CHECKING:
    from ft_dcc.publish.rendered import Tended
    from ft_dcc.renders import Render

# A frame takes minutes; a farm's tasks end at any time.
_PAUSE_SECONDS = 5.0


@click.group(name="renders", short_help="Publish what was rendered, when all of it is there.")
def command() -> None:
    """List what Write nodes with the ft-dcc tab have rendered, here and on a farm; publish it once."""


@command.command(name="list")
@reporting
def list_renders(output: Output) -> None:
    """List the renders, the oldest first, and what is missing of each."""
    from ft_dcc.renders import read_renders

    reports = [_report(render) for render in read_renders()]
    lines = [
        f"{each['render']}  {each['state']:<20}  {each['node']}  {each['source']}{_gaps(each)}" for each in reports
    ]
    output.result("\n".join(lines) or "There is no render.", {"renders": reports})


@command.command()
@click.argument("render_id", metavar="[ID]", required=False)
@click.option("--again", is_flag=True, help="Also one that was published, refused or dropped before: a new version.")
@click.option("--watch", is_flag=True, help="Never end: wait for the server, and for renders to be complete.")
@reporting
def publish(output: Output, render_id: str | None, again: bool, watch: bool) -> int:
    """Publish every render that is complete and whose node says "always", each once; or the render ID.

    One that is named is published as far as it goes, in one piece, whatever its node says: a proxy, too. The exit code
    is 3 when frames of one that is wanted are missing, or a check has refused one.
    """
    if render_id is not None:
        return _publish_one(output, render_id, again=again)
    if watch:
        _watch(output)
    outcomes = _round(output)
    _forget_old()
    published = [each.published.report() for each in outcomes if each.published is not None]
    reports = [_report(render) for render in _renders()]
    links = [version["link"] or version["version_id"] for report in published for version in report["versions"]]
    output.result("\n".join(links), {"published": published, "renders": reports})
    for report in reports:
        if report["state"] in ("incomplete", "refused"):
            output.say(f"{report['render']}: {report['node']}: {report['state']}{_gaps(report)}")
    if any(each.error is not None for each in outcomes):
        return 1
    return 3 if any(report["state"] in ("incomplete", "refused") for report in reports) else 0


@command.command()
@click.argument("render_id", metavar="ID")
@reporting
def forget(output: Output, render_id: str) -> None:
    """Forget the render ID: what is noted of it is gone, its files stay."""
    from ft_dcc.renders import forget

    render = _find(render_id)
    forget(render)
    output.result(f"{render_id} is forgotten.", {"forgotten": render_id})


def _publish_one(output: Output, render_id: str, *, again: bool) -> int:
    from ft_dcc.cli.progress import shown_progress
    from ft_dcc.cli.publish import tell
    from ft_dcc.publish.rendered import publish_render
    from ft_dcc.publish.run import Publisher

    render = _find(render_id)
    if render.missing:
        output.say(f"Frames {ranges(render.missing)} of {render.source} are missing.")
    with connected() as session, shown_progress() as on_progress:
        publisher = Publisher(session, on_progress=on_progress, jobs=_jobs())
        published = publish_render(render, publisher, again=again)
    if published is None:
        output.result(f"{render_id} is published already.", {"published": []})
        return 0
    return tell(output, published)


def _find(render_id: str) -> Render:
    for render in _renders():
        if render.id == render_id:
            return render
    raise JobNotFound(f"There is no render {render_id!r}. Look for it with: ft-dcc renders list.")


def _renders() -> Sequence[Render]:
    from ft_dcc.renders import read_renders

    return read_renders()


def _jobs() -> Path:
    return Path(read_settings().need("jobs"))


def _forget_old() -> None:
    from ft_dcc.publish.rendered import forget_old

    forget_old(_renders(), _jobs())


def _watch(output: Output) -> NoReturn:
    said: set[str] = set()
    while True:
        try:
            for tended in _round(output, said):
                if tended.error is not None:
                    said.add(tended.render.id)
        except ServerUnreachable as error:
            output.say(f"{error} Trying again in {_PAUSE_SECONDS:g} s.")
        time.sleep(_PAUSE_SECONDS)


def _round(output: Output, without: set[str] | None = None) -> list[Tended]:
    from ft_dcc.cli.progress import shown_progress
    from ft_dcc.publish.rendered import PUBLISHING, READY, state_of, tend
    from ft_dcc.publish.run import Publisher

    wanted = [render for render in _renders() if state_of(render, _jobs()) in (READY, PUBLISHING)]
    wanted = [render for render in wanted if render.id not in (without or ())]
    if not wanted:
        return []
    outcomes = []
    with connected() as session, shown_progress() as on_progress:
        for tended in tend(Publisher(session, on_progress=on_progress, jobs=_jobs()), wanted):
            output.say(f"{tended.render.id}: {tended.error or 'done'}")
            outcomes.append(tended)
    return outcomes


def _report(render: Render) -> dict[str, Any]:
    from ft_dcc.publish.rendered import state_of

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


def _gaps(report: dict[str, Any]) -> str:
    if report["problem"]:
        return f"  {report['problem']}"
    return f"  missing: {ranges(tuple(report['missing']))}" if report["missing"] else ""
