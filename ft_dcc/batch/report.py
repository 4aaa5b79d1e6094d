"""The report of a batch: JSON, and an HTML page in one file with thumbnails and links."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs
import requests

from ft_dcc.batch import plan
from ft_dcc.files.atomic import storage_errors, write_atomically
from ft_dcc.session import Session
from ft_dcc.session.query.expression import quoted
from ft_dcc.system import http_sessions

# The version of the JSON format; raised when an older reader would misunderstand it.
SCHEMA = 1
STATES = (plan.PROBLEM, plan.FAILED, plan.WAITING, plan.DONE)
_TIMEOUT_SECONDS = 10
_DOWNLOADS = 4
_STYLE = """
body { font: 15px/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 70em; background: #fff; color: #222; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .4em .8em; vertical-align: top; }
tr { border-bottom: 1px solid #ddd; } img { width: 10em; display: block; } .done { color: #17692d; }
.problem, .failed { color: #a61b1b; } .waiting { color: #7a5200; } code { overflow-wrap: anywhere; }
"""


def count_states(results: Sequence[plan.ItemResult]) -> dict[str, int]:
    """Return the number of items in each state."""
    return {state: sum(result.state == state for result in results) for state in STATES}


def as_data(results: Sequence[plan.ItemResult]) -> dict[str, Any]:
    """Return the report as plain data: the number of items in each state, and the result of each item."""
    items = [attrs.asdict(result) for result in results]
    return {"schema": SCHEMA, "counts": count_states(results), "items": items}


def write_reports(folder: Path, results: Sequence[plan.ItemResult], session: Session) -> Path:
    """Write ``report.json`` and ``report.html`` to the folder, and return the path of the page; raise StorageError."""
    page = folder / "report.html"
    with storage_errors(f"The report in {folder} cannot be written"):
        write_atomically(folder / "report.json", json.dumps(as_data(results), indent=2).encode("utf-8"))
        write_atomically(page, _page(results, _thumbnails(session, results)).encode("utf-8"))
    return page


def _thumbnails(session: Session, results: Sequence[plan.ItemResult]) -> dict[str, str]:
    """Return the thumbnails of the versions as data URLs, by version id; those that cannot be read are left out."""
    ids = [result.version_id for result in results if result.version_id is not None]
    if not ids:
        return {}
    listed = ", ".join(map(quoted, ids))
    versions = list(session.query(f"select id, thumbnail_id, thumbnail_url from AssetVersion where id in ({listed})"))
    versions = [version for version in versions if version["thumbnail_id"]]
    # The server makes each of them on request: one after the other, they would take seconds after a long batch.
    with ThreadPoolExecutor(_DOWNLOADS) as downloads:
        images = downloads.map(_data_url, [version["thumbnail_url"] for version in versions])
        return {version["id"]: image for version, image in zip(versions, images) if image}


def _data_url(address: Any) -> str | None:
    """Download an image and return it as a data URL; None if it cannot be read."""
    url = address.get("url") if isinstance(address, dict) else address
    try:
        response = http_sessions.get(str(url), timeout=_TIMEOUT_SECONDS)
        response.raise_for_status()
    except requests.RequestException:
        return None
    kind = response.headers.get("Content-Type", "image/jpeg").partition(";")[0]
    return f"data:{kind};base64,{base64.b64encode(response.content).decode('ascii')}"


def _page(results: Sequence[plan.ItemResult], thumbnails: dict[str, str]) -> str:
    counts = ", ".join(f"{count} {state}" for state, count in count_states(results).items() if count)
    # What needs attention comes first.
    ordered = sorted(results, key=lambda result: (STATES.index(result.state), result.index))
    rows = "\n".join(_row(result, thumbnails) for result in ordered)
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>Batch report</title><style>{_STYLE}</style>\n'
        f"<h1>Batch report</h1><p>{counts}</p>\n<table><tr><th></th><th>Task</th><th>Source</th><th>Result</th></tr>\n"
        f"{rows}\n</table></html>\n"
    )


def _row(result: plan.ItemResult, thumbnails: dict[str, str]) -> str:
    image = thumbnails.get(result.version_id or "")
    thumbnail = f'<img src="{image}" alt="">' if image else ""
    text = f"version {result.version}" if result.version is not None else result.state
    # A link from a server that is no web address must not run as a script.
    if result.link and result.link.startswith(("http://", "https://")):
        text = f'<a href="{html.escape(result.link)}">{text}</a>'
    problems = "".join(f"<br>{html.escape(problem)}" for problem in result.problems)
    cells = (thumbnail, html.escape(result.task), f"<code>{html.escape(result.source)}</code>")
    columns = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr>{columns}<td class="{result.state}">{text}{problems}</td></tr>'
