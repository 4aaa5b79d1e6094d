"""Subscription expressions of ftrack's event hub: which events a subscriber receives.

    expression   conjunction ("or" conjunction)*
    conjunction  term ("and" term)*
    term         "not" term | "(" expression ")" | condition
    condition    field ("=" | "!=" | ">=" | "<=" | ">" | "<") value

A field is a dotted path into the event; a value is a bare word or stands in quotes, and is always text. A trailing
``*`` after ``=`` matches any ending. Client and server both use this parser.
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

# The server parses clients' texts recursively, so their depth is limited.
MAX_DEPTH = 50

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
    """A condition on an event or on a subscriber's metadata."""

    @abstractmethod
    def match(self, candidate: Mapping[str, Any]) -> bool:
        """Return whether the candidate matches the expression."""


@attrs.frozen
class Condition(Expression):
    """A comparison of one field with one value.

    A missing field matches nothing, not even ``!=``; a value that is not text matches only ``!=``.
    """

    field: str
    operator: str
    value: str

    def __str__(self) -> str:
        bare = _BARE.fullmatch(self.value)
        quoted = self.value.replace('"', r"\"")
        return f"{self.field}{self.operator}{self.value}" if bare else f'{self.field}{self.operator}"{quoted}"'

    def match(self, candidate: Mapping[str, Any]) -> bool:
        """Return whether the comparison with the candidate's field is true."""
        found: Any = candidate
        for name in self.field.split("."):
            if not isinstance(found, Mapping) or name not in found:
                return False
            found = found[name]
        if not isinstance(found, str):
            return self.operator == "!="
        if self.operator == "=" and self.value.endswith("*"):
            return found.startswith(self.value[:-1])
        return _COMPARE[self.operator](found, self.value)


@attrs.frozen
class Not(Expression):
    """The negation of an expression."""

    expression: Expression

    def __str__(self) -> str:
        return f"not {self.expression}"

    def match(self, candidate: Mapping[str, Any]) -> bool:
        """Return whether the candidate does not match the expression."""
        return not self.expression.match(candidate)


@attrs.frozen
class AllOf(Expression):
    """A conjunction of expressions."""

    expressions: tuple[Expression, ...]

    def __str__(self) -> str:
        return f"({' and '.join(map(str, self.expressions))})"

    def match(self, candidate: Mapping[str, Any]) -> bool:
        """Return whether the candidate matches all expressions."""
        return all(expression.match(candidate) for expression in self.expressions)


@attrs.frozen
class AnyOf(Expression):
    """A disjunction of expressions."""

    expressions: tuple[Expression, ...]

    def __str__(self) -> str:
        return f"({' or '.join(map(str, self.expressions))})"

    def match(self, candidate: Mapping[str, Any]) -> bool:
        """Return whether the candidate matches one of the expressions."""
        return any(expression.match(candidate) for expression in self.expressions)


@lru_cache(maxsize=1024)
def parse(text: str) -> Expression:
    """Parse the text; raises ParseError with the position of a syntax error."""
    return _Parser(text).parse()


class _Parser:
    """A recursive descent parser of one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._depth = 0

    def parse(self) -> Expression:
        self._skip_space()
        expression = self._disjunction()
        if self._position < len(self._text):
            raise self._syntax_error("'and', 'or' or the end")
        return expression

    def _disjunction(self) -> Expression:
        found = [self._conjunction()]
        while self._match(_OR):
            found.append(self._conjunction())
        return found[0] if len(found) == 1 else AnyOf(tuple(found))

    def _conjunction(self) -> Expression:
        found = [self._term()]
        while self._match(_AND):
            found.append(self._term())
        return found[0] if len(found) == 1 else AllOf(tuple(found))

    def _term(self) -> Expression:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ParseError(f"The subscription is nested more than {MAX_DEPTH} levels deep. Nest it less.")
        try:
            if self._match(_NOT):
                return Not(self._term())
            if self._match(_OPEN):
                expression = self._disjunction()
                self._expect(_CLOSE, "a closing parenthesis")
                return expression
            return self._condition()
        finally:
            self._depth -= 1

    def _condition(self) -> Condition:
        field = self._expect(_FIELD, "the name of a field")
        compare = self._expect(_OPERATOR, "an operator such as '='")
        if quoted := self._match(_QUOTED):
            # Only a backslash before a quote is an escape, so that Windows paths need none.
            value = re.sub(r"\\([\"'])", r"\1", quoted[1:-1])
        else:
            value = self._expect(_BARE, "a value (in quotes when it has blanks)")
        return Condition(field, compare, value)

    def _match(self, pattern: re.Pattern[str]) -> str | None:
        """Return the match of the pattern at the current position, or None; white space after it is skipped."""
        match = pattern.match(self._text, self._position)
        if match is None:
            return None
        self._position = match.end()
        self._skip_space()
        return match[0]

    def _expect(self, pattern: re.Pattern[str], what: str) -> str:
        found = self._match(pattern)
        if found is None:
            raise self._syntax_error(what)
        return found

    def _skip_space(self) -> None:
        while self._text[self._position : self._position + 1].isspace():
            self._position += 1

    def _syntax_error(self, expected: str) -> ParseError:
        if not self._text.strip():
            return ParseError("The subscription is empty. Write it like topic=ftrack.update.")
        column, found = self._position + 1, self._text[self._position : self._position + 20] or "the end"
        return ParseError(f"The subscription is invalid at character {column} ({found}): expected {expected}.")
