"""Check files and capture cameras before validation, while the server is unreachable."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ft_dcc import media
from ft_dcc.errors import Error
from ft_dcc.frames import find_frames
from ft_dcc.publish import models, progress, slots
from ft_dcc.publish.jobs.job import Job
from ft_dcc.publish.pipeline.pyblish_adapter import Context
from ft_dcc.publish.plugins import collect, collect_sources, extract, validate, validate_media

if TYPE_CHECKING:
    from ft_dcc.host import Host


def capture_offline(job: Job, host: Host | None, reporter: progress.ProgressReporter) -> str:
    """Capture the cameras of a job that could not be validated, so that it can resume without its scene.

    Returns a sentence for the artist, or "" for a job that was validated or captured before, and for a job of files.
    The checks that need no server run first. If one of them or the capture fails, the job is removed and the error is
    raised.
    """
    if any("validation" in event or "captured" in event for event in job.journal.events()):
        return ""
    context = Context()
    slots.REQUEST.set(context, job.request())
    slots.JOB.set(context, job)
    slots.PROGRESS.set(context, reporter)
    try:
        with job.locked():
            if host is None:
                _check_files(context)
                return ""
            slots.HOST.set(context, host)
            _validate_offline(context)
            job.journal.append({"captured": _capture(context, host)})
    except Error:
        job.remove()
        raise
    return f" The frames are captured: 'ft-dcc queue run' publishes the job {job.id} when the server is back."


def _validate_offline(context: Context) -> None:
    collect.CollectScene().process(context)
    collect_sources.CollectSources().process(context)
    for instance in context:
        if slots.SOURCE.get(instance).kind == "camera":
            collect_sources.CollectCamera().process(instance)
            validate.ValidateCamera().process(instance)
            validate_media.ValidateSound().process(instance)
            validate.ValidateSceneFile().process(instance)
    validate.ValidateDisk().process(context)


def _check_files(context: Context) -> None:
    collect_sources.CollectSources().process(context)
    for instance in context:
        source = slots.SOURCE.get(instance)
        if source.kind == "frames":
            find_frames(source.text)
        elif source.kind == "image":
            collect_sources.CollectImage().process(instance)
        else:
            media.probe(Path(source.text), is_cancelled=slots.PROGRESS.get(context).cancel.is_set)


def _capture(context: Context, host: Host) -> models.OfflineCapture:
    cameras = []
    for instance in context:
        source = slots.SOURCE.get(instance)
        if source.kind == "camera":
            extract.capture_camera(instance, host, live_encode=False)
            cameras.append(
                models.CapturedCamera(
                    source.text,
                    slots.FRAMES.get(instance),
                    slots.LENS.find(instance) or {},
                    slots.ORIGIN.get(instance),
                )
            )
    return models.OfflineCapture(
        slots.SCENE.get(context), tuple(slots.SOURCE.get(instance) for instance in context), tuple(cameras)
    )
