"""Limits of queries: of their text, before it is parsed, and of what they ask for.

The latter are well below those of SQLite: 64 tables in a join, and crashes of old versions before that. A statement has
further tables than the query names, because each of them is filtered by what the user may see.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Union

import attrs

from ft_dcc.server.errors import ParseError
from ft_dcc.server.query import ast

MAX_JOINS, MAX_ORDERS, MAX_GROUPS = 24, 16, 16
MAX_PROJECTIONS, MAX_CONDITIONS, MAX_SUBQUERIES = 500, 5_000, 200
MAX_PATH_LENGTH, MAX_DEPTH = 12, 64
# SQLite takes 50,000 bytes. It compares a text with a pattern in one step, which nothing interrupts, and which can take
# as long as both lengths multiplied.
MAX_PATTERN_BYTES, MAX_COMPARED_LENGTH = 1_000, 16_384

# Literals are not part of a template: a query for 50,000 ids has a short one.
MAX_EXPRESSION_LENGTH, MAX_TEMPLATE_LENGTH = 2 << 20, 64 << 10
MAX_PATH_STEPS, MAX_ESCAPES = 16, 10_000
_LONG_PATH = re.compile(rf"\w(?:[^\s.()]{{0,200}}\.){{{MAX_PATH_STEPS}}}")

Names = tuple[tuple[str, str], ...]


def check_expression(expression: str) -> None:
    """Raise ParseError for an expression that is too long to look for its literals."""
    if len(expression) > MAX_EXPRESSION_LENGTH:
        raise ParseError("The query is too long. Select fewer entities at once.")
    # The search for literals takes a step for each, and nothing else runs meanwhile.
    if expression.count("\\") > MAX_ESCAPES:
        raise ParseError(f"The query has more than {MAX_ESCAPES} backslashes. Select fewer entities at once.")


def check_template(text: str) -> None:
    """Raise ParseError for a template that is too long, nested too deeply, or has too long a path."""
    if len(text) > MAX_TEMPLATE_LENGTH:
        raise ParseError(f"The query has more than {MAX_TEMPLATE_LENGTH} characters without its literals. Split it.")
    depth = 0
    for character in text if text.count("(") > MAX_DEPTH else ():
        depth += (character == "(") - (character == ")")
        if depth > MAX_DEPTH:
            raise ParseError(f"The query is nested too deeply: more than {MAX_DEPTH} parentheses. Split it.")
    if text.count(".") >= MAX_PATH_STEPS and (found := _LONG_PATH.search(text)):
        raise ParseError(
            f"The query cannot be read at character {found.start() + 1}: a path has at most {MAX_PATH_STEPS} steps."
        )


def check(query: ast.Query) -> ast.Query:
    """Return the query without orders that repeat others; raises ParseError for one that is over a limit."""
    orders: dict[Names, ast.Order] = {}
    for order in query.orders:
        orders.setdefault(tuple((step.name, step.cast) for step in order.path), order)
    _limit(len(orders), MAX_ORDERS, "terms in 'order by'")
    _limit(len(query.groups), MAX_GROUPS, "terms in 'group by'")
    _limit(len(query.projections), MAX_PROJECTIONS, "selected attributes")
    projected = [projection.path for projection in query.projections]
    for path in (*projected, *query.groups, *(order.path for order in query.orders)):
        _limit(len(path), MAX_PATH_LENGTH, "steps in a path")
    subqueries = 0
    for conditions, (condition, depth) in enumerate(_conditions(query.criteria, 1), 1):
        subqueries += isinstance(condition, ast.RelationCondition)
        subqueries += isinstance(condition, ast.InCondition) and condition.query is not None
        _limit(len(condition.path), MAX_PATH_LENGTH, "steps in a path")
        _limit(depth, MAX_DEPTH, "levels of conditions")
        _limit(conditions, MAX_CONDITIONS, "conditions")
        _limit(subqueries, MAX_SUBQUERIES, "conditions on related entities")
    return attrs.evolve(query, orders=tuple(orders.values()))


_Condition = Union[ast.Comparison, ast.InCondition, ast.RelationCondition]


def _conditions(criteria: ast.Criteria | None, depth: int) -> Iterator[tuple[_Condition, int]]:
    """Yield each comparison inside criteria, and how deep it is nested."""
    if criteria is None:
        return
    if isinstance(criteria, ast.Junction):
        for part in criteria.parts:
            yield from _conditions(part, depth + 1)
    elif isinstance(criteria, ast.Negation):
        yield from _conditions(criteria.criteria, depth + 1)
    else:
        yield criteria, depth
        inner = criteria.criteria if isinstance(criteria, ast.RelationCondition) else None
        if isinstance(criteria, ast.InCondition) and criteria.query is not None:
            inner = criteria.query.criteria
        yield from _conditions(inner, depth + 1)


def check_joins(count: int) -> None:
    """Raise ParseError for a statement with too many joins."""
    _limit(count, MAX_JOINS, "related entities that are joined")


def like_pattern(text: str) -> str:
    """Return the pattern of ``like``; raises ParseError for one that is too long."""
    if len(text.encode(errors="replace")) > MAX_PATTERN_BYTES:
        raise ParseError(f"A pattern of 'like' has at most {MAX_PATTERN_BYTES} bytes. Search for a shorter text.")
    return text


def _limit(count: int, most: int, noun: str) -> None:
    if count > most:
        raise ParseError(f"The query has more than {most} {noun}. Split it into several queries.")
