"""``get_widget_url``: an address that shows a small page to whoever has it, for a few minutes."""

from __future__ import annotations

from typing import Any

from ft_dcc.errors import ValidationError
from ft_dcc.server.access import sign
from ft_dcc.server.entities.batch import Batch, Operation
from ft_dcc.server.entities.given import entity_type_of, operation_key

PURPOSE = "widget"
NAMES = ("info", "tasks", "tasks_browser")
_SECONDS = 360


def get_widget_url(batch: Batch, operation: Operation) -> dict[str, Any]:
    """Return the address of a page about an entity (``info``) or about the user's tasks."""
    name = operation.get("name")
    if name not in NAMES:
        raise ValidationError(f"There is no such widget. Ask for one of {', '.join(NAMES)}.")
    claims: dict[str, Any] = {"name": name, "user": [batch.caller.id, batch.caller.username]}
    if operation.get("entity_type") is not None:
        entity_type = entity_type_of(batch, operation)
        claims["entity"] = [entity_type.name, *operation_key(entity_type, operation)]
    elif name == "info":
        raise ValidationError("The widget 'info' is about an entity. Send its entity_type and entity_key.")
    return {"widget_url": f"{batch.base_url}/widget/{sign(batch.studio.secret, PURPOSE, claims, _SECONDS)}"}
