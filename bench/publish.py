"""The publish against the bare programs that it stands on, on the same machine, in the same minutes."""

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

from bench import heart
from bench.session import ROOT, serving
from bench.slow_line import slowed
from bench.table import Row, print_table
from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.host import OnFrame, PlayblastRequest, Scene
from ft_dcc.media import ffmpeg
from ft_dcc.publish.records import PublishRequest
from ft_dcc.publish.run import Publisher
from ft_dcc.session import Session
from ft_dcc.tasks import ensure_task

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
# What a film of this size is expected to be in; ffmpeg itself would take the matrix of old television.
BT709 = "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p"
FONT = ROOT / "ft_dcc" / "media" / "fonts" / "DejaVuSans.ttf"


@attrs.frozen
class Bench:
    """Where it is measured, and how thoroughly."""

    folder: Path
    environment: dict[str, str]
    pairs: int
    frames: Frames
    upload_seconds: float
    capture_seconds: float

    def session(self, url: str | None = None) -> Session:
        """A session on the bench's server, or on a line to it."""
        there = self.environment
        return Session(url or there["FTRACK_SERVER"], there["FTRACK_API_KEY"], there["FTRACK_API_USER"])


def run(is_quick: bool = False) -> bool:
    """Print the table; return whether every goal was reached."""
    count, pairs = (48, 1) if is_quick else (240, 5)
    with tempfile.TemporaryDirectory(prefix="ft-dcc-bench-") as name, serving(Path(name)) as environment:
        folder = Path(name)
        environment["FT_DCC_JOBS"] = str(folder / "jobs")
        # Both sides encode with the same.
        environment["FT_DCC_ENCODER"] = "software"
        frames = paint(folder / "frames", count)
        seconds = (5.0, 5.0) if is_quick else (30.0, 36.0)
        bench = Bench(folder, environment, pairs, frames, *seconds)
        with bench.session() as session:
            ensure_task(session, TASK)
        rows = [whole_way(bench), *one_run_or_three(bench), *overhead(bench), heartbeat(bench), streamed(bench)]
        return print_table(rows)


def paint(folder: Path, count: int) -> Frames:
    """Numbered pictures of 1080p lie in the folder."""
    folder.mkdir()
    frames = Frames(
        str(folder / "sh010.%04d.png"), FrameRange(1001, 1000 + count), Fraction(24), Resolution(1920, 1080)
    )
    source = ["-f", "lavfi", "-i", "testsrc2=size=1920x1080:rate=24", "-frames:v", str(count)]
    bare(*source, "-start_number", "1001", frames.pattern)
    return frames


def bare(*arguments: str | Path) -> float:
    """Milliseconds that a bare run of ffmpeg takes."""
    command = [str(ffmpeg.find()), "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    before = time.perf_counter()
    subprocess.run(command, check=True)
    return (time.perf_counter() - before) * 1000


def whole_way(bench: Bench) -> Row:
    """From frames on disk to the review session, and the same files made and sent with nothing around them."""
    theirs, ours = [], []
    film = bench.folder / "bare.mp4"
    for _ in range(bench.pairs):
        theirs.append(bare(*reading(bench.frames), *CODEC, "-movflags", "+faststart", film) + sent(bench, film))
        ours.append(published(bench))
    return Row("240 frames of 1080p into a review session", theirs, ours, 1.10, peer="ffmpeg, then curl")


def reading(frames: Frames) -> list[str]:
    """Return ffmpeg's arguments for reading the frames."""
    return ["-framerate", "24", "-start_number", str(frames.frame_range.start), "-i", frames.pattern]


def sent(bench: Bench, film: Path) -> float:
    """Milliseconds that curl needs to put the film at a signed address."""
    program = shutil.which("curl")
    if program is None:
        raise SystemExit("The upload is compared with curl. Install it: apt-get install curl")
    size = film.stat().st_size
    with bench.session() as session:
        component = session.create("FileComponent", {"name": "bare", "file_type": ".mp4", "size": size})
        session.commit()
        announcement = {"component_id": component["id"], "file_name": "bare.mp4", "file_size": size, "checksum": None}
        url = session.call([{"action": "get_upload_metadata", **announcement}])[0]["url"]
    before = time.perf_counter()
    subprocess.run([program, "--silent", "--fail", "--upload-file", str(film), url], check=True, capture_output=True)
    return (time.perf_counter() - before) * 1000


def published(bench: Bench) -> float:
    """Milliseconds that the command takes, from its start to its end."""
    arguments = ["publish", bench.frames.pattern, "--task", TASK, "--review", "Dailies", "--fps", "24"]
    before = time.perf_counter()
    command = [sys.executable, "-m", "ft_dcc.cli.main", *arguments]
    subprocess.run(command, env=bench.environment, check=True, capture_output=True)
    return (time.perf_counter() - before) * 1000


def one_run_or_three(bench: Bench) -> Iterator[Row]:
    """Encode, burn in and add a slate: in one run of ours, or in one run each."""
    from ft_dcc.media import Burnin, encode

    burnin = Burnin({"bottom right": "{frame}"}, slate=("SH010 v001",))
    ours_film, theirs_film = bench.folder / "ours.mp4", bench.folder / "theirs.mp4"
    theirs, ours = [], []
    for _ in range(bench.pairs):
        theirs.append(in_three_runs(bench, theirs_film))
        before = time.perf_counter()
        encode(bench.frames, ours_film, burnin=burnin)
        ours.append((time.perf_counter() - before) * 1000)
    yield Row("encode, burn-in and slate", theirs, ours, 0.5, peer="three runs")
    noise = [noise_of(bench.frames, film) for film in (theirs_film, ours_film)]
    yield Row("noise against the frames", noise[:1], noise[1:], 1.0, "error", peer="three runs")


def in_three_runs(bench: Bench, film: Path) -> float:
    """Milliseconds for a film with burn-in and slate, each step a run of ffmpeg over the film of the one before."""
    plain, burnt = bench.folder / "plain.mp4", bench.folder / "burnt.mp4"
    text = f"drawtext=fontfile={FONT}:fontsize=33:fontcolor=white:borderw=3"
    number = f"{text}:text='%{{frame_num}}':start_number=1001:x=w-tw-24:y=h-th-24"
    slate = f"tpad=start=1,{text}:text='SH010 v001':x=96:y=h/2:enable='eq(n,0)'"
    return (
        bare(*reading(bench.frames), "-vf", BT709, *CODEC, plain)
        + bare("-i", plain, "-vf", number, *CODEC, burnt)
        + bare("-i", burnt, "-vf", slate, *CODEC, "-movflags", "+faststart", film)
    )


def noise_of(frames: Frames, film: Path) -> float:
    """Return the mean squared error of the luma, slate and burn-in left out: what PSNR is the logarithm of."""
    middle, counted = "crop=iw:ih*3/4:0:0", "settb=1/24,setpts=N"
    film_chain = f"[0:v]trim=start_frame=1,{counted},{middle}[film]"
    graph = f"{film_chain};[1:v]{counted},{BT709},{middle}[truth];[film][truth]psnr"
    command = [str(ffmpeg.find()), "-nostdin", "-i", str(film), *reading(frames)]
    done = subprocess.run(
        [*command, "-lavfi", graph, "-f", "null", "-"], capture_output=True, encoding="utf-8", check=True
    )
    found = re.search(r"PSNR y:([\d.]+)", done.stderr)
    assert found is not None, done.stderr
    return 255.0**2 / 10 ** (float(found[1]) / 10)


def overhead(bench: Bench) -> Iterator[Row]:
    """What the pipeline itself takes: as many plugins as ours, which do nothing."""
    one, thousand = ([idle_publish(bench, count) for _ in range(bench.pairs)] for count in (1, 1000))
    yield Row("a job without any work", [50.0] * bench.pairs, one, 1.0, peer="50 ms")
    each = [(many - single) / 999 for many, single in zip(thousand, one)]
    yield Row("each of 1,000 instances without any work", [2.0] * bench.pairs, each, 1.0, peer="2 ms")


def idle_publish(bench: Bench, count: int) -> float:
    """Milliseconds of a publish of so many sources with plugins that do nothing, in a process of its own."""
    command = [sys.executable, "-m", "bench.idle", str(count)]
    done = subprocess.run(command, cwd=ROOT, env=bench.environment, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise SystemExit(f"The idle publish failed:\n{done.stderr}")
    return float(done.stdout)


class Painter:
    """A host that takes its time for each frame: it has a main thread, and that one is measured."""

    name, version = "Painter", "1"

    def __init__(self, frames: Frames, seconds: float) -> None:
        self._frames, self._pause = frames, seconds / len(frames)
        self.last_frame_at = 0.0

    def scene(self) -> Scene:
        """One camera, and the range, rate and size of the frames that it hands out."""
        whole = self._frames
        return Scene(None, False, whole.frame_range, whole.fps, whole.resolution, ("camera",))

    def playblast(self, request: PlayblastRequest, on_frame: OnFrame) -> Frames:
        """Hand out the frames, one after the other."""
        frames = attrs.evolve(self._frames, pattern=request.pattern)
        began = time.perf_counter()
        for index, frame in enumerate(request.frame_range, 1):
            shutil.copyfile(self._frames.path(frame), frames.path(frame))
            time.sleep(max(0.0, began + index * self._pause - time.perf_counter()))
            on_frame(frame)
        self.last_frame_at = time.perf_counter()
        return frames

    def run_in_main_thread(self, function: object) -> object:
        """Do it here: nothing of this host belongs to one thread."""
        return function()  # type: ignore[operator]


def heartbeat(bench: Bench) -> Row:
    """The longest moment in which the main thread could do nothing, while a worker sends a film over a slow line.

    A busy machine holds up everybody: what a process with nothing to do waits in the same seconds is theirs.
    """
    host, ours = Painter(bench.frames, 0.0), []
    size = (bench.folder / "ours.mp4").stat().st_size
    with slowed(bench.environment["FTRACK_SERVER"], size / bench.upload_seconds) as url, bench.session(url) as session:
        publisher = Publisher(session, host, jobs=bench.folder / "jobs")
        worker = threading.Thread(target=publisher.publish, args=(PublishRequest(TASK),))
        worker.start()
        while not host.last_frame_at:
            time.sleep(heart.PAUSE)
        command = [sys.executable, "-m", "bench.heart"]
        with subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        ) as idle:
            for gap in heart.beats():
                ours.append(gap)
                if not worker.is_alive():
                    break
            theirs = float(idle.communicate("stop\n")[0])
    name = f"main thread, {bench.upload_seconds:g} s of upload"
    return Row(name, [theirs + 50.0], [max(ours)], 1.0, peer="an idle process + 50 ms")


def streamed(bench: Bench) -> Row:
    """A slow capture with its publish, beside the capture and the upload alone."""
    theirs, ours = [], []
    for _ in range(1):
        host = Painter(bench.frames, bench.capture_seconds)
        with bench.session() as session:
            began = time.perf_counter()
            Publisher(session, host, jobs=bench.folder / "jobs").publish(PublishRequest(TASK, review="Dailies"))
            ours.append((time.perf_counter() - began) * 1000)
        theirs.append((host.last_frame_at - began) * 1000 + sent(bench, bench.folder / "ours.mp4"))
    return Row("publish while a slow capture runs", theirs, ours, 1.05, peer="last frame, then curl")


if __name__ == "__main__":
    sys.exit(0 if run("--quick" in sys.argv) else 1)
