"""``ft-dcc batch`` and ``ft-dcc publish-item``: publish many items, on this machine or on a farm."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import click

from ft_dcc import errors, plain_text
from ft_dcc.cli.publish import PublishCommand, make_request
from ft_dcc.cli.terminal.inputs import AbsolutePath, connected
from ft_dcc.cli.terminal.output import Command, Output

if TYPE_CHECKING:
    from ft_dcc.batch.manifest import Item
    from ft_dcc.batch.plan import ItemResult, Plan
    from ft_dcc.publish.models import PublishRequest
    from ft_dcc.session import Session

_LOCAL, _DASK = "local", "dask://"
# Engines that write files for a farm into the folder after their name.
_WRITERS = ("deadline", "opencue", "openjd")
_PATH = AbsolutePath()


@click.command(cls=PublishCommand)
@click.argument("items", metavar="[MANIFEST|FOLDER]", required=False, type=_PATH)
@click.option("--match", metavar="PATTERN", help="Fields of the paths in FOLDER, such as '{sequence}/{shot}/{task}'.")
@click.option(
    "--from", "query", metavar="QUERY", help="Shots of the server, such as 'Shot where parent.name is SQ010'."
)
@click.option("--source", metavar="RULE", help="With --from: the source of each, such as 'render/{shot}.%04d.exr'.")
@click.option(
    "--engine",
    default=_LOCAL,
    show_default=True,
    metavar="ENGINE",
    help="local, local:N for N processes, dask://HOST:PORT, or openjd:DIR, deadline:DIR or "
    "opencue:DIR to write a job for a farm.",
)
@click.option("--to", "out", type=_PATH, help="Folder of plan, results and reports (default: in the jobs folder).")
@click.option("--strict", is_flag=True, help="Publish nothing if an item has a problem.")
@click.option("--again", is_flag=True, help="Publish new versions of items that are done, too.")
@click.option("--tls-ca", "tls_ca_file", type=_PATH, help="Dask: file of the certificate authority.")
@click.option("--tls-cert", "tls_client_cert", type=_PATH, help="Dask: certificate of this client.")
@click.option("--tls-key", "tls_client_key", type=_PATH, help="Dask: key of this client.")
def batch_command(
    output: Output,
    items: Path | None,
    *,
    match: str | None,
    query: str | None,
    source: str | None,
    engine: str,
    out: Path | None,
    dry_run: bool,
    strict: bool,
    again: bool,
    repair: tuple[str, ...],
    **options: Any,
) -> int:
    """Publish the items of MANIFEST (CSV or JSON lines), of FOLDER with --match, or of shots with --from.

    The options of a publish apply to all items; the columns of a manifest override them. --task is a rule, such as
    'Film/{sequence}/{shot}/Comp'. All problems are listed before the work starts. A second run publishes what is
    missing, and nothing twice. Exit code 3 if an item has a problem, 1 if one failed.
    """
    from ft_dcc.batch.plan import make_plan

    if repair:
        raise click.UsageError("--repair needs one source. Publish the item alone: ft-dcc publish.")
    tls = {name: options.pop(name) for name in ("tls_ca_file", "tls_client_cert", "tls_client_key")}
    if None in tls.values() and any(tls.values()):
        raise click.UsageError("TLS needs all of --tls-ca, --tls-cert and --tls-key.")
    request = make_request((), **options)
    _check_engine(engine)
    with connected() as session:
        found = _read_items(session, items, match, query, source, request)
        name, _, place = engine.partition(":")
        bundle = Path(place) if name in _WRITERS and place else None
        folder = out or bundle or _default_folder(items, query, session.server_url)
        plan = make_plan(session, found, folder.absolute(), again=again, is_local=name == _LOCAL)
        problems = [f"{item.place}: {problem}" for item in plan.items for problem in item.problems]
        for problem in problems:
            output.message(problem)
        todo, broken = len(plan.todo), sum(bool(item.problems) for item in plan.items)
        counts = f"{todo} to publish, {len(plan.items) - todo - broken} done, {broken} with problems"
        output.message(f"{len(plan.items)} items: {counts}.")
        if not (dry_run or (strict and problems)) and plan.todo:
            written = _run(output, plan, engine, tls)
            if written is not None:
                output.result(written, {"bundle": written, "items": len(plan.todo)})
                return 3 if problems else 0
        code = _report(output, plan, session)
        # Nothing was to be published, so waiting items are no failure.
        return 3 if problems else 0 if dry_run else code


def _read_items(
    session: Session,
    items: Path | None,
    match: str | None,
    query: str | None,
    source: str | None,
    request: PublishRequest,
) -> list[Item]:
    from ft_dcc.batch import manifest

    if query is not None:
        if items is not None or source is None:
            raise click.UsageError("--from needs --source, and no MANIFEST or FOLDER.")
        return manifest.read_shots(session, query, source, request)
    if items is None:
        raise click.UsageError("Give a manifest, a folder with --match, or --from with --source.")
    if items.is_dir():
        if match is None:
            raise click.UsageError(f"{items} is a folder: add --match, such as '{{sequence}}/{{shot}}/{{task}}'.")
        return manifest.read_folder(items, match, request)
    if match is not None:
        raise click.UsageError(f"--match needs a folder; {items} is none.")
    return manifest.read_manifest(items, request)


def _default_folder(items: Path | None, query: str | None, server: str) -> Path:
    from ft_dcc.publish.jobs.job import jobs_folder

    identity = f"{items.absolute() if items is not None else query}\n{server}"
    name = f"batch-{hashlib.sha256(identity.encode('utf-8', 'surrogateescape')).hexdigest()[:12]}"
    return jobs_folder() / name


def _check_engine(text: str) -> None:
    name, colon, place = text.partition(":")
    problem = ""
    if name == _LOCAL:
        if colon and not (place.isascii() and place.isdigit() and int(place) > 0):
            problem = f"{place!r} is not a number of processes. Write it as local:4."
    elif not (name in _WRITERS and place) and (not text.startswith(_DASK) or text == _DASK):
        problem = (
            f"There is no engine {text!r}. There are: local, local:N, dask://HOST:PORT, and "
            "openjd:DIR, deadline:DIR and opencue:DIR."
        )
    if problem:
        raise click.BadParameter(problem, param_hint="--engine")


def _run(output: Output, plan: Plan, engine: str, tls: Any) -> str | None:
    """Run the plan, or write the files of a farm and return what submits them."""
    name, _, place = engine.partition(":")
    if name in _WRITERS:
        from ft_dcc.batch import submitters

        return str(getattr(submitters, f"write_{name}")(plan))
    with _resumable(output, plan), _batch_display(output, len(plan.todo)) as (on_progress, on_result):
        if name == _LOCAL:
            from ft_dcc.batch.engines import default_workers, run_local

            run_local(plan, int(place) if place else default_workers(plan.todo), on_progress, on_result)
        else:
            from ft_dcc.batch.engines import run_dask

            run_dask(plan, engine[len(_DASK) :], on_result, tls if all(tls.values()) else {})
    return None


@contextmanager
def _resumable(output: Output, plan: Plan) -> Iterator[None]:
    """On Ctrl-C, say what is done, what is left, and the command that publishes it."""
    before = len(plan.todo)
    try:
        yield
    except KeyboardInterrupt:
        left = len(plan.todo)
        # With --again, the same items would be published again.
        command = output.logged.replace(" --again", "") or "ft-dcc batch"
        output.message(f"{before - left} of {before} items are published, {left} are left. Continue with: {command}")
        raise


@contextmanager
def _batch_display(output: Output, count: int) -> Iterator[tuple[Callable[..., None], Callable[[ItemResult], None]]]:
    """Yield the callbacks for progress and results: bars on a terminal, a line for each finished item elsewhere."""
    if output.quiet:
        yield lambda *_progress: None, lambda _result: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with Bars(*columns, console=console, disable=not console.is_terminal) as bars:
        total = bars.add_task("batch", total=count)
        workers: dict[int, Any] = {}
        numbers = itertools.count(1)

        def on_progress(worker: int, item: Any, event: dict[str, Any]) -> None:
            if worker not in workers:
                workers[worker] = bars.add_task("", total=None)
            description = plain_text.single_line(f"{event['step']} {Path(item.source).name}")
            bars.update(workers[worker], description=description, completed=event["done"], total=event["total"])

        def on_result(result: ItemResult) -> None:
            bars.advance(total)
            line = result.link or (f"version {result.version}" if result.version else " ".join(result.problems))
            text = plain_text.single_line(f"{next(numbers)} of {count}: {result.state}: {result.source}: {line}")
            console.print(text, highlight=False, markup=False, soft_wrap=True)

        yield on_progress, on_result


def _report(output: Output, plan: Plan, session: Session) -> int:
    from ft_dcc.batch import report

    results = plan.results()
    page = report.write_reports(plan.folder, results, session)
    lines = [_line(result) for result in results]
    lines.append(f"Report: {page}")
    output.result(lines, {**report.as_data(results), "page": str(page), "folder": str(plan.folder)})
    return _exit_code(results)


def _exit_code(results: Iterable[ItemResult]) -> int:
    from ft_dcc.batch.plan import DONE, PROBLEM

    states = {result.state for result in results}
    if PROBLEM in states:
        return 3
    return 0 if states <= {DONE} else 1


def _line(result: ItemResult) -> str:
    version = f"v{result.version:03d}" if result.version is not None else ""
    text = result.link or " ".join(result.problems)
    return f"{result.state:<8} {version:<5} {result.task}  {Path(result.source).name}  {text}".rstrip()


@click.command(cls=Command)
@click.option("--manifest", required=True, type=_PATH, help="The file items.jsonl of the plan.")
@click.option("--index", "indices", required=True, metavar="RANGE", help="Indices of items, such as 3 or 0-4.")
@click.option("--to", "out", type=_PATH, help="Folder of the results (default: beside the plan).")
def publish_item_command(output: Output, manifest: Path, indices: str, out: Path | None) -> int:
    """Publish items of the plan of a batch; what is done already is not repeated.

    Exit code 3 if an item has a problem, 1 if one failed.
    """
    import attrs

    from ft_dcc.batch import plan, unit
    from ft_dcc.batch.submitters import parse_indices

    opened = plan.Plan.open(manifest)
    chosen = parse_indices(indices)
    if not set(chosen) <= set(range(len(opened.items))):
        raise errors.SettingInvalid(f"{manifest} has the indices 0-{len(opened.items) - 1}, not {indices}.")
    results = []
    with connected() as session:
        for count, index in enumerate(chosen, 1):
            result = unit.publish_item(opened.items[index], out or opened.folder / plan.RESULTS, session)
            results.append(result)
            output.message(f"openjd_progress: {100 * count / len(chosen):.1f}")
            for problem in result.problems:
                output.message(f"{result.source}: {problem}")
    output.result([_line(result) for result in results], {"items": [attrs.asdict(result) for result in results]})
    return _exit_code(results)
