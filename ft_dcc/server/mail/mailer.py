"""Send mail through an SMTP server when one is configured, otherwise keep it in the outbox, a file for each.

The settings come from the environment, or from lines of the same names in ``mail.env`` of the data folder:
FT_DCC_SMTP_HOST, _PORT, _SECURITY (starttls, tls or none), _USER, _PASSWORD, _FROM, _CA (a PEM file of certificates to
trust), FT_DCC_PUBLIC_URL, the URL that links in mails begin with, and FT_DCC_MAIL_NOTIFICATIONS (true or false).
"""

from __future__ import annotations

import logging
import os
import re
import smtplib
import ssl
import threading
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from datetime import datetime, timezone
from email import policy
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from uuid import uuid4

import attrs
from filelock import FileLock, Timeout

from ft_dcc import plain_text
from ft_dcc.errors import SettingInvalid, StorageError, StudioInUse
from ft_dcc.files.atomic import replace, write_atomically
from ft_dcc.server.background import running_worker
from ft_dcc.server.errors import ValidationError

_log = logging.getLogger(__name__)

_FILE = "mail.env"
_PREFIX, _PUBLIC_URL = "FT_DCC_SMTP_", "FT_DCC_PUBLIC_URL"
_NOTIFICATIONS = "FT_DCC_MAIL_NOTIFICATIONS"
_NAMES = frozenset(("HOST", "PORT", "SECURITY", "USER", "PASSWORD", "FROM", "CA"))
_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_SMTP_TIMEOUT_SECONDS = 20
_RETRY_INTERVAL_SECONDS = 300
# Mail that was refused for so long is outdated, and is not sent automatically any more.
_MAX_RETRY_AGE_SECONDS = 3 * 24 * 3600


@attrs.frozen
class MailServer:
    """The address, login and sender for an SMTP server."""

    host: str
    port: int
    security: str
    sender: str
    user: str = ""
    password: str = attrs.field(default="", repr=False)
    certificates: str | None = None

    def send(self, message: EmailMessage) -> None:
        """Hand the message to the server; raises OSError or SMTPException."""
        context, place = ssl.create_default_context(cafile=self.certificates), (self.host, self.port)
        with (
            smtplib.SMTP_SSL(*place, timeout=_SMTP_TIMEOUT_SECONDS, context=context)
            if self.security == "tls"
            else smtplib.SMTP(*place, timeout=_SMTP_TIMEOUT_SECONDS)
        ) as connection:
            if self.security == "starttls":
                connection.starttls(context=context)
            if self.user:
                connection.login(self.user, self.password)
            connection.send_message(message)


@attrs.define
class Mailer:
    """Sends mail by the server, if there is one, and keeps in the outbox what was not sent.

    ``public_url`` is "" if it is not set. Links in mails then begin with ``own_url``, the address that the server
    listens at: a client could send any other in its Host header. ``sends_notifications`` is whether people are mailed
    about new versions and feedback.
    """

    folder: Path
    server: MailServer | None = None
    public_url: str = ""
    own_url: str = ""
    sends_notifications: bool = True

    @property
    def outbox(self) -> Path:
        """The folder of the messages that were not sent."""
        return self.folder / "outbox"

    @property
    def link_base(self) -> str:
        """The URL that links in mails begin with, without a slash at the end."""
        return self.public_url or self.own_url

    def send(self, message: EmailMessage) -> str:
        """Send or keep a message; return why the mail server refused it, or ""; raises StorageError for the outbox."""
        reason = "" if self.server is None else self._send(self.server, message)
        if self.server is None or reason:
            self.keep(message, reason)
        return reason

    def keep(self, message: EmailMessage, reason: str) -> None:
        """Put a message into the outbox that was not sent, for this reason or without one; raises StorageError."""
        _set_sender(message, self.server)
        if reason:
            message[_REASON] = reason
        self.outbox.mkdir(mode=0o700, exist_ok=True)
        name = f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S}-{uuid4().hex[:12]}.eml"
        try:
            write_atomically(self.outbox / name, message.as_bytes(policy=policy.SMTP), is_private=True)
        except OSError as error:
            raise StorageError(
                f"The outbox {self.outbox} cannot be written: {error.strerror}. Free some space there."
            ) from error

    def send_queued(self, *, is_everything: bool) -> Generator[tuple[QueuedMessage, str], None, None]:
        """Send the messages of the outbox, and yield each with "" or the reason why it stays there.

        Without ``is_everything``, only those that the mail server refused in the last days are sent: a user may have
        passed on the others, or they may have arrived. Raises SettingInvalid without a mail server, and StudioInUse.
        """
        if self.server is None:
            raise SettingInvalid(f"There is no mail server. Set {_PREFIX}HOST, or the same in {self.folder / _FILE}.")
        self.outbox.mkdir(mode=0o700, exist_ok=True)
        try:
            # So that no other process sends a mail a second time.
            lock = FileLock(self.outbox / ".lock", timeout=_LOCK_TIMEOUT_SECONDS).acquire()
        except Timeout as error:
            raise StudioInUse(
                f"Another program is sending the mails in {self.outbox}. Try again in a minute."
            ) from error
        with lock:
            for queued in queued_messages(self.outbox):
                if is_everything or (queued.reason not in ("", INTERRUPTED) and queued.age < _MAX_RETRY_AGE_SECONDS):
                    message = queued.message()
                    # A kill from here on leaves a message that may have arrived.
                    begun = queued.path.with_suffix(_BEGUN)
                    replace(queued.path, begun)
                    if reason := self._send(self.server, message):
                        replace(begun, begun.with_suffix(".eml"))
                    else:
                        begun.unlink(missing_ok=True)
                    yield queued, reason

    def _send(self, server: MailServer, message: EmailMessage) -> str:
        _set_sender(message, server)
        try:
            server.send(message)
        except Exception as error:  # noqa: BLE001  one wrong message must not end the others
            reason = _explain(server, error)
            _log.warning("A mail was put into the outbox: %s", reason)
            return reason
        return ""


def running_mail_worker(mailer: Mailer) -> AbstractContextManager[None]:
    """Send refused mails again on a thread for the duration of the block: at once, and every five minutes."""

    def step(is_stopping: threading.Event) -> float:
        try:
            with closing(mailer.send_queued(is_everything=False)) as sending:
                for queued, reason in sending:
                    if reason or is_stopping.is_set():
                        break
                    _log.info("The mail %s was sent from the outbox.", queued.id)
        except StudioInUse as error:
            _log.info("%s", error)
        return _RETRY_INTERVAL_SECONDS

    # A mail server that does not answer does not delay the end of the server: the message stays in the outbox.
    return nullcontext() if mailer.server is None else running_worker("mail", step)


def _set_sender(message: EmailMessage, server: MailServer | None) -> None:
    del message["From"]
    message["From"] = "ft-dcc@localhost" if server is None else server.sender


def _explain(server: MailServer, error: Exception) -> str:
    """Return what went wrong, without the mail server's own text, which may quote the login."""
    name = f"The mail server {server.host}"
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"{name} refused the login of {server.user}. Check {_PREFIX}USER and {_PREFIX}PASSWORD."
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return f"{name} takes no mail for this address. Check it."
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return f"{name} does not offer {server.security} or a login. Check {_PREFIX}SECURITY and {_PREFIX}PORT."
    if isinstance(error, ssl.SSLError):
        return f"{name} cannot prove who it is. Name the certificates to trust in {_PREFIX}CA."
    if isinstance(error, smtplib.SMTPException) or not isinstance(error, OSError):
        return f"{name} did not take it ({type(error).__name__})."
    return f"{name} cannot be reached at port {server.port} ({type(error).__name__})."


def read_mailer(folder: Path, environment: Mapping[str, str] = os.environ) -> Mailer:
    """Return the mailer of a data folder; raises SettingInvalid."""
    settings = {**_read_file(folder / _FILE), **environment}
    found = {name[len(_PREFIX) :]: value for name, value in settings.items() if name.startswith(_PREFIX) and value}
    if unknown := sorted(found.keys() - _NAMES):
        raise SettingInvalid(f"There is no setting {_PREFIX}{unknown[0]}. Use one of {', '.join(sorted(_NAMES))}.")
    public_url = settings.get(_PUBLIC_URL, "").rstrip("/")
    if public_url and not public_url.startswith(("http://", "https://")):
        raise SettingInvalid(f"{_PUBLIC_URL} is not the URL of a web server. Begin it with https://.")
    notifications = settings.get(_NOTIFICATIONS, "true")
    if notifications not in ("true", "false"):
        raise SettingInvalid(f"{_NOTIFICATIONS} must be true or false, not {notifications!r}.")
    server = _read_server(found) if "HOST" in found else None
    return Mailer(folder, server, public_url, sends_notifications=notifications == "true")


def _read_server(found: Mapping[str, str]) -> MailServer:
    security = found.get("SECURITY", "starttls").lower()
    if security not in _PORTS:
        raise SettingInvalid(f"{_PREFIX}SECURITY must be one of {', '.join(_PORTS)}, not {security!r}.")
    port = found.get("PORT", str(_PORTS[security]))
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise SettingInvalid(f"{_PREFIX}PORT must be a port, not {port!r}.")
    if security == "none" and found.get("PASSWORD"):
        raise SettingInvalid(f"A password is not sent in the clear. Set {_PREFIX}SECURITY to starttls or tls.")
    if "FROM" not in found:
        raise SettingInvalid(f"Mail needs a sender. Set {_PREFIX}FROM, such as Reviews <reviews@example.com>.")
    certificates = found.get("CA")
    if certificates is not None and not Path(certificates).is_file():
        raise SettingInvalid(f"{_PREFIX}CA names {certificates}, which is not a file. Name a PEM file.")
    user, password = found.get("USER", ""), found.get("PASSWORD", "")
    return MailServer(found["HOST"], int(port), security, found["FROM"], user, password, certificates)


def _read_file(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingInvalid(f"{path} cannot be read. Give it to the user whom the server runs as.") from error
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.lstrip().startswith("#"))
    return {name.strip(): value.strip() for name, value in pairs}


_EMAIL = re.compile(r"[^@\s<>,;\"]+@[^@\s<>,;\"]+")


def parse_address(name: object, email: object) -> Address:
    """Return the address of a person; raises ValidationError for one that mail servers do not take."""
    text = str(email or "")
    if not _EMAIL.fullmatch(text):
        raise ValidationError(f"The invitee '{name}' has no e-mail address. Give one first.")
    try:
        text.encode("ascii")
        return Address(display_name=single_line(name), addr_spec=text)
    except (ValueError, HeaderParseError, IndexError, AttributeError) as error:
        # Python's parser raises the last two for some addresses, such as "a@[".
        address = single_line(text)
        raise ValidationError(f"Mail servers do not accept the e-mail address '{address}'. Correct it.") from error


def single_line(text: object) -> str:
    """Return a text without control characters; a line end would begin another header."""
    return plain_text.single_line(str(text or ""))[:200]


# A header of the file that is not sent: why the mail server refused the message.
_REASON = "X-Ft-Dcc-Reason"
INTERRUPTED = "The server stopped while it sent this mail. Send it again if it did not arrive."
_BEGUN = ".eml-begun"
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
        message = parse_message(self.path.read_bytes())
        del message[_REASON]
        return message


def queued_messages(folder: Path) -> Iterator[QueuedMessage]:
    """Yield the messages in an outbox, the oldest first."""
    for path in sorted(folder.glob("*.eml*")):
        message = parse_message(path.read_bytes())
        body = message.get_body(("plain",))
        text = "" if body is None else str(body.get_content())
        date, to, subject, reason = (str(message[name] or "").strip() for name in ("Date", "To", "Subject", _REASON))
        reason = INTERRUPTED if path.suffix == _BEGUN else reason
        yield QueuedMessage(path, date, to, subject, "\n".join(text.strip().splitlines()), reason)


def parse_message(content: bytes) -> EmailMessage:
    """Return the message with this content."""
    return BytesParser(EmailMessage, policy=policy.default).parsebytes(content)
