"""One Ctrl-C ends a command at any point."""

import sys

import pytest
from doubles.programs import run_process

COMMAND = """
import signal, socket, sys, threading, time
from ft_dcc.cli import main

class Loses:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)

def in_a_destructor(output):
    Loses()
    time.sleep(100)

def unheard(output):
    # As when it comes right before a system call that waits: that is not interrupted, and returns after its time.
    def press():
        time.sleep(0.1)
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()
    silent, kept = socket.socketpair()
    silent.recv(1)

main.command.command(name="lose")(globals()[sys.argv[1]])
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(main.run(["lose"]))
"""
LATE = pytest.param(
    "unheard", marks=pytest.mark.skipif(sys.platform == "win32", reason="a system call that waits hears nothing there")
)


@pytest.mark.parametrize("place", ["in_a_destructor", LATE])
def test_a_lost_ctrl_c_is_resent_and_ends_the_command(place):
    done = run_process(sys.executable, "-c", COMMAND, place)
    assert (done.returncode, done.stderr.strip()) == (130, "Stopped.")
