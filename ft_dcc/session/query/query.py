"""The result of a query, fetched page by page on demand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, overload

from ft_dcc.errors import MultipleResultsFoundError, NoResultFoundError, ParseError
from ft_dcc.session import operations
from ft_dcc.session.entities.entity import Entity, FetchGroup
from ft_dcc.session.query.expression import field, find, quoted
from ft_dcc.session.query.populate import Fetch

__all__ = ["QueryResult", "identifying", "quoted", "with_projections"]

# Quoted texts are matched first and left alone, so that they may contain "limit" and "offset".
_PAGING = re.compile(r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|\b(offset|limit)\s+(\d+)""", re.DOTALL)


def identifying(entity_type: str, data: Mapping[str, Any], keys: Iterable[str]) -> str:
    """Return the expression that finds the entities with the data's values of these keys."""
    return str(find(entity_type).where(*[field(key) == data[key] for key in keys]))


class QueryResult(Sequence[Entity]):
    """The entities that an expression finds; they are fetched on the first access."""

    def __init__(self, fetch: Fetch, expression: str, page_size: int = 500) -> None:
        if not isinstance(page_size, int) or page_size < 1:
            raise ValueError(f"A page cannot have {page_size!r} entities. Pass an integer from 1 on.")
        self._fetch = fetch
        self._expression, paging = _split_paging(expression)
        self._limit = paging.get("limit")
        self._offset = paging.get("offset")
        self._next: int | None = self._offset or 0
        self._page_size = page_size
        self._found: list[Entity] = []
        self._group = FetchGroup()

    @overload
    def __getitem__(self, index: int) -> Entity: ...
    @overload
    def __getitem__(self, index: slice) -> list[Entity]: ...
    def __getitem__(self, index: int | slice) -> Entity | list[Entity]:
        if isinstance(index, slice):
            stop = index.stop
            self._fetch_until(None if stop is None or stop < 0 or (index.start or 0) < 0 else stop)
        else:
            self._fetch_until(None if index < 0 else index + 1)
        return self._found[index]

    def __iter__(self) -> Iterator[Entity]:
        position = 0
        while True:
            self._fetch_until(position + 1)
            if position >= len(self._found):
                return
            yield self._found[position]
            position += 1

    def __len__(self) -> int:
        self._fetch_until(None)
        return len(self._found)

    def __bool__(self) -> bool:
        self._fetch_until(1)
        return bool(self._found)

    def all(self) -> list[Entity]:
        """Return every entity."""
        self._fetch_until(None)
        return list(self._found)

    def one(self) -> Entity:
        """Return the only entity.

        Raises NoResultFoundError, MultipleResultsFoundError, and ValueError if the expression has a limit or an offset.
        """
        if self._limit is not None or self._offset is not None:
            raise ValueError("one() needs an expression without limit and offset, which would hide other results.")
        found = self._page(0, 2)[0]
        if not found:
            raise NoResultFoundError(f"No entity matches: {self._expression}")
        if len(found) > 1:
            raise MultipleResultsFoundError(f"More than one entity matches: {self._expression}")
        return found[0]

    def first(self) -> Entity | None:
        """Return the first entity, or None; raises ValueError if the expression has a limit."""
        if self._limit is not None:
            raise ValueError("first() needs an expression without a limit.")
        found = self._page(self._offset or 0, 1)[0]
        return found[0] if found else None

    def _fetch_until(self, count: int | None) -> None:
        """Fetch pages until there are ``count`` results, or all results for None."""
        while self._next is not None and (count is None or len(self._found) < count):
            size = self._page_size
            if self._limit is not None:
                size = min(size, self._limit - len(self._found))
                if size <= 0:
                    self._next = None
                    return
            found, self._next = self._page(self._next, size)
            self._found.extend(found)

    def _page(self, offset: int, size: int) -> tuple[list[Entity], int | None]:
        expression = f"{self._expression} offset {offset} limit {size}"
        result = self._fetch([operations.query(expression)], self._group)[0]
        following = (result.get("metadata") or {}).get("next") or {}
        return result["data"], following.get("offset")

    def __repr__(self) -> str:
        return f"<QueryResult {self._expression!r}>"


def _split_paging(expression: str) -> tuple[str, dict[str, int]]:
    """Return the expression without ``offset`` and ``limit``, and their numbers."""
    numbers: dict[str, int] = {}

    def cut(match: re.Match[str]) -> str:
        if match[1] is not None or match[2] in numbers:
            return match[0]
        numbers[match[2]] = int(match[3])
        return ""

    return _PAGING.sub(cut, expression).strip(), numbers


def with_projections(expression: str, types: Any) -> str:
    """Return the expression with the default projections of its type, unless it has its own."""
    if expression.lstrip().startswith("select"):
        return expression
    if not expression.strip():
        raise ParseError('The query is empty. Write it like: Task where name is "animation".')
    entity_type = types[expression.split(None, 1)[0]]
    return f"select {', '.join(entity_type.default_projections)} from {expression}"
