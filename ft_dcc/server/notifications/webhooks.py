"""The webhooks of projects, the durable queue of what is sent to them, and the bodies of their messages.

Messages of one webhook are sent in order. After a failure the webhook waits, four times as long after each further
one, and a message is given up after two days.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timezone
from functools import partial
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Row, delete, func, select, update

from ft_dcc.server.database.audit_log import NOTE, VERDICT, VERSION, RecordedEvent
from ft_dcc.server.database.private_tables import WEBHOOK_DELIVERIES, WEBHOOKS
from ft_dcc.server.database.store import Store
from ft_dcc.server.errors import ValidationError
from ft_dcc.server.notifications.event_details import EventDetails
from ft_dcc.server.notifications.webhook_client import DeliveryFailed, WebhookClient, parse_url

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
) -> int:
    """Send the messages whose time has come, and return how many were accepted."""
    with store.reading() as connection:
        due = connection.execute(select(WEBHOOKS).where(WEBHOOKS.c.retry_at <= now)).all()
    return sum(_send_to(store, client, hook, now, is_stopping) for hook in due)


def _send_to(store: Store, client: WebhookClient, hook: Row[Any], now: float, is_stopping: Callable[[], bool]) -> int:
    """Send the messages of one webhook until one fails, and return how many were accepted."""
    waiting = (
        select(WEBHOOK_DELIVERIES)
        .where(WEBHOOK_DELIVERIES.c.webhook_id == hook.id)
        .order_by(WEBHOOK_DELIVERIES.c.number)
    )
    with store.reading() as connection:
        messages: Sequence[Row[Any]] = connection.execute(waiting.limit(_MAX_DELIVERIES_PER_ROUND)).all()
    accepted = 0
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
        accepted += 1
    return accepted


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
