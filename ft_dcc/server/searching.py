"""``search``: entities by parts of their names, in a context or everywhere."""

from __future__ import annotations

import json
import re
from typing import Any

from ft_dcc.errors import ValidationError
from ft_dcc.server.entities.batch import Answer, Batch, Operation
from ft_dcc.server.schema.model import EntityType

# What stands for a name where there is none, and what leads to the context of an entity that is none.
_NAMES = {
    "User": ("username", "first_name", "last_name", "email"),
    "AssetVersion": ("asset.name",),
    "Note": ("content",),
}
_CONTEXTS = {"Asset": "parent", "AssetVersion": "asset.parent", "Component": "version.asset.parent"}
_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|[()]|\w+')
_END = re.compile(r"(?:group|order)\s+by\b|(?:offset|limit)\s+\d")


def search(batch: Batch, operation: Operation) -> Answer:
    """Return the entities of an expression, or a type, whose name has every one of the terms in it.

    Raises ValidationError for a type that cannot be searched like this.
    """
    asked = batch.studio.schema.public(str(operation.get("entity_type") or "TypedContext"))
    conditions = [_has_term(asked, term) for term in _listed(operation, "terms") if isinstance(term, str) and term]
    if isinstance(context_id := operation.get("context_id"), str):
        conditions.append(_lies_in(asked, context_id))
    if object_type_ids := _listed(operation, "object_type_ids"):
        conditions.append(f"object_type_id in ({', '.join(map(_quoted, object_type_ids))})")
    expression = _narrowed(str(operation.get("expression") or asked.name), conditions)
    told = batch.studio.queries.tell(batch.reader, expression, is_denormalized=batch.is_denormalized)
    return {"action": "search", **told}


def _has_term(asked: EntityType, term: str) -> str:
    names = _NAMES.get(asked.name, ("name",) if "name" in asked.attributes else ())
    if not names:
        raise ValidationError(f"A search looks for names, and {asked.name} has none. Send a query.")
    literal = re.sub(r"([%_])", r"\\\1", term)
    pattern = _quoted(f"%{literal}%")
    return f"({' or '.join(f'{name} like {pattern}' for name in names)})"


def _lies_in(asked: EntityType, context_id: str) -> str:
    context, meant = _CONTEXTS.get(asked.family, ""), _quoted(context_id)
    if asked.family == "Context" or context:
        start = f"{context}." if context else ""
        paths = ("id",) if asked.name == "Project" else ("project_id", "ancestors.id", *(("id",) if context else ()))
        return f"({' or '.join(f'{start}{path} is {meant}' for path in paths)})"
    if "project_id" in asked.attributes:
        return f"project_id is {meant}"
    raise ValidationError(f"A {asked.name} lies in no context. Search without a context_id.")


def _narrowed(expression: str, conditions: list[str]) -> str:
    """Return the expression with more conditions, which hold whatever it says."""
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
    given = [] if begin < 0 else [f"({expression[begin:end]})"]
    head = expression[:end] if begin < 0 else expression[: begin - len("where")]
    return f"{head} where {' and '.join([*given, *conditions])} {expression[end:]}"


def _listed(operation: Operation, name: str) -> list[Any]:
    found = operation.get(name) or []
    if not isinstance(found, list):
        raise ValidationError(f"A search takes its {name} as a list.")
    return found


def _quoted(text: object) -> str:
    return json.dumps(str(text), ensure_ascii=False)
