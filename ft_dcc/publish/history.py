"""What was published from this machine, as the reports of the jobs that are done tell it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import attrs

from ft_dcc.publish.job import Job, jobs_folder
from ft_dcc.publish.report import SCHEMA


@attrs.frozen
class PastVersion:
    """A version that was published; ``path`` is its task's, ``begun`` when its job began, in UTC."""

    path: str
    source: str
    version: int
    link: str | None
    server: str
    begun: datetime


def past_versions(jobs: Path | None = None, limit: int = 20) -> list[PastVersion]:
    """Return the last versions, the newest first; a report that cannot be read, or is another's, is passed over."""
    folder = jobs_folder(jobs)
    found: list[PastVersion] = []
    for path in sorted(folder.iterdir() if folder.is_dir() else (), reverse=True):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            found.extend(_versions(Job(path)))
        if len(found) >= limit:
            break
    return found[:limit]


def _versions(job: Job) -> Iterator[PastVersion]:
    report: dict[str, Any] = json.loads(job.report.read_text(encoding="utf-8"))
    if report["schema"] != SCHEMA:
        return
    begun = datetime.strptime(job.id[:15], "%Y%m%d-%H%M%S").replace(tzinfo=timezone.utc)
    for made in report["versions"]:
        yield PastVersion(report["task"], made["source"], made["version"], made["link"], report["server"], begun)
