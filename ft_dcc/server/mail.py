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
from collections.abc import Generator, Mapping
from email.message import EmailMessage
from pathlib import Path

import attrs

from ft_dcc.errors import SettingInvalid
from ft_dcc.server.outbox import Letter, alone, keep, letters

_log = logging.getLogger(__name__)

_FILE = "mail.env"
_PREFIX, _PUBLIC_URL = "FT_DCC_SMTP_", "FT_DCC_PUBLIC_URL"
_NAMES = frozenset(("HOST", "PORT", "SECURITY", "USER", "PASSWORD", "FROM", "CA"))
_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_PATIENCE_SECONDS = 20
# A mail that nobody took for so long is old news.
_TRIED_SECONDS = 3 * 24 * 3600


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
        context = ssl.create_default_context(cafile=self.certificates)
        with self._connected(context) as connection:
            if self.security == "starttls":
                connection.starttls(context=context)
            if self.user:
                connection.login(self.user, self.password)
            connection.send_message(message)

    def _connected(self, context: ssl.SSLContext) -> smtplib.SMTP:
        if self.security == "tls":
            return smtplib.SMTP_SSL(self.host, self.port, timeout=_PATIENCE_SECONDS, context=context)
        return smtplib.SMTP(self.host, self.port, timeout=_PATIENCE_SECONDS)


@attrs.frozen
class Post:
    """Where the studio's mail goes; ``public_url`` is "" when links begin with the address that a client used."""

    folder: Path
    server: MailServer | None = None
    public_url: str = ""

    @property
    def outbox(self) -> Path:
        """The folder of what was not sent."""
        return self.folder / "outbox"

    def deliver(self, message: EmailMessage) -> str:
        """Return "" when the message is on its way or, without a mail server, in the outbox; else why it is there."""
        reason = "" if self.server is None else self._send(self.server, message)
        if reason or self.server is None:
            _from(message, self.server)
            keep(self.outbox, message, reason)
        return reason

    def send_waiting(self, *, is_everything: bool) -> Generator[tuple[Letter, str], None, None]:
        """Send what lies in the outbox, and yield each with "" or the reason why it stays there.

        Without ``is_everything``, it is what the server did not take in the last days: the rest somebody may have
        passed on. Raises SettingInvalid without a mail server, and StudioInUse.
        """
        if self.server is None:
            raise SettingInvalid(f"There is no mail server. Set {_PREFIX}HOST, or the same in {self.folder / _FILE}.")
        with alone(self.outbox):
            for letter in letters(self.outbox):
                if is_everything or (letter.reason and letter.age < _TRIED_SECONDS):
                    reason = self._send(self.server, letter.message())
                    if not reason:
                        letter.forget()
                    yield letter, reason

    def _send(self, server: MailServer, message: EmailMessage) -> str:
        _from(message, server)
        try:
            server.send(message)
        except (OSError, smtplib.SMTPException) as error:
            reason = _reason(server, error)
            _log.warning("A mail lies in the outbox: %s", reason)
            return reason
        return ""


def _from(message: EmailMessage, server: MailServer | None) -> None:
    del message["From"]
    message["From"] = "ft-dcc@localhost" if server is None else server.sender


def _reason(server: MailServer, error: Exception) -> str:
    """Return what went wrong; what a mail server answers may quote the login, and is not told."""
    name = f"The mail server {server.host}"
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"{name} refused the login of {server.user}. Check {_PREFIX}USER and {_PREFIX}PASSWORD."
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return f"{name} takes no mail for this address. Check it."
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return f"{name} does not offer {server.security} or a login. Check {_PREFIX}SECURITY and {_PREFIX}PORT."
    if isinstance(error, ssl.SSLError):
        return f"{name} cannot prove who it is. Name the certificates to trust in {_PREFIX}CA."
    if isinstance(error, smtplib.SMTPException):
        return f"{name} did not take it ({type(error).__name__})."
    return f"{name} cannot be reached at port {server.port} ({type(error).__name__})."


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
