"""The bodies of webhook messages: JSON with a signature, or what Slack takes."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

from ft_dcc.server.database.notification_log import NOTE, VERDICT, VERSION
from ft_dcc.server.notifications.event_details import EventDetails

EVENTS = {VERSION: "version.created", NOTE: "note.created", VERDICT: "verdict.set"}
PING = "ping"
_STATUSES = {"approved": "approved", "require_changes": "asked for changes"}
_MAX_TEXT_LENGTH = 1500
_SLACK_SPECIAL = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})

Payload = Mapping[str, Any]


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


def ping_payload(delivery_id: str, time: str, project: Mapping[str, str]) -> dict[str, Any]:
    """Return the message by which an administrator tests a webhook."""
    return {"id": delivery_id, "event": PING, "time": time, "project": dict(project)}


def encode(form: str, payload: Payload, secret: str, now: float) -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers of a message in the form of a receiver."""
    body = json.dumps(FORMS[form](payload), separators=(",", ":")).encode()
    headers = {"Content-Type": "application/json"}
    if form == "json":
        headers["X-Ft-Dcc-Event"] = str(payload["event"])
        headers["X-Ft-Dcc-Delivery"] = str(payload["id"])
        headers["X-Ft-Dcc-Signature"] = sign_body(secret, body, int(now))
    return body, headers


def sign_body(secret: str, body: bytes, time: int) -> str:
    """Return the signature header: the time in seconds since 1970, and the HMAC-SHA-256 of the time, a dot and body."""
    digest = hmac.new(secret.encode(), f"{time}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={time},v1={digest}"


def _slack(payload: Payload) -> dict[str, Any]:
    """Return the message as one or two lines, with everything that people typed escaped."""
    text = _sentence(payload)
    return {"text": f"{text}\n<{payload['link']}|Open the review>" if payload.get("link") else text}


def _sentence(payload: Payload) -> str:
    if payload["event"] == PING:
        return f"ft-dcc can send messages of {_escape(payload['project']['name'])} here."
    version, author = _escape(payload["version"]["name"]), _escape(payload["author"] or "A guest")
    if payload["event"] == EVENTS[VERSION]:
        return f"{author} published {version}"
    if payload["event"] == EVENTS[VERDICT]:
        return f"{author} {_STATUSES.get(payload['verdict'], _escape(payload['verdict']))}: {version}"
    note = payload["note"]
    text = _escape(note["text"][:_MAX_TEXT_LENGTH].strip() or "a drawing")
    frame = f", frame {note['frame']}" if note["frame"] is not None else ""
    return f"{author} on {version}{frame}: {text}"


def _escape(text: str) -> str:
    return text.translate(_SLACK_SPECIAL)


FORMS: dict[str, Callable[[Payload], Any]] = {"json": dict, "slack": _slack}
