"""Compare the session with the official client on the same studio server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from bench.table import Row, print_table
from ft_dcc.accounts.local_server import read_account
from ft_dcc.session import SERVER_LOCATION_ID, Session

ROOT = Path(__file__).resolve().parents[1]
OFFICIAL_PYTHON = ROOT / ".venv-official" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
PAIRS, QUICK_PAIRS = 5, 3
TASKS = 10_000
UPLOAD_BYTES = 2**30

# The measure of client.py, its title, the goal as a ratio, and the unit.
COMPARED = (
    ("import", "import", 1 / 4, "ms"),
    ("start", "session start, warm schema cache", 1 / 4, "ms"),
    ("scalars", "10,000 tasks, 10 scalars, read one of each", 1 / 20, "ms"),
    ("relations", "the same with 4 relations", 1 / 20, "ms"),
    ("memory", "memory kept for 10,000 tasks", 1 / 3, "MiB"),
    ("attribute", "read a scalar attribute", 1 / 5, "µs"),
    ("unprojected", "200 reads of what was not projected", 1 / 200, "requests"),
    ("creates", "1,000 creates and commit", 1 / 3, "ms"),
    ("update-10000", "one update with 10,000 entities cached", 1 / 100, "ms"),
    ("metadata-1000", "1,000 tasks with 3 metadata keys each", 1 / 30, "ms"),
)
# Two measures of client.py with our session, the title, the goal and the peer.
WITH_LESS_WORK = (
    ("update-0", "update-10000", "update: 10,000 cached over none", 1.5, "itself"),
    ("metadata-500", "metadata-1000", "metadata: 1,000 over 500", 2.6, "itself"),
    ("plain", "scalars", "10,000 tasks, 10 scalars", 4, "requests + json"),
)


def run(*, is_small: bool = False) -> bool:
    """Print the table and return whether every goal is reached."""
    with _filled_studio() as (environment, folder):
        rows = list(_rows(environment, 1 if is_small else PAIRS))
        if not is_small:
            rows.extend(uploads(environment, folder))
        return print_table(rows)


def quick_rows() -> Iterator[Row]:
    """Yield the rows that are measured in CPU time, requests and memory."""
    with _filled_studio() as (environment, _):
        yield from _rows(environment, QUICK_PAIRS)


def _rows(environment: dict[str, str], pairs: int) -> Iterator[Row]:
    """Compare with the official client, with less work, and with fetching and parsing the pages without entities."""
    ours, theirs = partial(measure_client, environment, True), partial(measure_client, environment, False)
    for measure, title, goal, unit in COMPARED:
        yield _compare(title, partial(theirs, measure), partial(ours, measure), pairs, goal, unit=unit)
    for less, more, title, goal, peer in WITH_LESS_WORK:
        yield _compare(title, partial(ours, less), partial(ours, more), pairs, goal, peer=peer)


def _compare(
    title: str, theirs: Callable[[], float], ours: Callable[[], float], count: int, goal: float, **named: str
) -> Row:
    """Measure both in turn."""
    pairs = [(theirs(), ours()) for _ in range(count)]
    return Row(title, [pair[0] for pair in pairs], [pair[1] for pair in pairs], goal, **named)


@contextmanager
def _filled_studio() -> Iterator[tuple[dict[str, str], Path]]:
    with tempfile.TemporaryDirectory(prefix="ft-dcc-bench-") as folder, serve_studio(Path(folder)) as environment:
        fill(environment)
        yield environment, Path(folder)


@contextmanager
def serve_studio(folder: Path) -> Iterator[dict[str, str]]:
    """Run a studio server on an empty folder; yield the environment variables of its clients."""
    command = [sys.executable, "-m", "ft_dcc.cli.main", "serve", "--data", str(folder / "studio")]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8")
    try:
        assert server.stdout is not None
        server.stdout.readline()
        account = read_account(folder / "studio")
        assert account is not None
        (folder / "schemas").mkdir()
        # Both clients may use their bytecode caches, as installed packages do.
        yield {
            **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
            **account.as_environment(),
            "FTRACK_API_SCHEMA_CACHE_PATH": str(folder / "schemas"),
        }
    finally:
        server.terminate()
        server.wait(30)


def fill(environment: dict[str, str]) -> None:
    """Create two projects: one with tasks to read, and an empty one to write into."""
    with Session(
        environment["FTRACK_SERVER"], environment["FTRACK_API_KEY"], environment["FTRACK_API_USER"]
    ) as session:
        schema = session.query("ProjectSchema").first()
        projects = [
            session.create("Project", {"name": name, "full_name": name, "project_schema": schema})
            for name in ("BenchTasks", "BenchWrites")
        ]
        session.commit()
        project_id = projects[0]["id"]
        for first in range(0, TASKS, 1000):
            for number in range(first, first + 1000):
                values = {"name": f"task {number}", "description": f"What is to be done in task {number}."}
                session.create("Task", {**values, "parent_id": project_id, "project_id": project_id, "bid": 3600.0})
            session.commit()


def measure_client(environment: dict[str, str], is_ours: bool, measure: str) -> float:
    """Run one measure of client.py in a separate process and return its value."""
    python, module = (sys.executable, "ft_dcc") if is_ours else (str(OFFICIAL_PYTHON), "ftrack_api")
    script = str(ROOT / "bench" / "client.py")
    done = subprocess.run(
        [python, script, module, measure], env=environment, capture_output=True, encoding="utf-8", check=False
    )
    if done.returncode:
        raise SystemExit(f"{module} {measure} failed:\n{done.stderr}")
    value: Any = json.loads(done.stdout)["value"]
    return float(value)


def uploads(environment: dict[str, str], folder: Path) -> Iterator[Row]:
    """Yield rows for the upload of a large file by curl, the official client and our session, in turn."""
    big = folder / "big.bin"
    with big.open("wb") as file:
        for _ in range(UPLOAD_BYTES // 2**20):
            file.write(os.urandom(2**20))
    environment = {**environment, "BENCH_FILE": str(big)}
    curl: list[float] = []
    official: list[float] = []
    ours: list[float] = []
    in_turn = [
        (official, lambda: measure_client(environment, False, "upload")),
        (curl, lambda: upload_with_curl(environment, big)),
        (ours, lambda: measure_client(environment, True, "upload")),
    ]
    for _ in range(PAIRS):
        # The second reader finds the file in the page cache, so the order alternates.
        in_turn.reverse()
        for times, measure in in_turn:
            if hasattr(os, "sync"):
                # The next measurement must not wait for dirty pages of the one before.
                os.sync()
            times.append(measure())
    yield Row("upload of 1 GiB", official, ours, 1.0)
    yield Row("upload of 1 GiB", curl, ours, 1 / 0.9, peer="curl -T")


def upload_with_curl(environment: dict[str, str], file: Path) -> float:
    """Return the milliseconds that curl takes to upload the file to a signed URL."""
    program = shutil.which("curl")
    if program is None:
        raise SystemExit("The upload is compared with curl. Install it: apt-get install curl")
    with Session(
        environment["FTRACK_SERVER"], environment["FTRACK_API_KEY"], environment["FTRACK_API_USER"]
    ) as session:
        size = file.stat().st_size
        component = session.create("FileComponent", {"name": "curl", "file_type": file.suffix, "size": size})
        session.commit()
        request = {
            "action": "get_upload_metadata",
            "component_id": component["id"],
            "file_name": file.name,
            "file_size": size,
            "checksum": None,
        }
        url = session.call([request])[0]["url"]
        before = time.perf_counter()
        subprocess.run(
            [program, "--silent", "--fail", "--upload-file", str(file), url], check=True, capture_output=True
        )
        took = (time.perf_counter() - before) * 1000
        session.get("Location", SERVER_LOCATION_ID).accessor.remove(component["id"])
        return took
