"""What a test run has in one place: its time-out, its seed, its order, and the command that repeats a failed test."""

from __future__ import annotations

import os
import random
import shlex
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import pytest

# A test waits for a condition this long and no test asserts a shorter duration; only a test that hangs reaches it.
TIMEOUT_SECONDS = 120.0
POLL_INTERVAL_SECONDS = 0.02
# Generated cases are the same in each run; FT_DCC_SEED=2 makes others.
SEED = os.environ.get("FT_DCC_SEED", "1")
# Those of the run; tests set others for their own processes.
_VARIABLES = {name: value for name, value in os.environ.items() if name.startswith("FT_DCC_")}

# Every case of those that a normal run samples.
EVERY_FAULT = bool(os.environ.get("FT_DCC_EVERY_FAULT"))

Value = TypeVar("Value")


def seeded(name: str) -> random.Random:
    """Return the random numbers of a test: the same in each run with the same seed."""
    return random.Random(f"{SEED} {name}")


def sample(cases: Iterable[Value], step: int, first: int = 0) -> list[Value]:
    """Return every case, or in a normal run every ``step``-th one after ``first``."""
    return list(cases) if EVERY_FAULT else list(cases)[first::step]


def wait_until(
    condition: Callable[[], Value],
    what: str,
    found: Callable[[], object] = lambda: "",
    *,
    interval: float = POLL_INTERVAL_SECONDS,
) -> Value:
    """Return the first true value of the condition; fail with what was waited for and what was found instead."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not (value := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"Waited {TIMEOUT_SECONDS:.0f} s for {what}; found {found() or value!r}.")
        time.sleep(interval)
    return value


def sort_items(items: list[Any], order: str, processes: int = 1) -> None:
    """Sort the tests: "file" by files, "reverse" turns it, a number shuffles files and the tests of each.

    With several processes, each begins with the same number of slow tests, so that all of them end with quick ones.
    """
    if order == "file" and processes > 1:
        items[:] = _spread(items, processes)
    elif order == "reverse":
        items.reverse()
    elif order != "file":
        rank = random.Random(order).random
        places = {path: rank() for path in dict.fromkeys(item.path for item in items)}
        ranked = {item.nodeid: (places[item.path], rank()) for item in items}
        items.sort(key=lambda item: ranked[item.nodeid])


def _spread(items: list[Any], processes: int) -> list[Any]:
    """Return the tests in as many equal parts as there are processes: first the files with slow tests."""
    files: dict[Any, list[Any]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    parts: list[list[Any]] = [[] for _ in range(processes)]
    for is_slow in (True, False):
        chosen = [
            tests for tests in files.values() if is_slow == any(test.get_closest_marker("slow") for test in tests)
        ]
        for tests in sorted(chosen, key=len, reverse=True):
            min(parts, key=len).extend(tests)
    return [item for part in parts for item in part]


def repeat_commands(reports: list[Any], order: str) -> list[str]:
    """Return a command line for each failed test, with the seed and the variables of this run."""
    variables = sorted({"FT_DCC_SEED": SEED, **_VARIABLES}.items())
    prefix = " ".join(f"{name}={shlex.quote(value)}" for name, value in variables)
    names = dict.fromkeys(report.nodeid for report in reports)
    commands = [f"{prefix} .venv/bin/python -m pytest {shlex.quote(name)}" for name in names]
    return [*commands, f"Order of this run: --order {order}"] if commands and order != "file" else commands
