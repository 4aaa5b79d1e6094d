"""What a cancel takes back: everything that was sent for versions that do not exist."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Callable

from ft_dcc import errors
from ft_dcc.publish.batch import make_forestalling
from ft_dcc.publish.engine import Context, Instance
from ft_dcc.publish.integrate import version_number
from ft_dcc.publish.job import Job
from ft_dcc.publish.ledger import Ledger
from ft_dcc.publish.records import COMPONENT_NAMES, derived_id
from ft_dcc.publish.slots import COMPONENTS, EXTRAS, FILM, REGISTERED, SESSION, VERSION_ID
from ft_dcc.session import operations
from ft_dcc.session.background import interruptible
from ft_dcc.session.expression import quoted

if TYPE_CHECKING:
    from ft_dcc.session import Session

# For one answer: whoever cancels wants to go on at once, also when the server is what hangs.
_SECONDS = 0.5


@contextmanager
def withdrawn_when_cancelled(job: Job, session: Session) -> Iterator[None]:
    """A cancel leaves no job and nothing on the server but versions that are complete, which it names.

    Where the server does not answer at once, the job stays, marked, and the next round of the queue takes it back.
    Where the session was closed, somebody has left and gives nothing up: the job stays, to be gone on with.
    """
    try:
        yield
    except errors.Cancelled as cancelled:
        if session.closed:
            cancelled.message += f" The job stays: 'ft-dcc queue resume {job.id}' goes on with it."
            raise
        try:
            job.journal.append({"wish": "drop"})
            complete = drop(job, session, seconds=_SECONDS)
        except errors.Error as error:
            raise errors.Cancelled(
                f"{cancelled} What it made could not be taken back yet: {error} The next 'ft-dcc queue run' does it, "
                f"or: ft-dcc queue drop {job.id}"
            ) from error
        if complete:
            cancelled.message += f" What was complete stays on the server: {', '.join(complete)}."
        raise


def _patience(seconds: float) -> Callable[[], None]:
    """Return what raises ServerUnreachable from so many seconds on."""
    until = time.monotonic() + seconds

    def check() -> None:
        if time.monotonic() > until:
            raise errors.ServerUnreachable("The server does not answer at the moment.")

    return check


def drop(job: Job, session: Session, seconds: float = math.inf) -> list[str]:
    """The job is gone, and what it had uploaded for versions that do not exist; returns the sources of those that do.

    Raises JobLocked or DiskUnusable, and ServerUnreachable where an answer takes more than so many seconds.
    """
    with job.locked():
        job.journal.mend()
        context = Context()
        SESSION.set(context, session)
        # Of a journal that cannot be read nobody knows what was uploaded; whoever drops it wants the room.
        with contextlib.suppress(errors.JobNotFound):
            Ledger(job.journal, context).restore()
        complete = [instance.name for instance in context if _withdraw(session, instance, seconds)]
    # Outside of the lock: its file lies in the folder.
    job.remove()
    return complete


def _withdraw(session: Session, instance: Instance, seconds: float) -> bool:
    """What was uploaded is gone, unless the version exists; returns whether it does."""
    version_id = VERSION_ID.find(instance)
    if REGISTERED.find(instance) is not None:
        return True
    if version_id is None or FILM.find(instance) is None:
        return False

    def is_there() -> bool:
        with interruptible(_patience(seconds)):
            return version_number(session, version_id) is not None

    if is_there():
        return True
    try:
        _delete(session, instance, version_id, seconds)
    except errors.ServerError:
        # The answer to an earlier attempt can be lost, and so can that to the batch that makes the version.
        if is_there():
            return True
        _delete(session, instance, version_id, seconds)
    return False


def _delete(session: Session, instance: Instance, version_id: str, seconds: float) -> None:
    names = (*COMPONENT_NAMES, *(extra.component_name for extra in EXTRAS.find(instance) or []))
    ids = ", ".join(quoted(derived_id(version_id, name)) for name in names)
    with interruptible(_patience(seconds)):
        found = [each["id"] for each in session.query(f"select id from FileComponent where id in ({ids})").all()]
    # A registering batch that nobody waited for may still be on its way. It was sent only if all is uploaded.
    sent = [component for component in COMPONENTS.find(instance) or [] if component.id in found]
    forestalling = make_forestalling(sent[0], version_id) if sent else []
    with interruptible(_patience(seconds)):
        session.call([*forestalling, *(operations.delete("FileComponent", each) for each in found)])
