"""Mutations of the adapters' calls to Maya and Nuke: the doubles must detect each of them.

A normal run tries three. ``FT_DCC_MUTANTS=1`` tries all, ``FT_DCC_MUTANTS=5`` every fifth. A mutation is detected if
the recorded calls differ or a test of the adapter fails.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest
from mutation import maya_calls, nuke_calls
from mutation.mutations import Mutation, find_mutations

ROOT = Path(__file__).resolve().parents[2]
RECORDERS = {"maya": maya_calls.record_calls, "nuke": nuke_calls.record_calls}
STEP = int(os.environ.get("FT_DCC_MUTANTS", "0"))
FORKED_TIMEOUT_SECONDS = 240
# The acceptance kit is itself a test; tests/*/test_start.py cover the start-up scripts in separate processes.
EXCLUDED = {"acceptance", "acceptance.py", "startup", "module"}
# Mutations without an observable effect: the file, the line, the replacement, and the reason.
EQUIVALENT_MUTATIONS = {
    ("capture.py", "nuke.execute(write, frame, frame, 1, [view])", "2"): "one frame has no step",
    ("host.py", "root.setModified(True)", "None"): "the double counts every knob's value as a change; Nuke may not",
}
# The publishes with a real server are slow.
_LAST = "test_publish.py"
_TESTS_WITH_QT = {"maya": "test_maya.py", "nuke": "test_renders.py"}

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="each mutation is made in a process of its own, forked")


def files_of(adapter: Path) -> list[Path]:
    """Return the files of an adapter that the tests of its folder cover."""
    return [path for path in sorted(adapter.rglob("*.py")) if not EXCLUDED & set(path.relative_to(adapter).parts)]


@pytest.mark.timeout(3600)
def test_every_mutation_is_detected_and_a_harmless_change_is_not(host, adapter, tmp_path):
    found = [each for path in files_of(adapter) for each in find_mutations(path)]
    assert len(found) > 250
    # Last, because they often need the slower tests.
    found.sort(key=lambda each: each.kind == "left out")
    expected = _run_mutation(host, tmp_path, None)
    assert "Error" not in expected.splitlines()[0]
    path = adapter / "host.py"
    harmless = Mutation(path, 1, "comment", "", "#", path.read_bytes() + b"# nothing\n")
    assert _run_mutation(host, tmp_path, harmless) == expected
    unnoticed = [
        str(each)
        for each in found[:: STEP or len(found) // 3]
        if (each.path.name, each.text, each.after) not in EQUIVALENT_MUTATIONS
        if _run_mutation(host, tmp_path, each) == expected and _passes_tests(host, tmp_path, each)
    ]
    assert unnoticed == []


def _run_mutation(host: str, folder: Path, mutation: Mutation | None) -> str:
    """Return the recorded calls of the adapter with the mutation."""
    return forked(folder, mutation, lambda: "\n".join(RECORDERS[host]()))


def _passes_tests(host: str, folder: Path, mutation: Mutation) -> bool:
    """Return whether the adapter's own tests pass, for mutations that the recorded calls do not show."""
    return forked(folder, mutation, lambda: exit_code_of_tests(host, mutation.path.stem)) == "0"


def exit_code_of_tests(host: str, module: str) -> str:
    """Return the exit code of the adapter's tests, those of the module first."""
    tests = (ROOT / "tests" / host).glob("test_*.py")
    # The start-up scripts run in processes of their own, with the adapter as it is.
    chosen = [path for path in tests if path.name != "test_start.py"]
    # Those of the dialog in the host are slow, too.
    chosen.append(ROOT / "tests" / "qt" / _TESTS_WITH_QT[host])
    chosen.sort(key=lambda path: (path.parent.name == "qt", path.name == _LAST, module not in path.stem, path.name))
    return str(int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--no-header", *map(str, chosen)])))


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
