"""Mistakes that an adapter could make and that no test noticed once: its tests must detect each of them.

The mistakes of a host are made one after the other in one process, which loads the host program or its double once.
"""

import codecs
import importlib.util
import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from doubles.programs import run_process

ROOT = Path(__file__).resolve().parents[2]
PYTEST_OPTIONS = ("-x", "-q", "-p", "no:cacheprovider", "--assert=plain", "--tb=line")
TESTS_FAILED, ALL_PASSED = int(pytest.ExitCode.TESTS_FAILED), int(pytest.ExitCode.OK)


def read_mistakes(host):
    """Return the mistakes of a host by their names: a file of the adapter, its text before and after, and the test."""
    lines = Path(__file__).with_name("planted_mistakes.tsv").read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines)
    return {name: [codecs.decode(text, "unicode_escape") for text in row] for of, name, *row in rows if of == host}


@pytest.mark.parametrize("host", ["maya", "nuke", "blender"])
def test_each_mistake_is_detected(host, tmp_path):
    if host == "blender" and importlib.util.find_spec("bpy") is None:
        pytest.skip("there is no bpy for this Python")
    adapter = tmp_path / f"ft_dcc_{host}"
    shutil.copytree(ROOT / "hosts" / host / adapter.name, adapter, ignore=shutil.ignore_patterns("__pycache__"))
    code = f"from mutation.test_planted_mistakes import write_exit_codes as write; write({host!r}, {str(tmp_path)!r})"
    paths = os.pathsep.join((str(tmp_path), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")))
    done = run_process(sys.executable, "-B", "-c", code, env={**os.environ, "PYTHONPATH": paths}, cwd=ROOT)
    found = tmp_path / "exit_codes.json"
    assert found.exists(), done.stdout[-2000:] + done.stderr[-2000:]
    expected = {**dict.fromkeys(read_mistakes(host), TESTS_FAILED), "no mistake": ALL_PASSED}
    assert json.loads(found.read_text(encoding="utf-8")) == expected, done.stdout[-4000:]


def write_exit_codes(host, folder):
    """Make one mistake after the other in the copy of the adapter, run its test, and write pytest's exit codes.

    Without a mistake, all of these tests pass at the end: no mistake has left something that a later test fails by.
    """
    adapter, exit_codes = Path(folder, f"ft_dcc_{host}"), {}
    tests = []
    for name, (file, before, after, test) in read_mistakes(host).items():
        tests.append(f"tests/{host}/{test}")
        source = (adapter / file).read_text(encoding="utf-8")
        assert source.count(before) == 1, f"{before} is not once in {file}"
        (adapter / file).write_text(source.replace(before, after), encoding="utf-8")
        exit_codes[name] = _run(adapter, tests[-1])
        (adapter / file).write_text(source, encoding="utf-8")
    exit_codes["no mistake"] = _run(adapter, *dict.fromkeys(tests))
    Path(folder, "exit_codes.json").write_text(json.dumps(exit_codes), encoding="utf-8")


def _run(adapter, *tests):
    """Run the tests with the adapter as it is on the disk now, and return pytest's exit code."""
    for loaded in [name for name in sys.modules if name.partition(".")[0] == adapter.name]:
        del sys.modules[loaded]
    found = importlib.util.find_spec(adapter.name)
    assert found is not None and found.origin == str(adapter / "__init__.py")
    return int(pytest.main([*PYTEST_OPTIONS, *tests]))
