"""The unit of work of every engine: publish one item. A repeated call gives the same answer and makes nothing new."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ft_dcc import errors
from ft_dcc.batch import plan
from ft_dcc.batch.plan import ItemResult, PlannedItem
from ft_dcc.publish.jobs import queue
from ft_dcc.publish.jobs.job import Job, jobs_folder
from ft_dcc.publish.publisher import Publisher, prepare

if TYPE_CHECKING:
    from ft_dcc.host import Host
    from ft_dcc.publish.models import Published
    from ft_dcc.publish.progress import OnProgress
    from ft_dcc.session import Session


def publish_item(
    item: PlannedItem, results: Path, session: Session, *, on_progress: OnProgress | None = None
) -> ItemResult:
    """Publish an item unless its version exists, store its result in the folder ``results``, and return it.

    An interrupted job is resumed. Errors of the item are part of the result. Raises StorageError if the result cannot
    be written.
    """
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
    with _opened_scene(item) as host:
        if job.journal.path.is_file() and _must_restart(job):
            job.remove()
        if not job.journal.path.is_file():
            prepare(item.request, session.server_url, host, jobs, item.job)
        return Publisher(session, host, on_progress, jobs).resume(item.job)


def _must_restart(job: Job) -> bool:
    """Return whether the job was stopped by a problem that may be fixed by now, before anything was uploaded."""
    state = queue.inspect_job(job).state
    return state in (queue.CHECKED, queue.UNREADABLE) or (state == queue.FAILED and not job.is_validated)


@contextmanager
def _opened_scene(item: PlannedItem) -> Iterator[Host | None]:
    if item.scene is None:
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
