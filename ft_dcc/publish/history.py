"""The versions that were published from this machine, read from the reports of finished jobs."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import attrs

from ft_dcc import errors
from ft_dcc.publish.jobs.job import Job, jobs_folder
from ft_dcc.publish.report import SCHEMA


@attrs.frozen
class PastVersion:
    """A published version; ``path`` is the path of its task, and ``begun`` the start of its job in UTC.

    ``id`` is that of its AssetVersion.
    """

    path: str
    source: str
    version: int
    link: str | None
    server: str
    begun: datetime
    comment: str = ""
    id: str = ""


def past_versions(jobs: Path | None = None, limit: int = 20) -> list[PastVersion]:
    """Return the last versions, newest first; reports that cannot be read or have another schema are skipped."""
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
    comment = ""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, errors.Error):
        comment = job.request().comment
    for each in report["versions"]:
        yield PastVersion(
            report["task"],
            each["source"],
            each["version"],
            each["link"],
            report["server"],
            begun,
            comment,
            each.get("version_id", ""),
        )
