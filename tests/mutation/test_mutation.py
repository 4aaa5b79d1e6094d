"""Mutations of the adapters' calls to Maya and Nuke: the doubles must detect each of them.

A normal run tries a few. ``FT_DCC_MUTANTS=1`` tries all, ``FT_DCC_MUTANTS=5`` every fifth. A mutation is detected if
the recorded calls differ or a test of the adapter fails.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest
from mutation import maya_calls, nuke_calls
from mutation.mutations import Mutation, find_mutations

ROOT = Path(__file__).resolve().parents[2]
RECORDERS = {"maya": maya_calls.record_calls, "nuke": nuke_calls.record_calls}
STEP = int(os.environ.get("FT_DCC_MUTANTS", "0")) or 160
FORKED_TIMEOUT_SECONDS = 240
# The acceptance kit is itself a test; tests/*/test_start.py cover the start-up scripts in separate processes.
EXCLUDED = {"acceptance", "acceptance.py", "startup", "module"}
# Mutations without an observable effect: the file, the line, the replacement, and the reason.
EQUIVALENT_MUTATIONS = {
    ("capture.py", "nuke.execute(write, frame, frame, 1, [view])", "2"): "one frame has no step",
    ("host.py", "root.setModified(True)", "None"): "the double counts every knob's value as a change; Nuke may not",
}

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="each mutation is made in a process of its own, forked")


@pytest.fixture(params=["maya", "nuke"])
def host(request):
    return request.param


@pytest.fixture
def adapter(host, tmp_path, monkeypatch):
    """Return a copy of the adapter to mutate."""
    adapter = tmp_path / f"ft_dcc_{host}"
    shutil.copytree(ROOT / "hosts" / host / adapter.name, adapter, ignore=shutil.ignore_patterns("__pycache__"))
    # Mistakes are compiled in memory only: two of them in one second must not be taken for each other.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return adapter


def test_a_harmless_change_is_not_detected(host, adapter, tmp_path):
    expected, path = _run_mutation(host, tmp_path, None), adapter / "host.py"
    harmless = Mutation(path, 1, "comment", "", "#", path.read_bytes() + b"# nothing\n")
    assert _run_mutation(host, tmp_path, harmless) == expected
    assert "Error" not in expected.splitlines()[0]


@pytest.mark.timeout(3600)
def test_every_mutation_is_detected(host, adapter, tmp_path):
    paths = [path for path in sorted(adapter.rglob("*.py")) if not EXCLUDED & set(path.relative_to(adapter).parts)]
    found = [each for path in paths for each in find_mutations(path)]
    assert len(found) > 250
    # Last, because they often need the slower tests.
    found.sort(key=lambda each: each.kind == "left out")
    expected = _run_mutation(host, tmp_path, None)
    unnoticed = [
        str(each)
        for each in found[::STEP]
        if (each.path.name, each.text, each.after) not in EQUIVALENT_MUTATIONS
        if _run_mutation(host, tmp_path, each) == expected and _passes_tests(host, tmp_path, each)
    ]
    assert unnoticed == []


def _run_mutation(host: str, folder: Path, mutation: Mutation | None) -> str:
    """Return the recorded calls of the adapter with the mutation."""
    return forked(folder, mutation, lambda: "\n".join(RECORDERS[host]()))


def _passes_tests(host: str, folder: Path, mutation: Mutation) -> bool:
    """Return whether the adapter's own tests pass, for mutations that the recorded calls do not show."""
    arguments = ["-x", "-q", "-p", "no:cacheprovider", "--no-header", str(ROOT / "tests" / host)]
    arguments.append(f"--ignore={ROOT / 'tests' / host / 'test_start.py'}")
    return forked(folder, mutation, lambda: str(int(pytest.main(arguments)))) == "0"


def _wait_for(child: int) -> None:
    """Wait for a child, and kill it with its own children after a while: a mutation that hangs is detected, too."""
    # Not by a signal of the child, because pytest's time-outs use its timer.
    deadline = time.monotonic() + FORKED_TIMEOUT_SECONDS
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > deadline:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return
        time.sleep(0.05)


def forked(folder: Path, mutation: Mutation | None, work) -> str:
    """Call the function in a process of its own, with the mutation in its file; return its result or error."""
    answer_file = folder / "answer_file.txt"
    answer_file.unlink(missing_ok=True)
    before = mutation.path.read_bytes() if mutation is not None else b""
    child = os.fork()
    if child == 0:
        try:
            os.setpgid(0, 0)
            sink = os.open(os.devnull, os.O_WRONLY)
            os.dup2(sink, 1)
            os.dup2(sink, 2)
            sys.path.insert(0, str(folder))
            if mutation is not None:
                mutation.path.write_bytes(mutation.source)
            try:
                text = work()
            except BaseException as error:  # noqa: BLE001 - that is how a mutation is detected
                text = f"{type(error).__name__}: {error}"
            answer_file.write_text(text, encoding="utf-8")
        finally:
            os._exit(0)
    _wait_for(child)
    if mutation is not None:
        mutation.path.write_bytes(before)
    return answer_file.read_text(encoding="utf-8") if answer_file.exists() else "no answer_file"
