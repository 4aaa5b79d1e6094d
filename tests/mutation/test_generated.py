"""A gate of generated mistakes: the tests of an adapter, without the golden record, must detect nearly all of them.

``FT_DCC_GENERATED_MUTANTS=100`` makes that many mistakes, ``FT_DCC_GENERATED_SEED=7`` others. A normal run makes none.
"""

from __future__ import annotations

import os
import shutil
import sys
from functools import partial
from pathlib import Path

import pytest
from mutation import generated
from mutation.test_mutation import ROOT, forked

COUNT = int(os.environ.get("FT_DCC_GENERATED_MUTANTS", "0"))
SEED = int(os.environ.get("FT_DCC_GENERATED_SEED", "1"))
EXCLUDED = {"acceptance", "acceptance.py", "startup", "module"}
# The share of mistakes that may remain undetected.
TOLERATED = 0.02
# Mistakes without an observable effect: the file, the line, the replacement, and the reason.
EQUIVALENT: dict[tuple[str, str, str], str] = {
    ("host.py", "cmds.select(camera, replace=True)", "False"): "without a flag, Maya replaces the selection, too",
    ("menu.py", "cmds.deleteUI(MENU, menu=True)", "False"): "without a flag, Maya deletes the menu, too",
    (
        "render_watcher.py",
        "_POLL_INTERVAL_SECONDS, _POLL_DURATION_SECONDS = 5.0, 24 * 3600.0",
        "25",
    ): "a longer day",
    (
        "render_watcher.py",
        "_POLL_INTERVAL_SECONDS, _POLL_DURATION_SECONDS = 5.0, 24 * 3600.0",
        "7201.0",
    ): "a longer day",
    ("menu.py", '_BUTTON = "ftDccPublish"', "'ftDccPublishx'"): "a button is recognised by its command, too",
    ("marked_nodes.py", 'self._name = self._source = ""', "'x'"): "the name of a node that does not exist",
    ("marked_nodes.py", 'knob = nuke.String_Knob(knob_name, "")', "'x'"): "the label of an invisible knob",
    ("capture.py", 'if not set(str(path)) & set("%#[]{}$"):', "'%#[]{}$x'"): "such a path only takes the longer way",
    ("menu.py", "_actions.clear()", "None"): "the actions of a removed menu stay in memory",
    ("host.py", "root.setModified(True)", "None"): "a changed knob marks the script as modified, too",
    ("temporary_nodes.py", "cmds.select(*kept, add=True)", "False"): "the selection was cleared before",
}
# The publishes with a real server are slow.
_LAST = "test_publish.py"
_TESTS_WITH_QT = {"maya": {"test_maya"}, "nuke": {"test_renders"}}


def mistakes(adapter: Path, count: int) -> list[generated.Mutation]:
    paths = [path for path in sorted(adapter.rglob("*.py")) if not EXCLUDED & set(path.relative_to(adapter).parts)]
    return generated.sample(paths, count, SEED)


@pytest.mark.skipif(not COUNT, reason="FT_DCC_GENERATED_MUTANTS=100 makes mistakes")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="each mistake is made in a process of its own, forked")
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("host", ["maya", "nuke"])
def test_generated_mistakes_are_detected_by_behaviour(host, tmp_path, monkeypatch, capsys):
    adapter = tmp_path / f"ft_dcc_{host}"
    shutil.copytree(ROOT / "hosts" / host / adapter.name, adapter, ignore=shutil.ignore_patterns("__pycache__"))
    # Mistakes are compiled in memory only: two of them in one second must not be taken for each other.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    found = mistakes(adapter, COUNT // 2)
    undetected = []
    for number, each in enumerate(found, 1):
        is_detected = forked(tmp_path, each, partial(_exit_code, host, each.path.stem)) != "0"
        is_known = (each.path.name, each.text, each.after) in EQUIVALENT
        with capsys.disabled():
            print(f"{host} {number}/{len(found)} {'detected' if is_detected else 'UNDETECTED'} {each}", flush=True)
        if not is_detected and not is_known:
            undetected.append(f"{each} in {each.text}")
    assert len(undetected) <= TOLERATED * len(found), "\n".join(undetected)


def _exit_code(host: str, module: str) -> str:
    """Return the exit code of the adapter's tests, those of the module first."""
    tests = (ROOT / "tests" / host).glob("test_*.py")
    # The start-up scripts run in processes of their own, with the adapter as it is.
    chosen = [path for path in tests if path.name != "test_start.py"]
    # Those of the dialog in the host are slow, too.
    chosen += [path for path in (ROOT / "tests" / "qt").glob("test_*.py") if path.stem in _TESTS_WITH_QT[host]]
    chosen.sort(key=lambda path: (path.parent.name == "qt", path.name == _LAST, module not in path.stem, path.name))
    return str(int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--no-header", *map(str, chosen)])))


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
    adapter = ROOT / "hosts" / host / f"ft_dcc_{host}"
    for each in mistakes(adapter, 300):
        compile(each.source, str(each.path), "exec")
