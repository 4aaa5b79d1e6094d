"""Running the checks inside of a program, and writing down the answer."""

from __future__ import annotations

import datetime
import json
import os
import platform
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from ft_dcc import errors
from ft_dcc.acceptance import checks, publishing
from ft_dcc.acceptance.rig import Bench, Check, Rig, Skipped

# What ``ft-dcc accept`` tells the program that it starts: a JSON text with "answer", "task" and "has_person".
ORDER = "FT_DCC_ACCEPT"


@attrs.frozen
class Outcome:
    """What became of one check: "passed", "failed" or "skipped", and why."""

    name: str
    title: str
    outcome: str
    why: str
    seconds: float
    figures: Mapping[str, Any]


def answer_order(rig: Rig) -> None:
    """The order in the environment is carried out, and its answer lies where it says; nothing is raised."""
    order = json.loads(os.environ[ORDER])
    try:
        answer = accept(rig, order["task"], has_person=order["has_person"])
    except Exception as error:  # noqa: BLE001 - whoever gave the order reads it
        answer = {"error": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()}
    unfinished = Path(order["answer"] + ".part")
    unfinished.write_text(json.dumps(answer, indent=1, ensure_ascii=False), encoding="utf-8")
    unfinished.replace(order["answer"])


def accept(rig: Rig, task: str, *, has_person: bool = False) -> dict[str, Any]:
    """Return what this program is, and what became of each check on a new scene and in a folder of its own."""
    every = (*checks.CHECKS, *publishing.CHECKS, *rig.checks)
    with tempfile.TemporaryDirectory(prefix="ft-dcc-accept-") as folder:
        outcomes = [
            _carry_out(rig, check, Path(folder, str(index)), task, has_person) for index, check in enumerate(every)
        ]
    return {
        "format": 1,
        "host": rig.host.name,
        "version": rig.host.version,
        "window": rig.has_window,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "release": _release(),
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "checks": [attrs.asdict(outcome) for outcome in outcomes],
        "facts": {**rig.facts(), "packages": _packages()},
    }


def failed(answer: Mapping[str, Any]) -> Sequence[str]:
    """Return a line for each check of an answer that failed."""
    return [f"{each['name']}: {each['why']}" for each in answer["checks"] if each["outcome"] == "failed"]


def _carry_out(rig: Rig, check: Check, folder: Path, task: str, has_person: bool) -> Outcome:
    folder.mkdir()
    started, figures = time.monotonic(), {}
    outcome, why = "passed", ""
    try:
        rig.build()
        figures = dict(check.function(Bench(rig, folder, task, has_person)) or {})
    except Skipped as error:
        outcome, why = "skipped", str(error)
    except Exception as error:  # noqa: BLE001 - the answer has it
        # No path of whoever runs it goes into what may be published.
        why = str(error).replace(str(folder), "…")
        outcome = "failed"
        if not isinstance(error, errors.Error):
            why = f"{type(error).__name__}: {why} ({_where(error)})"
    return Outcome(check.name, check.title, outcome, why, round(time.monotonic() - started, 2), figures)


def _where(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"


def _release() -> str:
    from importlib import metadata

    try:
        return metadata.version("ft-dcc")
    except metadata.PackageNotFoundError:
        return "not said"


def _packages() -> dict[str, str]:
    """Which of the packages are the program's own, and which came along."""
    found = {}
    for name in ("attrs", "certifi", "charset_normalizer", "filelock", "pyblish", "requests", "urllib3", "websocket"):
        home = getattr(sys.modules.get(name), "__file__", None)
        if home:
            parts = Path(home).parts
            came = "vendored" in parts or "extensions" in parts
            found[name] = "came along" if came else "the program's own"
    return found
