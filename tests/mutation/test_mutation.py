"""Generated mistakes in the adapters of Maya and Nuke: their tests must detect them by behaviour.

``FT_DCC_GENERATED_MUTANTS=100`` makes that many, ``FT_DCC_GENERATED_SEED=7`` others, and a normal run none: it plants
those of ``test_planted_mistakes.py``.
"""

import os
import signal
import sys
import time
from pathlib import Path

import pytest
from mutation import generated

ROOT = Path(__file__).resolve().parents[2]
COUNT = int(os.environ.get("FT_DCC_GENERATED_MUTANTS", "0"))
SEED = int(os.environ.get("FT_DCC_GENERATED_SEED", "1"))
FORKED_TIMEOUT_SECONDS = 240
# The share of generated mistakes that may remain undetected.
TOLERATED = 0.02
# The acceptance kit is itself a test; tests/*/test_start.py cover the start-up scripts in separate processes.
EXCLUDED = {"acceptance", "acceptance.py", "startup", "module"}
# Mistakes without an observable effect: the file, the line, the replacement, and the reason.
EQUIVALENT = Path(__file__).with_name("equivalent_mistakes.tsv")
# The publishes with a real server are slow.
_LAST = "test_publish.py"
_TESTS_WITH_QT = {"maya": "test_maya.py", "nuke": "test_renders.py"}

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="each mistake is made in a process of its own, forked")


def files_of(adapter):
    """Return the files of an adapter that the tests of its folder cover."""
    return [path for path in sorted(adapter.rglob("*.py")) if not EXCLUDED & set(path.relative_to(adapter).parts)]


def is_equivalent(mistake):
    rows = (line.split("\t") for line in EQUIVALENT.read_text(encoding="utf-8").splitlines())
    return [mistake.path.name, mistake.text, mistake.after] in [row[:3] for row in rows]


@pytest.mark.skipif(not COUNT, reason="FT_DCC_GENERATED_MUTANTS=100 makes mistakes")
@pytest.mark.timeout(7200)
def test_generated_mistakes_are_detected(host, adapter, tmp_path, capsys):
    found = generated.sample(files_of(adapter), COUNT // 2, SEED)
    undetected = []
    for number, each in enumerate(found, 1):
        is_undetected = passes(tmp_path, each, own_tests(host, each.path.stem))
        with capsys.disabled():
            print(f"{host} {number}/{len(found)} {'UNDETECTED' if is_undetected else 'detected'} {each}", flush=True)
        if is_undetected and not is_equivalent(each):
            undetected.append(f"{each} in {each.text}")
    assert len(undetected) <= TOLERATED * len(found), "\n".join(undetected)


def test_the_generator_makes_each_kind_of_mistake_and_the_same_ones_for_a_seed(tmp_path):
    path = tmp_path / "sample.py"
    path.write_text(
        '"""Not a mistake: True, 1."""\n'
        "def f(a, b):\n"
        "    if a == b and f:\n"
        "        g(a, b, True, 1, 'name', 'a sentence')\n"
        "    return h(a) if not b else 0.5\n",
        encoding="utf-8",
    )
    found = {(each.kind, each.line, each.after) for each in generated.find_mistakes(path)}
    assert found == {
        ("comparison", 3, "(a != b)"),
        ("and, or", 3, "(a == b or f)"),
        ("call", 4, "None"),
        ("arguments", 4, "g(b, a, True, 1, 'name', 'a sentence')"),
        ("constant", 4, "False"),
        ("off by one", 4, "2"),
        ("constant", 4, "'namex'"),
        ("result", 5, "None"),
        ("condition", 5, "(not (not b))"),
        ("constant", 5, "2.0"),
    }
    assert generated.sample([path], 5, 3) == generated.sample([path], 5, 3) != generated.sample([path], 5, 4)


@pytest.mark.parametrize("host", ["maya", "nuke"])
def test_each_generated_mistake_is_valid_python(host):
    for each in generated.sample(files_of(ROOT / "hosts" / host / f"ft_dcc_{host}"), 30, SEED):
        compile(each.source, str(each.path), "exec")


def own_tests(host, module):
    """Return the test files of the adapter, those of the module first and slow ones last."""
    # The start-up scripts run in processes of their own, with the adapter as it is.
    chosen = [path for path in (ROOT / "tests" / host).glob("test_*.py") if path.name != "test_start.py"]
    # Those of the dialog in the host are slow, too.
    chosen.append(ROOT / "tests" / "qt" / _TESTS_WITH_QT[host])
    return sorted(
        chosen,
        key=lambda path: (path.parent.name == "qt", path.name == _LAST, module not in path.stem, path.name),
    )


def passes(folder, mistake, tests):
    """Return whether the tests pass in a process of its own, with the mistake in its file."""
    answer = folder / "passed"
    answer.unlink(missing_ok=True)
    before = mistake.path.read_bytes()
    mistake.path.write_bytes(mistake.source)
    child = os.fork()
    if child == 0:
        try:
            os.setpgid(0, 0)
            sink = os.open(os.devnull, os.O_WRONLY)
            os.dup2(sink, 1)
            os.dup2(sink, 2)
            sys.path.insert(0, str(folder))
            if pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--no-header", *map(str, tests)]) == 0:
                answer.touch()
        finally:
            os._exit(0)
    _wait_for(child)
    mistake.path.write_bytes(before)
    return answer.exists()


def _wait_for(child):
    """Wait for a child, and kill it with its own children after a while: a mistake that hangs is detected, too."""
    # Not by a signal of the child, because pytest's time-outs use its timer.
    deadline = time.monotonic() + FORKED_TIMEOUT_SECONDS
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > deadline:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return
        time.sleep(0.05)
