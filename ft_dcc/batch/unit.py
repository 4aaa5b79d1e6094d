"""The unit of work of every engine: publish one item. A repeated call gives the same answer and makes nothing new."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import IO, Any

import attrs

from ft_dcc import errors
from ft_dcc.accounts.credentials import Account
from ft_dcc.accounts.local_server import get_account
from ft_dcc.batch import plan, scene_runner
from ft_dcc.host import Host, SupportsSeveralScenes
from ft_dcc.publish import models, progress, publisher, scene_order
from ft_dcc.publish.jobs import queue, states
from ft_dcc.publish.jobs.job import Job, StudioIdentity, jobs_folder
from ft_dcc.session import Session
from ft_dcc.settings.resolve import read_settings
from ft_dcc.system.signals import exit_when_terminated


def publish_item(
    item: plan.PlannedItem, results: Path, session: Session, *, on_progress: progress.OnProgress | None = None
) -> plan.ItemResult:
    """Publish an item unless its version exists, store its result in the folder ``results``, and return it.

    An interrupted job is resumed. Errors of the item are part of the result. Movies have the same bytes in every engine
    and on every machine, so the software encoder has one thread unless a setting says otherwise; this process keeps
    that. Raises StorageError if the result cannot be written.
    """
    if read_settings().get("encoder_threads") is None:
        os.environ["FT_DCC_ENCODER_THREADS"] = "1"
    earlier = plan.read_result(results, item)
    if earlier is not None and earlier.state == plan.DONE:
        return earlier
    try:
        if not StudioIdentity(item.server, item.studio_id).is_same(StudioIdentity.of(session)):
            raise errors.SettingInvalid(
                f"The item was planned for {item.server}, and FTRACK_SERVER is {session.server_url}. Plan it again."
            )
        published = _publish(item, session, on_progress)
        # A version with a problem, such as a report that could not be written, exists nevertheless.
        state = plan.FAILED if published.unfinished else plan.DONE
        problems, values = [problem.message for problem in published.problems], {}
        if published.versions:
            first = published.first
            values = {"version": first.version, "version_id": first.version_id, "link": first.link}
        else:
            state = plan.PROBLEM if published.user_can_fix else plan.FAILED
        result = plan.ItemResult.of(item, state, problems, **values)
    except errors.Error as error:
        state = plan.PROBLEM if isinstance(error, errors.UserFixableError) else plan.FAILED
        if isinstance(error, (errors.ServerUnreachable, errors.TransferFailed, errors.JobLocked)):
            state = plan.WAITING
        lines = [" ".join(str(error).split())]
        if isinstance(error, errors.ValidationFailed):
            lines = [problem.message for problem in error.problems]
        result = plan.ItemResult.of(item, state, lines)
    plan.write_result(results, result)
    return result


def _publish(item: plan.PlannedItem, session: Session, on_progress: progress.OnProgress | None) -> models.Published:
    jobs = jobs_folder()
    job = Job(jobs / item.job)
    is_of_program = item.scene is not None and scene_runner.program_of(item.scene) is not None
    # What is left after the capture needs no program.
    if is_of_program and (
        not job.journal.path.is_file() or queue.must_restart(job) or queue.inspect_job(job).state == states.NEEDS_SCENE
    ):
        order = scene_order.SceneOrder(Path(item.source), item.request, jobs, item.job, look=item.look)
        account = Account(session.server_url, session.api_user, session.api_key)
        published = scene_runner.publish_scene(order, account, on_progress).published
        if published is None:
            raise errors.CaptureFailed(
                f"{item.scene} was captured, and its answer has no version. Publish the item again."
            )
        return published
    host: Host | None = None
    if item.scene is not None and not is_of_program:
        try:
            from ft_dcc_blender.host import BlenderHost
        except ImportError as error:
            raise errors.MissingExtra("blender", "A playblast of a .blend file") from error
        host = BlenderHost.open(item.scene)
    return queue.publish_once(publisher.Publisher(session, host, on_progress, jobs), _request(item, host), item.job)


def _request(item: plan.PlannedItem, host: Host | None) -> models.PublishRequest:
    """Return the request with the look and the scene of the item; raise UserFixableError."""
    request = item.request
    if host is None:
        return request
    if item.look:
        request = attrs.evolve(request, look=item.look)
    if item.scene_name and isinstance(host, SupportsSeveralScenes):
        names = host.sources_of((item.scene_name,), next(iter(request.source), None))
        request = attrs.evolve(request, source=names)
    return request


def main() -> None:
    """Publish the items of a plan, the argument, whose indices are read from stdin: a worker of the local engine.

    It writes one line of JSON for each event, and ends at the end of stdin, so that it does not outlive its parent.
    """
    # Blender's compiled code writes to the process's stdout.
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    exit_when_terminated()
    opened, account = plan.Plan.open(Path(sys.argv[1])), get_account()
    with Session(server_url=account.server, api_user=account.user, api_key=account.key) as session:
        for line in sys.stdin:
            item = opened.items[int(line)]

            def report(state: progress.Progress, index: int = item.index) -> None:
                values = {"step": state.step, "done": state.done, "total": state.total, "unit": state.unit}
                _write(events, {"index": index, "progress": values})

            try:
                result = publish_item(item, opened.folder / plan.RESULTS, session, on_progress=report)
            except errors.Error as error:
                result = plan.ItemResult.of(item, plan.FAILED, [str(error)])
            _write(events, {"index": item.index, "result": attrs.asdict(result)})


def _write(file: IO[str], event: dict[str, Any]) -> None:
    file.write(f"{json.dumps(event)}\n")
    file.flush()


if __name__ == "__main__":
    main()
