"""``search``: find entities by parts of their names, in a context or everywhere."""

from __future__ import annotations

import json
import re
from typing import Any

from ft_dcc.server.entities.batch import Answer, Batch, Operation
from ft_dcc.server.errors import ValidationError
from ft_dcc.server.query import limits
from ft_dcc.server.query.planner import QueryPlanner
from ft_dcc.server.schema.model import EntityType

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
    """Return the entities of an expression or a type whose name contains every one of the terms.

    Raises ValidationError for a type that has no name or no context.
    """
    entity_type = batch.schema.public(str(operation.get("entity_type") or "TypedContext"))
    terms = [term for term in _list_parameter(operation, "terms") if isinstance(term, str) and term]
    conditions = [_term_condition(entity_type, term) for term in terms]
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


def _term_condition(entity_type: EntityType, term: str) -> str:
    names = _NAME_PATHS.get(entity_type.name, ("name",) if "name" in entity_type.attributes else ())
    if not names:
        raise ValidationError(f"{entity_type.name} has no name to search. Send a query instead.")
    literal = re.sub(r"([%_])", r"\\\1", term)
    pattern = _quote(f"%{literal}%")
    return f"({' or '.join(f'{name} like {pattern}' for name in names)})"


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
