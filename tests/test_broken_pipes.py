"""What a host program that embeds Python needs, where nobody has told the system to leave it alive."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")

# Blender's Python begins like this; one that is the program itself has done the opposite by then.
EMBEDDED = "import signal, subprocess, sys, threading; signal.signal(signal.SIGPIPE, signal.SIG_DFL)\n"
WRITE = """
other = subprocess.Popen([sys.executable, "-c", ""], stdin=subprocess.PIPE)
other.wait()
try:
    other.stdin.write(bytes(1_000_000))
except BrokenPipeError:
    print("alive")
"""
DESK = """
from ft_dcc.credentials import Account
from ft_dcc.desk import Desk
desk = Desk()
desk.sign_in(Account("http://127.0.0.1:9", "ada", "key"))
desk.wait(60)
"""


def ended(script):
    return subprocess.run([sys.executable, "-c", EMBEDDED + script], capture_output=True, encoding="utf-8", check=False)


def test_a_program_at_whose_desk_somebody_works_outlives_a_pipe_that_breaks():
    assert ended(WRITE).returncode != 0
    done = ended(DESK + WRITE)
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr


def test_outside_of_the_main_thread_nothing_happens():
    script = "from ft_dcc.main_thread import outlive_broken_pipes as outlive\n"
    script += "thread = threading.Thread(target=outlive); thread.start(); thread.join()\n"
    script += "print(signal.getsignal(signal.SIGPIPE) == signal.SIG_DFL); outlive()\n"
    script += "print(signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN)"
    assert ended(script).stdout == "True\nTrue\n"
