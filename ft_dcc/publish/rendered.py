"""Publishes of what programs have rendered: each render once, when all of it is there, however often it is tried.

What became of a render is in a file beside its records, begun before the job is: whoever tries again, after a crash or
on another machine, finds the job there, and a job makes its version once.
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

from ft_dcc import media
from ft_dcc.config import read_settings
from ft_dcc.errors import Cancelled, DiskUnusable, Error, JobLocked, ServerUnreachable, Unpublishable
from ft_dcc.frames import FrameRange, ranges
from ft_dcc.publish.collect_sources import colour_of_files
from ft_dcc.publish.job import Job, held, jobs_folder, new_id
from ft_dcc.publish.queue import DONE, REFUSED, UNREADABLE, look_at
from ft_dcc.publish.records import Published, PublishRequest
from ft_dcc.publish.run import Publisher, prepare
from ft_dcc.render_records import ALWAYS
from ft_dcc.renders import Render, forget

# What a render is, for whoever lists it.
PUBLISHED, DECLINED, DROPPED = "published", "declined", "dropped"
PUBLISHING, STOPPED, ELSEWHERE = "publishing", "refused", "publishing elsewhere"
INCOMPLETE, PROXY, ASKS, READY = "incomplete", "proxy", "asks first", "ready"

_MONTH = 30 * 24 * 3600.0


@attrs.frozen
class Mark:
    """What became of a render, written down line by line beside its records; the last word counts."""

    path: Path

    @classmethod
    def of(cls, render: Render) -> Mark:
        """Return the mark of a render, which need not be there yet."""
        return cls(render.mark)

    def read(self) -> dict[str, Any]:
        """Return what is known: "job", "machine" and "jobs" of the newest attempt, whether it "made" the job, "end"."""
        known: dict[str, Any] = {}
        try:
            text = self.path.read_text("utf-8")
        except FileNotFoundError:
            return known
        except (OSError, UnicodeDecodeError) as error:
            raise DiskUnusable(f"{self.path} cannot be read: {error}.") from error
        try:
            for line in text.split("\n")[:-1]:
                said = dict(json.loads(line))
                known = said if "job" in said else {**known, **said}
        except (ValueError, TypeError) as error:
            raise DiskUnusable(f"{self.path} is damaged, so nobody knows what was published. Remove it.") from error
        return known

    def begin(self, jobs: Path | None) -> dict[str, Any]:
        """An attempt begins here, and its job has an id before it exists; raises DiskUnusable."""
        known = {"job": new_id(), "machine": platform.node(), "jobs": str(jobs_folder(jobs))}
        self.note(**known)
        return known

    def note(self, **said: Any) -> None:
        """It is on the disk; raises DiskUnusable."""
        try:
            with self.path.open("a", encoding="utf-8", newline="\n") as file:
                file.write(json.dumps(said) + "\n")
        except OSError as error:
            raise DiskUnusable(f"{self.path} cannot be written: {error.strerror}. Set FT_DCC_RENDERS.") from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else publishes the render, in whichever process; raises JobLocked."""
        with held(self.path.with_suffix(".lock"), f"publishes {self.path.stem}", str(self.path.parent)):
            yield


def state_of(render: Render, jobs: Path | None = None) -> str:
    """Return what a render is, one of this module's words."""
    known = Mark.of(render).read()
    if known.get("end"):
        return str(known["end"])
    if "job" in known:
        return _state_of_job(known, jobs)
    if not render.is_complete:
        return INCOMPLETE
    if render.execution.is_proxy:
        return PROXY
    return READY if render.execution.wish.when == ALWAYS else ASKS


def _state_of_job(known: dict[str, Any], jobs: Path | None) -> str:
    if not _is_here(known, jobs):
        return ELSEWHERE
    job = Job(jobs_folder(jobs) / known["job"])
    if not job.folder.is_dir():
        return DROPPED if known.get("made") else PUBLISHING
    return {DONE: PUBLISHED, REFUSED: STOPPED, UNREADABLE: STOPPED}.get(look_at(job).state, PUBLISHING)


def _is_here(known: dict[str, Any], jobs: Path | None) -> bool:
    return (known["machine"], known["jobs"]) == (platform.node(), str(jobs_folder(jobs)))


def decline(render: Render) -> None:
    """The artist does not want it published; by hand it still can be. Raises DiskUnusable."""
    Mark.of(render).note(end=DECLINED)


def publish_render(render: Render, publisher: Publisher, *, again: bool = False) -> Published | None:
    """The render is a version, and was made one once; None where it was one before, and nobody wants it ``again``.

    What is not complete is published as far as it goes, if that is one piece: whoever calls has seen what is missing.
    Raises JobLocked while another process or another machine is at it, and whatever ``Publisher.publish`` raises.
    """
    mark = Mark.of(render)
    with mark.locked():
        known, state = mark.read(), state_of(render, publisher.jobs)
        if state == ELSEWHERE and not again:
            raise JobLocked(f"{known['machine']} publishes {render.id}, as the job {known['job']}. See to it there.")
        if state == PUBLISHED and not again:
            return None
        # Before anything is noted: what is refused here is no attempt.
        request = request_of(render)
        if again or state == DROPPED or "job" not in known:
            known = mark.begin(publisher.jobs)
        return _publish_as(known["job"], request, mark, publisher)


def _publish_as(job_id: str, request: PublishRequest, mark: Mark, publisher: Publisher) -> Published:
    """The job of this id, made if it is not there yet, is through."""
    if not Job(jobs_folder(publisher.jobs) / job_id).journal.path.is_file():
        prepare(request, publisher.session.server_url, None, publisher.jobs, job_id)
        mark.note(made=True)
    try:
        published = publisher.resume(job_id)
    except Cancelled:
        # Its job is gone, on the artist's wish.
        mark.note(end=DROPPED)
        raise
    mark.note(end=PUBLISHED, link=published.first.link)
    return published


def request_of(render: Render) -> PublishRequest:
    """Return what is asked for by a render: its frames, and the wish of its node; raises Unpublishable for gaps."""
    wish, execution = render.execution.wish, render.execution
    picture = None
    if execution.is_proxy:
        # A proxy is smaller than its shot wants, which whoever asks for it knows.
        picture = media.probe(render.path(render.frames[0])).resolution
    return PublishRequest(
        task=wish.task or None,
        source=(render.source,),
        review=wish.review or None,
        comment=wish.comment,
        frame_range=range_of(render),
        fps=render.fps,
        resolution=picture,
        asset=_asset_rule(render.view),
        colour=colour_of_files(render.source, execution.colour_space, execution.ocio, wish.shown),
    )


def range_of(render: Render) -> FrameRange:
    """Return the frames that a version would have: the wanted ones, or those there are, in one piece.

    Raises Unpublishable, naming what is missing, where they are in several.
    """
    if render.is_complete and render.wanted is not None:
        return render.wanted
    if render.problem:
        raise Unpublishable(f"The frames of {render.execution.node} cannot be told. {render.problem}")
    there = [frame for frame in render.frames if frame not in render.missing]
    step = there[1] - there[0] if len(there) > 2 else 1
    if there and there == list(range(there[0], there[-1] + 1, step)):
        return FrameRange(there[0], there[-1], step=step)
    raise Unpublishable(
        f"Frames of {render.execution.node} are missing: {ranges(render.missing)}. Render them to {render.source}."
    )


def _asset_rule(view: str) -> str | None:
    """A view beside the main one is an asset of its own: it has versions of its own."""
    if not view:
        return None
    rule = read_settings().get("asset_name") or "{task}"
    return f"{rule} {view.replace('{', '{{').replace('}', '}}')}"


def forget_old(renders: Iterable[Render], jobs: Path | None = None) -> None:
    """What came to its end a month ago is forgotten, so that the folder does not grow for ever; the files stay."""
    folders: dict[Path, list[Render]] = {}
    for render in renders:
        folders.setdefault(render.folder, []).append(render)
    for together in folders.values():
        if all(_is_old(each) and state_of(each, jobs) in (PUBLISHED, DECLINED, DROPPED) for each in together):
            forget(together[0])


def _is_old(render: Render) -> bool:
    return max(path.stat().st_mtime for path in render.folder.iterdir()) < time.time() - _MONTH


@attrs.frozen
class Tended:
    """What became of a render in a round: what it published, or the error that stopped it."""

    render: Render
    published: Published | None = None
    error: Error | None = None


def tend(publisher: Publisher, renders: Iterable[Render]) -> Iterator[Tended]:
    """Every render that is ready, or was begun to be published, is a version; yields what became of each.

    One that a check refused is not tried again. A server that does not answer ends the round.
    """
    for render in renders:
        if state_of(render, publisher.jobs) not in (READY, PUBLISHING):
            continue
        try:
            yield Tended(render, publish_render(render, publisher))
        except Cancelled:
            raise
        except Error as error:
            yield Tended(render, error=error)
            if isinstance(error, ServerUnreachable):
                return
