"""Query expressions built from parts, with values quoted.

>>> shot = find("Shot").where(field("name") == "sh010", field("project.name").is_in(["a", "b"]))
>>> print(shot.select("name", "status.name").order_by("name").limit(10))
select name, status.name from Shot where name is "sh010" and project.name in ("a", "b") order by name limit 10
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ft_dcc.errors import OperationError
from ft_dcc.session.entities.entity import Entity


def quoted(value: object) -> str:
    r"""Return the value as a quoted text of an expression.

    >>> print(quoted('the "big" one'))
    "the \"big\" one"
    """
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def literal(value: Any) -> str:
    """Return the value as written in an expression; times are in UTC, in whole seconds, as the server stores them."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return str(value)
    if getattr(value, "tzinfo", None) is not None and hasattr(value, "astimezone"):
        value = value.astimezone(datetime.timezone.utc)
    return quoted(value.isoformat()[:19] if hasattr(value, "isoformat") else value)


class Condition(NamedTuple):
    """A condition on an entity; conditions are combined with ``&``, ``|`` and ``~``."""

    text: str
    is_alternative: bool = False

    def __and__(self, other: Condition) -> Condition:
        return Condition(f"{self.grouped} and {other.grouped}")

    def __or__(self, other: Condition) -> Condition:
        return Condition(f"{self.text} or {other.text}", is_alternative=True)

    def __invert__(self) -> Condition:
        return Condition(f"not ({self.text})")

    def __bool__(self) -> bool:
        raise TypeError("Combine conditions with &, | and ~, not with and, or and not.")

    @property
    def grouped(self) -> str:
        """The text as a part of a longer condition."""
        return f"({self.text})" if self.is_alternative else self.text

    def __str__(self) -> str:
        return self.text


def _comparison(operator: str) -> Callable[[Field, Any], Condition]:
    """Return the method of a field that makes the condition with this operator."""

    def compare(self: Field, value: Any) -> Condition:
        if isinstance(value, Entity):
            keys = zip(value.primary_key_attributes, value.primary_key)
            text = " and ".join(f"{self.path}.{name} {operator} {quoted(key)}" for name, key in keys)
            return Condition(text)
        return Condition(f"{self.path} {operator} {literal(value)}")

    return compare


class Field:
    """The path of an attribute of the entity, or of a related entity: ``parent.name``."""

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path = path

    __eq__ = _comparison("is")  # type: ignore[assignment]
    __ne__ = _comparison("is_not")  # type: ignore[assignment]
    __lt__, __le__ = _comparison("<"), _comparison("<=")
    __gt__, __ge__ = _comparison(">"), _comparison(">=")
    __hash__ = None  # type: ignore[assignment]

    def like(self, pattern: str) -> Condition:
        """Return the condition that the text matches a pattern, with % for any text and _ for any character."""
        return Condition(f"{self.path} like {quoted(pattern)}")

    def contains(self, text: str) -> Condition:
        """Return the condition that the value contains the text, without wildcards."""
        return self._matches("%", text)

    def starts_with(self, text: str) -> Condition:
        """Return the condition that the value starts with the text, without wildcards."""
        return self._matches("", text)

    def is_in(self, values: Iterable[Any]) -> Condition:
        """Return the condition that the value is one of these; an empty list matches nothing."""
        return self._within("in", values, f"{self.path} is none and {self.path} is_not none")

    def is_not_in(self, values: Iterable[Any]) -> Condition:
        """Return the condition that the value is not one of these."""
        return self._within("not_in", values, f"{self.path} is none or {self.path} is_not none")

    def any(self, condition: Condition | None = None) -> Condition:
        """Return the condition that one of many related entities exists, and fulfils the given condition."""
        return Condition(f"{self.path} any ({'' if condition is None else condition})")

    def has(self, condition: Condition | None = None) -> Condition:
        """Return the condition that the related entity exists, and fulfils the given condition."""
        return Condition(f"{self.path} has ({'' if condition is None else condition})")

    def _matches(self, before: str, text: str) -> Condition:
        # The server unescapes backslashes twice: in the quoted text, and in the pattern.
        escaped = text.replace("\\", "\\\\\\\\").replace('"', '\\"').replace("%", "\\%").replace("_", "\\_")
        return Condition(f'{self.path} like "{before}{escaped}%"')

    def _within(self, operator: str, values: Iterable[Any], for_none: str) -> Condition:
        listed = list(values)
        if not listed:
            return Condition(for_none, is_alternative=" or " in for_none)
        is_entity = isinstance(listed[0], Entity)
        texts = [quoted(value.primary_key[0]) if isinstance(value, Entity) else literal(value) for value in listed]
        return Condition(f"{self.path}{'.id' if is_entity else ''} {operator} ({', '.join(texts)})")


class Expression(NamedTuple):
    """An immutable query for ``Session.query()``; each method returns an extended copy."""

    entity_type: str
    projections: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()
    order: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()

    def select(self, *projections: str) -> Expression:
        """Return the query with these attributes as additional projections."""
        return self._replace(projections=(*self.projections, *projections))

    def where(self, *conditions: Condition, **values: Any) -> Expression:
        """Return the query with more conditions or ``name=value``; raises OperationError for anything else."""
        for condition in conditions:
            if not isinstance(condition, Condition):
                raise OperationError(f"{condition!r} is not a condition. Write it like field('name') == 'animation'.")
        named = tuple(Field(name) == value for name, value in values.items())
        return self._replace(conditions=(*self.conditions, *conditions, *named))

    def order_by(self, path: str, *, descending: bool = False) -> Expression:
        """Return the query sorted by the path, after earlier sort keys."""
        return self._replace(order=(*self.order, f"{path} descending" if descending else path))

    def offset(self, count: int) -> Expression:
        """Return the query without its first ``count`` results."""
        return self._replace(numbers=(*self.numbers, f"offset {int(count)}"))

    def limit(self, count: int) -> Expression:
        """Return the query with at most ``count`` results."""
        return self._replace(numbers=(*self.numbers, f"limit {int(count)}"))

    def __str__(self) -> str:
        parts = [
            f"select {', '.join(self.projections)} from {self.entity_type}" if self.projections else self.entity_type
        ]
        if self.conditions:
            alone = len(self.conditions) == 1
            parts.append("where " + " and ".join(each.text if alone else each.grouped for each in self.conditions))
        if self.order:
            parts.append("order by " + ", ".join(self.order))
        return " ".join([*parts, *self.numbers])


def find(entity_type: str) -> Expression:
    """Return the query for all entities of a type."""
    return Expression(entity_type)


def field(path: str) -> Field:
    """Return the attribute with that name or path, to compare it with a value."""
    return Field(path)
