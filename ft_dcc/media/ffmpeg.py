"""Finding ffmpeg, running it, and putting its failures into words."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import uuid
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Callable, Union

import attrs

from ft_dcc.config import read_settings
from ft_dcc.errors import Cancelled, DiskUnusable, EncodeFailed, Error, ExtraMissing, SettingInvalid

VARIABLE = "FT_DCC_FFMPEG"
# "level" writes [error] before what went wrong, so that no message has to be known by heart.
_ALWAYS = ("-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+info", "-y")
_PROGRESS = ("-progress", "pipe:1", "-stats_period", "0.1")
_TICK = 0.1
_ERROR = re.compile(r"\[(?:error|fatal|panic)\] (.+)")
_VERSION = re.compile(r"ffmpeg version (\S+)")
_LACKS = re.compile(
    r"Unknown (?:encoder|decoder) '\w+'|No such filter: '\w+'|Unrecognized option '\w+'|Option \S+ not found"
)

Buffer = Union[bytes, memoryview]
# What goes into ffmpeg's standard input; it asks every so often whether anybody still reads.
Feed = Callable[[Callable[[], bool]], Generator[Buffer, None, None]]
OnLine = Callable[[str], None]
OnCount = Callable[[int], None]
IsCancelled = Callable[[], bool]


@attrs.frozen
class Finished:
    """How a run of ffmpeg ended: its exit code, the first things it called an error, and the end of its log."""

    returncode: int
    errors: tuple[str, ...]
    log: str

    @property
    def has_crashed(self) -> bool:
        """Whether it was the system that ended it: by a signal, or on Windows by an exception."""
        return self.returncode < 0 or self.returncode > 255


def find() -> Path:
    """Return the ffmpeg to use: the one that the setting names, else imageio-ffmpeg's, else the one on the PATH.

    Raises SettingInvalid when the named one is not there, and ExtraMissing when there is none at all.
    """
    named = read_settings().get("ffmpeg")
    found = shutil.which(named) if named else _bundled() or shutil.which("ffmpeg")
    if named and not found:
        raise SettingInvalid(f"{VARIABLE} is {named}, and no program is there. Name an ffmpeg, or leave it unset.")
    if not found:
        raise ExtraMissing("media", "Making a film")
    return Path.cwd() / found


def version() -> str:
    """Return the version as ffmpeg itself writes it, "5.1.9-0+deb12u1"; raises EncodeFailed when it does not run."""
    program = find()
    text, log = _started([str(program), "-version"]).communicate()
    found = _VERSION.match(text)
    if found is None:
        raise EncodeFailed(f"{program} is not an ffmpeg, or is broken. Set {VARIABLE} to one that runs.", log)
    return found[1]


def run(
    arguments: Sequence[str],
    *,
    folder: Path | None = None,
    feed: Feed | None = None,
    on_line: OnLine | None = None,
    on_count: OnCount | None = None,
    is_cancelled: IsCancelled | None = None,
) -> Finished:
    """Run ffmpeg, in ``folder`` if one is given, to its end and return how it ended, whatever the exit code.

    ``feed`` is what it reads from ``pipe:0``, written by a thread of its own. ``on_line`` gets every line of the log,
    ``on_count`` the number of pictures written so far. What these raise stops ffmpeg, and so does ``is_cancelled``
    with Cancelled; in every case no process is left when this returns.
    """
    process = _started([str(find()), *_ALWAYS, *_PROGRESS, *arguments], folder, is_fed=feed is not None)
    feeder = _Feeder(process, feed) if feed else None
    errors: list[str] = []
    log: deque[str] = deque(maxlen=60)

    def check() -> None:
        if feeder and feeder.error:
            raise feeder.error
        if is_cancelled and is_cancelled():
            raise Cancelled("Cancelled; ffmpeg has stopped.")

    try:
        with contextlib.closing(_lines(process, check)) as lines:
            for is_log, line in lines:
                if not is_log:
                    if on_count and line.startswith("frame="):
                        on_count(int(line[6:]))
                    continue
                if on_line:
                    on_line(line)
                if "] [info] " not in line:
                    log.append(line)
                if (found := _ERROR.search(line)) and len(errors) < 20:
                    errors.append(found[1])
        check()
        return Finished(process.wait(), tuple(errors), "\n".join(log))
    finally:
        _end(process)
        if feeder:
            feeder.stop()


_FULL = ("No space left on device", "quota exceeded", "File too large")
# How a program ends whose file grew larger than files of its process may.
_TOO_LARGE = -getattr(signal, "SIGXFSZ", 25)


def explained(finished: Finished, source: str, target: Path) -> Error:
    """Return the error that says in one sentence why ffmpeg could not make ``target`` of ``source``."""
    if finished.returncode == _TOO_LARGE or any(reason in error for reason in _FULL for error in finished.errors):
        return DiskUnusable(f"The disk is full: {target.parent}. Free some space there and try again.")
    lacking = next((found[0] for error in finished.errors if (found := _LACKS.search(error))), None)
    if lacking:
        remedy = f"Run: pip install 'ft-dcc[media]', or set {VARIABLE} to another one."
        return EncodeFailed(f"{find()} cannot do this: {lacking}. {remedy}", finished.log)
    reason = finished.errors[0] if finished.errors else "it gave no reason"
    return EncodeFailed(
        f"ffmpeg stopped with code {finished.returncode} on {source}: {reason}. The report has its last lines.",
        finished.log,
    )


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Lend a name beside ``path``: that file becomes ``path`` when the block ends well, and is gone when it does not.

    Raises DiskUnusable where nothing can be written.
    """
    unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        with naming_the_folder(path.parent):
            unfinished.touch(exist_ok=False)
        yield unfinished
        with naming_the_folder(path.parent):
            unfinished.replace(path)
    finally:
        # On a disk that went away there is nothing left to remove.
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)


@contextlib.contextmanager
def naming_the_folder(folder: Path) -> Iterator[None]:
    """Turn what the system says of a folder that cannot be written in into DiskUnusable."""
    try:
        yield
    except OSError as error:
        reason = f"Nothing can be written in {folder}: {error.strerror}."
        raise DiskUnusable(f"{reason} Give another folder, or make room in this one.") from error


def file_url(path: Path | str) -> str:
    """Return the path as ffmpeg takes it whatever its characters and from whichever folder it runs."""
    # Joined and no more: to resolve ".." by its text would be wrong behind a link.
    return f"file:{Path.cwd() / path}"


def _bundled() -> str | None:
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        # RuntimeError: the package is there without a binary for this platform.
        return None


class _Feeder:
    """Writes into ffmpeg's standard input until there is no more, or nobody reads it."""

    def __init__(self, process: subprocess.Popen[str], feed: Feed) -> None:
        self.error: BaseException | None = None
        self._process, self._feed = process, feed
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No thread is left."""
        self._stopped.set()
        self._thread.join()

    def _write(self) -> None:
        # Popen was asked for text; below it are the bytes.
        pipe = self._process.stdin.buffer  # type: ignore[union-attr]
        try:
            with contextlib.closing(self._feed(self._stopped.is_set)) as chunks:
                for chunk in chunks:
                    try:
                        pipe.write(chunk)
                    except OSError:
                        # ffmpeg has ended, and its own log says why.
                        return
        except BaseException as error:  # noqa: BLE001 - whoever runs ffmpeg gets it
            self.error = error
        finally:
            with contextlib.suppress(OSError):
                pipe.close()


def _started(command: list[str], folder: Path | None = None, *, is_fed: bool = False) -> subprocess.Popen[str]:
    options: dict[str, Any] = {}
    if sys.platform == "win32":
        options["creationflags"] = subprocess.CREATE_NO_WINDOW
    else:
        # A group of its own, because a studio's ffmpeg is often a script that starts the real one.
        options["start_new_session"] = True
    pipe = subprocess.PIPE
    try:
        return subprocess.Popen(
            command,
            cwd=folder,
            stdin=pipe if is_fed else subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            encoding="utf-8",
            errors="replace",
            **options,
        )
    except OSError as error:
        raise SettingInvalid(
            f"{command[0]} cannot be started: {error.strerror}. Set {VARIABLE} to an ffmpeg."
        ) from error


def _lines(process: subprocess.Popen[str], check: Callable[[], None]) -> Generator[tuple[bool, str], None, None]:
    """Yield each line and whether it is of the log, until both pipes are closed."""
    # Bounded, so that a slow listener slows ffmpeg down and does not fill the memory.
    lines: queue.Queue[tuple[bool, str] | None] = queue.Queue(maxsize=1000)
    stopped = threading.Event()
    for is_log, pipe in ((False, process.stdout), (True, process.stderr)):
        threading.Thread(target=_pump, args=(pipe, is_log, lines, stopped), daemon=True).start()
    open_pipes = 2
    try:
        while open_pipes:
            check()
            with contextlib.suppress(queue.Empty):
                line = lines.get(timeout=_TICK)
                if line is None:
                    open_pipes -= 1
                else:
                    yield line
    finally:
        stopped.set()


def _pump(pipe: IO[str], is_log: bool, lines: queue.Queue[tuple[bool, str] | None], stopped: threading.Event) -> None:
    with pipe:
        for text in pipe:
            _offer(lines, (is_log, text.rstrip()), stopped)
    _offer(lines, None, stopped)


def _offer(
    lines: queue.Queue[tuple[bool, str] | None], line: tuple[bool, str] | None, stopped: threading.Event
) -> None:
    while not stopped.is_set():
        with contextlib.suppress(queue.Full):
            return lines.put(line, timeout=_TICK)
    return None


def _end(process: subprocess.Popen[str]) -> None:
    """Leave no process behind, nor one that it started."""
    if process.poll() is None:
        if sys.platform == "win32":
            # The system's own tool is the one way to end what the process has started, too.
            taskkill = Path(os.environ["SYSTEMROOT"], "System32", "taskkill.exe")
            quiet = subprocess.CREATE_NO_WINDOW
            subprocess.run([taskkill, "/T", "/F", "/PID", str(process.pid)], capture_output=True, creationflags=quiet)
        else:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()
