"""Mail: through an SMTP server when one is named, otherwise into the studio's outbox.

What the server needs to know comes from its environment, or from lines of the same names in ``mail.env`` of the data
folder: FT_DCC_SMTP_HOST, _PORT, _SECURITY (starttls, tls or none), _USER, _PASSWORD, _FROM, _CA (a PEM file of
certificates to trust) and FT_DCC_PUBLIC_URL, the address that links in mails begin with.
"""

from __future__ import annotations

import logging
import os
import smtplib
import ssl
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from uuid import uuid4

import attrs

from ft_dcc.errors import SettingInvalid
from ft_dcc.server.folder import write_private

_log = logging.getLogger(__name__)

_FILE, _OUTBOX = "mail.env", "outbox"
_PREFIX, _PUBLIC_URL = "FT_DCC_SMTP_", "FT_DCC_PUBLIC_URL"
_NAMES = frozenset(("HOST", "PORT", "SECURITY", "USER", "PASSWORD", "FROM", "CA"))
_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_PATIENCE_SECONDS = 20


@attrs.frozen
class MailServer:
    """How to reach the SMTP server, and who writes."""

    host: str
    port: int
    security: str
    sender: str
    user: str = ""
    password: str = attrs.field(default="", repr=False)
    certificates: str | None = None

    def send(self, message: EmailMessage) -> None:
        """The server has taken the message; raises OSError or SMTPException."""
        with self._connected() as connection:
            if self.user:
                connection.login(self.user, self.password)
            connection.send_message(message)

    def _connected(self) -> smtplib.SMTP:
        context = ssl.create_default_context(cafile=self.certificates)
        if self.security == "tls":
            return smtplib.SMTP_SSL(self.host, self.port, timeout=_PATIENCE_SECONDS, context=context)
        connection = smtplib.SMTP(self.host, self.port, timeout=_PATIENCE_SECONDS)
        if self.security == "starttls":
            connection.starttls(context=context)
        return connection


@attrs.frozen
class Letter:
    """A message in the outbox: its file, and what whoever passes it on needs to read."""

    path: Path
    date: str
    to: str
    subject: str
    text: str


@attrs.frozen
class Post:
    """Where the studio's mail goes; ``public_url`` is "" when links begin with the address that a client used."""

    folder: Path
    server: MailServer | None = None
    public_url: str = ""

    def deliver(self, message: EmailMessage) -> str:
        """Return "" when the message is on its way or, without a mail server, in the outbox; else why it is there."""
        del message["From"]
        message["From"] = "ft-dcc@localhost" if self.server is None else self.server.sender
        if self.server is None:
            self._keep(message)
            return ""
        try:
            self.server.send(message)
        except (OSError, smtplib.SMTPException) as error:
            # What a mail server answers may quote the login; only the kind of the failure is told.
            reason = f"The mail server {self.server.host} did not take it ({type(error).__name__})."
            _log.warning("A mail lies in the outbox: %s", reason)
            self._keep(message)
            return reason
        return ""

    def _keep(self, message: EmailMessage) -> None:
        place = self.folder / _OUTBOX
        place.mkdir(mode=0o700, exist_ok=True)
        name = f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S}-{uuid4().hex[:12]}.eml"
        write_private(place / name, message.as_bytes(policy=policy.SMTP))


def letters(folder: Path) -> Iterator[Letter]:
    """Yield the messages in a studio's outbox, the oldest first."""
    for path in sorted((folder / _OUTBOX).glob("*.eml")):
        message = message_from_bytes(path.read_bytes(), policy=policy.default)
        body = message.get_body(("plain",)) if isinstance(message, EmailMessage) else None
        text = "" if body is None else str(body.get_content())
        plain = "\n".join(text.strip().splitlines())
        yield Letter(path, str(message["Date"]), str(message["To"]), str(message["Subject"]), plain)


def read_post(folder: Path, environment: Mapping[str, str] = os.environ) -> Post:
    """Return where the mail of the studio in this folder goes; raises SettingInvalid."""
    settings = {**_read_file(folder / _FILE), **environment}
    found = {name[len(_PREFIX) :]: value for name, value in settings.items() if name.startswith(_PREFIX) and value}
    if unknown := sorted(found.keys() - _NAMES):
        raise SettingInvalid(f"There is no setting {_PREFIX}{unknown[0]}. Use one of {', '.join(sorted(_NAMES))}.")
    public_url = settings.get(_PUBLIC_URL, "").rstrip("/")
    if public_url and not public_url.startswith(("http://", "https://")):
        raise SettingInvalid(f"{_PUBLIC_URL} is no address of a web server. Begin it with https://.")
    return Post(folder, _read_server(found) if "HOST" in found else None, public_url)


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
        raise SettingInvalid(f"{_PREFIX}CA names {certificates}, which is no file. Name a PEM file.")
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
