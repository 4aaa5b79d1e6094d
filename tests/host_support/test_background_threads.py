"""Threads that work in the background let the program quit."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from doubles.programs import run_process

ROOT = Path(__file__).resolve().parents[2]
# Each starts a thread that never ends by itself.
PUBLISH = """
import threading
from ft_dcc.ui.menu_commands import MenuCommands

started = threading.Event()
MenuCommands(None, print, print, print).run_in_background(lambda: started.set() or threading.Event().wait())
started.wait()
"""
WATCHER = """
from pathlib import Path
from doubles.nuke import sample_script
from doubles.nuke.program import running
import tempfile

with running(sample_script.build(Path(tempfile.mkdtemp()))):
    from ft_dcc_nuke.renders import render_watcher
    render_watcher.wake()
"""
QUERIES = """
import threading
from ft_dcc.ui.background import LatestOnlyWorker

started = threading.Event()
LatestOnlyWorker().run("wait", lambda: started.set() or threading.Event().wait())
started.wait()
"""


@pytest.mark.parametrize("code", [PUBLISH, WATCHER, QUERIES], ids=["publish", "renders", "queries"])
def test_a_program_quits_while_a_thread_works(code, tmp_path, monkeypatch):
    monkeypatch.setenv("FT_DCC_RENDERS", str(tmp_path / "renders"))
    paths = [str(ROOT), str(ROOT / "tests"), str(ROOT / "hosts" / "nuke")]
    program = f"import sys; sys.path[:0] = {paths!r}\n{code}"
    # A thread that keeps the program alive runs into the limit.
    done = run_process(sys.executable, "-c", program)
    assert done.returncode == 0, done.stderr
