"""Parse a query expression into its syntax tree; a ParseError has the position in the text."""

from __future__ import annotations

import functools
from importlib import resources
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, UnexpectedToken, v_args
from lark.exceptions import VisitError

from ft_dcc.server.errors import ParseError
from ft_dcc.server.query import ast


def parse(expression: str) -> ast.Query:
    """Return the syntax tree of an expression, with or without parameters; raises ParseError."""
    try:
        tree = _parser().parse(expression)
        query: ast.Query = _ToTree().transform(tree)
    except UnexpectedInput as error:
        is_at_end = isinstance(error, UnexpectedToken) and error.token.type == "$END"
        position = len(expression) if is_at_end or error.pos_in_stream is None else error.pos_in_stream
        found = expression[position : position + 20].split("\n")[0].strip()
        reason = f"The query ends too early, at character {position + 1}. Complete it."
        if found:
            reason = f"The query cannot be read at character {position + 1}, at '{found}'. See the query language."
        raise ParseError(reason) from error
    except VisitError as error:
        raise ParseError(str(error.orig_exc)) from error
    except RecursionError as error:
        raise ParseError("The query is nested too deeply. Write it with fewer parentheses.") from error
    return query


@functools.lru_cache(maxsize=1)
def _parser() -> Lark:
    grammar = resources.files("ft_dcc.server.query").joinpath("query.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", lexer="contextual", maybe_placeholders=False)


@v_args(inline=True)
class _ToTree(Transformer[Token, Any]):
    """Transforms lark's tree into ours, from the leaves up."""

    def __init__(self) -> None:
        super().__init__()
        self._literals = 0

    def start(self, query: ast.Query) -> ast.Query:
        return query

    def step(self, name: Token, cast: Token | None = None) -> ast.Step:
        return ast.Step(str(name), str(cast or ""), (name.start_pos or 0) + 1)

    def path(self, *steps: ast.Step) -> ast.Path:
        return steps

    def plain(self, path: ast.Path) -> ast.Projection:
        return ast.Projection(path)

    def aggregate(self, name: Token, path: ast.Path) -> ast.Projection:
        return ast.Projection(path, str(name), (name.start_pos or 0) + 1)

    def order(self, path: ast.Path, direction: Token | None = None) -> ast.Order:
        return ast.Order(path, str(direction or "").startswith("desc"))

    def window(self, _word: Token, count: Token) -> None:
        # The numbers of the page are parameters of the plan.
        if len(count) > 9:
            raise ParseError(f"The number at character {(count.start_pos or 0) + 1} is too large.")

    def value(self, token: Token) -> ast.Value:
        position = (token.start_pos or 0) + 1
        if token.type == "PARAMETER":
            self._literals += 1
            return ast.Value(None, position, self._literals - 1, is_list=len(token) == 2)
        return ast.Value(ast.unquote(token) if token.type == "STRING" else str(token), position)

    def values(self, *values: ast.Value) -> tuple[ast.Value, ...]:
        return values

    def subselect(self, _select: Token, path: ast.Path, _from: Token, name: Token, *rest: Any) -> ast.Query:
        return ast.Query(str(name), (ast.Projection(path),), rest[1] if rest else None)

    def short_subselect(self, name: Token, _where: Token, criteria: ast.Criteria) -> ast.Query:
        return ast.Query(str(name), (), criteria)

    def comparison(self, path: ast.Path, operator: Token, value: ast.Value) -> ast.Comparison:
        if value.is_list:
            raise ParseError(f"A list of values at character {value.position} needs the operator 'in'.")
        return ast.Comparison(path, str(operator), value)

    def within(self, path: ast.Path, word: Token, found: Any = ()) -> ast.InCondition:
        query = found if isinstance(found, ast.Query) else None
        return ast.InCondition(path, word == "in", () if query else found, query)

    def related(self, path: ast.Path, _word: Token, criteria: ast.Criteria | None = None) -> ast.RelationCondition:
        return ast.RelationCondition(path, criteria)

    def negation(self, _not: Token, criteria: ast.Criteria) -> ast.Negation:
        return ast.Negation(criteria)

    def any_of(self, *parts: Any) -> ast.Criteria:
        return ast.Junction("or", parts[::2])  # The others are the words between them.

    def all_of(self, *parts: Any) -> ast.Criteria:
        return ast.Junction("and", parts[::2])

    def query(self, *parts: Any) -> ast.Query:
        name = next(part for part in parts if isinstance(part, Token) and part.type == "NAME")
        where = next((i for i, part in enumerate(parts) if isinstance(part, Token) and part.type == "WHERE"), None)
        return ast.Query(
            entity_type=str(name),
            projections=tuple(part for part in parts if isinstance(part, ast.Projection)),
            criteria=None if where is None else parts[where + 1],
            groups=tuple(part for part in parts if isinstance(part, tuple)),
            orders=tuple(part for part in parts if isinstance(part, ast.Order)),
        )
