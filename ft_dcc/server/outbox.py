"""The outbox: mails that no server has taken, one file each, in the studio's folder.

Without a mail server they stay there, for somebody to pass on. With one, those that it did not take are sent again.
"""

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

from ft_dcc.errors import StudioInUse
from ft_dcc.server.folder import write_private

# In the file alone: why the mail server did not take the message.
_REASON = "X-Ft-Dcc-Reason"
_PATIENCE_SECONDS = 60


@attrs.frozen
class Letter:
    """A message in the outbox: its file, and what whoever passes it on needs to read.

    ``reason`` says why the mail server did not take it; it is "" where there was none.
    """

    path: Path
    date: str
    to: str
    subject: str
    text: str
    reason: str

    @property
    def id(self) -> str:
        """What it is called on the command line."""
        return self.path.stem.rpartition("-")[2]

    @property
    def age(self) -> float:
        """The seconds since it was written."""
        return time.time() - self.path.stat().st_mtime

    def message(self) -> EmailMessage:
        """Return what is to be sent."""
        message = _read(self.path)
        del message[_REASON]
        return message

    def forget(self) -> None:
        """It is in the outbox no more."""
        self.path.unlink(missing_ok=True)


def keep(folder: Path, message: EmailMessage, reason: str) -> None:
    """The message is in the outbox of the studio in the folder, with the reason why it was not sent, or ""."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if reason:
        message[_REASON] = reason
    name = f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S}-{uuid4().hex[:12]}.eml"
    write_private(folder / name, message.as_bytes(policy=policy.SMTP))


def letters(folder: Path) -> Iterator[Letter]:
    """Yield the messages in an outbox, the oldest first."""
    for path in sorted(folder.glob("*.eml")):
        message = _read(path)
        body = message.get_body(("plain",))
        text = "" if body is None else str(body.get_content())
        date, to, subject, reason = (str(message[name] or "") for name in ("Date", "To", "Subject", _REASON))
        yield Letter(path, date, to, subject, "\n".join(text.strip().splitlines()), reason)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Nobody else sends what is in the outbox inside, so that nothing is sent twice; raises StudioInUse."""
    folder.mkdir(mode=0o700, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=_PATIENCE_SECONDS):
            yield
    except Timeout as error:
        raise StudioInUse(f"Another program is sending the mails in {folder}. Try again in a minute.") from error


def _read(path: Path) -> EmailMessage:
    return BytesParser(EmailMessage, policy=policy.default).parsebytes(path.read_bytes())
