"""Actions that only read: queries, searches, and what the server says about itself."""

from __future__ import annotations

import json
from typing import Any

from ft_dcc.errors import ValidationError
from ft_dcc.server.entities.batch import Action, Answer, Batch, Operation
from ft_dcc.server.entities.given import entity_type_of
from ft_dcc.server.entities.guard import is_allowed
from ft_dcc.server.files import LARGEST_PIECE
from ft_dcc.server.searching import search
from ft_dcc.server.uploads import get_upload_metadata
from ft_dcc.server.widgets import get_widget_url

# The first version of ftrack whose protocol has everything that is answered here.
PROTOCOL_VERSION = "4.13.0"


def query(batch: Batch, operation: Operation) -> Answer:
    """Return what an expression finds."""
    expression = operation.get("expression")
    if not isinstance(expression, str):
        raise ValidationError("A query needs an expression. Send it as text.")
    return _found(batch, "query", expression)


def _quoted(text: object) -> str:
    return json.dumps(str(text), ensure_ascii=False)


def _found(batch: Batch, action: str, expression: str) -> Answer:
    told = batch.studio.queries.tell(batch.reader, expression, is_denormalized=batch.is_denormalized)
    return {"action": action, **told}


def query_schemas(batch: Batch, _operation: Operation) -> list[dict[str, Any]]:
    """Return the schema of every entity type."""
    return batch.studio.description.schemas


def query_server_information(batch: Batch, operation: Operation) -> dict[str, Any]:
    """Return what the server says about itself, or the part of it that ``values`` names."""
    user = batch.row("User", batch.caller.id) or {}
    information = {
        "version": PROTOCOL_VERSION,
        "schema_hash": batch.studio.description.digest,
        "is_timezone_support_enabled": True,
        "is_nested_subqueries_enabled": True,
        "storage_scenario": _storage_scenario(batch),
        "product": {"name": "ft-dcc"},
        # Ours: up to how many bytes a file is best sent in one piece, whose tag is then its CRC-32.
        "largest_piece": LARGEST_PIECE,
        "user_information": {
            "id": batch.caller.id,
            "username": batch.caller.username,
            "first_name": user.get("first_name"),
            "last_name": user.get("last_name"),
        },
    }
    wanted = operation.get("values")
    if not isinstance(wanted, list):
        return information
    return {name: value for name, value in information.items() if name in wanted}


def _storage_scenario(batch: Batch) -> dict[str, Any]:
    """Return which location is used for all files: what was configured, or that each session picks one."""
    settings = _found(
        batch, "query", 'select value from Setting where name is "storage_scenario" and group is "STORAGE"'
    )
    try:
        configured = json.loads(settings["data"][0]["value"])
    except (IndexError, ValueError):
        configured = None
    return configured if isinstance(configured, dict) else {"scenario": "ftrack.automatic", "data": {}}


def permissions(batch: Batch, operation: Operation) -> Answer:
    """Return what the user may do with entities of a type, of what is in ``entity_data`` if anything is."""
    entity_type, data = entity_type_of(batch, operation), operation.get("entity_data")
    may_write = is_allowed(batch, entity_type, data if isinstance(data, dict) else {})
    return {"action": "permissions", "data": ["read", *(("create", "update", "delete") if may_write else ())]}


def compute_rollups(_batch: Batch, _operation: Operation) -> Answer:
    """Return nothing: sums are computed whenever they are asked for."""
    return {"action": "compute_rollups", "data": []}


def generate_signed_url(batch: Batch, operation: Operation) -> Answer:
    """Return an address that gives a component's bytes without credentials, for an hour."""
    component_id = operation.get("component_id")
    if (
        not isinstance(component_id, str)
        or not _found(batch, "query", f"Component where id is {_quoted(component_id)}")["data"]
    ):
        raise ValidationError("A signed address is that of a component. Send the component_id of one that exists.")
    return {"signed_url": batch.studio.files.download_url(batch.base_url, component_id)}


def track_usage(_batch: Batch, _operation: Operation) -> Answer:
    """Keep nothing: how the studio works is its own business."""
    return {"action": "_track_usage"}


ASKING: dict[str, Action] = {
    "query": query,
    "search": search,
    "query_schemas": query_schemas,
    "query_server_information": query_server_information,
    "get_upload_metadata": get_upload_metadata,
    "get_widget_url": get_widget_url,
    "permissions": permissions,
    "compute_rollups": compute_rollups,
    "generate_signed_url": generate_signed_url,
    "_track_usage": track_usage,
}
