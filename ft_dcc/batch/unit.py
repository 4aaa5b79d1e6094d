"""The unit of work of every engine: publish one item. A repeated call gives the same answer and makes nothing new."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from ft_dcc import errors
from ft_dcc.accounts.credentials import Account
from ft_dcc.batch import plan, scene_runner
from ft_dcc.batch.plan import ItemResult, PlannedItem
from ft_dcc.host import SupportsSeveralScenes
from ft_dcc.host_support.looks import find_looks, parse_look
from ft_dcc.publish.jobs import queue, states
from ft_dcc.publish.jobs.job import Job, jobs_folder
from ft_dcc.publish.publisher import Publisher
from ft_dcc.publish.scene_order import SceneOrder
from ft_dcc.settings.resolve import read_settings

if TYPE_CHECKING:
    from ft_dcc.host import Host
    from ft_dcc.publish.models import Published, PublishRequest
    from ft_dcc.publish.progress import OnProgress
    from ft_dcc.session import Session


def publish_item(
    item: PlannedItem, results: Path, session: Session, *, on_progress: OnProgress | None = None
) -> ItemResult:
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
        if item.server != session.server_url:
            raise errors.SettingInvalid(
                f"The item was planned for {item.server}, and FTRACK_SERVER is {session.server_url}. Plan it again."
            )
        result = _result(item, _publish(item, session, on_progress))
    except errors.Error as error:
        result = ItemResult.of(item, _state(error), _lines(error))
    plan.write_result(results, result)
    return result


def _publish(item: PlannedItem, session: Session, on_progress: OnProgress | None) -> Published:
    jobs = jobs_folder()
    job = Job(jobs / item.job)
    if item.scene is not None and scene_runner.program_of(Path(item.scene)) is not None and _needs_scene(job):
        return _publish_in_program(item, Path(item.scene), session, on_progress)
    with _opened_scene(item) as host:
        return queue.publish_once(Publisher(session, host, on_progress, jobs), _request(item, host), item.job)


def _needs_scene(job: Job) -> bool:
    """Return whether the job is still to be captured; what is left after that needs no program."""
    return (
        not job.journal.path.is_file() or queue.must_restart(job) or queue.inspect_job(job).state == states.NEEDS_SCENE
    )


def _publish_in_program(item: PlannedItem, scene: Path, session: Session, on_progress: OnProgress | None) -> Published:
    order = SceneOrder(scene, item.request, jobs_folder(), item.job, look=item.look)
    account = Account(session.server_url, session.api_user, session.api_key)
    published = scene_runner.publish_scene(order, account, on_progress).published
    if published is None:
        raise errors.CaptureFailed(f"{scene} was captured, and its answer has no version. Publish the item again.")
    return published


def _request(item: PlannedItem, host: Host | None) -> PublishRequest:
    """Return the request with the look and the scene of the item; raise SettingInvalid, UserFixableError."""
    request = item.request
    if host is None:
        return request
    if item.look:
        request = attrs.evolve(request, look=parse_look(item.look, find_looks(host, read_settings())))
    if item.scene_name and isinstance(host, SupportsSeveralScenes):
        names = host.sources_of((item.scene_name,), next(iter(request.source), None))
        request = attrs.evolve(request, source=names)
    return request


@contextmanager
def _opened_scene(item: PlannedItem) -> Iterator[Host | None]:
    """Open a .blend file in this process, and yield the host; yield None for other items."""
    if item.scene is None or scene_runner.program_of(Path(item.scene)) is not None:
        yield None
        return
    try:
        from ft_dcc_blender.host import BlenderHost
    except ImportError as error:
        raise errors.MissingExtra("blender", "A playblast of a .blend file") from error
    yield BlenderHost.open(Path(item.scene))


def _result(item: PlannedItem, published: Published) -> ItemResult:
    problems = [problem.message for problem in published.problems]
    if not published.versions:
        return ItemResult.of(item, plan.PROBLEM if published.user_can_fix else plan.FAILED, problems)
    first = published.first
    # A version with a problem, such as a report that could not be written, exists nevertheless.
    state = plan.FAILED if published.unfinished else plan.DONE
    return ItemResult.of(item, state, problems, version=first.version, version_id=first.version_id, link=first.link)


def _state(error: errors.Error) -> str:
    if isinstance(error, (errors.ServerUnreachable, errors.TransferFailed, errors.JobLocked)):
        return plan.WAITING
    return plan.PROBLEM if isinstance(error, errors.UserFixableError) else plan.FAILED


def _lines(error: errors.Error) -> list[str]:
    if isinstance(error, errors.ValidationFailed):
        return [problem.message for problem in error.problems]
    return [" ".join(str(error).split())]
