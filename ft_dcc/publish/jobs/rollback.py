"""Roll back a cancelled job: delete what was uploaded for versions that do not exist."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Callable

from ft_dcc import errors
from ft_dcc.publish import models, slots, version_transaction
from ft_dcc.publish.jobs.checkpoint import CheckpointStore
from ft_dcc.publish.jobs.job import Job
from ft_dcc.publish.pipeline.pyblish_adapter import Context, Instance
from ft_dcc.publish.plugins.integrate import version_number
from ft_dcc.session import operations
from ft_dcc.session.query.expression import quoted
from ft_dcc.session.transport.cancellation import cancel_scope

if TYPE_CHECKING:
    from ft_dcc.session import Session

# For each answer: an artist who cancels must not wait for a server that hangs.
ROLLBACK_TIMEOUT_SECONDS = 0.5


@contextmanager
def rolled_back_when_cancelled(job: Job, session: Session) -> Iterator[None]:
    """Roll the job back when the block is cancelled; versions that are complete remain and are named in the error.

    If the server does not answer in time, the job remains, marked, and the next round of the queue rolls it back. If
    the session was closed, the program is being closed rather than the publish cancelled: the job remains for a resume.
    """
    try:
        yield
    except errors.Cancelled as cancelled:
        if session.closed:
            cancelled.message += f" The job remains. Resume it: ft-dcc queue resume {job.id}"
            raise
        try:
            job.journal.append({"requested": "drop"})
            complete = drop(job, session, seconds=ROLLBACK_TIMEOUT_SECONDS)
        except errors.Error as error:
            raise errors.Cancelled(
                f"{cancelled} Its uploads could not be removed yet: {error} The next 'ft-dcc queue run' removes them, "
                f"or: ft-dcc queue drop {job.id}"
            ) from error
        if complete:
            cancelled.message += f" These versions are complete and remain on the server: {', '.join(complete)}."
        raise


def _deadline(seconds: float) -> Callable[[], None]:
    """Return a function that raises ServerUnreachable after this many seconds."""
    until = time.monotonic() + seconds

    def check() -> None:
        if time.monotonic() > until:
            raise errors.ServerUnreachable("The server does not answer at the moment.")

    return check


def mark_for_removal(job: Job) -> bool:
    """Record that the job is to be removed, so that no run of the queue publishes it; return whether it has uploads.

    Raises JobLocked or StorageError.
    """
    with job.locked():
        job.journal.repair_tail()
        job.journal.append({"requested": "drop"})
        try:
            return job.is_validated
        except errors.JobNotFound:
            return True


def drop(job: Job, session: Session, seconds: float = math.inf) -> list[str]:
    """Remove the job and its uploads for versions that do not exist; return the sources whose versions do.

    Raises JobLocked or StorageError, and ServerUnreachable if an answer takes more than ``seconds``.
    """
    with job.locked():
        job.journal.repair_tail()
        context = Context()
        slots.SESSION.set(context, session)
        # A damaged journal does not name its uploads; the job is removed all the same.
        with contextlib.suppress(errors.JobNotFound):
            CheckpointStore(job.journal, context).restore()
        complete = [instance.name for instance in context if _roll_back(session, instance, seconds)]
    # After the lock is released: its file is in the folder.
    job.remove()
    return complete


def _roll_back(session: Session, instance: Instance, seconds: float) -> bool:
    """Delete the uploads of an instance unless its version exists; return whether it does."""
    version_id = slots.VERSION_ID.find(instance)
    if slots.REGISTERED.find(instance) is not None:
        return True
    if version_id is None or slots.MOVIE.find(instance) is None:
        return False

    def exists() -> bool:
        with cancel_scope(_deadline(seconds)):
            return version_number(session, version_id) is not None

    if exists():
        return True
    try:
        _delete_uploads(session, instance, version_id, seconds)
    except errors.ServerError:
        # The response to an earlier attempt may have been lost, as may that to the transaction of the version.
        if exists():
            return True
        _delete_uploads(session, instance, version_id, seconds)
    return False


def _delete_uploads(session: Session, instance: Instance, version_id: str, seconds: float) -> None:
    names = (*models.COMPONENT_NAMES, *(extra.component_name for extra in slots.EXTRAS.find(instance) or []))
    ids = ", ".join(quoted(models.derived_id(version_id, name)) for name in names)
    with cancel_scope(_deadline(seconds)):
        found = [each["id"] for each in session.query(f"select id from FileComponent where id in ({ids})").all()]
    # The transaction of the version may still be on its way. It is sent after all components are uploaded.
    uploaded = [component for component in slots.COMPONENTS.find(instance) or [] if component.id in found]
    guard = version_transaction.conflict_guard_ops(uploaded[0], version_id) if uploaded else []
    with cancel_scope(_deadline(seconds)):
        session.call([*guard, *(operations.delete("FileComponent", each) for each in found)])
