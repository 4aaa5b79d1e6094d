"""Run the acceptance checks inside of a host program, and show their results as one HTML page."""

from __future__ import annotations

import contextlib
import datetime
import html
import json
import os
import platform
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

from ft_dcc import errors
from ft_dcc.contract import checks, host_under_test
from ft_dcc.files.atomic import temporary_folder, write_atomically

# Environment variable that ``ft-dcc accept`` sets: a JSON text with "answer", "task" and "has_person".
ORDER = "FT_DCC_ACCEPT"
# The key of the images, which belong to the page and not to the file of the results.
IMAGES = "images"
_WORDS = {"passed": "passed", "failed": "failed", "skipped": "not run"}
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 60em; padding: 0 1em; }
table { border-collapse: collapse; width: 100%; }
td, th { border-bottom: 1px solid #ccc; padding: .4em .6em; text-align: left; vertical-align: top; }
.failed { color: #b00020; font-weight: bold; } .passed { color: #1b6e2a; } .skipped { color: #666; }
figure { display: inline-block; margin: .4em .8em .4em 0; } figcaption { color: #555; font-size: 13px; }
img { border: 1px solid #999; image-rendering: pixelated; max-width: 100%; min-width: 12em; }
"""


def run_requested_checks(target: host_under_test.HostUnderTest) -> None:
    """Run the checks of the order in the environment and write the results to its file; raise nothing."""
    order = json.loads(os.environ[ORDER])
    try:
        answer = accept(target, order["task"], has_person=order["has_person"])
    except Exception as error:  # noqa: BLE001 - reported by ft-dcc accept
        answer = {"error": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()}
    write_atomically(Path(order["answer"]), json.dumps(answer, indent=1, ensure_ascii=False).encode("utf-8"))


def accept(target: host_under_test.HostUnderTest, task: str, *, has_person: bool = False) -> dict[str, Any]:
    """Run each check on a new scene with a folder of its own, and return the report."""
    all_checks = (*checks.CHECKS, *checks.PUBLISH_CHECKS, *target.checks)
    with temporary_folder("ft-dcc-accept-") as folder:
        contexts = [
            host_under_test.CheckContext(target, Path(folder, str(index)), task, has_person)
            for index in range(len(all_checks))
        ]
        results = [
            run_check(check.name, check.title, context.folder, partial(_call_on_new_scene, check, context))
            for check, context in zip(all_checks, contexts)
        ]
    images = {check.name: context.images for check, context in zip(all_checks, contexts) if context.images}
    facts = {**target.facts(), "packages": _packages()}
    return {**report_of(target.host.name, target.host.version, target.has_window, results, facts), IMAGES: images}


def report_of(
    host: str, version: str, has_window: bool | None, results: Sequence[Mapping[str, Any]], facts: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the report on these results; ``has_window`` is None where a window is of no matter."""
    release = "unknown"
    with contextlib.suppress(metadata.PackageNotFoundError):
        release = metadata.version("ft-dcc")
    return {
        "format": 1,
        "host": host,
        "version": version,
        "window": has_window,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "release": release,
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "checks": list(results),
        "facts": dict(facts),
    }


def _call_on_new_scene(check: host_under_test.Check, context: host_under_test.CheckContext) -> Mapping[str, Any] | None:
    context.target.build()
    return check.function(context)


def run_check(name: str, title: str, folder: Path, call: Callable[[], Mapping[str, Any] | None]) -> dict[str, Any]:
    """Return outcome, reason, time and figures of a check; ``call`` returns the figures, and writes to the folder."""
    folder.mkdir()
    started, figures = time.monotonic(), {}
    outcome, why = "passed", ""
    try:
        figures = dict(call() or {})
    except host_under_test.Skipped as error:
        outcome, why = "skipped", str(error)
    except Exception as error:  # noqa: BLE001 - reported
        # The report may be published, so it must not contain the path.
        why = str(error).replace(str(folder), "…")
        outcome = "failed"
        if not isinstance(error, errors.Error):
            last = traceback.extract_tb(error.__traceback__)[-1]
            why = f"{type(error).__name__}: {why} ({Path(last.filename).name}:{last.lineno})"
    seconds = round(time.monotonic() - started, 2)
    return {"name": name, "title": title, "outcome": outcome, "why": why, "seconds": seconds, "figures": figures}


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


def results_page(report: Mapping[str, Any], images: Mapping[str, Sequence[Mapping[str, str]]]) -> str:
    """Return the page; ``images`` are the captions and the Base64 text of PNG images by the name of their check."""
    where = "in " + report["host"] if report["window"] is not None else "on " + report["system"]
    title = f"ft-dcc {where} {report['version']}"
    rows = "".join(_row(check, images.get(check["name"], ())) for check in report["checks"])
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{_text(title)}</title>'
        f"<style>{STYLE}</style></head><body><h1>{_text(title)}</h1>"
        f"<p>{' '.join(_text(sentence) for sentence in summary(report))}</p>"
        f"<table><tr><th>Check</th><th>Result</th><th>Found</th></tr>{rows}</table></body></html>\n"
    )


def summary(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield sentences about a report: where it ran, how many checks passed, and the title of each that failed."""
    window = {True: " with its window", False: " without a window"}.get(report["window"], "")
    yield f"{report['host']} {report['version']}{window}, {report['system']}, on {report['date']}."
    outcomes = [each["outcome"] for each in report["checks"]]
    total, skipped = len(outcomes) - outcomes.count("skipped"), outcomes.count("skipped")
    yield f"{outcomes.count('passed')} of {total} checks passed."
    for each in report["checks"]:
        if each["outcome"] == "failed":
            yield f"Failed: {each['title']}."
    if skipped:
        yield f"{skipped} were not run, each for the reason in its row."


def _row(check: Mapping[str, Any], images: Sequence[Mapping[str, str]]) -> str:
    figures = ", ".join(f"{name}: {value}" for name, value in check["figures"].items())
    found = " ".join(filter(None, (check["why"], figures)))
    figure = '<figure><img alt="{0}" src="data:image/png;base64,{1}"><figcaption>{0}</figcaption></figure>'
    shown = "".join(figure.format(_text(image["caption"]), _text(image["png"])) for image in images)
    return (
        f"<tr><td>{_text(check['title'])}</td>"
        f'<td class="{_text(check["outcome"])}">{_WORDS[check["outcome"]]}</td>'
        f"<td>{_text(found)}{'<br>' if found and shown else ''}{shown}</td></tr>"
    )


def _text(value: object) -> str:
    return html.escape(str(value))
