"""Actions that only read: queries, and what the server says about itself."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from ft_dcc.server.actions.search import search
from ft_dcc.server.actions.upload_actions import get_upload_metadata
from ft_dcc.server.context import Description
from ft_dcc.server.entities import authorization, payload
from ft_dcc.server.entities.batch import Action, Answer, Batch, Operation
from ft_dcc.server.errors import ValidationError
from ft_dcc.server.query.planner import QueryPlanner
from ft_dcc.server.storage.media_store import MAX_SINGLE_UPLOAD_BYTES

# The first version of ftrack whose protocol has everything that is answered here.
PROTOCOL_VERSION = "4.13.0"


def read_actions(planner: QueryPlanner, description: Description) -> dict[str, Action]:
    """Return the reading actions of a server by name."""
    return {
        "query": partial(query, planner),
        "search": partial(search, planner),
        "query_schemas": lambda _batch, _operation: description.schemas,
        "query_server_information": partial(query_server_information, planner, description),
        "get_upload_metadata": get_upload_metadata,
        "permissions": permissions,
        # Roll-ups are computed by each query, so there is nothing to do.
        "compute_rollups": lambda _batch, _operation: {"action": "compute_rollups", "data": []},
        "generate_signed_url": partial(generate_signed_url, planner),
        # Usage data is discarded.
        "_track_usage": lambda _batch, _operation: {"action": "_track_usage"},
    }


def query(planner: QueryPlanner, batch: Batch, operation: Operation) -> Answer:
    """Return the entities that an expression selects; raises ParseError and ValidationError."""
    expression = operation.get("expression")
    if not isinstance(expression, str):
        raise ValidationError("A query needs an expression. Send it as text.")
    with batch.limit_queries():
        found = planner.respond(batch.query_context, expression, is_denormalized=batch.is_denormalized)
    return {"action": "query", **found}


def query_server_information(
    planner: QueryPlanner, description: Description, batch: Batch, operation: Operation
) -> dict[str, Any]:
    """Return facts about the server and the caller, all of them or those that ``values`` names."""
    user = batch.row("User", batch.caller.id) or {}
    information = {
        "version": PROTOCOL_VERSION,
        "schema_hash": description.digest,
        "is_timezone_support_enabled": True,
        "is_nested_subqueries_enabled": True,
        "storage_scenario": _storage_scenario(planner, batch),
        "product": {"name": "ft-dcc"},
        # An extension: the size in bytes up to which a file is best sent in one request; its ETag is then its CRC-32.
        "largest_piece": MAX_SINGLE_UPLOAD_BYTES,
        "user_information": {
            "id": batch.caller.id,
            "username": batch.caller.username,
            "first_name": user.get("first_name"),
            "last_name": user.get("last_name"),
        },
    }
    names = operation.get("values")
    if not isinstance(names, list):
        return information
    return {name: value for name, value in information.items() if name in names}


def _storage_scenario(planner: QueryPlanner, batch: Batch) -> dict[str, Any]:
    """Return the configured storage scenario, or the automatic one, where each session picks a location."""
    expression = 'select value from Setting where name is "storage_scenario" and group is "STORAGE"'
    settings, _ = planner.find(batch.query_context, expression)
    try:
        configured = json.loads(settings[0]["value"])
    except (IndexError, ValueError):
        configured = None
    return configured if isinstance(configured, dict) else {"scenario": "ftrack.automatic", "data": {}}


def permissions(batch: Batch, operation: Operation) -> Answer:
    """Return what the caller may do with entities of a type, or with the one that ``entity_data`` describes."""
    entity_type, data = payload.entity_type_of(batch, operation), operation.get("entity_data")
    is_writable = authorization.may_write(batch, entity_type, data if isinstance(data, dict) else {})
    return {"action": "permissions", "data": ["read", *(("create", "update", "delete") if is_writable else ())]}


def generate_signed_url(planner: QueryPlanner, batch: Batch, operation: Operation) -> Answer:
    """Return a URL that serves a component's bytes without credentials for an hour."""
    component_id = operation.get("component_id")
    expression = f"Component where id is {json.dumps(str(component_id), ensure_ascii=False)}"
    if not isinstance(component_id, str) or not planner.find(batch.query_context, expression)[0]:
        raise ValidationError("generate_signed_url needs the component_id of a component that exists. Send it.")
    return {"signed_url": batch.services.media.download_url(batch.base_url, component_id, batch.account)}
