"""Subscription expressions: which events somebody wants, in the language of ftrack's event hub.

    expression   either ("or" either)*
    either       both ("and" both)*
    both         "not" both | "(" expression ")" | condition
    condition    field ("=" | "!=" | ">=" | "<=" | ">" | "<") value

A field is a dotted path into the event; a value is a bare word or stands in quotes, and is always text. A trailing
``*`` after ``=`` matches every text that begins so. Both ends of the hub read them here.
"""

from __future__ import annotations

import operator
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import attrs

from ft_dcc.errors import ParseError

# A client's text is parsed by recursion on the server, so its depth is bounded.
DEEPEST = 50

_COMPARE: dict[str, Callable[[str, str], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_NOT = re.compile(r"not(?=[\s(])", re.IGNORECASE)
_AND = re.compile(r"and\b", re.IGNORECASE)
_OR = re.compile(r"or\b", re.IGNORECASE)
_OPEN, _CLOSE = re.compile(r"\("), re.compile(r"\)")
_FIELD = re.compile(r"[A-Za-z0-9_.]+")
_OPERATOR = re.compile(r"!=|>=|<=|=|>|<")
_BARE = re.compile(r"[A-Za-z0-9\-_,./*@+]+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"|\'((?:[^\'\\]|\\.)*)\'', re.DOTALL)


class Expression(ABC):
    """What an event is compared with."""

    @abstractmethod
    def match(self, candidate: Mapping[str, Any]) -> bool:
        """Whether the candidate, an event or a subscriber's metadata, is what the expression asks for."""


@attrs.frozen
class Condition(Expression):
    """One field compared with one value.

    A field that the candidate does not have matches nothing, not even ``!=``; one that is not text only ever differs.
    """

    field: str
    operator: str
    value: str
    _path: tuple[str, ...] = attrs.field(init=False, repr=False, eq=False)
    _beginning: str | None = attrs.field(init=False, repr=False, eq=False)

    @_path.default
    def _split(self) -> tuple[str, ...]:
        return tuple(self.field.split("."))

    @_beginning.default
    def _cut(self) -> str | None:
        return self.value[:-1] if self.operator == "=" and self.value.endswith("*") else None

    def __str__(self) -> str:
        bare = _BARE.fullmatch(self.value)
        quoted = self.value.replace('"', r"\"")
        return f"{self.field}{self.operator}{self.value}" if bare else f'{self.field}{self.operator}"{quoted}"'

    def match(self, candidate: Mapping[str, Any]) -> bool:
        """Whether the candidate's field compares with the value as the operator says."""
        found: Any = candidate
        for name in self._path:
            if not isinstance(found, Mapping) or name not in found:
                return False
            found = found[name]
        if not isinstance(found, str):
            return self.operator == "!="
        if self._beginning is not None:
            return found.startswith(self._beginning)
        return _COMPARE[self.operator](found, self.value)


@attrs.frozen
class Not(Expression):
    """The contrary of an expression."""

    expression: Expression

    def __str__(self) -> str:
        return f"not {self.expression}"

    def match(self, candidate: Mapping[str, Any]) -> bool:
        """Whether the candidate does not match the expression."""
        return not self.expression.match(candidate)


@attrs.frozen
class AllOf(Expression):
    """Several expressions that must all match."""

    expressions: tuple[Expression, ...]

    def __str__(self) -> str:
        return f"({' and '.join(map(str, self.expressions))})"

    def match(self, candidate: Mapping[str, Any]) -> bool:
        """Whether the candidate matches all of the expressions."""
        return all(expression.match(candidate) for expression in self.expressions)


@attrs.frozen
class AnyOf(Expression):
    """Several expressions of which one must match."""

    expressions: tuple[Expression, ...]

    def __str__(self) -> str:
        return f"({' or '.join(map(str, self.expressions))})"

    def match(self, candidate: Mapping[str, Any]) -> bool:
        """Whether the candidate matches one of the expressions."""
        return any(expression.match(candidate) for expression in self.expressions)


@lru_cache(maxsize=1024)
def parse(text: str) -> Expression:
    """Return the expression that the text says; raises ParseError with the place where it stops making sense."""
    return _Parser(text).parse()


class _Parser:
    """Reads one text from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._depth = 0

    def parse(self) -> Expression:
        self._skip_space()
        expression = self._either()
        if self._position < len(self._text):
            raise self._lost("'and', 'or' or the end")
        return expression

    def _either(self) -> Expression:
        found = [self._both()]
        while self._take(_OR):
            found.append(self._both())
        return found[0] if len(found) == 1 else AnyOf(tuple(found))

    def _both(self) -> Expression:
        found = [self._single()]
        while self._take(_AND):
            found.append(self._single())
        return found[0] if len(found) == 1 else AllOf(tuple(found))

    def _single(self) -> Expression:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ParseError(f"The subscription is nested more than {DEEPEST} levels deep. Write it flatter.")
        try:
            if self._take(_NOT):
                return Not(self._single())
            if self._take(_OPEN):
                expression = self._either()
                self._need(_CLOSE, "a closing parenthesis")
                return expression
            return self._condition()
        finally:
            self._depth -= 1

    def _condition(self) -> Condition:
        field = self._need(_FIELD, "the name of a field")
        compare = self._need(_OPERATOR, "an operator such as '='")
        if quoted := self._take(_QUOTED):
            # A backslash is kept except before a quote: Windows paths are written here as they are.
            value = re.sub(r"\\([\"'])", r"\1", quoted[1:-1])
        else:
            value = self._need(_BARE, "a value (in quotes when it has blanks)")
        return Condition(field, compare, value)

    def _take(self, pattern: re.Pattern[str]) -> str | None:
        """Return what the pattern finds here, or None; white space after it is passed over."""
        match = pattern.match(self._text, self._position)
        if match is None:
            return None
        self._position = match.end()
        self._skip_space()
        return match[0]

    def _need(self, pattern: re.Pattern[str], what: str) -> str:
        found = self._take(pattern)
        if found is None:
            raise self._lost(what)
        return found

    def _skip_space(self) -> None:
        while self._text[self._position : self._position + 1].isspace():
            self._position += 1

    def _lost(self, wanted: str) -> ParseError:
        if not self._text.strip():
            return ParseError("The subscription is empty. Say what is wanted, for example topic=ftrack.update.")
        place, here = self._position + 1, self._text[self._position : self._position + 20] or "the end"
        return ParseError(f"The subscription makes no sense at character {place} ({here}): wanted {wanted}.")
