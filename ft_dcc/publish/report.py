"""The one report of a publish: what was asked, found, made and sent, as JSON in the job folder."""

from __future__ import annotations

import json
import os
import platform
import traceback
from importlib import metadata
from typing import Any

import attrs

from ft_dcc.errors import DiskUnusable, Error
from ft_dcc.publish.job import Job
from ft_dcc.publish.records import Published, PublishRequest


def write_report(job: Job, request: PublishRequest, published: Published, error: Error | None) -> None:
    """The report of this run lies in the job folder, whole; raises DiskUnusable."""
    text = json.dumps(make_report(request, published, error), indent=2)
    draft = job.report.with_suffix(".draft")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(job.report)
    except OSError as failure:
        raise DiskUnusable(f"The report {job.report} cannot be written: {failure.strerror}.") from failure


def make_report(request: PublishRequest, published: Published, error: Error | None) -> dict[str, Any]:
    """Return the report as plain data; it holds no key and no signed address, since no record does."""
    report = attrs.asdict(published)
    report["job"] = os.fspath(published.job)
    report["request"] = request_as_text(request)
    report["error"] = None if error is None else _error(error)
    report["made_with"] = {
        "ft-dcc": metadata.version("ft-dcc"),
        "pyblish-base": metadata.version("pyblish-base"),
        "python": platform.python_version(),
        "system": platform.platform(),
    }
    return report


def request_as_text(request: PublishRequest) -> dict[str, object]:
    """Return what was asked for, each value in its text form."""
    return {name: _text(value) for name, value in attrs.asdict(request, recurse=False).items()}


def _text(value: object) -> object:
    if value is None or isinstance(value, bool):
        return value
    return list(value) if isinstance(value, tuple) else str(value)


def _error(error: Error) -> dict[str, str]:
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    return {"class": type(error).__name__, "message": str(error), "traceback": "".join(lines)}
