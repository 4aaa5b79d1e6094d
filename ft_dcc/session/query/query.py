"""The results of queries, fetched page by page on demand, and missing and inherited values of entities."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, overload

from ft_dcc.errors import MultipleResultsFoundError, NoResultFoundError
from ft_dcc.session import operations, symbol
from ft_dcc.session.entities.entity import Entity, FetchGroup, SessionInterface
from ft_dcc.session.query.expression import Expression, field, find, quoted

# The results of operations; their entities are added to a fetch group.
Fetch = Callable[[Sequence[Any], FetchGroup], "list[Any]"]

# Far below the servers' limits for one statement.
MAX_KEYS_PER_QUERY = 500
# Quoted texts are matched first and left alone, so that they may contain "limit" and "offset".
_PAGING = re.compile(r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|\b(offset|limit)\s+(\d+)""", re.DOTALL)


class QueryResult(Sequence[Entity]):
    """The entities that an expression finds; they are fetched on the first access."""

    def __init__(self, fetch: Fetch, expression: str, page_size: int = 500) -> None:
        if not isinstance(page_size, int) or page_size < 1:
            raise ValueError(f"A page cannot have {page_size!r} entities. Pass an integer from 1 on.")
        self._fetch = fetch
        paging: dict[str, int] = {}

        def cut(match: re.Match[str]) -> str:
            if match[1] is not None or match[2] in paging:
                return match[0]
            paging[match[2]] = int(match[3])
            return ""

        self._expression = _PAGING.sub(cut, expression).strip()
        self._limit, self._offset = paging.get("limit"), paging.get("offset")
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


def keys_condition(entities: list[Entity]) -> str:
    """Return the condition that selects these entities of one type."""
    names = entities[0].primary_key_attributes
    if len(names) == 1:
        keys = [quoted(entity.primary_key[0]) for entity in entities]
        return f"{names[0]} is {keys[0]}" if len(keys) == 1 else f"{names[0]} in ({', '.join(keys)})"
    return " or ".join(f"({key_condition(names, entity.primary_key)})" for entity in entities)


def key_condition(names: Iterable[str], key: Iterable[str]) -> str:
    """Return the condition that selects the entity with this key."""
    return " and ".join(f"{name} is {quoted(part)}" for name, part in zip(names, key))


def query_by_key(session: SessionInterface, expression: Expression, path: str, keys: Sequence[str]) -> Iterator[Entity]:
    """Yield the results of the expression whose value at the path is one of the keys, in as few queries as possible."""
    for start in range(0, len(keys), MAX_KEYS_PER_QUERY):
        yield from session.query(expression.where(field(path).is_in(keys[start : start + MAX_KEYS_PER_QUERY])))


class Inheritance:
    """Hierarchical custom attributes, which entities inherit from a project or a shot above them.

    The values that were set are kept by configuration and entity; those of a fetch group are fetched at once.
    """

    def __init__(self, session: SessionInterface) -> None:
        self._session = session
        # symbol.NOT_SET stands for a value that was requested and is not set.
        self._values: dict[tuple[str, str], Any] = {}
        self._hierarchical: frozenset[str] | None = None

    def clear(self) -> None:
        """Discard all values, so that they are fetched again."""
        self._values.clear()
        self._hierarchical = None

    def value(self, owner: Entity, configuration_id: str, own: Any) -> Any:
        """Return the value of the owner or the nearest entity above that has one, or ``own``.

        The server does not resolve inheritance: it returns the attribute's default.
        """
        if self._hierarchical is None:
            configurations = self._session.custom_attribute_configurations()
            self._hierarchical = frozenset(each["id"] for each in configurations if each["is_hierarchical"])
        if configuration_id not in self._hierarchical or "link" not in owner.attributes:
            return own
        lineage = _lineage(owner)
        if any((configuration_id, entity_id) not in self._values for entity_id in lineage):
            self._fetch(configuration_id, [owner, *owner.peers()])
        for entity_id in lineage:
            value = self._values.get((configuration_id, entity_id), symbol.NOT_SET)
            if value is not symbol.NOT_SET:
                return value
        return own

    def _fetch(self, configuration_id: str, owners: Iterable[Entity]) -> None:
        entity_ids = dict.fromkeys(entity_id for owner in owners for entity_id in _lineage(owner))
        expression = find("CustomAttributeValue").select("value", "entity_id")
        expression = expression.where(field("configuration_id") == configuration_id)
        rows = query_by_key(self._session, expression, "entity_id", list(entity_ids))
        found = {(configuration_id, row["entity_id"]): row["value"] for row in rows}
        self._values.update({(configuration_id, entity_id): symbol.NOT_SET for entity_id in entity_ids})
        self._values.update(found)


def _lineage(owner: Entity) -> list[str]:
    return [step["id"] for step in reversed(owner["link"] or [])]
