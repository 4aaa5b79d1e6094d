"""The one report of a publish: what was asked, found, made and sent, as JSON in the job folder."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import traceback
from importlib import metadata
from typing import Any

import attrs

from ft_dcc.errors import DiskUnusable, EncodeFailed, Error
from ft_dcc.frames import ranges
from ft_dcc.media import Colour, Media
from ft_dcc.publish.engine import Context, Instance
from ft_dcc.publish.job import Job
from ft_dcc.publish.records import Published, PublishRequest
from ft_dcc.publish.slots import CLIP, ENCODER, FILM, HOST, OUTPUTS, REQUEST, SESSION, SOURCE

# Of the report: raised when a reader would misunderstand it.
SCHEMA = 1


# What proves a right, in an address or in words.
_PROOF = re.compile(
    r"\b((?:x-amz-)?(?:signature|credential|security-token)|token|secret|password|(?:ftrack[-_])?api[-_]?key)"
    r"([\"']?\s*[=:]\s*[\"']?)[^\s&\"',;]+",
    re.IGNORECASE,
)


def write_report(job: Job, context: Context, published: Published, error: Error | None) -> None:
    """The report of this run lies in the job folder, whole; raises DiskUnusable."""
    text = json.dumps(make_report(context, published, error), indent=2)
    draft = job.report.with_suffix(".draft")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(job.report)
    except OSError as failure:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise DiskUnusable(
            f"The report {job.report} cannot be written: {failure.strerror}. Free space there, then resume the job."
        ) from failure


def make_report(context: Context, published: Published, error: Error | None) -> dict[str, Any]:
    """Return the report as plain data, as docs/report.md has it; keys and whatever else proves a right are masked."""
    session, host = SESSION.get(context), HOST.find(context)
    # A problem is no attrs class, so that whoever imports the errors need not import attrs.
    report = attrs.asdict(attrs.evolve(published, problems=(), unfinished=()))
    del report["unfinished"]
    report["problems"] = [problem._asdict() for problem in published.problems]
    report["schema"] = SCHEMA
    report["job"] = os.fspath(published.job)
    report["server"] = session.server_url
    report["host"] = None if host is None else f"{host.name} {host.version}"
    report["request"] = request_as_text(REQUEST.get(context))
    report["found"] = [_found(instance) for instance in context if CLIP.find(instance) is not None]
    report["made"] = [_made(instance, film) for instance in context for film in _films(instance)]
    report["seconds"] = round(sum(step.seconds for step in published.steps), 4)
    report["error"] = None if error is None else _error(error)
    report["made_with"] = {
        "ft-dcc": metadata.version("ft-dcc"),
        "pyblish-base": metadata.version("pyblish-base"),
        "python": platform.python_version(),
        "system": platform.platform(),
        "ffmpeg": ENCODER.find(context),
        "server": session.server_information.get("version"),
    }
    masked: dict[str, Any] = _masked(report, session.api_key)
    return masked


def mask(text: str, key: str = "") -> str:
    """Return the text without the key, and without the values of what is named like a proof of a right."""
    text = text.replace(key, "***") if key else text
    # Most texts have neither sign, and a report of many sources has many texts.
    return _PROOF.sub(r"\1\2***", text) if "=" in text or ":" in text else text


def _masked(value: Any, key: str) -> Any:
    if isinstance(value, str):
        return mask(value, key)
    if isinstance(value, dict):
        return {name: _masked(content, key) for name, content in value.items()}
    return [_masked(content, key) for content in value] if isinstance(value, (list, tuple)) else value


def _found(instance: Instance) -> dict[str, str]:
    source, clip = SOURCE.get(instance), CLIP.get(instance)
    texts = {"frames": clip.frame_range, "fps": clip.fps, "resolution": clip.resolution}
    return {"source": source.name, "kind": source.kind, **{name: str(value) for name, value in texts.items()}}


def _films(instance: Instance) -> list[Media]:
    film = FILM.find(instance)
    return [*([] if film is None else [film]), *(OUTPUTS.find(instance) or [])]


def _made(instance: Instance, film: Media) -> dict[str, object]:
    return {
        "source": SOURCE.get(instance).name,
        "component": film.component_name,
        "resolution": str(film.resolution),
        "fps": None if film.fps is None else str(film.fps),
        "frame_count": film.frame_count,
        "filled": ranges(film.filled),
        "encoder": film.encoder,
        "remark": film.remark,
    }


def request_as_text(request: PublishRequest) -> dict[str, object]:
    """Return what was asked for, each value in its text form."""
    return {name: _text(value) for name, value in attrs.asdict(request, recurse=False).items()}


def _text(value: object) -> object:
    if value is None or isinstance(value, (bool, dict)):
        return value
    if isinstance(value, Colour):
        return attrs.asdict(value)
    return list(value) if isinstance(value, tuple) else str(value)


def _error(error: Error) -> dict[str, str]:
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    log = error.log if isinstance(error, EncodeFailed) else ""
    return {"class": type(error).__name__, "message": str(error), "traceback": "".join(lines), "log": log}
