"""Find ffmpeg, run it, and translate its failures."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import queue
import re
import shutil
import sys
import threading
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import IO, Callable, Union

import attrs

from ft_dcc.errors import Cancelled, EncodeFailed, Error, MissingExtra, SettingInvalid, StorageError
from ft_dcc.files import atomic
from ft_dcc.settings.resolve import read_settings, source_of
from ft_dcc.system import child_process, signals

# "level" prefixes errors with [error], so that no message has to be known.
_ALWAYS = ("-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+info", "-y")
_PROGRESS = ("-progress", "pipe:1", "-stats_period", "0.1")
POLL_INTERVAL_SECONDS = 0.1
_ERROR = re.compile(r"\[(?:error|fatal|panic)\] (.+)")
_VERSION = re.compile(r"ffmpeg version (\S+)")
_ENCODER = re.compile(r"^ [VAS][.FSXBD]{5} (\S+)", re.MULTILINE)
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
        """Whether a signal ended it, or an exception of Windows, where its own negative codes are large numbers."""
        return self.returncode < 0 or 0xC0000000 <= self.returncode <= 0xCFFFFFFF


def find(purpose: str = "Encoding a movie") -> Path:
    """Return the ffmpeg of the setting, else imageio-ffmpeg's, else the one on the PATH.

    Raises SettingInvalid if the setting's program does not exist, and MissingExtra, which names the ``purpose``, if no
    ffmpeg is found.
    """
    named = read_settings().get("ffmpeg")
    found = shutil.which(named) if named else None
    if not named:
        # ImportError: not installed; RuntimeError: installed without a binary for this platform.
        with contextlib.suppress(ImportError, RuntimeError):
            import imageio_ffmpeg

            _make_executable(Path(imageio_ffmpeg.__file__).with_name("binaries"))
            found = str(imageio_ffmpeg.get_ffmpeg_exe())
        found = found or shutil.which("ffmpeg")
    if named and not found:
        raise SettingInvalid(
            f"{source_of('ffmpeg')} is {named}, which is not a program. Set it to an ffmpeg, or unset it."
        )
    if not found:
        raise MissingExtra("media", purpose)
    return Path.cwd() / found


def _make_executable(folder: Path) -> None:
    """Let everybody run the programs in the folder: Blender unpacks wheels without modes, and Windows deploys none."""
    for program in folder.glob("ffmpeg-*") if sys.platform != "win32" else ():
        if not os.access(program, os.X_OK):
            # On a share that only its administrator may change, the one on the PATH is used.
            with contextlib.suppress(OSError):
                program.chmod(program.stat().st_mode | 0o111)


def version() -> str:
    """Return ffmpeg's own version text ("5.1.9-0+deb12u1"); raise EncodeFailed if it does not run."""
    program = find()
    return _inspect(program, program.stat().st_mtime_ns)[0]


def encoders() -> frozenset[str]:
    """Return the names of ffmpeg's encoders; raise EncodeFailed if it does not run."""
    program = find()
    return _inspect(program, program.stat().st_mtime_ns)[1]


@functools.lru_cache(maxsize=8)
def _inspect(program: Path, _changed_ns: int) -> tuple[str, frozenset[str]]:
    """Return the version and the encoders of a program, whose banner has the version."""
    # Cached, because a worker of a batch publishes many sources with one program.
    text, log = _start([str(program), "-encoders"]).communicate()
    found = _VERSION.search(log)
    if found is None:
        # A script around ffmpeg may hide the banner.
        found = _VERSION.search(_start([str(program), "-version"]).communicate()[0])
    if found is None:
        raise EncodeFailed(
            f"{program} is not an ffmpeg, or is broken. Set {source_of('ffmpeg')} to one that runs.", log
        )
    return found[1], frozenset(_ENCODER.findall(text))


def thread_arguments(setting: str, option: str = "-threads") -> list[str]:
    """Return ffmpeg's option for the number of threads in ``setting``; ffmpeg chooses it if the setting is not set.

    Before an input ``-threads`` is the number of decoder threads, before an output that of encoder threads.
    """
    count = read_settings().get(setting)
    return [option, count] if count else []


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
    failures: list[str] = []
    last_lines: deque[str] = deque(maxlen=60)

    def check() -> None:
        if feeder and feeder.error:
            raise feeder.error
        if is_cancelled and is_cancelled():
            raise Cancelled("The encode was cancelled.")

    try:
        with contextlib.closing(_lines(process, check)) as lines:
            for is_log, line in lines:
                if is_log:
                    if on_line:
                        on_line(line)
                    if "] [info] " not in line:
                        last_lines.append(line)
                    failures += _ERROR.findall(line)[: 20 - len(failures)]
                elif on_count and line.startswith("frame="):
                    on_count(int(line[6:]))
        check()
        return Finished(process.wait(), tuple(failures), "\n".join(last_lines))
    finally:
        # A studio's ffmpeg is often a script that starts the real one.
        child_process.end_tree(process)
        if feeder:
            feeder.stop()


_FULL = ("No space left on device", "quota exceeded", "File too large")


def failure(finished: Finished, source: str, target: Path) -> Error:
    """Return the error of a run that could not encode ``source`` to ``target``."""
    if finished.returncode == signals.FILE_TOO_LARGE or any(
        reason in error for reason in _FULL for error in finished.errors
    ):
        return StorageError(f"The disk is full: {target.parent}. Free some space there and try again.")
    lacking = next((found[0] for error in finished.errors if (found := _LACKS.search(error))), None)
    if lacking:
        source_name = source_of("ffmpeg")
        remedy = f'Run: pip install "ft-dcc[media]", or set {source_name} to another ffmpeg.'
        return EncodeFailed(f"{find()} lacks a feature: {lacking}. {remedy}", finished.log)
    reason = finished.errors[0] if finished.errors else "it gave no reason"
    return EncodeFailed(f"ffmpeg stopped with code {finished.returncode} on {source}: {reason}.", finished.log)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary file beside ``path``, which replaces ``path`` if the block succeeds and is deleted otherwise.

    Raises StorageError if the folder cannot be written, and for each OSError of the block.
    """
    with storage_errors(path.parent), atomic.atomic_path(path, suffix=".part") as unfinished:
        unfinished.touch(exist_ok=False)
        yield unfinished


def storage_errors(folder: Path) -> contextlib.AbstractContextManager[None]:
    """Translate an OSError of the block into StorageError, which names the folder."""
    return atomic.storage_errors(f"The folder {folder} cannot be written", "Choose a writable folder.")


def file_url(path: Path | str) -> str:
    """Return the path as a URL for ffmpeg, which is valid for all characters and in every working folder."""
    # Not resolved: removing ".." from the text would be wrong after a link.
    return f"file:{Path.cwd() / path}"


class _Feeder:
    """Writes to ffmpeg's standard input until the feed ends or ffmpeg stops reading."""

    def __init__(self, process: child_process.Process[str], feed: Feed) -> None:
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


def _start(command: list[str], folder: Path | None = None, *, is_fed: bool = False) -> child_process.Process[str]:
    pipe = child_process.PIPE
    try:
        return child_process.start(
            command,
            cwd=folder,
            stdin=pipe if is_fed else child_process.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            encoding="utf-8",
            errors="replace",
            env=child_process.environment_without_secrets(),
        )
    except OSError as error:
        raise SettingInvalid(
            f"{command[0]} cannot be started: {error.strerror}. Set {source_of('ffmpeg')} to an ffmpeg."
        ) from error


def _lines(process: child_process.Process[str], check: Callable[[], None]) -> Generator[tuple[bool, str], None, None]:
    """Yield each line, and whether it belongs to the log, until both pipes are closed."""
    # Bounded, so that a slow callback slows ffmpeg down and does not fill the memory.
    lines: queue.Queue[tuple[bool, str] | None] = queue.Queue(maxsize=1000)
    stopped = threading.Event()

    def pump(pipe: IO[str], *, is_log: bool) -> None:
        with pipe:
            for line in itertools.chain(((is_log, text.rstrip()) for text in pipe), (None,)):
                while not stopped.is_set():
                    with contextlib.suppress(queue.Full):
                        lines.put(line, timeout=POLL_INTERVAL_SECONDS)
                        break

    for is_log, pipe in ((False, process.stdout), (True, process.stderr)):
        threading.Thread(target=pump, args=(pipe,), kwargs={"is_log": is_log}, daemon=True).start()
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
