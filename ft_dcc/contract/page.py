"""The results of ``ft-dcc accept`` as one HTML page: what passed, in plain words, and the images side by side."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_WORDS = {"passed": "passed", "failed": "failed", "skipped": "not run"}
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 60em; padding: 0 1em; }
table { border-collapse: collapse; width: 100%; }
td, th { border-bottom: 1px solid #ccc; padding: .4em .6em; text-align: left; vertical-align: top; }
.failed { color: #b00020; font-weight: bold; } .passed { color: #1b6e2a; } .skipped { color: #666; }
figure { display: inline-block; margin: .4em .8em .4em 0; } figcaption { color: #555; font-size: 13px; }
img { border: 1px solid #999; image-rendering: pixelated; max-width: 100%; min-width: 12em; }
"""


def results_page(report: Mapping[str, Any], images: Mapping[str, Sequence[Mapping[str, str]]]) -> str:
    """Return the page; ``images`` are the captions and the Base64 text of PNG images by the name of their check."""
    title = f"ft-dcc in {report['host']} {report['version']}"
    rows = "".join(_row(check, images.get(check["name"], ())) for check in report["checks"])
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{_text(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{_text(title)}</h1>"
        f"<p>{' '.join(_text(sentence) for sentence in summary(report))}</p>"
        f"<table><tr><th>Check</th><th>Result</th><th>Found</th></tr>{rows}</table></body></html>\n"
    )


def summary(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield sentences about a report: where it ran, how many checks passed, and the title of each that failed."""
    window = "with its window" if report["window"] else "without a window"
    yield f"{report['host']} {report['version']} {window}, {report['system']}, on {report['date']}."
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
    shown = "".join(_figure(image) for image in images)
    return (
        f"<tr><td>{_text(check['title'])}</td>"
        f'<td class="{_text(check["outcome"])}">{_WORDS[check["outcome"]]}</td>'
        f"<td>{_text(found)}{'<br>' if found and shown else ''}{shown}</td></tr>"
    )


def _figure(image: Mapping[str, str]) -> str:
    caption = _text(image["caption"])
    return (
        f'<figure><img alt="{caption}" src="data:image/png;base64,{_text(image["png"])}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _text(value: object) -> str:
    return html.escape(str(value))
