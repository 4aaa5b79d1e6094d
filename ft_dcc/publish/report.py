"""The report of a publish, as JSON in the job folder."""

from __future__ import annotations

import json
import os
import platform
import re
import traceback
from importlib import metadata
from typing import Any

import attrs

from ft_dcc import errors, frames
from ft_dcc.files.atomic import write_atomically, write_remedy
from ft_dcc.media import ColourOptions, EncodedFile
from ft_dcc.publish import models, slots
from ft_dcc.publish.jobs.job import Job
from ft_dcc.publish.pipeline.pyblish_adapter import Context, Instance

# The version of the report's format; raised when an older reader would misunderstand it.
SCHEMA = 1

# A credential in a URL or in a text.
_CREDENTIAL = re.compile(
    r"\b((?:x-amz-)?(?:signature|credential|security-token)|token|secret|password|(?:ftrack[-_])?api[-_]?key)"
    r"([\"']?\s*[=:]\s*[\"']?)[^\s&\"',;]+",
    re.IGNORECASE,
)


def write_report(job: Job, context: Context, published: models.Published, error: errors.Error | None) -> None:
    """Write the report of this run to the job folder, or keep the previous one; raise StorageError."""
    text = json.dumps(make_report(context, published, error), indent=2)
    try:
        write_atomically(job.report, text.encode())
    except OSError as failure:
        raise errors.StorageError(
            f"The report {job.report} cannot be written: {failure.strerror}. "
            + write_remedy(failure, "Choose a writable folder with FT_DCC_JOBS.")
            + " Then resume the job."
        ) from failure


def make_report(context: Context, published: models.Published, error: errors.Error | None) -> dict[str, Any]:
    """Return the report as plain data with the fields of ``docs/td/report.md``; credentials are masked."""
    session, host = slots.SESSION.get(context), slots.HOST.find(context)
    # ValidationIssue is not an attrs class, so that importing the errors does not import attrs.
    report = attrs.asdict(attrs.evolve(published, problems=(), unfinished=()))
    del report["unfinished"]
    report["problems"] = [problem.as_dict() for problem in published.problems]
    report["schema"] = SCHEMA
    report["job"] = os.fspath(published.job)
    report["server"] = session.server_url
    report["host"] = None if host is None else f"{host.name} {host.version}"
    report["request"] = request_as_text(slots.REQUEST.get(context))
    report["found"] = [_found(instance) for instance in context if slots.CLIP.find(instance) is not None]
    report["made"] = [_made(instance, file) for instance in context for file in encoded_files(instance)]
    report["seconds"] = round(sum(step.seconds for step in published.steps), 4)
    report["error"] = None if error is None else _error(error)
    report["made_with"] = {
        "ft-dcc": metadata.version("ft-dcc"),
        "pyblish-base": metadata.version("pyblish-base"),
        "python": platform.python_version(),
        "system": platform.platform(),
        "ffmpeg": slots.ENCODER.find(context),
        "server": session.server_information.get("version"),
    }
    masked: dict[str, Any] = _masked(report, session.api_key)
    return masked


def planned_versions(context: Context) -> list[dict[str, str]]:
    """Return what a validated publish would create: one row for each source, with the values that were found."""
    task, reviews = slots.TASK.find(context), slots.REVIEWS.find(context) or []
    request = slots.REQUEST.get(context)
    return [
        {
            "source": slots.SOURCE.get(instance).name,
            "task": "" if task is None else task.path,
            "asset": "" if (asset := slots.ASSET.find(instance)) is None else asset.name,
            **dict.fromkeys(("frames", "fps", "resolution"), ""),
            **{name: text for name, text in _clip_texts(instance).items() if text},
            "review": ", ".join(review.name for review in reviews),
            "outputs": ", ".join(request.outputs or ()),
        }
        for instance in context
        if slots.SOURCE.find(instance) is not None
    ]


def _clip_texts(instance: Instance) -> dict[str, str]:
    clip = slots.CLIP.find(instance)
    if clip is None:
        return {}
    return {"frames": str(clip.frame_range), "fps": f"{float(clip.fps):.6g}", "resolution": str(clip.resolution)}


def mask(text: str, key: str = "") -> str:
    """Return the text without the key and without the values that are named like a credential."""
    text = text.replace(key, "***") if key else text
    # The test is faster than the pattern: a report of many sources has many texts, and most have neither character.
    return _CREDENTIAL.sub(r"\1\2***", text) if "=" in text or ":" in text else text


def _masked(value: Any, key: str) -> Any:
    if isinstance(value, str):
        return mask(value, key)
    if isinstance(value, dict):
        return {name: _masked(content, key) for name, content in value.items()}
    return [_masked(content, key) for content in value] if isinstance(value, (list, tuple)) else value


def _found(instance: Instance) -> dict[str, Any]:
    source, clip = slots.SOURCE.get(instance), slots.CLIP.get(instance)
    texts = {"frames": clip.frame_range, "fps": clip.fps, "resolution": clip.resolution}
    origin = {"origin": slots.ORIGIN.find(instance)} if source.kind == "camera" else {}
    return {"source": source.name, "kind": source.kind, **{name: str(value) for name, value in texts.items()}, **origin}


def encoded_files(instance: Instance) -> list[EncodedFile]:
    """Return the review movie or still of a source, and its other outputs."""
    movie = slots.MOVIE.find(instance)
    return [*([] if movie is None else [movie]), *(slots.OUTPUTS.find(instance) or [])]


def _made(instance: Instance, file: EncodedFile) -> dict[str, object]:
    return {
        "source": slots.SOURCE.get(instance).name,
        "component": file.component_name,
        "resolution": str(file.resolution),
        "fps": None if file.fps is None else str(file.fps),
        "frame_count": file.frame_count,
        "filled": frames.format_ranges(file.filled),
        "encoder": file.encoder,
        "remark": file.remark,
    }


def request_as_text(request: models.PublishRequest) -> dict[str, object]:
    """Return the request with each value in its text form; the keys are part of the report's format."""
    values = {name: _text(value) for name, value in attrs.asdict(request, recurse=False).items()}
    return {"is_filling" if name == "fill_missing" else name: value for name, value in values.items()}


def _text(value: object) -> object:
    if value is None or isinstance(value, (bool, dict)):
        return value
    if isinstance(value, ColourOptions):
        return attrs.asdict(value)
    return list(value) if isinstance(value, tuple) else str(value)


def _error(error: errors.Error) -> dict[str, str]:
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    log = error.log if isinstance(error, errors.EncodeFailed) else ""
    return {"class": type(error).__name__, "message": str(error), "traceback": "".join(lines), "log": log}
