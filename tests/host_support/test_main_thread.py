"""SIGPIPE in a host program that embeds Python."""

from __future__ import annotations

import sys

import pytest
from doubles.programs import run_process

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")

# The state of the Python in Blender; a stand-alone Python ignores SIGPIPE at its start.
EMBEDDED = "import signal, subprocess, sys, threading; signal.signal(signal.SIGPIPE, signal.SIG_DFL)\n"
WRITE = """
other = subprocess.Popen([sys.executable, "-c", ""], stdin=subprocess.PIPE)
other.wait()
try:
    other.stdin.write(bytes(1_000_000))
except BrokenPipeError:
    print("alive")
"""
CONTROLLER = """
from ft_dcc.accounts.credentials import Account
from ft_dcc.ui.publish_controller import PublishController
controller = PublishController()
controller.sign_in(Account("http://127.0.0.1:9", "ada", "key"))
controller.wait(60)
"""


def ended(script):
    return run_process(sys.executable, "-c", EMBEDDED + script)


def test_a_host_with_a_running_controller_survives_a_broken_pipe():
    assert ended(WRITE).returncode != 0
    done = ended(CONTROLLER + WRITE)
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr


def test_ignore_sigpipe_does_nothing_outside_of_the_main_thread():
    script = "from ft_dcc.system.signals import ignore_sigpipe\n"
    script += "thread = threading.Thread(target=ignore_sigpipe); thread.start(); thread.join()\n"
    script += "print(signal.getsignal(signal.SIGPIPE) == signal.SIG_DFL); ignore_sigpipe()\n"
    script += "print(signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN)"
    assert ended(script).stdout == "True\nTrue\n"
