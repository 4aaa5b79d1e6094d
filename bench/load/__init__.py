"""Load a studio server with the day of a studio, at half, full and double size, on one machine.

Artists publish all at once, reviewers play movies, scripts query a large project, and clients listen to the event hub.
Each role is a process of its own. ``--small`` has a tenth of the people and a small project: its figures mean little.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import attrs
import requests

from bench.datasets import Dataset, ServerProcess, fill, serve_studio
from ft_dcc.media import ffmpeg
from ft_dcc.server.admin.commands import run_command
from ft_dcc.server.context import open_server_context
from ft_dcc.server.database.data_folder import locked

MAX_MEMORY_MIB = 400
MOVIE_FRAMES, MIN_MOVIE_BYTES = 48, 17 << 20
_SAMPLE_SECONDS = 0.2
_USERS = 20
_NAMES = {
    "artists": "artists: publish a movie of 48 frames in three parts",
    "reviewers": "reviewers: read 256 KiB of a movie",
    "scripts": "scripts: a query",
    "hub": "event hub: an event reaches a client",
}


@attrs.frozen
class Sizes:
    """The numbers of people and programs at full load, the duration, and the tasks of the project."""

    people: dict[str, int]
    seconds: float = 30.0
    tasks: int = 1_000_000


FULL = Sizes({"artists": 50, "reviewers": 200, "scripts": 20, "hub": 500})
SMALL = Sizes({"artists": 5, "reviewers": 20, "scripts": 4, "hub": 50}, seconds=8.0, tasks=5_000)


@attrs.frozen
class LoadedServer:
    """A running server with a project, users, a movie to publish and a movie in a review session."""

    server: ServerProcess
    dataset: Dataset
    users: list[tuple[str, str]]
    movie: Path
    review: str
    media: str


def run(*, is_small: bool = False) -> bool:
    """Print the latencies at each load, and return whether nothing was lost and the memory is within its limit."""
    sizes = SMALL if is_small else FULL
    with tempfile.TemporaryDirectory(prefix="ft-dcc-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        movie = _make_movie(folder / "movie.mp4")
        dataset = fill(folder / "studio", sizes.tasks)
        users = _make_users(dataset.folder)
        server = stack.enter_context(serve_studio(dataset.folder))
        studio = _make_review(server, dataset, users, movie)
        print(f"Load of the machine before: {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, {sizes.tasks:,} tasks.\n")
        print("| load | step | people | steps | median | 99th | lost | memory of the server |")
        print("|---|---|---|---|---|---|---|---|")
        results = [_measure(studio, sizes, factor, folder) for factor in (0.5, 1.0, 2.0)]
        return all(results)


def _measure(studio: LoadedServer, sizes: Sizes, factor: float, folder: Path) -> bool:
    """Print a row for each role, and return whether nothing was lost and the memory is within its limit."""
    counts = {role: max(1, round(count * factor)) for role, count in sizes.people.items()}
    plan = _plan(studio, sizes, folder)
    running = {role: _start(role, {**plan, "count": count}) for role, count in counts.items()}
    _begin(*running.values())
    peak = _PeakMemory(studio.server.process.pid)
    results = {role: _result(process) for role, process in running.items()}
    memory, lost = peak.stop(), 0
    for role, (took, failures) in results.items():
        lost += len(failures)
        figures = f"{_percentile(took, 50):,.0f} ms | {_percentile(took, 99):,.0f} ms" if took else "none | none"
        cells = (f"{factor:g}", _NAMES[role], counts[role], len(took), figures, len(failures), f"{memory} MiB")
        print(f"| {' | '.join(map(str, cells))} |", flush=True)
        for failure in dict.fromkeys(failures[:3]):
            print(f"{role}: {failure}", file=sys.stderr)
    missing = counts["artists"] - _count_published(studio, plan["run"])
    if missing:
        print(f"{missing} published versions are not in the database.", file=sys.stderr)
    return lost == 0 and missing == 0 and memory <= MAX_MEMORY_MIB


def _plan(studio: LoadedServer, sizes: Sizes, folder: Path) -> dict[str, Any]:
    shots = studio.dataset.shots
    expressions = [
        *(f'select name, description, status_id from Task where id is "{key}"' for key in studio.dataset.tasks[:40]),
        *(
            "select name, bid, status.name, type.name, parent.name, project.name from Task "
            f'where parent.parent_id is "{key}" limit 100'
            for key in studio.dataset.sequences[:20]
        ),
        *(f'select name, parent.name from Task where name like "task {number}%" limit 50' for number in range(10)),
    ]
    return {
        "url": studio.server.url,
        "users": studio.users,
        "cache": str(folder / "schemas"),
        "run": uuid4().hex[:8],
        "seconds": sizes.seconds,
        "movie": str(studio.movie),
        "size": studio.movie.stat().st_size,
        "review": studio.review,
        "media": studio.media,
        "shots": [shots[number % len(shots)] for number in range(1000)],
        "expressions": expressions,
    }


def _make_movie(path: Path) -> Path:
    """Encode 48 frames of noise, so that the file has three parts."""
    source = "testsrc2=size=1920x1080:rate=24,noise=alls=100:allf=t"
    options = ["-frames:v", str(MOVIE_FRAMES), "-c:v", "libx264", "-preset", "ultrafast"]
    options += ["-b:v", "80M", "-maxrate", "80M", "-bufsize", "20M"]
    command = [
        str(ffmpeg.find()),
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        source,
        *options,
        "-pix_fmt",
        "yuv420p",
        str(path),
    ]
    subprocess.run(command, check=True)
    if path.stat().st_size < MIN_MOVIE_BYTES:
        raise SystemExit(f"The movie has {path.stat().st_size} bytes only, which is less than three parts.")
    return path


def _make_users(folder: Path) -> list[tuple[str, str]]:
    users = []
    with locked(folder), open_server_context(folder) as context:
        for number in range(_USERS):
            name = f"artist{number:02}"
            run_command(context, "user", {"name": name, "role": "User"})
            key = run_command(context, "key", {"user": name})["FTRACK_API_KEY"]
            users.append((name, str(key)))
    return users


def _make_review(server: ServerProcess, dataset: Dataset, users: list[tuple[str, str]], movie: Path) -> LoadedServer:
    """Create a review session with one movie, which the reviewers play."""
    project = _query(server, "select project_id from Shot limit 1")[0]["project_id"]
    review = str(uuid4())
    data = {"id": review, "name": "Dailies", "project_id": project}
    _call(server, [{"action": "create", "entity_type": "ReviewSession", "entity_data": data}])
    studio = LoadedServer(server, dataset, users, movie, review, "")
    plan = {**_plan(studio, SMALL, dataset.folder), "count": 1}
    first = _start("artists", plan)
    _begin(first)
    took, failures = _result(first)
    if not took:
        raise SystemExit(f"The first publish failed: {failures}")
    link = _query(server, f"select review_url from ReviewSession where id is {review}")[0]["review_url"]
    entry = requests.get(f"{link}/data", timeout=60).json()["entries"][0]
    found = requests.get(f"{link}/entries/{entry['id']}", timeout=60).json()["film"]
    return attrs.evolve(studio, media=f"{link}/{found['url']}")


def _count_published(studio: LoadedServer, run: str) -> int:
    """Return how many versions of a run have all bytes of their movie on the server."""
    size = studio.movie.stat().st_size
    condition = f'version.asset.name like "{run}%" and size is {size} and component_locations any ()'
    return len(_query(studio.server, f"select id from FileComponent where {condition}"))


def _query(server: ServerProcess, expression: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = _call(server, [{"action": "query", "expression": expression}])[0]["data"]
    return found


def _call(server: ServerProcess, operations: list[dict[str, Any]]) -> Any:
    headers = {**server.headers, "ftrack-strict-api": "true"}
    answer = requests.post(f"{server.url}/api", json=operations, headers=headers, timeout=120)
    if answer.status_code != 200 or not isinstance(answer.json(), list):
        raise SystemExit(f"{operations[0]} failed: {answer.text[:500]}")
    return answer.json()


def _start(role: str, plan: dict[str, Any]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench.load.roles", role]
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", env={**os.environ}
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(plan) + "\n")
    process.stdin.flush()
    return process


def _begin(*processes: subprocess.Popen[str]) -> None:
    """Let the processes begin when all of them are ready."""
    for process in processes:
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            raise SystemExit("A role did not start.")
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()


def _result(process: subprocess.Popen[str]) -> tuple[list[float], list[str]]:
    output, _ = process.communicate(timeout=900)
    if process.returncode:
        raise SystemExit("A role stopped with an error.")
    report = json.loads(output)
    return sorted(report["took"]), report["failures"]


def _percentile(values: list[float], percent: int) -> float:
    return values[min(len(values) - 1, len(values) * percent // 100)]


class _PeakMemory:
    """The largest resident memory of a process, in MiB; 0 on systems without /proc."""

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/statm")
        self._peak = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        while self._status.exists() and not self._stopping.wait(_SAMPLE_SECONDS):
            pages = int(self._status.read_text("ascii").split()[1])
            self._peak = max(self._peak, pages * os.sysconf("SC_PAGE_SIZE") >> 20)

    def stop(self) -> int:
        """Return the peak since the start."""
        self._stopping.set()
        self._thread.join()
        return self._peak
