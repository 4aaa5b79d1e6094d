"""Mistakes planted into what the adapters say to Maya and to Nuke: each must be noticed on the doubles.

A normal run plants a few. ``FT_DCC_MUTANTS=1`` plants all; ``FT_DCC_MUTANTS=5`` every fifth. A mistake is noticed when
what was said to the program is not what it was, or when a test of the adapter fails.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
from mutants import maya_play, nuke_play
from mutants.planting import Mistake, mistakes

ROOT = Path(__file__).resolve().parents[2]
PLAYS = {"maya": maya_play.play, "nuke": nuke_play.play}
EVERY = int(os.environ.get("FT_DCC_MUTANTS", "0")) or 160
# The kit is itself a test; what runs at the start is tried in processes of its own, by tests/*/test_start.py.
LEFT_OUT = {"acceptance.py", "startup", "module"}
# What nobody can notice: the file, the line, and what is written there instead; and why.
HARMLESS = {
    ("capture.py", "nuke.execute(write, frame, frame, 1, [view])", "2"): "one frame has no step",
    ("host.py", "root.setModified(True)", "None"): "the double counts every knob's value as a change; Nuke may not",
}

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="each mistake is made in a process of its own, forked")


@pytest.fixture(params=["maya", "nuke"])
def host(request):
    return request.param


@pytest.fixture
def home(host, tmp_path, monkeypatch):
    """A copy of the adapter to plant mistakes into."""
    home = tmp_path / f"ft_dcc_{host}"
    shutil.copytree(ROOT / "hosts" / host / home.name, home, ignore=shutil.ignore_patterns("__pycache__"))
    # Mistakes are compiled in memory only: two of them in one second must not be taken for each other.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return home


def test_what_is_no_mistake_is_not_noticed(host, home, tmp_path):
    right, path = _outcome(host, tmp_path, None), home / "host.py"
    harmless = Mistake(path, 1, "comment", "", "#", path.read_bytes() + b"# nothing\n")
    assert _outcome(host, tmp_path, harmless) == right
    assert "Error" not in right.partition(":")[0]


@pytest.mark.timeout(3600)
def test_every_mistake_is_noticed(host, home, tmp_path):
    paths = [path for path in sorted(home.rglob("*.py")) if not LEFT_OUT & set(path.relative_to(home).parts)]
    found = [each for path in paths for each in mistakes(path)]
    assert len(found) > 250
    # Last, because the play does not see each of them, and the tests take their time.
    found.sort(key=lambda each: each.kind == "left out")
    right = _outcome(host, tmp_path, None)
    unnoticed = [
        str(each)
        for each in found[::EVERY]
        if (each.path.name, each.text, each.after) not in HARMLESS
        if _outcome(host, tmp_path, each) == right and _passes(host, tmp_path, each)
    ]
    assert unnoticed == []


def _outcome(host: str, folder: Path, mistake: Mistake | None) -> str:
    """What a play of the adapter, with the mistake in it, comes to."""
    return _forked(folder, mistake, lambda: "\n".join(PLAYS[host]()))


def _passes(host: str, folder: Path, mistake: Mistake) -> bool:
    """Whether the adapter's own tests see nothing wrong; only for what the play does not reach."""
    arguments = ["-x", "-q", "-p", "no:cacheprovider", "--no-header", str(ROOT / "tests" / host)]
    arguments.append(f"--ignore={ROOT / 'tests' / host / 'test_start.py'}")
    return _forked(folder, mistake, lambda: str(int(pytest.main(arguments)))) == "0"


def _forked(folder: Path, mistake: Mistake | None, work) -> str:
    answer = folder / "answer.txt"
    answer.unlink(missing_ok=True)
    before = mistake.path.read_bytes() if mistake is not None else b""
    child = os.fork()
    if child == 0:
        # One that hangs is noticed, too.
        signal.alarm(150)
        try:
            sink = os.open(os.devnull, os.O_WRONLY)
            os.dup2(sink, 1)
            os.dup2(sink, 2)
            sys.path.insert(0, str(folder))
            if mistake is not None:
                mistake.path.write_bytes(mistake.source)
            try:
                text = work()
            except BaseException as error:  # noqa: BLE001 - that is how a mistake is noticed
                text = f"{type(error).__name__}: {error}"
            answer.write_text(text, encoding="utf-8")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    if mistake is not None:
        mistake.path.write_bytes(before)
    return answer.read_text(encoding="utf-8") if answer.exists() else "no answer"
