"""The queue: the jobs of this machine's user, what each waits for, and the work through them in order."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from ft_dcc import errors
from ft_dcc.publish.job import Job, jobs_folder
from ft_dcc.publish.records import Published, PublishRequest
from ft_dcc.publish.run import Publisher
from ft_dcc.publish.slots import NUMBER, REGISTERED, SCENE, SOURCE

if TYPE_CHECKING:
    from ft_dcc.host import Host, Scene

DONE = "done"
WORKING = "working"
REFUSED = "refused"
JUDGED = "judged"
NEEDS_SCENE = "needs its scene"
WAITING = "waiting"
GIVEN_UP = "given up"
UNREADABLE = "unreadable"

# What a job is not to blame for: it is tried again when there is hope.
_TRY_AGAIN = (errors.ServerUnreachable, errors.TransferFailed, errors.JobLocked)


@attrs.frozen
class Entry:
    """A job as the queue shows it; ``state`` is one of this module's, ``versions`` are the ids of those that exist.

    ``host`` is the program that the job was made in, and None for files; ``scene`` is the file that was open there,
    None where it had no name or nothing was judged yet.
    """

    job: Job
    state: str
    server: str = ""
    host: str | None = None
    scene: Path | None = None
    request: PublishRequest | None = None
    versions: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def help(self) -> str:
        """Who must do what before it can go on; "" where nobody must."""
        if self.state != NEEDS_SCENE:
            return ""
        if self.scene is None:
            return f"Publish again from {self.host}, and give this one up: ft-dcc queue drop {self.job.id}"
        return f"Open {self.scene} in {self.host} and go on there, or: ft-dcc queue resume {self.job.id}"

    def can_go_on(self, host: Host | None) -> bool:
        """Whether nothing is lacking, or just the scene that is open in this host."""
        if self.state == NEEDS_SCENE and host is not None and self.scene is not None and host.name == self.host:
            return host.run_in_main_thread(host.scene).path == self.scene
        return self.state == WAITING

    @property
    def is_done(self) -> bool:
        """Whether its versions are complete."""
        return self.state == DONE

    @property
    def is_working(self) -> bool:
        """Whether somebody is at it."""
        return self.state == WORKING

    @property
    def needs_scene(self) -> bool:
        """Whether only the program that it was made in can go on with it."""
        return self.state == NEEDS_SCENE


def entries(jobs: Path | None = None) -> list[Entry]:
    """Return every job of the folder, the oldest first."""
    folder = jobs_folder(jobs)
    if not folder.is_dir():
        return []
    found = (Job(path) for path in sorted(folder.iterdir()))
    return [look_at(job) for job in found if job.journal.path.is_file()]


def last_request(host: str, task_id: str | None, jobs: Path | None = None) -> PublishRequest | None:
    """Return what was last asked for in this program for the task, without what was said about that version."""
    for entry in reversed(entries(jobs)):
        if task_id and entry.host == host and entry.request is not None and entry.request.task == task_id:
            return attrs.evolve(entry.request, comment="", note="", label=None)
    return None


def look_at(job: Job) -> Entry:
    """Return what is known of a job; one whose journal cannot be read is an entry, too."""
    try:
        request, events = job.request(), job.journal.events()
    except errors.JobNotFound as error:
        return Entry(job, UNREADABLE, problems=(str(error),))
    gate: Mapping[str, Any] = next((event for event in reversed(events) if "gate" in event), {})
    state = _state(job, events, gate)
    # What was overcome in the end is no problem any more.
    steps = [event["step"] for event in events if "step" in event and state != DONE]
    failed = [step["error"] for step in steps if step["error"]]
    return Entry(
        job=job,
        state=state,
        server=events[0]["server"],
        host=events[0].get("host"),
        scene=_scene_path(events, gate),
        request=request,
        versions=tuple(_versions(events)),
        problems=(*(problem["message"] for problem in gate.get("problems", ())), *failed[-1:]),
    )


def _scene_path(events: list[dict[str, Any]], gate: Mapping[str, Any]) -> Path | None:
    ahead = [event["captured"].scene for event in events if "captured" in event]
    scenes: list[Scene] = [*ahead, *(value for key, value in gate.get("context", {}).items() if key == SCENE.key)]
    return scenes[0].path if scenes else None


def _state(job: Job, events: list[dict[str, Any]], gate: Mapping[str, Any]) -> str:
    if "end" in events[-1]:
        return DONE
    if job.is_locked():
        return WORKING
    wishes = [event["wish"] for event in events if "wish" in event]
    if wishes[-1:] == ["drop"]:
        return GIVEN_UP
    if gate.get("gate") == "shut":
        return REFUSED
    is_captured = events[0].get("host") is None or any("captured" in event for event in events)
    if gate:
        return NEEDS_SCENE if not is_captured and _uncaptured(events, gate) else WAITING
    if wishes[-1:] == ["judge"]:
        # Somebody looks at its problems, or has gone away without a word: nobody asked for a publish.
        return JUDGED
    return WAITING if is_captured else NEEDS_SCENE


def _uncaptured(events: list[dict[str, Any]], gate: Mapping[str, Any]) -> bool:
    """Whether a camera has not been filmed yet, which only its host can do."""
    cameras = {
        made["data"][NUMBER.key]
        for made in gate["instances"]
        if SOURCE.key in made["data"] and made["data"][SOURCE.key].kind == "camera"
    }
    captured = {
        event["number"]
        for event in events
        if "step" in event and event["step"]["name"] == "CaptureFrames" and event["step"]["error"] is None
    }
    return not cameras <= captured


def _versions(events: list[dict[str, Any]]) -> Iterator[str]:
    for event in events:
        for values in event.get("sets", {}).values():
            if REGISTERED.key in values:
                yield values[REGISTERED.key].version_id


@attrs.frozen
class Outcome:
    """What became of a job in a round: what it published, or the error that stopped it."""

    entry: Entry
    published: Published | None = None
    error: errors.Error | None = None

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        return self.published is not None and not self.published.problems

    @property
    def is_tried_again(self) -> bool:
        """Whether the next round may do better without anybody's help."""
        unfinished = () if self.published is None else self.published.unfinished
        return any(isinstance(error, _TRY_AGAIN) for error in (self.error, *unfinished))


def work_through(publisher: Publisher, without: Collection[str] = ()) -> Iterator[Outcome]:
    """Every job that waits for this server has been gone on with, the oldest first; yields what became of each.

    Where the publisher has a host, so have those that need the scene that is open in it. Those whose id is in
    ``without`` are left alone. A server that does not answer ends the round, so that the order is kept. What a crash
    left lying of jobs that are done is cleared away, and what one that was cancelled had uploaded is taken back.
    """
    for entry in entries(publisher.jobs):
        if entry.state == DONE:
            entry.job.give_room_back()
        is_ours = entry.server == publisher.session.server_url
        if not is_ours or entry.job.id in without:
            continue
        try:
            if entry.state == GIVEN_UP:
                publisher.drop(entry.job.id)
            if not entry.can_go_on(publisher.host):
                continue
            yield Outcome(entry, publisher.resume(entry.job.id))
        except errors.Cancelled:
            raise
        except errors.Error as error:
            yield Outcome(entry, error=error)
            if isinstance(error, errors.ServerUnreachable):
                return
