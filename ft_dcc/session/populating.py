"""Fetching values that entities lack: one request for all of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ft_dcc.errors import OperationError
from ft_dcc.session import operations
from ft_dcc.session.entity import Entity, require_entity
from ft_dcc.session.expression import quoted
from ft_dcc.session.group import Group
from ft_dcc.session.symbol import CREATED

if TYPE_CHECKING:
    from ft_dcc.session.session import Session

# Few enough that a server's limit for one statement is far away.
_IN_ONE_QUERY = 500


def populate(session: Session, entities: Entity | Iterable[Entity], projections: str) -> None:
    """Give the entities the values that the projections name; new ones, which the server does not know, keep theirs."""
    if not isinstance(projections, str) or not projections.strip():
        raise OperationError(f'{projections!r} names no attributes. Give a text such as "name, status.name".')
    by_type: dict[str, list[Entity]] = {}
    for entity in [entities] if isinstance(entities, Entity) else entities:
        require_entity(entity, "populated")
        if entity.state is not CREATED:
            by_type.setdefault(entity.entity_type, []).append(entity)
    expressions = []
    for entity_type, members in by_type.items():
        for start in range(0, len(members), _IN_ONE_QUERY):
            condition = _condition(members[start : start + _IN_ONE_QUERY])
            expressions.append(f"select {projections} from {entity_type} where {condition}")
    _ask(session, expressions)


def _ask(session: Session, expressions: list[str]) -> None:
    group = Group(is_result=False)
    pending = [(expression, expression) for expression in expressions]
    while pending:
        answers = session.ask([operations.query(asked) for _, asked in pending], group)
        following = []
        for (expression, _), answer in zip(pending, answers):
            offset: Any = ((answer.get("metadata") or {}).get("next") or {}).get("offset")
            if offset is not None:
                following.append((expression, f"{expression} offset {offset} limit {_IN_ONE_QUERY}"))
        pending = following


def _condition(entities: list[Entity]) -> str:
    names = entities[0].primary_key_attributes
    if len(names) == 1:
        keys = [quoted(entity.primary_key[0]) for entity in entities]
        return f"{names[0]} is {keys[0]}" if len(keys) == 1 else f"{names[0]} in ({', '.join(keys)})"
    return " or ".join(f"({key_condition(names, entity.primary_key)})" for entity in entities)


def key_condition(names: Iterable[str], key: Iterable[str]) -> str:
    """Return the condition that only the entity with this key fulfils."""
    return " and ".join(f"{name} is {quoted(part)}" for name, part in zip(names, key))
