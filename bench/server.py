"""Compare the studio server with minimal routes, with itself on a hundred times the tasks, and with writer threads.

``--small`` uses little time and data: it shows that the benchmark runs; its figures mean nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs

from bench.commits import CLIENTS, SLOW_SYNC_US, measure, slow_sync_library, sync_milliseconds
from bench.datasets import Dataset, ServerProcess, fill, serve_baseline, serve_studio
from bench.files import downloads, uploads
from bench.table import Row, print_table

SCALARS = "name, description, sort, bid, start_date, end_date, created_at, parent_id, project_id, status_id"
RELATIONS = "status.name, type.name, parent.name, project.name"
QUERY_CLIENTS, BATCH_CLIENTS = 16, 4
PAGE, BATCH = 100, 20


@attrs.frozen
class Sizes:
    """The number and duration of measurements and the amount of data."""

    pairs: int = 5
    seconds: float = 3.0
    few_tasks: int = 10_000
    many_tasks: int = 1_000_000
    file_bytes: int = 2 << 30


SMALL = Sizes(pairs=1, seconds=0.5, few_tasks=1_000, many_tasks=20_000, file_bytes=64 << 20)


def run(*, is_small: bool = False) -> bool:
    """Print the table and return whether every goal is reached."""
    sizes = SMALL if is_small else Sizes()
    with tempfile.TemporaryDirectory(prefix="ft-dcc-bench-") as name:
        folder = Path(name)
        small, large = fill(folder / "small", sizes.few_tasks), fill(folder / "large", sizes.many_tasks)
        rows = [*_against_bare(small, folder, sizes), *_against_itself(small, large, sizes)]
        shutil.rmtree(large.folder)
        rows.extend(_durable_commits(folder, sizes))
        return print_table(rows)


def _durable_commits(folder: Path, sizes: Sizes) -> Iterator[Row]:
    """Yield a row for the disk as it is, and one for a disk whose sync takes 2 ms more."""
    disks: list[tuple[float, Path | None]] = [(2.0, None)]
    if (library := slow_sync_library(folder)) is not None:
        disks.append((5.0, library))
    for goal, preload in disks:
        delay = 0.0 if preload is None else SLOW_SYNC_US / 1000
        title = f"durable commits, {CLIENTS} clients, sync of {sync_milliseconds(folder) + delay:.1f} ms"
        pairs = [measure(folder, sizes.seconds, preload=preload) for _ in range(sizes.pairs)]
        yield _row(title, pairs, goal, "/s", "a connection each")


def _against_bare(dataset: Dataset, folder: Path, sizes: Sizes) -> Iterator[Row]:
    """Yield rows that compare the server with the baseline server; each is measured in turn."""
    database = Path(shutil.copy(dataset.folder / "studio.db", folder / "baseline.db"))
    with serve_studio(dataset.folder) as ours, serve_baseline(database, folder / "files") as bare:
        creates = _creates(dataset)
        for title, path, asked, bodies, clients, goal in (
            ("one-entity query", "/row", _keys(dataset.tasks), _one_entity(dataset), QUERY_CLIENTS, 0.5),
            ("page of 100 with 4 relations", "/page", _keys(dataset.sequences), _page(dataset), QUERY_CLIENTS, 0.4),
            ("batch of 20 creates", "/creates", creates, creates, BATCH_CLIENTS, 0.4),
        ):
            plain = _measure(bare, path, asked, clients, sizes)
            measured = _measure(ours, "/api", bodies, clients, sizes)
            yield _row(title, [(plain(), measured()) for _ in range(sizes.pairs)], goal, "/s", f"route {path}")
        yield from uploads(ours, bare, folder, sizes.file_bytes, sizes.pairs)
        yield from downloads(ours, bare, folder, sizes.file_bytes, sizes.pairs)


def _keys(ids: list[str]) -> list[str]:
    return [json.dumps([{"id": key}]) for key in ids]


def _against_itself(small: Dataset, large: Dataset, sizes: Sizes) -> Iterator[Row]:
    """Yield rows that compare the latency with many tasks to that with few."""
    with serve_studio(small.folder) as few, serve_studio(large.folder) as many:
        for title, make in (
            ("one-entity query", _one_entity),
            ("page of 100 with 4 relations", _page),
            ("batch of 20 creates", _creates),
        ):
            measured = [
                _measure(server, "/api", make(dataset), 1, sizes) for server, dataset in ((few, small), (many, large))
            ]
            pairs = [(1000 / measured[0](), 1000 / measured[1]()) for _ in range(sizes.pairs)]
            title = f"{title}: {sizes.many_tasks:,} tasks over {sizes.few_tasks:,}"
            yield Row(title, [pair[0] for pair in pairs], [pair[1] for pair in pairs], 1.5, peer="itself")


def _row(title: str, pairs: Sequence[tuple[float, float]], goal: float, unit: str, peer: str) -> Row:
    return Row(title, [pair[0] for pair in pairs], [pair[1] for pair in pairs], goal, unit, peer, is_least=True)


def _measure(server: ServerProcess, path: str, bodies: list[str], clients: int, sizes: Sizes) -> Callable[[], float]:
    """Return a function that measures answers per second, after a warm-up."""
    plan = {"url": server.url + path, "headers": server.headers, "bodies": bodies, "clients": clients}
    _load({**plan, "seconds": 0.5})
    return lambda: float(_load({**plan, "seconds": sizes.seconds})["rate"])


def _load(plan: dict[str, Any]) -> dict[str, float]:
    command = [sys.executable, str(Path(__file__).with_name("request_load.py"))]
    done = subprocess.run(
        command, input=json.dumps(plan), capture_output=True, encoding="utf-8", env={**os.environ}, check=False
    )
    if done.returncode:
        raise SystemExit(f"{plan['url']} cannot be measured:\n{done.stderr}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _one_entity(dataset: Dataset) -> list[str]:
    return [_query(f'select {SCALARS} from Task where id is "{key}"') for key in dataset.tasks]


def _page(dataset: Dataset) -> list[str]:
    return [
        _query(f"select {SCALARS}, {RELATIONS} from Task where parent.parent_id is {key} limit {PAGE}")
        for key in dataset.sequences
    ]


def _creates(dataset: Dataset) -> list[str]:
    data = {"id": "<new>", "name": "<new>", "parent_id": dataset.shots[0]}
    return [json.dumps([{"action": "create", "entity_type": "Task", "entity_data": data}] * BATCH)]


def _query(expression: str) -> str:
    return json.dumps([{"action": "query", "expression": expression}])
