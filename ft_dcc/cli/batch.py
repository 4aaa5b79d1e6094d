"""``ft-dcc batch`` and ``ft-dcc publish-item``: publish many items, on this machine or on a farm."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import click

from ft_dcc import errors
from ft_dcc.cli.publish import PublishCommand, colour_options, make_request, publish_options
from ft_dcc.cli.terminal.inputs import AbsolutePath, connected
from ft_dcc.cli.terminal.output import Output, one_line, reporting
from ft_dcc.settings.resolve import read_settings

if TYPE_CHECKING:
    from ft_dcc.batch.manifest import Item
    from ft_dcc.batch.plan import ItemResult, Plan
    from ft_dcc.publish.models import PublishRequest
    from ft_dcc.session import Session

_LOCAL, _DASK = "local", "dask://"
# Engines that write files for a farm into the folder after their name.
_WRITERS = ("deadline", "flamenco", "opencue", "openjd")
_PATH = AbsolutePath()


@click.command(name="batch", cls=PublishCommand, short_help="Publish many items, here or on a farm.")
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
    help="local, local:N for N processes, dask://HOST:PORT, or openjd:DIR, deadline:DIR, "
    "opencue:DIR or flamenco:DIR to write a job for a farm.",
)
@click.option("--out", type=_PATH, help="Folder of plan, results and reports (default: in the jobs folder).")
@click.option("--strict", is_flag=True, help="Publish nothing if an item has a problem.")
@click.option("--again", is_flag=True, help="Publish new versions of items that are done, too.")
@click.option("--tls-ca", type=_PATH, help="Dask: file of the certificate authority.")
@click.option("--tls-cert", type=_PATH, help="Dask: certificate of this client.")
@click.option("--tls-key", type=_PATH, help="Dask: key of this client.")
@publish_options
@colour_options
@reporting
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
    tls_ca: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
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
    request = make_request((), **options)
    run = _engine(engine, _tls_files(tls_ca, tls_cert, tls_key))
    with connected() as session:
        found = _read_items(session, items, match, query, source, request)
        name, _, place = engine.partition(":")
        bundle = Path(place) if name in _WRITERS and place else None
        folder = out or bundle or _default_folder(items, query, session.server_url)
        plan = make_plan(session, found, folder.absolute(), again=again, is_local=name == _LOCAL)
        _print_plan(output, plan)
        has_problems = any(item.problems for item in plan.items)
        if not (dry_run or (strict and has_problems)) and plan.todo:
            written = run(output, plan)
            if written is not None:
                output.result(written, {"bundle": written, "items": len(plan.todo)})
                return 3 if has_problems else 0
        code = _report(output, plan, session)
        # Nothing was to be published, so waiting items are no failure.
        return 3 if has_problems else 0 if dry_run else code


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
    identity = f"{items.absolute() if items is not None else query}\n{server}"
    name = f"batch-{hashlib.sha256(identity.encode('utf-8', 'surrogateescape')).hexdigest()[:12]}"
    return Path(read_settings().require("jobs")) / name


Run = Callable[[Output, "Plan"], "str | None"]


def _engine(text: str, tls: Any) -> Run:
    """Return the function that runs a plan with this engine; raise BadParameter for another text."""
    if text == _LOCAL or text.startswith(f"{_LOCAL}:"):
        count = text[len(_LOCAL) + 1 :]
        if text != _LOCAL and not (count.isascii() and count.isdigit() and int(count) > 0):
            raise click.BadParameter(
                f"{count!r} is not a number of processes. Write it as local:4.", param_hint="--engine"
            )
        return lambda output, plan: _run_local(output, plan, int(count) if count else None)
    name, _, place = text.partition(":")
    if name in _WRITERS and place:
        return lambda output, plan: _write_for_farm(plan, name)
    if text.startswith(_DASK) and text != _DASK:
        return lambda output, plan: _run_dask(output, plan, text[len(_DASK) :], tls)
    raise click.BadParameter(
        f"There is no engine {text!r}. There are: local, local:N, dask://HOST:PORT, and "
        "openjd:DIR, deadline:DIR, opencue:DIR and flamenco:DIR.",
        param_hint="--engine",
    )


def _tls_files(ca: Path | None, certificate: Path | None, key: Path | None) -> Any:
    if ca is None and certificate is None and key is None:
        return None
    if ca is None or certificate is None or key is None:
        raise click.UsageError("TLS needs all of --tls-ca, --tls-cert and --tls-key.")
    from ft_dcc.batch.dask_engine import TlsFiles

    return TlsFiles(ca, certificate, key)


def _run_local(output: Output, plan: Plan, workers: int | None) -> None:
    from ft_dcc.batch.local_engine import default_workers, run_local

    with _batch_display(output, len(plan.todo)) as (on_progress, on_result):
        run_local(plan, workers or default_workers(plan.todo), on_progress, on_result)


def _write_for_farm(plan: Plan, name: str) -> str:
    """Write the files of a farm; return what submits them."""
    from ft_dcc.batch import openjd_engine, submitters

    if name == "openjd":
        return str(openjd_engine.write_bundle(plan))
    writers = {
        "deadline": submitters.deadline_command,
        "flamenco": submitters.write_flamenco,
        "opencue": submitters.write_opencue,
    }
    return writers[name](plan)


def _run_dask(output: Output, plan: Plan, address: str, tls: Any) -> None:
    from ft_dcc.batch.dask_engine import run_dask

    with _batch_display(output, len(plan.todo)) as (_on_progress, on_result):
        run_dask(plan, address, on_result, tls)


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

        def on_progress(worker: int, item: Any, event: dict[str, Any]) -> None:
            if worker not in workers:
                workers[worker] = bars.add_task("", total=None)
            description = one_line(f"{event['step']} {Path(item.source).name}")
            bars.update(workers[worker], description=description, completed=event["done"], total=event["total"])

        def on_result(result: ItemResult) -> None:
            bars.advance(total)
            line = result.link or (f"version {result.version}" if result.version else " ".join(result.problems))
            text = one_line(f"{result.state}: {result.source}: {line}")
            console.print(text, highlight=False, markup=False, soft_wrap=True)

        yield on_progress, on_result


def _print_plan(output: Output, plan: Plan) -> None:
    todo, problems = len(plan.todo), sum(bool(item.problems) for item in plan.items)
    done = len(plan.items) - todo - problems
    for item in plan.items:
        for problem in item.problems:
            output.message(f"{item.place}: {problem}")
    output.message(f"{len(plan.items)} items: {todo} to publish, {done} done, {problems} with problems.")


def _report(output: Output, plan: Plan, session: Session) -> int:
    from ft_dcc.batch import report
    from ft_dcc.batch.plan import DONE, PROBLEM

    results = plan.results()
    page = report.write_reports(plan.folder, results, session)
    lines = [_line(result) for result in results]
    lines.append(f"Report: {page}")
    output.result(lines, {**report.as_data(results), "page": str(page), "folder": str(plan.folder)})
    if any(result.state == PROBLEM for result in results):
        return 3
    return 0 if all(result.state == DONE for result in results) else 1


def _line(result: ItemResult) -> str:
    version = f"v{result.version:03d}" if result.version is not None else ""
    text = result.link or " ".join(result.problems)
    return f"{result.state:<8} {version:<5} {result.task}  {Path(result.source).name}  {text}".rstrip()


@click.command(name="publish-item", short_help="Publish items of a batch's plan (for farms).")
@click.option("--manifest", required=True, type=_PATH, help="The file items.jsonl of the plan.")
@click.option("--index", "indices", required=True, metavar="RANGE", help="Indices of items, such as 3 or 0-4.")
@click.option("--out", type=_PATH, help="Folder of the results (default: beside the plan).")
@reporting
def publish_item_command(output: Output, manifest: Path, indices: str, out: Path | None) -> int:
    """Publish items of the plan of a batch; what is done already is not repeated.

    Exit code 3 if an item has a problem, 1 if one failed.
    """
    import attrs

    from ft_dcc.batch import plan, unit
    from ft_dcc.batch.openjd_engine import parse_indices

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
    if any(result.state == plan.PROBLEM for result in results):
        return 3
    return 0 if all(result.state == plan.DONE for result in results) else 1
