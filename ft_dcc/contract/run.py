"""Run the acceptance checks inside of a host program and write the results."""

from __future__ import annotations

import base64
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
from ft_dcc.contract import checks, host_under_test, publishing

# Environment variable that ``ft-dcc accept`` sets: a JSON text with "answer", "task" and "has_person".
ORDER = "FT_DCC_ACCEPT"
# The key of the images, which belong to the page and not to the file of the results.
IMAGES = "images"


@attrs.frozen
class CheckResult:
    """The outcome of a check, "passed", "failed" or "skipped", and the reason."""

    name: str
    title: str
    outcome: str
    why: str
    seconds: float
    figures: Mapping[str, Any]
    images: Sequence[host_under_test.CheckImage] = ()


def run_requested_checks(target: host_under_test.HostUnderTest) -> None:
    """Run the checks of the order in the environment and write the results to its file; raise nothing."""
    order = json.loads(os.environ[ORDER])
    try:
        answer = accept(target, order["task"], has_person=order["has_person"])
    except Exception as error:  # noqa: BLE001 - reported by ft-dcc accept
        answer = {"error": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()}
    unfinished = Path(order["answer"] + ".part")
    unfinished.write_text(json.dumps(answer, indent=1, ensure_ascii=False), encoding="utf-8")
    unfinished.replace(order["answer"])


def accept(target: host_under_test.HostUnderTest, task: str, *, has_person: bool = False) -> dict[str, Any]:
    """Run each check on a new scene with a folder of its own, and return the report."""
    all_checks = (*checks.CHECKS, *publishing.CHECKS, *target.checks)
    with tempfile.TemporaryDirectory(prefix="ft-dcc-accept-") as folder:
        results = [
            _run_check(target, check, Path(folder, str(index)), task, has_person)
            for index, check in enumerate(all_checks)
        ]
    return {
        "format": 1,
        "host": target.host.name,
        "version": target.host.version,
        "window": target.has_window,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "release": _release(),
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "checks": [_plain(result) for result in results],
        "facts": {**target.facts(), "packages": _packages()},
        IMAGES: {result.name: [_encoded(each) for each in result.images] for result in results if result.images},
    }


def _plain(result: CheckResult) -> dict[str, Any]:
    return attrs.asdict(result, filter=attrs.filters.exclude("images"))


def _encoded(image: host_under_test.CheckImage) -> dict[str, str]:
    return {"caption": image.caption, "png": base64.b64encode(image.png).decode("ascii")}


def failed(answer: Mapping[str, Any]) -> Sequence[str]:
    """Return a line for each failed check of a report."""
    return [f"{each['name']}: {each['why']}" for each in answer["checks"] if each["outcome"] == "failed"]


def _run_check(
    target: host_under_test.HostUnderTest, check: host_under_test.Check, folder: Path, task: str, has_person: bool
) -> CheckResult:
    folder.mkdir()
    started, figures = time.monotonic(), {}
    outcome, why = "passed", ""
    context = host_under_test.CheckContext(target, folder, task, has_person)
    try:
        target.build()
        figures = dict(check.function(context) or {})
    except host_under_test.Skipped as error:
        outcome, why = "skipped", str(error)
    except Exception as error:  # noqa: BLE001 - reported
        # The report may be published, so it must not contain the path.
        why = str(error).replace(str(folder), "…")
        outcome = "failed"
        if not isinstance(error, errors.Error):
            why = f"{type(error).__name__}: {why} ({_location(error)})"
    seconds = round(time.monotonic() - started, 2)
    return CheckResult(check.name, check.title, outcome, why, seconds, figures, tuple(context.images))


def _location(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"


def _release() -> str:
    from importlib import metadata

    try:
        return metadata.version("ft-dcc")
    except metadata.PackageNotFoundError:
        return "unknown"


def _packages() -> dict[str, str]:
    """Return which packages are the program's own and which were installed with the suite."""
    found = {}
    for name in ("attrs", "certifi", "charset_normalizer", "filelock", "pyblish", "requests", "urllib3", "websocket"):
        path = getattr(sys.modules.get(name), "__file__", None)
        if path:
            parts = Path(path).parts
            is_vendored = "vendored" in parts or "extensions" in parts
            found[name] = "installed with the suite" if is_vendored else "the program's own"
    return found
