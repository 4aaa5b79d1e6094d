"""Compare a batch with ffmpeg and curl run directly, and measure what it adds: ``python -m bench batch``.

Each worker has one processor, so that the figures say how the engine scales and not how many threads the encoder has.
The processor affinity needs Linux; elsewhere the workers share all processors.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import queue
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import attrs

from bench.publish import CODEC, Setup, input_arguments, run_ffmpeg, write_frames
from bench.session import serve_studio
from bench.table import Row, print_table
from ft_dcc.frames import Frames
from ft_dcc.production.tasks import WantedTask, ensure_tasks

FRAMES_PER_SHOT = 24
PLANNED_ITEMS = 10_000
CLI = (sys.executable, "-m", "ft_dcc.cli.main")


def run(*, is_small: bool = False) -> bool:
    """Print the table and the load of the machine, and return whether every goal is reached."""
    shots, pairs = (6, 1) if is_small else (100, 3)
    planned = PLANNED_ITEMS // 10 if is_small else PLANNED_ITEMS
    with tempfile.TemporaryDirectory(prefix="ft-dcc-bench-") as name, serve_studio(Path(name)) as environment:
        folder = Path(name)
        environment["FT_DCC_JOBS"] = str(folder / "jobs")
        environment["FT_DCC_ENCODER"] = "software"
        frames = write_frames(folder / "frames", FRAMES_PER_SHOT)
        setup = Setup(folder, environment, pairs, frames, 0.0, 0.0)
        before = os.getloadavg()[0]
        # The long comparison last: an error of another is found before it.
        rows = [
            help_cpu(environment),
            plan_many(setup, planned),
            *lose_a_dask_worker(setup, min(shots, 10)),
            *compare_workers(setup, shots),
        ]
        print(f"Load of the machine: {before:.1f} before, {os.getloadavg()[0]:.1f} after.\n")
        return print_table(rows)


def quick_rows() -> list[Row]:
    """Return the rows that are measured in CPU time."""
    return [help_cpu(dict(os.environ))]


def compare_workers(setup: Setup, shots: int) -> Iterator[Row]:
    """Compare one worker, two workers, and two loops of ffmpeg and curl; then repeat a batch that is done."""
    one, two, bare, done = [], [], [], []
    for pair in range(setup.pairs):
        manifests = [write_manifest(setup, f"Workers{pair}{count}", shots) for count in (1, 2)]
        one.append(timed(setup, ["batch", manifests[0], "--engine", "local:1"], processors=1))
        bare.append(run_bare(setup, shots))
        two.append(timed(setup, ["batch", manifests[1], "--engine", "local:2"], processors=2))
        plan = json.loads(measured(setup.environment, ["batch", manifests[1], "--json"]).stdout)["folder"]
        again = ["publish-item", "--manifest", f"{plan}/items.jsonl", "--index"]
        first, every = (timed(setup, [*again, indices], processors=1) for indices in ("0", f"0-{shots - 1}"))
        done.append((every - first) / (shots - 1))
    name = f"{shots} shots x {FRAMES_PER_SHOT} frames of 1080p, two workers"
    yield Row(name, one, two, 1 / 1.9, peer="one worker")
    yield Row(name, bare, two, 1.15, peer="ffmpeg, then curl, in two loops")
    yield Row("an item that is done", [50.0] * setup.pairs, done, 1.0, peer="50 ms")


def write_manifest(setup: Setup, project: str, shots: int, sources: Iterable[str] | None = None) -> str:
    """Create the tasks and return a manifest with an item for each of them."""
    tasks = [f"{project}/SQ{number // 20:03d}/SH{number:05d}/Comp" for number in range(shots)]
    with setup.session() as session:
        ensure_tasks(session, [WantedTask(task) for task in tasks])
    path = setup.folder / f"{project}.csv"
    chosen = sources or [setup.frames.pattern] * shots
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [("source", "task", "fps"), *((source, task, 24) for source, task in zip(chosen, tasks))]
        )
    return str(path)


def run_bare(setup: Setup, shots: int) -> float:
    """Return the milliseconds of the same work by ffmpeg and curl, in two loops of one processor each.

    One run of ffmpeg makes a movie and its thumbnail. The addresses of the uploads are fetched before, with the sizes
    that the files of these frames always have.
    """
    sent = (setup.folder / "bare.mp4", setup.folder / "bare.jpg")
    run_ffmpeg(*_movie_and_thumbnail(setup.frames, *sent))
    left: queue.SimpleQueue[tuple[str, ...]] = queue.SimpleQueue()
    for urls in zip(*(upload_urls(setup, file, shots) for file in sent)):
        left.put(urls)

    def loop(processor: int) -> None:
        bind([processor])
        made = (setup.folder / f"bare{processor}.mp4", setup.folder / f"bare{processor}.jpg")
        while True:
            try:
                urls = left.get_nowait()
            except queue.Empty:
                return
            run_ffmpeg(*_movie_and_thumbnail(setup.frames, *made))
            # The files whose sizes were announced: x264 with other threads makes another movie.
            uploads = [part for file, url in zip(sent, urls) for part in ("--upload-file", str(file), url)]
            subprocess.run(["curl", "--silent", "--fail", *uploads], check=True, capture_output=True)

    threads = [threading.Thread(target=loop, args=(processor,)) for processor in processors_of(2)]
    before = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return (time.perf_counter() - before) * 1000


def _movie_and_thumbnail(frames: Frames, movie: Path, image: Path) -> list[str | Path]:
    """Return ffmpeg's arguments for a movie and a thumbnail of its middle frame."""
    middle = f"select=eq(n\\,{FRAMES_PER_SHOT // 2}),scale=640:-2"
    one = ["-vf", middle, "-fps_mode", "passthrough", "-q:v", "3", "-f", "mjpeg"]
    return [*input_arguments(frames), *CODEC, "-movflags", "+faststart", movie, *one, image]


def upload_urls(setup: Setup, file: Path, count: int) -> list[str]:
    """Return addresses for so many uploads of this file."""
    size = file.stat().st_size
    with setup.session() as session:
        values = {"name": "bare", "file_type": file.suffix, "size": size}
        made = [session.create("FileComponent", values) for _ in range(count)]
        session.commit()
        asked = {"action": "get_upload_metadata", "file_name": file.name, "file_size": size, "checksum": None}
        return [str(found["url"]) for found in session.call([{**asked, "component_id": one["id"]} for one in made])]


def plan_many(setup: Setup, count: int) -> Row:
    """Measure the time and the memory of the plan of many items."""
    inside = setup.folder / "movies"
    inside.mkdir()
    sources = [str(inside / f"{number}.mov") for number in range(count)]
    for source in sources:
        Path(source).write_bytes(b"a movie that the plan does not decode")
    manifest = write_manifest(setup, "Planned", count, sources)
    done = measured(setup.environment, ["batch", manifest, "--dry-run"])
    print(f"{count} items planned in {done.seconds:.1f} s with {done.peak_mib:.0f} MiB (goal: 200 MiB).")
    is_small = done.peak_mib < 200
    return Row(
        f"{count:,} items planned, under 200 MiB",
        [10_000.0],
        [done.seconds * 1000 if is_small else 1e9],
        1.0,
        peer="10 s",
    )


def lose_a_dask_worker(setup: Setup, shots: int) -> Iterator[Row]:
    """Kill a Dask worker in the middle of a batch, and count the items that are lost or have two versions."""
    if importlib.util.find_spec("distributed") is None:
        print("distributed is not installed: no figures of Dask.")
        return
    manifest = write_manifest(setup, "Dask", shots)
    address_file = setup.folder / "scheduler.json"
    dask = (sys.executable, "-m", "dask")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": setup.environment}
    options = ("--host", "127.0.0.1", "--no-dashboard")
    started = [
        subprocess.Popen([*dask, "scheduler", *options, "--port", "0", "--scheduler-file", address_file], **quiet)
    ]
    try:
        while not address_file.is_file():
            time.sleep(0.1)
        address = json.loads(address_file.read_text("utf-8"))["address"]
        worker = [*dask, "worker", address, *options, "--nthreads", "1", "--no-nanny"]
        started += [subprocess.Popen(worker, **quiet) for _ in range(2)]
        command = [*CLI, "batch", manifest, "--engine", f"dask://{address.removeprefix('tcp://')}"]
        pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "encoding": "utf-8"}
        with subprocess.Popen(command, env=setup.environment, **pipes) as batch:
            assert batch.stderr is not None
            next(line for line in batch.stderr if line.startswith("done: "))
            started[1].kill()
            batch.communicate()
    finally:
        for process in started:
            process.kill()
            process.wait()
    with setup.session() as session:
        versions = session.query("select task_id from AssetVersion where task.project.name is Dask").all()
    wrong = abs(shots - len({version["task_id"] for version in versions})) + abs(shots - len(versions))
    yield Row("items lost or twice, a Dask worker killed", [1.0], [float(wrong)], 0.0, "items", "none")


def help_cpu(environment: dict[str, str]) -> Row:
    """Measure the CPU time of ``ft-dcc --help``."""
    times = [measured(environment, ["--help"]).cpu_seconds * 1000 for _ in range(5)]
    return Row("ft-dcc --help, CPU", [150.0] * 5, times, 1.0, peer="150 ms")


@attrs.frozen
class Measured:
    """What a command printed, and what it used."""

    stdout: str
    seconds: float
    cpu_seconds: float
    peak_mib: float


def timed(setup: Setup, arguments: Sequence[str], processors: int) -> float:
    """Return the milliseconds of a command and its children on so many processors."""
    return measured(setup.environment, arguments, lambda: bind(processors_of(processors))).seconds * 1000


def measured(
    environment: dict[str, str], arguments: Sequence[str], prepare: Callable[[], None] | None = None
) -> Measured:
    """Run a command of ft-dcc; ``prepare`` runs in its process first. Exits if it fails."""
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        before = time.perf_counter()
        process = subprocess.Popen(
            [*CLI, *arguments], env=environment, stdout=stdout, stderr=stderr, preexec_fn=prepare
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - before
        stdout.seek(0)
        stderr.seek(0)
        if process.returncode:
            raise SystemExit(f"ft-dcc {' '.join(arguments)} failed:\n{stderr.read().decode()}{stdout.read().decode()}")
        return Measured(stdout.read().decode(), seconds, used.ru_utime + used.ru_stime, _mebibytes(used))


def _mebibytes(used: resource.struct_rusage) -> float:
    # Bytes on macOS, KiB elsewhere.
    return used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def processors_of(count: int) -> list[int]:
    """Return the first processors that this process may use."""
    if not hasattr(os, "sched_getaffinity"):
        return list(range(count))
    return sorted(os.sched_getaffinity(0))[:count]


def bind(processors: Sequence[int]) -> None:
    """Let this thread, and the processes that it starts, use these processors only."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, processors)
