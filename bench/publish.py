"""Compare the publish with ffmpeg and curl run directly, on the same machine."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import attrs

from bench import main_thread_latency
from bench.session import ROOT, serve_studio, upload_with_curl
from bench.table import Row, print_table
from bench.throttled_proxy import throttled
from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.host import OnFrame, PlayblastRequest, Scene
from ft_dcc.media import ffmpeg
from ft_dcc.production.tasks import ensure_task
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import Publisher
from ft_dcc.session import Session

TASK = "Bench/SQ010/SH010/Animation"
CODEC = (
    "-c:v",
    "libx264",
    "-profile:v",
    "high",
    "-preset",
    "veryfast",
    "-crf",
    "18",
    "-g",
    "12",
    "-pix_fmt",
    "yuv420p",
)
# ffmpeg would choose the BT.601 matrix; players expect BT.709 at this size.
BT709 = "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p"
FONT = ROOT / "ft_dcc" / "media" / "fonts" / "DejaVuSans.ttf"


@attrs.frozen
class Setup:
    """The folder, environment and repetitions of the measurements."""

    folder: Path
    environment: dict[str, str]
    pairs: int
    frames: Frames
    upload_seconds: float
    capture_seconds: float

    def session(self, url: str | None = None) -> Session:
        """Return a session on the server, or on a proxy in front of it."""
        there = self.environment
        return Session(url or there["FTRACK_SERVER"], there["FTRACK_API_KEY"], there["FTRACK_API_USER"])


def run(*, is_small: bool = False) -> bool:
    """Print the table and return whether every goal is reached."""
    count, pairs = (48, 1) if is_small else (240, 5)
    with tempfile.TemporaryDirectory(prefix="ft-dcc-bench-") as name, serve_studio(Path(name)) as environment:
        folder = Path(name)
        environment["FT_DCC_JOBS"] = str(folder / "jobs")
        # Both sides use the same encoder.
        environment["FT_DCC_ENCODER"] = "software"
        frames = write_frames(folder / "frames", count)
        seconds = (5.0, 5.0) if is_small else (30.0, 36.0)
        setup = Setup(folder, environment, pairs, frames, *seconds)
        with setup.session() as session:
            ensure_task(session, TASK)
        rows = [
            publish_frames(setup),
            *encode_in_one_run(setup),
            *overhead(setup),
            main_thread_gap(setup),
            publish_during_capture(setup),
        ]
        return print_table(rows)


def write_frames(folder: Path, count: int) -> Frames:
    """Write 1080p test frames into the folder and return them."""
    folder.mkdir()
    frames = Frames(
        str(folder / "sh010.%04d.png"), FrameRange(1001, 1000 + count), Fraction(24), Resolution(1920, 1080)
    )
    source = ["-f", "lavfi", "-i", "testsrc2=size=1920x1080:rate=24", "-frames:v", str(count)]
    run_ffmpeg(*source, "-start_number", "1001", frames.pattern)
    return frames


def run_ffmpeg(*arguments: str | Path) -> float:
    """Run ffmpeg and return the milliseconds that it takes."""
    command = [str(ffmpeg.find()), "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    before = time.perf_counter()
    subprocess.run(command, check=True)
    return (time.perf_counter() - before) * 1000


def publish_frames(setup: Setup) -> Row:
    """Compare a publish of frames with encoding and uploading the same file directly."""
    theirs, ours = [], []
    movie = setup.folder / "bare.mp4"
    for _ in range(setup.pairs):
        theirs.append(
            run_ffmpeg(*input_arguments(setup.frames), *CODEC, "-movflags", "+faststart", movie)
            + upload_with_curl(setup.environment, movie)
        )
        ours.append(run_publish(setup))
    return Row("240 frames of 1080p into a review session", theirs, ours, 1.10, peer="ffmpeg, then curl")


def input_arguments(frames: Frames) -> list[str]:
    """Return the input arguments of ffmpeg for the frames."""
    return ["-framerate", "24", "-start_number", str(frames.frame_range.start), "-i", frames.pattern]


def run_publish(setup: Setup) -> float:
    """Run ``ft-dcc publish`` and return the milliseconds that it takes."""
    arguments = ["publish", setup.frames.pattern, "--task", TASK, "--review", "Dailies", "--fps", "24"]
    before = time.perf_counter()
    command = [sys.executable, "-m", "ft_dcc.cli.main", *arguments]
    subprocess.run(command, env=setup.environment, check=True, capture_output=True)
    return (time.perf_counter() - before) * 1000


def encode_in_one_run(setup: Setup) -> Iterator[Row]:
    """Compare encoding, burn-in and slate in one run of ffmpeg with one run each."""
    from ft_dcc.media import Burnin, encode

    burnin = Burnin({"bottom right": "{frame}"}, slate=("SH010 v001",))
    ours_movie, theirs_movie = setup.folder / "ours.mp4", setup.folder / "theirs.mp4"
    theirs, ours = [], []
    for _ in range(setup.pairs):
        theirs.append(in_three_runs(setup, theirs_movie))
        before = time.perf_counter()
        encode(setup.frames, ours_movie, burnin=burnin)
        ours.append((time.perf_counter() - before) * 1000)
    yield Row("encode, burn-in and slate", theirs, ours, 0.5, peer="three runs")
    noise = [mean_squared_error(setup.frames, movie) for movie in (theirs_movie, ours_movie)]
    yield Row("noise against the frames", noise[:1], noise[1:], 1.0, "error", peer="three runs")


def in_three_runs(setup: Setup, movie: Path) -> float:
    """Return the milliseconds of three runs of ffmpeg: encode, burn-in, slate."""
    plain, burnt = setup.folder / "plain.mp4", setup.folder / "burnt.mp4"
    text = f"drawtext=fontfile={FONT}:fontsize=33:fontcolor=white:borderw=3"
    number = f"{text}:text='%{{frame_num}}':start_number=1001:x=w-tw-24:y=h-th-24"
    slate = f"tpad=start=1,{text}:text='SH010 v001':x=96:y=h/2:enable='eq(n,0)'"
    return (
        run_ffmpeg(*input_arguments(setup.frames), "-vf", BT709, *CODEC, plain)
        + run_ffmpeg("-i", plain, "-vf", number, *CODEC, burnt)
        + run_ffmpeg("-i", burnt, "-vf", slate, *CODEC, "-movflags", "+faststart", movie)
    )


def mean_squared_error(frames: Frames, movie: Path) -> float:
    """Return the mean squared error of the luma between movie and frames, without the slate and the burn-in."""
    middle, counted = "crop=iw:ih*3/4:0:0", "settb=1/24,setpts=N"
    movie_chain = f"[0:v]trim=start_frame=1,{counted},{middle}[movie]"
    graph = f"{movie_chain};[1:v]{counted},{BT709},{middle}[truth];[movie][truth]psnr"
    command = [str(ffmpeg.find()), "-nostdin", "-i", str(movie), *input_arguments(frames)]
    done = subprocess.run(
        [*command, "-lavfi", graph, "-f", "null", "-"], capture_output=True, encoding="utf-8", check=True
    )
    found = re.search(r"PSNR y:([\d.]+)", done.stderr)
    assert found is not None, done.stderr
    return 255.0**2 / 10 ** (float(found[1]) / 10)


def overhead(setup: Setup) -> Iterator[Row]:
    """Measure the overhead of the pipeline with plugins that do nothing."""
    one, thousand = ([idle_publish(setup, count) for _ in range(setup.pairs)] for count in (1, 1000))
    yield Row("a job without work", [50.0] * setup.pairs, one, 1.0, peer="50 ms")
    each = [(many - single) / 999 for many, single in zip(thousand, one)]
    yield Row("each of 1,000 instances without work", [2.0] * setup.pairs, each, 1.0, peer="2 ms")


def idle_publish(setup: Setup, count: int) -> float:
    """Return the milliseconds of a publish of ``count`` sources with plugins that do nothing."""
    command = [sys.executable, "-m", "bench.idle", str(count)]
    done = subprocess.run(command, cwd=ROOT, env=setup.environment, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise SystemExit(f"The idle publish failed:\n{done.stderr}")
    return float(done.stdout)


class PacedHost:
    """A host that writes its frames at a fixed rate."""

    name, version = "PacedHost", "1"

    def __init__(self, frames: Frames, seconds: float) -> None:
        self._frames, self._pause = frames, seconds / len(frames)
        self.last_frame_at = 0.0

    def scene(self) -> Scene:
        """Return a scene with one camera and the range, rate and size of the frames."""
        whole = self._frames
        return Scene(None, False, whole.frame_range, whole.fps, whole.resolution, ("camera",))

    def playblast(self, request: PlayblastRequest, on_frame: OnFrame) -> Frames:
        """Copy the frames one after the other, at the fixed rate."""
        frames = attrs.evolve(self._frames, pattern=request.pattern)
        began = time.perf_counter()
        for index, frame in enumerate(request.frame_range, 1):
            shutil.copyfile(self._frames.path(frame), frames.path(frame))
            time.sleep(max(0.0, began + index * self._pause - time.perf_counter()))
            on_frame(frame)
        self.last_frame_at = time.perf_counter()
        return frames

    def run_in_main_thread(self, function: object) -> object:
        """Call the function in this thread; this host has no thread affinity."""
        return function()  # type: ignore[operator]


def main_thread_gap(setup: Setup) -> Row:
    """Compare the longest gap of the main thread during a slow upload with that of an idle process at the same time."""
    host, ours = PacedHost(setup.frames, 0.0), []
    size = (setup.folder / "ours.mp4").stat().st_size
    with (
        throttled(setup.environment["FTRACK_SERVER"], size / setup.upload_seconds) as url,
        setup.session(url) as session,
    ):
        publisher = Publisher(session, host, jobs=setup.folder / "jobs")
        worker = threading.Thread(target=publisher.publish, args=(PublishRequest(TASK),))
        worker.start()
        while not host.last_frame_at:
            time.sleep(main_thread_latency.TICK_INTERVAL_SECONDS)
        command = [sys.executable, "-m", "bench.main_thread_latency"]
        with subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        ) as idle:
            for gap in main_thread_latency.tick_gaps():
                ours.append(gap)
                if not worker.is_alive():
                    break
            theirs = float(idle.communicate("stop\n")[0])
    name = f"main thread, {setup.upload_seconds:g} s of upload"
    return Row(name, [theirs + 50.0], [max(ours)], 1.0, peer="an idle process + 50 ms")


def publish_during_capture(setup: Setup) -> Row:
    """Compare a publish during a slow capture with the capture plus the upload alone."""
    theirs, ours = [], []
    for _ in range(1):
        host = PacedHost(setup.frames, setup.capture_seconds)
        with setup.session() as session:
            began = time.perf_counter()
            Publisher(session, host, jobs=setup.folder / "jobs").publish(PublishRequest(TASK, review="Dailies"))
            ours.append((time.perf_counter() - began) * 1000)
        theirs.append(
            (host.last_frame_at - began) * 1000 + upload_with_curl(setup.environment, setup.folder / "ours.mp4")
        )
    return Row("publish while a slow capture runs", theirs, ours, 1.05, peer="last frame, then curl")
