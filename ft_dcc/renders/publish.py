"""Publish complete renders, each once, however often a publish is attempted.

The publish state of a render is in a file beside its logs. It has the job's id before the job exists, so that a later
attempt, after a crash or on another machine, finds the job, and a job creates its version once.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from ft_dcc import errors, frames, media
from ft_dcc.publish.jobs import queue, states
from ft_dcc.publish.jobs.job import Job, file_lock, jobs_folder, new_id
from ft_dcc.publish.models import Published, PublishRequest
from ft_dcc.publish.plugins.collect_sources import colour_of_files
from ft_dcc.publish.preparation import prepare
from ft_dcc.publish.publisher import Publisher
from ft_dcc.renders.log import ALWAYS, append_line
from ft_dcc.renders.renders import Render, forget
from ft_dcc.settings.resolve import read_settings

# The states of a render.
PUBLISHED, DECLINED, DROPPED = "published", "declined", "dropped"
PUBLISHING, FAILED, ELSEWHERE = "publishing", "failed", "publishing elsewhere"
INCOMPLETE, PROXY, ASKS, READY = "incomplete", "proxy", "asks first", "ready"

MAX_AGE_SECONDS = 30 * 24 * 3600.0


@attrs.frozen
class RenderPublishState:
    """The publish state of a render: lines of JSON beside its logs, of which the last one applies."""

    path: Path

    def read(self) -> dict[str, Any]:
        """Return "job", "machine" and "jobs" of the newest attempt, whether it "made" the job, and the "end" state.

        Raises StorageError.
        """
        state: dict[str, Any] = {}
        try:
            text = self.path.read_text("utf-8")
        except FileNotFoundError:
            return state
        except (OSError, UnicodeDecodeError) as error:
            raise errors.StorageError(f"{self.path} cannot be read: {error}.") from error
        try:
            for line in text.split("\n")[:-1]:
                values = dict(json.loads(line))
                state = values if "job" in values else {**state, **values}
        except (ValueError, TypeError) as error:
            raise errors.StorageError(
                f"{self.path} is damaged, so it is unknown what was published. Remove the file to publish again."
            ) from error
        return state

    def start_attempt(self, jobs: Path | None) -> dict[str, Any]:
        """Write and return a new attempt, whose job has an id before it exists; raise StorageError."""
        state = {"job": new_id(), "machine": platform.node(), "jobs": str(jobs_folder(jobs))}
        self.update(**state)
        return state

    def update(self, **values: Any) -> None:
        """Write these values; raise StorageError."""
        append_line(self.path, values)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of the render; raise JobLocked if another process publishes it."""
        message = f"Another process publishes {self.path.stem}. Wait until it ends."
        with file_lock(self.path.with_suffix(".lock"), message, str(self.path.parent)):
            yield


def state_of(render: Render, jobs: Path | None = None) -> str:
    """Return the state of a render, one of this module's constants."""
    attempt = RenderPublishState(render.state_file).read()
    if attempt.get("end"):
        return str(attempt["end"])
    if "job" in attempt:
        return _attempt_state(attempt, jobs)
    if not render.is_complete:
        return INCOMPLETE
    if render.execution.is_proxy:
        return PROXY
    return READY if render.execution.options.when == ALWAYS else ASKS


def _attempt_state(attempt: dict[str, Any], jobs: Path | None) -> str:
    if (attempt["machine"], attempt["jobs"]) != (platform.node(), str(jobs_folder(jobs))):
        return ELSEWHERE
    job = Job(jobs_folder(jobs) / attempt["job"])
    if not job.folder.is_dir():
        return DROPPED if attempt.get("made") else PUBLISHING
    known = {states.DONE: PUBLISHED, states.FAILED: FAILED, states.UNREADABLE: FAILED}
    return known.get(queue.inspect_job(job).state, PUBLISHING)


def decline(render: Render) -> None:
    """Record that the artist declined the publish; it can still be started by hand. Raise StorageError."""
    RenderPublishState(render.state_file).update(end=DECLINED)


def publish_render(render: Render, publisher: Publisher, *, again: bool = False) -> Published | None:
    """Publish the render once; return None if it was published before and is not to be published ``again``.

    The existing frames of an incomplete render are published if they are one contiguous range: the caller has reported
    the missing ones. Raises JobLocked while another process or machine publishes it, and what ``Publisher.publish``
    raises.
    """
    state_file = RenderPublishState(render.state_file)
    with state_file.locked():
        attempt, state = state_file.read(), state_of(render, publisher.jobs)
        if state == ELSEWHERE and not again:
            raise errors.JobLocked(
                f"{attempt['machine']} publishes {render.id} as the job {attempt['job']}. Resume or drop it there."
            )
        if state == PUBLISHED and not again:
            return None
        # Before the attempt is recorded: a render that cannot be requested has no attempt.
        request = request_of(render)
        if again or state == DROPPED or "job" not in attempt:
            attempt = state_file.start_attempt(publisher.jobs)
        return _publish_as(attempt["job"], request, state_file, publisher)


def _publish_as(
    job_id: str, request: PublishRequest, state_file: RenderPublishState, publisher: Publisher
) -> Published:
    """Run the job with this id, which is created if it does not exist yet."""
    if not Job(jobs_folder(publisher.jobs) / job_id).journal.path.is_file():
        prepare(request, publisher.session.server_url, None, publisher.jobs, job_id)
        state_file.update(made=True)
    try:
        published = publisher.resume(job_id)
    except errors.Cancelled:
        # The artist has cancelled, and the job is removed.
        state_file.update(end=DROPPED)
        raise
    state_file.update(end=PUBLISHED, link=published.first.link)
    return published


def request_of(render: Render) -> PublishRequest:
    """Return the request for the render's frames with its node's options; raise UserFixableError for gaps."""
    options, execution = render.execution.options, render.execution
    resolution = None
    if execution.is_proxy:
        # A proxy has not the shot's resolution; its own one is requested on purpose.
        resolution = media.probe(render.path(render.frames[0])).resolution
    return PublishRequest(
        task=options.task or None,
        source=(render.source,),
        review=options.review or None,
        comment=options.comment,
        frame_range=range_of(render),
        fps=render.fps,
        resolution=resolution,
        asset=_asset_rule(render.view),
        colour=colour_of_files(render.source, execution.colour_space, execution.ocio, options.shown),
        rendered_from=_rendered_from(render),
    )


def _rendered_from(render: Render) -> dict[str, Any]:
    """Return the script of the render for the version's origin."""
    execution = render.execution
    found = {
        "source": execution.node,
        "program": execution.program,
        "has_unsaved_changes": execution.has_unsaved_changes,
    }
    return {**found, "file": execution.script, **render.script_revision} if execution.script else found


def range_of(render: Render) -> frames.FrameRange:
    """Return the wanted frames, or the existing ones of an incomplete render.

    Raises UserFixableError, which lists the missing frames, if the existing ones are not contiguous.
    """
    if render.is_complete and render.wanted is not None:
        return render.wanted
    if render.problem:
        raise errors.UserFixableError(f"The wanted frames of {render.execution.node} are unknown. {render.problem}")
    present = [frame for frame in render.frames if frame not in render.missing]
    step = present[1] - present[0] if len(present) > 2 else 1
    if present and present == list(range(present[0], present[-1] + 1, step)):
        return frames.FrameRange(present[0], present[-1], step=step)
    missing = frames.format_ranges(render.missing)
    raise errors.UserFixableError(
        f"Frames of {render.execution.node} are missing: {missing}. Render them to {render.source}."
    )


def _asset_rule(view: str) -> str | None:
    """Return the rule of a view's asset: views other than the main one have assets of their own."""
    if not view:
        return None
    rule = read_settings().get("asset_name") or "{task}"
    return f"{rule} {view.replace('{', '{{').replace('}', '}}')}"


def forget_old(renders: Iterable[Render], jobs: Path | None = None) -> None:
    """Delete the logs of renders that ended a month ago; the rendered files remain."""
    folders: dict[Path, list[Render]] = {}
    for render in renders:
        folders.setdefault(render.folder, []).append(render)
    for siblings in folders.values():
        if all(_is_old(each) and state_of(each, jobs) in (PUBLISHED, DECLINED, DROPPED) for each in siblings):
            forget(siblings[0])


def _is_old(render: Render) -> bool:
    return max(path.stat().st_mtime for path in render.folder.iterdir()) < time.time() - MAX_AGE_SECONDS


@attrs.frozen
class RenderResult:
    """The result of a render in a round: what it published, or the error that stopped it."""

    render: Render
    published: Published | None = None
    error: errors.Error | None = None


def publish_ready(publisher: Publisher, renders: Iterable[Render]) -> Iterator[RenderResult]:
    """Publish every render that is ready or whose publish has started, and yield the result of each.

    A render whose validation failed is not retried. A server that does not answer ends the round.
    """
    for render in renders:
        if state_of(render, publisher.jobs) not in (READY, PUBLISHING):
            continue
        try:
            yield RenderResult(render, publish_render(render, publisher))
        except errors.Cancelled:
            raise
        except errors.Error as error:
            yield RenderResult(render, error=error)
            if isinstance(error, errors.ServerUnreachable):
                return
