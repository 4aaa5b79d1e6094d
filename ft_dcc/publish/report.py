"""The report of a publish, as JSON in the job folder, and the past versions that the reports of finished jobs list."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import traceback
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

import attrs

from ft_dcc import errors, frames
from ft_dcc.files import atomic, log_file
from ft_dcc.media import ColourOptions, EncodedFile
from ft_dcc.publish import models, slots
from ft_dcc.publish.jobs.job import Job, jobs_folder
from ft_dcc.publish.jobs.journal import folder_errors
from ft_dcc.publish.pipeline.pyblish_adapter import Context, Instance

# The version of the report's format; raised when an older reader would misunderstand it.
SCHEMA = 1


def write_report(
    job: Job,
    context: Context,
    published: models.Published,
    error: errors.Error | None,
    tracebacks: Iterable[Mapping[str, str]] = (),
) -> None:
    """Write the report, as docs/td/report.md says and without credentials, or keep the last one; raise StorageError."""
    session, host = slots.SESSION.get(context), slots.HOST.find(context)
    # ValidationIssue is not an attrs class, so that importing the errors does not import attrs.
    report = attrs.asdict(attrs.evolve(published, problems=(), unfinished=()))
    del report["unfinished"]
    report["problems"] = [problem._asdict() for problem in published.problems]
    report["schema"] = SCHEMA
    report["job"] = os.fspath(published.job)
    report["server"] = session.server_url
    report["host"] = None if host is None else f"{host.name} {host.version}"
    report["request"] = request_as_text(slots.REQUEST.get(context))
    report["found"] = []
    for instance in context:
        source, clip = slots.SOURCE.find(instance), slots.CLIP.find(instance)
        if source is not None and clip is not None:
            found = {"source": source.name, "kind": source.kind, "frames": str(clip.frame_range), "fps": str(clip.fps)}
            origin = {"origin": slots.ORIGIN.find(instance)} if source.kind == "camera" else {}
            report["found"].append({**found, "resolution": str(clip.resolution), **origin})
    report["made"] = [
        {
            "source": slots.SOURCE.get(instance).name,
            "component": file.component_name,
            "resolution": str(file.resolution),
            "fps": None if file.fps is None else str(file.fps),
            "frame_count": file.frame_count,
            "filled": frames.format_ranges(file.filled),
            "encoder": file.encoder,
            "remark": file.remark,
        }
        for instance in context
        for file in encoded_files(instance)
    ]
    report["seconds"] = round(sum(step.seconds for step in published.steps), 4)
    report["error"] = None
    if error is not None:
        lines = traceback.format_exception(type(error), error, error.__traceback__)
        log = error.log if isinstance(error, errors.EncodeFailed) else ""
        texts = {"message": str(error), "traceback": "".join(lines), "log": log}
        report["error"] = {"class": type(error).__name__, **texts}
    report["made_with"] = {
        "ft-dcc": metadata.version("ft-dcc"),
        "pyblish-base": metadata.version("pyblish-base"),
        "python": platform.python_version(),
        "system": platform.platform(),
        "ffmpeg": slots.ENCODER.find(context),
        "server": session.server_information.get("version"),
    }
    report["checks"], report["tracebacks"] = slots.CHECKS.find(context) or {}, list(tracebacks)
    text = json.dumps(log_file.mask_all(report, session.api_key), indent=2)
    with folder_errors(f"The report {job.report} cannot be written", " Then resume the job."):
        # The link to the review is in it.
        atomic.write_atomically(job.report, text.encode(), is_private=True)


def encoded_files(instance: Instance) -> list[EncodedFile]:
    """Return the review movie or still of a source, and its other outputs."""
    movie = slots.MOVIE.find(instance)
    return [*([] if movie is None else [movie]), *(slots.OUTPUTS.find(instance) or [])]


def request_as_text(request: models.PublishRequest) -> dict[str, object]:
    """Return the request with each value in its text form; the keys are part of the report's format."""
    texts: dict[str, object] = {}
    for name, value in attrs.asdict(request, recurse=False).items():
        if value is not None and not isinstance(value, (bool, dict)):
            is_record, is_tuple = isinstance(value, ColourOptions), isinstance(value, tuple)
            value = attrs.asdict(value) if is_record else list(value) if is_tuple else str(value)
        texts["is_filling" if name == "fill_missing" else name] = value
    return texts


@attrs.frozen
class PastVersion:
    """A version that was published from this machine."""

    # The path of its task.
    path: str
    source: str
    version: int
    link: str | None
    server: str
    # The start of its job in UTC.
    begun: datetime
    comment: str = ""
    # That of its AssetVersion.
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
    server, task, comment = report["server"], report["task"], ""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, errors.Error):
        comment = job.request().comment
    for each in report["versions"]:
        source, version, link = each["source"], each["version"], each["link"]
        yield PastVersion(task, source, version, link, server, begun, comment, each.get("version_id", ""))
