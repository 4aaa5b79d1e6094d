"""A gate of generated mistakes: the tests of an adapter, without the golden record, must detect nearly all of them.

``FT_DCC_GENERATED_MUTANTS=100`` makes that many mistakes, ``FT_DCC_GENERATED_SEED=7`` others. A normal run makes none.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest
from mutation import generated
from mutation.test_mutation import ROOT, exit_code_of_tests, files_of, forked

COUNT = int(os.environ.get("FT_DCC_GENERATED_MUTANTS", "0"))
SEED = int(os.environ.get("FT_DCC_GENERATED_SEED", "1"))
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
    ("host.py", "root.setModified(True)", "None"): "a changed knob marks the script as modified, too",
    ("temporary_nodes.py", "cmds.select(*kept, add=True)", "False"): "the selection was cleared before",
}


def mistakes(adapter: Path, count: int) -> list[generated.Mutation]:
    return generated.sample(files_of(adapter), count, SEED)


@pytest.mark.skipif(not COUNT, reason="FT_DCC_GENERATED_MUTANTS=100 makes mistakes")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="each mistake is made in a process of its own, forked")
@pytest.mark.timeout(7200)
def test_generated_mistakes_are_detected_by_behaviour(host, adapter, tmp_path, capsys):
    found = mistakes(adapter, COUNT // 2)
    undetected = []
    for number, each in enumerate(found, 1):
        is_detected = forked(tmp_path, each, partial(exit_code_of_tests, host, each.path.stem)) != "0"
        is_known = (each.path.name, each.text, each.after) in EQUIVALENT
        with capsys.disabled():
            print(f"{host} {number}/{len(found)} {'detected' if is_detected else 'UNDETECTED'} {each}", flush=True)
        if not is_detected and not is_known:
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
    adapter = ROOT / "hosts" / host / f"ft_dcc_{host}"
    for each in mistakes(adapter, 100):
        compile(each.source, str(each.path), "exec")
