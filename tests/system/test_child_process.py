"""Child processes on this system, and on Windows by doubles of what it does."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest
import requests
from run_options import TIMEOUT_SECONDS

from ft_dcc.session import Session
from ft_dcc.system import child_process
from ft_dcc.system.http_sessions import new_http_session
from ft_dcc.system.signals import stopped_by_signals

NO_WINDOW, DETACHED, BREAKAWAY = 0x08000000, 0x00000008, 0x01000000


class WindowsProcess:
    """A Popen of Windows: it records its options, and refuses the flags of ``refused`` as a job does."""

    refused = 0
    started = ()
    pid, returncode, args = 7, None, ()

    def __init__(self, command, **options):
        if options["creationflags"] & self.refused:
            raise PermissionError(13, "Access is denied", None, 5, None)
        self.started.append((list(command), options))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def communicate(self, input=None, timeout=None):
        self.returncode = 0
        return b"", b""

    def poll(self):
        return self.returncode

    def kill(self):
        self.started.append((["kill"], {}))
        self.returncode = 1

    def wait(self, timeout=None):
        return self.returncode


@pytest.fixture
def windows(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(subprocess, "Popen", WindowsProcess)
    monkeypatch.setattr(WindowsProcess, "started", [])
    return WindowsProcess


@pytest.mark.parametrize("options", [{}, {"outlives": True}, {"is_background": True}])
def test_no_program_opens_a_console_window(windows, options):
    child_process.start(["ffmpeg"], **options)
    child_process.run(["ffmpeg"], **{**options, "capture_output": True})
    for _, used in windows.started:
        assert used["creationflags"] & (NO_WINDOW | DETACHED) == NO_WINDOW
        assert used["stdin"] == subprocess.DEVNULL


def test_a_job_that_forbids_to_leave_it_keeps_the_program(windows, monkeypatch):
    monkeypatch.setattr(windows, "refused", BREAKAWAY)
    child_process.start(["python"], outlives=True)
    assert [used["creationflags"] & BREAKAWAY for _, used in windows.started] == [0]


@pytest.mark.parametrize("is_there", [True, False])
def test_a_tree_is_ended_by_the_tool_of_windows_and_else_the_program_alone(windows, monkeypatch, is_there):
    def run(command, **options):
        windows.started.append((command, options))
        if not is_there:
            raise OSError(6, "The handle is invalid")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.delenv("SYSTEMROOT", raising=False)
    child_process.end_tree(windows(["ffmpeg"], creationflags=0))
    (_, (tool, options), *after) = windows.started
    assert tool[1:] == ("/T", "/F", "/PID", "7")
    assert (options["stdin"], options["creationflags"]) == (subprocess.DEVNULL, NO_WINDOW)
    assert [command for command, _ in after] == [["kill"]]


def test_the_end_of_the_parent_is_seen_without_reading_stdin(windows, monkeypatch):
    waited, has_ended = [], threading.Event()
    kernel = SimpleNamespace(
        OpenProcess=lambda access, inherits, number: waited.append(number) or 5,
        WaitForSingleObject=lambda handle, _: waited.append(handle.value),
    )
    monkeypatch.setattr(kernel.OpenProcess, "restype", None, raising=False)
    monkeypatch.setattr(ctypes, "windll", SimpleNamespace(kernel32=kernel), raising=False)
    monkeypatch.setattr(os, "read", lambda *_: pytest.fail("stdin was read"))
    child_process.start(["python"], ends_with_this=True)
    monkeypatch.setenv("FT_DCC_PARENT", windows.started[0][1]["env"]["FT_DCC_PARENT"])
    child_process.after_parent(has_ended.set)
    assert has_ended.wait(TIMEOUT_SECONDS)
    assert waited == [os.getpid(), 5]


SCRIPT = "from ft_dcc.system import child_process; import os, threading;"
SCRIPT += "child_process.after_parent(lambda: os._exit(1)); print('continues', flush=True);"


@pytest.mark.parametrize(("is_pipe", "code"), [(True, 1), (False, 0)])
@pytest.mark.skipif(sys.platform == "win32", reason="Windows waits for the parent's process, and not for stdin")
def test_a_program_ends_with_its_parent_unless_a_script_took_its_stdin_away(is_pipe, code):
    command = [sys.executable, "-c", f"{SCRIPT} threading.Event().wait({600 if is_pipe else 0})"]
    stdin = subprocess.PIPE if is_pipe else subprocess.DEVNULL
    with child_process.start(command, ends_with_this=True, stdin=stdin, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"continues\n"
        if process.stdin:
            process.stdin.close()
        assert process.wait(TIMEOUT_SECONDS) == code


def test_a_child_in_a_group_of_its_own_ends_with_the_tree():
    inner = "import time; print('x', flush=True); time.sleep(600)"
    outer = (
        "from ft_dcc.system import child_process; import sys; child_process.start([sys.executable, '-c', sys.argv[1]])"
    )
    process = child_process.start([sys.executable, "-c", f"{outer}.wait()", inner], stdout=subprocess.PIPE)
    assert process.stdout.readline().strip() == b"x"
    child_process.end_tree(process)
    assert process.returncode is not None
    # The output ends with the last process that can write to it.
    assert process.communicate(timeout=TIMEOUT_SECONDS)[0] == b""


def test_a_program_that_takes_too_long_is_ended():
    with pytest.raises(child_process.TimeoutExpired):
        child_process.run([sys.executable, "-c", "import time; time.sleep(600)"], timeout=0.1)


def test_other_programs_start_without_the_libraries_of_a_host(monkeypatch):
    names = ("PYTHONHOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FRAMEWORK_PATH", "DYLD_INSERT_LIBRARIES")
    for name in (*names, "OTHER"):
        monkeypatch.setenv(name, "x")
    assert {*names, "OTHER"} & child_process.environment_of_programs().keys() == {"OTHER"}


def test_a_server_stops_when_the_window_of_its_terminal_is_closed(monkeypatch):
    # Windows has this signal; here, another one takes its number.
    number = getattr(signal, "SIGBREAK", None) or signal.SIGUSR1
    monkeypatch.setattr(signal, "SIGBREAK", number, raising=False)
    before, stopped = signal.getsignal(number), []
    with stopped_by_signals(lambda: stopped.append(True)):
        signal.raise_signal(number)
    assert (stopped, signal.getsignal(number)) == ([True], before)


DEAD = "http://127.0.0.1:9"


def proxy_of_the_environment(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, DEAD)
    # With an exception of its own, websocket-client has none for this machine.
    monkeypatch.setenv("NO_PROXY", "intranet.test")


def proxy_of_the_registry(monkeypatch):
    """Set a proxy of Windows with the usual exception "<local>": names without a dot."""
    monkeypatch.setattr("requests.utils.getproxies", lambda: {"http": DEAD, "https": DEAD})
    monkeypatch.setattr("requests.utils.proxy_bypass", lambda host: "." not in host)


@pytest.mark.parametrize("set_proxy", [proxy_of_the_environment, proxy_of_the_registry])
def test_a_proxy_of_the_system_is_not_used_for_this_machine(studio_server, set_proxy, monkeypatch):
    set_proxy(monkeypatch)
    account = {"api_user": studio_server.api_user, "api_key": studio_server.api_key}
    with Session(server_url=studio_server.server_url, auto_connect_event_hub=True, **account) as session:
        assert session.query("User").first() is not None
        session.event_hub.wait(0)
    with pytest.raises(requests.exceptions.ProxyError), new_http_session() as other:
        other.get("http://studio.test/")
