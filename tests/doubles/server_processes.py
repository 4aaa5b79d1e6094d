"""Studio servers in processes that are forked from one that has imported the server.

The import is two thirds of the cost of a start. ``python server_processes.py`` forks a server for each line of stdin
that starts one, and answers how one has ended.
"""

import atexit
import json
import os
import subprocess
import sys
import threading
import time
from functools import cache
from pathlib import Path

POLL_INTERVAL_SECONDS = 0.01


class ForkedProcess:
    """A forked server, with the part of ``subprocess.Popen`` that tests use."""

    def __init__(self, parent, pid, stdout):
        self.pid, self.stdout = pid, stdout
        self.returncode = None
        self._parent = parent

    def poll(self):
        if self.returncode is None:
            self.returncode = self._parent.ask(wait_for=self.pid)
        return self.returncode

    def wait(self, timeout=None):
        deadline = None if timeout is None else time.monotonic() + timeout
        while (status := self.poll()) is None:
            if timeout is not None and deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("server", timeout)
            time.sleep(POLL_INTERVAL_SECONDS)
        return status

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self):
        self.send_signal(15)

    def kill(self):
        self.send_signal(9)


class Helper:
    """A program that answers each line of JSON with another, in a process that ends with this one."""

    def __init__(self, program=__file__):
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )
        atexit.register(self.close)

    def close(self):
        if self._process.poll() is None:
            self._process.communicate()

    def ask(self, **question):
        with self._lock:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())


# The process that forks, one for each process of tests.
_parent = cache(Helper)


def start_process(arguments, change, log):
    """Start ``python -m ft_dcc.server`` after the statements of ``change``; its errors go to the log."""
    if not hasattr(os, "fork"):
        program = f"{change}\nfrom ft_dcc.server.__main__ import main\nmain()"
        command = [sys.executable, "-c", program, *arguments]
        with log.open("w", encoding="utf-8") as errors:
            return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, encoding="utf-8")
    output = log.with_suffix(".out")
    output.unlink(missing_ok=True)
    os.mkfifo(output)
    job = {"arguments": arguments, "change": change, "log": str(log), "output": str(output)}
    pid = _parent().ask(**job, environment=dict(os.environ), folder=str(Path.cwd()))
    return ForkedProcess(_parent(), pid, output.open(encoding="utf-8"))


def _become_server(job):
    from ft_dcc.server.__main__ import main

    opened = (
        os.open(os.devnull, os.O_RDONLY),
        os.open(job["output"], os.O_WRONLY),
        os.open(job["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
    )
    for target, descriptor in enumerate(opened):
        os.dup2(descriptor, target)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(job["environment"])
    os.chdir(job["folder"])
    sys.argv = ["ft_dcc.server", *job["arguments"]]
    exec(job["change"], {})  # noqa: S102  statements of a test
    main()


def _serve():
    import ft_dcc.server.__main__  # noqa: F401  the import is what the forks share

    for line in sys.stdin:
        job = json.loads(line)
        if "wait_for" in job:
            pid, status = os.waitpid(job["wait_for"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        elif (answer := os.fork()) == 0:
            _become_server(job)
            return
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    _serve()
