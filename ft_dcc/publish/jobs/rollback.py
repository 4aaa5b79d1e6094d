"""Roll back a cancelled job: delete what was uploaded for versions that do not exist."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from ft_dcc import errors
from ft_dcc.publish import models, slots, version_files, version_transaction
from ft_dcc.publish.jobs.job import Job, StudioIdentity
from ft_dcc.publish.pipeline import pyblish_adapter, runner
from ft_dcc.publish.version_transaction import version_number
from ft_dcc.session import Session, operations
from ft_dcc.session.query.expression import quoted
from ft_dcc.session.transport.cancellation import cancel_scope

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


def mark_for_removal(job: Job) -> bool:
    """Record that no run may publish the job; return whether it has uploads. Raises JobLocked or StorageError."""
    with job.locked():
        job.journal.repair_tail()
        job.journal.append({"requested": "drop"})
        try:
            return job.is_validated
        except errors.JobNotFound:
            return True


def drop(job: Job, session: Session, seconds: float = math.inf) -> list[str]:
    """Remove the job and its uploads for versions that do not exist; return the sources whose versions do.

    Raises JobLocked, StorageError, SettingInvalid for a job of another studio, and ServerUnreachable if an answer takes
    more than ``seconds``.
    """
    with job.locked():
        job.journal.repair_tail()
        context = pyblish_adapter.Context()
        slots.SESSION.set(context, session)
        # A damaged journal does not name its uploads; the job is removed all the same.
        with contextlib.suppress(errors.JobNotFound):
            job.check_studio(StudioIdentity.of(session))
        with contextlib.suppress(errors.JobNotFound):
            runner.PluginRunner(context, (), job.journal).restore()
        complete = []
        for instance in context:
            if _roll_back(session, instance, seconds):
                version_files.release(instance)
                complete.append(instance.name)
            else:
                version_files.roll_back(instance)
    # After the lock is released: its file is in the folder.
    job.remove()
    return complete


def _roll_back(session: Session, instance: pyblish_adapter.Instance, seconds: float) -> bool:
    """Delete the uploads of an instance unless its version exists; return whether it does."""
    version_id = slots.VERSION_ID.find(instance)
    if slots.REGISTERED.find(instance) is not None:
        return True
    if version_id is None or slots.MOVIE.find(instance) is None:
        return False
    for attempt in (1, 2):
        with _limited(seconds):
            if version_number(session, version_id) is not None:
                return True
        names = [*models.COMPONENT_NAMES, *(extra.component_name for extra in slots.EXTRAS.find(instance) or [])]
        names += [output.component_name for output in slots.OUTPUTS.find(instance) or []]
        ids = ", ".join(quoted(models.derived_id(version_id, name)) for name in names)
        try:
            with _limited(seconds):
                rows = session.query(f"select id from FileComponent where id in ({ids})").all()
            found = [each["id"] for each in rows]
            # The transaction of the version may still be on its way. It is sent after all components are uploaded.
            uploaded = [component for component in slots.COMPONENTS.find(instance) or [] if component.id in found]
            guard = version_transaction.conflict_guard_ops(uploaded[0], version_id) if uploaded else []
            with _limited(seconds):
                session.call([*guard, *(operations.delete("FileComponent", each) for each in found)])
            break
        except errors.ServerError:
            # The response to an earlier attempt may have been lost, as may that to the transaction of the version.
            if attempt == 2:
                raise
    return False


def _limited(seconds: float) -> AbstractContextManager[None]:
    """Raise ServerUnreachable in a request of the block after this many seconds."""
    until = time.monotonic() + seconds

    def check() -> None:
        if time.monotonic() > until:
            raise errors.ServerUnreachable("The server does not answer at the moment.")

    return cancel_scope(check)
