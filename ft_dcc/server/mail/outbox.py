"""The outbox: a folder with one file for each mail that was not sent."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from uuid import uuid4

import attrs
from filelock import FileLock, Timeout

from ft_dcc.errors import StorageError, StudioInUse
from ft_dcc.files.atomic import write_atomically

# A header of the file that is not sent: why the mail server refused the message.
_REASON = "X-Ft-Dcc-Reason"
_LOCK_TIMEOUT_SECONDS = 60


@attrs.frozen
class QueuedMessage:
    """A message in the outbox; ``reason`` is why the mail server refused it, or "" without a mail server."""

    path: Path
    date: str
    to: str
    subject: str
    text: str
    reason: str

    @property
    def id(self) -> str:
        """The name of the message on the command line."""
        return self.path.stem.rpartition("-")[2]

    @property
    def age(self) -> float:
        """The seconds since it was written."""
        return time.time() - self.path.stat().st_mtime

    def message(self) -> EmailMessage:
        """Return the message to send."""
        message = _read(self.path)
        del message[_REASON]
        return message

    def delete(self) -> None:
        """Remove the message from the outbox."""
        self.path.unlink(missing_ok=True)


def queue_message(folder: Path, message: EmailMessage, reason: str) -> None:
    """Write a message to an outbox, with the reason why it was not sent, or ""; raises StorageError."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if reason:
        message[_REASON] = reason
    name = f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S}-{uuid4().hex[:12]}.eml"
    try:
        write_atomically(folder / name, message.as_bytes(policy=policy.SMTP), is_private=True)
    except OSError as error:
        raise StorageError(
            f"The outbox {folder} cannot be written: {error.strerror}. Free some space there."
        ) from error


def queued_messages(folder: Path) -> Iterator[QueuedMessage]:
    """Yield the messages in an outbox, the oldest first."""
    for path in sorted(folder.glob("*.eml")):
        message = _read(path)
        body = message.get_body(("plain",))
        text = "" if body is None else str(body.get_content())
        date, to, subject, reason = (str(message[name] or "") for name in ("Date", "To", "Subject", _REASON))
        yield QueuedMessage(path, date, to, subject, "\n".join(text.strip().splitlines()), reason)


@contextmanager
def outbox_lock(folder: Path) -> Iterator[None]:
    """Keep other processes from sending the messages of the outbox, so that none is sent twice; raises StudioInUse."""
    folder.mkdir(mode=0o700, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=_LOCK_TIMEOUT_SECONDS):
            yield
    except Timeout as error:
        raise StudioInUse(f"Another program is sending the mails in {folder}. Try again in a minute.") from error


def _read(path: Path) -> EmailMessage:
    return BytesParser(EmailMessage, policy=policy.default).parsebytes(path.read_bytes())
