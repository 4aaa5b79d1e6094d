"""Child processes: their environment, their start without a console window, and the end of all that they started.

Sources: Microsoft's page on process creation flags; CPython's issues 85785 and 78961.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Union

DEVNULL, PIPE, STDOUT = subprocess.DEVNULL, subprocess.PIPE, subprocess.STDOUT
Process = subprocess.Popen
CompletedProcess = subprocess.CompletedProcess
CalledProcessError = subprocess.CalledProcessError
TimeoutExpired = subprocess.TimeoutExpired
list2cmdline = subprocess.list2cmdline
Command = Sequence[Union[str, "os.PathLike[str]"]]

# Accounts of this project, and what other programs call their secrets; proxies can have a password in their address.
_SECRET = re.compile(
    r"FTRACK_|FT_DCC_SMTP_|.*(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|_PROXY\Z)", re.IGNORECASE
)
# Host programs set these for their own Python and libraries, with which no other program may start.
_OF_HOST = re.compile(r"PYTHONHOME|PYTHONPATH|LD_LIBRARY_PATH|DYLD_.*")
# The process whose end ends a child.
_PARENT = "FT_DCC_PARENT"
# Of Windows; the module has them there only. Without a window, and not detached: a detached program, as the launcher of
# a virtual environment, opens a console for the program that it starts in turn.
_NO_WINDOW, _NEW_GROUP = 0x08000000, 0x00000200
_BREAKAWAY, _BELOW_NORMAL = 0x01000000, 0x00004000
_SYNCHRONIZE, _INFINITE = 0x00100000, 0xFFFFFFFF
_END_TIMEOUT_SECONDS = 10


def environment_without_secrets() -> dict[str, str]:
    """Return this process' environment without its accounts, for a program that reads files of unknown origin."""
    return {name: value for name, value in os.environ.items() if not _SECRET.match(name)}


def environment_of_programs() -> dict[str, str]:
    """Return this process' environment without what a host program sets for its own Python and libraries."""
    return {name: value for name, value in os.environ.items() if not _OF_HOST.fullmatch(name)}


def start(
    command: Command,
    *,
    env: Mapping[str, str] | None = None,
    outlives: bool = False,
    ends_with_this: bool = False,
    is_background: bool = False,
    **options: Any,
) -> Process[Any]:
    """Start a program without a console window, with an empty stdin unless ``options`` of Popen have one.

    Ctrl-C in the terminal does not reach it. One that ``outlives`` this process leaves its job; one that
    ``ends_with_this`` calls ``after_parent``; one that ``is_background`` has a low priority on Windows. Raises OSError.
    """
    options.setdefault("stdin", DEVNULL)
    if ends_with_this:
        env = {**(os.environ if env is None else env), _PARENT: str(os.getpid())}
    if sys.platform == "win32":
        flags = _NO_WINDOW | _NEW_GROUP | (_BELOW_NORMAL if is_background else 0)
        if outlives:
            # The job of this process, as a farm or a terminal makes one, can forbid to leave it: WinError 5.
            with contextlib.suppress(PermissionError):
                return subprocess.Popen(command, env=env, creationflags=flags | _BREAKAWAY, **options)
        return subprocess.Popen(command, env=env, creationflags=flags, **options)
    return subprocess.Popen(command, env=env, start_new_session=True, **options)


def run(
    command: Command, *, timeout: float | None = None, check: bool = False, **options: Any
) -> CompletedProcess[Any]:
    """Run a program as ``start`` does, and leave no process; raises OSError, TimeoutExpired, CalledProcessError."""
    if options.pop("capture_output", False):
        options.update(stdout=PIPE, stderr=PIPE)
    with start(command, **options) as process:
        try:
            output, errors = process.communicate(timeout=timeout)
        except BaseException:
            end_tree(process)
            raise
    done: CompletedProcess[Any] = CompletedProcess(process.args, process.returncode, output, errors)
    if check:
        done.check_returncode()
    return done


def end_tree(process: Process[Any]) -> None:
    """Kill a process that was not yet seen to end, with those that it has started, and wait; raise nothing."""
    if sys.platform == "win32":
        if process.poll() is None:
            # Only the system's tool also ends the processes that this one has started.
            tool = Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "taskkill.exe")
            with contextlib.suppress(OSError, subprocess.SubprocessError):
                command = (str(tool), "/T", "/F", "/PID", str(process.pid))
                quiet = {"stdin": DEVNULL, "stdout": DEVNULL, "stderr": DEVNULL}
                subprocess.run(command, creationflags=_NO_WINDOW, timeout=_END_TIMEOUT_SECONDS, check=False, **quiet)
    else:
        # A child in a group of its own is not in that of the process.
        children = _descendants(process.pid) if process.poll() is None else ()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        for child in children:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(child, signal.SIGKILL)
    with contextlib.suppress(OSError):
        process.kill()
    process.wait()


def after_parent(call: Callable[[], object]) -> None:
    """Call a function in a thread when the process that started this one with ``ends_with_this`` has ended.

    Elsewhere than on Windows it is also called when stdin ends. On Windows no thread reads it: that would block every
    other call on this pipe until the end, also those of child processes.
    """
    if (parent := os.environ.get(_PARENT)) is None:
        return

    def wait() -> None:
        if sys.platform == "win32":
            _wait_for_process(int(parent))
        else:
            with contextlib.suppress(OSError):
                # A script around this program may have taken its stdin away.
                if not stat.S_ISFIFO(os.fstat(0).st_mode):
                    return
                # Not sys.stdin: this thread would hold its lock when the interpreter exits.
                while os.read(0, 1):
                    pass
        call()

    threading.Thread(target=wait, name="ft-dcc parent", daemon=True).start()


def _wait_for_process(number: int) -> None:
    """Return when the process of this number has ended, at once if there is none; of Windows."""
    import ctypes

    kernel: Any = getattr(ctypes, "windll").kernel32  # noqa: B009 - of Windows only
    kernel.OpenProcess.restype = ctypes.c_void_p
    handle = kernel.OpenProcess(_SYNCHRONIZE, False, number)
    if handle:
        kernel.WaitForSingleObject(ctypes.c_void_p(handle), _INFINITE)


def _descendants(number: int) -> list[int]:
    """Return the processes that a process has started, and those that these have started; of Linux and macOS."""
    children: dict[int, list[int]] = {}
    for child, parent in _parents():
        children.setdefault(parent, []).append(child)
    found = [number]
    for each in found:
        found += children.get(each, ())
    return found[1:]


def _parents() -> Iterator[tuple[int, int]]:
    """Yield each process of this machine with its parent."""
    if sys.platform == "darwin":
        with contextlib.suppress(OSError, TimeoutExpired):
            listed = run(["/bin/ps", "-A", "-o", "pid=,ppid="], stdout=PIPE, timeout=_END_TIMEOUT_SECONDS)
            for line in listed.stdout.splitlines():
                child, parent = line.split()
                yield int(child), int(parent)
    for path in Path("/proc").glob("[0-9]*/stat"):
        # A name in parentheses, which may have any character, stands before the state and the parent.
        with contextlib.suppress(OSError):
            yield int(path.parent.name), int(path.read_text("utf-8", "replace").rpartition(")")[2].split()[1])
