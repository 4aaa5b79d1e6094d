"""The result of a query, fetched page by page when it is needed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from ft_dcc.errors import MultipleResultsFoundError, NoResultFoundError, ParseError
from ft_dcc.session import operations
from ft_dcc.session.entity import Entity
from ft_dcc.session.expression import field, find, quoted
from ft_dcc.session.group import Group

if TYPE_CHECKING:
    from ft_dcc.session.session import Session

__all__ = ["QueryResult", "identifying", "quoted", "with_projections"]

# A quoted text is matched first and left alone, so that a name may hold the words.
_PAGING = re.compile(r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|\b(offset|limit)\s+(\d+)""", re.DOTALL)


def identifying(entity_type: str, data: Mapping[str, Any], keys: Iterable[str]) -> str:
    """Return the expression that finds the entities which have these values under these keys."""
    return str(find(entity_type).where(*[field(key) == data[key] for key in keys]))


class QueryResult(Sequence[Entity]):
    """The entities that an expression finds; nothing is asked before the first of them is looked at."""

    def __init__(self, session: Session, expression: str, page_size: int = 500) -> None:
        if not isinstance(page_size, int) or page_size < 1:
            raise ValueError(f"A page cannot have {page_size!r} entities. Give a number from 1 on.")
        self._session = session
        self._expression, numbers = _without_paging(expression)
        self._limit = numbers.get("limit")
        self._offset = numbers.get("offset")
        self._next: int | None = self._offset or 0
        self._page_size = page_size
        self._found: list[Entity] = []
        self._group = Group()

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
        """Return every entity that is found."""
        self._fetch_until(None)
        return list(self._found)

    def one(self) -> Entity:
        """Return the only entity that is found.

        Raises NoResultFoundError, MultipleResultsFoundError, and ValueError when the expression has a limit or offset.
        """
        if self._limit is not None or self._offset is not None:
            raise ValueError("one() cannot be asked of an expression with a limit or an offset: it would hide others.")
        found = self._page(0, 2)[0]
        if not found:
            raise NoResultFoundError(f"Nothing on the server fits: {self._expression}")
        if len(found) > 1:
            raise MultipleResultsFoundError(f"More than one thing on the server fits: {self._expression}")
        return found[0]

    def first(self) -> Entity | None:
        """Return the first entity that is found, or None; raises ValueError when the expression has a limit."""
        if self._limit is not None:
            raise ValueError("first() cannot be asked of an expression with a limit.")
        found = self._page(self._offset or 0, 1)[0]
        return found[0] if found else None

    def _fetch_until(self, count: int | None) -> None:
        """Have at least so many results, or all when there are not so many or None is given."""
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
        answer = self._session.ask([operations.query(expression)], self._group)[0]
        following = (answer.get("metadata") or {}).get("next") or {}
        return answer["data"], following.get("offset")

    def __repr__(self) -> str:
        return f"<QueryResult {self._expression!r}>"


def _without_paging(expression: str) -> tuple[str, dict[str, int]]:
    numbers: dict[str, int] = {}

    def cut(match: re.Match[str]) -> str:
        if match[1] is not None or match[2] in numbers:
            return match[0]
        numbers[match[2]] = int(match[3])
        return ""

    return _PAGING.sub(cut, expression).strip(), numbers


def with_projections(expression: str, types: Any) -> str:
    """Return the expression with the default projections of its type, unless it selects something itself."""
    if expression.lstrip().startswith("select"):
        return expression
    if not expression.strip():
        raise ParseError('The query is empty. Say what is wanted, for example: Task where name is "animation".')
    entity_type = types[expression.split(None, 1)[0]]
    return f"select {', '.join(entity_type.default_projections)} from {expression}"
