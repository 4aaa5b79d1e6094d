"""Publish complete renders, each once, however often a publish is attempted.

The publish state of a render is in a file beside its logs. It has the job's id before the job exists, so that a later
attempt, after a crash or on another machine, finds the job, and a job creates its version once.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Iterable, Iterator, Sequence
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
from ft_dcc.renders.renders import Render, forget, read_renders

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
        """Return "job", "machine", "jobs", "made" and "end" of the newest attempt; raise StorageError."""
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
        if (attempt["machine"], attempt["jobs"]) != (platform.node(), str(jobs_folder(jobs))):
            return ELSEWHERE
        job = Job(jobs_folder(jobs) / attempt["job"])
        if not job.folder.is_dir():
            return DROPPED if attempt.get("made") else PUBLISHING
        known = {states.DONE: PUBLISHED, states.FAILED: FAILED, states.UNREADABLE: FAILED}
        return known.get(queue.inspect_job(job).state, PUBLISHING)
    if not render.is_complete:
        return INCOMPLETE
    if render.execution.is_proxy:
        return PROXY
    return READY if render.execution.options.when == ALWAYS else ASKS


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
            # The job has an id before it exists.
            attempt = {"job": new_id(), "machine": platform.node(), "jobs": str(jobs_folder(publisher.jobs))}
            state_file.update(**attempt)
        job_id = attempt["job"]
        if not Job(jobs_folder(publisher.jobs) / job_id).journal.path.is_file():
            try:
                prepare(request, publisher.session.server_url, None, publisher.jobs, job_id, publisher.session)
            except errors.SettingInvalid:
                # There is no job that could say so.
                state_file.update(end=FAILED)
                raise
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
    # A proxy has not the shot's resolution; its own one is requested on purpose.
    resolution = media.probe(render.path(render.frames[0])).resolution if execution.is_proxy else None
    # The script of the render, for the version's origin.
    origin: dict[str, Any] = {"source": execution.node, "program": execution.program}
    origin["has_unsaved_changes"] = execution.has_unsaved_changes
    if execution.script:
        origin.update(file=execution.script, **render.script_revision)
    return PublishRequest(
        task=options.task or None,
        source=(render.source,),
        review=options.review or None,
        comment=options.comment,
        frame_range=range_of(render),
        fps=render.fps,
        resolution=resolution,
        # Views other than the main one have assets of their own.
        asset_suffix=" ".join(filter(None, (execution.asset_suffix, render.view))),
        source_name=" ".join(filter(None, (execution.node, render.view))),
        colour=colour_of_files(render.source, execution.colour_space, execution.ocio, options.shown),
        rendered_from=origin,
        file_shift=execution.file_shift,
    )


def range_of(render: Render) -> frames.FrameRange:
    """Return the wanted or existing frames; raise UserFixableError with the missing ones if there are gaps."""
    if render.is_complete and render.wanted is not None:
        return render.wanted
    if render.problem:
        raise errors.UserFixableError(f"The wanted frames of {render.execution.node} are unknown. {render.problem}")
    present = [frame for frame in render.wanted or () if frame in render.on_disk]
    step = present[1] - present[0] if len(present) > 2 else 1
    if present and present == list(range(present[0], present[-1] + 1, step)):
        return frames.FrameRange(present[0], present[-1], step=step)
    missing = frames.format_ranges(render.missing)
    raise errors.UserFixableError(
        f"Frames of {render.execution.node} are missing: {missing}. Render them to {render.source}."
    )


@attrs.frozen
class CurrentRender:
    """The newest render of a sequence or movie, its state, and the frames on disk that no version has."""

    render: Render
    state: str
    new: tuple[int, ...]

    @property
    def text(self) -> str:
        """What is new, missing, or left out."""
        new = f"new: {frames.format_ranges(self.new)}" if self.new else ""
        return "; ".join(filter(None, (new, self.render.shortfall, self.render.remark)))

    @property
    def is_undecided(self) -> bool:
        """Whether it is neither published nor declined, and does not run."""
        return self.state in (READY, ASKS, PROXY) or (self.state == INCOMPLETE and self.render.is_ended)

    @property
    def question(self) -> str:
        """Ask whether to publish it."""
        texts = filter(None, (str(self.render.wanted or ""), self.text))
        return f"{self.render.execution.node} is rendered ({'; '.join(texts)}). Publish it for review?"


def current_renders(renders: Iterable[Render], jobs: Path | None = None) -> list[CurrentRender]:
    """Return the newest render of each sequence or movie, which has the files of earlier ones, oldest first."""
    found: dict[tuple[str, bool], CurrentRender] = {}
    published_at: dict[tuple[str, bool], float] = {}
    for render in renders:
        key, state = (render.source, render.execution.is_proxy), state_of(render, jobs)
        before = found.pop(key, None)
        new = {frame for frame, when in render.times.items() if when > published_at.get(key, 0.0)}
        new.update(() if before is None or render.is_movie else before.new)
        if state == PUBLISHED:
            new, published_at[key] = set(), render.execution.time
        found[key] = CurrentRender(render, state, tuple(sorted(new & render.on_disk & set(render.wanted or new))))
    return list(found.values())


def renders_of_window(window: str, since: float) -> list[CurrentRender]:
    """Return the current renders of the window with this id, which have begun since a time in seconds of the epoch."""
    # The clock of a file system may be a little behind.
    found = current_renders(read_renders(since=since - 60)) if window else []
    return [each for each in found if each.render.execution.window == window]


def forget_old(renders: Sequence[Render], jobs: Path | None = None) -> None:
    """Delete the logs of renders that ended a month ago or have a newer one; the rendered files remain."""
    folders: dict[Path, list[Render]] = {}
    for render in renders:
        folders.setdefault(render.folder, []).append(render)
    oldest = time.time() - MAX_AGE_SECONDS
    open_ones = {
        each.render.id for each in current_renders(renders, jobs) if each.state not in (PUBLISHED, DECLINED, DROPPED)
    }
    for folder, siblings in folders.items():
        is_old = max(path.stat().st_mtime for path in folder.iterdir()) < oldest
        if is_old and not any(each.id in open_ones for each in siblings):
            forget(siblings[0])


@attrs.frozen
class RenderResult:
    """The result of a render in a round: what it published, or the error that stopped it."""

    render: Render
    published: Published | None = None
    error: errors.Error | None = None


def publish_ready(publisher: Publisher, renders: Iterable[Render]) -> Iterator[RenderResult]:
    """Publish each current render that is ready or begun, until the server does not answer; yield the results."""
    for render in (each.render for each in current_renders(renders, publisher.jobs)):
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
