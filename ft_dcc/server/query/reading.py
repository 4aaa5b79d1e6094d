"""Reads a query expression into its tree; what cannot be read is a ParseError with its place."""

from __future__ import annotations

import functools
from importlib import resources
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, UnexpectedToken, v_args
from lark.exceptions import VisitError

from ft_dcc.errors import ParseError
from ft_dcc.server.query.syntax import (
    Comparison,
    Criteria,
    Junction,
    Negation,
    Order,
    Path,
    Projection,
    Query,
    Related,
    Step,
    Value,
    Within,
    unquote,
)


def parse(expression: str) -> Query:
    """Return the tree of an expression, masked or not; raises ParseError."""
    try:
        tree = _parser().parse(expression)
        query: Query = _ToTree().transform(tree)
    except UnexpectedInput as error:
        is_at_end = isinstance(error, UnexpectedToken) and error.token.type == "$END"
        place = len(expression) if is_at_end or error.pos_in_stream is None else error.pos_in_stream
        raise ParseError(_describe(expression, place)) from error
    except VisitError as error:
        raise ParseError(str(error.orig_exc)) from error
    except RecursionError as error:
        raise ParseError("The query is nested too deeply. Write it with fewer parentheses.") from error
    return query


def _describe(expression: str, place: int) -> str:
    found = expression[place : place + 20].split("\n")[0].strip()
    if not found:
        return f"The query ends too early, at character {place + 1}. Complete it."
    return f"The query cannot be read at character {place + 1}, at '{found}'. See the query language."


@functools.lru_cache(maxsize=1)
def _parser() -> Lark:
    grammar = resources.files("ft_dcc.server.query").joinpath("query.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", lexer="contextual", maybe_placeholders=False)


@v_args(inline=True)
class _ToTree(Transformer[Token, Any]):
    """Turns lark's tree into ours, from the leaves up."""

    def __init__(self) -> None:
        super().__init__()
        self._masks = 0

    def start(self, query: Query) -> Query:
        return query

    def step(self, name: Token, cast: Token | None = None) -> Step:
        return Step(str(name), str(cast or ""), (name.start_pos or 0) + 1)

    def path(self, *steps: Step) -> Path:
        return steps

    def plain(self, path: Path) -> Projection:
        return Projection(path)

    def aggregate(self, name: Token, path: Path) -> Projection:
        return Projection(path, str(name), (name.start_pos or 0) + 1)

    def order(self, path: Path, direction: Token | None = None) -> Order:
        return Order(path, str(direction or "").startswith("desc"))

    def offset(self, _word: Token, count: Token) -> tuple[str, int]:
        return "offset", _small(count)

    def limit(self, _word: Token, count: Token) -> tuple[str, int]:
        return "limit", _small(count)

    def value(self, token: Token) -> Value:
        place = (token.start_pos or 0) + 1
        if token.type == "MASK":
            self._masks += 1
            return Value(None, place, self._masks - 1, is_list=len(token) == 2)
        return Value(unquote(token) if token.type == "STRING" else str(token), place)

    def values(self, *values: Value) -> tuple[Value, ...]:
        return values

    def subselect(self, _select: Token, path: Path, _from: Token, name: Token, *rest: Any) -> Query:
        criteria = rest[1] if rest else None
        return Query(str(name), (name.start_pos or 0) + 1, (Projection(path),), criteria)

    def short_subselect(self, name: Token, _where: Token, criteria: Criteria) -> Query:
        return Query(str(name), (name.start_pos or 0) + 1, (), criteria)

    def comparison(self, path: Path, operator: Token, value: Value) -> Comparison:
        if value.is_list:
            raise ParseError(f"A list of values at character {value.place} needs the operator 'in'.")
        return Comparison(path, str(operator), value)

    def within(self, path: Path, word: Token, found: Any = ()) -> Within:
        query = found if isinstance(found, Query) else None
        return Within(path, word == "in", () if query else found, query)

    def related(self, path: Path, _word: Token, criteria: Criteria | None = None) -> Related:
        return Related(path, criteria)

    def negation(self, _not: Token, criteria: Criteria) -> Negation:
        return Negation(criteria)

    def any_of(self, *parts: Any) -> Criteria:
        return Junction("or", tuple(part for part in parts if not isinstance(part, Token)))

    def all_of(self, *parts: Any) -> Criteria:
        return Junction("and", tuple(part for part in parts if not isinstance(part, Token)))

    def query(self, *parts: Any) -> Query:
        return _assemble(list(parts))


def _small(count: Token) -> int:
    if len(count) > 9:
        raise ParseError(f"The number at character {(count.start_pos or 0) + 1} is too large.")
    return int(count)


def _assemble(parts: list[Any]) -> Query:
    """Sort the parts of a query by the words before them."""
    name = next(part for part in parts if isinstance(part, Token) and part.type == "NAME")
    tuples = [part for part in parts if isinstance(part, tuple)]
    windows: dict[str, int] = dict(part for part in tuples if isinstance(part[0], str))
    where = next((i for i, part in enumerate(parts) if isinstance(part, Token) and part.type == "WHERE"), None)
    return Query(
        entity_type=str(name),
        place=(name.start_pos or 0) + 1,
        projections=tuple(part for part in parts if isinstance(part, Projection)),
        criteria=None if where is None else parts[where + 1],
        groups=tuple(part for part in tuples if isinstance(part[0], Step)),
        orders=tuple(part for part in parts if isinstance(part, Order)),
        offset=windows.get("offset", 0),
        limit=windows.get("limit"),
    )
