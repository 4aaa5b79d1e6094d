"""Find ffmpeg, run it, and translate its failures."""

from __future__ import annotations

import contextlib
import functools
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Callable, Union

import attrs

from ft_dcc.errors import Cancelled, EncodeFailed, Error, MissingExtra, SettingInvalid, StorageError
from ft_dcc.files.atomic import atomic_path, write_remedy
from ft_dcc.files.child_process import environment_without_secrets
from ft_dcc.settings.resolve import read_settings

VARIABLE = "FT_DCC_FFMPEG"
# "level" prefixes errors with [error], so that no message has to be known.
_ALWAYS = ("-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+info", "-y")
_PROGRESS = ("-progress", "pipe:1", "-stats_period", "0.1")
POLL_INTERVAL_SECONDS = 0.1
_ERROR = re.compile(r"\[(?:error|fatal|panic)\] (.+)")
_VERSION = re.compile(r"ffmpeg version (\S+)")
_LACKS = re.compile(
    r"Unknown (?:encoder|decoder) '\w+'|No such filter: '\w+'|Unrecognized option '\w+'|Option \S+ not found"
)

Buffer = Union[bytes, memoryview]
# Yields the content of ffmpeg's standard input; its argument returns whether ffmpeg has stopped reading.
Feed = Callable[[Callable[[], bool]], Generator[Buffer, None, None]]
OnLine = Callable[[str], None]
OnCount = Callable[[int], None]
IsCancelled = Callable[[], bool]


@attrs.frozen
class Finished:
    """The end of a run of ffmpeg: its exit code, its first errors, and the last lines of its log."""

    returncode: int
    errors: tuple[str, ...]
    log: str

    @property
    def has_crashed(self) -> bool:
        """Whether ffmpeg was ended by a signal, or on Windows by an exception."""
        return self.returncode < 0 or self.returncode > 255


def find(purpose: str = "Encoding a movie") -> Path:
    """Return the ffmpeg of the setting, else imageio-ffmpeg's, else the one on the PATH.

    Raises SettingInvalid if the setting's program does not exist, and MissingExtra, which names the ``purpose``, if no
    ffmpeg is found.
    """
    named = read_settings().get("ffmpeg")
    found = shutil.which(named) if named else _bundled() or shutil.which("ffmpeg")
    if named and not found:
        raise SettingInvalid(f"{VARIABLE} is {named}, which is not a program. Set it to an ffmpeg, or unset it.")
    if not found:
        raise MissingExtra("media", purpose)
    return Path.cwd() / found


def version() -> str:
    """Return ffmpeg's own version text ("5.1.9-0+deb12u1"); raise EncodeFailed if it does not run."""
    program = find()
    return _version_of(program, program.stat().st_mtime_ns)


@functools.lru_cache(maxsize=8)
def _version_of(program: Path, _changed_ns: int) -> str:
    # Cached, because a worker of a batch publishes many sources with one program.
    text, log = _start([str(program), "-version"]).communicate()
    found = _VERSION.match(text)
    if found is None:
        raise EncodeFailed(f"{program} is not an ffmpeg, or is broken. Set {VARIABLE} to one that runs.", log)
    return found[1]


def thread_arguments(setting: str) -> list[str]:
    """Return ffmpeg's option for the number of threads in ``setting``; ffmpeg chooses it if the setting is not set.

    Before an input it is the number of decoder threads, before an output that of encoder threads.
    """
    count = read_settings().get(setting)
    return ["-threads", count] if count else []


def run(
    arguments: Sequence[str],
    *,
    folder: Path | None = None,
    feed: Feed | None = None,
    on_line: OnLine | None = None,
    on_count: OnCount | None = None,
    is_cancelled: IsCancelled | None = None,
) -> Finished:
    """Run ffmpeg, in ``folder`` if one is given, and return how it ended, whatever the exit code.

    ``feed`` yields what ffmpeg reads from ``pipe:0``; it runs in a separate thread. ``on_line`` gets every line of the
    log, ``on_count`` the number of frames written so far. An error that one of them raises stops ffmpeg, as does
    ``is_cancelled``, with Cancelled. In every case no process is left when this returns.
    """
    process = _start([str(find()), *_ALWAYS, *_PROGRESS, *arguments], folder, is_fed=feed is not None)
    feeder = _Feeder(process, feed) if feed else None
    log = _Log(on_line)

    def check() -> None:
        if feeder and feeder.error:
            raise feeder.error
        if is_cancelled and is_cancelled():
            raise Cancelled("The encode was cancelled.")

    try:
        with contextlib.closing(_lines(process, check)) as lines:
            for is_log, line in lines:
                if is_log:
                    log.add(line)
                elif on_count and line.startswith("frame="):
                    on_count(int(line[6:]))
        check()
        return Finished(process.wait(), tuple(log.errors), "\n".join(log.last_lines))
    finally:
        _kill(process)
        if feeder:
            feeder.stop()


class _Log:
    """The first errors and the last lines of ffmpeg's log; ``on_line`` gets each line."""

    def __init__(self, on_line: OnLine | None) -> None:
        self.errors: list[str] = []
        self.last_lines: deque[str] = deque(maxlen=60)
        self._on_line = on_line

    def add(self, line: str) -> None:
        if self._on_line:
            self._on_line(line)
        if "] [info] " not in line:
            self.last_lines.append(line)
        if (found := _ERROR.search(line)) and len(self.errors) < 20:
            self.errors.append(found[1])


_FULL = ("No space left on device", "quota exceeded", "File too large")
# The exit code of a program whose file exceeded the limit of its process.
_TOO_LARGE = -getattr(signal, "SIGXFSZ", 25)


def failure(finished: Finished, source: str, target: Path) -> Error:
    """Return the error of a run that could not encode ``source`` to ``target``."""
    if finished.returncode == _TOO_LARGE or any(reason in error for reason in _FULL for error in finished.errors):
        return StorageError(f"The disk is full: {target.parent}. Free some space there and try again.")
    lacking = next((found[0] for error in finished.errors if (found := _LACKS.search(error))), None)
    if lacking:
        remedy = f"Run: pip install 'ft-dcc[media]', or set {VARIABLE} to another ffmpeg."
        return EncodeFailed(f"{find()} lacks a feature: {lacking}. {remedy}", finished.log)
    reason = finished.errors[0] if finished.errors else "it gave no reason"
    return EncodeFailed(
        f"ffmpeg stopped with code {finished.returncode} on {source}: {reason}.",
        finished.log,
    )


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary file beside ``path``, which replaces ``path`` if the block succeeds and is deleted otherwise.

    Raises StorageError if the folder cannot be written, and for each OSError of the block.
    """
    with storage_errors(path.parent), atomic_path(path, suffix=".part") as unfinished:
        unfinished.touch(exist_ok=False)
        yield unfinished


@contextlib.contextmanager
def storage_errors(folder: Path) -> Iterator[None]:
    """Translate an OSError of the block into StorageError, which names the folder."""
    try:
        yield
    except OSError as error:
        reason = f"The folder {folder} cannot be written: {error.strerror}."
        raise StorageError(f"{reason} {write_remedy(error, 'Choose a writable folder.')}") from error


def file_url(path: Path | str) -> str:
    """Return the path as a URL for ffmpeg, which is valid for all characters and in every working folder."""
    # Not resolved: removing ".." from the text would be wrong after a link.
    return f"file:{Path.cwd() / path}"


def _bundled() -> str | None:
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        # RuntimeError: the package is installed without a binary for this platform.
        return None


class _Feeder:
    """Writes to ffmpeg's standard input until the feed ends or ffmpeg stops reading."""

    def __init__(self, process: subprocess.Popen[str], feed: Feed) -> None:
        self.error: BaseException | None = None
        self._process, self._feed = process, feed
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop and join the thread."""
        self._stopped.set()
        self._thread.join()

    def _write(self) -> None:
        # The process has text streams; the feed yields bytes.
        pipe = self._process.stdin.buffer  # type: ignore[union-attr]
        try:
            with contextlib.closing(self._feed(self._stopped.is_set)) as chunks:
                for chunk in chunks:
                    try:
                        pipe.write(chunk)
                    except OSError:
                        # ffmpeg has ended; its log has the reason.
                        return
        except BaseException as error:  # noqa: BLE001 - run() raises it
            self.error = error
        finally:
            with contextlib.suppress(OSError):
                pipe.close()


def _start(command: list[str], folder: Path | None = None, *, is_fed: bool = False) -> subprocess.Popen[str]:
    options: dict[str, Any] = {}
    if sys.platform == "win32":
        options["creationflags"] = subprocess.CREATE_NO_WINDOW
    else:
        # A process group, since a studio's ffmpeg is often a script that starts the real one.
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
            env=environment_without_secrets(),
            **options,
        )
    except OSError as error:
        raise SettingInvalid(
            f"{command[0]} cannot be started: {error.strerror}. Set {VARIABLE} to an ffmpeg."
        ) from error


def _lines(process: subprocess.Popen[str], check: Callable[[], None]) -> Generator[tuple[bool, str], None, None]:
    """Yield each line, and whether it belongs to the log, until both pipes are closed."""
    # Bounded, so that a slow callback slows ffmpeg down and does not fill the memory.
    lines: queue.Queue[tuple[bool, str] | None] = queue.Queue(maxsize=1000)
    stopped = threading.Event()
    for is_log, pipe in ((False, process.stdout), (True, process.stderr)):
        threading.Thread(target=_pump, args=(pipe, is_log, lines, stopped), daemon=True).start()
    open_pipes = 2
    try:
        while open_pipes:
            check()
            with contextlib.suppress(queue.Empty):
                line = lines.get(timeout=POLL_INTERVAL_SECONDS)
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
            return lines.put(line, timeout=POLL_INTERVAL_SECONDS)
    return None


def _kill(process: subprocess.Popen[str]) -> None:
    """Kill the process and those that it has started."""
    if process.poll() is None:
        if sys.platform == "win32":
            # Only the system's tool also ends the processes that this one has started.
            taskkill = Path(os.environ["SYSTEMROOT"], "System32", "taskkill.exe")
            quiet = subprocess.CREATE_NO_WINDOW
            subprocess.run([taskkill, "/T", "/F", "/PID", str(process.pid)], capture_output=True, creationflags=quiet)
        else:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()
