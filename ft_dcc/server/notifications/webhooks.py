"""The webhooks of projects: the durable queue of what is sent to them, the bodies of their messages, and the client.

Messages of one webhook are sent in order. After a failure the webhook waits, four times as long after each further
one, and a message is given up after two days. The client follows no redirects, sends to no private addresses, and has
a limit for the whole duration of a request.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ipaddress
import json
import logging
import os
import secrets
import socket
import ssl
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timezone
from functools import partial
from typing import Any, Union
from urllib.parse import SplitResult, urlsplit
from uuid import uuid4

import attrs
from sqlalchemy import Connection, Row, delete, func, select, update

from ft_dcc.errors import SettingInvalid
from ft_dcc.server.database.audit_log import NOTE, VERDICT, VERSION, RecordedEvent
from ft_dcc.server.database.private_tables import WEBHOOK_DELIVERIES, WEBHOOKS
from ft_dcc.server.database.store import Store
from ft_dcc.server.errors import ValidationError
from ft_dcc.server.notifications.event_details import EventDetails

_log = logging.getLogger(__name__)

_FIRST_RETRY_SECONDS, _MAX_RETRY_SECONDS = 10, 6 * 3600
MAX_AGE_SECONDS = 2 * 24 * 3600
_MAX_DELIVERIES_PER_ROUND = 50
_MAX_WAITING = 10_000


def add_webhook(
    connection: Connection, project_id: str, url: str, form: str, events: Collection[str]
) -> dict[str, str]:
    """Add a webhook; return its id and the secret that signs messages; raises ValidationError for form or event."""
    if form not in FORMS:
        raise ValidationError(f"There is no form '{form[:80]}'. Use one of {', '.join(FORMS)}.")
    known = tuple(EVENTS.values())
    if unknown := sorted(set(events) - set(known)):
        raise ValidationError(f"There is no event '{unknown[0][:80]}'. Use {', '.join(known)}.")
    row = {"id": str(uuid4()), "project_id": project_id, "url": url, "form": form, "secret": secrets.token_urlsafe(32)}
    state = {"events": " ".join(events or known), "failures": 0, "retry_at": 0.0, "error": ""}
    connection.execute(WEBHOOKS.insert(), {**row, **state})
    return {"webhook_id": row["id"], "secret": row["secret"]}


def remove_webhook(connection: Connection, webhook_id: str) -> None:
    """Remove a webhook and its waiting messages."""
    connection.execute(delete(WEBHOOK_DELIVERIES).where(WEBHOOK_DELIVERIES.c.webhook_id == webhook_id))
    connection.execute(delete(WEBHOOKS).where(WEBHOOKS.c.id == webhook_id))


def find_webhooks(connection: Connection) -> list[dict[str, Any]]:
    """Return all webhooks without their secrets: of the URL only the host, because its path may be a secret, too."""
    waiting = select(WEBHOOK_DELIVERIES.c.webhook_id, func.count().label("count")).group_by(
        WEBHOOK_DELIVERIES.c.webhook_id
    )
    counts = {row.webhook_id: row.count for row in connection.execute(waiting)}
    return [
        {
            "id": row.id,
            "project_id": row.project_id,
            "host": parse_url(row.url).hostname,
            "form": row.form,
            "events": row.events.split(),
            "waiting": counts.get(row.id, 0),
            "error": row.error,
        }
        for row in connection.execute(select(WEBHOOKS).order_by(WEBHOOKS.c.project_id, WEBHOOKS.c.id))
    ]


def make_messages(
    connection: Connection, event: RecordedEvent, details: EventDetails, base_url: str
) -> list[dict[str, Any]]:
    """Return a message for each webhook of the project that wants the event; internal notes stay in the studio."""
    if details.is_internal:
        return []
    name = EVENTS.get(event.kind)
    hooks = connection.execute(select(WEBHOOKS).where(WEBHOOKS.c.project_id == details.project_id)).all()
    return [
        _message(hook.id, event.at, make_payload(details, str(uuid4()), _time_text(event.at), base_url))
        for hook in hooks
        if name in hook.events.split()
    ]


def queue_messages(connection: Connection, messages: Sequence[dict[str, Any]]) -> None:
    """Queue messages; of those that wait for one webhook, the oldest surplus ones are removed."""
    if messages:
        connection.execute(WEBHOOK_DELIVERIES.insert(), messages)
    for webhook_id in {message["webhook_id"] for message in messages}:
        own = select(WEBHOOK_DELIVERIES.c.number).where(WEBHOOK_DELIVERIES.c.webhook_id == webhook_id)
        # A receiver that is away for long must not fill the disk.
        surplus = own.order_by(WEBHOOK_DELIVERIES.c.number.desc()).offset(_MAX_WAITING)
        connection.execute(delete(WEBHOOK_DELIVERIES).where(WEBHOOK_DELIVERIES.c.number.in_(surplus)))


def queue_ping(connection: Connection, hook: Mapping[str, Any], now: float) -> None:
    """Queue the message by which an administrator tests a webhook."""
    connection.execute(update(WEBHOOKS).where(WEBHOOKS.c.id == hook["id"]).values(retry_at=0.0))
    project = {"id": hook["project_id"], "name": hook["project"]}
    payload = {"id": str(uuid4()), "event": PING, "time": _time_text(now), "project": project}
    queue_messages(connection, [_message(hook["id"], now, payload)])


def send_due_messages(
    store: Store, client: WebhookClient, now: float, is_stopping: Callable[[], bool] = lambda: False
) -> None:
    """Send the messages whose time has come."""
    with store.reading() as connection:
        due = connection.execute(select(WEBHOOKS).where(WEBHOOKS.c.retry_at <= now)).all()
    for hook in due:
        _send_to(store, client, hook, now, is_stopping)


def _send_to(store: Store, client: WebhookClient, hook: Row[Any], now: float, is_stopping: Callable[[], bool]) -> None:
    """Send the messages of one webhook until one fails."""
    waiting = (
        select(WEBHOOK_DELIVERIES)
        .where(WEBHOOK_DELIVERIES.c.webhook_id == hook.id)
        .order_by(WEBHOOK_DELIVERIES.c.number)
    )
    with store.reading() as connection:
        messages: Sequence[Row[Any]] = connection.execute(waiting.limit(_MAX_DELIVERIES_PER_ROUND)).all()
    for message in messages:
        if is_stopping():
            break
        body, headers = encode(hook.form, json.loads(message.payload), hook.secret, now)
        try:
            client.post(hook.url, body, headers)
        except DeliveryFailed as error:
            store.write(partial(_record_failure, hook=hook, message=message, now=now, error=error))
            break
        store.write(partial(_record_success, hook=hook, message=message))


def _record_success(connection: Connection, hook: Row[Any], message: Row[Any]) -> None:
    connection.execute(delete(WEBHOOK_DELIVERIES).where(WEBHOOK_DELIVERIES.c.number == message.number))
    values = {"failures": 0, "retry_at": 0.0, "error": ""}
    connection.execute(update(WEBHOOKS).where(WEBHOOKS.c.id == hook.id).values(values))


def _record_failure(
    connection: Connection, hook: Row[Any], message: Row[Any], now: float, error: DeliveryFailed
) -> None:
    failures = connection.scalar(select(WEBHOOKS.c.failures).where(WEBHOOKS.c.id == hook.id)) or 0
    delay = max(min(_FIRST_RETRY_SECONDS * 4 ** min(failures, 10), _MAX_RETRY_SECONDS), error.retry_after)
    values = {"failures": failures + 1, "retry_at": now + delay, "error": str(error)}
    connection.execute(update(WEBHOOKS).where(WEBHOOKS.c.id == hook.id).values(values))
    is_old = (WEBHOOK_DELIVERIES.c.webhook_id == hook.id) & (WEBHOOK_DELIVERIES.c.at <= now - MAX_AGE_SECONDS)
    if count := connection.execute(delete(WEBHOOK_DELIVERIES).where(is_old)).rowcount:
        _log.warning("%s messages to the webhook %s were given up: %s", count, hook.id, error)
    elif failures == 0:
        _log.warning("The webhook %s fails, and is tried again: %s", hook.id, error)


def _message(webhook_id: str, at: float, payload: dict[str, Any]) -> dict[str, Any]:
    return {"webhook_id": webhook_id, "at": at, "payload": json.dumps(payload)}


def _time_text(at: float) -> str:
    return datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="seconds")


EVENTS = {VERSION: "version.created", NOTE: "note.created", VERDICT: "verdict.set"}
PING = "ping"
_STATUSES = {"approved": "approved", "require_changes": "asked for changes"}
_MAX_TEXT_LENGTH = 1500
_SLACK_SPECIAL = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def make_payload(details: EventDetails, delivery_id: str, time: str, base_url: str) -> dict[str, Any]:
    """Return the payload for a new version, note or verdict; its review link contains no key."""
    payload: dict[str, Any] = {
        "id": delivery_id,
        "event": EVENTS[details.kind],
        "time": time,
        "project": {"id": details.project_id, "name": details.project},
        "version": {"id": details.version_id, "name": details.version, "comment": details.comment},
        "author": details.author,
        "review": None,
        "link": None,
    }
    if details.review_session_id:
        payload["review"] = {"id": details.review_session_id, "name": details.review}
        payload["link"] = f"{base_url}/review/{details.review_session_id}"
    if details.kind == NOTE:
        note = {"text": details.text, "frame": details.frame, "has_drawing": details.has_drawing}
        payload["note"] = {"id": details.entity_id, **note}
    if details.kind == VERDICT:
        payload["verdict"] = details.status
    return payload


def encode(form: str, payload: Mapping[str, Any], secret: str, now: float) -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers of a message in the form of a receiver."""
    body = json.dumps(FORMS[form](payload), separators=(",", ":")).encode()
    headers = {"Content-Type": "application/json"}
    if form == "json":
        # The time in seconds since 1970, and the HMAC-SHA-256 of the time, a dot and the body.
        digest = hmac.new(secret.encode(), f"{int(now)}.".encode() + body, hashlib.sha256).hexdigest()
        headers["X-Ft-Dcc-Event"] = str(payload["event"])
        headers["X-Ft-Dcc-Delivery"] = str(payload["id"])
        headers["X-Ft-Dcc-Signature"] = f"t={int(now)},v1={digest}"
    return body, headers


def _slack(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the message as one or two lines, with everything that people typed escaped."""
    if payload["event"] == PING:
        return {"text": f"ft-dcc can send messages of {_escape(payload['project']['name'])} here."}
    version, author = _escape(payload["version"]["name"]), _escape(payload["author"] or "A guest")
    if payload["event"] == EVENTS[VERSION]:
        text = f"{author} published {version}"
    elif payload["event"] == EVENTS[VERDICT]:
        text = f"{author} {_STATUSES.get(payload['verdict'], _escape(payload['verdict']))}: {version}"
    else:
        note = payload["note"]
        frame = f", frame {note['frame']}" if note["frame"] is not None else ""
        content = _escape(note["text"][:_MAX_TEXT_LENGTH].strip() or "a drawing")
        text = f"{author} on {version}{frame}: {content}"
    return {"text": f"{text}\n<{payload['link']}|Open the review>" if payload.get("link") else text}


def _escape(text: str) -> str:
    return text.translate(_SLACK_SPECIAL)


FORMS: dict[str, Callable[[Mapping[str, Any]], Any]] = {"json": dict, "slack": _slack}


_NETWORKS = "FT_DCC_WEBHOOK_NETWORKS"
_CONNECT_TIMEOUT_SECONDS, _MAX_REQUEST_SECONDS = 10.0, 20.0
_MAX_RETRY_AFTER_SECONDS = 3600.0

_Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


class DeliveryFailed(Exception):
    """A webhook did not accept a message; the text names the host only, because the rest of its URL is secret."""

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


def read_allowed_networks(environment: Mapping[str, str] = os.environ) -> tuple[_Network, ...]:
    """Return the private networks that webhooks may be in, by default none; raises SettingInvalid."""
    try:
        return tuple(map(ipaddress.ip_network, environment.get(_NETWORKS, "").replace(",", " ").split()))
    except ValueError as error:
        raise SettingInvalid(
            f"{_NETWORKS}: {error}. Write networks such as 10.0.0.0/8, with spaces between."
        ) from error


def parse_url(text: str) -> SplitResult:
    """Return the parts of a webhook's URL; raises ValidationError for one without a host, or with a login in it."""
    try:
        url = urlsplit(text)
        is_valid = url.scheme in ("http", "https") and url.hostname and (url.port is None or url.port > 0)
    except ValueError:
        is_valid = False
    if not is_valid or "@" in url.netloc or not text.isascii() or not text.isprintable() or " " in text:
        raise ValidationError("The address of a webhook is a URL that begins with https:// and has no login in it.")
    return url


@attrs.frozen
class WebhookClient:
    """Posts to public addresses over HTTPS, and to the allowed networks over HTTP, too."""

    allowed_networks: tuple[_Network, ...] = ()
    # For tests, which trust a certificate of their own.
    tls: ssl.SSLContext = attrs.field(factory=ssl.create_default_context, repr=False)

    def check(self, text: str) -> None:
        """Raise ValidationError for a URL that is invalid, or whose address is written in it and not allowed.

        Names are resolved when a message is sent: that can take long, and names change.
        """
        url = parse_url(text)
        try:
            ipaddress.ip_address(str(url.hostname))
        except ValueError:
            return
        try:
            self._resolve(url)
        except DeliveryFailed as error:
            raise ValidationError(str(error)) from error

    def post(self, text: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Send the body; raises DeliveryFailed unless the answer has a status from 200 to 299."""
        url = parse_url(text)
        address, port = self._resolve(url)
        host, path = str(url.hostname), f"{url.path or '/'}{f'?{url.query}' if url.query else ''}"
        connection: http.client.HTTPConnection = _PinnedHTTP(host, port, timeout=_CONNECT_TIMEOUT_SECONDS)
        if url.scheme == "https":
            connection = _PinnedHTTPS(host, port, timeout=_CONNECT_TIMEOUT_SECONDS, context=self.tls)
        connection.address = address  # type: ignore[attr-defined]
        # A receiver that sends a byte now and then would never reach the time-out of the socket.
        timer = threading.Timer(_MAX_REQUEST_SECONDS, _shut_down, (connection,))
        timer.daemon = True
        timer.start()
        try:
            connection.request("POST", path, body, {**headers, "User-Agent": "ft-dcc", "Connection": "close"})
            response = connection.getresponse()
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise DeliveryFailed(f"{host} did not answer ({type(error).__name__}).") from None
        finally:
            timer.cancel()
            connection.close()
        if not 200 <= response.status < 300:
            pause = response.getheader("Retry-After") or ""
            seconds = min(float(pause), _MAX_RETRY_AFTER_SECONDS) if pause.isascii() and pause.isdigit() else 0.0
            raise DeliveryFailed(f"{host} answered with status {response.status}.", seconds)

    def _resolve(self, url: SplitResult) -> tuple[str, int]:
        """Return an address of the host that may be sent to; the connection uses it, whatever its name means then."""
        host, port = str(url.hostname), url.port or (443 if url.scheme == "https" else 80)
        try:
            found = [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        except (OSError, UnicodeError) as error:
            raise DeliveryFailed(f"{host} has no address. Check the name.") from error
        for text in found:
            address = ipaddress.ip_address(text.partition("%")[0])
            mapped = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None) or address
            is_public = mapped.is_global and not mapped.is_multicast and not _contains(_NEVER_PUBLIC, mapped)
            if not _contains(self.allowed_networks, mapped) and not (is_public and url.scheme == "https"):
                raise DeliveryFailed(
                    f"{host} is in a private network, or has no https://. The administrator can allow its network with "
                    f"{_NETWORKS}."
                )
        return found[0], port


_NEVER_PUBLIC = tuple(
    map(
        ipaddress.ip_network,
        (
            # Gateways translate these IPv6 addresses into IPv4 addresses of any network.
            *("64:ff9b::/96", "64:ff9b:1::/48", "::ffff:0:0:0/96", "::/96"),
            # Special networks of the IANA registries that ``is_global`` of some releases of Python does not know.
            *("192.0.0.0/24", "192.88.99.0/24", "fec0::/10", "2001::/23", "5f00::/16"),
            # The metadata service of Azure; those of other clouds are in private networks.
            "168.63.129.16/32",
        ),
    )
)


def _contains(networks: Iterable[_Network], address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return any(address.version == network.version and address in network for network in networks)


class _PinnedHTTP(http.client.HTTPConnection):
    """A connection to one address, with the host's name in the request."""

    address = ""

    def connect(self) -> None:
        self.sock = socket.create_connection((self.address, self.port), self.timeout)


class _PinnedHTTPS(_PinnedHTTP):
    """The same with TLS, for which the host's name must be in the certificate."""

    default_port = 443

    def __init__(self, host: str, port: int, *, timeout: float, context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=timeout)
        self._context = context

    def connect(self) -> None:
        super().connect()
        self.sock = self._context.wrap_socket(self.sock, server_hostname=self.host)


def _shut_down(connection: http.client.HTTPConnection) -> None:
    if connection.sock is not None:
        try:
            connection.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # The other side has closed it.
