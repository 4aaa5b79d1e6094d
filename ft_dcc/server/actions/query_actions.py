"""Actions that only read: queries, searches, and what the server says about itself."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import Any

from ft_dcc.server.actions.upload_actions import get_upload_metadata
from ft_dcc.server.auth import tokens
from ft_dcc.server.context import ServerContext
from ft_dcc.server.entities import authorization, payload
from ft_dcc.server.entities.batch import Action, Answer, Batch, Operation
from ft_dcc.server.errors import ValidationError
from ft_dcc.server.query import limits
from ft_dcc.server.query.planner import QueryPlanner
from ft_dcc.server.schema.model import EntityType
from ft_dcc.server.storage.media_store import MAX_SINGLE_UPLOAD_BYTES

# The first version of ftrack whose protocol has everything that is answered here.
PROTOCOL_VERSION = "4.13.0"
_AUTOMATIC_SCENARIO: dict[str, Any] = {"scenario": "ftrack.automatic", "data": {}}


def read_actions(context: ServerContext) -> dict[str, Action]:
    """Return the reading actions of a server by name."""
    planner = context.planner
    return {
        "query": partial(query, planner),
        "search": partial(search, planner),
        "query_schemas": lambda _batch, _operation: context.schemas,
        "query_server_information": partial(query_server_information, context),
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


def query_server_information(context: ServerContext, batch: Batch, operation: Operation) -> dict[str, Any]:
    """Return facts about the server and the caller, all of them or those that ``values`` names."""
    user = batch.row("User", batch.caller.id) or {}
    # The configured storage scenario, or the automatic one, where each session picks a location.
    expression = 'select value from Setting where name is "storage_scenario" and group is "STORAGE"'
    settings, _ = context.planner.find(batch.query_context, expression)
    try:
        scenario = json.loads(settings[0]["value"])
    except (IndexError, ValueError):
        scenario = None
    information = {
        "version": PROTOCOL_VERSION,
        "schema_hash": context.schema_digest,
        "is_timezone_support_enabled": True,
        "is_nested_subqueries_enabled": True,
        "storage_scenario": scenario if isinstance(scenario, dict) else _AUTOMATIC_SCENARIO,
        "product": {"name": "ft-dcc"},
        # An extension: the same at every address of the studio, and after its restore on another machine.
        "studio_id": tokens.studio_id(context.secret),
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


# The attributes that are searched for types without a name, and the paths to the context of types outside of the tree.
_NAME_PATHS = {
    "User": ("username", "first_name", "last_name", "email"),
    "AssetVersion": ("asset.name",),
    "Note": ("content",),
}
_CONTEXT_PATHS = {"Asset": "parent", "AssetVersion": "asset.parent", "Component": "version.asset.parent"}
# A text without its closing quote ends with the expression: otherwise the search would begin again at each quote in it.
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|\'[^\'\\]*(?:\\.[^\'\\]*)*(?:\'|\\?\Z)|[()]|\w+', re.DOTALL)
_END = re.compile(r"(?:group|order)\s+by\b|(?:offset|limit)\s+\d")


def search(planner: QueryPlanner, batch: Batch, operation: Operation) -> Answer:
    """Return the entities of an expression or a type whose name contains all terms; raises ValidationError."""
    entity_type = batch.schema.public(str(operation.get("entity_type") or "TypedContext"))
    terms = [term for term in _list_parameter(operation, "terms") if isinstance(term, str) and term]
    names = _NAME_PATHS.get(entity_type.name, ("name",) if "name" in entity_type.attributes else ())
    if terms and not names:
        raise ValidationError(f"{entity_type.name} has no name to search. Send a query instead.")
    conditions = []
    for term in terms:
        literal = re.sub(r"([%_])", r"\\\1", term)
        pattern = _quote(f"%{literal}%")
        conditions.append(f"({' or '.join(f'{name} like {pattern}' for name in names)})")
    if isinstance(context_id := operation.get("context_id"), str):
        conditions.append(_context_condition(entity_type, context_id))
    if object_type_ids := _list_parameter(operation, "object_type_ids"):
        conditions.append(f"object_type_id in ({', '.join(map(_quote, object_type_ids))})")
    expression = str(operation.get("expression") or entity_type.name)
    limits.check_expression(expression)
    expression = _add_conditions(expression, conditions)
    with batch.limit_queries():
        found = planner.respond(batch.query_context, expression, is_denormalized=batch.is_denormalized)
    return {"action": "search", **found}


def _context_condition(entity_type: EntityType, context_id: str) -> str:
    path, literal = _CONTEXT_PATHS.get(entity_type.family, ""), _quote(context_id)
    if entity_type.family == "Context" or path:
        prefix = f"{path}." if path else ""
        is_project = entity_type.name == "Project"
        names = ("id",) if is_project else ("project_id", "ancestors.id", *(("id",) if path else ()))
        return f"({' or '.join(f'{prefix}{name} is {literal}' for name in names)})"
    if "project_id" in entity_type.attributes:
        return f"project_id is {literal}"
    raise ValidationError(f"A {entity_type.name} belongs to no context. Search without a context_id.")


def _add_conditions(expression: str, conditions: list[str]) -> str:
    """Return the expression with further conditions, which are joined to its own by ``and``."""
    if not conditions:
        return expression
    begin, end, depth = -1, len(expression), 0
    for token in _TOKEN.finditer(expression):
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        if depth == 0 and token[0] == "where" and begin < 0:
            begin = token.end()
        elif depth == 0 and _END.match(expression, token.start()):
            end = token.start()
            break
    own = [] if begin < 0 else [f"({expression[begin:end]})"]
    head = expression[:end] if begin < 0 else expression[: begin - len("where")]
    return f"{head} where {' and '.join([*own, *conditions])} {expression[end:]}"


def _list_parameter(operation: Operation, name: str) -> list[Any]:
    value = operation.get(name) or []
    if not isinstance(value, list):
        raise ValidationError(f"A search takes {name} as a list. Send a list.")
    return value


def _quote(text: object) -> str:
    return json.dumps(str(text), ensure_ascii=False)
