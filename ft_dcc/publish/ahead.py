"""Cameras that are captured ahead of the judging: their server is away, and their scene is open now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ft_dcc.errors import Error
from ft_dcc.publish.collect import CollectScene
from ft_dcc.publish.collect_sources import CollectCamera, CollectSources
from ft_dcc.publish.engine import Context
from ft_dcc.publish.extract import capture_camera
from ft_dcc.publish.job import Job
from ft_dcc.publish.progress import Pulse
from ft_dcc.publish.records import Captured, CapturedCamera
from ft_dcc.publish.slots import FRAMES, HOST, JOB, LENS, PULSE, REQUEST, SCENE, SOURCE
from ft_dcc.publish.validate import ValidateCamera, ValidateDisk, ValidateSound

if TYPE_CHECKING:
    from ft_dcc.host import Host


def capture_ahead(job: Job, host: Host, pulse: Pulse) -> str:
    """The cameras of a job that nobody could judge are captured, so that it goes on without its scene, anywhere.

    Returns a sentence that says so, "" for a job that was judged or captured before. What can be judged without the
    server is judged first; where that or the capture fails, the job is gone, and what stopped it is raised.
    """
    if any("gate" in event or "captured" in event for event in job.journal.events()):
        return ""
    context = Context()
    REQUEST.set(context, job.request())
    JOB.set(context, job)
    PULSE.set(context, pulse)
    HOST.set(context, host)
    try:
        with job.locked():
            _judge(context)
            job.journal.append({"captured": _capture(context, host)})
    except Error:
        job.remove()
        raise
    return f" The pictures are captured: 'ft-dcc queue run' publishes the job {job.id} when it answers."


def _judge(context: Context) -> None:
    CollectScene().process(context)
    CollectSources().process(context)
    for instance in context:
        if SOURCE.get(instance).kind == "camera":
            CollectCamera().process(instance)
            ValidateCamera().process(instance)
            ValidateSound().process(instance)
    ValidateDisk().process(context)


def _capture(context: Context, host: Host) -> Captured:
    cameras = []
    for instance in context:
        source = SOURCE.get(instance)
        if source.kind == "camera":
            capture_camera(instance, host, is_encoding=False)
            cameras.append(CapturedCamera(source.text, FRAMES.get(instance), LENS.find(instance) or {}))
    return Captured(SCENE.get(context), tuple(SOURCE.get(instance) for instance in context), tuple(cameras))
